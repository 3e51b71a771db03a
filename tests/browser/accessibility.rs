//! Every page as a person with any device or ability meets it: axe-core finds nothing in light, dark
//! and at 320 px, nothing scrolls sideways, and pages weigh what they may.

use crate::stage::Stage;
use crate::support::browser::Browser;
use crate::support::web_app::draft;
use crate::support::{Store, TestServer, WebApp};
use countersign::domain::audit::Actor;
use countersign::domain::resources::management::{self as resources, ResourceDraft};
use thirtyfour::By;

/// The most bytes and requests of a sign-in page.
const SIGN_IN_BYTES: u64 = 20 * 1024;
const SIGN_IN_REQUESTS: usize = 5;

/// Colours change gently; only what they end as can be judged.
const SETTLED: &str =
    "return Promise.all(document.getAnimations().map(a => a.finished)).then(() => true)";

/// Keeps what is seen, in the folder that `COUNTERSIGN_SCREENSHOTS` names.
async fn keep(browser: &Browser, page: &str, width: u32, dark: bool) {
    let Ok(folder) = std::env::var("COUNTERSIGN_SCREENSHOTS") else { return };
    let letters = |c: char| if c.is_alphanumeric() { c } else { '-' };
    let name: String = page.chars().map(letters).collect();
    let name = format!("{name}-{width}{}.png", if dark { "-dark" } else { "" });
    browser.screenshot(&std::path::Path::new(&folder).join(name)).await;
}

async fn check(browser: &Browser, page: &str) {
    for (width, dark) in [(1280, false), (1280, true), (320, false), (320, true)] {
        browser.set_viewport(width, 900).await;
        browser.dark_mode(dark).await;
        browser.script(SETTLED).await;
        keep(browser, page, width, dark).await;
        let found = browser.axe().await;
        assert!(found.is_empty(), "{page} at {width} px, dark {dark}: {found:#?}");
        assert!(!browser.scrolls_sideways().await, "{page} scrolls sideways at {width} px");
    }
    browser.set_viewport(1280, 900).await;
    browser.dark_mode(false).await;
}

async fn check_at(browser: &Browser, stage: &Stage, path: &str) {
    browser.goto(&stage.server.url(path)).await;
    check(browser, path).await;
}

#[tokio::test]
async fn the_pages_between_request_and_answer_are_accessible_and_light() {
    let stage = Stage::set(Store::Sqlite).await;
    stage.server.user("ada").await;
    let browser = Browser::start().await;
    check_at(&browser, &stage, "/").await;
    check_at(&browser, &stage, "/authorize?client_id=nobody").await;
    browser.goto(&stage.shop).await;
    browser.click("sign-in").await;
    browser.wait_for_url(&stage.server.url("/login")).await;
    let weight = browser.weight().await;
    assert!(weight.len() <= SIGN_IN_REQUESTS, "{weight:?}");
    assert!(weight.iter().map(|(_, bytes)| bytes).sum::<u64>() <= SIGN_IN_BYTES, "{weight:?}");
    check(&browser, "/login").await;
    stage.sign_in(&browser, "nobody").await;
    browser.wait_for_text("That did not work").await;
    check(&browser, "/login after a wrong password").await;
    stage.sign_in(&browser, "ada").await;
    browser.wait_for_url(&stage.server.url("/consent")).await;
    check(&browser, "/consent").await;
    check_at(&browser, &stage, "/logout").await;
    browser.click("logout-confirm").await;
    browser.wait_for_text("You are signed out").await;
    check(&browser, "/logout when done").await;
}

/// What a form says when something in it is wrong is as accessible as the form.
#[tokio::test]
async fn the_forms_of_an_app_are_accessible_when_they_are_refused() {
    let stage = Stage::set(Store::Sqlite).await;
    stage.server.user_with("admin", |new| new.roles = vec!["admin".into()]).await;
    let app = format!("/admin/clients/{}", stage.server.client(draft()).await.client.id);
    let browser = Browser::start().await;
    browser.goto(&stage.server.url("/admin")).await;
    stage.sign_in(&browser, "admin").await;
    browser.wait_for_url(&stage.server.url("/admin")).await;
    for (page, field, value, button) in [
        (&*app, "jwks", "no keys", "client-save"),
        (&app, "request_uris", "http://app.example/r", "client-save"),
        (&format!("{app}/settings"), "logo_uri", "javascript:1", "settings-save"),
    ] {
        browser.goto(&stage.server.url(page)).await;
        browser.fill(field, value).await;
        browser.click(button).await;
        browser.element(By::Id("error-summary"), "a summary of what is wrong").await;
        check(&browser, &format!("{page} with a wrong {field}")).await;
    }
}

