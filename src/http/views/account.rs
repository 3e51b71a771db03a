//! The pages of a person's own account.

use super::choice::Choice;
use super::{Errors, Link};
use crate::http::page::{Page, Theme, respond};
use crate::http::text::Language;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

/// `GET /account`: what is in order, what is to do, and what happened lately.
#[derive(Debug, Clone, Template)]
#[template(path = "account/overview.html")]
pub struct Overview {
    pub page: Page,
    /// How to address the person: a name, or the email address.
    pub name: String,
    /// How many requests of apps wait, in words, when any do.
    pub waiting: Option<String>,
    pub checks: Vec<Check>,
    /// The newest events, newest first.
    pub events: Vec<Event>,
}

/// `GET /account/requests`: what apps ask. Posts there: `request`, and `decision`, which is `review`
/// or `deny`.
#[derive(Debug, Clone, Template)]
#[template(path = "account/requests.html")]
pub struct AppRequests {
    pub page: Page,
    pub requests: Vec<AppRequest>,
}

impl AppRequests {
    /// The page with its headers.
    pub fn respond(&self) -> HttpResponse {
        respond(StatusCode::OK, self)
    }
}

/// One request that waits.
#[derive(Debug, Clone)]
pub struct AppRequest {
    pub id: String,
    pub name: String,
    pub initials: String,
    pub domain: String,
    /// What the person sees at the app as well. May be empty.
    pub message: String,
    /// When it asked, in words.
    pub asked: String,
    pub address: String,
}

/// One line of the security check-up.
#[derive(Debug, Clone)]
pub struct Check {
    pub done: bool,
    pub words: String,
    /// Where to do it.
    pub link: Option<Link>,
}

/// Something that happened to the account.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened, from [`event_words`].
    pub what: String,
    pub when: String,
    /// Device and address, say. May be empty.
    pub detail: String,
}

/// The check-up line of the password.
pub fn password_check(page: &Page, has_password: bool) -> Check {
    let (key, label) = match has_password {
        true => ("check-password", "change-password"),
        false => ("check-no-password", "set-password"),
    };
    let link = Link { label: page.t(label).into_owned(), href: "/account/password".into() };
    Check { done: has_password, words: page.t(key).into_owned(), link: Some(link) }
}

/// The check-up line of the email address, once it is confirmed. Before, the person can do nothing
/// about it: there is no mail.
pub fn email_check(page: &Page, verified: bool) -> Option<Check> {
    let words = page.t("check-email").into_owned();
    verified.then_some(Check { done: true, words, link: None })
}

/// The check-up line of the devices that are signed in.
pub fn devices_check(page: &Page, count: i64) -> Check {
    let link = Link { label: page.t("check-review").into_owned(), href: "/account/devices".into() };
    Check { done: true, words: page.text.count("check-devices", count), link: Some(link) }
}

/// `GET /account/profile`. Posts there: `name`, `given_name`, `family_name`, `language` (a tag, or
/// empty), `theme` (`light`, `dark`, or empty).
#[derive(Debug, Clone, Default, Template)]
#[template(path = "account/profile.html")]
pub struct Profile {
    pub page: Page,
    pub errors: Errors,
    pub name: String,
    pub given_name: String,
    pub family_name: String,
    pub email: String,
    pub email_verified: bool,
    /// The language chosen for good; none follows the browser.
    pub language: Option<Language>,
    pub theme: Option<Theme>,
}

impl Profile {
    fn languages(&self) -> Vec<Choice> {
        Choice::languages(self.page.text, self.language)
    }

    fn themes(&self) -> Vec<Choice> {
        Choice::themes(self.page.text, self.theme)
    }

    /// The page with its headers; 422 when something is wrong with the form.
    pub fn respond(&self) -> HttpResponse {
        respond(self.errors.status(), self)
    }
}

