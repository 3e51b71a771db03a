//! A: the authorization endpoint, its pages between request and answer.

use crate::support::{Agent, TestServer, WebApp, both};

both! {
    async fn az_11_prompt_login_cannot_be_passed_by_an_older_session(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        let page = app.authorize(&[("prompt", "login")]).await;
        let txn = page.expect_login().hidden("txn");
        for path in ["/authorize/resume", "/consent", "/select"] {
            let page = app.agent.open(&format!("{path}?txn={txn}")).await;
            page.expect_login();
        }
    }

    async fn az_23_two_tabs_do_not_mix(server: TestServer) {
        server.user("ada").await;
        let first = WebApp::register(&server).await;
        let second = WebApp::register_as(&server, |draft| {
            draft.metadata.redirect_uris = vec!["https://other.example/cb".into()];
        })
        .await
        .in_browser_of(&first);
        first.agent.sign_in("ada").await;
        let here = first.authorize(&[("state", "here")]).await;
        let there = second.authorize(&[("state", "there")]).await;
        let answer = first.agent.decide(&here, "allow").await.expect_answer();
        assert_eq!((&*answer.to, answer.get("state")), ("https://app.example/cb", "here"));
        let answer = second.agent.decide(&there, "allow").await.expect_answer();
        assert_eq!((&*answer.to, answer.get("state")), ("https://other.example/cb", "there"));
    }

    async fn az_24_an_interaction_of_another_browser_leads_nowhere(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let mine = app.authorize(&[]).await.expect_login().hidden("txn");
        let victim = Agent::new(&server);
        victim.sign_in("ada").await;
        for path in ["/login", "/consent", "/select", "/authorize/resume"] {
            victim.open(&format!("{path}?txn={mine}")).await.expect_error_page();
        }
        let page = victim.get("/login").await;
        let form = [("csrf", &*page.hidden("csrf")), ("txn", &*mine), ("decision", "allow")];
        victim.post("/consent", &form).await.expect_error_page();
    }

    async fn az_25_an_interaction_is_answered_once(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[]).await;
        let page = app.agent.log_in(&page, "ada").await;
        app.agent.decide(&page, "allow").await.expect_answer();
        app.agent.decide(&page, "allow").await.expect_error_page();
        let again = app.agent.open(&format!("/consent?txn={}", page.hidden("txn"))).await;
        again.expect_error_page();
    }

    async fn az_26_az_31_every_page_guards_itself(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let login = app.authorize(&[]).await;
        let consent = app.agent.log_in(&login, "ada").await;
        consent.expect_consent();
        let error = app.authorize(&[("client_id", "unknown")]).await;
        let logout = app.agent.open("/logout").await;
        let returning = app.agent.decide(&consent, "deny").await;
        for page in [login, consent, error, logout, returning] {
            let policy = page.header("content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(page.header("x-frame-options"), "DENY");
            assert_eq!(page.header("referrer-policy"), "no-referrer");
            assert_eq!(page.header("cache-control"), "no-store");
            for foreign in ["src=\"http", "src=\"//", "<style", "<script>", " style=", " onclick="] {
                assert!(!page.body.contains(foreign), "{foreign}: {}", page.body);
            }
        }
    }

    async fn az_27_no_script_of_another_page_reads_the_endpoint(server: TestServer) {
        let app = WebApp::register(&server).await;
        let url = format!("{}{}", server.base, app.authorize_url(&[]));
        for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
            let method = method.parse().expect("a method");
            let request = app.http.request(method, &url).header("Origin", "https://app.example");
            let response = request.send().await.expect("an answer");
            assert!(matches!(response.status().as_u16(), 404 | 405), "{}", response.status());
            assert!(response.headers().get("access-control-allow-origin").is_none());
        }
        let request = app.http.get(&url).header("Origin", "https://app.example");
        let response = request.send().await.expect("an answer");
        assert!(response.headers().get("access-control-allow-origin").is_none());
        let head = app.http.head(&url).send().await.expect("an answer");
        assert!(matches!(head.status().as_u16(), 303 | 405), "{}", head.status());
    }

    async fn az_29_success_and_error_name_the_issuer(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let refusal = app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
        assert_eq!(refusal.get("iss"), server.issuer());
        assert_eq!(app.pass("ada", &[]).await.get("iss"), server.issuer());
    }

    async fn az_30_a_password_is_never_posted_on(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| draft.policy.skip_consent = true).await;
        let page = app.authorize(&[]).await;
        let form = [
            ("csrf", &*page.hidden("csrf")),
            ("txn", &*page.hidden("txn")),
            ("username", "ada"),
            ("password", crate::support::test_server::PASSWORD),
        ];
        let answer = app.agent.post("/login", &form).await;
        assert!(matches!(answer.status, 200 | 303), "{}", answer.status);
        assert!(answer.expect_answer().has("code"));
    }

    async fn pk_06_hidden_fields_of_ones_own_change_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("scope", "openid")]).await;
        let page = app.agent.log_in(&page, "ada").await;
        let fields = [
            ("decision", "allow"),
            ("scope", "openid email offline_access"),
            ("redirect_uri", "https://evil.example/cb"),
            ("client_id", "another"),
            ("code_challenge", ""),
        ];
        let answer = app.agent.submit(&page, "/consent", &fields).await.expect_answer();
        assert_eq!(answer.to, app.redirect_uri);
        let code = crate::support::Code {
            value: answer.get("code").to_owned(),
            verifier: crate::support::VERIFIER.into(),
        };
        assert_eq!(app.redeem(&code).await.expect_tokens().scope, "openid");
    }

    async fn pk_06_a_changed_transaction_is_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        let mut txn = app.authorize(&[]).await.hidden("txn").into_bytes();
        txn[60] = if txn[60] == b'A' { b'B' } else { b'A' };
        let txn = String::from_utf8(txn).expect("text");
        app.agent.open(&format!("/login?txn={txn}")).await.expect_error_page();
    }

    async fn lg_19_the_first_decision_stands(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[]).await;
        let page = app.agent.log_in(&page, "ada").await;
        app.agent.decide(&page, "deny").await.expect_refusal("access_denied");
        app.agent.decide(&page, "allow").await.expect_error_page();
        app.authorize(&[]).await.expect_consent();
    }

    async fn nobody_allows_in_the_name_of_another(server: TestServer) {
        server.user("ada").await;
        server.user("grace").await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[]).await;
        let asked = app.agent.log_in(&page, "ada").await;
        asked.expect_consent();
        app.agent.sign_in("grace").await;
        let page = app.agent.decide(&asked, "allow").await;
        assert!(page.answer().is_none(), "{:?}", page.answer());
    }
}
