//! How keys come and go: on demand, when their time has come, and early.

use super::{KeyUse, PUBLISH_AHEAD, RETIRING, make};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::ground::Ground;
use crate::domain::provider::Provider;
use crate::domain::revocation::{self, Reason};
use crate::failpoint;
use crate::jose::{Sealer, SealingKey};
use crate::protocol::error::OAuthError;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::signing_keys::{self, StoredKey};
use crate::storage::{DbConnection, StorageError, audit, settings};
use std::sync::Arc;

/// Reads the keys again after a change.
///
/// # Errors
///
/// When the database cannot be read or a key cannot be opened; the ring stays as it is then.
pub async fn reload(provider: &Provider) -> Result<(), OAuthError> {
    let stored = provider.db.read(signing_keys::list_live).await?;
    let keys = provider.keys.build(&stored).map_err(OAuthError::server_error)?;
    provider.keys.current.store(Arc::new(keys));
    Ok(())
}

/// The key that our keys are sealed under.
pub fn sealing_key(master_key: &[u8; 32]) -> SealingKey {
    Sealer::new(master_key).purpose("signing keys")
}

/// Publishes a next key for an algorithm; it becomes active after [`PUBLISH_AHEAD`].
///
/// # Errors
///
/// `invalid_request` when the next key is there already.
pub async fn rotate(
    provider: &Provider,
    use_: impl Into<KeyUse>,
    actor: &Actor,
) -> Result<StoredKey, OAuthError> {
    rotate_on(&provider.ground(), provider, use_, actor).await
}

/// As [`rotate`], on the ground of whoever acts.
///
/// # Errors
///
/// As [`rotate`], and `access_denied` when they may not any more.
pub async fn rotate_on(
    ground: &Ground,
    provider: &Provider,
    use_: impl Into<KeyUse>,
    actor: &Actor,
) -> Result<StoredKey, OAuthError> {
    let key = publish_next(ground, &provider.keys.seal, use_, actor).await?;
    reload(provider).await?;
    Ok(key)
}

/// As [`rotate`], without a running provider; servers see the new cache version.
///
/// # Errors
///
/// As [`rotate`], and `invalid_request` when the keys are sealed under another master key.
pub async fn publish_next(
    ground: &Ground,
    seal: &SealingKey,
    use_: impl Into<KeyUse>,
    actor: &Actor,
) -> Result<StoredKey, OAuthError> {
    let use_ = use_.into();
    let now = ground.now();
    let live = ground.db.read(signing_keys::list_live).await?;
    check_seal(&live, seal)?;
    let random = ground.random.as_ref();
    let key = make(seal, random, use_, "next", now, now + PUBLISH_AHEAD)
        .map_err(OAuthError::server_error)?;
    let event = actor
        .event("key.rotate", now)
        .target(format!("key:{}", key.kid))
        .details(format!("algorithm {use_}"));
    let version = ground.random.id();
    let inserted = key.clone();
    let done = ground
        .transact::<_, StorageError, _>(move |conn| {
            let live = signing_keys::list_live(conn)?;
            if live.iter().any(|key| key.state == "next" && key.algorithm == inserted.algorithm) {
                return Ok(false);
            }
            signing_keys::insert(conn, &inserted)?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(true)
        })
        .await?;
    failpoint::reach("key_published");
    match done {
        true => Ok(key),
        false => {
            Err(OAuthError::invalid_request("the next key for this algorithm is there already"))
        }
    }
}

/// A key sealed under another master key than its siblings could not be opened by any server.
fn check_seal(live: &[StoredKey], seal: &SealingKey) -> Result<(), OAuthError> {
    let opens = |key: &StoredKey| seal.open(&key.sealed_private, key.kid.as_bytes()).is_some();
    match live.iter().all(opens) {
        true => Ok(()),
        false => Err(OAuthError::invalid_request(
            "the master key does not open the keys in this database",
        )),
    }
}

/// Withdraws a key at once: it leaves the JWKS and every token signed with it is refused, or nothing
/// encrypted to it is opened. When it was the active one, a new key takes its place in the same
/// moment.
///
/// # Errors
///
/// `invalid_request` when there is no such key, or it is retired already.
pub async fn withdraw(provider: &Provider, kid: &str, actor: &Actor) -> Result<(), OAuthError> {
    withdraw_on(&provider.ground(), provider, kid, actor).await
}

/// As [`withdraw`], on the ground of whoever acts.
///
/// # Errors
///
/// As [`withdraw`], and `access_denied` when they may not any more.
pub async fn withdraw_on(
    ground: &Ground,
    provider: &Provider,
    kid: &str,
    actor: &Actor,
) -> Result<(), OAuthError> {
    retire(ground, &provider.keys.seal, kid, actor).await?;
    provider.revocation.committed(&provider.db).await?;
    reload(provider).await
}

