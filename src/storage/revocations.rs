//! The truth of the revocation list: what must not be accepted although it verifies.

use super::schema::revocations::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

/// An entry to add.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct NewRevocation {
    /// `jti`, `sub`, `sid`, `client`, `sub+client`, `kid` or `all`.
    pub kind: String,
    pub key: String,
    /// Tokens with `iat` (unix seconds) up to this are refused; absent for a `jti`.
    pub not_before: Option<i64>,
    /// Unix seconds after which no token that it applies to can be alive.
    pub expires_at: i64,
    pub reason: String,
    pub actor: String,
    pub at: i64,
}

/// An entry of the list, in the order of `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = table)]
pub struct Revocation {
    pub seq: i64,
    pub kind: String,
    pub key: String,
    pub not_before: Option<i64>,
    pub expires_at: i64,
}

/// Adds entries. On PostgreSQL writers of the list take turns, so that `seq` is the order of the
/// commits and a reader that has seen one number misses none below it.
pub fn insert(conn: &mut DbConnection, entries: &[NewRevocation]) -> Result<(), StorageError> {
    if entries.is_empty() {
        return Ok(());
    }
    if let DbConnection::Postgres(conn) = conn {
        conn.batch_execute("SELECT pg_advisory_xact_lock(7305519483)")?;
    }
    for entry in entries {
        on!(conn, |c| diesel::insert_into(table::table).values(entry).execute(c))?;
    }
    Ok(())
}

/// The entries under any of up to seven keys that have not expired; the kind is for the caller to
/// compare.
pub fn find(
    conn: &mut DbConnection,
    keys: &[&str],
    now: Timestamp,
) -> Result<Vec<Revocation>, StorageError> {
    let key = |index: usize| keys.get(index).or(keys.first()).copied().unwrap_or_default();
    let found = on!(conn, |c| dsl::revocations
        .filter(
            dsl::key
                .eq(key(0))
                .or(dsl::key.eq(key(1)))
                .or(dsl::key.eq(key(2)))
                .or(dsl::key.eq(key(3)))
                .or(dsl::key.eq(key(4)))
                .or(dsl::key.eq(key(5)))
                .or(dsl::key.eq(key(6))),
        )
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select(Revocation::as_select())
        .load(c));
    Ok(found?)
}

/// The next entries after `seq`, expired or not.
pub fn list_after(
    conn: &mut DbConnection,
    seq: i64,
    limit: i64,
) -> Result<Vec<Revocation>, StorageError> {
    let found = on!(conn, |c| dsl::revocations
        .filter(dsl::seq.gt(seq))
        .order(dsl::seq)
        .limit(limit)
        .select(Revocation::as_select())
        .load(c));
    Ok(found?)
}

/// The highest number given so far; 0 when there is none.
pub fn head(conn: &mut DbConnection) -> Result<i64, StorageError> {
    let max: Option<i64> =
        on!(conn, |c| dsl::revocations.select(diesel::dsl::max(dsl::seq)).get_result(c))?;
    Ok(max.unwrap_or(0))
}
