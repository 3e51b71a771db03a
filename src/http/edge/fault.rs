//! Answers that no handler has made: refusals of the edge, deadlines, panics.

use super::code::RequestCode;
use super::headers;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType, HeaderMap};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;
use std::fmt;

/// Makes the page for a fault.
pub type FaultPage = fn(Fault) -> HttpResponse;

/// A request that failed before, beside or below its handler.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub status: StatusCode,
    pub code: RequestCode,
}

impl Fault {
    /// The answer: a page for a person, JSON for a machine. Neither has details.
    pub fn response(self, page: Option<FaultPage>) -> HttpResponse {
        let mut response = page.map_or_else(|| self.json(), |page| page(self));
        headers::no_store(response.headers_mut());
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers::retry_after(response.headers_mut(), 1);
        }
        if self.closes_connection() {
            response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        }
        response
    }

    fn json(self) -> HttpResponse {
        let error = match self.status {
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            _ => "invalid_request",
        };
        let body = json!({ "error": error, "error_description": self.sentence() });
        HttpResponse::build(self.status).json(body)
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

/// Whether the one who asks reads pages.
pub fn reads_pages(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The page that needs nothing but itself.
pub fn plain_page(fault: Fault) -> HttpResponse {
    let sentence = fault.sentence();
    let mut letters = sentence.chars();
    let first = letters.next().map_or(' ', |first| first.to_ascii_uppercase());
    let rest = letters.as_str();
    HttpResponse::build(fault.status).content_type(ContentType::html()).body(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Error: {first}{rest} – Countersign</title></head><body><main><h1>That did not \
         work</h1><p>{first}{rest}.</p><p>Request code {}</p></main></body></html>",
        fault.code
    ))
}

/// A fault as the error of the middleware, for when there is no request left to answer to.
pub struct Lost {
    pub fault: Fault,
    pub page: Option<FaultPage>,
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
        let mut response = self.fault.response(self.page);
        headers::request_code(response.headers_mut(), self.fault.code);
        headers::secure(response.headers_mut(), self.https);
        response
    }
}