/// As [`withdraw`], without a running provider; servers see the new cache version.
///
/// # Errors
///
/// As [`withdraw`], and `invalid_request` when the keys are sealed under another master key.
pub async fn retire(
    ground: &Ground,
    seal: &SealingKey,
    kid: &str,
    actor: &Actor,
) -> Result<(), OAuthError> {
    let now = ground.now();
    let live = ground.db.read(signing_keys::list_live).await?;
    check_seal(&live, seal)?;
    let Some(key) = live.iter().find(|key| key.kid == kid).cloned() else {
        return Err(OAuthError::invalid_request("there is no live key with this kid"));
    };
    let heir = match key.state == "active" {
        true => Some(heir(ground, seal, &key)?),
        false => None,
    };
    let entry = revocation::withdrawn_key(kid, ground.clock.shared());
    let signs = key.purpose == "sig";
    let entries = signs.then(|| entry.because(Reason::KeyWithdrawn, actor));
    let event = actor.event("key.withdraw", now).target(format!("key:{kid}"));
    let version = ground.random.id();
    let written = ground.transact::<_, StorageError, _>(move |conn| {
        let from = key.state.clone();
        let retired = StoredKey { state: "retired".into(), retire_at: Some(now.as_unix()), ..key };
        if signing_keys::change_state(conn, &from, &retired)?
            && let Some(heir) = heir
        {
            signing_keys::insert(conn, &heir)?;
        }
        revocation::insert(conn, entries.as_slice())?;
        audit::insert(conn, &event)?;
        settings::bump_cache_version(conn, &version)
    });
    Ok(written.await?)
}

fn heir(ground: &Ground, seal: &SealingKey, key: &StoredKey) -> Result<StoredKey, OAuthError> {
    let use_ = key.algorithm.parse().map_err(OAuthError::server_error)?;
    let now = ground.now();
    make(seal, ground.random.as_ref(), use_, "active", now, now).map_err(OAuthError::server_error)
}

/// Moves keys on when their time has come. Called every second by every instance; the guarded
/// updates make one of them the winner.
///
/// # Errors
///
/// Those of the database.
pub async fn advance(provider: &Provider) -> Result<(), OAuthError> {
    let now = provider.now();
    let live = provider.db.read(signing_keys::list_live).await?;
    let due = live.iter().any(|key| match key.state.as_str() {
        "next" => key.activate_at <= now.as_unix(),
        "retiring" => key.retire_at.is_some_and(|at| at <= now.as_unix()),
        _ => false,
    });
    if due {
        failpoint::reach("key_due");
        let version = provider.random.id();
        provider
            .db
            .write(move |conn| {
                for key in &live {
                    advance_one(conn, &live, key, now)?;
                }
                settings::bump_cache_version(conn, &version)
            })
            .await?;
        failpoint::reach("key_activated");
        return reload(provider).await;
    }
    rotate_the_old(provider, &live, now).await
}

fn advance_one(
    conn: &mut DbConnection,
    live: &[StoredKey],
    key: &StoredKey,
    now: Timestamp,
) -> Result<(), StorageError> {
    let at = now.as_unix();
    if key.state == "retiring" && key.retire_at.is_some_and(|retire_at| retire_at <= at) {
        let retired = StoredKey { state: "retired".into(), ..key.clone() };
        signing_keys::change_state(conn, "retiring", &retired)?;
    }
    if key.state != "next" || key.activate_at > at {
        return Ok(());
    }
    let active = StoredKey { state: "active".into(), activated_at: Some(at), ..key.clone() };
    if !signing_keys::change_state(conn, "next", &active)? {
        return Ok(());
    }
    let old = live.iter().filter(|old| old.state == "active" && old.algorithm == key.algorithm);
    for old in old {
        let retiring = StoredKey {
            state: "retiring".into(),
            retiring_at: Some(at),
            retire_at: Some((now + RETIRING).as_unix()),
            ..old.clone()
        };
        signing_keys::change_state(conn, "active", &retiring)?;
    }
    Ok(())
}

/// Rotates by itself what has been active for long enough.
async fn rotate_the_old(
    provider: &Provider,
    live: &[StoredKey],
    now: Timestamp,
) -> Result<(), OAuthError> {
    let oldest = now - Lifetime::days(provider.tokens.key_rotation_days);
    for key in live.iter().filter(|key| key.state == "active") {
        let is_old = key.activated_at.is_some_and(|at| at <= oldest.as_unix());
        let has_next =
            live.iter().any(|next| next.state == "next" && next.algorithm == key.algorithm);
        if is_old
            && !has_next
            && let Ok(use_) = key.algorithm.parse::<KeyUse>()
        {
            rotate(provider, use_, &Actor::system()).await?;
        }
    }
    Ok(())
}

impl Provider {
    /// No token of ours that a service accepts lives longer than this.
    pub fn longest_token_life(&self) -> Lifetime {
        self.tokens.longest_life()
    }
}
