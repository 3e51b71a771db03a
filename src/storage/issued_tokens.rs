//! Access tokens that were issued, as far as they must be found again: those of users (so that a
//! block can list each by its `jti`) and those that only we can read.

use super::schema::issued_tokens::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// The record of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct IssuedToken {
    pub jti: String,
    pub client_id: String,
    pub user_id: Option<String>,
    pub authorization_id: Option<String>,
    pub sid: Option<String>,
    /// Unix seconds.
    pub issued_at: i64,
    /// Unix seconds.
    pub expires_at: i64,
    /// SHA-256 of an opaque or encrypted token.
    pub token_hash: Option<String>,
    /// The claims of an opaque or encrypted token, as JSON.
    pub claims: Option<String>,
}

/// Which tokens end together.
#[derive(Debug, Clone, Copy)]
pub enum TokensOf<'a> {
    User(&'a str),
    UserAtClient(&'a str, &'a str),
    Authorization(&'a str),
    Session(&'a str),
}

/// Inserts a record.
pub fn insert(conn: &mut DbConnection, token: &IssuedToken) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(token.clone()).execute(conn)?;
    Ok(())
}

/// Finds an opaque or encrypted token that has not expired.
pub fn find_by_hash(
    conn: &mut DbConnection,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<IssuedToken>, StorageError> {
    Ok(dsl::issued_tokens
        .filter(dsl::token_hash.eq(token_hash))
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select(IssuedToken::as_select())
        .first(conn)
        .optional()?)
}

/// The authorization of a token, by its `jti`.
pub fn authorization_of(
    conn: &mut DbConnection,
    jti: &str,
) -> Result<Option<String>, StorageError> {
    let row: Option<Option<String>> =
        dsl::issued_tokens.find(jti).select(dsl::authorization_id).first(conn).optional()?;
    Ok(row.flatten())
}

/// `jti` and expiry (unix seconds) of the tokens that have not expired.
pub fn list_live(
    conn: &mut DbConnection,
    of: TokensOf<'_>,
    now: Timestamp,
) -> Result<Vec<(String, i64)>, StorageError> {
    let mut rows = dsl::issued_tokens.into_boxed();
    rows = match of {
        TokensOf::User(user) => rows.filter(dsl::user_id.eq(user.to_owned())),
        TokensOf::UserAtClient(user, client) => rows
            .filter(dsl::user_id.eq(user.to_owned()))
            .filter(dsl::client_id.eq(client.to_owned())),
        TokensOf::Authorization(id) => rows.filter(dsl::authorization_id.eq(id.to_owned())),
        TokensOf::Session(sid) => rows.filter(dsl::sid.eq(sid.to_owned())),
    };
    Ok(rows
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select((dsl::jti, dsl::expires_at))
        .load(conn)?)
}