/// `GET /account/security`.
#[derive(Debug, Clone, Template)]
#[template(path = "account/security.html")]
pub struct Security {
    pub page: Page,
    /// How long ago the password was changed, in words; none when there is no password.
    pub password_changed: Option<String>,
    /// The accounts at other providers that can sign the person in.
    pub linked: Vec<LinkedLine>,
    /// Where more can be connected.
    pub upstreams: Vec<Link>,
}

/// `GET /account/password`. Posts there: `password`, `new-password`, `new-password-confirm`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "account/password.html")]
pub struct ChangePassword {
    pub page: Page,
    pub errors: Errors,
    /// For password managers.
    pub username: String,
    /// Whether the current password must be given.
    pub has_password: bool,
    /// The least number of characters.
    pub minimum: String,
}

impl ChangePassword {
    /// The page with its headers; 422 when something is wrong with the form.
    pub fn respond(&self) -> HttpResponse {
        respond(self.errors.status(), self)
    }
}

/// `GET /account/devices`. Links lead to confirm pages.
#[derive(Debug, Clone, Template)]
#[template(path = "account/devices.html")]
pub struct Devices {
    pub page: Page,
    pub sessions: Vec<Session>,
}

/// A browser that is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    /// In words; see [`super::device::describe`].
    pub device: String,
    pub ip: String,
    pub signed_in: String,
    pub last_seen: String,
    /// The one that looks at the page.
    pub current: bool,
    /// Where it is signed out: `/account/devices/{sid}/sign-out`.
    pub end_url: String,
}

impl Devices {
    fn has_others(&self) -> bool {
        self.sessions.iter().any(|session| !session.current)
    }
}

/// `GET /account/apps`.
#[derive(Debug, Clone, Template)]
#[template(path = "account/apps.html")]
pub struct ConnectedApps {
    pub page: Page,
    pub apps: Vec<ConnectedApp>,
}

/// An app the person lets use the account.
#[derive(Debug, Clone)]
pub struct ConnectedApp {
    pub name: String,
    pub initials: String,
    /// May be empty.
    pub domain: String,
    /// What it can see, in words; see [`super::interaction::ScopeLine`].
    pub access: Vec<String>,
    pub since: String,
    pub last_used: Option<String>,
    /// Where access is removed: `/account/apps/{client_id}/remove`.
    pub remove_url: String,
    /// Where a sign-in at the app starts, when it can be started from here.
    pub open_url: Option<String>,
}

macro_rules! respond_ok {
    ($($view:ident),+) => {$(
        impl $view {
            /// The page with its headers.
            pub fn respond(&self) -> HttpResponse {
                respond(StatusCode::OK, self)
            }
        }
    )+};
}

/// An account at another provider.
#[derive(Debug, Clone)]
pub struct LinkedLine {
    /// The provider's name.
    pub name: String,
    /// What the person recognises the account by.
    pub label: String,
    /// When somebody last came in through it.
    pub used: String,
    pub remove_url: String,
}

respond_ok!(Overview, Security, Devices, ConnectedApps);

/// An action of the audit log in words for the person it happened to; an action without words of
/// its own is shown as it is written.
pub fn event_words(page: &Page, action: &str) -> String {
    let key = match action {
        "sign_in" | "user.sign_in" | "session.start" => "event-sign-in",
        "sign_in.failed" | "user.sign_in_failed" | "session.refused" => "event-sign-in-failed",
        "sign_out" | "user.sign_out" | "session.end" => "event-sign-out",
        "password.change" | "user.set_password" | "user.password" => "event-password",
        "profile.update" | "user.update" => "event-profile",
        "consent.grant" | "consent.allow" => "event-consent",
        "consent.remove" | "consent.revoke" => "event-access-removed",
        "user.create" | "setup" => "event-created",
        "user.block" => "event-blocked",
        "user.unblock" => "event-unblocked",
        "user.revoke_tokens" => "event-tokens-revoked",
        _ => return action.to_owned(),
    };
    page.t(key).into_owned()
}
