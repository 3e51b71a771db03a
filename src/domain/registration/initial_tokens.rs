//! Initial access tokens (RFC 7591 §3): an administrator gives one to whoever may register clients.

use crate::domain::audit::{Actor, EventExt};
use crate::domain::digest::digest;
use crate::domain::form::{FieldProblem, is_line, sentences};
use crate::domain::ground::Ground;
use crate::protocol::time::Lifetime;
use crate::storage::initial_access_tokens;
pub use crate::storage::initial_access_tokens::InitialAccessToken;
use crate::storage::{StorageError, audit};

/// How long one is good unless told otherwise.
pub const DEFAULT_LIFETIME: Lifetime = Lifetime::hours(24);
const MIN_SECONDS: u32 = 60;
const MAX_SECONDS: u32 = 366 * 86_400;
const MAX_USES: u32 = 100_000;
const MAX_LABEL: usize = 100;

/// What a token shall be good for.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whom or what it is for.
    pub label: String,
    /// How many clients it lets in.
    pub uses: u32,
    pub lifetime: Lifetime,
}

impl NewToken {
    /// Everything that is wrong with it.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if !is_line(&self.label, MAX_LABEL) {
            let says = "use 1 to 100 characters that can be seen";
            problems.push(FieldProblem::new("label", "error-token-label", says));
        }
        if !(1..=MAX_USES).contains(&self.uses) {
            problems.push(FieldProblem::new("uses", "error-token-uses", "use 1 to 100000"));
        }
        if !(MIN_SECONDS..=MAX_SECONDS).contains(&self.lifetime.as_seconds()) {
            let says = "use a minute to a year";
            problems.push(FieldProblem::new("expires_in", "error-token-lifetime", says));
        }
        problems
    }
}

/// Why a token was not made or taken back.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("{}", sentences(.0))]
    Invalid(Vec<FieldProblem>),
    #[error("there is no such token")]
    NotFound,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Makes a token; its value is shown once.
///
/// # Errors
///
/// `Invalid` with all that is wrong.
pub async fn create(
    ground: &Ground,
    new: NewToken,
    actor: &Actor,
) -> Result<(String, InitialAccessToken), TokenError> {
    let problems = new.problems();
    if !problems.is_empty() {
        return Err(TokenError::Invalid(problems));
    }
    let (value, now) = (ground.random.secret(), ground.now());
    let token = InitialAccessToken {
        id: ground.random.id(),
        token_hash: digest(&value),
        label: new.label,
        uses: new.uses.into(),
        uses_left: new.uses.into(),
        created_by: actor.name.clone(),
        created_at: now.as_unix(),
        expires_at: (now + new.lifetime).as_unix(),
    };
    let event = actor
        .event("initial_token.create", now)
        .target(format!("initial_token:{}", token.id))
        .details(format!("uses: {}; label: {}", token.uses, token.label));
    let kept = token.clone();
    let made = ground.transact::<_, StorageError, _>(move |conn| {
        initial_access_tokens::insert(conn, &kept)?;
        audit::insert(conn, &event)
    });
    made.await?;
    Ok((value, token))
}

/// Those that are not removed yet, the newest first.
///
/// # Errors
///
/// Those of the database.
pub async fn list(ground: &Ground) -> Result<Vec<InitialAccessToken>, StorageError> {
    ground.db.read(initial_access_tokens::list).await
}

/// Takes a token back. Clients that came with it stay.
///
/// # Errors
///
/// `NotFound`.
pub async fn revoke(ground: &Ground, id: &str, actor: &Actor) -> Result<(), TokenError> {
    let event =
        actor.event("initial_token.revoke", ground.now()).target(format!("initial_token:{id}"));
    let id = id.to_owned();
    ground
        .transact(move |conn| {
            if !initial_access_tokens::delete(conn, &id)? {
                return Err(TokenError::NotFound);
            }
            Ok(audit::insert(conn, &event)?)
        })
        .await
}
