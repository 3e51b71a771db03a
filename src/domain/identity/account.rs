//! What a person sees and changes of their own account.

use super::passwords::PasswordError;
use super::sessions::SignedIn;
use super::sign_in::{self, Attempt, SignInError};
use super::throttle::{Limit, TooMany};
use super::users::{self, AccountError, Profile, User};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::digest::digest;
use crate::domain::provider::Provider;
use crate::domain::revocation::{self, Reason};
use crate::protocol::client::Client;
use crate::protocol::error::OAuthError;
use crate::protocol::scope::Scope;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::audit::{EventQuery, Wanted};
use crate::storage::{audit, authorizations, clients, consents, sessions};

pub use crate::storage::audit::Event;
pub use crate::storage::sessions::Session;

/// How young a sign-in must be for what is sensitive.
pub const RECENT: Lifetime = Lifetime::minutes(10);

/// What is worth showing to the person it happened to; the rest is for administrators.
const SHOWN_ACTIONS: [&str; 3] = ["session.", "user.", "consent."];

/// Whether the person proved a moment ago who they are.
pub fn is_recent(signed_in: &SignedIn, now: Timestamp) -> bool {
    signed_in.auth_time() + RECENT > now
}

/// The newest `count` events of a user, newest first.
///
/// # Errors
///
/// Those of the database.
pub async fn newest_events(
    provider: &Provider,
    user_id: &str,
    count: usize,
) -> Result<Vec<Event>, OAuthError> {
    let user_id = user_id.to_owned();
    let limit = i64::try_from(count).unwrap_or(i64::MAX);
    let found = provider
        .db
        .read(move |conn| {
            let mut events = Vec::new();
            for action in SHOWN_ACTIONS {
                let query = EventQuery {
                    action: Some(Wanted::Exactly(action.into())),
                    user_id: Some(user_id.clone()),
                    limit,
                    ..EventQuery::default()
                };
                events.extend(audit::list(conn, &query)?);
            }
            events.sort_by_key(|event| std::cmp::Reverse(event.seq));
            events.truncate(count);
            Ok(events)
        })
        .await?;
    Ok(found)
}

/// The browsers in which a user is signed in, the one last seen first.
///
/// # Errors
///
/// Those of the database.
pub async fn live_sessions(provider: &Provider, user_id: &str) -> Result<Vec<Session>, OAuthError> {
    let (user_id, now, idle) = (user_id.to_owned(), provider.now(), provider.sessions.idle);
    let mut live =
        provider.db.read(move |conn| sessions::list_live_of_user(conn, &user_id, now)).await?;
    let is_awake = |session: &Session| {
        session.remember || Timestamp::from_unix(session.last_seen_at) + idle > now
    };
    live.retain(is_awake);
    Ok(live)
}

/// An app that a user lets use the account.
#[derive(Debug, Clone)]
pub struct ConnectedApp {
    pub client: Client,
    pub scope: Scope,
    pub since: Timestamp,
    pub last_used: Option<Timestamp>,
}

/// The apps of a user, the one allowed last first.
///
/// # Errors
///
/// Those of the database.
pub async fn connected_apps(
    provider: &Provider,
    user_id: &str,
) -> Result<Vec<ConnectedApp>, OAuthError> {
    let user_id = user_id.to_owned();
    let apps = provider
        .db
        .read(move |conn| {
            let used = authorizations::last_use_of_user(conn, &user_id)?;
            let mut apps = Vec::new();
            for consent in consents::list_of_user(conn, &user_id)? {
                let Some(client) = clients::find(conn, &consent.client_id)? else { continue };
                let last = used.iter().find(|(id, _)| *id == consent.client_id);
                apps.push(ConnectedApp {
                    client,
                    scope: consent.scope,
                    since: consent.granted_at,
                    last_used: last.map(|(_, at)| *at),
                });
            }
            Ok(apps)
        })
        .await?;
    Ok(apps)
}

