//! The answer to what was asked for elsewhere (RFC 8628 §3.3, OpenID Connect CIBA §8): it is kept
//! until the client comes for it, and the browser stays here.

use super::answer::{self, AnswerError};
use super::interaction::Interaction;
use super::progress::wanted;
use super::reply::{Ending, Reply};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::clients::RegisteredClient;
use crate::domain::deferred::ping;
use crate::domain::identity::sessions::SignedIn;
use crate::domain::provider::Provider;
use crate::domain::resources::details;
use crate::domain::subject;
use crate::protocol::authorization_request::{ElsewhereRequest, Errand};
use crate::protocol::error::OAuthError;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use crate::storage::audit::{self, NewEvent};
use crate::storage::authorizations::{self, Authorization};
use crate::storage::pairwise_subjects::PairwiseSubject;
use crate::storage::{DbConnection, StorageError, consents, deferred_requests, sessions};

/// What is written when somebody allows it.
struct Allowing {
    authorization: Authorization,
    code_hash: String,
    errand: Errand,
    sid: String,
    subject: Option<PairwiseSubject>,
    wanted: Scope,
    details: Vec<String>,
    event: NewEvent,
    now: Timestamp,
}

enum Outcome {
    Done,
    DecidedBefore,
    SignedOut,
}

/// Allows it. What the client gets does not end with the session of this browser: it is used
/// elsewhere.
pub(super) async fn allow(
    provider: &Provider,
    client: &RegisteredClient,
    interaction: &Interaction,
    asked: &ElsewhereRequest,
    signed_in: &SignedIn,
    actor: &Actor,
) -> Result<Reply, AnswerError> {
    let (request, now) = (&interaction.request, provider.now());
    let authorization = answer::authorization(provider, client, interaction, signed_in, false);
    let allowing = Allowing {
        event: actor
            .event("authorization.grant", now)
            .user(&authorization.user_id)
            .client(&client.id)
            .target(asked.errand.as_str())
            .details(authorization.scope.to_string()),
        authorization: Authorization { sid: None, ..authorization },
        code_hash: asked.code_hash.clone(),
        errand: asked.errand,
        sid: signed_in.session.sid.clone(),
        subject: subject::to_remember(provider, client, &signed_in.user.id),
        wanted: wanted(request),
        details: details::hashes(&request.details),
        now,
    };
    let outcome = provider.db.write(move |conn| write(conn, &allowing)).await;
    provider.outbox.wake();
    match outcome.map_err(OAuthError::from)? {
        Outcome::Done => Ok(Reply::Here(asked.errand, Ending::Allowed)),
        Outcome::DecidedBefore => Ok(Reply::Here(asked.errand, Ending::DecidedBefore)),
        Outcome::SignedOut => Err(AnswerError::SignedOut),
    }
}

/// Writes what was allowed, or nothing.
fn write(conn: &mut DbConnection, allowing: &Allowing) -> Result<Outcome, StorageError> {
    let (authorization, now) = (&allowing.authorization, allowing.now);
    let (user, client) = (&authorization.user_id, &authorization.client_id);
    if !sessions::hold_live(conn, &allowing.sid, now)? {
        return Ok(Outcome::SignedOut);
    }
    let id = Some(authorization.id.as_str());
    if !deferred_requests::decide(conn, &allowing.code_hash, id, now)? {
        return Ok(Outcome::DecidedBefore);
    }
    if !authorizations::insert(conn, authorization)? {
        // The interaction was answered for another request: undone as a whole.
        return Err(StorageError::Conflict);
    }
    subject::remember(conn, allowing.subject.as_ref(), now)?;
    consents::grant(conn, user, client, &allowing.wanted, &allowing.details, now)?;
    tell(conn, allowing.errand, &allowing.code_hash, now)?;
    audit::insert(conn, &allowing.event)?;
    Ok(Outcome::Done)
}

/// Lets a client know that waits to be told; a device asks by itself.
fn tell(
    conn: &mut DbConnection,
    errand: Errand,
    code_hash: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    match errand {
        Errand::Ciba => ping::hasten(conn, code_hash, now),
        Errand::Device => Ok(()),
    }
}

/// Refuses it.
pub(super) async fn deny(
    provider: &Provider,
    client: &RegisteredClient,
    asked: &ElsewhereRequest,
    signed_in: &SignedIn,
    actor: &Actor,
) -> Result<Reply, AnswerError> {
    let now = provider.now();
    let event = actor
        .event("authorization.grant", now)
        .user(&signed_in.user.id)
        .client(&client.id)
        .target(asked.errand.as_str())
        .result("denied");
    let (code_hash, errand) = (asked.code_hash.clone(), asked.errand);
    let is_first = provider
        .db
        .write(move |conn| {
            let is_first = deferred_requests::decide(conn, &code_hash, None, now)?;
            if is_first {
                tell(conn, errand, &code_hash, now)?;
                audit::insert(conn, &event)?;
            }
            Ok(is_first)
        })
        .await
        .map_err(OAuthError::from)?;
    provider.outbox.wake();
    let ending = if is_first { Ending::Denied } else { Ending::DecidedBefore };
    Ok(Reply::Here(asked.errand, ending))
}
