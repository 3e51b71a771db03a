//! [`AccessToken`] as an argument of an actix handler (RFC 6750).
//!
//! A handler that names it is protected, and one that does not is public; `Option<AccessToken>`
//! takes both. The token is read from the `Authorization` header alone: in a query it would end up
//! in logs (RFC 9700 §4.3.2).

use super::access_token::AccessToken;
use super::error::VerifyError;
use super::verify::Verifier;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, dev::Payload, web};
use serde_json::json;
use std::future::Future;
use std::pin::Pin;

impl FromRequest for AccessToken {
    type Error = VerifyError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, VerifyError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let verifier = request.app_data::<web::Data<Verifier>>().cloned();
        let token = bearer_token(request).map(str::to_owned);
        Box::pin(async move {
            let token = token?;
            let verifier = verifier.ok_or(VerifyError::NotConfigured)?;
            let verdict = verifier.verify_or_refresh(&token).await;
            let token = verdict.inspect_err(|error| tracing::debug!(%error, "token refused"))?;
            // Who holds the key that it is bound to cannot be told from the header alone.
            match token.claims.contains_key("cnf") {
                true => Err(VerifyError::Bound),
                false => Ok(token),
            }
        })
    }
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1).
fn bearer_token(request: &HttpRequest) -> Result<&str, VerifyError> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or(VerifyError::Missing)?;
    if headers.next().is_some() {
        return Err(VerifyError::BadRequest("more than one Authorization header"));
    }
    let value = header.to_str().map_err(|_| VerifyError::BadRequest("not a bearer token"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(token.trim_start_matches(' '))
        }
        None if value.eq_ignore_ascii_case("bearer") => {
            Err(VerifyError::BadRequest("not a bearer token"))
        }
        _ => Err(VerifyError::Missing),
    }
}

impl VerifyError {
    /// The error code of RFC 6750 §3.1. None when no token was sent, and for what is not the
    /// client's doing.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Missing | Self::Stale | Self::NoKeys | Self::NotConfigured => None,
            Self::BadRequest(_) => Some("invalid_request"),
            Self::Invalid(_) | Self::UnknownKey | Self::Bound | Self::Revoked => {
                Some("invalid_token")
            }
            Self::InsufficientScope { .. } => Some("insufficient_scope"),
        }
    }

    /// The challenge of RFC 6750 §3.
    fn challenge(&self) -> Option<String> {
        if self.status_code().is_server_error() {
            return None;
        }
        let mut challenge = r#"Bearer realm="api""#.to_owned();
        if let Some(code) = self.code() {
            challenge += &format!(r#", error="{code}", error_description="{self}""#);
        }
        if let Self::InsufficientScope { scope } = self {
            challenge += &format!(r#", scope="{scope}""#);
        }
        Some(challenge)
    }
}

impl ResponseError for VerifyError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Missing | Self::Invalid(_) | Self::UnknownKey | Self::Bound | Self::Revoked => {
                StatusCode::UNAUTHORIZED
            }
            Self::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            Self::Stale | Self::NoKeys => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotConfigured => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(challenge) = self.challenge() {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if self.status_code() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, "1"));
        }
        match self.code() {
            Some(code) => {
                response.json(json!({ "error": code, "error_description": self.to_string() }))
            }
            None => response.finish(),
        }
    }
}

#[cfg(test)]
#[path = "extractor_tests.rs"]
mod tests;
