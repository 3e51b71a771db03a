//! Access tokens that are not plain signed tokens: encrypted (RFC 7519 §5.2) and opaque.

use crate::support::crypto::{claims, header};
use crate::support::test_server::system;
use crate::support::{TestServer, Tokens, WebApp, both};
use countersign::domain::keys;
use countersign::jose::{DecryptionKey, KeyManagement};
use countersign::protocol::client::AccessTokenFormat;

async fn app_with(server: &TestServer, format: AccessTokenFormat) -> WebApp {
    WebApp::register_as(server, |draft| draft.policy.access_token_format = format).await
}

fn signing_kid(tokens: &Tokens) -> String {
    header(&tokens.access_token)["kid"].as_str().expect("a kid").to_owned()
}

async fn withdraw(server: &TestServer, kid: &str) {
    let withdrawn = keys::withdraw(&server.provider, kid, system()).await;
    withdrawn.expect("the key can be withdrawn");
}

/// Whatever it looks like, it works at the provider and ends when it is revoked.
async fn works_until_revoked(app: &WebApp, access_token: &str, subject: &str) {
    let about = app.introspect(access_token).await;
    assert_eq!((&about["active"], &about["sub"]), (&true.into(), &subject.into()));
    assert_eq!(app.userinfo(access_token).await.json["sub"], subject);
    assert_eq!(app.revoke(access_token).await.status, 200);
    assert!(!app.is_active(access_token).await);
    assert_eq!(app.userinfo(access_token).await.status, 401);
}

both! {
    async fn an_opaque_token_says_nothing_by_itself(server: TestServer) {
        let ada = server.user("ada").await;
        let app = app_with(&server, AccessTokenFormat::Opaque).await;
        let tokens = app.tokens("ada", "openid").await;
        assert_eq!(tokens.access_token.len(), 43);
        assert!(!tokens.access_token.contains('.'));
        works_until_revoked(&app, &tokens.access_token, &ada.user.id).await;
    }

    async fn an_encrypted_token_is_opened_by_its_resource_alone(server: TestServer) {
        let ada = server.user("ada").await;
        let resource = DecryptionKey::generate(KeyManagement::EcdhEs).expect("a key");
        let jwk = resource.public_jwk();
        let app = WebApp::register_as(&server, |draft| {
            draft.policy.access_token_format = AccessTokenFormat::Jwe;
            draft.policy.access_token_encryption_jwk = Some(jwk);
        })
        .await;
        let tokens = app.tokens("ada", "openid").await;
        let outer = header(&tokens.access_token);
        assert_eq!((&outer["cty"], &outer["enc"]), (&"JWT".into(), &"A256GCM".into()));
        let opened = resource.decrypt(&tokens.access_token, &KeyManagement::PUBLIC);
        let inner = opened.expect("it opens").jwt().expect("a signed token").to_owned();
        assert_eq!(claims(&inner)["sub"], *ada.user.id);
        assert_eq!(header(&inner)["typ"], "at+jwt");
        works_until_revoked(&app, &tokens.access_token, &ada.user.id).await;
    }

    async fn an_encrypted_token_without_a_resource_key_is_for_the_provider(server: TestServer) {
        let ada = server.user("ada").await;
        let app = app_with(&server, AccessTokenFormat::Jwe).await;
        let tokens = app.tokens("ada", "openid").await;
        assert_eq!(tokens.access_token.matches('.').count(), 4);
        works_until_revoked(&app, &tokens.access_token, &ada.user.id).await;
    }

    async fn a_block_ends_every_format(server: TestServer) {
        let ada = server.user("ada").await;
        let mut given = Vec::new();
        for format in [AccessTokenFormat::Opaque, AccessTokenFormat::Jwe, AccessTokenFormat::Jwt] {
            let app = app_with(&server, format).await;
            let tokens = app.tokens("ada", "openid").await;
            assert!(app.is_active(&tokens.access_token).await);
            given.push((app, tokens.access_token));
        }
        server.block(&ada).await;
        for (app, token) in given {
            assert!(!app.is_active(&token).await);
        }
    }

    async fn a_withdrawn_key_ends_the_encrypted_tokens_that_it_signed(server: TestServer) {
        server.user("ada").await;
        let signed = WebApp::register(&server).await;
        let kid = signing_kid(&signed.tokens("ada", "openid").await);
        let there = server.beside_if_possible().await;
        let mut given = Vec::new();
        for format in [AccessTokenFormat::Jwe, AccessTokenFormat::Jwt, AccessTokenFormat::Opaque] {
            let app = app_with(&server, format).await;
            given.push((app.clone(), app.tokens("ada", "openid").await.access_token, format));
        }
        withdraw(&server, &kid).await;
        for (app, token, format) in given {
            let is_opaque = format == AccessTokenFormat::Opaque;
            // At once also where the key is not yet known to be withdrawn.
            for asked in there.iter().map(|there| app.turned_to(there)).chain([app.clone()]) {
                assert_eq!(asked.is_active(&token).await, is_opaque, "{format:?}");
                let status = if is_opaque { 200 } else { 401 };
                assert_eq!(asked.userinfo(&token).await.status, status, "{format:?}");
            }
            let new = app.tokens("ada", "openid").await.access_token;
            assert!(app.is_active(&new).await, "{format:?}: under the next key");
        }
    }

    async fn a_withdrawn_key_ends_no_token_of_another(server: TestServer) {
        server.user("ada").await;
        let other = WebApp::register_as(&server, |draft| {
            draft.policy.access_token_signed_alg = Some("EdDSA".into());
        })
        .await;
        let kid = signing_kid(&other.tokens("ada", "openid").await);
        let app = WebApp::register_as(&server, |draft| {
            draft.policy.access_token_format = AccessTokenFormat::Jwe;
            draft.policy.access_token_signed_alg = Some("ES256".into());
        })
        .await;
        let token = app.tokens("ada", "openid").await.access_token;
        withdraw(&server, &kid).await;
        assert!(app.is_active(&token).await);
    }

    async fn the_algorithm_of_an_access_token_is_a_policy(server: TestServer) {
        server.user("ada").await;
        for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
            let app = WebApp::register_as(&server, |draft| {
                draft.policy.access_token_signed_alg = Some(alg.into());
            })
            .await;
            let tokens = app.tokens("ada", "openid").await;
            assert_eq!(header(&tokens.access_token)["alg"], alg);
            assert!(app.is_active(&tokens.access_token).await);
        }
    }
}
