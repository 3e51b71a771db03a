//! A client reads, changes and ends its own registration (RFC 7592), with the token it was given for
//! that.

use super::answer::Answer;
use super::{checked_draft, invalid_metadata, members, refused, statement};
use crate::domain::audit::Actor;
use crate::domain::clients::management::{self, ClientError};
use crate::domain::digest::digest;
use crate::domain::identity::throttle::{Limit, TooMany};
use crate::domain::provider::Provider;
use crate::protocol::client::{Client, ClientPolicy};
use crate::protocol::error::OAuthError;
use crate::protocol::time::Lifetime;
use crate::storage::registrations::{self, Registration};
use crate::storage::{DbConnection, client_secrets, clients};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// How often a client may write its registration, at each instance: every time, all that instances
/// keep of clients is read anew.
const WRITES: Limit = Limit { attempts: 60, window: Lifetime::hours(1) };

/// Tells a client what it registered (RFC 7592 §2.1).
///
/// # Errors
///
/// `invalid_token` when the token is not that of the client, or there is no such client: the two
/// read the same.
pub async fn read(
    provider: &Provider,
    client_id: &str,
    bearer: &str,
) -> Result<Answer, OAuthError> {
    let (client, registration) = admit(provider, client_id, bearer).await?;
    Ok(answer(provider, client, None, registration, bearer))
}

/// Writes a registration over the old one, by the rules of a new one (RFC 7592 §2.2).
///
/// # Errors
///
/// `invalid_token`, and those of a registration.
pub async fn update(
    provider: &Provider,
    client_id: &str,
    bearer: &str,
    body: &[u8],
    actor: &Actor,
) -> Result<Answer, OAuthError> {
    let (before, mut registration) = admit(provider, client_id, bearer).await?;
    limit(provider, client_id).await?;
    let members = members(body)?;
    check_names(provider, client_id, &members).await?;
    let (mut draft, statement) = checked_draft(provider, members).await?;
    let (is_signed, own) = (statement.is_some(), draft.policy.clone());
    if !is_signed && registration.software_statement.is_some() {
        return Err(statement::invalid("the client came with a software statement: send one"));
    }
    draft.policy = beside(&own, &before.policy);
    let actor = actor.acting_as(Actor::client(client_id).name);
    registration.software_statement.clone_from(&statement);
    let (ground, hash) = (provider.ground(), digest(bearer));
    let updated =
        management::update_as(&ground, client_id, draft, &actor, move |conn, stored, draft| {
            still_its(conn, stored, &hash)?;
            draft.policy = beside(&own, &stored.policy);
            match &statement {
                Some(signed) => Ok(registrations::set_statement(conn, &stored.id, signed)?),
                None => Ok(()),
            }
        });
    let updated = updated.await.map_err(refused)?;
    provider.forget();
    provider.revocation.committed(&provider.db).await?;
    Ok(answer(provider, updated.client, updated.secret, registration, bearer))
}

async fn limit(provider: &Provider, client_id: &str) -> Result<(), OAuthError> {
    let taken = provider.throttle.take(&format!("manage {client_id}"), WRITES).await;
    taken.map_err(|wait: TooMany| wait.refused("too many updates of this client, try again later"))
}

/// The policy of a client that says this of itself. What the house has decided about it since is not
/// for the client to change.
fn beside(own: &ClientPolicy, house: &ClientPolicy) -> ClientPolicy {
    let require_pkce = own.require_pkce || house.require_pkce;
    ClientPolicy { kind: own.kind, require_pkce, ..house.clone() }
}

/// Refuses a client that was switched off, or whose token is another now, since it was let in.
fn still_its(
    conn: &mut DbConnection,
    client: &Client,
    token_hash: &str,
) -> Result<(), ClientError> {
    let registration = registrations::find(conn, &client.id)?;
    match registration.is_some_and(|own| own.token_hash == token_hash) && !client.disabled {
        true => Ok(()),
        false => Err(ClientError::NotFound),
    }
}

/// Ends a client (RFC 7592 §2.3).
///
/// # Errors
///
/// `invalid_token`.
pub async fn delete(
    provider: &Provider,
    client_id: &str,
    bearer: &str,
    actor: &Actor,
) -> Result<(), OAuthError> {
    admit(provider, client_id, bearer).await?;
    let actor = actor.acting_as(Actor::client(client_id).name);
    let (ground, hash) = (provider.ground(), digest(bearer));
    let settle = move |conn: &mut DbConnection, stored: &Client| still_its(conn, stored, &hash);
    let deleted = management::delete_as(&ground, client_id, &actor, settle);
    deleted.await.map_err(refused)?;
    provider.forget();
    provider.revocation.committed(&provider.db).await
}

fn answer(
    provider: &Provider,
    client: Client,
    secret: Option<String>,
    registration: Registration,
    bearer: &str,
) -> Answer {
    let issuer = provider.issuer.clone();
    Answer { client, secret, registration, access_token: bearer.to_owned(), issuer }
}

/// The client and its registration, for whoever has the token of just this one. A client that was
/// switched off can do nothing, this neither.
async fn admit(
    provider: &Provider,
    client_id: &str,
    bearer: &str,
) -> Result<(Client, Registration), OAuthError> {
    let (id, hash) = (client_id.to_owned(), digest(bearer));
    let refused = || OAuthError::invalid_token("the registration access token is not good here");
    if id.len() > 255 || id.contains('\0') {
        return Err(refused());
    }
    let found = provider
        .db
        .read(move |conn| Ok((clients::find(conn, &id)?, registrations::find(conn, &id)?)))
        .await?;
    let (Some(client), Some(registration)) = found else { return Err(refused()) };
    let is_its = bool::from(registration.token_hash.as_bytes().ct_eq(hash.as_bytes()));
    match is_its && !client.disabled {
        true => Ok((client, registration)),
        false => Err(refused()),
    }
}

/// A client names itself, and may name its secret, but not choose either (RFC 7592 §2.2).
async fn check_names(
    provider: &Provider,
    client_id: &str,
    members: &Map<String, Value>,
) -> Result<(), OAuthError> {
    if members.get("client_id").and_then(Value::as_str) != Some(client_id) {
        return Err(invalid_metadata("client_id: must be that of this client"));
    }
    let Some(secret) = members.get("client_secret") else { return Ok(()) };
    let hash = digest(secret.as_str().unwrap_or_default());
    let (id, now) = (client_id.to_owned(), provider.now());
    let stored = provider.db.read(move |conn| client_secrets::list(conn, &id)).await?;
    let live = stored.iter().filter(|one| one.expires_at.is_none_or(|at| at > now.as_unix()));
    let is_its = live.fold(subtle::Choice::from(0), |is, one| {
        is | one.secret_hash.as_bytes().ct_eq(hash.as_bytes())
    });
    match bool::from(is_its) {
        true => Ok(()),
        false => Err(invalid_metadata("client_secret: must be that of this client, or left out")),
    }
}
