//! A copy of the database that takes the place of a later one: what ended in between stays ended.
//!
//! Access tokens are refused by a new history. All else is carried over from the database that gives way,
//! as far as that can be read; where it cannot, nobody knows what ended, and so everybody signs in again.

use super::Reason;
use super::epoch::{self, Beginning};
use crate::domain::audit::{Actor, EventExt};
use crate::protocol::time::Timestamp;
use crate::storage::restore::{self, Carried};
use crate::storage::{
    DatabaseUrl, DbConnection, StorageError, audit, authorizations, clock, housekeeping, sessions,
};

/// What became of the database that gives way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// Its file, sound and at rest.
    There(String),
    /// It cannot be read; why.
    Unreadable(String),
    /// There is none.
    Gone,
}

/// Why it is not known what ended since the copy was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// There was no database to be replaced.
    Gone,
    /// It could not be read; why.
    Unreadable(String),
    /// It was another one, or went on from another copy.
    NotFromHere,
}

/// What a restore did beside refusing all access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The last that the copy knows of.
    pub knows_until: Option<Timestamp>,
    /// Why what ended since is not known; none when it is.
    pub unknown: Option<Unknown>,
    /// What was carried over.
    pub carried: Vec<Carried>,
    /// How many sessions and authorizations ended because it is not known; none when they were kept.
    pub ended: Option<(usize, usize)>,
}

/// Begins a new history in a copy of the database, which nobody uses yet, and carries over what has
/// ended since it was made. When that is not known, all sessions and refresh tokens end, unless
/// `keep_sign_ins` says otherwise. All in one transaction.
///
/// # Errors
///
/// Those of the copy; then nothing has changed.
pub fn begin(
    copy: &DatabaseUrl,
    replaced: Replaced,
    new: &Beginning,
    keep_sign_ins: bool,
) -> Result<Restored, StorageError> {
    let without = |unknown| {
        restore::transact(copy, None, |conn| {
            begin_in(conn, new, Some(unknown), Vec::new(), keep_sign_ins)
        })
    };
    let path = match replaced {
        Replaced::There(path) => path,
        Replaced::Unreadable(why) => return without(Unknown::Unreadable(why)),
        Replaced::Gone => return without(Unknown::Gone),
    };
    let with = restore::transact(copy, Some(&path), |conn| {
        let whole = restore::goes_on_from(conn)?;
        let carried = restore::carry(conn, whole, new.now)?;
        begin_in(conn, new, (!whole).then_some(Unknown::NotFromHere), carried, keep_sign_ins)
    });
    with.or_else(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        without(Unknown::Unreadable(cause.unwrap_or_else(|| error.to_string())))
    })
}

fn begin_in(
    conn: &mut DbConnection,
    new: &Beginning,
    unknown: Option<Unknown>,
    carried: Vec<Carried>,
    keep_sign_ins: bool,
) -> Result<Restored, StorageError> {
    let knows_until = clock::last_known(conn)?;
    housekeeping::end_open(conn)?;
    let ended = match unknown.is_some() && !keep_sign_ins {
        true => Some((
            sessions::end_all(conn, new.now)?,
            authorizations::revoke_all(conn, Reason::HistoryLost.as_str(), new.now)?,
        )),
        false => None,
    };
    epoch::begin_in(conn, new)?;
    let restored = Restored { knows_until, unknown, carried, ended };
    let event = Actor::cli().event("backup.restore", new.now).target("database");
    audit::insert(conn, &event.details(details(&restored)))?;
    Ok(restored)
}

/// The details of the audit entry.
fn details(restored: &Restored) -> String {
    let known = match (&restored.unknown, restored.ended) {
        (None, _) => "what ended since the copy was made is known".to_owned(),
        (Some(_), None) => {
            "what ended since the copy was made is not known; sign-ins kept".to_owned()
        }
        (Some(_), Some((sessions, authorizations))) => format!(
            "what ended since the copy was made is not known; ended: {sessions} sessions, \
             {authorizations} authorizations"
        ),
    };
    match restored.carried_over() {
        Some(carried) => format!("{known}; carried over: {carried}"),
        None => known,
    }
}

impl Restored {
    /// What was carried over, in words; none when that was nothing.
    pub fn carried_over(&self) -> Option<String> {
        let kind = |kind: &Carried| {
            format!("{} {}", kind.rows, if kind.rows == 1 { kind.name.0 } else { kind.name.1 })
        };
        let kinds: Vec<_> = self.carried.iter().map(kind).collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    }
}
