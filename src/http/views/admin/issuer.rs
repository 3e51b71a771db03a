//! Trusted issuers, as administrators see them.

use super::super::Errors;
use super::super::choice::Choice;
use crate::http::page::Page;
use askama::Template;

/// `GET /admin/issuers`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/issuers.html")]
pub struct Issuers {
    pub page: Page,
    pub rows: Vec<IssuerRow>,
}

/// An issuer in the list.
#[derive(Debug, Clone)]
pub struct IssuerRow {
    pub name: String,
    pub href: String,
    pub issuer: String,
    pub clients: String,
}

/// `GET /admin/issuers/new` and `GET /admin/issuers/{id}`: one form, posted to `action` with `name`,
/// `issuer` (for a new one), `jwks_uri`, `jwks`, `clients`, `scope`, `user_claim`, `named_by`. One
/// that is there has a second form, posted to `{action}/subjects` with `subject` and `user`, whose
/// button says what to do with them (`act`).
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/issuer.html")]
pub struct IssuerPage {
    pub page: Page,
    pub errors: Errors,
    /// A mark of what is stored.
    pub version: String,
    /// The name that is stored, or the words for a new one.
    pub title: String,
    pub action: String,
    pub is_new: bool,
    pub name: String,
    pub issuer: String,
    pub jwks_uri: String,
    pub jwks: String,
    /// One a line.
    pub clients: String,
    pub scope: String,
    pub user_claim: String,
    pub named_by: Vec<Choice>,
    /// Each with the email of the user it is.
    pub subjects: Vec<(String, String)>,
    pub subject: String,
    pub user: String,
}
