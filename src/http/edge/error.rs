//! How an [`OAuthError`] looks to the machine that gets it.
//!
//! | Endpoint                  | Wrapper         | Looks like                               |
//! |---------------------------|-----------------|------------------------------------------|
//! | token, revoke, introspect | [`JsonError`]   | a JSON body, RFC 6749 §5.2               |
//! | userinfo                  | [`BearerError`] | `WWW-Authenticate` and JSON, RFC 6750 §3 |
//! |                           |                 | and RFC 9449 §7.1                        |
//!
//! A fault of ours is logged once, by the middleware, with the request code; [`note_fault`] hands it
//! there.

use super::headers;
use crate::domain::identity::throttle::TooMany;
use crate::domain::sender::{self, FreshNonce, Scheme};
use crate::protocol::error::{ErrorCode, OAuthError};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::error::Error;
use std::fmt;

/// How long to wait when nothing better is known, in seconds.
const RETRY_SECONDS: u32 = 1;

/// An error as RFC 6749 §5.2 shows it.
#[derive(Debug)]
pub struct JsonError {
    error: OAuthError,
    /// Whether the client tried `Authorization: Basic`, which is answered in kind.
    basic: bool,
    status: Option<StatusCode>,
}

impl JsonError {
    /// Says whether the client tried `Authorization: Basic`: then `invalid_client`, always a 401,
    /// comes with a challenge (RFC 6749 §5.2).
    #[must_use]
    pub const fn basic(mut self, tried: bool) -> Self {
        self.basic = tried;
        self
    }

    /// An error with a status of its own, such as 413.
    pub const fn with_status(error: OAuthError, status: StatusCode) -> Self {
        Self { error, basic: false, status: Some(status) }
    }

    fn challenges(&self) -> bool {
        self.basic && self.error.code == ErrorCode::InvalidClient
    }
}

