//! Accounts that people make for themselves (Initiating User Registration via OpenID Connect 1.0).

use crate::support::crypto::claims;
use crate::support::{Agent, Page, Reply, TestServer, WebApp, both, both_with};
use countersign::domain::identity::users;
use serde_json::{Value, json};

fn open_to_all(config: &mut countersign::config::Config) {
    config.features.sign_up = true;
}

const PASSWORD: &str = "a password of my own";

async fn sign_up(agent: &Agent, page: &Page, email: &str, password: &str) -> Page {
    assert!(page.has_id("sign-up-submit"), "{} {}", page.url, page.body);
    let fields = [
        ("email", email),
        ("name", "Grace Hopper"),
        ("new-password", password),
        ("new-password-confirm", password),
    ];
    agent.submit(page, "/sign-up", &fields).await
}

async fn prompts(app: &WebApp) -> Value {
    let url = format!("{}/.well-known/openid-configuration", app.base);
    let document = Reply::read(app.http.get(url).send().await.expect("an answer")).await.json;
    document["prompt_values_supported"].clone()
}

both_with! { open_to_all;
    async fn prompt_create_leads_from_a_new_account_back_to_the_app(server: TestServer) {
        let app = WebApp::register(&server).await;
        assert!(prompts(&app).await.as_array().expect("an array").contains(&json!("create")));
        let asked = [("prompt", "create"), ("scope", "openid email profile"), ("nonce", "n")];
        let page = app.authorize(&asked).await;
        assert!(page.body.contains("Shop"), "{}", page.body);
        let page = sign_up(&app.agent, &page, "grace@example.org", PASSWORD).await;
        page.expect_login();
        assert_eq!(page.hidden("username"), "", "it is no hidden field");
        assert!(page.body.contains("value=\"grace@example.org\""), "{}", page.body);
        let page = app.agent.log_in_with(&page, "grace@example.org", PASSWORD).await;
        let answer = app.agent.decide(&page, "allow").await.expect_answer();
        assert_eq!(answer.get("state"), "the-state");
        let code = crate::support::Code {
            value: answer.get("code").to_owned(),
            verifier: crate::support::VERIFIER.to_owned(),
        };
        let tokens = app.redeem(&code).await.expect_tokens();
        assert_eq!(claims(&tokens.id_token)["nonce"], "n");
        let about = app.userinfo(&tokens.access_token).await.json;
        assert_eq!((&about["email"], &about["name"]), (&json!("grace@example.org"), &json!("Grace Hopper")));
        // Nobody has proved that the address is theirs.
        assert_eq!(about["email_verified"], false);
        let ground = server.provider.ground();
        let made = users::find_by_any_name(&ground, "grace@example.org").await.unwrap().unwrap();
        assert!(made.roles.is_empty() && made.groups.is_empty());
    }

    async fn a_session_of_somebody_else_does_not_answer_for_the_new_account(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        let page = app.authorize(&[("prompt", "create")]).await;
        let page = sign_up(&app.agent, &page, "grace@example.org", PASSWORD).await;
        let page = app.agent.log_in_with(&page, "grace@example.org", PASSWORD).await;
        page.expect_consent();
    }

    async fn lg_01_nobody_learns_whether_an_address_has_an_account(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let mut shown = Vec::new();
        for email in ["ada@example.org", "nobody@example.org", "ADA@example.org"] {
            let browser = app.in_another_browser();
            let page = browser.authorize(&[("prompt", "create")]).await;
            let page = sign_up(&browser.agent, &page, email, PASSWORD).await;
            let words = page.body.split("id=\"login-note\"").nth(1).expect("a message");
            let words = words.split("</div>").next().unwrap_or_default().to_owned();
            shown.push((page.status, words));
        }
        assert_eq!(shown[0], shown[1]);
        assert_eq!(shown[0], shown[2]);
        // The account of before is as it was.
        let ground = server.provider.ground();
        let account = users::find(&ground, &ada.user.id).await.unwrap().unwrap();
        assert_eq!(account, ada);
        assert!(app.in_another_browser().pass("ada", &[]).await.has("code"));
    }

    async fn what_is_wrong_with_the_form_is_said(server: TestServer) {
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("prompt", "create")]).await;
        for (email, password) in [
            ("no address", PASSWORD), ("", PASSWORD), ("grace@example.org", "short"),
            ("grace@example.org", ""),
        ] {
            let again = sign_up(&app.agent, &page, email, password).await;
            assert_eq!(again.status, 422, "{}", again.body);
            assert!(again.has_id("sign-up-submit"));
            assert!(!again.body.contains(PASSWORD));
        }
        let fields = [
            ("email", "grace@example.org"), ("name", ""), ("new-password", PASSWORD),
            ("new-password-confirm", "another password"),
        ];
        assert_eq!(app.agent.submit(&page, "/sign-up", &fields).await.status, 422);
        let ground = server.provider.ground();
        assert!(users::find_by_any_name(&ground, "grace@example.org").await.unwrap().is_none());
    }

    async fn i7_whoever_gives_up_is_taken_back_with_access_denied(server: TestServer) {
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("prompt", "create")]).await;
        let page = app.agent.submit(&page, "/sign-up", &[("decision", "cancel")]).await;
        page.expect_refusal("access_denied");
    }

    async fn lg_05_a_form_of_another_page_makes_no_account(server: TestServer) {
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("prompt", "create")]).await;
        let txn = page.hidden("txn");
        let form = [
            ("txn", txn.as_str()), ("email", "grace@example.org"), ("new-password", PASSWORD),
            ("new-password-confirm", PASSWORD),
        ];
        let forged = app.agent.post("/sign-up", &form).await;
        assert!(forged.status >= 400, "{}", forged.status);
        let csrf = page.hidden("csrf");
        let stranger = app.in_another_browser();
        stranger.authorize(&[]).await;
        let form = [&form[..], &[("csrf", csrf.as_str())]].concat();
        assert!(stranger.agent.post("/sign-up", &form).await.status >= 400);
        let ground = server.provider.ground();
        assert!(users::find_by_any_name(&ground, "grace@example.org").await.unwrap().is_none());
    }

    async fn lg_02_one_address_makes_few_accounts(server: TestServer) {
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("prompt", "create")]).await;
        for number in 0..10 {
            let email = format!("user{number}@example.org");
            sign_up(&app.agent, &page, &email, PASSWORD).await.expect_login();
        }
        let stopped = sign_up(&app.agent, &page, "one-more@example.org", PASSWORD).await;
        assert_eq!(stopped.status, 429);
        assert!(!stopped.header("retry-after").is_empty());
        let ground = server.provider.ground();
        assert!(users::find_by_any_name(&ground, "one-more@example.org").await.unwrap().is_none());
    }

    async fn az_10_create_goes_with_no_prompt_none(server: TestServer) {
        let app = WebApp::register(&server).await;
        app.authorize(&[("prompt", "create none")]).await.expect_refusal("invalid_request");
        app.authorize(&[("prompt", "CREATE")]).await.expect_refusal("invalid_request");
    }

    async fn the_sign_in_page_leads_to_the_form(server: TestServer) {
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[]).await;
        page.expect_login();
        let start = page.body.find("/sign-up?txn=").expect("a link");
        let link = page.body[start..].split('"').next().expect("its end").to_owned();
        let page = app.agent.open(&crate::support::agent::unescape(&link)).await;
        let page = sign_up(&app.agent, &page, "grace@example.org", PASSWORD).await;
        let page = app.agent.log_in_with(&page, "grace@example.org", PASSWORD).await;
        assert!(app.agent.decide(&page, "allow").await.expect_answer().has("code"));
    }
}

both! {
    async fn switched_off_it_is_unlisted_and_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        assert_eq!(prompts(&app).await, json!(["none", "login", "consent", "select_account"]));
        app.authorize(&[("prompt", "create")]).await.expect_refusal("invalid_request");
        let page = app.authorize(&[]).await;
        page.expect_login();
        assert!(!page.body.contains("/sign-up"), "{}", page.body);
        assert_eq!(app.agent.get("/sign-up").await.status, 404);
        let (csrf, txn) = (page.hidden("csrf"), page.hidden("txn"));
        let form = [
            ("csrf", csrf.as_str()), ("txn", txn.as_str()), ("email", "grace@example.org"),
            ("new-password", PASSWORD), ("new-password-confirm", PASSWORD),
        ];
        assert_eq!(app.agent.post("/sign-up", &form).await.status, 404);
    }
}
