//! Introspection answered by a token (RFC 9701).

use crate::support::crypto::{claims, header};
use crate::support::{Reply, TestServer, WebApp, both};
use countersign::jose::{DecryptionKey, KeyManagement};
use serde_json::{Value, json};

const ACCEPT: (&str, &str) = ("accept", "application/token-introspection+jwt");

async fn asked(caller: &WebApp, token: &str) -> Reply {
    let reply = caller.call_with("/introspect", &[("token", token)], &[ACCEPT]).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/token-introspection+jwt");
    assert_eq!(reply.header("cache-control"), "no-store");
    reply
}

/// The payload of an answer that is signed by a key we publish.
async fn verified(caller: &WebApp, token: &str) -> Value {
    use countersign::jose::{Expected, JwkSet, SigningAlgorithm, VerifyingKey, gate};
    let jwks = caller.http.get(format!("{}/jwks", caller.base)).send().await.expect("an answer");
    let set = JwkSet::parse(&jwks.bytes().await.expect("a body")).expect("a set");
    let gated = gate(token, &Expected::new(&["token-introspection+jwt"], &SigningAlgorithm::ALL));
    let gated = gated.expect("it passes the gate");
    let alg = gated.algorithm();
    let jwk = set.candidates(gated.kid(), alg).next().expect("its key is published").clone();
    let key = VerifyingKey::from_jwk(&jwk, alg).expect("a key");
    Value::Object(gated.verify(&key).expect("it verifies").into_map())
}

both! {
    async fn in_05_an_answer_is_a_token_for_the_caller_and_no_access_token(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let service = WebApp::register_service(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let plain = service.introspect(&token).await;
        let answer = asked(&service, &token).await.text;
        assert_eq!(header(&answer)["typ"], "token-introspection+jwt");
        let told = verified(&service, &answer).await;
        assert_eq!(told["iss"], server.issuer());
        assert_eq!(told["aud"], *service.id);
        assert_eq!(told["iat"], server.provider.now().as_unix());
        assert_eq!(told["token_introspection"], plain);
        assert_eq!(told["token_introspection"]["sub"], *ada.user.id);
        assert!(told.get("sub").is_none() && told.get("exp").is_none(), "{told}");
        // Nobody takes it for a token of another kind.
        assert_eq!(app.userinfo(&answer).await.status, 401);
        assert!(!service.is_active(&answer).await);
        let hint = format!("/logout?id_token_hint={answer}&client_id={}", app.id);
        assert!(app.agent.open(&hint).await.status >= 400);
    }

    async fn in_05_what_is_not_active_or_not_for_the_caller_says_nothing_more(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let stranger = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        for (caller, token) in [(&stranger, token.as_str()), (&app, "unknown"), (&app, "a.b.c")] {
            let told = verified(caller, &asked(caller, token).await.text).await;
            assert_eq!(told["token_introspection"], json!({ "active": false }));
            assert_eq!(told["aud"], *caller.id);
        }
        let public = WebApp::register_public(&server).await;
        let reply = public.call_with("/introspect", &[("token", &token)], &[ACCEPT]).await;
        reply.expect(401, "invalid_client");
    }

    async fn in_05_an_answer_is_signed_and_encrypted_as_the_caller_registered(server: TestServer) {
        server.user("ada").await;
        let key = DecryptionKey::generate(KeyManagement::RsaOaep256).expect("a key can be made");
        let set = json!({ "keys": [key.public_jwk()] });
        let app = WebApp::register_as(&server, |draft| {
            let own = &mut draft.metadata.introspection;
            own.introspection_signed_response_alg = Some("EdDSA".into());
            own.introspection_encrypted_response_alg = Some("RSA-OAEP-256".into());
            draft.metadata.jwks = Some(set);
        })
        .await;
        let token = app.tokens("ada", "openid").await.access_token;
        let answer = asked(&app, &token).await.text;
        assert_eq!((&header(&answer)["cty"], &header(&answer)["enc"]), (&json!("JWT"), &json!("A256GCM")));
        let opened = key.decrypt(&answer, &KeyManagement::PUBLIC).expect("it opens");
        let inner = opened.jwt().expect("a token is inside").to_owned();
        assert_eq!(header(&inner)["alg"], "EdDSA");
        assert_eq!(claims(&inner)["token_introspection"]["active"], true);
        // Plain JSON for whoever asks for that.
        assert!(app.is_active(&token).await);
    }

    async fn in_05_the_members_are_checked_and_the_document_lists_them(server: TestServer) {
        let app = WebApp::register(&server).await;
        let url = server.url("/.well-known/openid-configuration");
        let document = Reply::read(app.http.get(url).send().await.expect("an answer")).await.json;
        assert_eq!(document["introspection_signing_alg_values_supported"], json!(["RS256", "ES256", "PS256", "EdDSA"]));
        assert!(document["introspection_encryption_alg_values_supported"].is_array());
        assert!(document["introspection_encryption_enc_values_supported"].is_array());
        let update = |flags: &[&'static str]| {
            let all = [&["client", "update", app.id.as_str()], flags, &["--json"]].concat();
            let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
            let server = &server;
            async move { server.command(&all.iter().map(String::as_str).collect::<Vec<_>>()).await }
        };
        update(&["--introspection-signed-response-alg", "none"]).await.expect_refusal(2);
        update(&["--introspection-encrypted-response-alg", "RSA1_5"]).await.expect_refusal(2);
        update(&["--introspection-encrypted-response-enc", "A256GCM"]).await.expect_refusal(2);
        let made = update(&["--introspection-signed-response-alg", "PS256"]).await.expect_json();
        assert_eq!(made["introspection_signed_response_alg"], "PS256");
    }
}
