//! Removes clients that registered and never came: whoever fills the disk with them fills it for a
//! day at most.

use crate::domain::audit::{Actor, EventExt};
use crate::domain::provider::Provider;
use crate::storage::{DbConnection, StorageError, audit, clients, registrations, settings};

/// The most of one transaction.
const BATCH: i64 = 100;

/// Removes a batch. Returns how many went; with each its secrets and its registration access token.
///
/// # Errors
///
/// Those of the database; the next run goes on.
pub async fn remove(provider: &Provider) -> Result<usize, StorageError> {
    let now = provider.now();
    let before = now - provider.registration.unused_lifetime;
    let due = provider.db.read(move |conn| registrations::list_unused(conn, before, BATCH)).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let version = provider.random.id();
    let removed = provider.db.write(move |conn| {
        let mut removed = 0;
        for id in &due {
            removed += usize::from(remove_one(conn, id, now)?);
        }
        settings::bump_cache_version(conn, &version)?;
        Ok(removed)
    });
    let removed = removed.await?;
    provider.forget();
    Ok(removed)
}

/// One that is used in this moment stays: either this or the first use comes first.
fn remove_one(
    conn: &mut DbConnection,
    id: &str,
    now: crate::protocol::time::Timestamp,
) -> Result<bool, StorageError> {
    if !registrations::delete_unused(conn, id)? {
        return Ok(false);
    }
    let event = Actor::system().event("client.expire", now).target(format!("client:{id}"));
    clients::delete(conn, id)?;
    audit::insert(conn, &event.client(id).details("registered and never used"))?;
    Ok(true)
}
