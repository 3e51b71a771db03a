//! The refresh token grant (RFC 6749 §6), with rotation and theft detection (RFC 9700 §4.14).
//!
//! A refresh token is exchanged for its successor. Whoever uses a spent one is a thief, or has been
//! robbed: everything of the authorization ends. But an answer can get lost on its way, so the
//! previous token is accepted once more for half a minute, while its successor is unused, and gives
//! the same successor. What comes twice in the same moment is a hasty client, not a thief: only one
//! wins, and nothing ends.
//!
//! A client that proves who it is, and holds a key beside, keeps its refresh token: rotation would
//! only lose it (FAPI 2.0 Security Profile §5.3.2.1).

use super::{Grant, OneTimeValue, Person, Redemption, RefreshPlan, Subject};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::{refresh_key, refresh_token, refresh_token_of_key};
use crate::domain::provider::Provider;
use crate::domain::resources::Target;
use crate::domain::revocation::{self, Reason};
use crate::protocol::client::GrantType;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::authorizations::{self, Authorization};
use crate::storage::refresh_tokens::{self, RefreshToken};
use crate::storage::{DbConnection, StorageError, audit, sessions};
use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// How long an answer may have been lost, in seconds.
const RETRY_SECONDS: i64 = 30;
/// What comes this soon after the first use came at the same time, in seconds.
const BURST_SECONDS: i64 = 1;

/// Exchanges a refresh token for new tokens.
pub struct RefreshTokenGrant;

/// A refresh token with everything that hangs on it.
struct Found {
    token: RefreshToken,
    person: Person,
    successor_is_unused: bool,
}

/// What the use of a refresh token is.
#[derive(Debug, PartialEq, Eq)]
enum Use {
    First,
    /// The answer to the first use was lost.
    Retry,
    /// At the same time as the first use.
    Burst,
    /// Theft.
    Replay,
}

#[async_trait]
impl Grant for RefreshTokenGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::RefreshToken
    }

    #[tracing::instrument(level = "debug", name = "grant.refresh_token", skip_all, fields(client.id = %client.id))]
    async fn redeem(
        &self,
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
        actor: &Actor,
    ) -> Result<Redemption, OAuthError> {
        let sent = params.required("refresh_token")?;
        let found = find(provider, refresh_key(sent)).await?.ok_or_else(unusable)?;
        if found.token.client_id != client.id {
            return Err(unusable());
        }
        let use_ = judge(&found.token, found.successor_is_unused, provider.now());
        match use_ {
            Use::First | Use::Retry => {}
            Use::Burst => return Err(unusable()),
            Use::Replay => {
                end_family(provider, client, &found, actor).await?;
                return Err(unusable());
            }
        }
        let authorization = Some(&found.person.authorization);
        let target = Target::of(provider, client, params, authorization).await?;
        let granted = found.token.scope.intersection(&client.metadata.scope);
        let scope = super::narrowed(params, &granted)?;
        let (refresh, spend) = match client.keeps_refresh_tokens() && use_ == Use::First {
            true => kept(provider, sent, &found),
            false => succession(provider, sent, &found, &use_),
        };
        let earliest_iat = found.person.earliest_iat(provider);
        let mut person = found.person;
        // A nonce answers one request; this ID token answers none (OpenID Connect Core §12.2).
        person.authorization.nonce = None;
        Ok(Redemption {
            subject: Subject::Person(Box::new(person)),
            scope,
            target,
            spend: Some(spend),
            refresh: Some(refresh),
            earliest_iat,
            bound_to: found.token.confirmation,
            confirmation: Confirmation::default(),
            exchange: None,
            begins: false,
        })
    }
}

/// One answer for unknown, expired, spent and foreign tokens, so that nobody learns which it is.
fn unusable() -> OAuthError {
    OAuthError::invalid_grant("the refresh token is not valid, or no longer")
}

/// Whether what comes now came at the same time as what spent the token: neither waited for an answer.
pub fn came_together(spent_at: Timestamp, now: Timestamp) -> bool {
    now.seconds_since(spent_at) <= BURST_SECONDS
}

fn judge(token: &RefreshToken, successor_is_unused: bool, now: Timestamp) -> Use {
    let Some(spent_at) = token.spent_at else { return Use::First };
    let elapsed = now.seconds_since(spent_at);
    let may_retry =
        successor_is_unused && token.retried_at.is_none() && (0..=RETRY_SECONDS).contains(&elapsed);
    match (may_retry, came_together(spent_at, now) && successor_is_unused) {
        (true, _) => Use::Retry,
        (false, true) => Use::Burst,
        (false, false) => Use::Replay,
    }
}

