//! What becomes of a client's tokens when the client changes.

use crate::support::test_server::system;
use crate::support::{TestServer, WebApp, both};
use countersign::domain::clients::management;

const SCOPE: &str = "openid offline_access";

both! {
    async fn a_client_that_was_disabled_gets_nothing_for_what_it_held(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let other = WebApp::register(&server).await;
        let service = WebApp::register_service(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        let of_other = other.tokens("ada", SCOPE).await;

        let ground = server.provider.ground();
        assert!(management::disable(&ground, &app.id, system()).await.expect("it can be"));
        server.settle().await;
        app.refresh(&tokens.refresh_token).await.expect(401, "invalid_client");
        app.redeem(&code).await.expect(401, "invalid_client");
        assert!(!service.is_active(&tokens.access_token).await);
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 401);
        app.authorize(&[]).await.expect_error_page();

        assert!(management::enable(&ground, &app.id, system()).await.expect("it can be"));
        server.settle().await;
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
        app.redeem(&code).await.expect(400, "invalid_grant");
        assert!(!service.is_active(&tokens.access_token).await, "what ended stays ended");
        server.clock.advance_seconds(1);
        let anew = app.tokens("ada", SCOPE).await;
        assert!(service.is_active(&anew.access_token).await);
        other.refresh(&of_other.refresh_token).await.expect_tokens();
    }
}
