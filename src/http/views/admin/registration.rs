//! How clients may register themselves, as administrators see it.

use super::super::Errors;
use crate::http::page::Page;
use askama::Template;

/// `GET /admin/registration`. Posts to the same address: `label`, `uses`, `hours`,
/// `once`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/registration.html")]
pub struct Registration {
    pub page: Page,
    pub errors: Errors,
    /// Who may register, in words.
    pub mode: String,
    /// The token that was just made, shown once.
    pub new_token: Option<String>,
    pub rows: Vec<TokenRow>,
    pub label: String,
    pub uses: String,
    pub hours: String,
    /// The mark of the form.
    pub once: String,
}

/// An initial access token in the list.
#[derive(Debug, Clone)]
pub struct TokenRow {
    pub label: String,
    /// How many uses are left of how many.
    pub left: String,
    pub made_by: String,
    pub ends: String,
    pub revoke_url: String,
}
