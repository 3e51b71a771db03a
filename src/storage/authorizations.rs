//! Authorizations: what a user let a client have, once for each authorization request.

use super::schema::authorizations::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::claims::ClaimsRequest;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// The stored fact that a user let a client have a scope. Every token of it names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Authorization {
    /// The id of the interaction it came from.
    pub id: String,
    pub client_id: String,
    pub user_id: String,
    pub sid: Option<String>,
    pub scope: Scope,
    pub claims: ClaimsRequest,
    /// What its tokens may be for (RFC 8707); empty for the default audience alone.
    pub resources: Vec<String>,
    /// What was granted in detail (RFC 9396).
    pub details: AuthorizationDetails,
    pub nonce: Option<String>,
    pub auth_time: Timestamp,
    pub acr: String,
    /// Authentication methods (RFC 8176), separated by spaces.
    pub amr: String,
    /// Whether it outlives the session (OpenID Connect Core §11).
    pub offline: bool,
    pub created_at: Timestamp,
    /// After this nothing can come of it, and the row may go.
    pub expires_at: Timestamp,
    pub revoked: bool,
}

/// Inserts an authorization. False when its interaction was answered before.
pub fn insert(conn: &mut DbConnection, new: &Authorization) -> Result<bool, StorageError> {
    let row = Row::from(new);
    let inserted = on!(conn, |c| diesel::insert_into(table::table)
        .values(&row)
        .on_conflict(dsl::id)
        .do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Finds an authorization, revoked or not.
pub fn find(conn: &mut DbConnection, id: &str) -> Result<Option<Authorization>, StorageError> {
    let row: Option<Row> = on!(conn, |c| dsl::authorizations
        .find(id)
        .select(Row::as_select())
        .get_result(c)
        .optional())?;
    row.map(Authorization::try_from).transpose()
}

/// Keeps the row until `expires_at` at least.
pub fn extend(
    conn: &mut DbConnection,
    id: &str,
    expires_at: Timestamp,
) -> Result<(), StorageError> {
    on!(conn, |c| diesel::update(dsl::authorizations.find(id))
        .filter(dsl::expires_at.lt(expires_at.as_unix()))
        .set(dsl::expires_at.eq(expires_at.as_unix()))
        .execute(c))?;
    Ok(())
}

/// Whether the authorization is there and not revoked, and stays so until the transaction ends:
/// whoever revokes it waits, and then sees what was issued under it.
pub fn hold_live(conn: &mut DbConnection, id: &str) -> Result<bool, StorageError> {
    let row = dsl::authorizations.find(id).filter(dsl::revoked_at.is_null()).select(dsl::id);
    let found: Option<String> = match conn {
        DbConnection::Postgres(conn) => row.for_no_key_update().get_result(conn).optional()?,
        // There is one writer at a time.
        DbConnection::Sqlite(conn) => row.get_result(conn).optional()?,
    };
    Ok(found.is_some())
}

/// As [`hold_live`], for those who change nothing of it: they do not wait for each other.
pub fn hold_live_shared(conn: &mut DbConnection, id: &str) -> Result<bool, StorageError> {
    let row = dsl::authorizations.find(id).filter(dsl::revoked_at.is_null()).select(dsl::id);
    let found: Option<String> = match conn {
        DbConnection::Postgres(conn) => row.for_share().get_result(conn).optional()?,
        // There is one writer at a time.
        DbConnection::Sqlite(conn) => row.get_result(conn).optional()?,
    };
    Ok(found.is_some())
}

/// Holds the authorizations of a user until the transaction ends: what is being issued under them is
/// written before whoever calls this looks for it.
pub fn hold_all(conn: &mut DbConnection, user_id: &str) -> Result<(), StorageError> {
    let rows = dsl::authorizations
        .filter(dsl::user_id.eq(user_id))
        .filter(dsl::revoked_at.is_null())
        .order(dsl::id)
        .select(dsl::id);
    if let DbConnection::Postgres(conn) = conn {
        let _held: Vec<String> = rows.for_no_key_update().load(conn)?;
    }
    // On SQLite there is one writer at a time.
    Ok(())
}

/// Revokes one authorization. True when it was live.
pub fn revoke(
    conn: &mut DbConnection,
    id: &str,
    by: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let revoked = on!(conn, |c| diesel::update(dsl::authorizations.find(id))
        .filter(dsl::revoked_at.is_null())
        .set((dsl::revoked_at.eq(now.as_unix()), dsl::revoked_by.eq(by)))
        .execute(c))?;
    Ok(revoked == 1)
}

/// Revokes all that a user let anyone have.
pub fn revoke_of_user(
    conn: &mut DbConnection,
    user_id: &str,
    by: &str,
    now: Timestamp,
) -> Result<usize, StorageError> {
    Ok(diesel::update(dsl::authorizations.filter(dsl::user_id.eq(user_id)))
        .filter(dsl::revoked_at.is_null())
        .set((dsl::revoked_at.eq(now.as_unix()), dsl::revoked_by.eq(by)))
        .execute(conn)?)
}

/// Revokes all that a user let one client have.
pub fn revoke_of_user_and_client(
    conn: &mut DbConnection,
    user_id: &str,
    client_id: &str,
    by: &str,
    now: Timestamp,
) -> Result<usize, StorageError> {
    Ok(diesel::update(dsl::authorizations.filter(dsl::user_id.eq(user_id)))
        .filter(dsl::client_id.eq(client_id))
        .filter(dsl::revoked_at.is_null())
        .set((dsl::revoked_at.eq(now.as_unix()), dsl::revoked_by.eq(by)))
        .execute(conn)?)
}

/// Revokes all that one client was given.
pub fn revoke_of_client(
    conn: &mut DbConnection,
    client_id: &str,
    by: &str,
    now: Timestamp,
) -> Result<usize, StorageError> {
    Ok(diesel::update(dsl::authorizations.filter(dsl::client_id.eq(client_id)))
        .filter(dsl::revoked_at.is_null())
        .set((dsl::revoked_at.eq(now.as_unix()), dsl::revoked_by.eq(by)))
        .execute(conn)?)
}

/// Revokes all that anyone let a client have. Says how much that was.
pub fn revoke_all(
    conn: &mut DbConnection,
    by: &str,
    now: Timestamp,
) -> Result<usize, StorageError> {
    let live = dsl::authorizations.filter(dsl::revoked_at.is_null());
    Ok(diesel::update(live.filter(dsl::expires_at.gt(now.as_unix())))
        .set((dsl::revoked_at.eq(now.as_unix()), dsl::revoked_by.eq(by)))
        .execute(conn)?)
}

/// Revokes what ends with a session of a user; offline grants stay (OpenID Connect Back-Channel
/// Logout §2.7).
pub fn revoke_of_session(
    conn: &mut DbConnection,
    user_id: &str,
    sid: &str,
    by: &str,
    now: Timestamp,
) -> Result<usize, StorageError> {
    Ok(diesel::update(dsl::authorizations.filter(dsl::user_id.eq(user_id)))
        .filter(dsl::sid.eq(sid))
        .filter(dsl::offline.eq(false))
        .filter(dsl::revoked_at.is_null())
        .set((dsl::revoked_at.eq(now.as_unix()), dsl::revoked_by.eq(by)))
        .execute(conn)?)
}

/// When a user last authorized each client, the latest first.
pub fn last_use_of_user(
    conn: &mut DbConnection,
    user_id: &str,
) -> Result<Vec<(String, Timestamp)>, StorageError> {
    let rows: Vec<(String, Option<i64>)> = dsl::authorizations
        .filter(dsl::user_id.eq(user_id))
        .group_by(dsl::client_id)
        .select((dsl::client_id, diesel::dsl::max(dsl::created_at)))
        .load(conn)?;
    let uses = rows.into_iter().map(|(id, at)| (id, Timestamp::from_unix(at.unwrap_or(0))));
    Ok(uses.collect())
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub(super) struct Row {
    id: String,
    client_id: String,
    user_id: String,
    sid: Option<String>,
    scope: String,
    claims: Option<String>,
    nonce: Option<String>,
    auth_time: i64,
    acr: String,
    amr: String,
    offline: bool,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    resources: Option<String>,
    details: Option<String>,
}

impl From<&Authorization> for Row {
    fn from(new: &Authorization) -> Self {
        let details = (!new.details.is_empty()).then(|| serde_json::to_string(&new.details).ok());
        let claims = (!new.claims.is_empty()).then(|| serde_json::to_string(&new.claims).ok());
        Self {
            id: new.id.clone(),
            client_id: new.client_id.clone(),
            user_id: new.user_id.clone(),
            sid: new.sid.clone(),
            scope: new.scope.to_string(),
            claims: claims.flatten(),
            details: details.flatten(),
            nonce: new.nonce.clone(),
            resources: (!new.resources.is_empty()).then(|| new.resources.join(" ")),
            auth_time: new.auth_time.as_unix(),
            acr: new.acr.clone(),
            amr: new.amr.clone(),
            offline: new.offline,
            created_at: new.created_at.as_unix(),
            expires_at: new.expires_at.as_unix(),
            revoked_at: new.revoked.then_some(new.created_at.as_unix()),
        }
    }
}

impl TryFrom<Row> for Authorization {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let scope = row.scope.parse();
        let details = row.details.as_deref().map(serde_json::from_str).transpose();
        let claims = row.claims.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            id: row.id,
            client_id: row.client_id,
            user_id: row.user_id,
            sid: row.sid,
            scope: scope.map_err(|_| StorageError::Corrupt("authorizations.scope"))?,
            details: details
                .map_err(|_| StorageError::Corrupt("authorizations.details"))?
                .unwrap_or_default(),
            claims: claims
                .map_err(|_| StorageError::Corrupt("authorizations.claims"))?
                .unwrap_or_default(),
            resources: row
                .resources
                .iter()
                .flat_map(|all| all.split(' '))
                .map(str::to_owned)
                .collect(),
            nonce: row.nonce,
            auth_time: Timestamp::from_unix(row.auth_time),
            acr: row.acr,
            amr: row.amr,
            offline: row.offline,
            created_at: Timestamp::from_unix(row.created_at),
            expires_at: Timestamp::from_unix(row.expires_at),
            revoked: row.revoked_at.is_some(),
        })
    }
}
