//! Sign-out asked for by an app (OpenID Connect RP-Initiated Logout 1.0).

use crate::support::{Page, TestServer, WebApp, both};

const BACK: (&str, &str) = ("post_logout_redirect_uri", "https://app.example/out");

async fn logout(app: &WebApp, params: &[(&str, &str)]) -> Page {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(params).finish();
    app.agent.open(&format!("/logout?{query}")).await
}

/// The browser is signed in, or not.
async fn is_signed_in(app: &WebApp) -> bool {
    app.authorize(&[("prompt", "none")]).await.expect_answer().has("code")
}

both! {
    async fn l2_with_a_hint_the_person_is_signed_out_and_taken_back(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        server.clock.advance_seconds(2 * 3600);
        let state = "s".repeat(128);
        let hint = ("id_token_hint", &*tokens.id_token);
        let answer = logout(&app, &[hint, BACK, ("state", &state)]).await.expect_answer();
        assert_eq!(answer.to, "https://app.example/out");
        assert_eq!(answer.params, [("state".to_owned(), state)]);
        assert!(!is_signed_in(&app).await);
        let again = logout(&app, &[hint, BACK]).await.expect_answer();
        assert!(again.params.is_empty(), "no state, no parameter");
    }

    async fn l6_without_parameters_the_person_is_asked(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.tokens("ada", "openid").await;
        let page = logout(&app, &[("state", "x")]).await;
        assert!(page.has_id("logout-confirm"), "{}", page.body);
        assert!(is_signed_in(&app).await);
        let page = app.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
        assert_eq!(page.status, 200);
        assert!(page.answer().is_none(), "{}", page.body);
        assert!(page.body.contains("You are signed out"), "{}", page.body);
        assert!(!is_signed_in(&app).await);
    }

    async fn a_client_id_is_enough_after_a_question(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.tokens("ada", "openid").await;
        let page = logout(&app, &[("client_id", &app.id), BACK, ("state", "x")]).await;
        assert!(page.has_id("logout-confirm"), "{}", page.body);
        let fields = [
            ("client_id", &*app.id),
            BACK,
            ("state", "x"),
            ("decision", "logout"),
        ];
        let answer = app.agent.submit(&page, "/logout", &fields).await.expect_answer();
        assert_eq!(answer.to, "https://app.example/out");
        assert!(!is_signed_in(&app).await);
    }

    async fn whoever_wants_to_stay_stays(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.tokens("ada", "openid").await;
        let page = logout(&app, &[]).await;
        let form = [("csrf", &*page.hidden("csrf")), ("decision", "stay")];
        assert_eq!(app.agent.post("/logout", &form).await.location(), Some("/account"));
        assert!(is_signed_in(&app).await);
    }

    async fn a_sign_out_ends_the_tokens_of_the_session(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        assert!(app.is_active(&tokens.access_token).await);
        logout(&app, &[("id_token_hint", &tokens.id_token), BACK]).await.expect_answer();
        assert!(!app.is_active(&tokens.access_token).await);
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 401);
    }

    async fn a_sign_out_here_leaves_other_browsers_alone(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let other = app.in_another_browser();
        let tokens = app.tokens("ada", "openid").await;
        let others = other.tokens("ada", "openid").await;
        logout(&app, &[("id_token_hint", &tokens.id_token), BACK]).await.expect_answer();
        assert!(other.is_active(&others.access_token).await);
        assert!(is_signed_in(&other).await);
    }

    async fn l1_an_app_may_post_its_request(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        let form = [("id_token_hint", &*tokens.id_token), BACK, ("state", "x")];
        let page = app.agent.follow(app.agent.post("/logout", &form).await).await;
        let answer = page.expect_answer();
        assert_eq!((answer.to.as_str(), answer.get("state")), (BACK.1, "x"));
        assert!(!is_signed_in(&app).await);
    }

    async fn l3_an_address_that_is_not_registered_leads_nowhere(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        for uri in ["https://app.example/other", "https://app.example/out?foo=bar", ""] {
            let hint = ("id_token_hint", &*tokens.id_token);
            let page = logout(&app, &[hint, ("post_logout_redirect_uri", uri)]).await;
            assert!(page.answer().is_none(), "{uri}: {:?}", page.answer());
        }
    }

    async fn l4_a_hint_that_is_not_ours_leads_nowhere(server: TestServer) {
        use crate::support::crypto::{claims, key, sign, unsigned};
        use countersign::jose::{SigningAlgorithm, Typ};
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let other = WebApp::register(&server).await;
        let own = app.tokens("ada", "openid").await.id_token;
        let told = claims(&own);
        let none = unsigned(r#"{"alg":"none","typ":"JWT"}"#, &told.to_string(), "");
        let foreign = sign(&key(SigningAlgorithm::RS256), Typ::IdToken, &told);
        for hint in [&none, &foreign, &own[..own.len() - 4].to_owned(), &"x".to_owned()] {
            let page = logout(&app, &[("id_token_hint", hint), BACK]).await;
            assert!(page.answer().is_none(), "{hint}: {:?}", page.answer());
        }
        let of_another = [("id_token_hint", &*own), BACK, ("client_id", &*other.id)];
        assert!(logout(&app, &of_another).await.answer().is_none());
        assert!(is_signed_in(&app).await);
    }

    async fn l5_an_address_without_a_client_leads_nowhere(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.tokens("ada", "openid").await;
        for extra in [("state", "x"), ("client_id", "unknown")] {
            assert!(logout(&app, &[BACK, extra]).await.answer().is_none(), "{extra:?}");
        }
        assert!(is_signed_in(&app).await);
    }

    async fn l10_offline_access_outlives_the_sign_out(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let offline = app.tokens("ada", "openid offline_access").await;
        logout(&app, &[("id_token_hint", &offline.id_token), BACK]).await.expect_answer();
        app.refresh(&offline.refresh_token).await.expect_tokens();
        assert!(!app.is_active(&offline.access_token).await);
        assert!(!is_signed_in(&app).await);
    }
}