impl From<OAuthError> for JsonError {
    fn from(error: OAuthError) -> Self {
        Self { error, basic: false, status: None }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for JsonError {
    fn status_code(&self) -> StatusCode {
        match self.status {
            Some(status) => status,
            None if self.error.code == ErrorCode::InvalidClient => StatusCode::UNAUTHORIZED,
            None => status_of(&self.error),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = body(self.status_code(), &self.error);
        if self.challenges() {
            let challenge = header::HeaderValue::from_static(r#"Basic realm="countersign""#);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// An error as RFC 6750 §3 shows it, and RFC 9449 §7.1.
#[derive(Debug)]
pub struct BearerError {
    error: OAuthError,
    /// How the token was sent.
    scheme: Scheme,
    /// The scope that would do (RFC 6750 §3.1, `insufficient_scope`).
    scope: Option<&'static str>,
    /// Whether a token was sent at all.
    token_sent: bool,
    /// Whether a token bound to a key would do as well.
    dpop: bool,
    /// Where the API describes itself (RFC 9728 §5.1).
    resource_metadata: Option<String>,
}

impl BearerError {
    /// No token was sent: a challenge without an error (RFC 6750 §3.1).
    pub fn missing_token() -> Self {
        let error = OAuthError::invalid_token("send an access token");
        Self {
            error,
            scheme: Scheme::Bearer,
            scope: None,
            token_sent: false,
            dpop: true,
            resource_metadata: None,
        }
    }

    /// The token is good, but not for this.
    pub fn insufficient_scope(scope: &'static str) -> Self {
        let error = OAuthError::new(ErrorCode::InsufficientScope, "the token lacks a scope");
        Self {
            error,
            scheme: Scheme::Bearer,
            scope: Some(scope),
            token_sent: true,
            dpop: true,
            resource_metadata: None,
        }
    }

    /// Answers in the scheme that the token was sent by.
    #[must_use]
    pub const fn to_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Says where the API describes itself.
    #[must_use]
    pub fn described_at(mut self, address: String) -> Self {
        self.resource_metadata = Some(address);
        self
    }

    /// Takes bearer tokens alone.
    #[must_use]
    pub const fn bearer_only(mut self) -> Self {
        self.dpop = false;
        self
    }

    /// Who sent no token by DPoP learns that it could.
    fn challenges(&self) -> Vec<String> {
        let offer = || {
            let nothing_wrong =
                Self { resource_metadata: self.resource_metadata.clone(), ..Self::missing_token() };
            format!(r#"{}, algs="{}""#, nothing_wrong.challenge("DPoP"), dpop_algorithms())
        };
        match self.scheme {
            Scheme::Dpop => {
                let error = self.challenge("DPoP");
                vec![format!(r#"{error}, algs="{}""#, dpop_algorithms())]
            }
            Scheme::Bearer if self.dpop && self.status_code() == StatusCode::UNAUTHORIZED => {
                vec![self.challenge("Bearer"), offer()]
            }
            Scheme::Bearer => vec![self.challenge("Bearer")],
        }
    }

    /// `error` and `error_description` cannot break out: both are in the RFC's alphabet, and what is
    /// not is left out.
    fn challenge(&self, scheme: &str) -> String {
        let mut challenge = format!(r#"{scheme} realm="countersign""#);
        if let Some(address) = &self.resource_metadata {
            challenge.push_str(&format!(r#", resource_metadata="{address}""#));
        }
        if !self.token_sent {
            return challenge;
        }
        let plain = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        let description: String = self.error.description.chars().filter(plain).collect();
        challenge.push_str(&format!(
            r#", error="{}", error_description="{description}""#,
            self.error.code.as_str()
        ));
        if let Some(scope) = self.scope {
            challenge.push_str(&format!(r#", scope="{scope}""#));
        }
        challenge
    }
}

impl From<OAuthError> for BearerError {
    fn from(error: OAuthError) -> Self {
        Self {
            error,
            scheme: Scheme::Bearer,
            scope: None,
            token_sent: true,
            dpop: true,
            resource_metadata: None,
        }
    }
}

impl fmt::Display for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for BearerError {
    fn status_code(&self) -> StatusCode {
        match self.error.code {
            ErrorCode::InvalidToken | ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce => {
                StatusCode::UNAUTHORIZED
            }
            ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
            _ => status_of(&self.error),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = body(self.status_code(), &self.error);
        if self.status_code().is_client_error() {
            for challenge in self.challenges() {
                let Ok(challenge) = challenge.try_into() else { continue };
                response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
            }
        }
        response
    }
}

/// What proofs may be signed with, as a challenge says it (RFC 9449 §7.1).
fn dpop_algorithms() -> String {
    sender::PROOF_ALGORITHMS.map(|algorithm| algorithm.as_str()).join(" ")
}

fn too_many(error: &OAuthError) -> Option<TooMany> {
    error.source.as_ref().and_then(|source| source.downcast_ref().copied())
}

/// The status of an error that its endpoint treats like any other.
pub fn status_of(error: &OAuthError) -> StatusCode {
    match error.code {
        _ if too_many(error).is_some() => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn body(status: StatusCode, error: &OAuthError) -> HttpResponse {
    #[derive(Serialize)]
    struct Body<'a> {
        error: ErrorCode,
        error_description: &'a str,
    }

    let body = Body { error: error.code, error_description: &error.description };
    let mut response = HttpResponse::build(status).json(body);
    headers::no_store(response.headers_mut());
    let wait = match too_many(error) {
        Some(TooMany(wait)) => Some(wait.as_seconds()),
        None => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_SECONDS),
    };
    if let Some(seconds) = wait {
        headers::retry_after(response.headers_mut(), seconds);
    }
    let nonce = error.source.as_ref().and_then(|source| source.downcast_ref::<FreshNonce>());
    if let Some(Ok(nonce)) = nonce.map(|FreshNonce(nonce)| nonce.try_into()) {
        response.headers_mut().insert(headers::DPOP_NONCE, nonce);
    }
    note_fault(&mut response, error);
    response
}

/// The causes of a fault of ours, for the log.
#[derive(Debug, Clone)]
pub struct NotedFault(pub String);

/// Hands the causes of a fault of ours to the middleware, which logs them. Does nothing for what is
/// the client's mistake.
pub fn note_fault(response: &mut HttpResponse, error: &OAuthError) {
    if status_of(error).is_server_error() {
        response.extensions_mut().insert(NotedFault(causes(error)));
    }
}

/// An error with all that caused it, in one line.
pub fn causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::time::Lifetime;

    fn header(response: &HttpResponse, name: header::HeaderName) -> Option<&str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn invalid_client_is_answered_in_the_kind_it_was_tried() {
        let error = || JsonError::from(OAuthError::invalid_client("who are you"));
        let basic = error().basic(true).error_response();
        assert_eq!(basic.status(), 401);
        assert!(header(&basic, header::WWW_AUTHENTICATE).unwrap().starts_with("Basic"));
        let post = error().error_response();
        assert_eq!(post.status(), 401);
        assert_eq!(header(&post, header::WWW_AUTHENTICATE), None);
        assert_eq!(header(&post, header::CACHE_CONTROL), Some("no-store"));
    }

    #[test]
    fn too_many_attempts_are_429_with_the_time_to_wait() {
        let error = OAuthError::unavailable(TooMany(Lifetime::seconds(30)));
        let response = JsonError::from(error).error_response();
        assert_eq!(response.status(), 429);
        assert_eq!(header(&response, header::RETRY_AFTER), Some("30"));
        assert!(response.extensions().get::<NotedFault>().is_none());
    }

    #[test]
    fn a_fault_of_ours_is_noted_and_not_shown() {
        let error = OAuthError::server_error("the disk is on fire");
        let response = JsonError::from(error).error_response();
        assert_eq!(response.status(), 500);
        assert!(response.extensions().get::<NotedFault>().unwrap().0.contains("on fire"));
        let busy = JsonError::from(OAuthError::unavailable("queue")).error_response();
        assert_eq!((busy.status().as_u16(), header(&busy, header::RETRY_AFTER)), (503, Some("1")));
    }

    #[test]
    fn rfc_6750_a_challenge_names_the_error_and_the_scope() {
        let missing = BearerError::missing_token().error_response();
        assert_eq!(missing.status(), 401);
        let challenge = header(&missing, header::WWW_AUTHENTICATE);
        assert_eq!(challenge, Some(r#"Bearer realm="countersign""#));
        let scope = BearerError::insufficient_scope("openid").error_response();
        assert_eq!(scope.status(), 403);
        assert!(header(&scope, header::WWW_AUTHENTICATE).unwrap().ends_with(r#"scope="openid""#));
        let quoted = BearerError::from(OAuthError::invalid_token("a \"quote\"")).error_response();
        assert!(header(&quoted, header::WWW_AUTHENTICATE).unwrap().contains("\"a quote\""));
    }
}
