//! Ada and her browser, as far as they are needed: the authorization code flow with PKCE (RFC 7636)
//! without anybody who looks at the pages.

use super::Failure;
use super::service::Client;
use super::setup::{Ada, GATEWAY, REDIRECT_URI};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use url::Url;

const VERIFIER: &str = "a-verifier-of-a-program-without-a-browser-0123456789";

/// Signs Ada in to the app, and gives the access token that the app gets.
///
/// # Errors
///
/// When a page or an answer is not what it should be.
pub async fn sign_in(app: &Client, ada: &Ada) -> Result<String, Failure> {
    let browser = reqwest::Client::builder()
        .cookie_store(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let page = browser.get(format!("{}/login", app.issuer)).send().await?.text().await?;
    let (csrf, txn) = (hidden(&page, "csrf"), hidden(&page, "txn"));
    let form =
        [("csrf", &*csrf), ("txn", &*txn), ("username", &*ada.email), ("password", &*ada.password)];
    browser.post(format!("{}/login", app.issuer)).form(&form).send().await?;

    let answer = browser.get(request(app)?).send().await?;
    let location = answer.headers().get("location").ok_or("nobody was sent back to the app")?;
    let location = Url::parse(location.to_str()?)?;
    let code = location.query_pairs().find(|(name, _)| name == "code").ok_or("there is no code")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code.1),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    app.token(&form).await
}

/// The address of the authorization request.
fn request(app: &Client) -> Result<Url, Failure> {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut url = Url::parse(&format!("{}/authorize", app.issuer))?;
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", &*app.id),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid gateway:use orders:read billing:read ledger:read"),
        ("resource", GATEWAY),
        ("state", "one-request"),
        ("code_challenge", &*challenge),
        ("code_challenge_method", "S256"),
    ]);
    Ok(url)
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = page.split_once(&start).map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}
