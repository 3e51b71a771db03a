//! F: client authentication by secrets.

use crate::support::test_server::system;
use crate::support::{Reply, TestServer, WebApp, both};
use base64::{Engine, prelude::BASE64_STANDARD};
use countersign::domain::clients::management;
use countersign::protocol::client::AuthMethod;
use countersign::protocol::time::Lifetime;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn send(server: &TestServer, authorization: &str, form: &[(&str, &str)]) -> Reply {
    let http = crate::support::Agent::new(server).http;
    let request = http.post(server.url("/token")).header("Authorization", authorization);
    Reply::read(request.form(form).send().await.expect("an answer")).await
}

fn basic(text: &[u8]) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(text))
}

both! {
    async fn ca_01_two_kinds_of_proof_are_one_too_many(server: TestServer) {
        let app = WebApp::register_service(&server).await;
        let secret = ("client_secret", &*app.secret);
        let assertion = [("client_assertion", "a.b.c"), ("client_assertion_type", ASSERTION_TYPE)];
        app.token(&[GRANT, secret]).await.expect(400, "invalid_request");
        app.token(&[GRANT, ("client_id", &*app.id), secret]).await.expect(400, "invalid_request");
        app.token(&[GRANT, assertion[0], assertion[1]]).await.expect(400, "invalid_request");
        let post = WebApp { method: AuthMethod::ClientSecretPost, ..app };
        post.token(&[GRANT, assertion[0], assertion[1]]).await.expect(400, "invalid_request");
    }

    async fn ca_02_a_header_that_cannot_be_read_proves_nothing(server: TestServer) {
        let app = WebApp::register_service(&server).await;
        let no_secret = format!("{}:", app.id);
        for header in [
            "Basic".to_owned(),
            "Basic !!!".to_owned(),
            "Bearer abc".to_owned(),
            basic(b"no colon"),
            basic(b"\xff\xfe:secret"),
            basic(b":secret"),
            basic(b":"),
            basic(no_secret.as_bytes()),
            basic(b"%zz:secret"),
            basic(&[b'x'; 6000]),
        ] {
            let reply = send(&server, &header, &[GRANT]).await;
            reply.expect(401, "invalid_client");
            assert!(reply.header("www-authenticate").starts_with("Basic"), "{header}");
        }
    }

    async fn ca_03_only_the_registered_method_counts(server: TestServer) {
        let basic = WebApp::register_service(&server).await;
        let post = WebApp { method: AuthMethod::ClientSecretPost, ..basic };
        post.token(&[GRANT]).await.expect(401, "invalid_client");
        let key = crate::support::crypto::key(countersign::jose::SigningAlgorithm::ES256);
        let jwks = crate::support::crypto::jwks(&[&key]);
        let signed = WebApp::register_as(&server, |draft| {
            draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            draft.metadata.jwks = Some(jwks);
        })
        .await;
        let public = WebApp::register_public(&server).await;
        for app in [signed, public] {
            for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
                let app = WebApp { method, secret: "guess".into(), ..app.clone() };
                app.token(&[GRANT]).await.expect(401, "invalid_client");
            }
        }
    }

    async fn ca_04_a_name_alone_proves_nothing(server: TestServer) {
        let app = WebApp::register_service(&server).await;
        let named = WebApp { method: AuthMethod::None, ..app };
        named.token(&[GRANT]).await.expect(401, "invalid_client");
    }

    async fn ca_05_who_guesses_has_to_wait(server: TestServer) {
        let app = WebApp::register_service(&server).await;
        let guesser = WebApp { secret: "guess".into(), ..app.clone() };
        let mut last = guesser.token(&[GRANT]).await;
        for _ in 0..30 {
            last = guesser.token(&[GRANT]).await;
        }
        assert_eq!(last.status, 429, "{}", last.text);
        assert!(!last.header("retry-after").is_empty());
        let other = WebApp::register_service(&server).await;
        other.token(&[GRANT]).await.expect_tokens();
        server.clock.advance_seconds(61);
        app.token(&[GRANT]).await.expect_tokens();
    }

    async fn ca_06_an_unknown_client_reads_as_one_with_a_wrong_secret(server: TestServer) {
        let app = WebApp::register_service(&server).await;
        let wrong = WebApp { secret: "guess".into(), ..app.clone() };
        let almost = WebApp { secret: format!("{}x", app.secret), ..app.clone() };
        let unknown = WebApp { id: "unknown".into(), ..app };
        let replies =
            [wrong.token(&[GRANT]).await, almost.token(&[GRANT]).await, unknown.token(&[GRANT]).await];
        for reply in &replies {
            reply.expect(401, "invalid_client");
            assert_eq!(reply.text, replies[0].text);
        }
    }

    async fn ca_19_a_secret_that_has_ended_is_none(server: TestServer) {
        let app = WebApp::register_service(&server).await;
        let ground = server.provider.ground();
        let now = Lifetime::seconds(0);
        let rotated = management::rotate_secret(&ground, &app.id, now, system()).await;
        let secret = rotated.expect("the secret can be rotated");
        server.settle().await;
        server.clock.advance_seconds(1);
        app.token(&[GRANT]).await.expect(401, "invalid_client");
        let new = WebApp { secret, ..app };
        new.token(&[GRANT]).await.expect_tokens();
        management::disable(&ground, &new.id, system()).await.expect("it can be disabled");
        server.settle().await;
        new.token(&[GRANT]).await.expect(401, "invalid_client");
    }
}
