//! The chain over the audit log: whoever changes, removes or slips in an entry is found out (AD-10).
//!
//! Entries are written by many at once, so a chain through each of them would make everybody wait for
//! everybody. Instead one task sets a seal now and then: an HMAC over the entries since the seal
//! before, and over that seal's own tag. Its key comes from the master key, so that whoever can write
//! to the database alone cannot set seals anew. A seal waits until what it stands for cannot change
//! any more: a transaction that took its number earlier may commit later, but not that much later.

use super::provider::Provider;
use crate::jose::{Sealer, SealingKey};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::audit::Event;
use crate::storage::audit_seals::{self, Seal};
use crate::storage::{Db, StorageError};
use serde::Serialize;

/// How old an entry is before it is sealed: longer than any transaction takes, and than clocks of
/// instances differ.
const SETTLED: Lifetime = Lifetime::minutes(1);
/// How long the instances leave the newest seal alone.
const EVERY: Lifetime = Lifetime::minutes(1);
/// The most entries of one seal.
const ENTRIES: i64 = 5_000;

/// The key of the seals.
pub fn key(master_key: &[u8; 32]) -> SealingKey {
    Sealer::new(master_key).purpose("audit log")
}

/// Seals what has settled since the last time. Gives how many entries that was. Several instances
/// may try at once: one sets the seal.
///
/// # Errors
///
/// Those of the database; the next time goes on.
pub async fn seal(provider: &Provider) -> Result<usize, StorageError> {
    let (db, now) = (&provider.db, provider.now());
    let newest = db.read(audit_seals::last).await?;
    if newest.as_ref().is_some_and(|seal| Timestamp::from_unix(seal.sealed_at) + EVERY > now) {
        return Ok(0);
    }
    let mut before = newest;
    let mut sealed = 0;
    loop {
        let after = before.as_ref().map_or(0, |seal| seal.last_seq);
        let settled = move |conn: &mut _| audit_seals::settled(conn, after, now - SETTLED, ENTRIES);
        let entries = db.read(settled).await?;
        let Some(seal) = over(&provider.audit, before.as_ref(), &entries, now) else {
            return Ok(sealed);
        };
        let kept = seal.clone();
        match db.write(move |conn| audit_seals::insert(conn, &kept)).await {
            Ok(()) => sealed += entries.len(),
            Err(StorageError::Conflict) => return Ok(sealed),
            Err(error) => return Err(error),
        }
        before = Some(seal);
    }
}

/// The seal over entries and the seal before them; none over nothing.
fn over(
    key: &SealingKey,
    before: Option<&Seal>,
    entries: &[Event],
    now: Timestamp,
) -> Option<Seal> {
    let last = entries.last()?;
    Some(Seal {
        number: before.map_or(1, |seal| seal.number + 1),
        last_seq: last.seq,
        entries: i64::try_from(entries.len()).unwrap_or(i64::MAX),
        tag: tag(key, before, entries),
        sealed_at: now.as_unix(),
    })
}

fn tag(key: &SealingKey, before: Option<&Seal>, entries: &[Event]) -> String {
    let mut message = before.map_or_else(String::new, |seal| seal.tag.clone()).into_bytes();
    for entry in entries {
        message.push(b'\n');
        message.extend(written_out(entry));
    }
    key.mac(&message).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An entry so that no two read the same. A member that is added later goes to the end, and only
/// where it has a value: older seals must go on to hold.
fn written_out(entry: &Event) -> Vec<u8> {
    let fields = (
        (entry.seq, entry.at, &entry.actor, &entry.action, &entry.target, &entry.client_id),
        (&entry.user_id, &entry.result, &entry.ip, &entry.request_code, &entry.details),
    );
    serde_json::to_vec(&fields).expect("numbers and texts can be written as JSON")
}

/// What a look at the chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether every seal holds.
    pub intact: bool,
    /// The seals that hold, from the first on.
    pub seals: i64,
    /// The entries they stand for.
    pub entries: i64,
    /// The number of the last entry they stand for.
    pub last_seq: i64,
    /// The tag of the last of them: note it elsewhere, and a log that was cut short shows.
    pub head: Option<String>,
    /// The first seal that does not hold.
    pub broken: Option<Broken>,
    /// Whether the tag that was asked for is one of them.
    pub has_expected: Option<bool>,
}

/// Where the chain is broken: something among these entries is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    pub seal: i64,
    pub after_seq: i64,
    pub up_to_seq: i64,
}

/// Looks at every seal from the first on. `expected` is a tag that was noted before.
///
/// # Errors
///
/// Those of the database.
pub async fn verify(
    db: &Db,
    key: &SealingKey,
    expected: Option<&str>,
) -> Result<Verdict, StorageError> {
    let mut verdict = Verdict {
        intact: true,
        seals: 0,
        entries: 0,
        last_seq: 0,
        head: None,
        broken: None,
        has_expected: expected.map(|_| false),
    };
    let mut before: Option<Seal> = None;
    loop {
        let (number, after) = before.as_ref().map_or((0, 0), |seal| (seal.number, seal.last_seq));
        let Some(seal) = db.read(move |conn| audit_seals::next(conn, number)).await? else {
            verdict.intact &= verdict.has_expected != Some(false);
            return Ok(verdict);
        };
        let up_to = seal.last_seq;
        let read = move |conn: &mut _| audit_seals::entries(conn, after, up_to, ENTRIES + 1);
        let entries = db.read(read).await?;
        let holds = seal.number == number + 1
            && i64::try_from(entries.len()) == Ok(seal.entries)
            && tag(key, before.as_ref(), &entries) == seal.tag;
        if !holds {
            verdict.intact = false;
            verdict.broken = Some(Broken { seal: seal.number, after_seq: after, up_to_seq: up_to });
            return Ok(verdict);
        }
        verdict.seals = seal.number;
        verdict.entries += seal.entries;
        verdict.last_seq = seal.last_seq;
        verdict.head = Some(seal.tag.clone());
        if expected == Some(seal.tag.as_str()) {
            verdict.has_expected = Some(true);
        }
        before = Some(seal);
    }
}
