//! Our own keys (OpenID Connect Core §10.1.1): published ahead, kept until nothing needs them.

use crate::support::crypto::header;
use crate::support::test_server::system;
use crate::support::{Reply, TestServer, WebApp, both};
use countersign::domain::keys;
use countersign::jose::SigningAlgorithm;
use countersign::protocol::revocation::TokenFacts;
use countersign::protocol::time::{Clock, Lifetime};
use countersign::storage::revocations;
use serde_json::Value;
use std::time::Duration;

async fn published(app: &WebApp) -> Vec<Value> {
    let response = app.http.get(format!("{}/jwks", app.base)).send().await.expect("an answer");
    let reply = Reply::read(response).await;
    reply.json["keys"].as_array().cloned().expect("an array of keys")
}

async fn kids(app: &WebApp) -> Vec<String> {
    let kid = |key: &Value| key["kid"].as_str().expect("every key has a kid").to_owned();
    published(app).await.iter().map(kid).collect()
}

/// The key that signs the access tokens of a service at this moment.
async fn signing_kid(service: &WebApp) -> (String, String) {
    let tokens = service.token(&[("grant_type", "client_credentials")]).await.expect_tokens();
    let kid = header(&tokens.access_token)["kid"].as_str().expect("a kid").to_owned();
    (kid, tokens.access_token)
}

/// Waits until the keys have moved on, which each instance looks for every second.
async fn moved_on() {
    tokio::time::sleep(Duration::from_millis(1500)).await;
}

both! {
    /// RFC 7517 §4, OpenID Connect Core §10.1.
    async fn m5_the_published_keys_are_public_and_named(server: TestServer) {
        let app = WebApp::register(&server).await;
        let keys = published(&app).await;
        let mut kids = kids(&app).await;
        kids.sort_unstable();
        kids.dedup();
        assert_eq!(kids.len(), keys.len());
        for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
            assert!(keys.iter().any(|key| key["alg"] == alg), "{alg}");
        }
        for key in &keys {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert_eq!(key.get(private), None, "{private}");
            }
            assert!(key["use"].is_string() && key["alg"].is_string() && key["kty"].is_string());
        }
    }

    async fn m6_a_next_key_is_published_before_it_signs(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let (old, old_token) = signing_kid(&service).await;
        let next = keys::rotate(&server.provider, SigningAlgorithm::ES256, system());
        let next = next.await.expect("the key can be rotated").kid;

        assert!(kids(&service).await.contains(&next));
        assert_eq!(signing_kid(&service).await.0, old);

        server.clock.advance_seconds(590);
        moved_on().await;
        assert_eq!(signing_kid(&service).await.0, old, "twice the age of a kept JWKS");

        server.clock.advance_seconds(20);
        moved_on().await;
        assert_eq!(signing_kid(&service).await.0, next);
        assert!(kids(&service).await.contains(&old), "tokens of the old key still live");
        assert!(!service.is_active(&old_token).await, "this one has expired by now");

        server.clock.advance_seconds(25 * 3600);
        moved_on().await;
        let kids = kids(&service).await;
        assert!(!kids.contains(&old) && kids.contains(&next));
    }

    async fn tokens_of_a_retiring_key_still_verify(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let rotated = keys::rotate(&server.provider, SigningAlgorithm::ES256, system());
        rotated.await.expect("the key can be rotated");
        server.clock.advance_seconds(598);
        let (old, token) = signing_kid(&service).await;
        server.clock.advance_seconds(5);
        moved_on().await;
        assert_ne!(signing_kid(&service).await.0, old);
        assert!(service.is_active(&token).await);
    }

    async fn a_withdrawn_key_ends_its_tokens_at_once(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let (old, token) = signing_kid(&service).await;
        assert!(service.is_active(&token).await);

        let withdrawn = keys::withdraw(&server.provider, &old, system()).await;
        withdrawn.expect("the key can be withdrawn");

        assert!(!service.is_active(&token).await);
        assert!(!kids(&service).await.contains(&old));
        let (new, token) = signing_kid(&service).await;
        assert_ne!(new, old);
        assert!(service.is_active(&token).await);
    }

    async fn y_02_nothing_that_a_withdrawn_key_signs_counts_for_a_month(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let (old, _) = signing_kid(&service).await;
        let withdrawn = keys::withdraw(&server.provider, &old, system()).await;
        withdrawn.expect("the key can be withdrawn");
        server.settle().await;
        // Whoever stole it says when it was issued.
        let list = server.provider.revocation.list();
        let forged = |kid, issued_at| {
            let (jti, subject, client_id) = ("j", "ada", "app");
            let facts = TokenFacts { jti, subject, client_id, sid: None, kid: Some(kid), issued_at };
            list.read().expect("no panic").is_revoked(&facts)
        };
        for days in [0, 1, 29] {
            let issued_at = server.provider.now() + Lifetime::days(days);
            assert!(forged(&old, issued_at), "{days}");
            assert!(!forged("another", issued_at), "{days}");
        }
        server.clock.advance_seconds(29 * 86_400);
        let now = server.clock.now();
        let find = move |conn: &mut _| revocations::find(conn, &[&old], now);
        assert_eq!(server.provider.db.read(find).await.expect("rows").len(), 1);
    }

    async fn a_key_that_has_grown_old_is_rotated_by_itself(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let before = kids(&service).await;
        server.clock.advance_seconds(91 * 86_400);
        for _ in 0..40 {
            if kids(&service).await.len() > before.len() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("no next key was published");
    }

    async fn the_jwks_is_kept_by_its_entity_tag(server: TestServer) {
        let app = WebApp::register(&server).await;
        let url = server.url("/jwks");
        let first = Reply::read(app.http.get(&url).send().await.expect("an answer")).await;
        assert_eq!(first.header("cache-control"), "public, max-age=300");
        assert_eq!(first.header("access-control-allow-origin"), "*");
        let again = app.http.get(&url).header("If-None-Match", first.header("etag"));
        let again = Reply::read(again.send().await.expect("an answer")).await;
        assert_eq!((again.status, &*again.text), (304, ""));
    }
}
