//! O: sign-in and its session.

use crate::support::test_server::{PASSWORD, system};
use crate::support::{Agent, Page, TestServer, WebApp, both};
use countersign::domain::identity::users;
use tokio::task::JoinSet;

async fn attempt(agent: &Agent, name: &str, password: &str) -> Page {
    let page = agent.get("/login").await;
    let form = [
        ("csrf", &*page.hidden("csrf")),
        ("txn", &*page.hidden("txn")),
        ("username", name),
        ("password", password),
    ];
    agent.post("/login", &form).await
}

fn cookie(page: &Page, name: &str) -> Option<String> {
    let all = page.headers.get_all("set-cookie").iter();
    let mut found = all.filter_map(|value| value.to_str().ok());
    found.find(|value| value.starts_with(&format!("{name}="))).map(str::to_owned)
}

/// The message on the page, which must tell nothing of the account.
fn message(page: &Page) -> String {
    let rest = page.body.split_once("id=\"error-summary\"").map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split("</div>").next()).unwrap_or_default().to_owned()
}

both! {
    async fn lg_01_every_wrong_sign_in_reads_the_same(server: TestServer) {
        server.user("ada").await;
        let grace = server.user("grace").await;
        server.block(&grace).await;
        server.user_with("bob", |new| new.password = None).await;
        server.user_with("eve", |new| new.email_verified = false).await;
        let mut seen = Vec::new();
        for name in ["ada", "nobody", "grace", "bob", "eve"] {
            let page = attempt(&Agent::new(&server), name, "wrong password").await;
            assert!(cookie(&page, "countersign-session").is_none());
            seen.push((page.status, message(&page)));
        }
        assert!(!seen[0].1.is_empty());
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    }

    /// Not by the clock, which others share: by the work that each one costs.
    async fn lg_01_every_wrong_sign_in_costs_the_same_work(server: TestServer) {
        server.user("ada").await;
        let grace = server.user("grace").await;
        server.block(&grace).await;
        server.user_with("bob", |new| new.password = None).await;
        server.user_with("eve", |new| new.email_verified = false).await;
        let passwords = &server.provider.passwords;
        let mut before = passwords.computed();
        let names = ["ada", "nobody", "nobody@example.org", "grace", "bob", "eve", "\u{1f600}"];
        for (name, password) in names.iter().flat_map(|name| [(name, "wrong password"), (name, "x")]) {
            attempt(&Agent::new(&server), name, password).await;
            let after = passwords.computed();
            assert_eq!(after - before, 1, "{name:?} {password:?}");
            before = after;
        }
    }

    async fn lg_15_a_name_is_the_same_however_it_is_written(server: TestServer) {
        server.user("jos\u{e9}").await;
        for name in ["jos\u{e9}", "jose\u{301}", "JOS\u{c9}", " jos\u{e9} ", "\u{ff4a}os\u{e9}"] {
            let page = attempt(&Agent::new(&server), name, PASSWORD).await;
            assert!(cookie(&page, "countersign-session").is_some(), "{name:?}");
        }
        let ground = server.provider.ground();
        for taken in ["jos\u{e9}", "JOS\u{c9}"] {
            let new = users::NewUser {
                email: "other@example.org".into(),
                username: Some(taken.into()),
                ..users::NewUser::default()
            };
            let made = users::create(&ground, new, system()).await;
            assert!(matches!(made, Err(users::AccountError::Taken("username"))), "{taken:?}");
        }
    }

    async fn lg_02_guesses_are_counted_by_account_whatever_its_name(server: TestServer) {
        server.user("ada").await;
        let tasks = (0..40).map(|n| {
            let agent = Agent::new(&server);
            let name = ["ada", "ADA", "ada@example.org", "Ada@Example.org"][n % 4];
            async move { message(&attempt(&agent, name, "wrong password").await) }
        });
        let messages = tasks.collect::<JoinSet<_>>().join_all().await;
        let wrong = message(&attempt(&Agent::new(&server), "nobody", "wrong password").await);
        let counted = messages.iter().filter(|message| **message == wrong).count();
        assert!(counted <= 5, "{counted} guesses were looked at");
        let page = attempt(&Agent::new(&server), "ada", PASSWORD).await;
        assert!(cookie(&page, "countersign-session").is_none(), "even a right guess has to wait");
        server.clock.advance_seconds(31);
        let page = attempt(&Agent::new(&server), "ada", PASSWORD).await;
        assert!(cookie(&page, "countersign-session").is_some());
    }

    async fn lg_03_a_known_browser_is_not_locked_out_by_strangers(server: TestServer) {
        server.user("ada").await;
        let known = Agent::new(&server);
        known.sign_in("ada").await;
        for _ in 0..8 {
            attempt(&Agent::new(&server), "ada", "wrong password").await;
        }
        let page = attempt(&known, "ada", PASSWORD).await;
        assert!(cookie(&page, "countersign-session").is_some(), "{}", page.body);
    }

    async fn lg_04_odd_passwords_are_wrong_passwords(server: TestServer) {
        server.user_with("ada", |new| new.password = Some("p\u{e4}ssw\u{f6}rd 123".into())).await;
        let long = "x".repeat(513);
        for password in ["", &long, "a\u{1}b", "\u{1f600}"] {
            let page = attempt(&Agent::new(&server), "ada", password).await;
            assert!(matches!(page.status, 200 | 400 | 401 | 422), "{}", page.status);
            assert!(cookie(&page, "countersign-session").is_none());
            server.clock.advance_seconds(31);
        }
        let huge = "x".repeat(1 << 20);
        let page = attempt(&Agent::new(&server), "ada", &huge).await;
        assert!(matches!(page.status, 400 | 413), "{}", page.status);
        let decomposed = "pa\u{308}sswo\u{308}rd 123";
        let page = attempt(&Agent::new(&server), "ada", decomposed).await;
        assert!(cookie(&page, "countersign-session").is_some(), "the same text, written otherwise");
    }

    async fn lg_05_a_form_of_another_page_signs_nobody_in(server: TestServer) {
        server.user("ada").await;
        let (victim, attacker) = (Agent::new(&server), Agent::new(&server));
        let page = victim.get("/login").await;
        let foreign = attacker.get("/login").await.hidden("csrf");
        for csrf in ["", "AAAA", &foreign] {
            let form = [
                ("csrf", csrf),
                ("txn", &*page.hidden("txn")),
                ("username", "ada"),
                ("password", PASSWORD),
            ];
            let answer = victim.post("/login", &form).await;
            assert!(matches!(answer.status, 400 | 403), "{}", answer.status);
            assert!(cookie(&answer, "countersign-session").is_none());
        }
        let form = [("csrf", &*foreign), ("txn", "next:/account"), ("username", "ada"),
                    ("password", PASSWORD)];
        let answer = Agent::new(&server).post("/login", &form).await;
        assert!(cookie(&answer, "countersign-session").is_none());
    }

    async fn lg_06_each_sign_in_has_a_session_of_its_own(server: TestServer) {
        let ada = server.user("ada").await;
        let agent = Agent::new(&server);
        let first = cookie(&attempt(&agent, "ada", PASSWORD).await, "countersign-session");
        let first = first.expect("a session");
        let second = cookie(&attempt(&agent, "ada", PASSWORD).await, "countersign-session");
        let second = second.expect("a session");
        let value = |cookie: &str| {
            let value = cookie.split([';', '=']).nth(1).unwrap_or_default().to_owned();
            assert_eq!(value.len(), 43);
            value
        };
        assert_ne!(value(&first), value(&second));
        let app = WebApp::register(&server).await;
        let silent = app.authorize_url(&[("prompt", "none")]);
        let with = async |cookie: &str| {
            let request = app.http.get(format!("{}{silent}", server.base));
            let request = request.header("Cookie", format!("countersign-session={}", value(cookie)));
            Page::read(request.send().await.expect("an answer")).await
        };
        with(&first).await.expect_refusal("login_required");
        with(&second).await.expect_refusal("consent_required");
        let new = PASSWORD.to_owned();
        let ground = server.provider.ground();
        let set = users::set_password(&ground, &ada.user.id, new, None, system());
        set.await.expect("it can be set");
        with(&second).await.expect_refusal("login_required");
    }

    async fn lg_06_a_session_from_elsewhere_is_not_taken_over(server: TestServer) {
        server.user("ada").await;
        let page = Agent::new(&server).get("/login").await;
        assert!(cookie(&page, "countersign-session").is_none(), "none before the sign-in");
        let app = WebApp::register(&server).await;
        let planted = "A".repeat(43);
        let request = app.http.get(format!("{}{}", server.base, app.authorize_url(&[("prompt", "none")])));
        let request = request.header("Cookie", format!("countersign-session={planted}"));
        let page = Page::read(request.send().await.expect("an answer")).await;
        page.expect_refusal("login_required");
    }

    async fn lg_07_cookies_are_out_of_reach_of_scripts_and_other_sites(server: TestServer) {
        server.user("ada").await;
        let agent = Agent::new(&server);
        let before = agent.get("/login").await;
        let after = attempt(&agent, "ada", PASSWORD).await;
        for (page, name) in [
            (&before, "countersign-browser"),
            (&after, "countersign-session"),
            (&after, "countersign-known"),
        ] {
            let cookie = cookie(page, name).unwrap_or_else(|| panic!("{name}"));
            for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(cookie.contains(part), "{cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
    }
}

/// Over https the cookies are bound to the host as well.
#[tokio::test]
async fn lg_07_over_https_cookies_are_of_this_host_alone() {
    let server = TestServer::with(|config| {
        config.issuer = format!("https://localhost:{}", config.listen.port());
    })
    .await;
    let page = Agent::new(&server).get("/login").await;
    let cookie = cookie(&page, "__Host-countersign-browser").expect("a cookie");
    assert!(cookie.contains("Secure"), "{cookie}");
}
