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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether every seal that was looked at holds, and nothing is gone that was not named.
    pub intact: bool,
    /// How many seals hold.
    pub seals: i64,
    /// The entries they stand for.
    pub entries: i64,
    /// The number of the last entry they stand for.
    pub last_seq: i64,
    /// The entries after that which no seal stands for yet.
    pub unsealed: i64,
    /// The tag of the last of them: note it elsewhere, and a log that was cut short shows.
    pub head: Option<String>,
    /// The entries up to this one were not looked at, because somebody said that they were removed.
    pub skipped_up_to: Option<i64>,
    /// The entries up to this one are gone, and nobody said so.
    pub gone_up_to: Option<i64>,
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

/// What somebody who looks at the chain knows of it.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// A tag that was noted before.
    pub head: Option<String>,
    /// The entries up to this one were removed on purpose.
    pub removed_up_to: Option<i64>,
}

/// Looks at every seal from the first on. Seals over entries that are gone from the beginning of the
/// log cannot be looked at: those after them are, each of which stands for the tag before it too.
///
/// # Errors
///
/// Those of the database.
pub async fn verify(db: &Db, key: &SealingKey, known: &Known) -> Result<Verdict, StorageError> {
    let first = db.read(audit_seals::first_entry).await?.unwrap_or(i64::MAX);
    let mut verdict =
        Verdict { has_expected: known.head.as_ref().map(|_| false), ..Verdict::default() };
    let mut before: Option<Seal> = None;
    loop {
        let (number, after) = before.as_ref().map_or((0, 0), |seal| (seal.number, seal.last_seq));
        let Some(seal) = db.read(move |conn| audit_seals::next(conn, number)).await? else {
            break;
        };
        let up_to = seal.last_seq;
        let is_next = seal.number == number + 1;
        if is_next && known.removed_up_to.is_some_and(|removed| up_to <= removed) {
            verdict.skipped_up_to = Some(up_to);
        } else if is_next && verdict.seals == 0 && up_to < first {
            verdict.gone_up_to = Some(up_to);
        } else if holds(db, key, before.as_ref(), &seal).await? {
            verdict.count(&seal, known);
        } else {
            verdict.broken = Some(Broken { seal: seal.number, after_seq: after, up_to_seq: up_to });
            break;
        }
        before = Some(seal);
    }
    let newest = db.read(audit_seals::last).await?.map_or(0, |seal| seal.last_seq);
    verdict.unsealed = db.read(move |conn| audit_seals::entries_after(conn, newest)).await?;
    verdict.intact = verdict.broken.is_none()
        && verdict.gone_up_to.is_none()
        && verdict.has_expected != Some(false);
    Ok(verdict)
}

/// Whether a seal is the next one, and stands for the entries since the one before.
async fn holds(
    db: &Db,
    key: &SealingKey,
    before: Option<&Seal>,
    seal: &Seal,
) -> Result<bool, StorageError> {
    let (number, after) = before.map_or((0, 0), |seal| (seal.number, seal.last_seq));
    let up_to = seal.last_seq;
    let read = move |conn: &mut _| audit_seals::entries(conn, after, up_to, ENTRIES + 1);
    let entries = db.read(read).await?;
    Ok(seal.number == number + 1
        && i64::try_from(entries.len()) == Ok(seal.entries)
        && tag(key, before, &entries) == seal.tag)
}

impl Verdict {
    /// Takes in a seal that holds.
    fn count(&mut self, seal: &Seal, known: &Known) {
        self.seals += 1;
        self.entries += seal.entries;
        self.last_seq = seal.last_seq;
        self.head = Some(seal.tag.clone());
        if known.head.as_ref() == Some(&seal.tag) {
            self.has_expected = Some(true);
        }
    }
}
