//! Refresh tokens at rest, in families: all tokens of one authorization (RFC 6749 §6, RFC 9700
//! §4.14).

use super::schema::refresh_tokens::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::confirmation::Confirmation;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// A refresh token, by its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub token_hash: String,
    pub authorization_id: String,
    pub client_id: String,
    pub scope: Scope,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// When it was exchanged for its successor, if it was.
    pub spent_at: Option<Timestamp>,
    pub successor_hash: Option<String>,
    /// When it was accepted once more because the answer was lost.
    pub retried_at: Option<Timestamp>,
    /// What its sender must show to hold, for a client that cannot prove who it is.
    pub confirmation: Confirmation,
}

/// Inserts a refresh token.
pub fn insert(conn: &mut DbConnection, token: &RefreshToken) -> Result<(), StorageError> {
    let row = Row::from(token);
    on!(conn, |c| diesel::insert_into(table::table).values(row).execute(c))?;
    Ok(())
}

/// Finds a refresh token that has not expired, spent or not.
pub fn find(
    conn: &mut DbConnection,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<RefreshToken>, StorageError> {
    let row: Option<Row> = on!(conn, |c| dsl::refresh_tokens
        .find(token_hash)
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select(Row::as_select())
        .get_result(c)
        .optional())?;
    row.map(RefreshToken::try_from).transpose()
}

/// Exchanges a token for its successor. True for exactly one caller.
pub fn spend(
    conn: &mut DbConnection,
    token_hash: &str,
    successor_hash: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let spent = on!(conn, |c| diesel::update(dsl::refresh_tokens.find(token_hash))
        .filter(dsl::spent_at.is_null())
        .set((dsl::spent_at.eq(now.as_unix()), dsl::successor_hash.eq(successor_hash)))
        .execute(c))?;
    Ok(spent == 1)
}

/// Uses a token that stays good. True as long as it was not exchanged.
pub fn keep(
    conn: &mut DbConnection,
    token_hash: &str,
    expires_at: Timestamp,
) -> Result<bool, StorageError> {
    let kept = diesel::update(dsl::refresh_tokens.find(token_hash))
        .filter(dsl::spent_at.is_null())
        .set(dsl::expires_at.eq(expires_at.as_unix()))
        .execute(conn)?;
    Ok(kept == 1)
}

/// Accepts a spent token once more. True for exactly one caller, and only while its successor is
/// unused.
pub fn retry(
    conn: &mut DbConnection,
    token_hash: &str,
    successor_hash: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let unused = dsl::refresh_tokens.find(successor_hash).filter(dsl::spent_at.is_null());
    if !diesel::select(diesel::dsl::exists(unused)).get_result::<bool>(conn)? {
        return Ok(false);
    }
    let retried = diesel::update(dsl::refresh_tokens.find(token_hash))
        .filter(dsl::retried_at.is_null())
        .set(dsl::retried_at.eq(now.as_unix()))
        .execute(conn)?;
    Ok(retried == 1)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct Row {
    token_hash: String,
    authorization_id: String,
    client_id: String,
    scope: String,
    created_at: i64,
    expires_at: i64,
    spent_at: Option<i64>,
    successor_hash: Option<String>,
    retried_at: Option<i64>,
    confirmation: Option<String>,
}

impl From<&RefreshToken> for Row {
    fn from(token: &RefreshToken) -> Self {
        Self {
            token_hash: token.token_hash.clone(),
            authorization_id: token.authorization_id.clone(),
            client_id: token.client_id.clone(),
            scope: token.scope.to_string(),
            created_at: token.created_at.as_unix(),
            expires_at: token.expires_at.as_unix(),
            spent_at: token.spent_at.map(Timestamp::as_unix),
            successor_hash: token.successor_hash.clone(),
            retried_at: token.retried_at.map(Timestamp::as_unix),
            confirmation: written(&token.confirmation),
        }
    }
}

fn written(confirmation: &Confirmation) -> Option<String> {
    match confirmation.is_empty() {
        true => None,
        false => serde_json::to_string(confirmation).ok(),
    }
}

impl TryFrom<Row> for RefreshToken {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let scope = row.scope.parse();
        // One that cannot be read must not become none.
        let confirmation = row.confirmation.as_deref().map(serde_json::from_str).transpose();
        let unreadable = |_| StorageError::Corrupt("refresh_tokens.confirmation");
        Ok(Self {
            confirmation: confirmation.map_err(unreadable)?.unwrap_or_default(),
            token_hash: row.token_hash,
            authorization_id: row.authorization_id,
            client_id: row.client_id,
            scope: scope.map_err(|_| StorageError::Corrupt("refresh_tokens.scope"))?,
            created_at: Timestamp::from_unix(row.created_at),
            expires_at: Timestamp::from_unix(row.expires_at),
            spent_at: row.spent_at.map(Timestamp::from_unix),
            successor_hash: row.successor_hash,
            retried_at: row.retried_at.map(Timestamp::from_unix),
        })
    }
}
