//! What tokens would say of a person.

use crate::http::page::Page;
use askama::Template;

/// `GET /admin/preview`: a form with `client`, `resource` and `user`, and the tokens that come of it.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/preview.html")]
pub struct PreviewPage {
    pub page: Page,
    pub client: String,
    pub resource: String,
    pub user: String,
    /// Why nothing is shown.
    pub problem: Option<String>,
    pub samples: Vec<SampleView>,
}

/// A token as it would be.
#[derive(Debug, Clone)]
pub struct SampleView {
    pub id: String,
    pub title: String,
    /// Its claims; none where only its reader could tell.
    pub json: Option<String>,
    /// How long it is, in words.
    pub size: String,
    pub is_large: bool,
}
