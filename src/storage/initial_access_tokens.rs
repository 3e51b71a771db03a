//! Initial access tokens at rest (RFC 7591 §3): what lets a client register, so many times.

use super::schema::initial_access_tokens::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// An initial access token, by its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct InitialAccessToken {
    pub id: String,
    pub token_hash: String,
    /// Whom or what it is for.
    pub label: String,
    /// How many clients it lets in.
    pub uses: i64,
    pub uses_left: i64,
    /// Who made it.
    pub created_by: String,
    pub created_at: i64,
    pub expires_at: i64,
}

/// Inserts a token.
pub fn insert(conn: &mut DbConnection, token: &InitialAccessToken) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(token.clone()).execute(conn)?;
    Ok(())
}

/// Those that are not removed yet, the newest first.
pub fn list(conn: &mut DbConnection) -> Result<Vec<InitialAccessToken>, StorageError> {
    Ok(dsl::initial_access_tokens
        .order((dsl::created_at.desc(), dsl::id))
        .select(InitialAccessToken::as_select())
        .limit(1000)
        .load(conn)?)
}

/// The id of a token that still lets somebody in.
pub fn find_good(
    conn: &mut DbConnection,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<String>, StorageError> {
    Ok(dsl::initial_access_tokens
        .filter(dsl::token_hash.eq(token_hash))
        .filter(dsl::uses_left.gt(0))
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select(dsl::id)
        .first(conn)
        .optional()?)
}

/// Takes one use of a token. True for so many callers as it has uses, however many race for it.
pub fn take(conn: &mut DbConnection, id: &str, now: Timestamp) -> Result<bool, StorageError> {
    let taken = diesel::update(dsl::initial_access_tokens.find(id))
        .filter(dsl::uses_left.gt(0))
        .filter(dsl::expires_at.gt(now.as_unix()))
        .set(dsl::uses_left.eq(dsl::uses_left - 1))
        .execute(conn)?;
    Ok(taken == 1)
}

/// Removes a token. False when it is gone already.
pub fn delete(conn: &mut DbConnection, id: &str) -> Result<bool, StorageError> {
    Ok(diesel::delete(dsl::initial_access_tokens.find(id)).execute(conn)? == 1)
}
