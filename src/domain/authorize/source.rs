//! Where an authorization request says what it says: in its own parameters, or in a request that
//! was pushed before (RFC 9126 §4).

use super::pushed;
use super::request::Refusal;
use crate::domain::clients::RegisteredClient;
use crate::domain::provider::Provider;
use crate::protocol::authorization_request::Once;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;

/// What a request says, wherever it stood.
pub struct Source {
    /// The parameters that count, and none beside them.
    pub params: Params,
    /// What is used up by the answer.
    pub once: Option<Once>,
    /// Whether the client pushed it, and so proved who it is.
    pub pushed: bool,
    /// Whether it stood in a signed request object (RFC 9101).
    pub signed: bool,
}

impl Source {
    /// The parameters of a request that a client pushes.
    pub fn of_push(params: Params) -> Self {
        Self { params, once: None, pushed: true, signed: false }
    }
}

/// Finds what a request that a browser brought says.
///
/// # Errors
///
/// See [`Refusal`].
pub async fn resolve(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
) -> Result<Source, Refusal> {
    let request_uri = params.one("request_uri").map_err(|error| Refusal::Page(error.into()))?;
    match request_uri {
        Some(uri) if pushed::is_ours(uri) => {
            let found = pushed::find(provider, client, uri).await;
            found.map_err(|error| Refusal::Page(error.into()))
        }
        _ => Ok(Source { params: params.clone(), once: None, pushed: false, signed: false }),
    }
}

/// Whether a request came the way that the server and its client ask for.
///
/// # Errors
///
/// `invalid_request` when it should have been pushed (RFC 9126 §5).
pub fn check_way(
    provider: &Provider,
    client: &RegisteredClient,
    source: &Source,
) -> Result<(), OAuthError> {
    let must_push = provider.requests.require_pushed
        || client.metadata.requests.require_pushed_authorization_requests;
    if must_push && !source.pushed {
        return Err(OAuthError::invalid_request("the request must be pushed (RFC 9126)"));
    }
    refuse_what_is_not_supported(&source.params)
}

/// What a client sends in the belief that we honour it must not be ignored (OpenID Connect Core
/// §6.1, §7.2.1).
fn refuse_what_is_not_supported(params: &Params) -> Result<(), OAuthError> {
    for (name, code, description) in [
        ("request", ErrorCode::RequestNotSupported, "request objects are not supported"),
        ("request_uri", ErrorCode::RequestUriNotSupported, "request_uri is not supported"),
        ("registration", ErrorCode::RegistrationNotSupported, "registration is not supported"),
    ] {
        if params.one(name)?.is_some() {
            return Err(OAuthError::new(code, description));
        }
    }
    Ok(())
}
