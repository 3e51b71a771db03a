//! Browser sessions: 256 random bits in a cookie, hashed at rest, new at every sign-in.

use crate::domain::audit::{Actor, EventExt};
use crate::domain::digest::digest;
use crate::domain::federation::Identity;
use crate::domain::provider::Provider;
use crate::domain::revocation::{self, Cause, Reason};
use crate::protocol::acr::Level;
use crate::protocol::error::OAuthError;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::sessions::{self, Session};
use crate::storage::upstream_sessions::{self, UpstreamSession};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, StorageError, audit};

/// A browser that is not seen to be here is noted at most this often.
const TOUCH_EVERY: Lifetime = Lifetime::minutes(5);

/// The levels that somebody can reach here: `acr_values_supported` of the discovery document.
pub const REACHABLE: &[Level] = &[Level::Password];

/// A session with its person.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    pub session: Session,
    pub user: User,
    pub roles: Vec<String>,
}

impl SignedIn {
    /// When the person last proved who they are.
    pub fn auth_time(&self) -> Timestamp {
        Timestamp::from_unix(self.session.auth_time)
    }

    /// How sure we are of them.
    pub fn level(&self) -> Level {
        Level::parse(&self.session.acr).unwrap_or_default()
    }

    /// Whether the person may use the administration.
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == "admin")
    }
}

/// Where a browser is and what it says it is.
#[derive(Debug, Clone, Default)]
pub struct BrowserInfo {
    /// Whoever is there, with address and request code.
    pub actor: Actor,
    pub user_agent: Option<String>,
    /// Who vouched for them, when it was not we.
    pub upstream: Option<Identity>,
}

/// Finds the live session of a cookie.
///
/// # Errors
///
/// Those of the database.
pub async fn find(provider: &Provider, cookie: &str) -> Result<Option<SignedIn>, OAuthError> {
    if cookie.len() != 43 {
        return Ok(None);
    }
    let id_hash = digest(cookie);
    let now = provider.now();
    let idle = provider.sessions.idle;
    let found = provider.db.read_by_key(move |conn| find_live(conn, &id_hash, now, idle)).await?;
    if let Some(signed_in) = &found
        && now.seconds_since(Timestamp::from_unix(signed_in.session.last_seen_at))
            > i64::from(TOUCH_EVERY.as_seconds())
    {
        let id_hash = signed_in.session.id_hash.clone();
        provider.db.write(move |conn| sessions::touch(conn, &id_hash, now)).await?;
    }
    Ok(found)
}

/// Whether what a browser keeps for scripts to see is of a session that lives. To look does not keep
/// it alive.
///
/// # Errors
///
/// Those of the database.
pub async fn is_live(provider: &Provider, state: &str) -> Result<bool, OAuthError> {
    let Some(id_hash) = provider.browser.session_of_state(state) else { return Ok(false) };
    let (now, idle) = (provider.now(), provider.sessions.idle);
    let found = provider.db.read_by_key(move |conn| find_live(conn, &id_hash, now, idle)).await?;
    Ok(found.is_some())
}

/// [`find`] within a read that does more.
///
/// # Errors
///
/// Those of the database.
pub fn find_live(
    conn: &mut DbConnection,
    id_hash: &str,
    now: Timestamp,
    idle: Lifetime,
) -> Result<Option<SignedIn>, StorageError> {
    let Some(session) = sessions::find_live(conn, id_hash, now)? else { return Ok(None) };
    let idle_since = Timestamp::from_unix(session.last_seen_at);
    if !session.remember && idle_since + idle <= now {
        return Ok(None);
    }
    let Some(user) = users::find(conn, &session.user_id)? else { return Ok(None) };
    if user.blocked_at.is_some() {
        return Ok(None);
    }
    let roles = users::roles(conn, &user.id)?;
    Ok(Some(SignedIn { session, user, roles }))
}

