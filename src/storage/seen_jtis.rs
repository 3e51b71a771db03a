//! One-time identifiers that others made: the `jti` of client assertions (RFC 7523 §3) and of
//! request objects (RFC 9101).

use super::schema::seen_jtis::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// Whether an identifier was seen.
pub fn has(conn: &mut DbConnection, hash: &str) -> Result<bool, StorageError> {
    let found = dsl::seen_jtis.find(hash).select(dsl::hash).first::<String>(conn).optional()?;
    Ok(found.is_some())
}

/// Remembers an identifier until `expires_at`. True for exactly one caller.
pub fn insert(
    conn: &mut DbConnection,
    hash: &str,
    expires_at: Timestamp,
) -> Result<bool, StorageError> {
    let row = (dsl::hash.eq(hash), dsl::expires_at.eq(expires_at.as_unix()));
    let inserted = on!(conn, |c| diesel::insert_into(table::table)
        .values(row)
        .on_conflict(dsl::hash)
        .do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}
