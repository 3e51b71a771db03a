//! Sign-in with a password: throttled before it is hashed, and the same answer for every cause.

use super::passwords::{self, PasswordError};
use super::throttle::{Limit, TooMany, address_name};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::digest::digest;
use crate::domain::provider::Provider;
use crate::protocol::error::OAuthError;
use crate::protocol::time::Lifetime;
use crate::storage::audit;
use crate::storage::users::{self, User};

/// Wrong passwords for one account, from browsers that nobody signed in with before.
const PER_ACCOUNT: Limit = Limit { attempts: 5, window: Lifetime::seconds(30) };
/// Wrong passwords from one address, whatever the account. Right ones do not count.
const PER_ADDRESS: Limit = Limit { attempts: 50, window: Lifetime::seconds(180) };
/// The longest login name, in bytes.
const MAX_NAME_BYTES: usize = 254;

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No such account, no such password: they read the same.
    #[error("wrong user name or password")]
    Wrong,
    #[error(transparent)]
    SlowDown(#[from] TooMany),
    /// The password was right, but an administrator blocked the account.
    #[error("the account is blocked")]
    Blocked,
    /// Too many sign-ins at once, or the database is away.
    #[error("sign-in is not possible right now")]
    Unavailable(#[source] OAuthError),
}

/// What somebody typed, and what the browser remembers.
#[derive(Debug)]
pub struct Attempt<'a> {
    pub login_name: &'a str,
    pub password: &'a str,
    /// The id of the user whom this browser signed in before, proven by its cookie: such a browser
    /// is not locked out by strangers who guess.
    pub known_user: Option<&'a str>,
    pub actor: &'a Actor,
}

/// Checks a user name and password.
///
/// # Errors
///
/// See [`SignInError`].
pub async fn check_password(
    provider: &Provider,
    attempt: &Attempt<'_>,
) -> Result<User, SignInError> {
    let address = address_name(attempt.actor.ip.as_deref());
    if attempt.login_name.len() > MAX_NAME_BYTES
        || attempt.login_name.contains('\0')
        || attempt.password.len() > *passwords::LENGTH.end()
    {
        return Err(SignInError::Wrong);
    }
    let name = users::canonical(attempt.login_name);
    let user = find(provider, name.clone()).await?;
    let account = account_counter(user.as_ref(), &name, attempt.known_user);
    provider.throttle.take(&address, PER_ADDRESS).await?;
    if let Err(too_many) = provider.throttle.take(&account, PER_ACCOUNT).await {
        provider.throttle.give_back(&address);
        return Err(too_many.into());
    }
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = provider.passwords.verify(attempt.password, hash).await.map_err(|error| {
        provider.throttle.give_back(&address);
        provider.throttle.give_back(&account);
        busy(error)
    })?;
    if !right {
        record_failure(provider, attempt.actor, user.as_ref(), "wrong password").await?;
        return Err(SignInError::Wrong);
    }
    let user = user.ok_or(SignInError::Wrong)?;
    provider.throttle.give_back(&address);
    provider.throttle.forget(&account);
    if user.blocked_at.is_some() {
        record_failure(provider, attempt.actor, Some(&user), "blocked").await?;
        return Err(SignInError::Blocked);
    }
    Ok(user)
}

/// Under what name attempts are counted: the account, by whichever of its names it was meant; apart
/// from strangers for a browser that knows it.
fn account_counter(user: Option<&User>, name: &str, known_user: Option<&str>) -> String {
    match user {
        Some(user) if known_user == Some(user.id.as_str()) => format!("known {}", user.id),
        Some(user) => format!("account {}", user.id),
        None => format!("name {}", digest(name)),
    }
}

async fn find(provider: &Provider, name: String) -> Result<Option<User>, SignInError> {
    let found = provider.db.read_by_key(move |conn| users::find_by_login_name(conn, &name)).await;
    found.map_err(|error| SignInError::Unavailable(error.into()))
}

fn busy(error: PasswordError) -> SignInError {
    SignInError::Unavailable(OAuthError::unavailable(error))
}

async fn record_failure(
    provider: &Provider,
    actor: &Actor,
    user: Option<&User>,
    why: &str,
) -> Result<(), SignInError> {
    let mut event = actor.event("session.start", provider.now()).result("denied");
    if let Some(user) = user {
        event = event.user(&user.id).details(why);
    }
    let written = provider.db.write(move |conn| audit::insert(conn, &event)).await;
    written.map_err(|error| SignInError::Unavailable(error.into()))
}
