//! The pages for a device that has no browser (RFC 8628 §3.3).

use super::super::Errors;
use super::super::problem::Problem;
use crate::domain::authorize::reply::Ending;
use crate::http::page::{Page, respond};
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

/// Asks for the code that a device shows. Posts to `/device`: `user_code`, `csrf`.
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/device.html")]
pub struct DeviceCode {
    pub page: Page,
    pub errors: Errors,
    /// As it was typed, or as the address had it.
    pub user_code: String,
    /// Whether the address had it: then it is to be compared and not typed.
    pub is_complete: bool,
    /// Seconds to wait after too many wrong codes.
    wait: Option<u32>,
}

impl DeviceCode {
    /// The page, with what is wrong.
    pub fn new(page: Page, user_code: String, is_complete: bool, problem: Option<Problem>) -> Self {
        let mut errors = Errors::default();
        if let Some(problem) = problem {
            errors.add("user_code", page.text, problem);
        }
        Self { page, errors, user_code, is_complete, wait: None }
    }

    /// The page after too many wrong codes.
    pub fn slow_down(page: Page, user_code: String, seconds: u32) -> Self {
        let problem = Problem::TooManyCodes(seconds.div_ceil(60));
        Self { wait: Some(seconds), ..Self::new(page, user_code, false, Some(problem)) }
    }

    /// The page with its headers; 429 with `Retry-After` after too many wrong codes.
    pub fn respond(&self) -> HttpResponse {
        let Some(seconds) = self.wait else { return respond(self.errors.status(), self) };
        let mut response = respond(StatusCode::TOO_MANY_REQUESTS, self);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        response
    }
}

/// What the consent page says of where it was asked.
#[derive(Debug, Clone)]
pub struct DeviceHint {
    /// A device with a code; else an app that asked for this person.
    pub is_device: bool,
    /// What to compare with what is seen there. May be empty.
    pub shown: String,
    /// When it asked, in words.
    pub asked: String,
    /// What it says it is, in words.
    pub kind: String,
    /// Where it asked from.
    pub address: String,
}

/// How it ended. The device goes on by itself.
#[derive(Debug, Clone, Template)]
#[template(path = "interaction/device_end.html")]
pub struct DeviceEnd {
    pub page: Page,
    /// The app's name.
    pub app: String,
    pub ending: Ending,
}

impl DeviceEnd {
    /// The page with its headers.
    pub fn respond(&self) -> HttpResponse {
        let status = match self.ending {
            Ending::DecidedBefore => StatusCode::CONFLICT,
            _ => StatusCode::OK,
        };
        respond(status, self)
    }

    fn heading(&self) -> String {
        let key = match self.ending {
            Ending::Allowed => "device-allowed-title",
            Ending::Denied => "device-denied-title",
            Ending::Undecided => "device-undecided-title",
            Ending::DecidedBefore => "device-used-title",
        };
        self.page.t(key).into_owned()
    }

    fn text(&self) -> String {
        let key = match self.ending {
            Ending::Allowed => "device-allowed-text",
            Ending::Denied => "device-denied-text",
            Ending::Undecided => "device-undecided-text",
            Ending::DecidedBefore => "device-used-text",
        };
        self.page.with(key, &[("app", &self.app)])
    }

    /// Whether another code may be typed to get further.
    const fn can_start_again(&self) -> bool {
        matches!(self.ending, Ending::Undecided | Ending::DecidedBefore)
    }
}
