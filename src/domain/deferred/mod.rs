//! Requests that are decided elsewhere: the client asks the token endpoint again and again until
//! somebody has decided (RFC 8628 §3.4, §3.5).

pub mod ciba;
pub mod device;
mod person;
pub mod ping;
pub mod request;
pub mod testing;

use super::clients::RegisteredClient;
use super::grants::Person;
use super::provider::Provider;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::time::Lifetime;
use crate::storage::deferred_requests::{self, DeferredRequest, Kind};
use crate::storage::{DbConnection, StorageError, authorizations};

/// Seconds between two questions, unless a client was told otherwise.
pub const INTERVAL: u32 = 5;
/// How much longer a client waits that asked too early (RFC 8628 §3.5).
const BACKOFF: i64 = 5;
/// How long a request is kept after its end, so that its client learns why nothing comes of it.
const KEPT: Lifetime = Lifetime::hours(1);

/// What became of a request.
enum Outcome {
    Pending,
    Denied,
    Allowed(Box<Person>),
}

/// Answers a client that asks whether somebody has decided.
///
/// # Errors
///
/// `authorization_pending`, `slow_down`, `access_denied` and `expired_token` (RFC 8628 §3.5);
/// `invalid_grant` for a code that is unknown, of another client or used, which read the same.
pub async fn ask(
    provider: &Provider,
    client: &RegisteredClient,
    kind: Kind,
    code_hash: String,
) -> Result<Person, OAuthError> {
    let (sought, now) = (code_hash.clone(), provider.now());
    let found = provider
        .db
        .read(move |conn| {
            let Some(row) = deferred_requests::find(conn, kind, &sought)? else {
                return Ok(None);
            };
            let outcome = outcome(conn, &row)?;
            Ok(Some((row, outcome)))
        })
        .await?;
    let (row, outcome) =
        found.filter(|(row, _)| row.client_id == client.id).ok_or_else(unusable)?;
    if row.spent_at.is_some() {
        return Err(unusable());
    }
    match outcome {
        Outcome::Denied => Err(OAuthError::new(ErrorCode::AccessDenied, "it was not allowed")),
        _ if row.usable_until <= now.as_unix() => {
            let why = "nobody decided in time, start anew";
            Err(OAuthError::new(ErrorCode::ExpiredToken, why))
        }
        Outcome::Allowed(person) => Ok(*person),
        Outcome::Pending => Err(note(provider, code_hash).await?),
    }
}

/// One answer for unknown, foreign and used codes, so that nobody learns which it is.
fn unusable() -> OAuthError {
    OAuthError::invalid_grant("the code is not valid, or no longer")
}

/// What was allowed counts only as long as nobody has taken it back.
fn outcome(conn: &mut DbConnection, row: &DeferredRequest) -> Result<Outcome, StorageError> {
    if row.decided_at.is_none() {
        return Ok(Outcome::Pending);
    }
    let Some(id) = &row.authorization_id else { return Ok(Outcome::Denied) };
    let authorization = authorizations::find(conn, id)?.filter(|found| !found.revoked);
    let Some(authorization) = authorization else { return Ok(Outcome::Denied) };
    let Some(person) = Person::find(conn, authorization)? else { return Ok(Outcome::Denied) };
    Ok(Outcome::Allowed(Box::new(person)))
}

/// Notes that the client asked while nobody had decided, for every instance to see. Nothing is used
/// up by that.
async fn note(provider: &Provider, code_hash: String) -> Result<OAuthError, OAuthError> {
    let now = provider.now();
    let in_time = provider
        .db
        .write(move |conn| deferred_requests::note_poll(conn, &code_hash, BACKOFF, now))
        .await?;
    Ok(match in_time {
        true => OAuthError::new(ErrorCode::AuthorizationPending, "nobody has decided yet"),
        false => {
            let why = "wait 5 seconds longer between two questions";
            OAuthError::new(ErrorCode::SlowDown, why)
        }
    })
}
