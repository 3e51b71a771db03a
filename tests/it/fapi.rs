//! The FAPI 2.0 Security Profile, and Message Signing with it.

use crate::support::crypto::{claims, header, key, sign};
use crate::support::dpop::Prover;
use crate::support::fapi::Fapi;
use crate::support::requests::{open, reference, with};
use crate::support::test_server::system;
use crate::support::{Code, Reply, TestServer, VERIFIER, both};
use countersign::domain::clients::management::{self, ClientDraft, ClientError};
use countersign::jose::{SigningAlgorithm, Typ};
use countersign::protocol::client::{AuthMethod, Profile};
use serde_json::{Value, json};

const OFFLINE: &str = "openid offline_access";

/// A client that signs its requests as well.
async fn signing(server: &TestServer) -> Fapi {
    let profile = Profile::Fapi2MessageSigning;
    Fapi::register_as(server, SigningAlgorithm::PS256, profile, |_| {}).await
}

/// The claims of a good request object.
fn request(server: &TestServer, fapi: &Fapi, extra: &[(&str, &str)]) -> Value {
    let now = server.provider.now().as_unix();
    let mut claims = json!({
        "iss": fapi.app.id, "aud": server.issuer(), "nbf": now, "exp": now + 300,
    });
    for (name, value) in crate::support::requests::parameters(&fapi.app, extra) {
        claims[name] = value.into();
    }
    claims
}

async fn push_signed(server: &TestServer, fapi: &Fapi, claims: &Value) -> Reply {
    let object = sign(&fapi.key, Typ::RequestObject, claims);
    fapi.push_form(server, &[("request", &object)]).await
}

