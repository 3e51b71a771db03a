//! How an administrator sets what protects the requests of a client, and the answers to them.

use crate::support::crypto::{jwks, key};
use crate::support::{Agent, Page, TestServer, WebApp, both};
use countersign::domain::clients::management::{self, ClientDraft};
use countersign::jose::{DecryptionKey, KeyManagement, SigningAlgorithm};
use countersign::protocol::client::{AuthMethod, Client, Profile};

async fn admin(server: &TestServer) -> Agent {
    server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
    let agent = Agent::new(server);
    agent.sign_in("root").await;
    agent
}

async fn stored(server: &TestServer, app: &WebApp) -> Client {
    let found = management::find(&server.provider.ground(), &app.id).await;
    found.expect("a database").expect("the client is there")
}

/// Opens the page of a client and posts its form about requests.
async fn save(agent: &Agent, app: &WebApp, fields: &[(&str, &str)]) -> Page {
    let path = format!("/admin/clients/{}", app.id);
    let page = agent.open(&path).await;
    assert!(page.has_id("requests-save"), "{}", page.body);
    let csrf = page.hidden("csrf");
    let form = [&[("csrf", csrf.as_str())], fields].concat();
    agent.follow(agent.post(&format!("{path}/requests"), &form).await).await
}

fn with_keys(draft: &mut ClientDraft) {
    let signing = key(SigningAlgorithm::PS256);
    let own = DecryptionKey::generate(KeyManagement::EcdhEs).expect("a key");
    let mut set = jwks(&[&signing]);
    set["keys"].as_array_mut().expect("keys").push(own.public_jwk());
    draft.metadata.jwks = Some(set);
    draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
}

both! {
    async fn an_administrator_sets_every_member(server: TestServer) {
        let agent = admin(&server).await;
        let app = WebApp::register_as(&server, with_keys).await;
        let saved = save(&agent, &app, &[
            ("profile", "none"),
            ("require_pushed_authorization_requests", "1"),
            ("require_signed_request_object", "1"),
            ("request_object_signing_alg", "PS256"),
            ("request_object_encryption_alg", "RSA-OAEP-256"),
            ("request_object_encryption_enc", "A128GCM"),
            ("request_uris", "https://app.example/r\nhttps://app.example/s#1"),
            ("authorization_signed_response_alg", "ES256"),
            ("authorization_encrypted_response_alg", "ECDH-ES"),
            ("authorization_encrypted_response_enc", "A256GCM"),
        ])
        .await;
        assert_eq!(saved.status, 200, "{}", saved.body);
        let requests = stored(&server, &app).await.metadata.requests;
        assert!(requests.require_pushed_authorization_requests);
        assert!(requests.require_signed_request_object);
        assert_eq!(requests.request_object_signing_alg.as_deref(), Some("PS256"));
        assert_eq!(requests.request_object_encryption_alg.as_deref(), Some("RSA-OAEP-256"));
        assert_eq!(requests.request_object_encryption_enc.as_deref(), Some("A128GCM"));
        assert_eq!(requests.request_uris, ["https://app.example/r", "https://app.example/s#1"]);
        assert_eq!(requests.authorization_signed_response_alg.as_deref(), Some("ES256"));
        assert_eq!(requests.authorization_encrypted_response_alg.as_deref(), Some("ECDH-ES"));
        assert_eq!(requests.authorization_encrypted_response_enc.as_deref(), Some("A256GCM"));
        save(&agent, &app, &[("profile", "none")]).await;
        assert_eq!(stored(&server, &app).await.metadata.requests, Default::default());
    }

    async fn an_administrator_chooses_a_profile(server: TestServer) {
        let agent = admin(&server).await;
        let app = WebApp::register_as(&server, with_keys).await;
        save(&agent, &app, &[("profile", "fapi2-message-signing")]).await;
        let client = stored(&server, &app).await;
        assert_eq!(client.policy.profile, Profile::Fapi2MessageSigning);
        assert!(client.metadata.requests.require_pushed_authorization_requests);
        assert!(client.metadata.requests.require_signed_request_object);
        let page = agent.open(&format!("/admin/clients/{}", app.id)).await;
        assert!(!page.has_id("test-login"), "a plain request would be refused");
        assert!(client.metadata.sender.dpop_bound_access_tokens);
    }

    async fn what_does_not_fit_is_said_and_not_saved(server: TestServer) {
        let agent = admin(&server).await;
        let app = WebApp::register(&server).await;
        let before = stored(&server, &app).await;
        for fields in [
            [("profile", "none"), ("require_signed_request_object", "1")],
            [("profile", "none"), ("request_object_signing_alg", "none")],
            [("profile", "none"), ("request_object_encryption_enc", "A256GCM")],
            [("profile", "none"), ("request_uris", "http://app.example/r")],
            [("profile", "none"), ("authorization_signed_response_alg", "HS256")],
            [("profile", "none"), ("authorization_encrypted_response_alg", "ECDH-ES")],
            [("profile", "none"), ("authorization_encrypted_response_alg", "RSA1_5")],
            [("profile", "fapi2"), ("request_uris", "")],
            [("profile", "fapi3"), ("request_uris", "")],
        ] {
            let page = save(&agent, &app, &fields).await;
            assert_eq!(page.status, 422, "{fields:?}");
            assert!(page.has_id("error-summary"), "{fields:?}");
        }
        assert_eq!(stored(&server, &app).await, before);
    }
}
