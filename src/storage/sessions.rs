//! Browser sessions at rest. The cookie's value is never stored, only its SHA-256.

use super::schema::sessions::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::{Lifetime, Timestamp};
use diesel::prelude::*;

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct Session {
    pub id_hash: String,
    /// The public name of the session in tokens (`sid`).
    pub sid: String,
    pub user_id: String,
    /// Unix seconds of the real authentication.
    pub auth_time: i64,
    /// Authentication methods (RFC 8176), separated by spaces.
    pub amr: String,
    /// The level reached.
    pub acr: String,
    pub remember: bool,
    pub created_at: i64,
    pub last_seen_at: i64,
    /// Unix seconds after which the session is over whatever happens.
    pub expires_at: i64,
    pub ended_at: Option<i64>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// Inserts a session.
pub fn insert(conn: &mut DbConnection, session: &Session) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(session.clone()).execute(conn)?;
    Ok(())
}

/// Finds a session that has neither ended nor expired.
pub fn find_live(
    conn: &mut DbConnection,
    id_hash: &str,
    now: Timestamp,
) -> Result<Option<Session>, StorageError> {
    let found = on!(conn, |c| dsl::sessions
        .find(id_hash)
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select(Session::as_select())
        .get_result(c)
        .optional());
    Ok(found?)
}

/// Whether the session with this `sid` has neither ended nor expired, and was not idle for too long.
pub fn is_live(
    conn: &mut DbConnection,
    sid: &str,
    now: Timestamp,
    idle: Lifetime,
) -> Result<bool, StorageError> {
    let row = dsl::sessions
        .filter(dsl::sid.eq(sid))
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.gt(now.as_unix()))
        .filter(dsl::remember.eq(true).or(dsl::last_seen_at.gt((now - idle).as_unix())));
    Ok(on!(conn, |c| diesel::select(diesel::dsl::exists(row)).get_result(c))?)
}

/// As [`is_live`], and it stays so until the transaction ends: whoever ends the session waits, and
/// then sees what came of it.
pub fn hold_live(conn: &mut DbConnection, sid: &str, now: Timestamp) -> Result<bool, StorageError> {
    let row = dsl::sessions
        .filter(dsl::sid.eq(sid))
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.gt(now.as_unix()))
        .select(dsl::sid);
    let found: Option<String> = match conn {
        DbConnection::Postgres(conn) => row.for_share().get_result(conn).optional()?,
        // There is one writer at a time.
        DbConnection::Sqlite(conn) => row.get_result(conn).optional()?,
    };
    Ok(found.is_some())
}

/// Puts a new cookie and a new authentication into a session, which keeps its `sid`.
pub fn renew(conn: &mut DbConnection, session: &Session) -> Result<(), StorageError> {
    diesel::update(dsl::sessions.filter(dsl::sid.eq(&session.sid)))
        .set((
            dsl::id_hash.eq(&session.id_hash),
            dsl::auth_time.eq(session.auth_time),
            dsl::amr.eq(&session.amr),
            dsl::acr.eq(&session.acr),
            dsl::remember.eq(session.remember),
            dsl::last_seen_at.eq(session.last_seen_at),
            dsl::expires_at.eq(session.expires_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Remembers that the browser was here.
pub fn touch(conn: &mut DbConnection, id_hash: &str, now: Timestamp) -> Result<(), StorageError> {
    diesel::update(dsl::sessions.find(id_hash))
        .set(dsl::last_seen_at.eq(now.as_unix()))
        .execute(conn)?;
    Ok(())
}

/// Ends one session of a user. True when it was live.
pub fn end(
    conn: &mut DbConnection,
    user_id: &str,
    sid: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let ended = diesel::update(dsl::sessions.filter(dsl::sid.eq(sid)))
        .filter(dsl::user_id.eq(user_id))
        .filter(dsl::ended_at.is_null())
        .set(dsl::ended_at.eq(now.as_unix()))
        .execute(conn)?;
    Ok(ended == 1)
}

/// Ends every session that is live. Says how many.
pub fn end_all(conn: &mut DbConnection, now: Timestamp) -> Result<usize, StorageError> {
    let live = dsl::sessions.filter(dsl::ended_at.is_null());
    Ok(diesel::update(live.filter(dsl::expires_at.gt(now.as_unix())))
        .set(dsl::ended_at.eq(now.as_unix()))
        .execute(conn)?)
}

/// The sessions of a user that have neither ended nor expired, the latest first.
pub fn list_live_of_user(
    conn: &mut DbConnection,
    user_id: &str,
    now: Timestamp,
) -> Result<Vec<Session>, StorageError> {
    Ok(dsl::sessions
        .filter(dsl::user_id.eq(user_id))
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.gt(now.as_unix()))
        .order(dsl::last_seen_at.desc())
        .select(Session::as_select())
        .load(conn)?)
}

/// How many sessions are live.
pub fn count_live(conn: &mut DbConnection, now: Timestamp) -> Result<i64, StorageError> {
    Ok(dsl::sessions
        .filter(dsl::ended_at.is_null())
        .filter(dsl::expires_at.gt(now.as_unix()))
        .count()
        .get_result(conn)?)
}
