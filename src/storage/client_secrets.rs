//! Client secrets at rest: two may be live while one is exchanged for the other.

use super::schema::client_secrets::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// A client secret, by its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct ClientSecret {
    pub id: String,
    pub client_id: String,
    pub secret_hash: String,
    pub created_at: i64,
    /// Unix seconds after which the secret is refused; never when absent.
    pub expires_at: Option<i64>,
    /// The secret itself under the master key, where it must be readable again.
    pub sealed: Option<String>,
}

/// Inserts a secret.
pub fn insert(conn: &mut DbConnection, secret: &ClientSecret) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(secret.clone()).execute(conn)?;
    Ok(())
}

/// The secrets of a client, the newest first.
pub fn list(conn: &mut DbConnection, client_id: &str) -> Result<Vec<ClientSecret>, StorageError> {
    Ok(dsl::client_secrets
        .filter(dsl::client_id.eq(client_id))
        .order((dsl::created_at.desc(), dsl::id))
        .select(ClientSecret::as_select())
        .load(conn)?)
}

/// Lets the secrets of a client that have no end yet end at `expires_at`.
pub fn expire_all(
    conn: &mut DbConnection,
    client_id: &str,
    expires_at: Timestamp,
) -> Result<(), StorageError> {
    diesel::update(dsl::client_secrets.filter(dsl::client_id.eq(client_id)))
        .filter(dsl::expires_at.is_null().or(dsl::expires_at.gt(expires_at.as_unix())))
        .set(dsl::expires_at.eq(expires_at.as_unix()))
        .execute(conn)?;
    Ok(())
}

/// Removes one secret of a client. False when it is gone already.
pub fn delete(conn: &mut DbConnection, client_id: &str, id: &str) -> Result<bool, StorageError> {
    let row = dsl::client_secrets.filter(dsl::client_id.eq(client_id)).filter(dsl::id.eq(id));
    Ok(diesel::delete(row).execute(conn)? == 1)
}
