//! What user agents that are driven by a program rely on: names, ids, phrases and paths that stay.

use crate::support::{Page, TestServer, WebApp, both};

fn expect_all(page: &Page, pieces: &[&str]) {
    for piece in pieces {
        assert!(page.body.contains(piece), "{piece} is not in {}", page.body);
    }
}

/// The page that a redirect leads to, which must be under a path.
async fn at(app: &WebApp, page: Page, path: &str) -> Page {
    let to = page.location().expect("it leads on").to_owned();
    assert!(to == path || to.starts_with(&format!("{path}?")), "{to}");
    app.agent.get(&to).await
}

both! {
    async fn w2_w3_names_ids_phrases_and_paths_stay(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let sent = app.agent.get(&app.authorize_url(&[])).await;
        let login = at(&app, sent, "/login").await;
        expect_all(&login, &[
            "name=\"username\"", "name=\"password\"", "id=\"login-submit\"", "id=\"login-cancel\"",
            "Sign in",
        ]);
        let form = [
            ("csrf", &*login.hidden("csrf")), ("txn", &*login.hidden("txn")),
            ("username", "ada"), ("password", crate::support::test_server::PASSWORD),
        ];
        let posted = app.agent.post("/login", &form).await;
        assert!([302, 303].contains(&posted.status), "{}", posted.status);
        let consent = at(&app, posted, "/consent").await;
        expect_all(&consent, &["id=\"consent-allow\"", "id=\"consent-deny\""]);
        let logout = app.agent.get("/logout").await;
        expect_all(&logout, &["Do you want to sign out", "id=\"logout-confirm\""]);
        let out = app.agent.submit(&logout, "/logout", &[("decision", "logout")]).await;
        expect_all(&out, &["You are signed out"]);
    }

    async fn w2_w3_an_error_without_a_client_is_a_page_where_it_was_asked(server: TestServer) {
        let app = WebApp::register(&server).await;
        let wrong = [
            "/authorize?client_id=unknown&response_type=code",
            "/authorize",
            &format!("/authorize?client_id={}&response_type=code&redirect_uri=https%3A%2F%2Fx.example", app.id),
        ];
        for path in wrong {
            let page = app.agent.get(path).await;
            assert_eq!((page.status, page.location()), (400, None), "{path}");
            expect_all(&page, &["Request error"]);
        }
        let to = "/logout?post_logout_redirect_uri=https%3A%2F%2Fx.example";
        let page = app.agent.get(to).await;
        assert_eq!((page.status, page.location()), (400, None));
        expect_all(&page, &["Logout error"]);
    }
}
