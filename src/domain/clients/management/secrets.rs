//! The secrets of a client. Two overlap while a program is given the new one.

use super::{ClientError, event, existing};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::digest::digest;
use crate::domain::ground::Ground;
use crate::protocol::client::{AuthMethod, Client};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::client_secrets::{self, ClientSecret};
use crate::storage::{DbConnection, StorageError, audit, settings};

/// How long an old secret works beside its successor, unless told otherwise.
pub const DEFAULT_OVERLAP: Lifetime = Lifetime::hours(24);

/// A new secret and what is stored of it: its digest, and where we must read it again, itself under
/// the master key.
///
/// # Errors
///
/// `NoMasterKey` when it must be sealed and cannot.
pub(super) fn fresh(
    ground: &Ground,
    client_id: &str,
    method: AuthMethod,
    now: Timestamp,
) -> Result<(String, ClientSecret), ClientError> {
    let plain = ground.random.secret();
    let sealed = match method.reads_secret() {
        true => {
            let key = (ground.client_secret_key)().ok_or(ClientError::NoMasterKey)?;
            Some(key.seal(ground.random.as_ref(), plain.as_bytes(), client_id.as_bytes()))
        }
        false => None,
    };
    let stored = ClientSecret {
        id: ground.random.id(),
        client_id: client_id.to_owned(),
        secret_hash: digest(&plain),
        created_at: now.as_unix(),
        expires_at: None,
        sealed,
    };
    Ok((plain, stored))
}

/// Gives a client a new secret. The one before works for `overlap` longer, older ones no more.
///
/// # Errors
///
/// `NoSecret` for a client that uses none, `NotFound`.
pub async fn rotate(
    ground: &Ground,
    client_id: &str,
    overlap: Lifetime,
    actor: &Actor,
) -> Result<String, ClientError> {
    let now = ground.now();
    let client = super::find(ground, client_id).await?.ok_or(ClientError::NotFound)?;
    let method = client.metadata.token_endpoint_auth_method;
    let (plain, fresh) = fresh(ground, client_id, method, now)?;
    let event = event(actor, "client.rotate_secret", client_id, now)
        .details(format!("the old secret works for {} s", overlap.as_seconds()));
    let (id, version) = (client_id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            let now_used = existing(conn, &id)?.metadata.token_endpoint_auth_method;
            if !now_used.uses_secret() || now_used.reads_secret() != method.reads_secret() {
                return Err(ClientError::NoSecret);
            }
            // Those that end already were replaced before: two at once are enough.
            let stored = client_secrets::list(conn, &id)?;
            for older in stored.iter().filter(|secret| secret.expires_at.is_some()) {
                client_secrets::delete(conn, &id, &older.id)?;
            }
            client_secrets::expire_all(conn, &id, now + overlap)?;
            client_secrets::insert(conn, &fresh)?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(plain)
        })
        .await
}

/// Ends one secret of a client at once, when another is left.
///
/// # Errors
///
/// `LastSecret`, `SecretNotFound`, `NotFound`.
pub async fn retire(
    ground: &Ground,
    client_id: &str,
    secret_id: &str,
    actor: &Actor,
) -> Result<(), ClientError> {
    let now = ground.now();
    let event = event(actor, "client.retire_secret", client_id, now);
    let (id, secret_id) = (client_id.to_owned(), secret_id.to_owned());
    let version = ground.random.id();
    ground
        .transact(move |conn| {
            existing(conn, &id)?;
            let all = client_secrets::list(conn, &id)?;
            let works = |secret: &ClientSecret| {
                secret.expires_at.is_none_or(|expires_at| expires_at > now.as_unix())
            };
            if !all.iter().any(|secret| secret.id == secret_id) {
                return Err(ClientError::SecretNotFound);
            }
            if !all.iter().any(|secret| secret.id != secret_id && works(secret)) {
                return Err(ClientError::LastSecret);
            }
            client_secrets::delete(conn, &id, &secret_id)?;
            audit::insert(conn, &event)?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}

/// The secrets of a client, the newest first; only their digests are known.
///
/// # Errors
///
/// Those of the database.
pub async fn list(ground: &Ground, client_id: &str) -> Result<Vec<ClientSecret>, StorageError> {
    let id = client_id.to_owned();
    ground.db.read(move |conn| client_secrets::list(conn, &id)).await
}

/// A client that starts to use a secret gets one; one that stops has none left. Between a secret
/// that we can read and one that we cannot there is no way but a new one.
pub(super) fn follow_method(
    conn: &mut DbConnection,
    before: &Client,
    after: &Client,
    (plain, stored): (String, ClientSecret),
) -> Result<Option<String>, StorageError> {
    let kind = |client: &Client| {
        let method = client.metadata.token_endpoint_auth_method;
        (method.uses_secret(), method.reads_secret())
    };
    if kind(before) == kind(after) {
        return Ok(None);
    }
    for secret in client_secrets::list(conn, &after.id)? {
        client_secrets::delete(conn, &after.id, &secret.id)?;
    }
    match after.metadata.token_endpoint_auth_method.uses_secret() {
        true => client_secrets::insert(conn, &stored).map(|()| Some(plain)),
        false => Ok(None),
    }
}
