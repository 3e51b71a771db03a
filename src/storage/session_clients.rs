//! The clients that a session let in and that want to know when it ends. The rows go with the
//! session.

use super::schema::session_clients::{self as table, dsl};
use super::{DbConnection, StorageError};
use diesel::prelude::*;

/// Remembers that a session let a client in.
pub fn insert(conn: &mut DbConnection, sid: &str, client_id: &str) -> Result<(), StorageError> {
    on!(conn, |c| diesel::insert_into(table::table)
        .values((dsl::sid.eq(sid), dsl::client_id.eq(client_id)))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// The clients of a session, also of one that has ended.
pub fn list(conn: &mut DbConnection, sid: &str) -> Result<Vec<String>, StorageError> {
    Ok(dsl::session_clients
        .filter(dsl::sid.eq(sid))
        .order(dsl::client_id)
        .select(dsl::client_id)
        .load(conn)?)
}
