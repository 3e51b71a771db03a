//! Whether a person may come in: blocks, and the end of sessions and tokens.

use super::membership::keep_an_admin;
use super::{AccountError, event, existing};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::form::{FieldProblem, is_hidden};
use crate::domain::ground::Ground;
use crate::domain::revocation::{self, Reason};
use crate::storage::{audit, settings, users};

const MAX_REASON_CHARS: usize = 500;

/// Blocks a user and ends all they have: sessions, refresh tokens, access tokens. True when they
/// were not blocked before; the reason of the first block stays.
///
/// # Errors
///
/// `LastAdmin`, `Yourself`, `NotFound`, and `Invalid` for a reason that is no plain text.
pub async fn block(
    ground: &Ground,
    id: &str,
    reason: &str,
    actor: &Actor,
) -> Result<bool, AccountError> {
    let reason = reason.trim().to_owned();
    check_reason(&reason)?;
    let cause = ground.cause(Reason::Blocked, actor);
    let event = event(actor, "user.block", id, cause.now).details(format!("reason: {reason}"));
    let (id, actor, version) = (id.to_owned(), actor.clone(), ground.random.id());
    ground
        .transact(move |conn| {
            keep_an_admin(conn, &id, &actor, &version)?;
            existing(conn, &id)?;
            let changed = users::block(conn, &id, &reason, cause.now)?;
            revocation::end_user(conn, &id, None, &cause)?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(changed)
        })
        .await
}

fn check_reason(reason: &str) -> Result<(), AccountError> {
    let hidden = |c: char| is_hidden(c) && !matches!(c, '\r' | '\n' | '\t');
    let plain = !reason.chars().any(hidden) && reason.chars().count() <= MAX_REASON_CHARS;
    let says = "use at most 500 characters that can be seen";
    let problem = (!plain).then(|| FieldProblem::new("reason", "error-reason", says));
    AccountError::check(problem.into_iter().collect())
}

/// Lets a user in again. What the block ended stays ended. True when they were blocked.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn unblock(ground: &Ground, id: &str, actor: &Actor) -> Result<bool, AccountError> {
    let now = ground.now();
    let event = event(actor, "user.unblock", id, now);
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            existing(conn, &id)?;
            let changed = users::unblock(conn, &id, now)?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(changed)
        })
        .await
}

/// Ends all that a user has: sessions, refresh tokens, access tokens.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn revoke_tokens(ground: &Ground, id: &str, actor: &Actor) -> Result<(), AccountError> {
    let cause = ground.cause(Reason::TokensRevoked, actor);
    let event = event(actor, "user.revoke_tokens", id, cause.now);
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            existing(conn, &id)?;
            revocation::end_user(conn, &id, None, &cause)?;
            audit::insert(conn, &event)?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}

/// Signs one browser of a user out, with what lives by that session. False when it was over.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn end_session(
    ground: &Ground,
    id: &str,
    sid: &str,
    actor: &Actor,
) -> Result<bool, AccountError> {
    let cause = ground.cause(Reason::SignedOut, actor);
    let event = event(actor, "session.end", id, cause.now).target(format!("session:{sid}"));
    let (id, sid) = (id.to_owned(), sid.to_owned());
    ground
        .transact(move |conn| {
            existing(conn, &id)?;
            let ended = revocation::end_session(conn, &id, &sid, &cause)?;
            if ended {
                audit::insert(conn, &event)?;
            }
            Ok(ended)
        })
        .await
}

/// Deletes a user with all they have. The audit log keeps what was done.
///
/// # Errors
///
/// `LastAdmin`, `Yourself`, `NotFound`, and those of the database.
pub async fn delete(ground: &Ground, id: &str, actor: &Actor) -> Result<(), AccountError> {
    let cause = ground.cause(Reason::Blocked, actor);
    let event = event(actor, "user.delete", id, cause.now);
    let (id, actor, version) = (id.to_owned(), actor.clone(), ground.random.id());
    ground
        .transact(move |conn| {
            keep_an_admin(conn, &id, &actor, &version)?;
            let user = existing(conn, &id)?;
            revocation::end_user(conn, &id, None, &cause)?;
            users::delete(conn, &id)?;
            audit::insert(conn, &event.details(format!("email: {}", user.email)))?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}
