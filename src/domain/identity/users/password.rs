//! Setting passwords. Checking one at sign-in is in [`passwords`].

use super::{AccountError, event, existing, passwords};
use crate::domain::audit::Actor;
use crate::domain::form::FieldProblem;
use crate::domain::ground::Ground;
use crate::domain::revocation::{self, Reason};
use crate::storage::{audit, settings, users};

pub(super) fn problem(password: &str) -> Option<FieldProblem> {
    let says = "use 8 to 512 bytes";
    // A form cannot carry a NUL, so nobody could ever type it.
    (!passwords::LENGTH.contains(&password.len()) || password.contains('\0'))
        .then(|| FieldProblem::new("password", "error-password-length", says))
}

/// Whether a password may be set at all; asked before it costs a hash.
///
/// # Errors
///
/// `Invalid` when it is too short or too long.
pub fn check_password(password: &str) -> Result<(), AccountError> {
    AccountError::check(problem(password).into_iter().collect())
}

/// Hashes on a thread that may block.
pub(super) async fn hash(password: String) -> Result<String, AccountError> {
    let hashed = tokio::task::spawn_blocking(move || {
        passwords::hash_now(&password).map_err(|error| AccountError::Hash(error.to_string()))
    });
    hashed.await.map_err(|_| AccountError::Hash("the thread ended early".into()))?
}

/// Sets a password and ends everything of the user but `keep_sid`: sessions, refresh tokens and
/// access tokens, which a thief of the old password may have.
///
/// # Errors
///
/// `Invalid` when it is too short or too long, `NotFound`.
pub async fn set_password(
    ground: &Ground,
    id: &str,
    password: String,
    keep_sid: Option<&str>,
    actor: &Actor,
) -> Result<(), AccountError> {
    check_password(&password)?;
    let hashed = hash(password).await?;
    set_password_hash(ground, id, hashed, keep_sid, actor).await
}

/// As [`set_password`], with a hash that was made elsewhere.
///
/// # Errors
///
/// `NotFound`, and those of the database.
pub async fn set_password_hash(
    ground: &Ground,
    id: &str,
    password_hash: String,
    keep_sid: Option<&str>,
    actor: &Actor,
) -> Result<(), AccountError> {
    let cause = ground.cause(Reason::PasswordChanged, actor);
    let event = event(actor, "user.set_password", id, cause.now);
    let (id, keep_sid) = (id.to_owned(), keep_sid.map(str::to_owned));
    let version = ground.random.id();
    ground
        .transact(move |conn| {
            existing(conn, &id)?;
            users::set_password(conn, &id, &password_hash, cause.now)?;
            revocation::end_user(conn, &id, keep_sid.as_deref(), &cause)?;
            audit::insert(conn, &event)?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}
