//! The front page, and the page that makes the first administrator.

use super::Errors;
use crate::http::page::{Page, respond};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

/// `GET /`: what this is and where to go.
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub struct Home {
    pub page: Page,
    /// Our `iss` (RFC 8414 §2).
    pub issuer: String,
}

impl Home {
    /// The page with its headers.
    pub fn respond(&self) -> HttpResponse {
        respond(StatusCode::OK, self)
    }
}

/// The form behind the one-time link. Posts to `/setup`: `token`, `email`, `name`,
/// `new-password`, `new-password-confirm`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "setup.html")]
pub struct Setup {
    pub page: Page,
    pub token: String,
    pub errors: Errors,
    pub email: String,
    pub name: String,
    /// The least number of characters of a password.
    pub minimum: String,
}

impl Setup {
    /// The page with its headers; 422 when something is wrong with the form.
    pub fn respond(&self) -> HttpResponse {
        respond(self.errors.status(), self)
    }
}
