//! Requests that their client asks about until somebody has decided elsewhere, at rest (RFC 8628,
//! OpenID Connect CIBA).

use super::schema::deferred_requests::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// How a request came. A code of one kind is none of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RFC 8628.
    Device,
    /// OpenID Connect CIBA.
    Ciba,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Ciba => "ciba",
        }
    }
}

/// A request, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct DeferredRequest {
    pub code_hash: String,
    pub kind: String,
    pub client_id: String,
    /// Who has to decide, where that is known.
    pub user_id: Option<String>,
    /// The keyed hash of what people type.
    pub user_code: Option<String>,
    /// What is asked for, as JSON.
    pub request: String,
    /// Seconds between two questions.
    pub poll_interval: i64,
    /// Unix seconds before which a question comes too early.
    pub poll_after: i64,
    pub created_at: i64,
    /// Unix seconds from which nobody may decide, and no token comes of it.
    pub usable_until: i64,
    /// Unix seconds after which it is removed.
    pub expires_at: i64,
    pub decided_at: Option<i64>,
    /// What came of it; none when somebody said no.
    pub authorization_id: Option<String>,
    pub spent_at: Option<i64>,
}

/// The name of a kind in [`DeferredRequest::kind`].
pub fn kind_name(kind: Kind) -> String {
    kind.as_str().to_owned()
}

/// Inserts a request.
///
/// # Errors
///
/// `Conflict` when what people type is taken.
pub fn insert(conn: &mut DbConnection, request: &DeferredRequest) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(request.clone()).execute(conn)?;
    Ok(())
}

/// Finds a request by its code, whatever became of it.
pub fn find(
    conn: &mut DbConnection,
    kind: Kind,
    code_hash: &str,
) -> Result<Option<DeferredRequest>, StorageError> {
    Ok(dsl::deferred_requests
        .find(code_hash)
        .filter(dsl::kind.eq(kind.as_str()))
        .select(DeferredRequest::as_select())
        .first(conn)
        .optional()?)
}

/// Finds a request that somebody may still decide by what they type.
pub fn find_by_user_code(
    conn: &mut DbConnection,
    user_code: &str,
    now: Timestamp,
) -> Result<Option<DeferredRequest>, StorageError> {
    Ok(dsl::deferred_requests
        .filter(dsl::user_code.eq(user_code))
        .filter(dsl::decided_at.is_null())
        .filter(dsl::usable_until.gt(now.as_unix()))
        .select(DeferredRequest::as_select())
        .first(conn)
        .optional()?)
}

/// What a person may still decide, the oldest first.
pub fn list_open_of_user(
    conn: &mut DbConnection,
    user_id: &str,
    now: Timestamp,
) -> Result<Vec<DeferredRequest>, StorageError> {
    Ok(dsl::deferred_requests
        .filter(dsl::user_id.eq(user_id.to_owned()))
        .filter(dsl::decided_at.is_null())
        .filter(dsl::usable_until.gt(now.as_unix()))
        .order((dsl::created_at, dsl::code_hash))
        .select(DeferredRequest::as_select())
        .load(conn)?)
}

/// Refuses what a person could still decide: they may decide nothing any more. Gives what was
/// refused, by `code_hash`.
pub fn deny_all_of_user(
    conn: &mut DbConnection,
    user_id: &str,
    now: Timestamp,
) -> Result<Vec<String>, StorageError> {
    let mut denied = Vec::new();
    for open in list_open_of_user(conn, user_id, now)? {
        if decide(conn, &open.code_hash, None, now)? {
            denied.push(open.code_hash);
        }
    }
    Ok(denied)
}

/// Notes that the client asked about a request that is still open. False when it asked too early:
/// then it has to wait `backoff` seconds longer from now on.
pub fn note_poll(
    conn: &mut DbConnection,
    code_hash: &str,
    backoff: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let now = now.as_unix();
    let in_time = diesel::update(dsl::deferred_requests.find(code_hash))
        .filter(dsl::poll_after.le(now))
        .set(dsl::poll_after.eq(dsl::poll_interval + now))
        .execute(conn)?;
    if in_time == 1 {
        return Ok(true);
    }
    diesel::update(dsl::deferred_requests.find(code_hash))
        .set((
            dsl::poll_after.eq(dsl::poll_interval + now + backoff),
            dsl::poll_interval.eq(dsl::poll_interval + backoff),
        ))
        .execute(conn)?;
    Ok(false)
}

/// Decides a request: with what was allowed, or without anything. True for the first decision.
pub fn decide(
    conn: &mut DbConnection,
    code_hash: &str,
    authorization_id: Option<&str>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let decided = diesel::update(dsl::deferred_requests.find(code_hash))
        .filter(dsl::decided_at.is_null())
        .filter(dsl::usable_until.gt(now.as_unix()))
        .set((dsl::decided_at.eq(now.as_unix()), dsl::authorization_id.eq(authorization_id)))
        .execute(conn)?;
    Ok(decided == 1)
}

/// Spends a request that was allowed. True for exactly one caller, however many race for it.
pub fn spend(
    conn: &mut DbConnection,
    code_hash: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let spent = diesel::update(dsl::deferred_requests.find(code_hash))
        .filter(dsl::authorization_id.is_not_null())
        .filter(dsl::spent_at.is_null())
        .set(dsl::spent_at.eq(now.as_unix()))
        .execute(conn)?;
    Ok(spent == 1)
}
