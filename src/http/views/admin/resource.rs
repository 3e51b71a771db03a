//! Resources, as administrators see them.

use super::super::Errors;
use super::super::choice::Choice;
use crate::http::page::Page;
use askama::Template;

/// `GET /admin/resources`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/resources.html")]
pub struct Resources {
    pub page: Page,
    pub rows: Vec<ResourceRow>,
    /// The address of the first page, when this is another.
    pub first: Option<String>,
    /// The address of the next page.
    pub next: Option<String>,
}

/// A resource in the list.
#[derive(Debug, Clone)]
pub struct ResourceRow {
    pub name: String,
    pub href: String,
    pub identifier: String,
    /// The format of its tokens in words.
    pub format: String,
    pub scopes: String,
}

/// `GET /admin/resources/new`. Posts to `/admin/resources`: `identifier`, `name`, `scopes`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/resource_new.html")]
pub struct NewResource {
    pub page: Page,
    pub errors: Errors,
    pub identifier: String,
    pub name: String,
    /// As typed: one a line, `scope = words`.
    pub scopes: String,
}

/// `GET /admin/resources/{id}`. One form, posted to the same address; the rest are links to confirm
/// pages: `/rotate-secret`, `/delete`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/resource.html")]
pub struct ResourcePage {
    pub page: Page,
    pub errors: Errors,
    /// A mark of what is stored.
    pub version: String,
    /// `/admin/resources/{id}`.
    pub base: String,
    /// The name that is stored, for the heading.
    pub title: String,
    pub identifier: String,
    /// The secret that was just made, shown once.
    pub new_secret: Option<String>,
    /// Whether its tokens need a secret.
    pub has_secret: bool,
    pub name: String,
    pub scopes: String,
    pub token_formats: Vec<Choice>,
    pub signed_algs: Vec<Choice>,
    pub encryption_algs: Vec<Choice>,
    pub encryption_encs: Vec<Choice>,
    /// JSON.
    pub authorization_details_types: String,
    pub token_encryption_jwk: String,
    pub jwks_uri: String,
    pub token_lifetime: String,
    /// One a line, `name = source`.
    pub token_claims: String,
    /// Where its tokens can be looked at.
    pub preview: String,
    pub token_status_list: bool,
}
