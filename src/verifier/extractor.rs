//! [`AccessToken`] as an argument of an actix handler (RFC 6750, RFC 9449 §7).
//!
//! A handler that names it is protected, and one that does not is public; `Option<AccessToken>`
//! takes both. The token is read from the `Authorization` header alone: in a query it would end up
//! in logs (RFC 9700 §4.3.2).

use super::access_token::AccessToken;
use super::error::VerifyError;
use super::sender::{Scheme, Sent};
use super::verify::Verifier;
use crate::jose::Certificate;
use crate::jose::dpop::ALGORITHMS;
use actix_web::dev::{Extensions, Payload};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use serde_json::json;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

impl FromRequest for AccessToken {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let verifier = request.app_data::<web::Data<Verifier>>().cloned();
        let request = request.clone();
        Box::pin(async move {
            if verifier.is_none() {
                sent_token(&request)?;
            }
            let verifier = verifier.ok_or(VerifyError::NotConfigured)?;
            let verdict = take_or_check(&verifier, &request).await;
            verdict.map_err(|error| Refusal::of(error, &verifier))
        })
    }
}

/// A token that a middleware has let through, and the verifier that stood in its place.
#[derive(Clone)]
pub(super) struct Checked {
    pub token: AccessToken,
    pub by: Verifier,
}

impl Checked {
    /// What this very verifier has let through already, whatever its policy was there: the proof that
    /// came with it is good once. What another one thinks of a token counts for nothing here.
    pub(super) fn find(extensions: &Extensions, verifier: &Verifier) -> Option<Self> {
        extensions.get::<Self>().filter(|checked| checked.by.is_same(verifier)).cloned()
    }
}

/// The token that a middleware has checked here, or checks it.
async fn take_or_check(
    verifier: &Verifier,
    request: &HttpRequest,
) -> Result<AccessToken, VerifyError> {
    let checked = Checked::find(&request.extensions(), verifier);
    let Some(checked) = checked else { return check(verifier, request).await };
    if !checked.by.has_policy_of(verifier) {
        let (_, sent) = sent_token(request)?;
        verifier.check_again(&checked.token, sent).await?;
    }
    Ok(checked.token)
}

/// Checks the token of a request.
pub(super) async fn check(
    verifier: &Verifier,
    request: &HttpRequest,
) -> Result<AccessToken, VerifyError> {
    check_as(verifier, request, request.method().as_str(), request.path()).await
}

/// Checks the token of a request that was another before a proxy asked about it.
pub(super) async fn check_as(
    verifier: &Verifier,
    request: &HttpRequest,
    method: &str,
    path: &str,
) -> Result<AccessToken, VerifyError> {
    let (scheme, token) = verifier.count_refusal(sent_token(request))?;
    let proofs = request.headers().get_all("dpop");
    // What is no text is a proof that is none.
    let proofs: Vec<&str> = proofs.map(|value| value.to_str().unwrap_or_default()).collect();
    let certificate = shown_certificate(request);
    let certificate = certificate.as_ref().map(|shown| shown.thumbprint());
    let sent = Sent { scheme, token, method, path, proofs: &proofs, certificate };
    let verdict = verifier.verify_sent(&sent).await;
    verdict.inspect_err(|error| tracing::debug!(%error, "token refused"))
}

/// Why a request is refused, and where the service describes itself (RFC 9728 §5.1). A service that
/// refuses by itself, for a scope say, returns it to name that place too.
#[derive(Debug)]
pub struct Refusal {
    /// The reason.
    pub error: VerifyError,
    resource_metadata: Option<String>,
}

