//! The clients that a session let in: each has an authorization of it, and is noted here before that
//! goes, so that they can be told when the session ends. The rows go with the session.

use super::schema::{authorizations, session_clients, sessions};
use super::{DbConnection, StorageError};
use diesel::prelude::*;

/// An authorization that somebody refused was never one: nothing took it back.
macro_rules! was_given {
    () => {
        authorizations::revoked_at.is_null().or(authorizations::revoked_by.is_not_null())
    };
}

/// The clients of a session, also of one that has ended.
pub fn list(
    conn: &mut DbConnection,
    user_id: &str,
    sid: &str,
) -> Result<Vec<String>, StorageError> {
    let mut found: Vec<String> = session_clients::table
        .filter(session_clients::sid.eq(sid))
        .select(session_clients::client_id)
        .load(conn)?;
    let given: Vec<String> = authorizations::table
        .filter(authorizations::user_id.eq(user_id))
        .filter(authorizations::sid.eq(sid))
        .filter(was_given!())
        .select(authorizations::client_id)
        .distinct()
        .load(conn)?;
    found.extend(given);
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Notes the clients of live sessions among authorizations that are about to go.
pub(super) fn keep(conn: &mut DbConnection, going: &[String]) -> Result<(), StorageError> {
    on!(conn, |c| diesel::insert_into(session_clients::table)
        .values(
            sessions::table
                .inner_join(
                    authorizations::table.on(authorizations::sid.eq(sessions::sid.nullable())),
                )
                .filter(authorizations::id.eq_any(going))
                .filter(sessions::ended_at.is_null())
                .filter(was_given!())
                .select((sessions::sid, authorizations::client_id))
                .distinct(),
        )
        .into_columns((session_clients::sid, session_clients::client_id))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}
