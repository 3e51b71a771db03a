//! The pages between an authorization request and its answer (OpenID Connect Core §3.1.2), and
//! those of signing out (OpenID Connect RP-Initiated Logout §2).

mod consent;
mod device;
mod link;
mod login;
mod sign_up;

pub use consent::{Consent, DetailLine, ScopeLine};
pub use device::{DeviceCode, DeviceEnd, DeviceHint};
pub use link::{LinkAccount, LinkMessage};
pub use login::{Login, LoginMessage};
pub use sign_up::SignUp;

use super::{App, Person};
use crate::http::page::{
    BadAddress, Page, respond, respond_form_post, respond_framed, respond_framing,
    respond_returning,
};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

/// Which account to go on with (`prompt=select_account`). Posts to `/select`: `account` is the
/// chosen id, empty for another account; `decision=cancel` gives up.
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/select.html")]
pub struct SelectAccount {
    pub page: Page,
    pub app: Option<App>,
    /// The sealed authorization request.
    pub txn: String,
    pub accounts: Vec<Person>,
    /// Whether there is an app to return to with `access_denied`.
    pub can_cancel: bool,
}

impl SelectAccount {
    /// The page with its headers.
    pub fn respond(&self) -> HttpResponse {
        respond(StatusCode::OK, self)
    }
}

/// The end of a POST whose answer goes to the app: leads there by itself.
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/returning.html")]
pub struct Returning {
    pub page: Page,
    /// The app's name.
    pub app: String,
    /// The whole redirect address with the response in it.
    pub url: String,
}

impl Returning {
    /// The page with its headers and the way on.
    ///
    /// # Errors
    ///
    /// [`BadAddress`] when the address is not safe to follow.
    pub fn respond(&self) -> Result<HttpResponse, BadAddress> {
        respond_returning(&self.url, self)
    }
}

/// Posts an authorization response to the app (OAuth 2.0 Form Post Response Mode §2).
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/form_post.html")]
pub struct FormPost {
    pub page: Page,
    /// The app's name.
    pub app: String,
    /// The redirect address.
    pub action: String,
    /// The parameters of the response.
    pub fields: Vec<(String, String)>,
}

impl FormPost {
    /// The page with its headers.
    ///
    /// # Errors
    ///
    /// [`BadAddress`] when the address is not safe to follow.
    pub fn respond(&self) -> Result<HttpResponse, BadAddress> {
        respond_form_post(&self.action, self)
    }
}

/// Asks before signing out. Posts to `/logout`: `decision` is `logout` or `stay`.
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/logout.html")]
pub struct LogoutConfirm {
    /// With the `email` of whoever is signed in.
    pub page: Page,
    /// The app that asked, by name.
    pub app: Option<String>,
    /// What the POST needs of the request, such as its sealed form.
    pub fields: Vec<(String, String)>,
}

impl LogoutConfirm {
    /// The page with its headers.
    pub fn respond(&self) -> HttpResponse {
        respond(StatusCode::OK, self)
    }
}

/// The end of a sign-out of which apps are told by their own pages (OpenID Connect Front-Channel
/// Logout 1.0 §3).
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/signing_out.html")]
pub struct SigningOut {
    pub page: Page,
    /// What the browser loads.
    pub frames: Vec<String>,
    /// Where it comes from, and nothing else may.
    pub origins: Vec<String>,
    /// Where the browser goes then.
    pub url: Option<String>,
}

impl SigningOut {
    /// The page with its headers and the way on.
    ///
    /// # Errors
    ///
    /// [`BadAddress`] when the address is not safe to follow.
    pub fn respond(&self) -> Result<HttpResponse, BadAddress> {
        respond_framing(&self.origins, self.url.as_deref(), self)
    }
}

/// The frame in which apps see whether somebody is signed in (OpenID Connect Session Management 1.0
/// §3.2).
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/session.html")]
pub struct CheckSession {
    pub page: Page,
}

impl CheckSession {
    /// The document with its headers.
    pub fn respond(&self) -> HttpResponse {
        respond_framed(self)
    }
}

/// The end of a sign-out that leads nowhere else.
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/signed_out.html")]
pub struct SignedOut {
    pub page: Page,
}

impl SignedOut {
    /// The page with its headers.
    pub fn respond(&self) -> HttpResponse {
        respond(StatusCode::OK, self)
    }
}
