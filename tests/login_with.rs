//! The two example programs against a provider that plays by the book, and one that does not.

#[path = "login_with/provider.rs"]
mod provider;
// As `countersign demo` includes them.
#[path = "../examples/login_with.rs"]
mod login_with;
#[path = "../examples/orders_api.rs"]
mod orders_api;

use countersign::protocol::revocation::{RevocationEntry, RevocationKind};
use countersign::protocol::time::{Clock, Lifetime, SystemClock};
use countersign::verifier::LocalList;
use provider::{Misdeed, Provider};
use std::net::TcpListener;
use std::sync::Arc;

/// A browser before the two programs and the provider.
struct Stage {
    browser: reqwest::Client,
    base_url: String,
    provider: Provider,
    blocked: LocalList,
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

impl Stage {
    fn set() -> Self {
        let provider = Provider::start();
        let blocked = LocalList::new(Arc::new(SystemClock));
        blocked.keep_fresh_until(SystemClock.now() + Lifetime::minutes(5));
        let (app, orders) = (free_address(), free_address());
        let base_url = format!("http://{app}");
        let server = orders_api::serve(orders_api::Config {
            issuer: provider.issuer.clone(),
            audience: provider::AUDIENCE.into(),
            listen: orders.clone(),
            revocations: orders_api::Revocations::Given(Arc::new(blocked.clone())),
        });
        actix_web::rt::spawn(server.unwrap());
        let server = login_with::serve(login_with::Config {
            issuer: provider.issuer.clone(),
            client_id: provider::CLIENT_ID.into(),
            client_secret: Some("s".repeat(43)),
            listen: app,
            base_url: base_url.clone(),
            orders_url: format!("http://{orders}"),
            scope: login_with::Config::SCOPE.into(),
        });
        actix_web::rt::spawn(server.unwrap());
        let browser = reqwest::Client::builder().cookie_store(true).no_proxy().build().unwrap();
        Self { browser, base_url, provider, blocked }
    }

    async fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.base_url);
        self.browser.get(url).send().await.unwrap().text().await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> reqwest::Response {
        let url = format!("{}{path}", self.base_url);
        self.browser.post(url).form(form).send().await.unwrap()
    }
}

#[actix_web::test]
async fn a_person_signs_in_orders_is_blocked_and_signs_out() {
    let stage = Stage::set();
    assert!(stage.get("/").await.contains("Sign in with Countersign"));

    let page = stage.get("/login").await;
    assert!(page.contains("Hello, Ada &lt;b&gt;"), "{page}");
    assert!(page.contains("ada@example.com"));
    assert!(page.contains("200 OK") && page.contains("&quot;client_id&quot;: &quot;shop&quot;"));
    assert!(page.contains(r#"<th scope="row">iss</th>"#));

    let page = stage.post("/order", &[("item", "A <i>cup</i>")]).await.text().await.unwrap();
    assert!(page.contains("201 Created") && page.contains("A &lt;i&gt;cup&lt;/i&gt;"), "{page}");
    let page = stage.post("/refresh", &[]).await.text().await.unwrap();
    assert!(page.contains("The tokens are new."), "{page}");

    stage.provider.misbehave(Misdeed::NoRefresh);
    stage.blocked.insert([&RevocationEntry {
        seq: 1,
        kind: RevocationKind::Subject,
        key: "ada".into(),
        not_before: Some(SystemClock.now()),
        expires_at: SystemClock.now() + Lifetime::minutes(5),
    }]);
    let page = stage.get("/").await;
    assert!(page.contains("401 Unauthorized") && page.contains("revoked"), "{page}");

    let page = stage.post("/refresh", &[]).await.text().await.unwrap();
    assert!(page.contains("401 Unauthorized") && page.contains("not renewed"), "{page}");

    let gone = stage.post("/logout", &[]).await;
    assert_eq!(gone.url().as_str(), format!("{}/", stage.base_url));
    assert!(gone.text().await.unwrap().contains("Sign in with Countersign"));
    let logout = stage.provider.logout_query();
    assert!(logout.contains("id_token_hint=ey") && logout.contains("client_id=shop"), "{logout}");
}

#[actix_web::test]
async fn a_token_that_is_past_its_time_is_renewed_and_the_new_one_kept() {
    let stage = Stage::set();
    stage.provider.misbehave(Misdeed::LateToken);
    let page = stage.get("/login").await;
    assert!(page.contains("200 OK") && !page.contains("401"), "{page}");
    stage.provider.misbehave(Misdeed::NoRefresh);
    let page = stage.post("/order", &[("item", "tea")]).await.text().await.unwrap();
    assert!(page.contains("201 Created") && page.contains("200 OK"), "{page}");
}

#[actix_web::test]
async fn an_answer_that_is_not_the_one_asked_for_signs_nobody_in() {
    for (misdeed, words) in [
        (Misdeed::OtherState, "another sign-in"),
        (Misdeed::OtherIssuer, "not from the provider"),
        (Misdeed::NoIssuer, "not from the provider"),
        (Misdeed::OtherNonce, "nonce"),
        (Misdeed::Denied, "access_denied"),
    ] {
        let stage = Stage::set();
        stage.provider.misbehave(misdeed);
        let page = stage.get("/login").await;
        assert!(page.contains("That did not work") && page.contains(words), "{misdeed:?}: {page}");
        assert!(stage.get("/").await.contains("Sign in with Countersign"), "{misdeed:?}");
    }
}

#[actix_web::test]
async fn a_callback_that_nobody_began_and_a_second_one_are_refused() {
    let stage = Stage::set();
    let page = stage.get("/callback?code=c&state=s").await;
    assert!(page.contains("has not begun"), "{page}");
    let answer = stage.browser.get(format!("{}/login", stage.base_url)).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("Hello"));
    let page = stage.get("/callback?code=c&state=s").await;
    assert!(page.contains("has not begun"), "{page}");
}

#[actix_web::test]
async fn the_orders_api_asks_for_each_scope() {
    let stage = Stage::set();
    stage.provider.misbehave(Misdeed::NarrowScope);
    stage.get("/login").await;
    assert!(stage.get("/").await.contains("200 OK"));
    let page = stage.post("/order", &[("item", "tea")]).await.text().await.unwrap();
    assert!(page.contains("403 Forbidden"), "{page}");
}
