//! Answers that no handler has made: refusals of the edge, deadlines, panics.

use super::code::RequestCode;
use super::headers;
use crate::http::page::Page;
use crate::http::text::Language;
use crate::http::views::error::ErrorPage;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;
use std::fmt;

/// Who will read the answer.
#[derive(Debug, Clone)]
pub enum Reader {
    /// Somebody before a browser, with what it sent as `Accept-Language`.
    Person(Option<HeaderValue>),
    Machine,
}

impl Reader {
    /// Whoever sent these headers: who takes HTML is a person.
    pub fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        match accept.is_some_and(|accept| accept.contains("text/html")) {
            true => Self::Person(headers.get(header::ACCEPT_LANGUAGE).cloned()),
            false => Self::Machine,
        }
    }
}

/// A request that failed before, beside or below its handler.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub status: StatusCode,
    pub code: RequestCode,
}

impl Fault {
    /// The answer: a page for a person, JSON for a machine. Neither has details.
    pub fn response(self, reader: &Reader) -> HttpResponse {
        let mut response = match reader {
            Reader::Person(languages) => self.page(languages.as_ref()),
            Reader::Machine => self.json(),
        };
        headers::no_store(response.headers_mut());
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers::retry_after(response.headers_mut(), 1);
        }
        if self.closes_connection() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response
    }

    fn page(self, languages: Option<&HeaderValue>) -> HttpResponse {
        let languages = languages.and_then(|languages| languages.to_str().ok());
        let language = Language::choose(None, None, languages);
        let frame = Page { request_code: self.code.to_string(), ..Page::new(language) };
        let page = match self.status {
            StatusCode::NOT_FOUND => ErrorPage::not_found(frame),
            StatusCode::FORBIDDEN => ErrorPage::forbidden(frame),
            StatusCode::TOO_MANY_REQUESTS => ErrorPage::slow_down(frame),
            status if status.is_server_error() => ErrorPage::server(frame),
            _ => ErrorPage::request(frame).because(self.error(), self.sentence()),
        };
        ErrorPage { status: self.status, ..page }.respond()
    }

    fn json(self) -> HttpResponse {
        let body = json!({ "error": self.error(), "error_description": self.sentence() });
        HttpResponse::build(self.status).json(body)
    }

    fn error(self) -> &'static str {
        match self.status {
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            _ => "invalid_request",
        }
    }

    /// What happened, in a sentence.
    pub fn sentence(self) -> &'static str {
        match self.status {
            StatusCode::UNAUTHORIZED => "the request needs proof of who sends it",
            StatusCode::FORBIDDEN => "the request is not allowed",
            StatusCode::NOT_FOUND => "there is nothing at this address",
            StatusCode::METHOD_NOT_ALLOWED => "this address does not take this method",
            StatusCode::REQUEST_TIMEOUT => "the request took too long to arrive",
            StatusCode::PAYLOAD_TOO_LARGE => "the request body is too large",
            StatusCode::URI_TOO_LONG => "the address is too long",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "the request headers are too large",
            StatusCode::MISDIRECTED_REQUEST => "the request is for another host",
            StatusCode::INTERNAL_SERVER_ERROR => "the server could not complete the request",
            StatusCode::SERVICE_UNAVAILABLE => "the server is busy, try again shortly",
            _ => "the request is malformed",
        }
    }

    /// Whether what follows on the connection can no longer be told from the rest of this request.
    fn closes_connection(self) -> bool {
        matches!(
            self.status,
            StatusCode::BAD_REQUEST
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::URI_TOO_LONG
                | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
                | StatusCode::INTERNAL_SERVER_ERROR
                | StatusCode::SERVICE_UNAVAILABLE
        )
    }
}

/// A fault as the error of the middleware, for when there is no request left to answer to.
pub struct Lost {
    pub fault: Fault,
    pub reader: Reader,
    pub https: bool,
}

impl fmt::Debug for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.sentence())
    }
}

impl ResponseError for Lost {
    fn status_code(&self) -> StatusCode {
        self.fault.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.fault.response(&self.reader);
        headers::request_code(response.headers_mut(), self.fault.code);
        headers::secure(response.headers_mut(), self.https);
        response
    }
}
