//! How fresh a sign-in must be (`max_age`, `prompt=login`), and that one made for a request counts
//! for that request however long its other pages take.

use crate::support::crypto::claims;
use crate::support::{Code, Page, TestServer, VERIFIER, WebApp, both};
use serde_json::Value;

async fn id_token(app: &WebApp, page: &Page) -> Value {
    let answer = page.expect_answer();
    assert_eq!(answer.get("error"), "", "{answer:?}");
    let code = Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() };
    claims(&app.redeem(&code).await.expect_tokens().id_token)
}

both! {
    async fn i4_a_sign_in_for_this_request_counts_however_long_consent_takes(server: TestServer) {
        server.user("ada").await;
        for max_age in ["0", "1"] {
            let app = WebApp::register(&server).await;
            let page = app.authorize(&[("max_age", max_age)]).await;
            server.clock.advance_seconds(90);
            let page = app.agent.log_in(&page, "ada").await;
            let signed_in_at = server.provider.now().as_unix();
            server.clock.advance_seconds(300);
            let again = app.agent.open(page.expect_consent().url.as_str()).await;
            let page = app.agent.decide(&again, "allow").await;
            let id_token = id_token(&app, &page).await;
            assert_eq!(id_token["auth_time"], signed_in_at);
            assert_eq!(id_token["iat"], server.provider.now().as_unix());
        }
    }

    async fn i4_a_sign_in_for_this_request_counts_although_the_app_is_known(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        for extra in [("max_age", "1"), ("prompt", "login")] {
            server.clock.advance_seconds(2);
            let page = app.authorize(&[extra]).await;
            server.clock.advance_seconds(10);
            let page = app.agent.log_in(&page, "ada").await;
            let id_token = id_token(&app, &page).await;
            assert_eq!(id_token["auth_time"], server.provider.now().as_unix());
        }
    }

    async fn i4_the_next_request_asks_again_all_the_same(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[("max_age", "1")]).await;
        server.clock.advance_seconds(1);
        assert!(app.authorize(&[("max_age", "1")]).await.answer().is_some());
        server.clock.advance_seconds(1);
        app.authorize(&[("max_age", "1")]).await.expect_login();
        let silent = app.authorize(&[("max_age", "1"), ("prompt", "none")]).await;
        silent.expect_refusal("login_required");
    }

    async fn i4_a_sign_in_for_one_request_is_not_one_for_another(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        server.clock.advance_seconds(2);
        let waiting = app.authorize(&[("max_age", "1"), ("state", "first")]).await;
        let page = app.authorize(&[("max_age", "1"), ("state", "second")]).await;
        let page = app.agent.log_in(&page, "ada").await;
        assert_eq!(page.expect_answer().get("state"), "second");
        server.clock.advance_seconds(2);
        app.agent.open(waiting.expect_login().url.as_str()).await.expect_login();
    }
}
