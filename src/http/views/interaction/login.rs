//! The sign-in page.

use super::super::Link;
use super::App;
use crate::http::page::{Page, respond};
use crate::http::text::Markup;
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

/// Username and password on one page. Posts to `/login`: `username`, `password`, `remember` (1),
/// `txn`, `csrf`; `decision=cancel` gives up.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "interaction/login.html")]
pub struct Login {
    pub page: Page,
    /// The app that asks; none when a person comes to their own account.
    pub app: Option<App>,
    /// The sealed authorization request, or where to go afterwards.
    pub txn: String,
    /// What was typed before, or the `login_hint`.
    pub username: String,
    pub remember: bool,
    pub message: Option<LoginMessage>,
    /// Whether there is an app to return to with `access_denied`.
    pub can_cancel: bool,
    /// Where a forgotten password is reset, once that exists.
    pub recover_url: Option<String>,
    /// Where an account is made, once that exists.
    pub register_url: Option<String>,
    /// Other providers at which people may sign in.
    pub upstreams: Vec<Link>,
    /// Whether passkeys can be used.
    pub passkey: bool,
    /// What the app says it does with data, and on what terms (Registration §2).
    pub privacy_url: Option<String>,
    pub terms_url: Option<String>,
}

/// Why the page is shown again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginMessage {
    /// Wrong name or wrong password: the two read the same.
    Wrong,
    /// Too many attempts from here or at this account.
    SlowDown { seconds: u32 },
    /// The password was right, the account is blocked.
    Blocked { contact: Option<String> },
    /// The sealed request or the form is older than it may be.
    TooOld { minutes: u32 },
    /// The form came back without the cookie that was set with it.
    CookiesOff,
    /// A sensitive act, or the app, wants a fresh sign-in.
    Again,
    /// It did not work at another provider.
    Upstream { name: String },
    /// An account was asked for; whether there was one before is not said.
    SignedUp,
    /// The first administrator was made.
    SetUp,
}

impl LoginMessage {
    /// The status the page goes out with.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Wrong | Self::TooOld { .. } | Self::Upstream { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::SlowDown { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Blocked { .. } => StatusCode::FORBIDDEN,
            Self::CookiesOff => StatusCode::BAD_REQUEST,
            Self::Again | Self::SignedUp | Self::SetUp => StatusCode::OK,
        }
    }
}

impl Login {
    /// The page with its headers, its status, and `Retry-After` when that applies.
    pub fn respond(&self) -> HttpResponse {
        let status = self.message.as_ref().map_or(StatusCode::OK, LoginMessage::status);
        let mut response = respond(status, self);
        if let Some(LoginMessage::SlowDown { seconds }) = self.message {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    /// Whether something went wrong; a message may also say what was done, or why it is asked.
    fn has_error(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.status() != StatusCode::OK)
    }

    fn heading(&self) -> String {
        match &self.app {
            Some(app) => self.page.with("login-title-app", &[("app", &app.name)]),
            None => self.page.t("sign-in").into_owned(),
        }
    }

    fn fields_are_wrong(&self) -> bool {
        matches!(self.message, Some(LoginMessage::Wrong | LoginMessage::SlowDown { .. }))
    }

    fn message_html(&self, message: &LoginMessage) -> Markup {
        let page = &self.page;
        let code = page.request_code.as_str();
        match message {
            LoginMessage::Wrong => match &self.recover_url {
                Some(url) => page.html("login-wrong-recover", &[("url", url)]),
                None => page.html("login-wrong", &[]),
            },
            LoginMessage::SlowDown { seconds } => {
                let words = page.html("login-slow-down", &[("seconds", &seconds.to_string())]);
                match self.passkey {
                    true => words.and(&page.t("login-slow-down-passkey")),
                    false => words,
                }
            }
            LoginMessage::Blocked { contact: Some(contact) } => {
                page.html("login-blocked-contact", &[("contact", contact), ("code", code)])
            }
            LoginMessage::Blocked { contact: None } => {
                page.html("login-blocked", &[("code", code)])
            }
            LoginMessage::TooOld { minutes } => {
                page.html("login-too-old", &[("minutes", &minutes.to_string())])
            }
            LoginMessage::CookiesOff => page.html("login-cookies-off", &[]),
            LoginMessage::Again => page.html("login-again", &[]),
            LoginMessage::Upstream { name } => page.html("login-upstream", &[("name", name)]),
            LoginMessage::SignedUp => page.html("login-signed-up", &[]),
            LoginMessage::SetUp => page.html("login-set-up", &[]),
        }
    }
}