/// Starts a session for somebody who has just proved who they are, and ends the one the browser
/// had. Gives the cookie's value.
///
/// # Errors
///
/// Those of the database.
pub async fn start(
    provider: &Provider,
    user: &User,
    remember: bool,
    before: Option<&str>,
    browser: BrowserInfo,
) -> Result<(String, Session), OAuthError> {
    provider.expect_right_clock()?;
    let now = provider.now();
    let cookie = provider.random.secret();
    let session = Session {
        id_hash: digest(&cookie),
        sid: provider.random.id(),
        user_id: user.id.clone(),
        auth_time: proved_at(browser.upstream.as_ref(), now).as_unix(),
        // RFC 8176 has no word for it; others call it so.
        amr: if browser.upstream.is_some() { "fed" } else { "pwd" }.into(),
        acr: Level::Password.as_str().into(),
        remember,
        created_at: now.as_unix(),
        last_seen_at: now.as_unix(),
        expires_at: (now + provider.sessions.absolute).as_unix(),
        ended_at: None,
        ip: browser.actor.ip.clone(),
        user_agent: browser.user_agent,
    };
    let actor = browser.actor.acting_as(Actor::user(&user.id).name);
    let event = actor.event("session.start", now).user(&user.id);
    let (before, checked) = (before.map(digest), user.clone());
    let upstream = browser.upstream;
    let cause = provider.cause(Reason::SignedOut, &actor);
    let started = provider
        .db
        .write(move |conn| {
            // A block or a new password in between must win over the proof of a moment ago.
            let current = users::hold(conn, &checked.id)?;
            if !current.is_some_and(|current| checked.is_still(&current)) {
                return Ok(None);
            }
            let session = replace(conn, before.as_deref(), session, &cause)?;
            note_upstream(conn, &session, upstream.as_ref(), before.is_some())?;
            users::set_last_sign_in(conn, &checked.id, now)?;
            audit::insert(conn, &event)?;
            Ok(Some(session))
        })
        .await?;
    provider.revocation.committed(&provider.db).await?;
    let changed = || OAuthError::invalid_grant("the account changed during the sign-in");
    Ok((cookie, started.ok_or_else(changed)?))
}

/// When they really proved who they are: perhaps a while ago, at another provider.
fn proved_at(upstream: Option<&Identity>, now: Timestamp) -> Timestamp {
    let there = upstream.and_then(|identity| identity.auth_time);
    there.map_or(now, |there| there.min(now))
}

/// Notes which session at another provider this one hangs on; none when it began here.
fn note_upstream(
    conn: &mut DbConnection,
    session: &Session,
    upstream: Option<&Identity>,
    may_be_renewed: bool,
) -> Result<(), StorageError> {
    let Some(identity) = upstream else {
        return match may_be_renewed {
            true => upstream_sessions::delete(conn, &session.sid),
            false => Ok(()),
        };
    };
    let noted = UpstreamSession {
        sid: session.sid.clone(),
        user_id: session.user_id.clone(),
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        upstream_sid: identity.upstream_sid.clone(),
    };
    upstream_sessions::put(conn, &noted)
}

/// Puts a new session in the place of the browser's old one. Of the same person, it goes on under
/// its `sid` with a new cookie; of another, it ends with all that lives by it.
fn replace(
    conn: &mut DbConnection,
    before: Option<&str>,
    session: Session,
    cause: &Cause,
) -> Result<Session, StorageError> {
    let old = match before {
        Some(before) => sessions::find_live(conn, before, cause.now)?,
        None => None,
    };
    match old {
        Some(old) if old.user_id == session.user_id => {
            let renewed = Session { sid: old.sid, created_at: old.created_at, ..session };
            sessions::renew(conn, &renewed)?;
            return Ok(renewed);
        }
        Some(old) => revocation::end_session(conn, &old.user_id, &old.sid, cause)?,
        None => false,
    };
    sessions::insert(conn, &session)?;
    Ok(session)
}
