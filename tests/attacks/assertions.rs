//! F and L: signed assertions as client authentication (RFC 7523).

use crate::support::crypto::{encode, jwks, key, sign, unsigned};
use crate::support::test_server::system;
use crate::support::{Reply, TestServer, WebApp, both};
use countersign::domain::clients::management;
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use countersign::protocol::client::{AuthMethod, GrantType};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn service(server: &TestServer, keys: &[&SigningKey], alg: Option<&str>) -> WebApp {
    let jwks = jwks(keys);
    let alg = alg.map(str::to_owned);
    WebApp::register_as(server, |draft| {
        draft.metadata.grant_types = vec![GrantType::ClientCredentials];
        draft.metadata.redirect_uris.clear();
        draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        draft.metadata.token_endpoint_auth_signing_alg = alg;
        draft.metadata.jwks = Some(jwks);
    })
    .await
}

fn good(server: &TestServer, app: &WebApp, jti: &str) -> Value {
    let now = server.provider.now().as_unix();
    json!({
        "iss": app.id, "sub": app.id, "aud": server.issuer(), "jti": jti,
        "iat": now, "exp": now + 60,
    })
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => {
            claims.as_object_mut().expect("an object").remove(name);
        }
        value => claims[name] = value,
    }
    claims
}

async fn present(app: &WebApp, assertion: &str, more: &[(&str, &str)]) -> Reply {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion", assertion),
        ("client_assertion_type", ASSERTION_TYPE),
    ];
    form.extend_from_slice(more);
    app.token(&form).await
}

/// Signs each set of claims; none may be taken. The counter of failures is left behind each time.
async fn refuses(server: &TestServer, app: &WebApp, key: &SigningKey, all: Vec<Value>) {
    for claims in all {
        let reply = present(app, &sign(key, Typ::ClientAssertion, &claims), &[]).await;
        assert_eq!(
            (reply.status, &reply.json["error"]),
            (401, &json!("invalid_client")),
            "{claims}"
        );
    }
    server.clock.advance_seconds(61);
}

