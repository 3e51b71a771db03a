//! Sign-out as a browser does it: frames of apps, and the frame in which apps look.

use crate::support::browser::Browser;
use crate::support::test_server::PASSWORD;
use crate::support::web_app::draft;
use crate::support::{Inbox, Site, Store, TestServer};
use countersign::domain::clients::management::Created;
use serde_json::json;
use std::time::Duration;

/// Asks the provider's frame, as Session Management §3.2 has it, and gives its word.
const ASK: &str = "
    const [frame, client, state, done] = arguments;
    const origin = new URL(frame).origin;
    const inside = document.createElement('iframe');
    inside.src = frame;
    window.addEventListener('message', (event) => {
        if (event.origin === origin) { inside.remove(); done(event.data); }
    });
    inside.onload = () => inside.contentWindow.postMessage(client + ' ' + state, origin);
    document.body.append(inside);
";

async fn ask(browser: &Browser, frame: &str, client: &str, state: &str) -> String {
    let arguments = vec![json!(frame), json!(client), json!(state)];
    let answer = browser.driver.execute_async(ASK, arguments).await.expect("the frame answers");
    answer.json().as_str().expect("a word").to_owned()
}

fn authorize(server: &TestServer, client: &Created, redirect_uri: &str, extra: &str) -> String {
    let redirect_uri: String =
        url::form_urlencoded::byte_serialize(redirect_uri.as_bytes()).collect();
    server.url(&format!(
        "/authorize?response_type=code&client_id={}&redirect_uri={redirect_uri}&scope=openid\
         &state=s&code_challenge={}&code_challenge_method=S256{extra}",
        client.client.id,
        crate::support::challenge(crate::support::VERIFIER),
    ))
}

async fn sign_in(browser: &Browser, server: &TestServer, client: &Created, redirect_uri: &str) {
    browser.goto(&authorize(server, client, redirect_uri, "")).await;
    if browser.url().await.starts_with(&server.url("/login")) {
        browser.fill("username", "ada").await;
        browser.fill("password", PASSWORD).await;
        browser.click("login-submit").await;
    }
    browser.wait_for_url(&server.url("/consent")).await;
    browser.click("consent-allow").await;
    browser.wait_for_url(redirect_uri).await;
}

async fn app_at(server: &TestServer, inbox: &Inbox) -> Created {
    let mut draft = draft();
    draft.metadata.redirect_uris = vec![inbox.url("/cb")];
    draft.metadata.post_logout_redirect_uris = vec![inbox.url("/bye")];
    draft.metadata.logout.frontchannel_logout_uri = Some(inbox.url("/frame?own=1"));
    server.client(draft).await
}

async fn sign_out(browser: &Browser, server: &TestServer, client: &Created) {
    let id = &client.client.id;
    let uri = &client.client.metadata.post_logout_redirect_uris[0];
    let uri: String = url::form_urlencoded::byte_serialize(uri.as_bytes()).collect();
    let query = format!("client_id={id}&post_logout_redirect_uri={uri}&state=x");
    browser.goto(&server.url(&format!("/logout?{query}"))).await;
    browser.click("logout-confirm").await;
}

#[tokio::test]
async fn l8_the_browser_loads_the_frames_of_apps_and_goes_on_by_itself() {
    let server = TestServer::start().await;
    server.user("ada").await;
    let (shop, notes) = (Inbox::open().await, Inbox::open().await);
    let first = app_at(&server, &shop).await;
    let second = app_at(&server, &notes).await;
    let browser = Browser::start().await;
    sign_in(&browser, &server, &first, &shop.url("/cb")).await;
    sign_in(&browser, &server, &second, &notes.url("/cb")).await;
    sign_out(&browser, &server, &first).await;
    let end = browser.wait_for_url(&shop.url("/bye")).await;
    assert_eq!(end, shop.url("/bye?state=x"));
    for inbox in [&shop, &notes] {
        let asked = inbox.posts().into_iter().map(|posted| posted.path);
        let frames: Vec<_> = asked.filter(|path| path.starts_with("/frame")).collect();
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert!(frames[0].starts_with("/frame?own=1&iss=http%3A%2F%2F127.0.0.1%3A"), "{frames:?}");
        assert!(frames[0].contains("&sid="), "{frames:?}");
    }
}

