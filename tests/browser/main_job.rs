//! "Login with Countersign", from the first click to the block that bites.

use crate::stage::Stage;
use crate::support::Store;
use crate::support::browser::Browser;
use std::time::Duration;

/// How soon a block must have reached the microservice.
const REACHED: Duration = Duration::from_secs(1);

async fn the_main_job(store: Store) {
    let stage = Stage::set(store).await;
    let ada = stage.server.user("ada").await;
    let browser = Browser::start().await;

    browser.goto(&stage.shop).await;
    browser.click("sign-in").await;
    browser.wait_for_url(&stage.server.url("/login")).await;
    stage.sign_in(&browser, "ada").await;
    browser.wait_for_url(&stage.server.url("/consent")).await;
    browser.click("consent-allow").await;
    browser.wait_for_text("200 OK").await;
    assert!(browser.url().await.starts_with(&stage.shop));

    // The second app: signed in already, asked once for its own consent.
    browser.goto(&stage.notes).await;
    browser.click("sign-in").await;
    browser.wait_for_url(&stage.server.url("/consent")).await;
    browser.click("consent-allow").await;
    browser.wait_for_text("Hello, The ada").await;

    // Signed out at one app, the next sign-in asks for the password again.
    browser.click("sign-out").await;
    browser.wait_for_text("Sign in with Countersign").await;
    browser.click("sign-in").await;
    browser.wait_for_url(&stage.server.url("/login")).await;
    stage.sign_in(&browser, "ada").await;
    browser.wait_for_url(&stage.server.url("/consent")).await;
    browser.click("consent-allow").await;
    browser.wait_for_text("200 OK").await;

    // Blocked: the microservice, which never asks the provider, refuses within a second.
    stage.server.block(&ada).await;
    tokio::time::sleep(REACHED).await;
    browser.goto(&stage.notes).await;
    browser.wait_for_text("401 Unauthorized").await;
    browser.goto(&stage.server.url("/account")).await;
    browser.wait_for_url(&stage.server.url("/login")).await;
    stage.sign_in(&browser, "ada").await;
    browser.wait_for_text("This account is blocked").await;
}

#[tokio::test]
async fn the_main_job_works_in_a_browser_on_sqlite() {
    the_main_job(Store::Sqlite).await;
}

#[tokio::test]
async fn the_main_job_works_in_a_browser_on_postgres_with_redis() {
    the_main_job(Store::Postgres).await;
}

#[tokio::test]
async fn w1_sign_in_and_consent_need_no_javascript() {
    let stage = Stage::set(Store::Sqlite).await;
    stage.server.user("ada").await;
    let browser = Browser::without_javascript().await;
    browser.goto(&stage.shop).await;
    browser.click("sign-in").await;
    stage.sign_in(&browser, "ada").await;
    browser.click("consent-allow").await;
    browser.wait_for_text("200 OK").await;
}

#[tokio::test]
async fn i7_cancel_on_the_consent_page_returns_access_denied() {
    let stage = Stage::set(Store::Sqlite).await;
    stage.server.user("ada").await;
    let browser = Browser::start().await;
    browser.goto(&stage.shop).await;
    browser.click("sign-in").await;
    stage.sign_in(&browser, "ada").await;
    browser.click("consent-deny").await;
    browser.wait_for_url(&stage.shop).await;
    browser.wait_for_text("That did not work").await;
}

#[tokio::test]
async fn not_you_lets_somebody_else_sign_in_and_keeps_the_request() {
    let stage = Stage::set(Store::Sqlite).await;
    stage.server.user("ada").await;
    stage.server.user("grace").await;
    let browser = Browser::start().await;
    browser.goto(&stage.shop).await;
    browser.click("sign-in").await;
    stage.sign_in(&browser, "ada").await;
    browser.wait_for_url(&stage.server.url("/consent")).await;
    browser.click_css("form[action='/consent/switch'] button").await;
    browser.wait_for_url(&stage.server.url("/login")).await;
    stage.sign_in(&browser, "grace").await;
    browser.wait_for_url(&stage.server.url("/consent")).await;
    browser.click("consent-allow").await;
    browser.wait_for_text("Hello, The grace").await;
}
