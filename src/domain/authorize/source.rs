//! Where an authorization request says what it says: in its own parameters, in an object that its
//! client signed (RFC 9101), or in a request that was pushed before (RFC 9126 §4).

use super::request::{self, Refusal, Reply};
use super::{pushed, request_object};
use crate::config::ByReference;
use crate::domain::clients::RegisteredClient;
use crate::domain::identity::throttle::{Limit, TooMany};
use crate::domain::provider::Provider;
use crate::protocol::authorization_request::Once;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::time::Lifetime;
use std::sync::Arc;

/// How many request objects are fetched for one client in a minute.
const FETCHES: Limit = Limit { attempts: 300, window: Lifetime::seconds(60) };

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
    /// What a client pushes: parameters, or a request object beside its proof of who it is.
    ///
    /// # Errors
    ///
    /// `invalid_request_object`.
    pub async fn of_push(
        provider: &Provider,
        client: &RegisteredClient,
        params: Params,
    ) -> Result<Self, OAuthError> {
        let Some(object) = params.one("request")? else {
            return Ok(Self { params, once: None, pushed: true, signed: false });
        };
        let read = request_object::read(provider, client, object).await?;
        Ok(Self { params: read.params, once: read.once, pushed: true, signed: true })
    }
}

/// Finds what a request that a browser brought says.
///
/// # Errors
///
/// See [`Refusal`].
pub async fn resolve(
    provider: &Provider,
    client: &Arc<RegisteredClient>,
    params: &Params,
) -> Result<Source, Refusal> {
    let request_uri = params.one("request_uri").map_err(|error| refuse(client, params, error))?;
    if let Some(uri) = request_uri.filter(|uri| pushed::is_ours(uri)) {
        let found = pushed::find(provider, client, uri).await;
        return found.map_err(|error| Refusal::Page(error.into()));
    }
    let found = of_object(provider, client, params, request_uri).await;
    found.map_err(|error| refuse(client, params, error))
}

/// An error about the object goes where the parameters beside it lead, if they lead to the client.
fn refuse(client: &Arc<RegisteredClient>, params: &Params, error: OAuthError) -> Refusal {
    match request::reply_address(client, params) {
        Ok(address) => Refusal::Reply(Box::new(Reply { client: client.clone(), address, error })),
        Err(_) => Refusal::Page(error.into()),
    }
}

async fn of_object(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
    request_uri: Option<&str>,
) -> Result<Source, OAuthError> {
    let fetched;
    let object = match (params.one("request")?, request_uri) {
        (None, None) => {
            let params = params.clone();
            return Ok(Source { params, once: None, pushed: false, signed: false });
        }
        (Some(_), Some(_)) => {
            return Err(OAuthError::invalid_request("request goes with no request_uri"));
        }
        (Some(object), None) => object,
        (None, Some(uri)) => {
            fetched = fetch(provider, client, uri).await?;
            fetched.as_str()
        }
    };
    let read = request_object::read(provider, client, object).await?;
    Ok(Source { params: read.params, once: read.once, pushed: false, signed: true })
}

/// Fetches a request object that the client keeps somewhere (RFC 9101 §5.2).
async fn fetch(
    provider: &Provider,
    client: &RegisteredClient,
    uri: &str,
) -> Result<String, OAuthError> {
    let bad = |why| OAuthError::new(ErrorCode::InvalidRequestUri, why);
    // The fragment tells versions apart and is not sent (OpenID Connect Core §6.2).
    let address = |uri: &str| uri.split('#').next().unwrap_or_default().to_owned();
    let is_registered = || {
        let registered = &client.metadata.requests.request_uris;
        registered.iter().any(|own| address(own) == address(uri))
    };
    match provider.requests.by_reference {
        ByReference::Off => {
            let code = ErrorCode::RequestUriNotSupported;
            return Err(OAuthError::new(code, "request_uri is not supported"));
        }
        ByReference::Registered if !is_registered() => {
            return Err(bad("the request_uri is not registered for this client"));
        }
        ByReference::Registered | ByReference::Any => {}
    }
    let taken = provider.throttle.take(&format!("request_uri {}", client.id), FETCHES).await;
    taken.map_err(|wait: TooMany| OAuthError::unavailable(wait))?;
    let body = provider.outbound.get_request_object(&address(uri)).await.map_err(|error| {
        tracing::warn!(client.id = %client.id, %error, "a request_uri gave no request object");
        bad("the request_uri could not be fetched")
    })?;
    let text = String::from_utf8(body).map_err(|_| bad("the request_uri gave no text"))?;
    Ok(text.trim().to_owned())
}

/// Whether a request came the way that the server and its client ask for.
///
/// # Errors
///
/// `invalid_request` when it should have been pushed (RFC 9126 §5) or signed (RFC 9101 §10.5).
pub fn check_way(
    provider: &Provider,
    client: &RegisteredClient,
    source: &Source,
) -> Result<(), OAuthError> {
    let (server, requests) = (&provider.requests, &client.metadata.requests);
    let profile = client.policy.profile;
    let must_push = server.require_pushed
        || requests.require_pushed_authorization_requests
        || profile.is_fapi();
    if must_push && !source.pushed {
        return Err(OAuthError::invalid_request("the request must be pushed (RFC 9126)"));
    }
    let must_sign =
        server.require_signed || requests.require_signed_request_object || profile.signs_messages();
    if must_sign && !source.signed {
        return Err(OAuthError::invalid_request("the request must be signed (RFC 9101)"));
    }
    // What a client sends in the belief that we honour it must not be ignored.
    match source.params.one("registration")? {
        None => Ok(()),
        Some(_) => Err(OAuthError::new(
            ErrorCode::RegistrationNotSupported,
            "registration is not supported",
        )),
    }
}
