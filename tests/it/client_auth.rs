//! Client authentication (RFC 6749 §2.3, OpenID Connect Core §9): by the registered method alone.

use crate::support::crypto::{jwks, key, sign};
use crate::support::test_server::system;
use crate::support::{Reply, TestServer, WebApp, both};
use countersign::domain::clients::management::{self, ClientDraft};
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use countersign::protocol::client::{AuthMethod, GrantType};
use countersign::protocol::time::Lifetime;
use serde_json::{Value, json};

const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn service(method: AuthMethod) -> impl FnOnce(&mut ClientDraft) {
    move |draft| {
        draft.metadata.grant_types = vec![GrantType::ClientCredentials];
        draft.metadata.redirect_uris.clear();
        draft.metadata.token_endpoint_auth_method = method;
    }
}

async fn with_key(server: &TestServer, key: &SigningKey) -> WebApp {
    let jwks = jwks(&[key]);
    WebApp::register_as(server, |draft| {
        service(AuthMethod::PrivateKeyJwt)(draft);
        draft.metadata.jwks = Some(jwks);
    })
    .await
}

fn assertion(server: &TestServer, app: &WebApp, jti: &str, aud: &Value) -> Value {
    let now = server.provider.now().as_unix();
    json!({
        "iss": app.id, "sub": app.id, "aud": aud, "jti": jti, "iat": now, "exp": now + 60,
    })
}

async fn present(app: &WebApp, assertion: &str) -> Reply {
    let form =
        [GRANT[0], ("client_assertion", assertion), ("client_assertion_type", ASSERTION_TYPE)];
    app.token(&form).await
}

both! {
    async fn a_secret_in_the_header_is_client_secret_basic(server: TestServer) {
        let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretBasic)).await;
        app.token(&GRANT).await.expect_tokens();
        let post = WebApp { method: AuthMethod::ClientSecretPost, ..app };
        post.token(&GRANT).await.expect(401, "invalid_client");
    }

    async fn a_secret_in_the_form_is_client_secret_post(server: TestServer) {
        let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretPost)).await;
        app.token(&GRANT).await.expect_tokens();
        let basic = WebApp { method: AuthMethod::ClientSecretBasic, ..app };
        let refused = basic.token(&GRANT).await;
        refused.expect(401, "invalid_client");
        assert!(refused.header("www-authenticate").starts_with("Basic"));
    }

    async fn a_signed_assertion_is_private_key_jwt_with_every_algorithm(server: TestServer) {
        for algorithm in [
            SigningAlgorithm::RS256,
            SigningAlgorithm::PS256,
            SigningAlgorithm::ES256,
            SigningAlgorithm::EdDSA,
        ] {
            let key = key(algorithm);
            let app = with_key(&server, &key).await;
            for (jti, aud) in [
                ("1", json!(server.issuer())),
                ("2", json!(format!("{}/token", server.issuer()))),
                ("3", json!([server.issuer()])),
            ] {
                let claims = assertion(&server, &app, jti, &aud);
                let reply = present(&app, &sign(&key, Typ::ClientAssertion, &claims)).await;
                reply.expect_tokens();
            }
        }
    }

    async fn an_assertion_works_once(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        let app = with_key(&server, &key).await;
        let claims = assertion(&server, &app, "one", &json!(server.issuer()));
        let once = sign(&key, Typ::ClientAssertion, &claims);
        present(&app, &once).await.expect_tokens();
        present(&app, &once).await.expect(401, "invalid_client");
        let again = sign(&key, Typ::ClientAssertion, &claims);
        present(&app, &again).await.expect(401, "invalid_client");
    }

    async fn two_clients_may_use_the_same_jti(server: TestServer) {
        let key = key(SigningAlgorithm::ES256);
        for app in [with_key(&server, &key).await, with_key(&server, &key).await] {
            let claims = assertion(&server, &app, "same", &json!(server.issuer()));
            present(&app, &sign(&key, Typ::ClientAssertion, &claims)).await.expect_tokens();
        }
    }

    async fn a_public_client_only_says_its_name(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_public(&server).await;
        app.tokens("ada", "openid").await;
        let code = app.log_in_and_consent("ada", "openid").await;
        let with_secret = WebApp {
            method: AuthMethod::ClientSecretPost,
            secret: "anything".into(),
            ..app
        };
        with_secret.redeem(&code).await.expect(401, "invalid_client");
    }

    async fn two_secrets_overlap_while_one_is_rotated(server: TestServer) {
        let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretBasic)).await;
        let ground = server.provider.ground();
        let overlap = Lifetime::hours(1);
        let rotated = management::rotate_secret(&ground, &app.id, overlap, system()).await;
        let secret = rotated.expect("the secret can be rotated");
        let new = WebApp { secret, ..app.clone() };
        server.settle().await;
        app.token(&GRANT).await.expect_tokens();
        new.token(&GRANT).await.expect_tokens();
        server.clock.advance_seconds(3601);
        app.token(&GRANT).await.expect(401, "invalid_client");
        new.token(&GRANT).await.expect_tokens();
    }
}
