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
    /// The token that it was exchanged for.
    pub parent_jti: Option<String>,
    /// What was granted, where the token says less because its resource knows less.
    pub granted_scope: Option<String>,
    /// The status list that tells about it, if one does.
    pub status_list: Option<i64>,
    /// Its place there.
    pub status_index: Option<i64>,
    /// The key of ours that signed it, where only the record tells: the token is encrypted, or a status
    /// list tells about it.
    pub kid: Option<String>,
}

/// Which tokens end together.
#[derive(Debug, Clone, Copy)]
pub enum TokensOf<'a> {
    User(&'a str),
    UserAtClient(&'a str, &'a str),
    /// The user, and the `sid` of the session.
    Session(&'a str, &'a str),
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

/// The record of a token, by what the token says of itself.
pub fn find(
    conn: &mut DbConnection,
    jti: &str,
    expires_at: Timestamp,
) -> Result<Option<IssuedToken>, StorageError> {
    let found = on!(conn, |c| dsl::issued_tokens
        .find((expires_at.as_unix(), jti))
        .select(IssuedToken::as_select())
        .get_result(c)
        .optional());
    Ok(found?)
}

/// The tokens that a status list tells about. The list says between which times they expire, so that
/// they are found by it.
pub fn list_of_status(
    conn: &mut DbConnection,
    status_list: i64,
    expiring: std::ops::Range<i64>,
) -> Result<Vec<IssuedToken>, StorageError> {
    Ok(dsl::issued_tokens
        .filter(dsl::expires_at.ge(expiring.start))
        .filter(dsl::expires_at.lt(expiring.end))
        .filter(dsl::status_list.eq(status_list))
        .select(IssuedToken::as_select())
        .load(conn)?)
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
            TokensOf::Session(user, sid) => {
                of_whom.filter(authorizations::user_id.eq(user)).filter(authorizations::sid.eq(sid))
            }
        };
        dsl::issued_tokens
            .filter(dsl::authorization_id.eq_any(of_whom))
            .filter(dsl::expires_at.gt(now.as_unix()))
            .select((dsl::jti, dsl::expires_at))
            .load(c)
    });
    Ok(live?)
}

/// As [`list_live`], of one authorization. A statement of its own, because it has one form only and
/// is found prepared.
pub fn list_live_of_authorization(
    conn: &mut DbConnection,
    authorization_id: &str,
    now: Timestamp,
) -> Result<Vec<(String, i64)>, StorageError> {
    let live = on!(conn, |c| dsl::issued_tokens
        .filter(dsl::authorization_id.eq(authorization_id))
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select((dsl::jti, dsl::expires_at))
        .load(c));
    Ok(live?)
}

/// `jti` and expiry of the living tokens that a token was exchanged for, and of those that came of
/// these. From here to the end of the transaction nobody exchanges any of them.
pub fn list_exchanged(
    conn: &mut DbConnection,
    jti: &str,
    now: Timestamp,
) -> Result<Vec<(String, i64)>, StorageError> {
    let mut found: Vec<(String, i64)> = Vec::new();
    let mut parents = vec![jti.to_owned()];
    while let Some(parent) = parents.pop() {
        hold(conn, &parent, Hold::Alone)?;
        let children: Vec<(String, i64)> = on!(conn, |c| dsl::issued_tokens
            .filter(dsl::parent_jti.eq(&parent))
            .filter(dsl::expires_at.gt(now.as_unix()))
            .select((dsl::jti, dsl::expires_at))
            .load(c))?;
        parents.extend(children.iter().map(|(jti, _)| jti.clone()));
        found.extend(children);
    }
    Ok(found)
}

/// `jti` and expiry of the living tokens that others exchanged those of a client for.
pub fn list_exchanged_of_client(
    conn: &mut DbConnection,
    client_id: &str,
    now: Timestamp,
) -> Result<Vec<(String, i64)>, StorageError> {
    let live = on!(conn, |c| {
        let of_client = authorizations::table
            .filter(authorizations::client_id.eq(client_id))
            .select(authorizations::id.nullable());
        dsl::issued_tokens
            .filter(dsl::parent_jti.is_not_null())
            .filter(dsl::authorization_id.eq_any(of_client))
            .filter(dsl::expires_at.gt(now.as_unix()))
            .select((dsl::jti, dsl::expires_at))
            .load(c)
    });
    Ok(live?)
}

/// Who else may hold the same token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Others who exchange it.
    Shared,
    /// Nobody: it ends.
    Alone,
}

/// Holds a token until the transaction ends: whoever ends it waits for those who exchange it, and
/// sees what came of it; whoever exchanges it waits for its end, and sees that.
pub fn hold(conn: &mut DbConnection, jti: &str, how: Hold) -> Result<(), StorageError> {
    let lock = match how {
        Hold::Shared => "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))",
        Hold::Alone => "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
    };
    match conn {
        DbConnection::Postgres(conn) => {
            diesel::sql_query(lock).bind::<diesel::sql_types::Text, _>(jti).execute(conn)?;
        }
        // There is one writer at a time.
        DbConnection::Sqlite(_) => {}
    }
    Ok(())
}