impl Refusal {
    /// A refusal by a service with this verifier.
    pub fn of(error: VerifyError, verifier: &Verifier) -> Self {
        let resource_metadata = verifier.resource_metadata().map(str::to_owned);
        Self { error, resource_metadata }
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        Self { error, resource_metadata: None }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.error.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.error.error_response();
        let Some(address) = &self.resource_metadata else { return response };
        response.headers_mut().remove(WWW_AUTHENTICATE);
        for challenge in self.error.challenges() {
            let challenge = format!(r#"{challenge}, resource_metadata="{address}""#);
            let Ok(challenge) = challenge.try_into() else { continue };
            response.headers_mut().append(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The certificate that the service has found for the connection (`HttpServer::on_connect`) or the
/// request (its extensions).
fn shown_certificate(request: &HttpRequest) -> Option<Arc<Certificate>> {
    let of_connection = request.conn_data::<Arc<Certificate>>().cloned();
    of_connection.or_else(|| request.extensions().get::<Arc<Certificate>>().cloned())
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1) or `DPoP` (RFC 9449 §7.1).
///
/// # Errors
///
/// `Missing` without one, `BadRequest` for one that cannot be read.
pub fn sent_token(request: &HttpRequest) -> Result<(Scheme, &str), VerifyError> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or(VerifyError::Missing)?;
    if headers.next().is_some() {
        return Err(VerifyError::BadRequest("more than one Authorization header"));
    }
    let value = header.to_str().map_err(|_| VerifyError::BadRequest("not a bearer token"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok((Scheme::Bearer, token.trim_start_matches(' ')))
        }
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("dpop") => {
            Ok((Scheme::Dpop, token.trim_start_matches(' ')))
        }
        None if value.eq_ignore_ascii_case("bearer") => {
            Err(VerifyError::BadRequest("not a bearer token"))
        }
        _ => Err(VerifyError::Missing),
    }
}

/// What proofs may be signed with, as a challenge says it.
fn proof_algorithms() -> String {
    ALGORITHMS.map(|algorithm| algorithm.as_str()).join(" ")
}

impl VerifyError {
    /// The error code of RFC 6750 §3.1. None when no token was sent, and for what is not the
    /// client's doing.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Missing
            | Self::NotAllowed
            | Self::Stale
            | Self::Busy
            | Self::NoKeys
            | Self::Unanswered
            | Self::NotConfigured => None,
            Self::BadRequest(_) => Some("invalid_request"),
            Self::Invalid(_)
            | Self::UnknownKey
            | Self::Bound
            | Self::OtherKey
            | Self::NotBound
            | Self::Inactive
            | Self::OtherAudience
            | Self::Revoked => Some("invalid_token"),
            Self::Proof(_) => Some("invalid_dpop_proof"),
            Self::NonceNeeded { .. } => Some("use_dpop_nonce"),
            Self::InsufficientScope { .. } => Some("insufficient_scope"),
            Self::InsufficientAuthentication(_) => Some("insufficient_user_authentication"),
        }
    }

    /// The challenges of RFC 6750 §3 and RFC 9449 §7.1. What is wrong with a proof, and a key that
    /// was not shown, is a matter of DPoP alone.
    fn challenges(&self) -> Vec<String> {
        let dpop = || format!(r#"{}, algs="{}""#, self.challenge("DPoP"), proof_algorithms());
        match self {
            _ if self.status_code().is_server_error() => Vec::new(),
            Self::Proof(_) | Self::NonceNeeded { .. } => vec![dpop()],
            _ if self.status_code() == StatusCode::UNAUTHORIZED => {
                vec![self.challenge("Bearer"), dpop()]
            }
            _ => vec![self.challenge("Bearer")],
        }
    }

    fn challenge(&self, scheme: &str) -> String {
        let mut challenge = format!(r#"{scheme} realm="api""#);
        if let Some(code) = self.code() {
            challenge += &format!(r#", error="{code}", error_description="{self}""#);
        }
        if let Self::InsufficientScope { scope } = self {
            challenge += &format!(r#", scope="{scope}""#);
        }
        if let Self::InsufficientAuthentication(needed) = self {
            challenge += &needed.challenge();
        }
        challenge
    }
}

impl ResponseError for VerifyError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Missing
            | Self::Invalid(_)
            | Self::UnknownKey
            | Self::Bound
            | Self::OtherKey
            | Self::NotBound
            | Self::Proof(_)
            | Self::NonceNeeded { .. }
            | Self::InsufficientAuthentication(_)
            | Self::Inactive
            | Self::OtherAudience
            | Self::Revoked => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope { .. } | Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::Stale | Self::Busy | Self::NoKeys | Self::Unanswered => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::NotConfigured => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store"));
        for challenge in self.challenges() {
            response.append_header((WWW_AUTHENTICATE, challenge));
        }
        if let Self::NonceNeeded { nonce } = self {
            response.insert_header(("DPoP-Nonce", nonce.as_str()));
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
