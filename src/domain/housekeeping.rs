//! Sweeps out what has expired, a little at a time.

use super::provider::Provider;
use super::registration::unused;
use crate::storage::{StorageError, housekeeping};
use std::time::Duration;

/// The pause between two batches, in which everybody else writes.
const PAUSE: Duration = Duration::from_millis(50);
/// The most batches of one run.
const MAX_BATCHES: usize = 200;

/// Removes what has expired. Several instances may do it at once; the work is the same.
///
/// # Errors
///
/// Those of the database; the next run goes on.
pub async fn run_once(provider: &Provider) -> Result<usize, StorageError> {
    let mut deleted = 0;
    for _ in 0..MAX_BATCHES {
        let now = provider.now();
        let expired =
            provider.db.write(move |conn| housekeeping::delete_expired(conn, now)).await?;
        let batch = expired + unused::remove(provider).await?;
        if batch == 0 {
            break;
        }
        deleted += batch;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(deleted)
}
