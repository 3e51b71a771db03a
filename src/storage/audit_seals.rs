//! The seals over the audit log, in the order they were set.

use super::audit::Event;
use super::schema::audit::dsl as log;
use super::schema::audit_seals::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// A seal.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct Seal {
    /// Counts from 1.
    pub number: i64,
    /// The number of the last entry it stands for.
    pub last_seq: i64,
    /// How many entries it stands for.
    pub entries: i64,
    /// What the entries and the seal before come to, as hexadecimal.
    pub tag: String,
    /// Unix seconds.
    pub sealed_at: i64,
}

/// Inserts a seal; `Conflict` when another instance was quicker.
pub fn insert(conn: &mut DbConnection, seal: &Seal) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(seal.clone()).execute(conn)?;
    Ok(())
}

/// The newest seal.
pub fn last(conn: &mut DbConnection) -> Result<Option<Seal>, StorageError> {
    Ok(dsl::audit_seals
        .order(dsl::number.desc())
        .select(Seal::as_select())
        .first(conn)
        .optional()?)
}

/// The seal after a number.
pub fn next(conn: &mut DbConnection, number: i64) -> Result<Option<Seal>, StorageError> {
    Ok(dsl::audit_seals
        .filter(dsl::number.gt(number))
        .order(dsl::number.asc())
        .select(Seal::as_select())
        .first(conn)
        .optional()?)
}

/// The number of the oldest entry that is there.
pub fn first_entry(conn: &mut DbConnection) -> Result<Option<i64>, StorageError> {
    Ok(log::audit.select(diesel::dsl::min(log::seq)).first(conn)?)
}

/// How many entries there are after a number.
pub fn entries_after(conn: &mut DbConnection, after: i64) -> Result<i64, StorageError> {
    Ok(log::audit.filter(log::seq.gt(after)).count().get_result(conn)?)
}

/// The entries after a number up to another, at most `limit` of them, in their order.
pub fn entries(
    conn: &mut DbConnection,
    after: i64,
    up_to: i64,
    limit: i64,
) -> Result<Vec<Event>, StorageError> {
    Ok(log::audit
        .filter(log::seq.gt(after))
        .filter(log::seq.le(up_to))
        .order(log::seq.asc())
        .select(Event::as_select())
        .limit(limit)
        .load(conn)?)
}

/// The entries after a number, at most `limit` of them: those before the first that is younger than
/// `until`.
pub fn settled(
    conn: &mut DbConnection,
    after: i64,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Event>, StorageError> {
    let mut found = entries(conn, after, i64::MAX, limit)?;
    let young = found.iter().position(|entry| entry.at > until.as_unix());
    found.truncate(young.unwrap_or(found.len()));
    Ok(found)
}
