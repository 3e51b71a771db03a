//! Setting passwords. Checking one at sign-in is in [`passwords`].

use super::{AccountError, User, event, existing, passwords};
use crate::domain::audit::Actor;
use crate::domain::form::FieldProblem;
use crate::domain::ground::Ground;
use crate::domain::revocation::{self, Reason};
use crate::protocol::random::Random;
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

/// A password that nobody guesses and everybody can type: 80 random bits as four groups of five
/// hexadecimal digits.
pub fn make_password(random: &dyn Random) -> String {
    let id = random.id();
    [0, 5, 10, 15].map(|start| &id[start..start + 5]).join("-")
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
    write(ground, id, hashed, keep_sid, None, actor).await
}

/// Sets the hash of a new password for somebody who proved the one of `before`, none when there was
/// none. An operator who set another meanwhile, or blocked them, has the last word.
///
/// # Errors
///
/// `Overtaken` when the password is another by now or the account is blocked; else as
/// [`set_password`].
pub async fn change_password_hash(
    ground: &Ground,
    before: &User,
    password_hash: String,
    keep_sid: &str,
    actor: &Actor,
) -> Result<(), AccountError> {
    write(ground, &before.id, password_hash, Some(keep_sid), Some(before), actor).await
}

async fn write(
    ground: &Ground,
    id: &str,
    password_hash: String,
    keep_sid: Option<&str>,
    before: Option<&User>,
    actor: &Actor,
) -> Result<(), AccountError> {
    let cause = ground.cause(Reason::PasswordChanged, actor);
    let event = event(actor, "user.set_password", id, cause.now);
    let (id, keep_sid) = (id.to_owned(), keep_sid.map(str::to_owned));
    let (before, version) = (before.cloned(), ground.random.id());
    ground
        .transact(move |conn| {
            let stored = existing(conn, &id)?;
            if before.is_some_and(|before| !before.is_still(&stored)) {
                return Err(AccountError::Overtaken);
            }
            users::set_password(conn, &id, &password_hash, cause.now)?;
            revocation::end_user(conn, &id, keep_sid.as_deref(), &cause)?;
            audit::insert(conn, &event)?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}
