//! Looks each minute at what will be a fault if nobody does anything: a disk that fills up, a database
//! that takes no writes, one whose settings let it lose what it has acknowledged. While something is
//! wrong it looks each second.

use super::Outage;
use crate::domain::Provider;
use crate::http::edge::Metrics;
use crate::protocol::error::OAuthError;
use crate::storage::{StorageError, condition, settings};
use std::sync::Arc;
use std::time::Duration;

/// How often, while something is wrong; and after how many times that, while all is well.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSES: u32 = 60;
/// Below how many percent a disk is not nearly full any more.
const ROOM: u8 = 88;
/// What is written to see whether it can be: when that was.
const WRITTEN_AT: &str = "written_at";

/// Watches for as long as the provider runs.
pub async fn watch(provider: Arc<Provider>, metrics: Arc<Metrics>) {
    let mut refused = Outage::new("the database takes no writes", metrics.clone());
    let (mut careless, mut is_full) = (false, false);
    loop {
        let written = write(&provider).await;
        let mut is_well = written.is_ok();
        refused.note(written.map_err(OAuthError::from));
        if let Some(used) = disk_used(&provider).await {
            metrics.disk_used.set(used.into());
            is_full = note_disk(is_full, used);
            is_well &= !is_full;
        }
        if let Ok(found) = provider.db.read(condition::careless_settings).await {
            metrics.database_durable.set(found.is_empty().into());
            careless = note_settings(careless, &found);
        }
        pause(&provider, is_well).await;
    }
}

/// Waits until it is time to look again.
async fn pause(provider: &Provider, is_well: bool) {
    for _ in 0..PAUSES {
        tokio::time::sleep(PAUSE).await;
        if !is_well || provider.db.refuses_writes() {
            return;
        }
    }
}

/// Where nobody works, nobody else notices.
async fn write(provider: &Provider) -> Result<(), StorageError> {
    let now = provider.now().as_unix().to_string();
    provider.db.write(move |conn| settings::set(conn, WRITTEN_AT, &now)).await
}

async fn disk_used(provider: &Provider) -> Option<u8> {
    let path = provider.db.path()?;
    // A disk that hangs must not take this thread along.
    let looked = tokio::task::spawn_blocking(move || condition::disk_used(&path)).await;
    looked.ok()?.ok()
}

fn note_disk(was_full: bool, used: u8) -> bool {
    let is_full = used >= if was_full { ROOM } else { condition::NEARLY_FULL };
    match (was_full, is_full) {
        (false, true) => tracing::error!(used, "the disk of the database is nearly full (percent)"),
        (true, false) => tracing::info!(used, "over: the disk of the database is nearly full"),
        _ => {}
    }
    is_full
}

fn note_settings(were_careless: bool, found: &[String]) -> bool {
    let settings = found.join(", ");
    match (were_careless, found.is_empty()) {
        (false, false) => tracing::error!(
            settings,
            "PostgreSQL may lose what it has acknowledged: these settings are off"
        ),
        (true, true) => tracing::info!("over: PostgreSQL keeps what it has acknowledged"),
        _ => {}
    }
    !found.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_03_a_disk_that_was_nearly_full_is_so_until_there_is_some_room() {
        let mut is_full = false;
        for (used, expected) in [(50, false), (89, false), (90, true), (89, true), (88, true)] {
            is_full = note_disk(is_full, used);
            assert_eq!(is_full, expected, "{used}");
        }
        assert!(!note_disk(is_full, 87));
    }
}
