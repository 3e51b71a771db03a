//! Revocation: what ends before it expires. The database is the truth, the rest are copies.
//!
//! An entry is written in the transaction of its cause. After the commit, [`Revocation::committed`]
//! brings it into the list of this process and wakes the relay to Redis; other instances see it by
//! tailing the table.

mod cascade;
pub mod epoch;
pub mod feed;
mod live;
pub mod redis;
pub mod restore;

pub use cascade::{
    Cause, end_all_tokens, end_session, end_token, end_tokens_of_client, end_tokens_of_user,
    end_user, revoke_authorization, revoke_user_at_client,
};
pub use live::{Position, Revocation};

use super::audit::Actor;
use crate::protocol::revocation::{
    ALL_KEY, RevocationEntry, RevocationKind, RevocationList, TokenFacts, subject_at_client,
};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::revocations::{self, NewRevocation, Revocation as Stored};
use crate::storage::{DbConnection, StorageError};

/// Every instance has heard of a change by then. A client's own tokens are issued without asking the
/// database, and are not listed one by one: those that one issues before it has heard are refused with
/// the others. It is also more than the clocks of instances that are right can be apart.
const HEARD_OF_BY: Lifetime = Lifetime::seconds(2);

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
    /// The numbers of the list went back: something revoked may be missing.
    HistoryLost,
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
            Self::HistoryLost => "history_lost",
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

/// How long services hear of a key that was withdrawn. Whoever has stolen it dates tokens as they
/// like, so the entry must outlive the last copy of the key set that anybody kept.
const WITHDRAWN_FOR: Lifetime = Lifetime::days(30);

/// A signing key: nothing that it signed counts, whenever it says that it was issued. The watermark is
/// where the entry ends, for services that compare numbers.
pub fn withdrawn_key(kid: &str, now: Timestamp) -> Draft {
    let end = now + WITHDRAWN_FOR;
    draft(RevocationKind::Key, kid, Some(end), end, now)
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
    keys.extend(facts.kid);
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
