//! Introspection (RFC 7662): whether a token is good, for those who may ask.

use super::presented::{self, Presented};
use crate::domain::clients::{self, RegisteredClient, jwks};
use crate::domain::digest::refresh_key;
use crate::domain::fault::signing;
use crate::domain::grants::refresh_token::has_lost_its_session;
use crate::domain::provider::Provider;
use crate::domain::resources::details;
use crate::domain::subject;
use crate::jose::{SigningAlgorithm, Typ};
use crate::protocol::client::GrantType;
use crate::protocol::error::OAuthError;
use crate::storage::users;
use crate::storage::{authorizations, refresh_tokens};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const DETAILS: &str = "authorization_details";

/// Answers about a token. What is not good, and what is not the caller's business, reads the same:
/// `active: false` and nothing else (§2.2).
///
/// # Errors
///
/// `invalid_client` for a public client (§2.1); those of the database.
pub async fn introspect(
    provider: &Provider,
    caller: &RegisteredClient,
    token: &str,
) -> Result<Value, OAuthError> {
    if caller.is_public() {
        return Err(OAuthError::invalid_client("a public client may not introspect"));
    }
    let found = match presented::read(provider, token).await? {
        Some(token) if may_see(provider, caller, &token) => {
            let answer = access_token(provider, token.clone()).await?;
            only_for(provider, caller, &token, answer).await?
        }
        Some(_) => None,
        None => refresh_token(provider, caller, token).await?,
    };
    Ok(found.map_or_else(|| json!({ "active": false }), Value::Object))
}

/// An answer as a token for the caller alone (RFC 9701 §5), encrypted when it is registered for that.
/// It has no `sub` and no `exp` of its own, so that it is of no use as a token of another kind.
///
/// # Errors
///
/// `server_error` when signing fails, `invalid_request` when the caller has no key to encrypt to.
pub async fn as_token(
    provider: &Provider,
    caller: &RegisteredClient,
    answer: Value,
) -> Result<String, OAuthError> {
    let own = &caller.metadata.introspection;
    let named = own.introspection_signed_response_alg.as_deref().and_then(|name| name.parse().ok());
    let algorithm = named.unwrap_or(SigningAlgorithm::RS256);
    let claims = json!({
        "iss": provider.issuer,
        "aud": caller.id,
        "iat": provider.now(),
        "token_introspection": answer,
    });
    let keys = provider.keys.current();
    let token = keys.signing(algorithm)?.sign(Typ::Introspection, &claims).map_err(signing)?;
    let encryption = clients::encryption(
        own.introspection_encrypted_response_alg.as_deref(),
        own.introspection_encrypted_response_enc.as_deref(),
    );
    match encryption {
        None => Ok(token),
        Some(algorithms) => {
            let key = jwks::recipient_key(provider, caller, algorithms).await?;
            key.encrypt_jwt(&token, None).map_err(signing)
        }
    }
}

/// A client may ask about its own tokens, and the server of a resource about every access token for
/// it. A service, which is a client that acts for itself, may ask about every access token for the
/// default audience, unless it is the server of something else.
fn may_see(provider: &Provider, caller: &RegisteredClient, token: &Presented) -> bool {
    let is_for = |resource: &str| token.audience.split(' ').any(|one| one == resource);
    let served = &caller.policy.resource_server_of;
    caller.id == token.client_id
        || served.iter().any(|resource| is_for(resource))
        || (served.is_empty()
            && caller.may_use(GrantType::ClientCredentials)
            && is_for(provider.default_audience()))
}

/// The server of a resource learns what was granted there in detail, and nothing of what was granted
/// elsewhere by the same token (RFC 9396 §9.2).
async fn only_for(
    provider: &Provider,
    caller: &RegisteredClient,
    token: &Presented,
    answer: Option<Map<String, Value>>,
) -> Result<Option<Map<String, Value>>, OAuthError> {
    let Some(mut answer) = answer else { return Ok(None) };
    if caller.id == token.client_id {
        return Ok(Some(answer));
    }
    if let Some(granted) = answer.remove(DETAILS) {
        let served = &caller.policy.resource_server_of;
        let is_served = |resource: &str| match served.is_empty() {
            true => resource == provider.default_audience(),
            false => served.iter().any(|own| own == resource),
        };
        let meant = details::only_of(provider, granted, is_served).await?;
        answer.extend(meant.map(|meant| (DETAILS.to_owned(), meant)));
    }
    Ok(Some(answer))
}

async fn access_token(
    provider: &Provider,
    token: Arc<Presented>,
) -> Result<Option<Map<String, Value>>, OAuthError> {
    let now = provider.now();
    let found = provider
        .db
        .read_by_key(move |conn| {
            if token.is_revoked(conn, now)? {
                return Ok(None);
            }
            let mut answer = token.claims.clone();
            answer.insert("active".into(), true.into());
            answer.insert("token_type".into(), token.confirmation.token_type().into());
            if token.subject != token.client_id
                && let Some(user) = users::find(conn, &token.subject)?
            {
                let name = user.username.unwrap_or(user.email);
                answer.insert("username".into(), name.into());
            }
            Ok(Some(answer))
        })
        .await?;
    Ok(found)
}

/// A refresh token is the business of its own client only.
async fn refresh_token(
    provider: &Provider,
    caller: &RegisteredClient,
    token: &str,
) -> Result<Option<Map<String, Value>>, OAuthError> {
    let (hash, now, idle) = (refresh_key(token), provider.now(), provider.sessions.idle);
    let (owner, issuer) = (caller.id.clone(), provider.issuer.clone());
    let found = provider
        .db
        .read_by_key(move |conn| {
            let token = refresh_tokens::find(conn, &hash, now)?;
            let token = token.filter(|token| token.client_id == owner && token.spent_at.is_none());
            let Some(token) = token else { return Ok(None) };
            let authorization = authorizations::find(conn, &token.authorization_id)?;
            let Some(of) = authorization.filter(|of| !of.revoked) else { return Ok(None) };
            if has_lost_its_session(conn, &of, now, idle)? {
                return Ok(None);
            }
            let mut answer = json!({
                "active": true,
                "iss": issuer,
                "client_id": token.client_id,
                // The name that the client knows the person by takes its place.
                "sub": of.user_id,
                "scope": token.scope,
                "iat": token.created_at,
                "exp": token.expires_at,
            });
            if !token.confirmation.is_empty() {
                answer["cnf"] = json!(token.confirmation);
            }
            Ok(answer.as_object().cloned())
        })
        .await?;
    Ok(found.map(|mut answer: Map<String, Value>| {
        let user_id = answer["sub"].as_str().unwrap_or_default();
        let sub = subject::of(provider, caller, user_id).into_owned();
        answer.insert("sub".into(), sub.into());
        answer
    }))
}
