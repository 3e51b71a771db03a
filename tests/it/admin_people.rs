//! What administrators change of people in the pages: who they are, and their password.

use crate::support::{Agent, Page, TestServer, WebApp, both};
use countersign::domain::identity::users::{self, Account};

const NEW: &str = "a new horse and a battery";

async fn account(server: &TestServer, name: &str) -> Account {
    let found = users::find_by_any_name(&server.provider.ground(), name).await;
    found.expect("it can be read").expect("it is there")
}

fn path_of(account: &Account) -> String {
    format!("/admin/users/{}", account.user.id)
}

fn typed<'a>(new: &'a str, again: &'a str, reason: &'a str) -> [(&'a str, &'a str); 3] {
    [("new-password", new), ("new-password-confirm", again), ("reason", reason)]
}

/// Whether a new browser gets in with a password.
async fn gets_in(server: &TestServer, name: &str, password: &str) -> bool {
    let agent = Agent::new(server);
    let page = agent.get("/login").await;
    agent.log_in_with(&page, name, password).await.url.path() == "/account"
}

async fn save(agent: &Agent, path: &str, fields: &[(&str, &str)]) -> Page {
    let page = agent.open(path).await;
    agent.submit(&page, path, fields).await
}

both! {
    async fn an_administrator_sets_a_new_password_and_the_old_one_ends_with_all(server: TestServer) {
        let ada = server.user("ada").await;
        let root = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let before = app.tokens("ada", "openid offline_access").await;
        let page = root.open(&path_of(&ada)).await;
        assert!(page.has_id("user-set-password"), "{}", page.body);
        let path = format!("{}/set-password", path_of(&ada));
        let done = save(&root, &path, &typed(NEW, NEW, "forgot it")).await;
        assert!(done.body.contains("The password is set"), "{}", done.body);
        assert!(!app.is_active(&before.access_token).await);
        app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
        let old = gets_in(&server, "ada", crate::support::test_server::PASSWORD).await;
        assert!(!old && gets_in(&server, "ada", NEW).await);
        let log = root.get("/admin/audit.json?action=user.set_password").await;
        assert!(log.body.contains("forgot it") && !log.body.contains(NEW), "{}", log.body);
    }

    async fn a_search_without_hits_says_so_and_shows_no_empty_table(server: TestServer) {
        server.user("ada").await;
        let root = Agent::administrator(&server).await;
        let none = root.open("/admin/users?q=zzz").await;
        assert!(none.body.contains("Nobody fits this search."), "{}", none.body);
        assert!(!none.body.contains("<table"), "{}", none.body);
        let some = root.open("/admin/users?q=ada").await;
        assert!(some.body.contains("<table") && !some.body.contains("Nobody fits"), "{}", some.body);
    }

    async fn a_made_password_is_shown_once_and_a_reload_makes_no_other(server: TestServer) {
        let ada = server.user("ada").await;
        let root = Agent::administrator(&server).await;
        let path = format!("{}/set-password", path_of(&ada));
        let page = root.open(&path).await;
        let (csrf, once) = (page.hidden("csrf"), page.hidden("once"));
        let form = [("csrf", &*csrf), ("once", &*once), ("how", "make"), ("reason", "forgot it")];
        let made = root.post(&path, &form).await;
        assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
        let (_, rest) = made.body.split_once("id=\"secret\">").expect("it is shown");
        let password = rest.split('<').next().expect("it ends").to_owned();
        let again = root.post(&path, &form).await;
        assert_eq!((again.status, again.location()), (303, Some(path_of(&ada).as_str())));
        let said = root.follow(again).await;
        assert!(said.body.contains("sent before") && !said.body.contains(&password));
        assert!(gets_in(&server, "ada", &password).await, "{password}");
    }

    async fn a_password_that_will_not_do_changes_nothing(server: TestServer) {
        let ada = server.user("ada").await;
        let root = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        let path = format!("{}/set-password", path_of(&ada));
        let long = "x".repeat(513);
        for fields in [
            typed("1234567", "1234567", "because"),
            typed(&long, &long, "because"),
            typed("", "", "because"),
            typed(NEW, "another battery", "because"),
            typed(NEW, NEW, ""),
            typed(NEW, NEW, "a\u{202e}b"),
        ] {
            let refused = save(&root, &path, &fields).await;
            assert_eq!(refused.status, 422, "{fields:?}");
            assert!(refused.has_id("error-summary") && !refused.body.contains(NEW), "{fields:?}");
        }
        let made = save(&root, &path, &[("how", "make"), ("reason", "")]).await;
        assert!(made.status == 422 && !made.has_id("secret"), "{}", made.body);
        assert!(app.is_active(&tokens.access_token).await);
        assert!(!gets_in(&server, "ada", NEW).await);
    }

    async fn ad_01_nobody_else_sets_a_password_and_no_foreign_form_does(server: TestServer) {
        let bob = server.user("bob").await;
        let path = format!("{}/set-password", path_of(&bob));
        let ada = Agent::new(&server);
        server.user("ada").await;
        ada.sign_in("ada").await;
        let csrf = ada.get("/account/profile").await.hidden("csrf");
        let form = [&[("csrf", csrf.as_str())][..], &typed(NEW, NEW, "because")].concat();
        assert_eq!(ada.post(&path, &form).await.status, 403);
        assert!(!ada.get(&path).await.body.contains("bob@example.org"));
        let root = Agent::administrator(&server).await;
        assert_eq!(root.post(&path, &typed(NEW, NEW, "because")).await.status, 403, "AD-04");
        assert_eq!(root.get("/admin/users/nobody/set-password").await.status, 404);
        assert!(!gets_in(&server, "bob", NEW).await);
    }

    async fn ad_08_the_last_administrator_changes_their_own_password_with_the_old_one(server: TestServer) {
        let root = Agent::administrator(&server).await;
        let own = account(&server, "root").await;
        let path = format!("{}/set-password", path_of(&own));
        assert_eq!(root.get(&path).await.location(), Some("/account/password"));
        let csrf = root.get("/admin/users").await.hidden("csrf");
        let form = [&[("csrf", csrf.as_str())][..], &typed(NEW, NEW, "because")].concat();
        assert_eq!(root.post(&path, &form).await.location(), Some("/account/password"));
        assert_eq!(root.get("/admin").await.status, 200, "the session lives");
        assert!(!gets_in(&server, "root", NEW).await);
        let page = root.open(&path_of(&own)).await;
        assert!(!page.has_id("user-block") && !page.has_id("user-delete"), "{}", page.body);
    }

    async fn an_administrator_changes_who_somebody_is(server: TestServer) {
        let ada = server.user("ada").await;
        let root = Agent::administrator(&server).await;
        let path = path_of(&ada);
        let fields = [
            ("email", "ada@countess.example"), ("email_verified", "1"), ("username", "countess"),
            ("name", "Ada King"), ("language", "de"), ("roles", ""), ("groups", ""), ("attributes", ""),
        ];
        let saved = save(&root, &path, &fields).await;
        assert_eq!(saved.status, 200, "{}", saved.body);
        let user = account(&server, "countess").await.user;
        assert_eq!((user.id.as_str(), user.email.as_str()), (&*ada.user.id, "ada@countess.example"));
        assert_eq!((user.name.as_deref(), user.language.as_deref()), (Some("Ada King"), Some("de")));
        let verified = |user: &users::User| user.email_verified;
        assert_eq!(verified(&user), !ada.user.email_verified, "the tick was for the address before");
        save(&root, &path, &fields).await;
        assert!(verified(&account(&server, "countess").await.user), "now it is for this one");

        let before = root.get("/admin/audit.json?action=user.update").await.body;
        save(&root, &path, &fields).await;
        let after = root.get("/admin/audit.json?action=user.update").await.body;
        assert_eq!(before, after, "what does not change leaves no entry");
    }

    async fn a_name_that_is_taken_or_none_is_refused_with_all_else(server: TestServer) {
        let ada = server.user("ada").await;
        server.user("bob").await;
        let root = Agent::administrator(&server).await;
        for (field, value) in [
            ("email", "bob@example.org"), ("email", "nobody"), ("email", ""),
            ("username", "bob"), ("username", "a b"), ("language", "??"), ("roles", "a\u{202e}b"),
        ] {
            let mut fields = vec![("email", "ada@example.org"), ("username", "ada"), ("roles", "support")];
            fields.retain(|(name, _)| *name != field);
            fields.push((field, value));
            let refused = save(&root, &path_of(&ada), &fields).await;
            assert_eq!(refused.status, 422, "{field} {value:?}");
            assert!(refused.has_id(&format!("{field}-error")), "{field}: {}", refused.body);
            let now = account(&server, &ada.user.id).await;
            assert_eq!((now.user.email, now.roles), (ada.user.email.clone(), Vec::new()), "{field}");
        }
    }

    async fn a_form_without_an_address_leaves_it(server: TestServer) {
        let ada = server.user("ada").await;
        let root = Agent::administrator(&server).await;
        let saved = save(&root, &path_of(&ada), &[("name", "Ada"), ("roles", "support")]).await;
        assert_eq!(saved.status, 200, "{}", saved.body);
        let now = account(&server, "ada").await;
        assert_eq!((now.user.email, now.user.email_verified), (ada.user.email, ada.user.email_verified));
        assert_eq!(now.roles, ["support"]);
    }

    async fn ad_01_another_email_address_needs_a_recent_sign_in(server: TestServer) {
        let ada = server.user("ada").await;
        let root = Agent::administrator(&server).await;
        server.clock.advance_seconds(601);
        let path = path_of(&ada);
        let csrf = root.get(&path).await.hidden("csrf");
        let form = [("csrf", csrf.as_str()), ("email", "eve@example.org")];
        let asked = root.post(&path, &form).await;
        assert!(asked.location().unwrap_or_default().starts_with("/login?"), "{}", asked.status);
        assert_eq!(account(&server, "ada").await.user.email, ada.user.email);
    }

    async fn the_log_is_searched_and_shown_by_names(server: TestServer) {
        let ada = server.user("ada").await;
        let root = Agent::administrator(&server).await;
        save(&root, &format!("{}/block", path_of(&ada)), &[("reason", "left")]).await;
        for query in ["target=ada", "target=ADA@example.org", "actor=root&action=user.block"] {
            let page = root.get(&format!("/admin/audit?{query}")).await;
            assert!(page.body.contains("user.block") && page.body.contains(&ada.user.id), "{query}");
        }
        let parts = ["target=ad", "target=A@Example", "actor=oo&action=block", "action=user.bl"];
        for query in parts {
            let page = root.get(&format!("/admin/audit?{query}")).await;
            assert!(page.body.contains("user.block") && page.body.contains(&ada.user.id), "{query}");
        }
        for query in ["target=a_a", "actor=%25", "actor=r%25t", "action=er.block", "action=u%25k"] {
            let page = root.get(&format!("/admin/audit?{query}")).await;
            assert!(page.body.contains("No entries."), "{query}");
        }
        let page = root.get("/admin/audit?actor=ada").await;
        assert!(!page.body.contains("user.block"), "{}", page.body);
        let denied = root.get("/admin/audit.json?result=failed").await;
        assert_eq!(denied.body, "[]", "nothing has failed");
    }
}
