//! The error page: what happened, what to do, and the details for whoever can mend it.

use super::Link;
use super::difference::Difference;
use crate::http::page::{Page, respond};
use crate::http::text::{Markup, Text};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

/// Which sort of request failed. Named on the page in a fixed phrase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorKind {
    #[default]
    Request,
    Logout,
}

impl ErrorKind {
    fn words(self, text: Text) -> String {
        let key = match self {
            Self::Request => "error-kind-request",
            Self::Logout => "error-kind-logout",
        };
        text.t(key).into_owned()
    }
}

/// One row under "Details for developers".
#[derive(Debug, Clone)]
pub struct Detail {
    pub label: String,
    /// A value as it was sent or is registered.
    pub value: String,
    /// What to see in it. May be empty.
    pub note: String,
}

/// Something that cannot go on, and has no app to be told.
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/error.html")]
pub struct ErrorPage {
    pub page: Page,
    pub status: StatusCode,
    pub kind: ErrorKind,
    pub heading: String,
    pub text: Markup,
    pub advice: Markup,
    pub link: Option<Link>,
    pub rows: Vec<Detail>,
}

impl ErrorPage {
    /// The page with its headers and its status.
    pub fn respond(&self) -> HttpResponse {
        respond(self.status, self)
    }

    /// Adds the row "Error" with the OAuth error code and its description.
    pub fn because(mut self, error: &str, description: &str) -> Self {
        let value = match description.is_empty() {
            true => error.to_owned(),
            false => format!("{error}: {description}"),
        };
        self.rows.push(self.detail("error-row-error", &value, ""));
        self
    }

    /// Adds the row "Sent" with a value of the request.
    pub fn sent(mut self, value: &str) -> Self {
        self.rows.push(self.detail("error-row-sent", value, ""));
        self
    }

    /// Adds the row "Closest registered" with the difference to what was sent.
    pub fn closest(mut self, registered: &str, difference: Difference) -> Self {
        let note = difference.words(self.page.text);
        self.rows.push(self.detail("error-row-closest", registered, &note));
        self
    }

    fn kind_words(&self) -> String {
        self.kind.words(self.page.text)
    }

    fn detail(&self, key: &str, value: &str, note: &str) -> Detail {
        let label = self.page.t(key).into_owned();
        Detail { label, value: value.to_owned(), note: note.to_owned() }
    }

    fn new(page: Page, status: StatusCode, words: (&str, Markup, &str)) -> Self {
        let (heading, text, advice) = words;
        Self {
            heading: page.t(heading).into_owned(),
            advice: page.html(advice, &[]),
            text,
            page,
            status,
            kind: ErrorKind::Request,
            link: None,
            rows: Vec::new(),
        }
    }

    /// The redirect address is not one of the client's (RFC 6749 §3.1.2.4). Tell more with
    /// [`Self::because`], [`Self::sent`] and [`Self::closest`].
    pub fn redirect_mismatch(page: Page, app: &str) -> Self {
        let text = page.html("error-redirect-text", &[("app", app)]);
        let words = ("error-redirect-title", text, "error-not-your-fault");
        Self::new(page, StatusCode::BAD_REQUEST, words)
    }

    /// There is no such client.
    pub fn unknown_client(page: Page) -> Self {
        let text = page.html("error-client-text", &[]);
        let words = ("error-client-title", text, "error-not-your-fault");
        Self::new(page, StatusCode::BAD_REQUEST, words)
    }

    /// The request is broken in a way that leaves nobody to answer to.
    pub fn request(page: Page) -> Self {
        let text = page.html("error-request-text", &[]);
        let words = ("error-request-title", text, "error-not-your-fault");
        Self::new(page, StatusCode::BAD_REQUEST, words)
    }

    /// A sealed request, or a form, that expired, was used up, or belongs to another browser.
    pub fn start_again(page: Page) -> Self {
        let text = page.html("error-again-text", &[]);
        let words = ("error-again-title", text, "error-again-advice");
        Self::new(page, StatusCode::BAD_REQUEST, words)
    }

    /// A form without the token that belongs to it.
    pub fn form(page: Page) -> Self {
        let text = page.html("error-form-text", &[]);
        let words = ("error-form-title", text, "error-form-advice");
        Self::new(page, StatusCode::FORBIDDEN, words)
    }

    /// The page is for administrators.
    pub fn forbidden(page: Page) -> Self {
        let text = page.html("error-forbidden-text", &[]);
        let link = Link { label: page.t("nav-your-account").into_owned(), href: "/account".into() };
        let words = ("error-forbidden-title", text, "error-forbidden-advice");
        Self { link: Some(link), ..Self::new(page, StatusCode::FORBIDDEN, words) }
    }

    /// What was asked for would break a rule; `why` is the key of the sentence that names it.
    pub fn conflict(page: Page, why: &str) -> Self {
        let words = ("error-conflict-title", page.html(why, &[]), "error-conflict-advice");
        Self::new(page, StatusCode::CONFLICT, words)
    }

    /// Nothing is here.
    pub fn not_found(page: Page) -> Self {
        let text = page.html("error-missing-text", &[]);
        let link = Link { label: page.t("error-home").into_owned(), href: "/".into() };
        let words = ("error-missing-title", text, "error-missing-advice");
        Self { link: Some(link), ..Self::new(page, StatusCode::NOT_FOUND, words) }
    }

    /// Too many requests from one place.
    pub fn slow_down(page: Page) -> Self {
        let text = page.html("error-slow-text", &[]);
        let words = ("error-slow-title", text, "error-slow-advice");
        Self::new(page, StatusCode::TOO_MANY_REQUESTS, words)
    }

    /// A fault of ours.
    pub fn server(page: Page) -> Self {
        let text = page.html("error-server-text", &[]);
        let words = ("error-server-title", text, "error-server-advice");
        Self::new(page, StatusCode::INTERNAL_SERVER_ERROR, words)
    }

    /// The one-time set-up link is used up, too old, or not ours.
    pub fn setup(page: Page) -> Self {
        let text = page.html("error-setup-text", &[]);
        let words = ("error-setup-title", text, "error-setup-advice");
        Self::new(page, StatusCode::FORBIDDEN, words)
    }

    /// A sign-out that cannot end where it was asked to
    /// (OpenID Connect RP-Initiated Logout §3).
    pub fn logout(page: Page) -> Self {
        let text = page.html("error-logout-text", &[]);
        let words = ("error-logout-title", text, "error-logout-advice");
        let kind = ErrorKind::Logout;
        Self { kind, ..Self::new(page, StatusCode::BAD_REQUEST, words) }
    }
}
