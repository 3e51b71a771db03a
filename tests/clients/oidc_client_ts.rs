//! `oidc-client-ts` 3 in Chromium: a single-page app on an origin of its own.

use crate::packages;
use crate::stage::{Stage, public};
use crate::support::browser::Browser;
use crate::support::ports;
use crate::support::test_server::PASSWORD;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::json;

const PAGE: &str = include_str!("page/index.html");
const SCRIPT: &str = include_str!("page/page.js");

/// Serves the app, and gives its address.
async fn serve(stage: &Stage, scope: &'static str, dpop: bool) -> String {
    let port = ports::free_port();
    let base = format!("http://127.0.0.1:{port}");
    let callback = format!("{base}/callback");
    let out = format!("{base}/");
    let client = stage
        .client(|draft| {
            public(draft);
            draft.metadata.redirect_uris = vec![callback];
            draft.metadata.post_logout_redirect_uris = vec![out];
            draft.metadata.sender.dpop_bound_access_tokens = dpop;
        })
        .await;
    let settings = json!({
        "issuer": stage.server.issuer(), "client_id": client.client.id, "scope": scope,
        "dpop": dpop,
    });
    let library = tokio::task::spawn_blocking(|| {
        packages::node_module("oidc-client-ts/dist/browser/oidc-client-ts.min.js")
    });
    let library = library.await.expect("the library is installed");
    let app = move || {
        let (settings, library) = (settings.clone(), library.clone());
        let script = |text: String| HttpResponse::Ok().content_type("text/javascript").body(text);
        let page = || async { HttpResponse::Ok().content_type("text/html").body(PAGE) };
        App::new()
            .route("/", web::get().to(page))
            .route("/callback", web::get().to(page))
            .route("/page.js", web::get().to(move || async move { script(SCRIPT.into()) }))
            .route(
                "/oidc-client-ts.js",
                web::get().to(move || {
                    let library = library.clone();
                    async move { script(library) }
                }),
            )
            .route(
                "/settings.json",
                web::get().to(move || {
                    let settings = settings.clone();
                    async move { HttpResponse::Ok().json(settings) }
                }),
            )
    };
    let server = HttpServer::new(app).workers(1).bind(("127.0.0.1", port)).expect("a free port");
    tokio::spawn(server.run());
    base
}

/// A browser at the app, after the person signed in and allowed it.
async fn signed_in(stage: &Stage, app: &str) -> Browser {
    let browser = Browser::start().await;
    browser.goto(app).await;
    browser.wait_for_text("signed out").await;
    browser.click("sign-in").await;
    browser.wait_for_url(&stage.server.url("/login")).await;
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.click("login-submit").await;
    browser.wait_for_url(&stage.server.url("/consent")).await;
    browser.click("consent-allow").await;
    browser.wait_for_text("welcome, signed in as").await;
    browser
}

#[tokio::test]
async fn oidc_client_ts_signs_in_renews_in_a_frame_revokes_and_signs_out() {
    let stage = Stage::set().await;
    let app = serve(&stage, "openid profile email", false).await;
    let browser = signed_in(&stage, &app).await;
    browser.wait_for_text("Bearer, ada@example.org").await;
    browser.click("renew").await;
    browser.wait_for_text("renewed, signed in as").await;
    browser.click("profile").await;
    browser.wait_for_text("the profile of ada@example.org").await;
    browser.click("revoke").await;
    browser.wait_for_text("revoked").await;
    // A new document: the library keeps its user in the session of the tab.
    browser.click("sign-out").await;
    browser.wait_for_url(&app).await;
    browser.wait_for_text("signed out").await;
    browser.click("sign-in").await;
    browser.wait_for_url(&stage.server.url("/login")).await;
}

#[tokio::test]
async fn oidc_client_ts_renews_by_a_refresh_token() {
    let stage = Stage::set().await;
    let app = serve(&stage, "openid profile email offline_access", false).await;
    let browser = signed_in(&stage, &app).await;
    for _ in 0..2 {
        browser.click("renew").await;
        browser.wait_for_text("renewed, signed in as").await;
        browser.click("profile").await;
        browser.wait_for_text("the profile of ada@example.org").await;
    }
}

#[tokio::test]
async fn oidc_client_ts_binds_its_tokens_to_a_key() {
    for nonces in [false, true] {
        let stage = Stage::with(|config| config.tokens.require_dpop_nonce = nonces).await;
        let app = serve(&stage, "openid profile email offline_access", true).await;
        let browser = signed_in(&stage, &app).await;
        browser.wait_for_text("DPoP").await;
        browser.click("renew").await;
        browser.wait_for_text("renewed, signed in as").await;
        browser.click("profile").await;
        browser.wait_for_text("the profile of ada@example.org").await;
    }
}
