//! N: sign-out.

use crate::support::crypto::{claims, unsigned};
use crate::support::{Agent, Page, TestServer, WebApp, both};

const BACK: (&str, &str) = ("post_logout_redirect_uri", "https://app.example/out");

async fn logout(agent: &Agent, params: &[(&str, &str)]) -> Page {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    agent.open(&format!("/logout?{}", query.extend_pairs(params).finish())).await
}

async fn is_signed_in(app: &WebApp) -> bool {
    app.authorize(&[("prompt", "none")]).await.expect_answer().has("code")
}

both! {
    async fn lo_01_nobody_is_sent_to_an_address_that_is_not_registered(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let other = WebApp::register_as(&server, |draft| {
            draft.metadata.post_logout_redirect_uris = vec!["https://other.example/out".into()];
        })
        .await;
        let hint = app.tokens("ada", "openid").await.id_token;
        let hint = ("id_token_hint", &*hint);
        for uri in [
            "https://evil.example/", "https://other.example/out", "https://app.example/out?foo=bar",
            "https://app.example/out/", "javascript:alert(1)", "//evil.example", "/account",
        ] {
            let page = logout(&app.agent, &[hint, ("post_logout_redirect_uri", uri)]).await;
            assert!(page.answer().is_none(), "{uri}: {:?}", page.answer());
        }
        let mismatch = [hint, BACK, ("client_id", &*other.id)];
        assert!(logout(&app.agent, &mismatch).await.answer().is_none());
        assert!(logout(&app.agent, &[BACK]).await.answer().is_none());
        assert!(is_signed_in(&app).await, "nothing of this signs anybody out");
    }

    async fn lo_02_a_page_elsewhere_signs_nobody_out(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.tokens("ada", "openid").await;
        let page = logout(&app.agent, &[]).await;
        assert!(page.has_id("logout-confirm"));
        let forged = app.agent.post("/logout", &[("decision", "logout")]).await;
        assert!(forged.location().is_none_or(|to| to.starts_with("/logout")));
        let wrong = [("decision", "logout"), ("csrf", "AAAA")];
        assert!(matches!(app.agent.post("/logout", &wrong).await.status, 400 | 403));
        assert!(is_signed_in(&app).await);
    }

    async fn lo_03_a_hint_of_another_person_signs_nobody_out_unasked(server: TestServer) {
        server.user("ada").await;
        server.user("grace").await;
        let app = WebApp::register(&server).await;
        let grace = app.in_another_browser();
        let hint = grace.tokens("grace", "openid").await.id_token;
        let own = app.tokens("ada", "openid").await.id_token;
        let page = logout(&app.agent, &[("id_token_hint", &hint), BACK]).await;
        assert!(page.has_id("logout-confirm"), "{}", page.body);
        let forged = unsigned(r#"{"alg":"none","typ":"JWT"}"#, &claims(&own).to_string(), "");
        let page = logout(&app.agent, &[("id_token_hint", &forged), BACK]).await;
        assert!(page.answer().is_none());
        assert!(is_signed_in(&app).await && is_signed_in(&grace).await);
    }

    async fn lo_04_after_a_sign_out_the_session_is_dead(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        let page = app.authorize(&[("prompt", "consent")]).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        logout(&app.agent, &[("id_token_hint", &tokens.id_token), BACK]).await.expect_answer();
        assert!(!is_signed_in(&app).await);
        assert!(!app.is_active(&tokens.access_token).await);
        app.redeem(&code).await.expect(400, "invalid_grant");
        let back = app.agent.decide(&page, "allow").await;
        assert!(back.answer().is_none_or(|answer| !answer.has("code")), "{:?}", back.answer());
    }

    async fn lo_07_a_session_that_ended_gives_no_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for _ in 0..3 {
            let tokens = app.tokens("ada", "openid").await;
            let url = app.authorize_url(&[("prompt", "none")]);
            let hint = [("id_token_hint", &*tokens.id_token), BACK];
            // The cookies of before the sign-out, held by somebody who is quick.
            let stale = app.clone();
            let (out, raced) = tokio::join!(logout(&app.agent, &hint), stale.agent.open(&url));
            assert!(out.answer().is_some());
            let raced = raced.expect_answer();
            if raced.has("code") {
                let code = crate::support::Code {
                    value: raced.get("code").to_owned(),
                    verifier: crate::support::VERIFIER.into(),
                };
                app.redeem(&code).await.expect(400, "invalid_grant");
            }
            assert!(!is_signed_in(&app).await);
        }
    }
}
