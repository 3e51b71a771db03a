//! Sessions that began at another provider, by what that provider calls them.

use super::schema::upstream_sessions::{self as table, dsl};
use super::{DbConnection, StorageError};
use diesel::prelude::*;

/// A session here and the one there.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct UpstreamSession {
    pub sid: String,
    pub user_id: String,
    pub issuer: String,
    pub subject: String,
    /// `sid` of the ID token there, when it had one.
    pub upstream_sid: Option<String>,
}

/// Notes where a session began; a newer sign-in in the same session takes the place of the older.
pub fn put(conn: &mut DbConnection, new: &UpstreamSession) -> Result<(), StorageError> {
    delete(conn, &new.sid)?;
    diesel::insert_into(table::table).values(new.clone()).execute(conn)?;
    Ok(())
}

/// Forgets where a session began.
pub fn delete(conn: &mut DbConnection, sid: &str) -> Result<(), StorageError> {
    diesel::delete(dsl::upstream_sessions.find(sid)).execute(conn)?;
    Ok(())
}

/// The sessions that a provider means: of one session there, or all of a person there.
pub fn list(
    conn: &mut DbConnection,
    issuer: &str,
    subject: Option<&str>,
    upstream_sid: Option<&str>,
) -> Result<Vec<UpstreamSession>, StorageError> {
    let mut rows = dsl::upstream_sessions
        .filter(dsl::issuer.eq(issuer))
        .select(UpstreamSession::as_select())
        .into_boxed();
    if let Some(subject) = subject {
        rows = rows.filter(dsl::subject.eq(subject));
    }
    if let Some(upstream_sid) = upstream_sid {
        rows = rows.filter(dsl::upstream_sid.eq(upstream_sid));
    }
    Ok(rows.load(conn)?)
}
