//! How an administrator sets what protects the requests of a client, and the answers to them.

use crate::support::crypto::{jwks, key};
use crate::support::{Agent, TestServer, WebApp, both};
use countersign::domain::clients::management::ClientDraft;
use countersign::jose::{DecryptionKey, KeyManagement, SigningAlgorithm};
use countersign::protocol::client::{AuthMethod, Profile};

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
        let agent = Agent::administrator(&server).await;
        let app = WebApp::register_as(&server, with_keys).await;
        let saved = agent.save(&app.id, "requests", &[
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
        let requests = server.stored(&app.id).await.metadata.requests;
        assert!(requests.require_pushed_authorization_requests);
        assert!(requests.require_signed_request_object);
        assert_eq!(requests.request_object_signing_alg.as_deref(), Some("PS256"));
        assert_eq!(requests.request_object_encryption_alg.as_deref(), Some("RSA-OAEP-256"));
        assert_eq!(requests.request_object_encryption_enc.as_deref(), Some("A128GCM"));
        assert_eq!(requests.request_uris, ["https://app.example/r", "https://app.example/s#1"]);
        assert_eq!(requests.authorization_signed_response_alg.as_deref(), Some("ES256"));
        assert_eq!(requests.authorization_encrypted_response_alg.as_deref(), Some("ECDH-ES"));
        assert_eq!(requests.authorization_encrypted_response_enc.as_deref(), Some("A256GCM"));
        agent.save(&app.id, "requests", &[("profile", "none")]).await;
        assert_eq!(server.stored(&app.id).await.metadata.requests, Default::default());
    }

    async fn an_administrator_chooses_a_profile(server: TestServer) {
        let agent = Agent::administrator(&server).await;
        let app = WebApp::register_as(&server, with_keys).await;
        agent.save(&app.id, "requests", &[("profile", "fapi2-message-signing")]).await;
        let client = server.stored(&app.id).await;
        assert_eq!(client.policy.profile, Profile::Fapi2MessageSigning);
        assert!(client.metadata.requests.require_pushed_authorization_requests);
        assert!(client.metadata.requests.require_signed_request_object);
        let page = agent.open(&format!("/admin/clients/{}", app.id)).await;
        assert!(!page.has_id("test-login"), "a plain request would be refused");
        assert!(client.metadata.sender.dpop_bound_access_tokens);
    }

    async fn what_does_not_fit_is_said_and_not_saved(server: TestServer) {
        let agent = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let before = server.stored(&app.id).await;
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
            let page = agent.save(&app.id, "requests", &fields).await;
            assert_eq!(page.status, 422, "{fields:?}");
            assert!(page.has_id("error-summary"), "{fields:?}");
        }
        assert_eq!(server.stored(&app.id).await, before);
    }
}