#[tokio::test]
async fn l8_a_frame_that_hangs_keeps_nobody() {
    let server = TestServer::start().await;
    server.user("ada").await;
    let (shop, slow) = (Inbox::open().await, Inbox::open().await);
    let first = app_at(&server, &shop).await;
    let second = app_at(&server, &slow).await;
    let browser = Browser::start().await;
    sign_in(&browser, &server, &first, &shop.url("/cb")).await;
    sign_in(&browser, &server, &second, &slow.url("/cb")).await;
    slow.be_slow(Duration::from_secs(60));
    sign_out(&browser, &server, &first).await;
    browser.wait_for_url(&shop.url("/bye")).await;
}

#[tokio::test]
async fn l9_an_app_sees_in_the_frame_whether_somebody_is_signed_in() {
    let server =
        TestServer::with_on(Store::Sqlite, |config| config.features.session_management = true)
            .await;
    server.user("ada").await;
    let site = Site::start().await;
    let redirect_uri = site.put("/cb", "text/html", "<!doctype html><title>App</title><p>App</p>");
    let mut draft = draft();
    draft.metadata.redirect_uris = vec![redirect_uri.clone()];
    draft.metadata.post_logout_redirect_uris = vec![redirect_uri.clone()];
    let client = server.client(draft).await;
    let (id, frame) = (client.client.id.clone(), server.url("/session/check"));
    let page = site.put("/page", "text/html", "<!doctype html><title>App</title><p>App</p>");
    let browser = Browser::start().await;
    // The site of the test answers only to addresses that it knows, so the answer is read there.
    browser.goto(&authorize(&server, &client, &redirect_uri, "")).await;
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.click("login-submit").await;
    browser.wait_for_url(&server.url("/consent")).await;
    browser.click("consent-allow").await;
    let answer = browser.wait_for_url(&redirect_uri).await;
    let answer = url::Url::parse(&answer).expect("an address");
    let state = answer.query_pairs().find(|(name, _)| name == "session_state");
    let state = state.expect("the answer says the state").1.into_owned();
    browser.goto(&page).await;
    assert_eq!(ask(&browser, &frame, &id, &state).await, "unchanged");
    assert_eq!(ask(&browser, &frame, "another", &state).await, "changed");
    for nonsense in ["", "x", "x.y.z", "."] {
        assert_eq!(ask(&browser, &frame, &id, nonsense).await, "error", "{nonsense}");
    }
    sign_out(&browser, &server, &client).await;
    browser.wait_for_url(&redirect_uri).await;
    browser.goto(&page).await;
    assert_eq!(ask(&browser, &frame, &id, &state).await, "changed");
}

#[tokio::test]
async fn l9_an_app_sees_in_the_frame_that_the_session_ended_elsewhere() {
    let server =
        TestServer::with_on(Store::Sqlite, |config| config.features.session_management = true)
            .await;
    let ada = server.user("ada").await;
    let site = Site::start().await;
    let redirect_uri = site.put("/cb", "text/html", "<!doctype html><title>App</title><p>App</p>");
    let mut draft = draft();
    draft.metadata.redirect_uris = vec![redirect_uri.clone()];
    let client = server.client(draft).await;
    let (id, frame) = (client.client.id.clone(), server.url("/session/check"));
    let page = site.put("/page", "text/html", "<!doctype html><title>App</title><p>App</p>");
    let browser = Browser::start().await;
    sign_in(&browser, &server, &client, &redirect_uri).await;
    let answer = url::Url::parse(&browser.url().await).expect("an address");
    let state = answer.query_pairs().find(|(name, _)| name == "session_state");
    let state = state.expect("the answer says the state").1.into_owned();
    browser.goto(&page).await;
    assert_eq!(ask(&browser, &frame, &id, &state).await, "unchanged");
    // An administrator blocks her: nothing happens in this browser.
    server.block(&ada).await;
    assert_eq!(ask(&browser, &frame, &id, &state).await, "changed");
}
