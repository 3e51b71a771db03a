//! The page where people make an account for themselves.

use super::super::{App, Errors};
use crate::http::page::{Page, respond};
use actix_web::HttpResponse;
use askama::Template;

/// Posts to `/sign-up`: `email`, `name`, `new-password`, `new-password-confirm`, `txn`, `csrf`;
/// `decision=cancel` gives up.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "interaction/sign_up.html")]
pub struct SignUp {
    pub page: Page,
    /// The app that asks; none when a person comes by themselves.
    pub app: Option<App>,
    /// The sealed authorization request, or where to go afterwards.
    pub txn: String,
    pub errors: Errors,
    pub email: String,
    pub name: String,
    /// The least number of characters of a password.
    pub minimum: String,
    /// Whether there is an app to return to with `access_denied`.
    pub can_cancel: bool,
}

impl SignUp {
    /// The page with its headers; 422 when something is wrong with the form.
    pub fn respond(&self) -> HttpResponse {
        respond(self.errors.status(), self)
    }

    fn heading(&self) -> String {
        match &self.app {
            Some(app) => self.page.with("sign-up-title-app", &[("app", &app.name)]),
            None => self.page.t("sign-up-title").into_owned(),
        }
    }

    /// The way back to the sign-in page.
    fn sign_in_url(&self) -> String {
        format!("/login?txn={}", self.txn)
    }
}
