//! Revocation by a client (RFC 7009): it has no more use for a token.

use super::presented;
use crate::domain::audit::{Actor, EventExt};
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::{is_refresh_token, refresh_key};
use crate::domain::provider::Provider;
use crate::domain::revocation::{self, Reason};
use crate::protocol::error::OAuthError;
use crate::storage::{audit, refresh_tokens};

/// Revokes an access token, or a refresh token with everything of its authorization (§2.1). An
/// unknown token is revoked already (§2.2).
///
/// # Errors
///
/// `invalid_grant` for a token of another client; it stays as it is. Those of the database: nothing
/// is revoked then.
pub async fn revoke(
    provider: &Provider,
    client: &RegisteredClient,
    token: &str,
    actor: &Actor,
) -> Result<(), OAuthError> {
    if is_refresh_token(token) {
        return revoke_refresh_token(provider, client, token, actor).await;
    }
    if let Some(presented) = presented::read(provider, token).await? {
        if presented.client_id != client.id {
            return Err(foreign());
        }
        let cause = provider.cause(Reason::TokenRevoked, actor);
        let event = actor
            .event("token.revoke", cause.now)
            .client(&client.id)
            .target(format!("token:{}", presented.jti));
        provider
            .db
            .write(move |conn| {
                revocation::end_token(conn, &presented.jti, presented.expires_at, &cause)?;
                audit::insert(conn, &event)
            })
            .await?;
        return provider.revocation.committed(&provider.db).await;
    }
    revoke_refresh_token(provider, client, token, actor).await
}

fn foreign() -> OAuthError {
    OAuthError::invalid_grant("the token was issued to another client")
}

async fn revoke_refresh_token(
    provider: &Provider,
    client: &RegisteredClient,
    token: &str,
    actor: &Actor,
) -> Result<(), OAuthError> {
    let hash = refresh_key(token);
    let cause = provider.cause(Reason::TokenRevoked, actor);
    let event = actor.event("refresh_token.revoke", cause.now).client(&client.id);
    let owner = client.id.clone();
    let is_own = provider
        .db
        .write_in_batch(move |conn| {
            let Some(token) = refresh_tokens::find(conn, &hash, cause.now)? else {
                return Ok(true);
            };
            if token.client_id != owner {
                return Ok(false);
            }
            revocation::revoke_authorization(conn, &token.authorization_id, &cause)?;
            let target = format!("authorization:{}", token.authorization_id);
            audit::insert(conn, &event.target(target))?;
            Ok(true)
        })
        .await?;
    match is_own {
        true => provider.revocation.committed(&provider.db).await,
        false => Err(foreign()),
    }
}
