//! What to do with an account at another provider that belongs to nobody here yet.

use crate::http::page::{Page, respond};
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

/// Posts to `action`: `username` and `password` prove an account here; `decision=create` makes a new
/// one, `decision=cancel` gives up.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "interaction/link.html")]
pub struct LinkAccount {
    pub page: Page,
    pub action: String,
    /// The provider's name.
    pub name: String,
    /// What the person recognises the account there by.
    pub label: String,
    /// What was typed before.
    pub username: String,
    /// Whether a new account may be made.
    pub may_create: bool,
    pub message: Option<LinkMessage>,
}

/// Why the page is shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkMessage {
    /// Wrong name or wrong password: the two read the same.
    Wrong,
    SlowDown {
        seconds: u32,
    },
    /// The password was right, the account is blocked.
    Blocked,
    /// The account there belongs to somebody else here.
    Taken,
    /// An account here has the address that the provider vouches for.
    EmailTaken,
}

impl LinkMessage {
    const fn status(self) -> StatusCode {
        match self {
            Self::Wrong | Self::Taken | Self::EmailTaken => StatusCode::UNPROCESSABLE_ENTITY,
            Self::SlowDown { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Blocked => StatusCode::FORBIDDEN,
        }
    }
}

impl LinkAccount {
    /// The page with its headers, its status, and `Retry-After` when that applies.
    pub fn respond(&self) -> HttpResponse {
        let status = self.message.map_or(StatusCode::OK, LinkMessage::status);
        let mut response = respond(status, self);
        if let Some(LinkMessage::SlowDown { seconds }) = self.message {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    fn words(&self, message: &LinkMessage) -> String {
        let page = &self.page;
        match message {
            LinkMessage::Wrong => page.t("link-wrong").into_owned(),
            LinkMessage::SlowDown { seconds } => {
                page.with("problem-slow-down", &[("seconds", &seconds.to_string())])
            }
            LinkMessage::Blocked => page.t("link-blocked").into_owned(),
            LinkMessage::Taken => page.t("link-taken").into_owned(),
            LinkMessage::EmailTaken => page.t("link-email-taken").into_owned(),
        }
    }
}
