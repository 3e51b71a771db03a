//! Pushed authorization requests (RFC 9126): the client sends its request itself, over a connection
//! on which it has proved who it is, and gives the browser a reference that is good once.
//!
//! A reference is used up by the answer, not by the first look: who loads the page again before
//! signing in goes on where they were.

use super::interaction;
use super::request::{self, Refusal};
use super::source::Source;
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::digest;
use crate::domain::identity::throttle::{Limit, TooMany, address_name};
use crate::domain::provider::Provider;
use crate::domain::sender::Sender;
use crate::protocol::authorization_request::Once;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::time::Lifetime;
use crate::storage::pushed_requests::{self, PushedRequest};
use crate::storage::seen_jtis;
use serde::Serialize;
use std::sync::Arc;

/// What our references begin with (RFC 9126 §2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// What a client proves itself with, which is no part of the request.
const PROOFS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];
/// The most that a request may say, in bytes as a form.
const MAX_BYTES: usize = 32 * 1024;
const WINDOW: Lifetime = Lifetime::seconds(60);

/// What the client gets for its request (RFC 9126 §2.2).
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    pub request_uri: String,
    pub expires_in: Lifetime,
}

/// Whether a `request_uri` is one of ours.
pub fn is_ours(request_uri: &str) -> bool {
    request_uri.starts_with(PREFIX)
}

/// Checks and keeps the request of a client that has authenticated.
///
/// # Errors
///
/// Those of the sender's proof, those of the request as it would be answered by the authorization
/// endpoint, and `temporarily_unavailable` when the client pushes too many.
pub async fn push(
    provider: &Provider,
    client: &Arc<RegisteredClient>,
    form: &Params,
    sender: &Sender,
    address: Option<&str>,
) -> Result<Receipt, OAuthError> {
    limit(provider, client, address).await?;
    if form.has("request_uri") {
        return Err(OAuthError::invalid_request("request_uri cannot be pushed"));
    }
    let params = form.without(&PROOFS).with("client_id", &client.id);
    let mut source = Source::of_push(provider, client, params).await?;
    if let Some(jkt) = sender.dpop_jkt(source.params.one("dpop_jkt")?)? {
        source.params = source.params.with("dpop_jkt", &jkt);
    }
    let parameters = source.params.to_form();
    if parameters.len() > MAX_BYTES {
        return Err(OAuthError::invalid_request("the request is longer than 32 KiB"));
    }
    let checked = request::check_source(provider, client.clone(), &source).await;
    checked.map_err(Refusal::into_error)?;
    sender.use_up(provider).await?;
    let value = provider.random.secret();
    let (now, lifetime) = (provider.now(), provider.requests.pushed_lifetime);
    let row = PushedRequest {
        uri_hash: digest(&value),
        client_id: client.id.clone(),
        parameters,
        signed: source.signed,
        usable_until: (now + lifetime).as_unix(),
        expires_at: (now + lifetime + interaction::LIFETIME).as_unix(),
        spent_at: None,
    };
    let once = source.once;
    let is_first = provider.db.write(move |conn| {
        let is_first = match once {
            Some(Once::RequestObject { jti_hash, until }) => {
                seen_jtis::insert(conn, &jti_hash, until)?
            }
            _ => true,
        };
        if is_first {
            pushed_requests::insert(conn, &row)?;
        }
        Ok(is_first)
    });
    if !is_first.await? {
        let description = "request object: the jti was used before";
        return Err(OAuthError::new(ErrorCode::InvalidRequestObject, description));
    }
    Ok(Receipt { request_uri: format!("{PREFIX}{value}"), expires_in: lifetime })
}

/// The table of requests must not be filled by one client, or by whoever takes the name of one.
async fn limit(
    provider: &Provider,
    client: &RegisteredClient,
    address: Option<&str>,
) -> Result<(), OAuthError> {
    let most = provider.requests.pushed_per_minute;
    let (name, attempts) = match client.is_public() {
        true => (format!("push {} {}", address_name(address), client.id), most.div_ceil(10)),
        false => (format!("push {}", client.id), most),
    };
    let taken = provider.throttle.take(&name, Limit { attempts, window: WINDOW }).await;
    taken.map_err(|wait: TooMany| wait.refused("too many pushed requests, try again later"))
}

/// What a client pushed, for the browser that brings the reference.
///
/// # Errors
///
/// `invalid_request_uri`, the same for a reference that is unknown, too old, used up or of another
/// client.
pub async fn find(
    provider: &Provider,
    client: &RegisteredClient,
    request_uri: &str,
) -> Result<Source, OAuthError> {
    let hash = digest(request_uri.strip_prefix(PREFIX).unwrap_or_default());
    let (sought, now) = (hash.clone(), provider.now());
    let found =
        provider.db.read_by_key(move |conn| pushed_requests::find(conn, &sought, now)).await?;
    let row = found.filter(|row| row.client_id == client.id).ok_or_else(unusable)?;
    Ok(Source {
        params: Params::parse(row.parameters.as_bytes())?,
        once: Some(Once::Pushed(hash)),
        pushed: true,
        signed: row.signed,
    })
}

fn unusable() -> OAuthError {
    let description = "the request_uri is not valid, or no longer";
    OAuthError::new(ErrorCode::InvalidRequestUri, description)
}
