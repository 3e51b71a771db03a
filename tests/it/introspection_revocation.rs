//! Introspection (RFC 7662) and revocation (RFC 7009).

use crate::support::{TestServer, WebApp, both};
use serde_json::json;

const SCOPE: &str = "openid email offline_access";

both! {
    async fn a_client_learns_all_about_its_own_access_token(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let about = app.introspect(&tokens.access_token).await;
        assert_eq!(about["active"], true);
        assert_eq!(about["sub"], *ada.user.id);
        assert_eq!(about["client_id"], *app.id);
        assert_eq!(about["scope"], "email offline_access openid");
        assert_eq!(about["username"], "ada");
        assert_eq!(about["token_type"], "Bearer");
        assert_eq!(about["iss"], server.issuer());
        assert!(about["exp"].is_i64() && about["iat"].is_i64() && about["jti"].is_string());
    }

    async fn a_service_may_ask_about_every_access_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let service = WebApp::register_service(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        assert_eq!(service.introspect(&tokens.access_token).await["active"], true);
        assert!(!service.is_active(&tokens.refresh_token).await, "of no concern to a service");
    }

    async fn another_app_learns_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let other = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        for token in [&tokens.access_token, &tokens.refresh_token, &tokens.id_token] {
            assert_eq!(other.introspect(token).await, json!({"active": false}));
        }
    }

    async fn a_refresh_token_is_active_until_it_is_spent(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let about = app.introspect(&tokens.refresh_token).await;
        assert_eq!((&about["active"], &about["client_id"]), (&json!(true), &json!(app.id)));
        app.refresh(&tokens.refresh_token).await.expect_tokens();
        assert!(!app.is_active(&tokens.refresh_token).await);
    }

    async fn the_answer_is_not_kept(server: TestServer) {
        let app = WebApp::register(&server).await;
        let reply = app.call("/introspect", &[("token", "x")]).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.json, json!({"active": false}));
    }

    async fn a_revoked_access_token_is_dead_and_its_grant_is_not(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let reply = app.revoke(&tokens.access_token).await;
        assert_eq!((reply.status, &*reply.text), (200, ""));
        assert!(!app.is_active(&tokens.access_token).await);
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 401);
        app.refresh(&tokens.refresh_token).await.expect_tokens();
    }

    async fn a_revoked_refresh_token_takes_everything_with_it(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        assert_eq!(app.revoke(&second.refresh_token).await.status, 200);
        for token in [&first.access_token, &second.access_token, &second.refresh_token] {
            assert!(!app.is_active(token).await);
        }
        app.refresh(&second.refresh_token).await.expect(400, "invalid_grant");
    }

    async fn a_public_client_may_revoke_its_own(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_public(&server).await;
        let service = WebApp::register_service(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        assert_eq!(app.revoke(&tokens.access_token).await.status, 200);
        assert!(!service.is_active(&tokens.access_token).await);
    }

    async fn a_service_may_revoke_its_own_token(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let tokens = service.token(&[("grant_type", "client_credentials")]).await.expect_tokens();
        assert!(service.is_active(&tokens.access_token).await);
        assert_eq!(service.revoke(&tokens.access_token).await.status, 200);
        assert!(!service.is_active(&tokens.access_token).await);
    }

    async fn a_token_of_another_client_stays_as_it_is(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let other = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        for token in [&tokens.access_token, &tokens.refresh_token] {
            other.revoke(token).await.expect(400, "invalid_grant");
            assert!(app.is_active(token).await);
        }
    }
}
