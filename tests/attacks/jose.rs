//! L: what comes in as an access token or a hint passes one strict gate.

use crate::support::crypto::{claims, encode, header, key, sign, unsigned};
use crate::support::{TestServer, WebApp, both};
use countersign::jose::{DecryptionKey, KeyManagement, SigningAlgorithm, SigningKey, Typ};
use serde_json::{Value, json};

/// No token of these opens anything.
async fn refuses(app: &WebApp, tokens: &[String]) {
    for token in tokens {
        let reply = app.userinfo(token).await;
        assert_eq!(reply.status, 401, "{token}: {}", reply.text);
        assert_eq!(app.introspect(token).await, json!({"active": false}), "{token}");
        let page = app.authorize(&[("prompt", "none"), ("id_token_hint", token)]).await;
        page.expect_refusal("invalid_request");
    }
}

both! {
    async fn jw_01_no_other_algorithm_passes(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let (claims, head) = (claims(&token), header(&token));
        let kid = head["kid"].as_str().expect("a kid");
        let jwks = app.http.get(server.url("/jwks")).send().await.expect("an answer");
        let jwks: Value = jwks.json().await.expect("JSON");
        let keys = jwks["keys"].as_array().expect("keys");
        let public = keys.iter().find(|key| key["kid"] == kid).expect("it is published");
        let hs = SigningKey::from_secret(SigningAlgorithm::HS256, public.to_string().as_bytes());
        let confused = sign(&hs.expect("a key"), Typ::AccessToken, &claims);
        let rest = token.split_once('.').map(|(_, rest)| rest).unwrap_or_default();
        let mut tokens = vec![confused];
        for alg in [r#""none""#, r#""nOnE""#, r#""HS256""#, r#""RS256""#, "7", "[]"] {
            let head = format!(r#"{{"alg":{alg},"typ":"at+jwt","kid":"{kid}"}}"#);
            tokens.push(unsigned(&head, &claims.to_string(), ""));
            tokens.push(format!("{}.{rest}", encode(&head)));
        }
        refuses(&app, &tokens).await;
    }

    async fn jw_01_a_foreign_key_signs_nothing_here(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let claims = claims(&token);
        let foreign = key(SigningAlgorithm::ES256);
        let mut with_jwk = header(&token);
        with_jwk["jwk"] = foreign.public_jwk();
        let mut with_jku = header(&token);
        with_jku["jku"] = json!("https://evil.example/jwks");
        let rest = token.split_once('.').map(|(_, rest)| rest).unwrap_or_default();
        let tokens = [
            sign(&foreign, Typ::AccessToken, &claims),
            sign(&foreign, Typ::IdToken, &claims),
            format!("{}.{rest}", encode(&with_jwk.to_string())),
            format!("{}.{rest}", encode(&with_jku.to_string())),
        ];
        refuses(&app, &tokens).await;
    }

    async fn jw_03_jw_04_jw_05_jw_06_a_malformed_token_is_refused(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let parts: Vec<&str> = token.split('.').collect();
        let with = |name: &str, value: Value| {
            let mut header = header(&token);
            header[name] = value;
            format!("{}.{}.{}", encode(&header.to_string()), parts[1], parts[2])
        };
        let tokens = [
            with("crit", json!(["x"])),
            with("crit", json!([])),
            with("b64", json!(false)),
            with("zip", json!("DEF")),
            format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
            format!("{}.{}.{}", parts[0], parts[1], &parts[2][..80]),
            format!("{token}A"),
            format!("{token}="),
            token.replace('-', "+").replace('_', "/") + "/",
            ".".repeat(7000),
            format!("{}.{}", token, token),
        ];
        refuses(&app, &tokens).await;
        assert_eq!(app.userinfo(&token).await.status, 200);
    }

    async fn jw_09_an_id_token_is_no_access_token_and_the_reverse(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        assert_eq!(app.userinfo(&tokens.id_token).await.status, 401);
        assert!(!app.is_active(&tokens.id_token).await);
        let hint = [("prompt", "none"), ("id_token_hint", &*tokens.access_token)];
        app.authorize(&hint).await.expect_refusal("invalid_request");
    }

    async fn jw_13_what_is_encrypted_for_us_is_not_signed_by_us(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let foreign = key(SigningAlgorithm::ES256);
        let mut more = claims(&token);
        more["scope"] = json!("openid email");
        let forged = sign(&foreign, Typ::AccessToken, &more);
        let ours = server.provider.keys.current().encryption().expect("a key").clone();
        let foreign = DecryptionKey::generate(KeyManagement::EcdhEs).expect("a key");
        assert!(foreign.kid() != "");
        let tokens = [
            ours.encrypt_jwt(&forged, Some("at+jwt")).expect("encrypted"),
            ours.encrypt_jwt(&token, Some("at+jwt")).expect("encrypted"),
        ];
        refuses(&app, &tokens).await;
    }
}
