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
    let published = publish_if_none(ground, seal, use_, actor).await?;
    let there = "the next key for this algorithm is there already";
    published.ok_or_else(|| OAuthError::invalid_request(there))
}

/// As [`publish_next`], but gives nothing when the next key is there already. Of all who do this at once,
/// on whatever instance, one publishes a key.
///
/// # Errors
///
/// `invalid_request` when the keys are sealed under another master key.
pub async fn publish_if_none(
    ground: &Ground,
    seal: &SealingKey,
    use_: impl Into<KeyUse>,
    actor: &Actor,
) -> Result<Option<StoredKey>, OAuthError> {
    let use_ = use_.into();
    let now = ground.now();
    let live = ground.db.read(signing_keys::list_live).await?;
    check_seal(&live, seal)?;
    if is_there(&live, "next", use_.as_str()) {
        return Ok(None);
    }
    let random = ground.random.as_ref();
    let key = make(seal, random, use_, "next", now, now + PUBLISH_AHEAD)
        .map_err(OAuthError::server_error)?;
    let event = actor
        .event("key.rotate", now)
        .target(format!("key:{}", key.kid))
        .details(format!("algorithm {use_}"));
    let version = ground.random.id();
    let published = ground
        .transact::<_, StorageError, _>(move |conn| {
            signing_keys::lock(conn)?;
            if is_there(&signing_keys::list_live(conn)?, "next", &key.algorithm) {
                return Ok(None);
            }
            signing_keys::insert(conn, &key)?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(Some(key))
        })
        .await;
    failpoint::reach("key_published");
    match published {
        // An older release beside this one does not wait at the lock.
        Err(StorageError::Conflict) => Ok(None),
        published => Ok(published?),
    }
}

fn is_there(live: &[StoredKey], state: &str, algorithm: &str) -> bool {
    live.iter().any(|key| key.state == state && key.algorithm == algorithm)
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
    let missing = || OAuthError::invalid_request("there is no live key with this kid");
    let key = live.iter().find(|key| key.kid == kid).cloned().ok_or_else(missing)?;
    // A next key may be the active one by the time it ends.
    let heir = match key.state == "retiring" {
        true => None,
        false => Some(heir(ground, seal, &key)?),
    };
    let entry = revocation::withdrawn_key(kid, ground.clock.shared());
    let signs = key.purpose == "sig";
    let entries = signs.then(|| entry.because(Reason::KeyWithdrawn, actor));
    let event = actor.event("key.withdraw", now).target(format!("key:{kid}"));
    let version = ground.random.id();
    let ended = ground.transact::<_, StorageError, _>(move |conn| {
        if !end(conn, &key, heir.as_ref(), now)? {
            return Ok(false);
        }
        revocation::insert(conn, entries.as_slice())?;
        audit::insert(conn, &event)?;
        settings::bump_cache_version(conn, &version)?;
        Ok(true)
    });
    match ended.await? {
        true => Ok(()),
        false => Err(missing()),
    }
}

/// Ends a key, whatever has become of it since it was read, and puts its heir in its place when its
/// algorithm has no active key then. False when it has ended already.
fn end(
    conn: &mut DbConnection,
    key: &StoredKey,
    heir: Option<&StoredKey>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    signing_keys::lock(conn)?;
    if !signing_keys::retire(conn, &key.kid, now.as_unix())? {
        return Ok(false);
    }
    let live = signing_keys::list_live(conn)?;
    if let Some(heir) = heir
        && !is_there(&live, "active", &key.algorithm)
    {
        signing_keys::insert(conn, heir)?;
    }
    Ok(true)
}

fn heir(ground: &Ground, seal: &SealingKey, key: &StoredKey) -> Result<StoredKey, OAuthError> {
    let use_ = key.algorithm.parse().map_err(OAuthError::server_error)?;
    let now = ground.now();
    make(seal, ground.random.as_ref(), use_, "active", now, now).map_err(OAuthError::server_error)
}

/// Moves keys on when their time has come. Called every second by every instance; they come one after
/// the other, and the first does it.
///
/// # Errors
///
/// Those of the database.
pub async fn advance(provider: &Provider) -> Result<(), OAuthError> {
    let now = provider.now();
    let live = provider.db.read(signing_keys::list_live).await?;
    if live.iter().any(|key| is_due(key, now)) {
        failpoint::reach("key_due");
        let version = provider.random.id();
        provider.db.write(move |conn| advance_all(conn, now, &version)).await?;
        failpoint::reach("key_activated");
        return reload(provider).await;
    }
    rotate_the_old(provider, &live, now).await
}

fn is_due(key: &StoredKey, now: Timestamp) -> bool {
    match key.state.as_str() {
        "next" => key.activate_at <= now.as_unix(),
        "retiring" => key.retire_at.is_some_and(|at| at <= now.as_unix()),
        _ => false,
    }
}

fn advance_all(conn: &mut DbConnection, now: Timestamp, version: &str) -> Result<(), StorageError> {
    signing_keys::lock(conn)?;
    // As they are now: another instance may have been quicker, or one of them was withdrawn.
    let live = signing_keys::list_live(conn)?;
    let mut changed = false;
    for key in live.iter().filter(|key| is_due(key, now)) {
        changed |= advance_one(conn, &live, key, now)?;
    }
    match changed {
        true => settings::bump_cache_version(conn, version),
        false => Ok(()),
    }
}

fn advance_one(
    conn: &mut DbConnection,
    live: &[StoredKey],
    key: &StoredKey,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let at = now.as_unix();
    if key.state == "retiring" {
        let retired = StoredKey { state: "retired".into(), ..key.clone() };
        return signing_keys::change_state(conn, "retiring", &retired);
    }
    let active = StoredKey { state: "active".into(), activated_at: Some(at), ..key.clone() };
    if !signing_keys::change_state(conn, "next", &active)? {
        return Ok(false);
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
    Ok(true)
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
        if is_old
            && !is_there(live, "next", &key.algorithm)
            && let Ok(use_) = key.algorithm.parse::<KeyUse>()
        {
            // Another instance may be quicker; what it made is good.
            let (ground, seal) = (provider.ground(), &provider.keys.seal);
            publish_if_none(&ground, seal, use_, &Actor::system()).await?;
            reload(provider).await?;
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
