//! Our own keys at rest; the private half only sealed under the master key.

use super::schema::signing_keys::{self as table, dsl};
use super::{DbConnection, StorageError, settings};
use diesel::prelude::*;

/// A key of ours.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct StoredKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    pub algorithm: String,
    /// `sig` or `enc` (RFC 7517 §4.2).
    pub purpose: String,
    pub public_jwk: String,
    pub sealed_private: String,
    /// `next`, `active`, `retiring` or `retired`.
    pub state: String,
    pub created_at: i64,
    /// Unix seconds from which it may be used: everyone has seen it in the JWKS by then.
    pub activate_at: i64,
    pub activated_at: Option<i64>,
    pub retiring_at: Option<i64>,
    /// Unix seconds after which nothing signed with it is alive.
    pub retire_at: Option<i64>,
}

/// The row at which all wait who change keys. Older releases wait at it when they make the first ones.
const LOCK: &str = "first_keys";

/// Lets one at a time change keys, on all instances: the others wait here until its transaction ends,
/// and see then what it did.
pub fn lock(conn: &mut DbConnection) -> Result<(), StorageError> {
    settings::set(conn, LOCK, "")
}

/// Inserts a key. `Conflict` when it is a second `next` one of its algorithm.
pub fn insert(conn: &mut DbConnection, key: &StoredKey) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(key.clone()).execute(conn)?;
    Ok(())
}

/// All keys that are not retired, the oldest first.
pub fn list_live(conn: &mut DbConnection) -> Result<Vec<StoredKey>, StorageError> {
    Ok(dsl::signing_keys
        .filter(dsl::state.ne("retired"))
        .order((dsl::created_at, dsl::kid))
        .select(StoredKey::as_select())
        .load(conn)?)
}

/// All keys, the newest first.
pub fn list(conn: &mut DbConnection) -> Result<Vec<StoredKey>, StorageError> {
    Ok(dsl::signing_keys
        .order((dsl::created_at.desc(), dsl::kid))
        .select(StoredKey::as_select())
        .load(conn)?)
}

/// Moves a key from one state to the next. True for exactly one caller.
pub fn change_state(
    conn: &mut DbConnection,
    from: &str,
    key: &StoredKey,
) -> Result<bool, StorageError> {
    let changed = diesel::update(dsl::signing_keys.find(&key.kid))
        .filter(dsl::state.eq(from))
        .set((
            dsl::state.eq(&key.state),
            dsl::activated_at.eq(key.activated_at),
            dsl::retiring_at.eq(key.retiring_at),
            dsl::retire_at.eq(key.retire_at),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Ends a key, whatever state it is in. True for exactly one caller.
pub fn retire(conn: &mut DbConnection, kid: &str, at: i64) -> Result<bool, StorageError> {
    let ended = diesel::update(dsl::signing_keys.find(kid))
        .filter(dsl::state.ne("retired"))
        .set((dsl::state.eq("retired"), dsl::retire_at.eq(at)))
        .execute(conn)?;
    Ok(ended == 1)
}