/// Ends every session of a user but the one they look from. Gives how many there were.
///
/// # Errors
///
/// Those of the database.
pub async fn end_other_sessions(
    provider: &Provider,
    signed_in: &SignedIn,
    actor: &Actor,
) -> Result<usize, OAuthError> {
    let cause = provider.cause(Reason::SignedOut, actor);
    let event = actor.event("session.end", cause.now).user(&signed_in.user.id);
    let (user_id, own) = (signed_in.user.id.clone(), signed_in.session.sid.clone());
    let ended = provider
        .db
        .write(move |conn| {
            let live = sessions::list_live_of_user(conn, &user_id, cause.now)?;
            let mut ended = 0;
            for session in live.iter().filter(|session| session.sid != own) {
                if revocation::end_session(conn, &user_id, &session.sid, &cause)? {
                    let event = event.clone().target(format!("session:{}", session.sid));
                    audit::insert(conn, &event)?;
                    ended += 1;
                }
            }
            Ok(ended)
        })
        .await?;
    provider.revocation.committed(&provider.db).await?;
    Ok(ended)
}

/// How often a person may write their profile, at each instance: every time, all that instances
/// keep of people is read anew.
const PROFILES: Limit = Limit { attempts: 30, window: Lifetime::minutes(10) };

/// Why a profile was not written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error(transparent)]
    SlowDown(#[from] TooMany),
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// Writes what a person changed of their own profile.
///
/// # Errors
///
/// See [`ProfileError`].
pub async fn update_profile(
    provider: &Provider,
    signed_in: &SignedIn,
    profile: Profile,
    actor: &Actor,
) -> Result<(), ProfileError> {
    let user = &signed_in.user;
    provider.throttle.take(&format!("profile {}", user.id), PROFILES).await?;
    users::update_profile(&provider.ground_of(signed_in), user, profile, actor).await?;
    Ok(())
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// What was given as the current password is not it, or too much was tried.
    #[error(transparent)]
    Current(SignInError),
    /// The new one cannot be a password.
    #[error(transparent)]
    New(#[from] AccountError),
    /// A fault of ours, or too many who hash at once.
    #[error("the password cannot be changed right now")]
    Unavailable(#[source] OAuthError),
}

impl From<PasswordError> for ChangeError {
    fn from(error: PasswordError) -> Self {
        Self::Unavailable(OAuthError::unavailable(error))
    }
}

/// Changes a person's password after a look at the current one, and ends all else that was signed
/// in by the old one. The browser goes on with a new cookie, whose value is given.
///
/// # Errors
///
/// See [`ChangeError`].
pub async fn change_password(
    provider: &Provider,
    signed_in: &SignedIn,
    current: &str,
    new: &str,
    actor: &Actor,
) -> Result<String, ChangeError> {
    users::check_password(new)?;
    let proven = match signed_in.user.password_hash.is_some() {
        true => prove(provider, signed_in, current, actor).await.map_err(ChangeError::Current)?,
        false => signed_in.user.clone(),
    };
    let hash = provider.passwords.hash(new).await?;
    let (ground, sid) = (provider.ground_of(signed_in), &signed_in.session.sid);
    users::change_password_hash(&ground, &proven, hash, sid, actor).await?;
    let told = provider.revocation.committed(&provider.db).await;
    told.map_err(ChangeError::Unavailable)?;
    renew_cookie(provider, &signed_in.session).await.map_err(ChangeError::Unavailable)
}

/// Checks the current password as a sign-in does, with the same limits. Gives whose it was then.
async fn prove(
    provider: &Provider,
    signed_in: &SignedIn,
    password: &str,
    actor: &Actor,
) -> Result<User, SignInError> {
    let attempt = Attempt {
        login_name: &signed_in.user.email,
        password,
        known_user: Some(&signed_in.user.id),
        actor,
    };
    let proven = sign_in::check_password(provider, &attempt).await?;
    match proven.id == signed_in.user.id {
        true => Ok(proven),
        false => Err(SignInError::Wrong),
    }
}

/// Gives a session a new cookie; the old value is worth nothing from then on.
async fn renew_cookie(provider: &Provider, session: &Session) -> Result<String, OAuthError> {
    let cookie = provider.random.secret();
    let last_seen_at = provider.now().as_unix();
    let renewed = Session { id_hash: digest(&cookie), last_seen_at, ..session.clone() };
    provider.db.write(move |conn| sessions::renew(conn, &renewed)).await?;
    Ok(cookie)
}
