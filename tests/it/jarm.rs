//! Authorization responses as tokens (JWT Secured Authorization Response Mode).

use crate::support::crypto::{claims, header, jwks, key};
use crate::support::requests::{Host, open, push, pushed};
use crate::support::{Answer, Place, Store, TestServer, WebApp, both};
use countersign::jose::{
    ContentEncryption, DecryptionKey, Expected, KeyManagement, SigningAlgorithm, gate,
};
use serde_json::{Value, json};

/// Each mode with the place where its token is found.
const MODES: [(&str, Place); 4] = [
    ("jwt", Place::Query),
    ("query.jwt", Place::Query),
    ("fragment.jwt", Place::Fragment),
    ("form_post.jwt", Place::Form),
];

/// The claims of the one token that an answer consists of, its signature checked.
#[track_caller]
fn opened(server: &TestServer, answer: &Answer) -> Value {
    let names: Vec<&str> = answer.params.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["response"]);
    verified(server, answer.get("response"))
}

#[track_caller]
fn verified(server: &TestServer, token: &str) -> Value {
    let algorithms = SigningAlgorithm::ALL;
    let unverified = gate(token, &Expected::new(&["JWT"], &algorithms)).expect("a signed token");
    let keys = server.provider.keys.current();
    let kid = unverified.kid().expect("it names its key");
    unverified.verify(keys.verifying(kid).expect("a key of ours")).expect("it verifies");
    claims(token)
}

