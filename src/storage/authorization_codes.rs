//! Authorization codes at rest (RFC 6749 §4.1.2, §10.5), in the rows of their authorizations: each has
//! one at most.

use super::authorizations::{self, Authorization};
use super::schema::authorizations::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// What a code stands for, beside its authorization.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationCode {
    pub code_hash: String,
    pub redirect_uri: String,
    pub code_challenge: Option<CodeChallenge>,
    pub expires_at: Timestamp,
    /// The thumbprint of the key that it is bound to (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

/// Inserts an authorization with its code. False when its interaction was answered before.
pub fn insert(
    conn: &mut DbConnection,
    authorization: &Authorization,
    code: &AuthorizationCode,
) -> Result<bool, StorageError> {
    let rows = (authorizations::Row::from(authorization), Row::from(code));
    let inserted = on!(conn, |c| diesel::insert_into(table::table)
        .values(&rows)
        .on_conflict(dsl::id)
        .do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Finds a code that has not expired, redeemed or not, with its authorization.
pub fn find(
    conn: &mut DbConnection,
    authorization_id: &str,
    code_hash: &str,
    now: Timestamp,
) -> Result<Option<(AuthorizationCode, Authorization)>, StorageError> {
    let row: Option<(authorizations::Row, Row)> = on!(conn, |c| dsl::authorizations
        .find(authorization_id)
        .filter(dsl::code_hash.eq(code_hash))
        .filter(dsl::code_expires_at.gt(now.as_unix()))
        .select((authorizations::Row::as_select(), Row::as_select()))
        .get_result(c)
        .optional())?;
    let Some((authorization, code)) = row else { return Ok(None) };
    Ok(Some((code.try_into()?, authorization.try_into()?)))
}

/// Spends the code of a live authorization, which stays live until the transaction ends. True for
/// exactly one caller, however many race for it.
pub fn spend(
    conn: &mut DbConnection,
    authorization_id: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let spent = on!(conn, |c| diesel::update(dsl::authorizations.find(authorization_id))
        .filter(dsl::redeemed_at.is_null())
        .filter(dsl::revoked_at.is_null())
        .set(dsl::redeemed_at.eq(now.as_unix()))
        .execute(c))?;
    Ok(spent == 1)
}

/// Whether the code of an authorization was spent.
pub fn is_spent(conn: &mut DbConnection, authorization_id: &str) -> Result<bool, StorageError> {
    let redeemed_at: Option<Option<i64>> = dsl::authorizations
        .find(authorization_id)
        .select(dsl::redeemed_at)
        .first(conn)
        .optional()?;
    Ok(redeemed_at.flatten().is_some())
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct Row {
    code_hash: Option<String>,
    code_expires_at: Option<i64>,
    redirect_uri: Option<String>,
    code_challenge: Option<String>,
    dpop_jkt: Option<String>,
}

impl From<&AuthorizationCode> for Row {
    fn from(code: &AuthorizationCode) -> Self {
        Self {
            code_hash: Some(code.code_hash.clone()),
            code_expires_at: Some(code.expires_at.as_unix()),
            redirect_uri: Some(code.redirect_uri.clone()),
            code_challenge: code.code_challenge.as_ref().map(|sent| sent.as_str().to_owned()),
            dpop_jkt: code.dpop_jkt.clone(),
        }
    }
}

impl TryFrom<Row> for AuthorizationCode {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let missing = || StorageError::Corrupt("authorizations.code");
        Ok(Self {
            code_hash: row.code_hash.ok_or_else(missing)?,
            redirect_uri: row.redirect_uri.ok_or_else(missing)?,
            code_challenge: row.code_challenge.map(CodeChallenge::stored),
            expires_at: Timestamp::from_unix(row.code_expires_at.ok_or_else(missing)?),
            dpop_jkt: row.dpop_jkt,
        })
    }
}
