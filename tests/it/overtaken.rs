//! What is taken away while a request is on its way: the answer knows of it.

use crate::support::crypto::{claims, jwks, key, sign};
use crate::support::stub::Document;
use crate::support::test_server::system;
use crate::support::{TestServer, WebApp, both, both_with};
use countersign::domain::identity::users;
use countersign::jose::SigningAlgorithm::ES256;
use countersign::jose::{DecryptionKey, KeyManagement, Typ};
use countersign::protocol::client::{AuthMethod, GrantType};
use serde_json::{Value, json};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn own_machine(config: &mut countersign::config::Config) {
    config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

fn names(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

both_with! { own_machine;
    async fn a_client_switched_off_while_its_keys_are_fetched_gets_nothing(server: TestServer) {
        let own = key(ES256);
        let document = Document::serve(&jwks(&[&own]));
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types = vec![GrantType::ClientCredentials];
            draft.metadata.redirect_uris.clear();
            draft.metadata.post_logout_redirect_uris.clear();
            draft.metadata.scope = "orders:read".parse().expect("a scope");
            draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            draft.metadata.jwks_uri = Some(document.uri.clone());
        })
        .await;
        let now = server.provider.now().as_unix();
        let claims = json!({
            "iss": app.id, "sub": app.id, "aud": server.issuer(), "jti": "1", "iat": now, "exp": now + 60,
        });
        let assertion = sign(&own, Typ::ClientAssertion, &claims);
        let form = [
            ("grant_type", "client_credentials"), ("scope", "orders:read"),
            ("client_assertion_type", ASSERTION), ("client_assertion", &assertion),
        ];
        document.hold();
        let switched_off = async {
            document.asked().await;
            server.command(&["client", "disable", &app.id]).await.expect_done();
            server.settle().await;
            document.release();
        };
        let (reply, ()) = tokio::join!(app.token(&form), switched_off);
        reply.expect(401, "invalid_client");
    }

    async fn roles_taken_away_while_tokens_are_made_are_not_in_them(server: TestServer) {
        let ada = server.user_with("ada", |new| new.roles = vec!["boss".into(), "clerk".into()]).await;
        let own = DecryptionKey::generate(KeyManagement::EcdhEs).expect("a key");
        let document = Document::serve(&json!({ "keys": [own.public_jwk()] }));
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.jwks_uri = Some(document.uri.clone());
            draft.metadata.id_token_encrypted_response_alg = Some("ECDH-ES".into());
        })
        .await;
        let code = app.log_in_and_consent("ada", "openid").await;
        document.hold();
        let taken_away = async {
            document.asked().await;
            let roles = vec!["clerk".to_owned()];
            let ground = server.provider.ground();
            users::set_roles(&ground, &ada.user.id, roles, system()).await.expect("they are set");
            server.settle().await;
            document.release();
        };
        let (reply, ()) = tokio::join!(app.redeem(&code), taken_away);
        let tokens = reply.expect_tokens();
        assert_eq!(names(&claims(&tokens.access_token)["roles"]), ["clerk"]);
        assert!(app.is_active(&tokens.access_token).await);
    }
}

both! {
    async fn an_address_taken_from_a_client_gets_no_code_from_a_page_of_before(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let login = app.authorize(&[]).await;
        login.expect_login();
        let other = ["client", "update", &app.id, "--redirect-uri", "https://new.example/cb"];
        server.command(&other).await.expect_done();
        server.settle().await;
        let page = app.agent.log_in(&login, "ada").await;
        page.expect_error_page();
        assert!(page.answer().is_none(), "{}", page.body);
    }

    async fn a_page_that_is_too_old_does_not_bring_such_an_address_back(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let login = app.authorize(&[]).await;
        let other = ["client", "update", &app.id, "--redirect-uri", "https://new.example/cb"];
        server.command(&other).await.expect_done();
        server.settle().await;
        server.clock.advance_seconds(90 * 86_400);
        let page = app.agent.log_in(&login, "ada").await;
        page.expect_error_page();
        assert!(page.answer().is_none(), "{}", page.body);
    }

    async fn a_scope_taken_from_a_client_is_not_in_what_its_code_gives(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid email").await;
        server.command(&["client", "update", &app.id, "--scope", "openid"]).await.expect_done();
        server.settle().await;
        let tokens = app.redeem(&code).await.expect_tokens();
        assert_eq!(claims(&tokens.access_token)["scope"], "openid");
    }

    async fn signed_userinfo_is_no_hint(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.userinfo_signed_response_alg = Some("ES256".into());
        })
        .await;
        let tokens = app.tokens("ada", "openid").await;
        let userinfo = app.userinfo(&tokens.access_token).await;
        assert_eq!(userinfo.status, 200);
        let page = app.authorize(&[("id_token_hint", &userinfo.text), ("prompt", "none")]).await;
        page.expect_refusal("invalid_request");
        let page = app.agent.get(&format!("/logout?id_token_hint={}", userinfo.text)).await;
        assert_eq!(page.status, 400, "{}", page.body);
        // A real one of the same client is.
        let page = app.authorize(&[("id_token_hint", &tokens.id_token), ("prompt", "none")]).await;
        page.expect_answer().get("code");
    }
}
