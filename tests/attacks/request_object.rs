//! D and L: request objects (RFC 9101).

use crate::support::crypto::{encode, key, sign};
use crate::support::requests::{Host, Signer, with};
use crate::support::{TestServer, both};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use serde_json::{Value, json};

/// At both places: the client is told, and nothing else happens.
async fn refused(signer: &Signer, objects: &[String]) {
    for object in objects {
        let page = signer.open_beside(object).await;
        assert_eq!(page.expect_refusal("invalid_request_object").get("state"), "outer", "{object}");
        signer.push(object).await.expect(400, "invalid_request_object");
    }
}

async fn refused_claims(signer: &Signer, all: Vec<Value>) {
    let objects: Vec<String> = all.iter().map(|claims| signer.sign(claims)).collect();
    refused(signer, &objects).await;
}

/// A token with this header over these claims, signed by a key.
fn with_header(key: &SigningKey, header: &str, claims: &Value) -> String {
    let signed = sign(key, Typ::RequestObject, claims);
    let rest = signed.split_once('.').map(|(_, rest)| rest).unwrap_or_default();
    format!("{}.{rest}", encode(header))
}

both! {
    async fn ja_01_jw_01_an_object_without_a_signature_is_none(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let claims = signer.claims(&[]).to_string();
        let public = signer.key.public_jwk().to_string();
        let hs = SigningKey::from_secret(SigningAlgorithm::HS256, public.as_bytes()).expect("a key");
        let mut objects = vec![sign(&hs, Typ::RequestObject, &signer.claims(&[]))];
        for alg in [r#""none""#, r#""None""#, r#""nOnE""#, r#""""#, "1", "[\"ES256\"]", "null"] {
            for signature in ["", "AAAA"] {
                let header = encode(&format!(r#"{{"alg":{alg}}}"#));
                objects.push(format!("{header}.{}.{signature}", encode(&claims)));
            }
        }
        refused(&signer, &objects).await;
    }

    async fn ja_02_only_a_registered_key_of_the_client_verifies(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let other = Signer::register(&server, |_| {}).await;
        let attacker = key(SigningAlgorithm::ES256);
        let host = Host::start();
        let claims = signer.claims(&[]);
        let jwk = attacker.public_jwk().to_string();
        let (kid, url) = (signer.key.kid(), &host.url);
        let objects = [
            sign(&other.key, Typ::RequestObject, &claims),
            sign(&attacker, Typ::RequestObject, &claims),
            with_header(&attacker, &format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#), &claims),
            with_header(&attacker, &format!(r#"{{"alg":"ES256","jwk":{jwk}}}"#), &claims),
            with_header(&attacker, &format!(r#"{{"alg":"ES256","jku":"{url}"}}"#), &claims),
            with_header(&attacker, &format!(r#"{{"alg":"ES256","x5u":"{url}"}}"#), &claims),
            with_header(&attacker, r#"{"alg":"ES256","x5c":["AAAA"]}"#, &claims),
            with_header(&signer.key, r#"{"alg":"ES256","crit":["exp"]}"#, &claims),
        ];
        refused(&signer, &objects).await;
        assert_eq!(host.asked(), 0);
    }

    async fn ja_02_a_key_of_ours_is_not_one_of_the_client(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let keys = server.provider.keys.current();
        let ours = keys.signing(SigningAlgorithm::ES256).expect("a key");
        refused(&signer, &[sign(ours, Typ::RequestObject, &signer.claims(&[]))]).await;
    }

    async fn ja_03_an_object_is_of_one_client_for_this_server(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let other = Signer::register(&server, |_| {}).await;
        let good = signer.claims(&[]);
        let issuer = server.issuer();
        refused_claims(&signer, vec![
            with(&good, "client_id", json!(other.app.id)),
            with(&good, "client_id", json!(1)),
            with(&good, "iss", json!(other.app.id)),
            with(&good, "iss", json!(issuer)),
            with(&good, "aud", Value::Null),
            with(&good, "aud", json!([])),
            with(&good, "aud", json!("https://other.example")),
            with(&good, "aud", json!(["https://other.example"])),
            with(&good, "aud", json!(format!("{issuer}/"))),
            with(&good, "aud", json!(issuer.to_uppercase())),
            with(&good, "aud", json!({ "a": issuer })),
        ])
        .await;
    }

    async fn ja_04_jw_07_the_times_of_an_object_are_checked(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let (good, now) = (signer.claims(&[]), server.provider.now().as_unix());
        let mut all = vec![
            with(&good, "exp", json!(now - 300)),
            with(&good, "nbf", json!(now + 61)),
            with(&good, "iat", json!(now + 61)),
        ];
        for value in [
            json!(1e300), json!(1e19), json!(18_446_744_073_709_551_615_u64),
            json!(9_223_372_036_854_775_807_i64), json!(253_402_300_800_i64),
            json!(1_763_765_000_000_i64), json!(-1), json!(1.5), json!("123"), json!(true), json!([]),
        ] {
            for name in ["exp", "nbf", "iat"] {
                all.push(with(&good, name, value.clone()));
            }
        }
        refused_claims(&signer, all).await;
    }

    async fn ja_05_an_object_holds_no_other(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let good = signer.claims(&[]);
        let inner = signer.object(&[]);
        refused_claims(&signer, vec![
            with(&good, "request", json!(inner)),
            with(&good, "request_uri", json!("https://app.example/r")),
            with(&good, "request_uri", json!("urn:ietf:params:oauth:request_uri:x")),
            with(&good, "request", json!("")),
        ])
        .await;
    }

    async fn ja_06_a_request_uri_calls_nobody(server: TestServer) {
        let host = Host::start();
        let signer = Signer::register(&server, |_| {}).await;
        for uri in [
            "http://169.254.169.254/latest", "http://localhost:6379/", "file:///etc/passwd",
            "gopher://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "http://2130706433/", &host.url,
        ] {
            let page = signer.app.authorize(&[("request_uri", uri)]).await;
            page.expect_refusal("request_uri_not_supported");
        }
        assert_eq!(host.asked(), 0);
    }

    async fn ja_09_jw_09_another_kind_of_token_is_no_request(server: TestServer) {
        server.user("ada").await;
        let signer = Signer::register(&server, |_| {}).await;
        let claims = signer.claims(&[]);
        let kinds = [
            Typ::AccessToken, Typ::DpopProof, Typ::LogoutToken, Typ::Introspection, Typ::Revocations,
        ];
        let mut objects: Vec<String> =
            kinds.into_iter().map(|typ| sign(&signer.key, typ, &claims)).collect();
        let assertion = with(&claims, "sub", json!(signer.app.id));
        objects.push(sign(&signer.key, Typ::ClientAssertion, &assertion));
        objects.push(signer.app.tokens("ada", "openid").await.id_token);
        refused(&signer.clone(), &objects).await;
    }

    async fn jw_02_jw_05_jw_06_an_object_has_one_spelling(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let good = signer.object(&[]);
        let claims = signer.claims(&[]).to_string();
        let twice = claims.replacen('{', r#"{"state":"a","#, 1);
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        let raw = |payload: &str| {
            let header = r#"{"alg":"ES256"}"#;
            format!("{}.{}.{}", encode(header), encode(payload), "A".repeat(86))
        };
        let objects = [
            format!("{good}="),
            format!("{good}.."),
            format!("{good} x"),
            good.replacen('.', "..", 1),
            raw(&twice),
            raw(&deep),
            raw("[]"),
            raw("not json"),
            raw(&format!(r#"{{"a":"{}"}}"#, "x".repeat(17_000))),
            ".".repeat(40),
            "....".into(),
        ];
        for object in &objects {
            signer.push(object).await.expect(400, "invalid_request_object");
        }
        let signature = BASE64_URL_SAFE_NO_PAD.encode([0; 64]);
        let zero = format!("{}.{signature}", good.rsplit_once('.').map(|(a, _)| a).unwrap_or(""));
        refused(&signer, &[zero]).await;
    }

    async fn jw_02_a_good_object_with_one_bit_changed_is_refused(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let good = signer.object(&[]);
        let parts: Vec<&str> = good.split('.').collect();
        let other: Vec<String> =
            signer.object(&[("state", "x")]).split('.').map(str::to_owned).collect();
        let objects = [
            format!("{}.{}.{}", parts[0], other[1], parts[2]),
            format!("{}.{}.{}", parts[0], parts[1], other[2]),
        ];
        refused(&signer, &objects).await;
    }
}