both! {
    async fn ca_07_jw_01_an_assertion_needs_a_signature_of_the_registered_kind(server: TestServer) {
        let (es, rs) = (key(SigningAlgorithm::ES256), key(SigningAlgorithm::RS256));
        let app = service(&server, &[&es, &rs], Some("ES256")).await;
        let claims = good(&server, &app, "1");
        let text = claims.to_string();
        let public = es.public_jwk().to_string();
        let hs = SigningKey::from_secret(SigningAlgorithm::HS256, public.as_bytes()).expect("a key");
        let mut tokens = vec![sign(&rs, Typ::ClientAssertion, &claims)];
        tokens.push(sign(&hs, Typ::ClientAssertion, &claims));
        for alg in [r#""none""#, r#""None""#, r#""NONE""#, r#""""#, "1", "[\"ES256\"]", "null"] {
            for signature in ["", "AAAA"] {
                tokens.push(unsigned(&format!(r#"{{"alg":{alg}}}"#), &text, signature));
            }
        }
        tokens.push(unsigned("{}", &text, "AAAA"));
        for token in tokens.chunks(18).next().unwrap_or_default() {
            present(&app, token, &[]).await.expect(401, "invalid_client");
        }
        server.clock.advance_seconds(61);
        present(&app, &sign(&es, Typ::ClientAssertion, &good(&server, &app, "2")), &[])
            .await
            .expect_tokens();
    }

    async fn ca_08_an_assertion_is_about_the_client_itself(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let claims = good(&server, &app, "1");
        refuses(&server, &app, &key, vec![
            with(&claims, "iss", json!("another")),
            with(&claims, "sub", json!("another")),
            with(&claims, "sub", Value::Null),
            with(&claims, "iss", Value::Null),
            with(&claims, "iss", json!([app.id])),
        ])
        .await;
    }

    async fn ca_09_jw_08_jw_17_an_assertion_is_for_this_server_alone(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let claims = good(&server, &app, "1");
        let issuer = server.issuer();
        refuses(&server, &app, &key, vec![
            with(&claims, "aud", Value::Null),
            with(&claims, "aud", json!([])),
            with(&claims, "aud", json!(1)),
            with(&claims, "aud", json!("https://other.example")),
            with(&claims, "aud", json!([issuer, "https://other.example"])),
            with(&claims, "aud", json!(format!("{issuer}/"))),
            with(&claims, "aud", json!(format!("{issuer}/par"))),
            with(&claims, "aud", json!(issuer.to_uppercase())),
        ])
        .await;
    }

    async fn ca_10_jw_07_times_that_are_none_are_refused_without_harm(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let now = server.provider.now().as_unix();
        let claims = good(&server, &app, "1");
        let odd: Vec<Value> = [
            "1e300", "1e19", "18446744073709551615", "9223372036854775807", "1e15",
            "1763765000000", "-1", "1.5", "\"123\"", "true", "[]", "9007199254740993",
        ]
        .iter()
        .map(|text| serde_json::from_str(text).expect("JSON"))
        .collect();
        for name in ["exp", "iat", "nbf"] {
            let all = odd.iter().map(|value| with(&claims, name, value.clone())).collect();
            refuses(&server, &app, &key, all).await;
        }
        let claims = good(&server, &app, "2");
        refuses(&server, &app, &key, vec![
            with(&claims, "exp", Value::Null),
            with(&claims, "exp", json!(now - 100)),
            with(&claims, "exp", json!(now + 7300)),
            with(&claims, "iat", json!(now - 7200)),
            with(&claims, "nbf", json!(now + 400)),
        ])
        .await;
        let claims = good(&server, &app, "3");
        present(&app, &sign(&key, Typ::ClientAssertion, &claims), &[]).await.expect_tokens();
    }

    async fn t_04_ca_10_an_assertion_is_taken_from_a_clock_that_is_a_minute_off(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let now = server.provider.now().as_unix();
        for (off, taken) in [(-60, true), (60, true), (61, false), (3600, false), (-3600, false)] {
            let claims = good(&server, &app, &off.to_string());
            let claims = with(&claims, "iat", json!(now + off));
            let claims = with(&claims, "exp", json!(now + off + 60));
            let reply = present(&app, &sign(&key, Typ::ClientAssertion, &claims), &[]).await;
            match taken {
                true => drop(reply.expect_tokens()),
                false => reply.expect(401, "invalid_client"),
            }
        }
    }

    async fn c_04_ca_11_of_two_hundred_replays_one_is_taken(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let once = sign(&key, Typ::ClientAssertion, &good(&server, &app, "1"));
        let tasks = (0..200).map(|_| {
            let (app, once) = (app.clone(), once.clone());
            async move { present(&app, &once, &[]).await.status }
        });
        let statuses = tasks.collect::<JoinSet<_>>().join_all().await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 401 | 429)), "{statuses:?}");
    }

    async fn ca_11_a_jti_is_remembered_until_the_assertion_is_dead(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let once = sign(&key, Typ::ClientAssertion, &good(&server, &app, "1"));
        present(&app, &once, &[]).await.expect_tokens();
        for _ in 0..5 {
            server.clock.advance_seconds(25);
            present(&app, &once, &[]).await.expect(401, "invalid_client");
        }
    }

    async fn ca_12_an_assertion_has_a_jti_of_moderate_length(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let claims = good(&server, &app, "1");
        refuses(&server, &app, &key, vec![
            with(&claims, "jti", Value::Null),
            with(&claims, "jti", json!("")),
            with(&claims, "jti", json!("x".repeat(257))),
            with(&claims, "jti", json!(1)),
        ])
        .await;
    }

    async fn ca_13_an_assertion_is_of_the_client_that_is_named(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let other = service(&server, &[&key], None).await;
        let claims = good(&server, &app, "1");
        let own = sign(&key, Typ::ClientAssertion, &claims);
        present(&app, &own, &[("client_id", &other.id)]).await.expect(401, "invalid_client");
        present(&app, &own, &[("client_id", &app.id)]).await.expect_tokens();
    }

    async fn ca_14_a_kid_is_only_a_name(server: TestServer) {
        let (own, foreign) = (key(SigningAlgorithm::ES256), key(SigningAlgorithm::ES256));
        let app = service(&server, &[&own], None).await;
        let claims = good(&server, &app, "1");
        let foreign = sign(&foreign, Typ::ClientAssertion, &claims);
        present(&app, &foreign, &[]).await.expect(401, "invalid_client");
        let payload = claims.to_string();
        for kid in ["../../key", "' OR 1=1 --", "", "\\u0000"] {
            let header = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{kid}"}}"#);
            let token = unsigned(&header, &payload, &"A".repeat(86));
            present(&app, &token, &[]).await.expect(401, "invalid_client");
        }
    }

    async fn ca_16_a_weak_or_private_key_is_not_registered(server: TestServer) {
        let own = key(SigningAlgorithm::ES256);
        let mut private = own.public_jwk();
        private["d"] = json!("AAAA");
        let mut off_curve = own.public_jwk();
        off_curve["y"] = off_curve["x"].clone();
        let rsa = key(SigningAlgorithm::RS256).public_jwk();
        let mut one = rsa.clone();
        one["e"] = json!("AQ");
        let mut small = rsa.clone();
        small["n"] = json!(encode(&"x".repeat(128)));
        let shared = json!({"kty": "oct", "k": "AAAA"});
        let many: Vec<Value> = (0..30).map(|_| rsa.clone()).collect();
        let sets = [private, off_curve, one, small, shared].map(|key| vec![key]);
        for keys in sets.into_iter().chain([many]) {
            let mut draft = crate::support::web_app::draft();
            draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            draft.metadata.jwks = Some(json!({ "keys": keys }));
            let made = management::create(&server.provider.ground(), draft, system()).await;
            assert!(made.is_err(), "{keys:?}");
        }
    }

    async fn ca_17_an_assertion_has_the_type_of_a_jwt(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let own = sign(&key, Typ::ClientAssertion, &good(&server, &app, "1"));
        let form = [("grant_type", "client_credentials"), ("client_assertion", &*own)];
        app.token(&form).await.expect(400, "invalid_request");
        let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
        let form = [form[0], form[1], ("client_assertion_type", saml)];
        app.token(&form).await.expect(401, "invalid_client");
    }

    async fn jw_02_jw_03_jw_05_jw_06_what_parsers_disagree_about_is_refused(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let own = sign(&key, Typ::ClientAssertion, &good(&server, &app, "1"));
        let (head, rest) = own.split_once('.').expect("a token");
        let payload = rest.split('.').next().expect("a payload");
        let header = |text: &str| format!("{}.{rest}", encode(text));
        let nested = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let tokens = [
            header(r#"{"alg":"none","alg":"ES256"}"#),
            header(r#"{"alg":"ES256","crit":["x"],"x":1}"#),
            header(r#"{"alg":"ES256","crit":[]}"#),
            header(r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#),
            header(r#"{"alg":"ES256"} "#),
            header(&format!(r#"{{"alg":"ES256","x":{nested}}}"#)),
            format!("{own}="),
            format!("{own}\n"),
            format!(" {own}"),
            own.replace('.', ".."),
            ".".repeat(10_000),
            format!("{head}.{payload}.{}", "x".repeat(20_000)),
            format!("{head}.{payload}.{}", "A".repeat(86)),
            format!("{head}.{payload}."),
            String::new(),
        ];
        for token in tokens {
            let reply = present(&app, &token, &[]).await;
            assert!(matches!(reply.status, 400 | 401), "{token}: {}", reply.text);
            assert_ne!(reply.json["error"], "server_error");
        }
        present(&app, &own, &[]).await.expect_tokens();
    }

    async fn jw_09_a_token_for_another_purpose_is_no_assertion(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = service(&server, &[&key], None).await;
        let claims = good(&server, &app, "1");
        for typ in [Typ::AccessToken, Typ::LogoutToken, Typ::RequestObject, Typ::Introspection] {
            present(&app, &sign(&key, typ, &claims), &[]).await.expect(401, "invalid_client");
        }
        let proof = key.sign_dpop_proof(&claims).expect("signed");
        present(&app, &proof, &[]).await.expect(401, "invalid_client");
    }
}
