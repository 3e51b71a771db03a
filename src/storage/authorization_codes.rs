//! Authorization codes at rest (RFC 6749 §4.1.2, §10.5).

use super::schema::authorization_codes::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// What a code stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationCode {
    pub code_hash: String,
    pub authorization_id: String,
    pub client_id: String,
    pub redirect_uri: String,
    pub code_challenge: Option<CodeChallenge>,
    pub expires_at: Timestamp,
    pub redeemed: bool,
    /// The thumbprint of the key that it is bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

/// Inserts a code.
pub fn insert(conn: &mut DbConnection, code: &AuthorizationCode) -> Result<(), StorageError> {
    let row = Row {
        code_hash: code.code_hash.clone(),
        authorization_id: code.authorization_id.clone(),
        client_id: code.client_id.clone(),
        redirect_uri: code.redirect_uri.clone(),
        code_challenge: code.code_challenge.as_ref().map(|sent| sent.as_str().to_owned()),
        expires_at: code.expires_at.as_unix(),
        redeemed_at: None,
        dpop_jkt: code.dpop_jkt.clone(),
    };
    on!(conn, |c| diesel::insert_into(table::table).values(row).execute(c))?;
    Ok(())
}

/// Finds a code that has not expired, redeemed or not.
pub fn find(
    conn: &mut DbConnection,
    code_hash: &str,
    now: Timestamp,
) -> Result<Option<AuthorizationCode>, StorageError> {
    let row: Option<Row> = on!(conn, |c| dsl::authorization_codes
        .find(code_hash)
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select(Row::as_select())
        .get_result(c)
        .optional())?;
    Ok(row.map(AuthorizationCode::from))
}

/// Spends a code. True for exactly one caller, however many race for it.
pub fn spend(
    conn: &mut DbConnection,
    code_hash: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let spent = on!(conn, |c| diesel::update(dsl::authorization_codes.find(code_hash))
        .filter(dsl::redeemed_at.is_null())
        .set(dsl::redeemed_at.eq(now.as_unix()))
        .execute(c))?;
    Ok(spent == 1)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct Row {
    code_hash: String,
    authorization_id: String,
    client_id: String,
    redirect_uri: String,
    code_challenge: Option<String>,
    expires_at: i64,
    redeemed_at: Option<i64>,
    dpop_jkt: Option<String>,
}

impl From<Row> for AuthorizationCode {
    fn from(row: Row) -> Self {
        Self {
            code_hash: row.code_hash,
            authorization_id: row.authorization_id,
            client_id: row.client_id,
            redirect_uri: row.redirect_uri,
            code_challenge: row.code_challenge.map(CodeChallenge::stored),
            expires_at: Timestamp::from_unix(row.expires_at),
            redeemed: row.redeemed_at.is_some(),
            dpop_jkt: row.dpop_jkt,
        }
    }
}