/// The successor follows from the token itself, so a retry gives the same one again.
fn succession(
    provider: &Provider,
    sent: &str,
    found: &Found,
    use_: &Use,
) -> (RefreshPlan, OneTimeValue) {
    let secret = BASE64_URL_SAFE_NO_PAD.encode(provider.refresh.mac(sent.as_bytes()));
    let value = match &found.token.successor_hash {
        Some(key) => refresh_token_of_key(key, &secret),
        None => refresh_token(provider.now(), &secret),
    };
    let (hash, successor_hash) = (found.token.token_hash.clone(), refresh_key(&value));
    let is_new = *use_ == Use::First;
    let spend = match is_new {
        true => OneTimeValue::RefreshToken { hash, successor_hash },
        false => OneTimeValue::RetriedRefreshToken { hash, successor_hash },
    };
    let refresh = RefreshPlan {
        value,
        scope: found.token.scope.clone(),
        expires_at: super::refresh_expiry(provider, &found.person.authorization),
        is_new,
    };
    (refresh, spend)
}

/// Whether a refresh token of this authorization is over with its session: without `offline_access`
/// it lives no longer.
///
/// # Errors
///
/// Those of the database.
pub fn has_lost_its_session(
    conn: &mut DbConnection,
    authorization: &Authorization,
    now: Timestamp,
    idle: Lifetime,
) -> Result<bool, StorageError> {
    match &authorization.sid {
        Some(sid) if !authorization.offline => Ok(!sessions::is_live(conn, sid, now, idle)?),
        _ => Ok(false),
    }
}

/// The same token again, with a new end.
fn kept(provider: &Provider, sent: &str, found: &Found) -> (RefreshPlan, OneTimeValue) {
    let expires_at = super::refresh_expiry(provider, &found.person.authorization);
    let refresh = RefreshPlan {
        value: sent.to_owned(),
        scope: found.token.scope.clone(),
        expires_at,
        is_new: false,
    };
    (refresh, OneTimeValue::KeptRefreshToken { hash: found.token.token_hash.clone(), expires_at })
}

async fn find(provider: &Provider, hash: String) -> Result<Option<Found>, OAuthError> {
    let (now, idle) = (provider.now(), provider.sessions.idle);
    let found = provider
        .db
        .read_by_key(move |conn| {
            let Some(token) = refresh_tokens::find(conn, &hash, now)? else { return Ok(None) };
            let Some(authorization) = authorizations::find(conn, &token.authorization_id)? else {
                return Ok(None);
            };
            if authorization.revoked || has_lost_its_session(conn, &authorization, now, idle)? {
                return Ok(None);
            }
            let Some(person) = Person::find(conn, authorization)? else { return Ok(None) };
            let successor_is_unused = match token.successor_hash.as_deref() {
                Some(successor) => refresh_tokens::find(conn, successor, now)?
                    .is_some_and(|successor| successor.spent_at.is_none()),
                None => true,
            };
            Ok(Some(Found { token, person, successor_is_unused }))
        })
        .await?;
    Ok(found)
}

async fn end_family(
    provider: &Provider,
    client: &RegisteredClient,
    found: &Found,
    actor: &Actor,
) -> Result<(), OAuthError> {
    let cause = provider.cause(Reason::RefreshReplayed, actor);
    let id = found.token.authorization_id.clone();
    tracing::warn!(authorization.id = %id, "refresh token replayed, authorization revoked");
    let event = cause
        .actor
        .event("refresh_token.replay", cause.now)
        .user(&found.person.user.id)
        .client(&client.id)
        .target(format!("authorization:{id}"))
        .result("denied");
    provider
        .db
        .write(move |conn| {
            revocation::revoke_authorization(conn, &id, &cause)?;
            audit::insert(conn, &event)
        })
        .await?;
    provider.revocation.committed(&provider.db).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(spent_at: Option<i64>, retried_at: Option<i64>) -> RefreshToken {
        RefreshToken {
            token_hash: "hash".into(),
            authorization_id: "authorization".into(),
            client_id: "app".into(),
            scope: Default::default(),
            created_at: Timestamp::from_unix(0),
            expires_at: Timestamp::from_unix(9999),
            spent_at: spent_at.map(Timestamp::from_unix),
            successor_hash: spent_at.map(|_| "successor".into()),
            retried_at: retried_at.map(Timestamp::from_unix),
            confirmation: Confirmation::default(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn a_lost_answer_is_forgiven_once_within_half_a_minute() {
        assert_eq!(judge(&token(None, None), true, at(100)), Use::First);
        assert_eq!(judge(&token(Some(100), None), true, at(130)), Use::Retry);
        assert_eq!(judge(&token(Some(100), Some(110)), true, at(120)), Use::Replay);
    }

    #[test]
    fn rt_02_after_the_window_a_second_use_is_theft() {
        assert_eq!(judge(&token(Some(100), None), true, at(131)), Use::Replay);
    }

    #[test]
    fn rt_09_once_the_successor_is_used_a_second_use_is_theft_even_in_the_same_second() {
        assert_eq!(judge(&token(Some(100), None), false, at(100)), Use::Replay);
    }

    #[test]
    fn rt_03_what_comes_in_the_same_moment_loses_without_harm() {
        assert_eq!(judge(&token(Some(100), Some(100)), true, at(100)), Use::Burst);
    }

    #[test]
    fn rt_07_a_clock_that_went_back_is_not_a_lost_answer() {
        assert_eq!(judge(&token(Some(100), None), true, at(40)), Use::Burst);
    }
}