both! {
    async fn s2_the_metadata_has_what_the_profile_needs(server: TestServer) {
        let fapi = Fapi::register(&server).await;
        let document = fapi.app.metadata().await;
        for (member, value) in [
            ("response_types_supported", "code"),
            ("code_challenge_methods_supported", "S256"),
            ("grant_types_supported", "authorization_code"),
            ("token_endpoint_auth_methods_supported", "private_key_jwt"),
            ("token_endpoint_auth_signing_alg_values_supported", "PS256"),
            ("id_token_signing_alg_values_supported", "ES256"),
            ("dpop_signing_alg_values_supported", "EdDSA"),
            ("scopes_supported", "openid"),
            ("subject_types_supported", "public"),
        ] {
            let list = document[member].as_array().unwrap_or_else(|| panic!("{member}"));
            assert!(list.contains(&json!(value)), "{member}");
        }
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["pushed_authorization_request_endpoint"], server.url("/par"));
        assert!(document["require_pushed_authorization_requests"].is_boolean());
    }

    async fn s3_every_signature_is_of_an_algorithm_of_the_profile(server: TestServer) {
        server.user("ada").await;
        for algorithm in [SigningAlgorithm::PS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA] {
            let fapi = Fapi::register_as(&server, algorithm, Profile::Fapi2, |_| {}).await;
            let code = fapi.code(&server, "openid").await;
            let tokens = fapi.redeem(&server, &code).await.expect_dpop();
            assert_eq!(header(&tokens.id_token)["alg"], "PS256");
            assert_eq!(header(&tokens.access_token)["alg"], "ES256");
        }
        let weak = Fapi::register_as(&server, SigningAlgorithm::RS256, Profile::Fapi2, |_| {}).await;
        weak.push(&server, &[]).await.expect(401, "invalid_client");
    }

    async fn s5_ec_06_a_request_that_was_not_pushed_is_refused(server: TestServer) {
        let fapi = Fapi::register(&server).await;
        fapi.app.authorize(&[]).await.expect_refusal("invalid_request");
    }

    async fn s7_the_audience_of_an_assertion_is_the_issuer_alone(server: TestServer) {
        let fapi = Fapi::register(&server).await;
        let (good, issuer) = (fapi.claims(&server), server.issuer());
        let form = [("response_type", "code")];
        for aud in [
            json!([issuer]),
            json!(format!("{issuer}/par")),
            json!(format!("{issuer}/token")),
            json!([issuer, "https://other.example"]),
            json!(format!("{issuer}/")),
            Value::Null,
        ] {
            for path in ["/par", "/token"] {
                let claims = with(&with(&good, "aud", aud.clone()), "jti", json!("x"));
                let reply = fapi.call_as((path, &claims), &form, &[]).await;
                reply.expect(401, "invalid_client");
            }
        }
    }

    async fn s7_a_clock_may_be_eight_seconds_ahead_and_not_a_minute(server: TestServer) {
        let fapi = Fapi::register(&server).await;
        let now = server.provider.now().as_unix();
        for (name, ahead, is_taken) in
            [("nbf", 8, true), ("iat", 8, true), ("nbf", 61, false), ("iat", 61, false)]
        {
            let claims = with(&fapi.claims(&server), name, json!(now + ahead));
            let reply = fapi.call_as(("/par", &claims), &[("a", "b")], &[]).await;
            assert_eq!(reply.json["error"] == "invalid_client", !is_taken, "{name} {ahead}");
        }
    }

    async fn s8_s9_s10_a_push_is_checked_whole(server: TestServer) {
        let fapi = Fapi::register(&server).await;
        for (name, value, error) in [
            ("redirect_uri", "", "invalid_request"),
            ("redirect_uri", "https://evil.example/cb", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "code id_token", "unsupported_response_type"),
            ("code_challenge", "", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
        ] {
            fapi.push(&server, &[(name, value)]).await.expect(400, error);
        }
    }

    async fn s10_pkce_is_needed_whatever_else_the_client_registered(server: TestServer) {
        let profile = Profile::Fapi2;
        let lax = |draft: &mut ClientDraft| draft.policy.require_pkce = false;
        let fapi = Fapi::register_as(&server, SigningAlgorithm::ES256, profile, lax).await;
        fapi.push(&server, &[("code_challenge", "")]).await.expect(400, "invalid_request");
        server.user("ada").await;
        let mut code = fapi.code(&server, "openid").await;
        code.verifier = "another-verifier-0123456789-0123456789-0123456789".into();
        fapi.redeem(&server, &code).await.expect(400, "invalid_grant");
    }

    async fn s11_an_answer_has_code_state_and_issuer(server: TestServer) {
        server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let (state, nonce) = ("s".repeat(1000), "n".repeat(384));
        let answer = fapi.pass(&server, &[("state", &state), ("nonce", &nonce)]).await;
        let names: Vec<&str> = answer.params.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["code", "state", "iss"]);
        assert_eq!(answer.get("state"), state);
        let code = Code { value: answer.get("code").into(), verifier: VERIFIER.into() };
        let tokens = fapi.redeem(&server, &code).await.expect_dpop();
        assert_eq!(claims(&tokens.id_token)["nonce"], nonce);
        let bare = fapi.pass(&server, &[("state", "")]).await;
        assert_eq!(bare.params.len(), 2, "{bare:?}");
    }

    async fn s12_a_code_is_good_for_a_minute_and_once(server: TestServer) {
        server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let late = fapi.code(&server, "openid").await;
        server.clock.advance_seconds(62);
        fapi.redeem(&server, &late).await.expect(400, "invalid_grant");
        let code = fapi.code(&server, "openid").await;
        let tokens = fapi.redeem(&server, &code).await.expect_dpop();
        server.clock.advance_seconds(1);
        fapi.redeem(&server, &code).await.expect(400, "invalid_grant");
        let proof = fapi.prover.for_userinfo(&server, &tokens.access_token);
        let authorization = format!("DPoP {}", tokens.access_token);
        assert_eq!(fapi.app.userinfo_with(&authorization, &[&proof]).await.status, 401);
    }

    async fn s12_ec_04_a_code_is_of_no_use_to_another_client(server: TestServer) {
        server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let other = Fapi::register(&server).await;
        let code = fapi.code(&server, "openid").await;
        other.redeem(&server, &code).await.expect(400, "invalid_grant");
        // The name of one client with the key of another.
        let mixed = Fapi { key: other.key.clone(), ..fapi.clone() };
        mixed.redeem(&server, &code).await.expect(401, "invalid_client");
        fapi.redeem(&server, &code).await.expect_dpop();
    }

    async fn s13_an_assertion_is_whole_and_fresh(server: TestServer) {
        let fapi = Fapi::register(&server).await;
        let (good, now) = (fapi.claims(&server), server.provider.now().as_unix());
        let none = fapi.app.call("/par", &[("client_id", &fapi.app.id)]).await;
        none.expect(401, "invalid_client");
        for bad in [
            with(&good, "exp", json!(now - 300)),
            with(&good, "exp", Value::Null),
            with(&good, "sub", Value::Null),
            with(&good, "iss", Value::Null),
            with(&good, "aud", json!("https://other.example")),
            with(&good, "jti", Value::Null),
        ] {
            fapi.call_as(("/par", &bad), &[("a", "b")], &[]).await.expect(401, "invalid_client");
        }
    }

    async fn s14_ec_06_a_token_is_bound_to_a_key(server: TestServer) {
        server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let code = fapi.code(&server, "openid").await;
        let form = fapi.redemption(&code);
        let reply = fapi.call_as(("/token", &fapi.claims(&server)), &form, &[]).await;
        reply.expect(400, "invalid_request");
        let tokens = fapi.redeem(&server, &code).await.expect_dpop();
        assert_eq!(claims(&tokens.access_token)["cnf"]["jkt"], fapi.prover.jkt());
    }

    async fn s15_ec_07_a_refresh_token_stays_as_it_is(server: TestServer) {
        server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let code = fapi.code(&server, OFFLINE).await;
        let first = fapi.redeem(&server, &code).await.expect_dpop().refresh_token;
        let form = [("grant_type", "refresh_token"), ("refresh_token", &*first)];
        for _ in 0..3 {
            server.clock.advance_seconds(3600);
            let tokens = fapi.token(&server, &form).await.expect_dpop();
            assert_eq!(tokens.refresh_token, first);
        }
        let other = Fapi::register(&server).await;
        other.token(&server, &form).await.expect(400, "invalid_grant");
        fapi.app.call("/token", &form).await.expect(401, "invalid_client");
        let without = fapi.call_as(("/token", &fapi.claims(&server)), &form, &[]).await;
        without.expect(400, "invalid_request");
        let fresh_key = Fapi { prover: Prover::new(), ..fapi.clone() };
        let tokens = fresh_key.token(&server, &form).await.expect_dpop();
        assert_eq!(claims(&tokens.access_token)["cnf"]["jkt"], fresh_key.prover.jkt());
        // It lives on as long as it is used.
        for _ in 0..3 {
            server.clock.advance_seconds(29 * 86_400);
            fapi.token(&server, &form).await.expect_dpop();
        }
        server.clock.advance_seconds(31 * 86_400);
        fapi.token(&server, &form).await.expect(400, "invalid_grant");
    }

    async fn s15_what_is_revoked_is_not_kept(server: TestServer) {
        let ada = server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let code = fapi.code(&server, OFFLINE).await;
        let token = fapi.redeem(&server, &code).await.expect_dpop().refresh_token;
        server.block(&ada).await;
        let form = [("grant_type", "refresh_token"), ("refresh_token", &*token)];
        fapi.token(&server, &form).await.expect(400, "invalid_grant");
    }

    async fn s16_without_openid_there_is_no_id_token(server: TestServer) {
        server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let code = fapi.code(&server, "orders:read").await;
        assert_eq!(fapi.redeem(&server, &code).await.expect_dpop().id_token, "");
    }

    async fn s17_ec_05_a_token_is_of_no_use_with_another_key(server: TestServer) {
        server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let code = fapi.code(&server, "openid").await;
        let token = fapi.redeem(&server, &code).await.expect_dpop().access_token;
        let proof = Prover::new().for_userinfo(&server, &token);
        let reply = fapi.app.userinfo_with(&format!("DPoP {token}"), &[&proof]).await;
        assert_eq!(reply.status, 401);
    }

    async fn s18_a_resource_answers_as_the_profile_has_it(server: TestServer) {
        server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let code = fapi.code(&server, "openid").await;
        let token = fapi.redeem(&server, &code).await.expect_dpop().access_token;
        let ask = |scheme: &str, accept: &str, id: &str| {
            let proof = fapi.prover.for_userinfo(&server, &token);
            let request = fapi.app.http.get(server.url("/userinfo"));
            let request = request.header("authorization", format!("{scheme} {token}"));
            request.header("dpop", proof).header("accept", accept).header("x-fapi-interaction-id", id)
        };
        let id = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a";
        for scheme in ["DPoP", "dpop", "DPOP"] {
            for accept in ["application/json", "application/json;charset=utf-8", "*/*"] {
                let reply = ask(scheme, accept, id).send().await.expect("an answer");
                let reply = Reply::read(reply).await;
                assert_eq!(reply.status, 200, "{}", reply.text);
                assert_eq!(reply.header("x-fapi-interaction-id"), id);
                assert!(!reply.header("date").is_empty());
            }
        }
        let long = "x".repeat(65);
        let reply = ask("DPoP", "*/*", &long).send().await.expect("an answer");
        assert_eq!(Reply::read(reply).await.header("x-fapi-interaction-id"), "");
        let query = fapi.app.http.get(server.url(&format!("/userinfo?access_token={token}")));
        assert_eq!(query.send().await.expect("an answer").status(), 401);
    }

    async fn x1_x2_a_signed_request_is_pushed_and_answered(server: TestServer) {
        server.user("ada").await;
        let fapi = signing(&server).await;
        let pushed = push_signed(&server, &fapi, &request(&server, &fapi, &[])).await;
        let answer = fapi.finish(&reference(&pushed)).await;
        let code = Code { value: answer.get("code").into(), verifier: VERIFIER.into() };
        fapi.redeem(&server, &code).await.expect_dpop();
    }

    async fn x1_an_unsigned_or_badly_signed_request_is_refused(server: TestServer) {
        let fapi = signing(&server).await;
        fapi.push(&server, &[]).await.expect(400, "invalid_request");
        let claims = request(&server, &fapi, &[]);
        let foreign = key(SigningAlgorithm::PS256);
        let weak = key(SigningAlgorithm::RS256);
        let good = sign(&fapi.key, Typ::RequestObject, &claims);
        let unsigned = format!("{}.", good.rsplit_once('.').map(|(a, _)| a).unwrap_or_default());
        for object in [
            sign(&foreign, Typ::RequestObject, &claims),
            sign(&weak, Typ::RequestObject, &claims),
            unsigned,
        ] {
            let reply = fapi.push_form(&server, &[("request", &object)]).await;
            reply.expect(400, "invalid_request_object");
        }
        let parameters = [("client_id", &*fapi.app.id), ("request", &good)];
        let page = fapi.app.agent.open(&crate::support::requests::address(&parameters)).await;
        page.expect_refusal("invalid_request");
    }

    async fn x1_a_request_signed_by_rs256_is_refused(server: TestServer) {
        let both_keys = key(SigningAlgorithm::RS256);
        let jwk = both_keys.public_jwk();
        let profile = Profile::Fapi2MessageSigning;
        let fapi = Fapi::register_as(&server, SigningAlgorithm::ES256, profile, |draft| {
            let set = draft.metadata.jwks.as_mut().expect("keys");
            set["keys"].as_array_mut().expect("keys").push(jwk);
        })
        .await;
        let object = sign(&both_keys, Typ::RequestObject, &request(&server, &fapi, &[]));
        let reply = fapi.push_form(&server, &[("request", &object)]).await;
        reply.expect(400, "invalid_request_object");
    }

    async fn x2_ja_04_what_an_object_says_of_itself_is_checked(server: TestServer) {
        let fapi = signing(&server).await;
        let (good, now) = (request(&server, &fapi, &[]), server.provider.now().as_unix());
        let issuer = server.issuer();
        for claims in [
            with(&good, "aud", json!([issuer, "https://other.example"])),
            with(&good, "nbf", json!(now + 8)),
            with(&with(&good, "nbf", json!(now - 3000)), "exp", json!(now + 500)),
            with(&good, "exp", json!(now + 3600)),
        ] {
            assert_eq!(push_signed(&server, &fapi, &claims).await.status, 201, "{claims}");
        }
        for claims in [
            with(&good, "aud", json!("https://other.example")),
            with(&good, "aud", Value::Null),
            with(&good, "iss", Value::Null),
            with(&good, "exp", Value::Null),
            with(&good, "nbf", Value::Null),
            with(&good, "exp", json!(now - 11)),
            with(&good, "exp", json!(now + 3601)),
            with(&good, "nbf", json!(now + 11)),
            with(&with(&good, "nbf", json!(now - 3601)), "exp", json!(now + 60)),
            with(&good, "request_uri", json!("urn:ietf:params:oauth:request_uri:x")),
        ] {
            let reply = push_signed(&server, &fapi, &claims).await;
            reply.expect(400, "invalid_request_object");
        }
        let without = with(&good, "redirect_uri", Value::Null);
        push_signed(&server, &fapi, &without).await.expect(400, "invalid_request");
    }

    async fn x3_state_outside_the_object_is_not_returned(server: TestServer) {
        server.user("ada").await;
        let fapi = signing(&server).await;
        let object = request(&server, &fapi, &[("state", "")]);
        let object = sign(&fapi.key, Typ::RequestObject, &object);
        let form = [("request", &*object), ("state", "outer"), ("nonce", "outer")];
        let answer = fapi.finish(&reference(&fapi.push_form(&server, &form).await)).await;
        assert!(answer.has("code") && !answer.has("state"), "{answer:?}");
        let code = Code { value: answer.get("code").into(), verifier: VERIFIER.into() };
        let tokens = fapi.redeem(&server, &code).await.expect_dpop();
        assert_eq!(claims(&tokens.id_token).get("nonce"), None);
    }

    async fn x4_an_answer_as_a_token_is_signed_as_the_profile_has_it(server: TestServer) {
        server.user("ada").await;
        let fapi = signing(&server).await;
        let object = request(&server, &fapi, &[("response_mode", "jwt")]);
        let pushed = reference(&push_signed(&server, &fapi, &object).await);
        let answer = fapi.finish(&pushed).await;
        assert_eq!(header(answer.get("response"))["alg"], "PS256");
        assert!(claims(answer.get("response"))["code"].is_string());
        let page = open(&fapi.app, &pushed).await;
        page.expect_error_page();
    }

    async fn ec_06_a_client_that_does_not_fit_the_profile_is_not_registered(server: TestServer) {
        let ground = server.provider.ground();
        let set = crate::support::crypto::jwks(&[&key(SigningAlgorithm::PS256)]);
        let with_method = |method: AuthMethod, alg: Option<&str>| {
            let mut draft = crate::support::web_app::draft();
            draft.policy.profile = Profile::Fapi2;
            draft.metadata.jwks = Some(set.clone());
            draft.metadata.token_endpoint_auth_method = method;
            draft.metadata.id_token_signed_response_alg = alg.map(str::to_owned);
            draft
        };
        for (method, alg, field) in [
            (AuthMethod::None, None, "token_endpoint_auth_method"),
            (AuthMethod::ClientSecretBasic, None, "token_endpoint_auth_method"),
            (AuthMethod::ClientSecretPost, None, "token_endpoint_auth_method"),
            (AuthMethod::PrivateKeyJwt, Some("RS256"), "id_token_signed_response_alg"),
        ] {
            let made = management::create(&ground, with_method(method, alg), system()).await;
            let Err(ClientError::Invalid(problems)) = made else { panic!("{method} {alg:?}") };
            assert_eq!(problems[0].field, field);
        }
        let good = with_method(AuthMethod::PrivateKeyJwt, None);
        let made = management::create(&ground, good, system()).await.expect("it is made").client;
        assert!(made.policy.require_pkce);
        assert!(made.metadata.requests.require_pushed_authorization_requests);
        assert_eq!(made.metadata.id_token_signed_response_alg.as_deref(), Some("PS256"));
    }
}