#[tokio::test]
async fn the_sign_up_page_is_accessible_also_when_something_is_wrong() {
    let server = TestServer::with(|config| config.features.sign_up = true).await;
    let browser = Browser::start().await;
    browser.goto(&server.url("/sign-up")).await;
    check(&browser, "/sign-up").await;
    browser.fill("email", "nobody").await;
    browser.fill("new-password", "short").await;
    browser.click("sign-up-submit").await;
    browser.element(By::Id("error-summary"), "a summary of what is wrong").await;
    check(&browser, "/sign-up with errors").await;
}

#[tokio::test]
async fn the_pages_for_a_device_are_accessible() {
    let stage = Stage::set(Store::Sqlite).await;
    stage.server.user("ada").await;
    let app = WebApp::register_device(&stage.server).await;
    let device = app.device("openid email orders:read").await;
    let browser = Browser::start().await;
    check_at(&browser, &stage, "/device").await;
    browser.fill("user_code", "BBBB-BBBB").await;
    browser.click("device-submit").await;
    browser.wait_for_text("This code is not right").await;
    check(&browser, "/device after a wrong code").await;
    check_at(&browser, &stage, &device.complete).await;
    browser.click("device-submit").await;
    browser.wait_for_url(&stage.server.url("/login")).await;
    stage.sign_in(&browser, "ada").await;
    browser.wait_for_url(&stage.server.url("/consent")).await;
    browser.wait_for_text(&device.user_code).await;
    check(&browser, "/consent for a device").await;
    browser.click("consent-allow").await;
    browser.wait_for_text("Your device is connected").await;
    check(&browser, "/consent when a device is connected").await;
    app.poll(&device).await.expect_tokens();
}

#[tokio::test]
async fn the_pages_for_a_request_of_an_app_are_accessible() {
    let stage = Stage::set(Store::Sqlite).await;
    stage.server.user("ada").await;
    let app = WebApp::register_bank(&stage.server).await;
    let id = app.asked("ada", &[("binding_message", "Pay 12 to Bob, W4SCT")]).await;
    let browser = Browser::start().await;
    browser.goto(&stage.server.url("/account/requests")).await;
    stage.sign_in(&browser, "ada").await;
    browser.wait_for_text("W4SCT").await;
    check(&browser, "/account/requests").await;
    browser.click_css("button[value=review]").await;
    browser.wait_for_url(&stage.server.url("/consent")).await;
    check(&browser, "/consent for a request of an app").await;
    browser.click("consent-allow").await;
    browser.wait_for_text("You allowed it").await;
    check(&browser, "/account/requests when it is empty").await;
    app.fetch(&id).await.expect_tokens();
}

#[tokio::test]
async fn the_account_pages_are_accessible() {
    let stage = Stage::set(Store::Sqlite).await;
    stage.server.user("ada").await;
    let browser = Browser::start().await;
    browser.goto(&stage.server.url("/account")).await;
    stage.sign_in(&browser, "ada").await;
    for path in ["", "/profile", "/security", "/password", "/devices", "/apps"] {
        check_at(&browser, &stage, &format!("/account{path}")).await;
    }
}

#[tokio::test]
async fn the_admin_pages_are_accessible() {
    let stage = Stage::set(Store::Sqlite).await;
    let user = stage.server.user("ada").await;
    stage.server.user_with("admin", |new| new.roles = vec!["admin".into()]).await;
    let browser = Browser::start().await;
    browser.goto(&stage.server.url("/admin")).await;
    stage.sign_in(&browser, "admin").await;
    browser.wait_for_url(&stage.server.url("/admin")).await;
    let person = format!("/admin/users/{}", user.user.id);
    let block = format!("{person}/block");
    let api = ResourceDraft {
        identifier: "https://orders.example".into(),
        name: "Orders".into(),
        ..ResourceDraft::default()
    };
    let api = resources::create(&stage.server.provider.ground(), api, None, &Actor::system()).await;
    let api = format!("/admin/resources/{}", api.expect("an API can be made").resource.id);
    let app = stage.server.client(draft()).await.client.id;
    let (app, settings) =
        (format!("/admin/clients/{app}"), format!("/admin/clients/{app}/settings"));
    for path in [
        "/admin",
        "/admin/users",
        "/admin/users/new",
        &person,
        &block,
        "/admin/clients",
        "/admin/clients/new",
        &app,
        &settings,
        "/admin/registration",
        "/admin/resources",
        "/admin/resources/new",
        "/admin/upstreams",
        "/admin/upstreams/new",
        &api,
        "/admin/issuers",
        "/admin/issuers/new",
        "/admin/preview?client=none&user=nobody",
        "/admin/keys",
        "/admin/audit",
    ] {
        check_at(&browser, &stage, path).await;
    }
}