both! {
    async fn x4_an_answer_is_one_signed_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for (mode, place) in MODES {
            let answer = app.pass("ada", &[("response_mode", mode)]).await;
            assert_eq!((&answer.to, answer.place), (&app.redirect_uri, place), "{mode}");
            let said = opened(&server, &answer);
            assert_eq!(said["iss"], server.issuer());
            assert_eq!(said["aud"], *app.id);
            assert_eq!(said["state"], "the-state");
            assert_eq!(said["exp"], server.provider.now().as_unix() + 300);
            let names: Vec<&String> = said.as_object().expect("an object").keys().collect();
            assert_eq!(names.len(), 5, "{said}");
            let code = crate::support::Code {
                value: said["code"].as_str().expect("a code").into(),
                verifier: crate::support::VERIFIER.into(),
            };
            app.redeem(&code).await.expect_tokens();
        }
    }

    async fn x4_an_error_is_a_token_as_well(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for (mode, place) in MODES {
            for (extra, error) in [
                (("prompt", "none"), "login_required"),
                (("prompt", "none login"), "invalid_request"),
                (("response_type", "foo"), "unsupported_response_type"),
                (("request", "e30.e30."), "invalid_request_object"),
            ] {
                let page = app.authorize(&[("response_mode", mode), extra]).await;
                let answer = page.expect_answer();
                assert_eq!(answer.place, place, "{mode}");
                let said = opened(&server, &answer);
                assert_eq!((&said["error"], &said["state"]), (&json!(error), &json!("the-state")));
                assert_eq!((&said["aud"], &said["iss"]), (&json!(app.id), &json!(server.issuer())));
                assert_eq!(said.get("code"), None);
            }
        }
        let page = app.authorize(&[("response_mode", "jwt"), ("state", "")]).await;
        let page = app.agent.log_in(&page, "ada").await;
        let said = opened(&server, &app.agent.decide(&page, "deny").await.expect_answer());
        assert_eq!((&said["error"], said.get("state")), (&json!("access_denied"), None));
    }

    async fn x4_a_client_chooses_how_answers_are_signed(server: TestServer) {
        server.user("ada").await;
        for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
            let app = WebApp::register_as(&server, |draft| {
                let requests = &mut draft.metadata.requests;
                requests.authorization_signed_response_alg = Some(alg.into());
            })
            .await;
            let answer = app.pass("ada", &[("response_mode", "jwt")]).await;
            opened(&server, &answer);
            assert_eq!(header(answer.get("response"))["alg"], alg);
        }
    }

    async fn an_answer_is_encrypted_for_a_client_that_registered_it(server: TestServer) {
        server.user("ada").await;
        for (alg, enc) in [
            (KeyManagement::EcdhEs, ContentEncryption::A256Gcm),
            (KeyManagement::EcdhEsA256Kw, ContentEncryption::A128Gcm),
            (KeyManagement::RsaOaep256, ContentEncryption::A256Gcm),
        ] {
            let own = DecryptionKey::generate(alg).expect("a key");
            let jwk = own.public_jwk();
            let app = WebApp::register_as(&server, |draft| {
                draft.metadata.jwks = Some(json!({ "keys": [jwk] }));
                let requests = &mut draft.metadata.requests;
                requests.authorization_encrypted_response_alg = Some(alg.as_str().into());
                requests.authorization_encrypted_response_enc = Some(enc.as_str().into());
            })
            .await;
            let answer = app.pass("ada", &[("response_mode", "jwt")]).await;
            let token = answer.get("response");
            let outer = header(token);
            assert_eq!((&outer["enc"], &outer["cty"]), (&json!(enc.as_str()), &json!("JWT")));
            let opened = own.decrypt(token, &[alg]).expect("it opens");
            let said = verified(&server, opened.jwt().expect("a signed token"));
            assert!(said["code"].is_string());
            let refused = app.in_another_browser();
            let refused = refused.authorize(&[("response_mode", "jwt"), ("prompt", "none")]).await;
            let token = refused.expect_answer().get("response").to_owned();
            let opened = own.decrypt(&token, &[alg]).expect("an error is encrypted too");
            let said = verified(&server, opened.jwt().expect("a signed token"));
            assert_eq!(said["error"], "login_required");
        }
    }

    async fn s11_a_plain_answer_stays_plain(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.jwks = Some(jwks(&[&key(SigningAlgorithm::ES256)]));
            let requests = &mut draft.metadata.requests;
            requests.authorization_signed_response_alg = Some("PS256".into());
        })
        .await;
        let answer = app.pass("ada", &[]).await;
        assert!(answer.has("code") && !answer.has("response"), "{answer:?}");
    }

    async fn a_pushed_request_may_ask_for_a_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let uri = pushed(&app, &[("response_mode", "jwt")]).await;
        let page = open(&app, &uri).await;
        let page = app.agent.log_in(&page, "ada").await;
        let answer = app.agent.decide(&page, "allow").await.expect_answer();
        assert!(opened(&server, &answer)["code"].is_string());
        push(&app, &[("response_mode", "foo.jwt")]).await.expect(400, "invalid_request");
    }

    async fn az_06_only_known_modes_carry_a_token(server: TestServer) {
        let app = WebApp::register(&server).await;
        for mode in ["foo.jwt", "jwt.jwt", "web_message.jwt", ".jwt"] {
            let page = app.authorize(&[("response_mode", mode)]).await;
            assert_eq!(opened(&server, &page.expect_answer())["error"], "invalid_request");
        }
    }

    async fn x4_the_metadata_lists_the_modes_and_algorithms(server: TestServer) {
        let app = WebApp::register(&server).await;
        let document = app.metadata().await;
        let modes = document["response_modes_supported"].as_array().expect("modes");
        for mode in ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"] {
            assert!(modes.contains(&json!(mode)), "{mode}");
        }
        for alg in ["PS256", "ES256", "EdDSA"] {
            let list = document["authorization_signing_alg_values_supported"].as_array();
            assert!(list.expect("algorithms").contains(&json!(alg)), "{alg}");
        }
        let list = document["authorization_encryption_alg_values_supported"].as_array();
        assert_eq!(list.expect("algorithms").len(), 3);
    }
}

#[tokio::test]
async fn an_answer_is_never_sent_unencrypted_instead() {
    for store in [Store::Sqlite, Store::Postgres] {
        let server = TestServer::with_on(store, |config| {
            config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
        })
        .await;
        let host = Host::start();
        host.answer(r#"{"keys":[]}"#);
        let uri = format!("{}/jwks", host.url);
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.jwks_uri = Some(uri);
            let requests = &mut draft.metadata.requests;
            requests.authorization_encrypted_response_alg = Some("ECDH-ES".into());
        })
        .await;
        let silent = [("response_mode", "jwt"), ("prompt", "none")];
        let page = app.authorize(&silent).await;
        assert_eq!((page.status, page.location()), (400, None), "{}", page.body);
        let own = DecryptionKey::generate(KeyManagement::EcdhEs).expect("a key");
        host.answer(&json!({ "keys": [own.public_jwk()] }).to_string());
        server.clock.advance_seconds(61);
        let answer = app.authorize(&silent).await.expect_answer();
        assert!(own.decrypt(answer.get("response"), &[KeyManagement::EcdhEs]).is_ok());
    }
}
