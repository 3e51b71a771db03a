//! Revocation: what ends before it expires. The database is the truth, the rest are copies.
//!
//! An entry is written in the transaction of its cause. After the commit, [`Revocation::committed`]
//! brings it into the list of this process and wakes the relay to Redis; other instances see it by
//! tailing the table.

mod cascade;
pub mod redis;

pub use cascade::{
    Cause, end_session, end_tokens_of_user, end_user, revoke_authorization, revoke_user_at_client,
};

use super::audit::Actor;
use crate::protocol::error::OAuthError;
use crate::protocol::revocation::{
    ALL_KEY, RevocationEntry, RevocationKind, RevocationList, TokenFacts, subject_at_client,
};
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use crate::storage::revocations::{self, NewRevocation, Revocation as Stored};
use crate::storage::{Db, DbConnection, StorageError};
use std::sync::{Arc, RwLock};
use tokio::sync::Notify;

/// How many entries one read of the table takes.
const PAGE: i64 = 1000;

/// Why something was revoked; ends in the table and the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Blocked,
    PasswordChanged,
    RolesChanged,
    TokensRevoked,
    SignedOut,
    ClientDisabled,
    ConsentWithdrawn,
    CodeReplayed,
    RefreshReplayed,
    TokenRevoked,
    KeyWithdrawn,
}

impl Reason {
    /// The reason as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "user_blocked",
            Self::PasswordChanged => "password_changed",
            Self::RolesChanged => "roles_changed",
            Self::TokensRevoked => "tokens_revoked",
            Self::SignedOut => "signed_out",
            Self::ClientDisabled => "client_disabled",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::CodeReplayed => "code_replayed",
            Self::RefreshReplayed => "refresh_replayed",
            Self::TokenRevoked => "token_revoked",
            Self::KeyWithdrawn => "key_withdrawn",
        }
    }
}

/// An entry that still lacks its reason.
#[derive(Debug, Clone)]
pub struct Draft(NewRevocation);

/// A watermark: what was issued to `key` up to `now` is refused.
pub fn watermark(kind: RevocationKind, key: &str, now: Timestamp, life: Lifetime) -> Draft {
    draft(kind, key, Some(now), now + life, now)
}

/// One token, by its `jti`, until it expires by itself.
pub fn token(jti: &str, expires_at: Timestamp, now: Timestamp) -> Draft {
    draft(RevocationKind::Token, jti, None, expires_at, now)
}

fn draft(
    kind: RevocationKind,
    key: &str,
    not_before: Option<Timestamp>,
    expires_at: Timestamp,
    now: Timestamp,
) -> Draft {
    Draft(NewRevocation {
        kind: kind.as_str().to_owned(),
        key: key.to_owned(),
        not_before: not_before.map(Timestamp::as_unix),
        expires_at: expires_at.as_unix(),
        reason: String::new(),
        actor: String::new(),
        at: now.as_unix(),
    })
}

impl Draft {
    /// Completes the entry.
    pub fn because(mut self, reason: Reason, actor: &Actor) -> NewRevocation {
        reason.as_str().clone_into(&mut self.0.reason);
        self.0.actor.clone_from(&actor.name);
        self.0
    }
}

/// Writes entries in the transaction of their cause.
///
/// # Errors
///
/// Those of the database; the cause must fail with them.
pub fn insert(conn: &mut DbConnection, entries: &[NewRevocation]) -> Result<(), StorageError> {
    revocations::insert(conn, entries)
}

/// Asks the database, the truth, whether a token must be refused.
///
/// # Errors
///
/// Those of the database.
pub fn is_revoked(
    conn: &mut DbConnection,
    facts: &TokenFacts<'_>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let at_client = subject_at_client(facts.subject, facts.client_id);
    let mut keys = vec![facts.jti, facts.subject, facts.client_id, &at_client, ALL_KEY];
    keys.extend(facts.sid);
    let mut list = RevocationList::default();
    let found = revocations::find(conn, &keys, now)?;
    found.iter().filter_map(entry).for_each(|entry| list.insert(&entry));
    Ok(list.is_revoked(facts))
}

/// The latest watermark that a new token has to be after: `iat = max(now, watermark + 1)`.
///
/// # Errors
///
/// Those of the database.
pub fn earliest_iat(
    conn: &mut DbConnection,
    subject: &str,
    client_id: &str,
    sid: Option<&str>,
    now: Timestamp,
) -> Result<Timestamp, StorageError> {
    let at_client = subject_at_client(subject, client_id);
    let mut keys = vec![subject, client_id, at_client.as_str(), ALL_KEY];
    keys.extend(sid);
    let found = revocations::find(conn, &keys, now)?;
    let latest = found.iter().filter_map(|entry| entry.not_before).max();
    Ok(latest.map_or(now, |mark| now.max(Timestamp::from_unix(mark.saturating_add(1)))))
}

/// An entry as the list takes it; `None` for a kind of a newer version.
pub fn entry(stored: &Stored) -> Option<RevocationEntry> {
    Some(RevocationEntry {
        seq: stored.seq,
        kind: stored.kind.parse().ok()?,
        key: stored.key.clone(),
        not_before: stored.not_before.map(Timestamp::from_unix),
        expires_at: Timestamp::from_unix(stored.expires_at),
    })
}

/// The list of this process, and who is told of changes.
pub struct Revocation {
    list: Arc<RwLock<RevocationList>>,
    changed: Arc<Notify>,
    clock: Arc<dyn Clock>,
}

impl Revocation {
    /// Reads the list from the database.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn open(db: &Db, clock: Arc<dyn Clock>) -> Result<Self, StorageError> {
        let opened = Self { list: Arc::default(), changed: Arc::default(), clock };
        opened.catch_up(db).await?;
        Ok(opened)
    }

    /// Takes in what was committed, here or elsewhere, since the last time.
    ///
    /// # Errors
    ///
    /// Those of the database; the list stays as it was.
    pub async fn catch_up(&self, db: &Db) -> Result<(), StorageError> {
        loop {
            let seen = self.list.read().expect("no one panics with the lock").last_seq();
            let page = db.read(move |conn| revocations::list_after(conn, seen, PAGE)).await?;
            let now = self.clock.now();
            let mut list = self.list.write().expect("no one panics with the lock");
            page.iter().filter_map(entry).for_each(|entry| list.insert(&entry));
            list.sweep(now);
            if (page.len() as i64) < PAGE {
                return Ok(());
            }
        }
    }

    /// To call right after the commit of a cause: this process knows at once, Redis in a moment.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` when the database cannot be read back; the entries stand.
    pub async fn committed(&self, db: &Db) -> Result<(), OAuthError> {
        self.changed.notify_waiters();
        Ok(self.catch_up(db).await?)
    }

    /// As [`earliest_iat`], from the list of this process: for tokens that touch no database.
    pub fn earliest_iat<'a>(
        &self,
        marks: impl IntoIterator<Item = (RevocationKind, &'a str)>,
        now: Timestamp,
    ) -> Timestamp {
        let list = self.list.read().expect("no one panics with the lock");
        let marks = marks.into_iter().filter_map(|(kind, key)| list.not_before(kind, key));
        marks.max().map_or(now, |mark| now.max(mark + Lifetime::seconds(1)))
    }

    /// The list itself, for a verifier in this process.
    pub fn list(&self) -> Arc<RwLock<RevocationList>> {
        self.list.clone()
    }

    /// Wakes whoever copies the list elsewhere.
    pub fn changed(&self) -> Arc<Notify> {
        self.changed.clone()
    }
}
