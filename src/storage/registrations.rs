//! Clients that registered themselves, and what they manage their registration with (RFC 7591, RFC
//! 7592).

use super::schema::registrations::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// How a client came to be here.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct Registration {
    pub client_id: String,
    /// Of the registration access token (RFC 7592 §3).
    pub token_hash: String,
    /// The initial access token it came with.
    pub initial_token_id: Option<String>,
    /// As it was sent.
    pub software_statement: Option<String>,
    pub created_at: i64,
    /// Unix seconds of the first sign-in or token.
    pub used_at: Option<i64>,
}

/// Inserts a registration.
pub fn insert(conn: &mut DbConnection, new: &Registration) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(new.clone()).execute(conn)?;
    Ok(())
}

/// Finds the registration of a client.
pub fn find(
    conn: &mut DbConnection,
    client_id: &str,
) -> Result<Option<Registration>, StorageError> {
    Ok(dsl::registrations
        .find(client_id)
        .select(Registration::as_select())
        .first(conn)
        .optional()?)
}

/// Writes the statement of a registration over the old one.
pub fn set_statement(
    conn: &mut DbConnection,
    client_id: &str,
    statement: &str,
) -> Result<(), StorageError> {
    diesel::update(dsl::registrations.find(client_id))
        .set(dsl::software_statement.eq(statement))
        .execute(conn)?;
    Ok(())
}

/// Notes that a client is used. Nothing changes when it was before.
pub fn mark_used(
    conn: &mut DbConnection,
    client_id: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    diesel::update(dsl::registrations.find(client_id))
        .filter(dsl::used_at.is_null())
        .set(dsl::used_at.eq(now.as_unix()))
        .execute(conn)?;
    Ok(())
}

/// How many clients wait for their first use.
pub fn count_unused(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(dsl::registrations.filter(dsl::used_at.is_null()).count().get_result(conn)?)
}

/// Clients that registered before `before` and were never used, at most so many.
pub fn list_unused(
    conn: &mut DbConnection,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<String>, StorageError> {
    Ok(dsl::registrations
        .filter(dsl::used_at.is_null())
        .filter(dsl::created_at.le(before.as_unix()))
        .order(dsl::created_at)
        .select(dsl::client_id)
        .limit(limit)
        .load(conn)?)
}

/// Removes a registration that was never used. False when it is, or is gone.
pub fn delete_unused(conn: &mut DbConnection, client_id: &str) -> Result<bool, StorageError> {
    let unused = dsl::registrations.find(client_id).filter(dsl::used_at.is_null());
    Ok(diesel::delete(unused).execute(conn)? == 1)
}
