//! Accounts, as administrators see them.

use super::super::choice::Choice;
use super::super::{Badge, Errors};
use super::AuditRow;
use crate::http::page::Page;
use askama::Template;

/// `GET /admin/users`: search by `q`, filters `status` and `role`, a page at a time.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/users.html")]
pub struct Users {
    pub page: Page,
    pub query: String,
    pub states: Vec<Choice>,
    pub roles: Vec<Choice>,
    /// How many are shown of how many; see [`Users::summary`].
    pub summary: String,
    pub rows: Vec<UserRow>,
    /// The address of the first page, when this is another.
    pub first: Option<String>,
    /// The address of the next page.
    pub next: Option<String>,
}

/// An account in the list.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// Username, or the email address where there is none.
    pub name: String,
    pub href: String,
    pub email: String,
    pub status: Badge,
    /// Joined with commas.
    pub roles: String,
    pub last_sign_in: Option<String>,
}

impl Users {
    /// "4 of 12480 users".
    pub fn summary(page: &Page, shown: usize, total: i64) -> String {
        page.with("users-summary", &[("shown", &shown.to_string()), ("total", &total.to_string())])
    }
}

/// `GET /admin/users/new`. Posts to `/admin/users`: `email`, `username`, `name`, `new-password`
/// (may be empty), `roles`, `groups`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/user_new.html")]
pub struct NewUser {
    pub page: Page,
    pub errors: Errors,
    pub email: String,
    pub username: String,
    pub name: String,
    /// As typed: separated by commas or lines.
    pub roles: String,
    pub groups: String,
    /// The least number of characters of a password.
    pub minimum: String,
}

/// `GET /admin/users/{id}`. The form posts there: `email`, `email_verified`, `username`, `name`,
/// `language`, `roles`, `groups`, `attributes`. The other acts are links to pages below `base`:
/// `/set-password`, `/block`, `/unblock`, `/revoke-tokens`, `/sign-out`, `/delete`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/user.html")]
pub struct UserPage {
    pub page: Page,
    pub errors: Errors,
    /// A mark of what is stored.
    pub version: String,
    /// `/admin/users/{id}`.
    pub base: String,
    /// The heading: a name, a username or the email address.
    pub title: String,
    pub id: String,
    /// Whether it is that of the administrator: what would lock them out is not offered.
    pub own: bool,
    pub email: String,
    pub email_verified: bool,
    pub username: String,
    pub name: String,
    pub languages: Vec<Choice>,
    pub status: Badge,
    pub blocked: bool,
    /// Why and since when, in words. Empty when not blocked.
    pub blocked_note: String,
    pub created: String,
    pub last_sign_in: Option<String>,
    /// As typed, or joined with commas.
    pub roles: String,
    pub groups: String,
    /// As typed, or JSON.
    pub attributes: String,
    pub sessions: Vec<SessionRow>,
    pub apps: Vec<AppRow>,
    /// The newest entries about this person.
    pub audit: Vec<AuditRow>,
    /// The audit log, filtered for this person.
    pub audit_url: String,
}

/// `GET /admin/users/{id}/set-password`. Posts there: `new-password`, `new-password-confirm`,
/// `reason`, `once`, and `how`, which is `type` or `make`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/user_password.html")]
pub struct SetPassword {
    pub page: Page,
    pub errors: Errors,
    /// `/admin/users/{id}`.
    pub base: String,
    /// Whose password it is.
    pub name: String,
    /// For password managers.
    pub username: String,
    pub reason: String,
    /// The mark of the form.
    pub once: String,
    /// The least number of characters.
    pub minimum: String,
    /// The password that was made, shown once in the place of the form.
    pub made: Option<String>,
}

/// A session of somebody.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub device: String,
    pub ip: String,
    pub signed_in: String,
    pub last_seen: String,
    /// The page that asks before it ends.
    pub end_url: String,
}

/// An app somebody lets use their account.
#[derive(Debug, Clone)]
pub struct AppRow {
    pub name: String,
    pub href: String,
    /// Scopes as they are written.
    pub scope: String,
    pub since: String,
}
