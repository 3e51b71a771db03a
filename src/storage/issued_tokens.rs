//! Access tokens that were issued, as far as they must be found again: those of users (so that a
//! block can list each by its `jti`) and those that only we can read.

use super::schema::authorizations;
use super::schema::issued_tokens::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// The record of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct IssuedToken {
    pub jti: String,
    pub client_id: String,
    pub user_id: Option<String>,
    /// There whenever there is a user: tokens are found by it when something of the user ends.
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
    on!(conn, |c| diesel::insert_into(table::table).values(token).execute(c))?;
    Ok(())
}

/// Finds an opaque or encrypted token that has not expired.
pub fn find_by_hash(
    conn: &mut DbConnection,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<IssuedToken>, StorageError> {
    let found = on!(conn, |c| dsl::issued_tokens
        .filter(dsl::token_hash.eq(token_hash))
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select(IssuedToken::as_select())
        .get_result(c)
        .optional());
    Ok(found?)
}

/// The authorization of a token, by what the token says of itself.
pub fn authorization_of(
    conn: &mut DbConnection,
    jti: &str,
    expires_at: Timestamp,
) -> Result<Option<String>, StorageError> {
    let row: Option<Option<String>> = on!(conn, |c| dsl::issued_tokens
        .find((expires_at.as_unix(), jti))
        .select(dsl::authorization_id)
        .get_result(c)
        .optional())?;
    Ok(row.flatten())
}

/// `jti` and expiry (unix seconds) of the tokens that have not expired.
pub fn list_live(
    conn: &mut DbConnection,
    of: TokensOf<'_>,
    now: Timestamp,
) -> Result<Vec<(String, i64)>, StorageError> {
    // The table has no index but by authorization, because it is written with every token; whose an
    // authorization is, the other table knows.
    let live = on!(conn, |c| {
        let mut of_whom = authorizations::table.select(authorizations::id.nullable()).into_boxed();
        of_whom = match of {
            TokensOf::User(user) => of_whom.filter(authorizations::user_id.eq(user)),
            TokensOf::UserAtClient(user, client) => of_whom
                .filter(authorizations::user_id.eq(user))
                .filter(authorizations::client_id.eq(client)),
            TokensOf::Authorization(id) => of_whom.filter(authorizations::id.eq(id)),
            TokensOf::Session(sid) => of_whom.filter(authorizations::sid.eq(sid)),
        };
        dsl::issued_tokens
            .filter(dsl::authorization_id.eq_any(of_whom))
            .filter(dsl::expires_at.gt(now.as_unix()))
            .select((dsl::jti, dsl::expires_at))
            .load(c)
    });
    Ok(live?)
}
