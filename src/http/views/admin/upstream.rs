//! The providers at which people may sign in, as administrators see them.

use super::super::choice::Choice;
use super::super::{Badge, Errors};
use crate::http::page::Page;
use askama::Template;

/// `GET /admin/upstreams`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/upstreams.html")]
pub struct Upstreams {
    pub page: Page,
    pub rows: Vec<UpstreamRow>,
}

/// A provider in the list.
#[derive(Debug, Clone)]
pub struct UpstreamRow {
    pub name: String,
    pub href: String,
    pub slug: String,
    pub issuer: String,
    pub status: Badge,
}

/// `GET /admin/upstreams/{slug}`, and the form for a new one. Posts to `base` the fields of the same
/// names, and `client_secret`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/upstream.html")]
pub struct UpstreamPage {
    pub page: Page,
    pub errors: Errors,
    /// A mark of what is stored.
    pub version: String,
    /// Its name; none for a new one.
    pub title: Option<String>,
    pub base: String,
    /// What has to be registered there.
    pub callback: Option<String>,
    pub logout: Option<String>,
    pub slug: String,
    pub name: String,
    pub kinds: Vec<Choice>,
    pub issuer: String,
    pub client_id: String,
    pub has_secret: bool,
    pub scope: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub userinfo_endpoint: String,
    pub emails_endpoint: String,
    pub subject_claim: String,
    pub email_claim: String,
    pub email_verified_claim: String,
    pub name_claim: String,
    pub trust_email: bool,
    pub allow_sign_up: bool,
    pub disabled: bool,
}
