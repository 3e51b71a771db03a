//! The authorization endpoint (OpenID Connect Core §3.1.2): prompt, max_age, hints, claims, modes.

use crate::support::crypto::claims;
use crate::support::{Agent, TestServer, WebApp, both};

const CLAIMS: &str = r#"{"userinfo":{"name":{"essential":true}},"id_token":{"nickname":null}}"#;

both! {
    /// RFC 6749 §4.1.2, RFC 9207 §2.
    async fn the_answer_is_code_state_and_issuer_and_no_more(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let state = "s+ %/?&=#\u{fc}".repeat(10);
        let answer = app.pass("ada", &[("state", &state)]).await;
        let names: Vec<&str> = answer.params.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["code", "state", "iss"]);
        assert_eq!((answer.get("state"), answer.get("iss")), (&*state, server.issuer()));
        assert_eq!(answer.get("code").len(), 75);
        let without = app.pass("ada", &[("state", "")]).await;
        assert!(!without.has("state"));
    }

    async fn the_request_may_be_posted(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let url = app.authorize_url(&[]);
        let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(a, b)| (&**a, &**b)).collect();
        let page = app.agent.follow(app.agent.post("/authorize", &form).await).await;
        let page = app.agent.log_in(&page, "ada").await;
        assert!(app.agent.decide(&page, "allow").await.expect_answer().has("code"));
    }

    /// Browsers keep cookies back from a form on another site's page (SameSite), so the request has
    /// to find its session with the next step, and nothing may take the place of what was kept back.
    async fn a_request_posted_from_another_site_finds_the_session(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        let open_page = app.authorize(&[("prompt", "login")]).await;
        let url = app.authorize_url(&[]);
        let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(a, b)| (&**a, &**b)).collect();

        let posted = app.in_another_browser().agent.post("/authorize", &form).await;
        assert_eq!(posted.status, 303, "{}", posted.body);
        assert!(posted.headers.get("set-cookie").is_none(), "{:?}", posted.headers);
        let next = posted.location().expect("it leads on").to_owned();
        assert!(next.starts_with("/authorize/resume?txn="), "{next}");

        assert!(app.agent.open(&next).await.expect_answer().has("code"), "signed in before");
        let open_page = app.agent.log_in(&open_page, "ada").await;
        assert!(open_page.expect_answer().has("code"), "what was open before still works");
        let stranger = app.in_another_browser();
        let page = stranger.agent.open(&next).await;
        stranger.agent.log_in(&page, "ada").await.expect_error_page();
    }

    async fn a_session_serves_every_app_of_the_browser(server: TestServer) {
        server.user("ada").await;
        let first = WebApp::register(&server).await;
        let second = WebApp::register(&server).await.in_browser_of(&first);
        first.code("ada", &[]).await;
        let page = second.authorize(&[]).await;
        page.expect_consent();
        assert!(second.agent.decide(&page, "allow").await.expect_answer().has("code"));
    }

    async fn consent_is_remembered_until_more_is_asked_for(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[("scope", "openid email")]).await;
        assert!(app.authorize(&[("scope", "openid")]).await.expect_answer().has("code"));
        app.authorize(&[("scope", "openid profile")]).await.expect_consent();
    }

    async fn a_client_of_the_house_need_not_ask(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| draft.policy.skip_consent = true).await;
        let page = app.authorize(&[]).await;
        assert!(app.agent.log_in(&page, "ada").await.expect_answer().has("code"));
    }

    async fn i1_prompt_none_shows_no_page(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let state = "x".repeat(128);
        let silent = [("prompt", "none"), ("state", &*state)];
        let refusal = app.authorize(&silent).await.expect_refusal("login_required");
        assert_eq!(refusal.get("state"), state);
        let page = app.authorize(&[]).await;
        app.agent.log_in(&page, "ada").await.expect_consent();
        app.authorize(&silent).await.expect_refusal("consent_required");
    }

    async fn i2_prompt_none_tells_of_the_same_sign_in(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", "openid").await;
        server.clock.advance_seconds(50);
        let silent = app.code("ada", &[("prompt", "none")]).await;
        let second = app.redeem(&silent).await.expect_tokens();
        let (first, second) = (claims(&first.id_token), claims(&second.id_token));
        assert_eq!(first["sub"], second["sub"]);
        assert_eq!(first["auth_time"], second["auth_time"]);
    }

    async fn i3_prompt_login_asks_for_the_password_again(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", "openid").await;
        server.clock.advance_seconds(50);
        let page = app.authorize(&[("prompt", "login")]).await;
        let answer = app.agent.log_in(&page, "ada").await.expect_answer();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", answer.get("code")),
            ("redirect_uri", &*app.redirect_uri),
            ("code_verifier", crate::support::VERIFIER),
        ];
        let second = app.token(&form).await.expect_tokens();
        let (first, second) = (claims(&first.id_token), claims(&second.id_token));
        assert!(second["auth_time"].as_i64() >= first["auth_time"].as_i64().map(|at| at + 50));
    }

    async fn i4_max_age_asks_again_when_the_sign_in_is_too_old(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        server.clock.advance_seconds(2);
        app.authorize(&[("max_age", "1")]).await.expect_login();
        let young = app.code("ada", &[("max_age", "1000")]).await;
        let tokens = app.redeem(&young).await.expect_tokens();
        assert!(claims(&tokens.id_token)["auth_time"].is_i64());
        let silent = app.authorize(&[("max_age", "1"), ("prompt", "none")]).await;
        silent.expect_refusal("login_required");
    }

    async fn a_client_may_register_a_max_age(server: TestServer) {
        server.user("ada").await;
        let app =
            WebApp::register_as(&server, |draft| draft.metadata.default_max_age = Some(60)).await;
        app.code("ada", &[]).await;
        assert!(app.authorize(&[]).await.expect_answer().has("code"));
        server.clock.advance_seconds(61);
        app.authorize(&[]).await.expect_login();
    }

    async fn i5_a_hint_of_the_user_passes_and_of_another_does_not(server: TestServer) {
        server.user("ada").await;
        server.user("grace").await;
        let app = WebApp::register(&server).await;
        let ada = app.tokens("ada", "openid").await.id_token;
        let grace = app.in_another_browser().tokens("grace", "openid").await.id_token;
        server.clock.advance_seconds(2 * 3600);
        let own = app.authorize(&[("prompt", "none"), ("id_token_hint", &ada)]).await;
        assert!(own.expect_answer().has("code"), "an expired hint is a hint");
        let other = app.authorize(&[("prompt", "none"), ("id_token_hint", &grace)]).await;
        other.expect_refusal("login_required");
        app.authorize(&[("id_token_hint", &grace)]).await.expect_login();
    }

    async fn i6_prompt_consent_asks_again(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        app.authorize(&[("prompt", "consent")]).await.expect_consent();
    }

    async fn i7_whoever_says_no_is_taken_back_with_access_denied(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[]).await;
        let cancelled = app.agent.submit(&page, "/login", &[("decision", "cancel")]).await;
        assert_eq!(cancelled.expect_refusal("access_denied").get("state"), "the-state");
        let page = app.agent.log_in(&page, "ada").await;
        let denied = app.agent.decide(&page, "deny").await;
        assert_eq!(denied.expect_refusal("access_denied").get("state"), "the-state");
    }

    async fn select_account_lets_the_person_choose(server: TestServer) {
        let ada = server.user("ada").await;
        server.user("grace").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        let page = app.authorize(&[("prompt", "select_account")]).await;
        assert!(page.has_id("select-other"), "{}", page.body);
        let chosen = [("account", &*ada.user.id)];
        let done = app.agent.submit(&page, "/select", &chosen).await;
        assert!(done.expect_answer().has("code"));
        let page = app.authorize(&[("prompt", "select_account")]).await;
        let other = app.agent.submit(&page, "/select", &[("account", "")]).await;
        let other = app.agent.log_in(&other, "grace").await;
        assert!(app.agent.decide(&other, "allow").await.expect_answer().has("code"));
    }

    async fn not_you_lets_somebody_else_sign_in(server: TestServer) {
        server.user("ada").await;
        let grace = server.user("grace").await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[]).await;
        let page = app.agent.log_in(&page, "ada").await;
        let page = app.agent.submit(&page, "/consent/switch", &[("switch", "1")]).await;
        let page = app.agent.log_in(&page, "grace").await;
        let answer = app.agent.decide(&page, "allow").await.expect_answer();
        let code = crate::support::Code {
            value: answer.get("code").to_owned(),
            verifier: crate::support::VERIFIER.into(),
        };
        let tokens = app.redeem(&code).await.expect_tokens();
        assert_eq!(claims(&tokens.id_token)["sub"], *grace.user.id);
    }

    async fn a11_a_login_hint_fills_the_name_in(server: TestServer) {
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("login_hint", "ada@example.org")]).await;
        assert_eq!(page.expect_login().hidden("username"), "");
        assert!(page.body.contains("value=\"ada@example.org\""), "{}", page.body);
    }

    async fn a9_what_only_advises_never_fails(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for advice in [
            ("display", "popup"),
            ("ui_locales", "se"),
            ("claims_locales", "se"),
            ("acr_values", "1 2"),
            ("login_hint", "nobody"),
            ("unknown", "x"),
        ] {
            app.code("ada", &[advice]).await;
        }
    }

    async fn a5_a_redirect_uri_keeps_its_own_query(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.redirect_uris = vec!["https://app.example/cb?shop=1&x=%20".into()];
        })
        .await;
        let answer = app.pass("ada", &[]).await;
        assert_eq!(answer.get("shop"), "1");
        assert_eq!(answer.get("x"), " ");
        assert!(answer.has("code"));
    }

    async fn f1_form_post_is_a_form_that_posts_itself(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let answer = app.pass("ada", &[("response_mode", "form_post")]).await;
        assert_eq!(answer.to, app.redirect_uri);
        let names: Vec<&str> = answer.params.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["code", "state", "iss"]);
        let refused = [("response_mode", "form_post"), ("prompt", "none"), ("scope", "openid email")];
        let page = app.in_another_browser().authorize(&refused).await;
        assert_eq!(page.status, 200);
        page.expect_refusal("login_required");
    }

    async fn u6_single_claims_can_be_asked_for(server: TestServer) {
        server
            .user_with("ada", |new| {
                new.claims.insert("nickname".into(), "Countess".into());
            })
            .await;
        let app = WebApp::register(&server).await;
        let code = app.code("ada", &[("claims", CLAIMS)]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        let id_token = claims(&tokens.id_token);
        assert_eq!(id_token["nickname"], "Countess");
        assert_eq!(id_token["name"], serde_json::Value::Null);
        let about = app.userinfo(&tokens.access_token).await.json;
        assert_eq!(about["name"], "The ada");
        assert_eq!(about["nickname"], serde_json::Value::Null);
    }

    async fn a10_an_essential_acr_that_cannot_be_met_is_an_error(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let unmet = r#"{"id_token":{"acr":{"essential":true,"values":["9"]}}}"#;
        let page = app.authorize(&[("claims", unmet)]).await;
        page.expect_refusal("unmet_authentication_requirements");
        let met = r#"{"id_token":{"acr":{"essential":true,"values":["9","1"]}}}"#;
        let code = app.code("ada", &[("claims", met)]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        assert_eq!(claims(&tokens.id_token)["acr"], "1");
    }

    async fn a_session_ends_when_it_is_idle_or_old(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        server.clock.advance_seconds(11 * 3600);
        assert!(app.authorize(&[("prompt", "none")]).await.expect_answer().has("code"));
        server.clock.advance_seconds(13 * 3600);
        app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
    }

    async fn a_page_that_was_left_open_for_long_asks_again(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[]).await;
        server.clock.advance_seconds(31 * 60);
        let again = app.agent.log_in(&page, "ada").await;
        let page = app.agent.log_in(&again, "ada").await;
        assert!(app.agent.decide(&page, "allow").await.expect_answer().has("code"));
    }
}

/// RFC 8252 §7.3: a native app listens on whatever port is free.
#[tokio::test]
async fn a_loopback_redirect_may_use_any_port() {
    let server = TestServer::start().await;
    server.user("ada").await;
    let app = WebApp::register_as(&server, |draft| {
        draft.metadata.application_type = countersign::protocol::client::ApplicationType::Native;
        draft.metadata.redirect_uris = vec!["http://127.0.0.1/cb".into()];
    })
    .await;
    let answer = app.pass("ada", &[("redirect_uri", "http://127.0.0.1:51004/cb")]).await;
    assert_eq!(answer.to, "http://127.0.0.1:51004/cb");
}

#[tokio::test]
async fn the_pages_speak_the_language_that_the_app_asks_for() {
    let server = TestServer::start().await;
    let app = WebApp::register(&server).await;
    let page = app.authorize(&[("ui_locales", "de")]).await;
    assert!(page.body.contains("lang=\"de\""), "{}", page.body);
    let page = Agent::new(&server).open(&app.authorize_url(&[])).await;
    assert!(page.body.contains("lang=\"en\""), "{}", page.body);
}
