//! Pushed authorization requests at rest (RFC 9126).

use super::schema::pushed_requests::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// What a client pushed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct PushedRequest {
    pub uri_hash: String,
    pub client_id: String,
    /// As a form, without what authenticated the client.
    pub parameters: String,
    /// Whether they came in a signed request object (RFC 9101).
    pub signed: bool,
    /// Unix seconds from which no browser may begin with it.
    pub usable_until: i64,
    /// Unix seconds after which it is removed.
    pub expires_at: i64,
    pub spent_at: Option<i64>,
}

/// Inserts a request.
pub fn insert(conn: &mut DbConnection, request: &PushedRequest) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(request.clone()).execute(conn)?;
    Ok(())
}

/// Finds a request that a browser may still begin with.
pub fn find(
    conn: &mut DbConnection,
    uri_hash: &str,
    now: Timestamp,
) -> Result<Option<PushedRequest>, StorageError> {
    Ok(dsl::pushed_requests
        .find(uri_hash)
        .filter(dsl::usable_until.gt(now.as_unix()))
        .filter(dsl::spent_at.is_null())
        .select(PushedRequest::as_select())
        .first(conn)
        .optional()?)
}

/// Spends a request. True for exactly one caller, however many race for it.
pub fn spend(
    conn: &mut DbConnection,
    uri_hash: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let spent = diesel::update(dsl::pushed_requests.find(uri_hash))
        .filter(dsl::spent_at.is_null())
        .set(dsl::spent_at.eq(now.as_unix()))
        .execute(conn)?;
    Ok(spent == 1)
}
