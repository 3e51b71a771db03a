//! Removes what has expired, in small batches so that nobody waits.
//!
//! Nothing depends on it: every query asks for the time itself.

use super::schema::{
    authorizations, deferred_requests, initial_access_tokens, issued_tokens, outbox,
    pushed_requests, refresh_tokens, revocations, seen_jtis, sessions,
};
use super::{DbConnection, StorageError};
use crate::protocol::time::{Lifetime, Timestamp};
use diesel::prelude::*;

/// The most rows of one table that one batch removes.
const BATCH: i64 = 500;
/// How long expired rows are kept, for those whose clock is a little behind.
const GRACE: Lifetime = Lifetime::minutes(5);

/// Deletes the first batch of rows of a table whose `expires_at` has passed.
macro_rules! sweep {
    ($conn:expr, $before:expr, $table:ident . $key:ident: $type:ty) => {
        sweep!($conn, $before, $table, $table::$key, $type)
    };
    ($conn:expr, $before:expr, $table:ident . ($($key:ident),+): $type:ty) => {
        sweep!($conn, $before, $table, ($($table::$key),+), $type)
    };
    ($conn:expr, $before:expr, $table:ident, $key:expr, $type:ty) => {{
        let keys: Vec<$type> = $table::table
            .filter($table::expires_at.lt($before))
            .select($key)
            .limit(BATCH)
            .load($conn)?;
        for key in &keys {
            diesel::delete($table::table.find(key.clone())).execute($conn)?;
        }
        keys.len()
    }};
}

/// Removes a batch of what has expired. Returns how many rows went.
pub fn delete_expired(conn: &mut DbConnection, now: Timestamp) -> Result<usize, StorageError> {
    let before = (now - GRACE).as_unix();
    Ok(sweep_authorizations(conn, before)?
        + sweep!(conn, before, refresh_tokens.token_hash: String)
        + sweep!(conn, before, issued_tokens.(expires_at, jti): (i64, String))
        + sweep!(conn, before, sessions.id_hash: String)
        + sweep!(conn, before, seen_jtis.hash: String)
        + sweep!(conn, before, pushed_requests.uri_hash: String)
        + sweep!(conn, before, outbox.id: String)
        + sweep!(conn, before, deferred_requests.code_hash: String)
        + sweep!(conn, before, initial_access_tokens.id: String)
        + sweep_revocations(conn, before)?)
}

/// Ends for good what has expired and was not removed yet, so that a clock that goes back revives
/// nothing that can be used once or begins something. What is remembered so that it is refused stays.
pub fn end_expired(conn: &mut DbConnection, now: Timestamp) -> Result<(), StorageError> {
    let now = now.as_unix();
    macro_rules! end {
        ($table:ident . $column:ident) => {
            let expired = $table::table.filter($table::$column.le(now));
            diesel::update(expired).set($table::$column.eq(0)).execute(conn)?;
        };
    }
    end!(authorizations.code_expires_at);
    end!(refresh_tokens.expires_at);
    end!(sessions.expires_at);
    end!(pushed_requests.usable_until);
    end!(deferred_requests.usable_until);
    end!(initial_access_tokens.expires_at);
    Ok(())
}

/// Ends what was under way and works once, in a copy of a database that came back: it may have been used
/// since the copy was made.
pub fn end_open(conn: &mut DbConnection) -> Result<(), StorageError> {
    let codes = authorizations::table.filter(authorizations::redeemed_at.is_null());
    diesel::update(codes.filter(authorizations::code_hash.is_not_null()))
        .set(authorizations::code_expires_at.eq(0))
        .execute(conn)?;
    diesel::update(pushed_requests::table)
        .set(pushed_requests::usable_until.eq(0))
        .execute(conn)?;
    diesel::update(deferred_requests::table)
        .set(deferred_requests::usable_until.eq(0))
        .execute(conn)?;
    Ok(())
}

/// Removes authorizations, and notes which clients live sessions let in by them.
fn sweep_authorizations(conn: &mut DbConnection, before: i64) -> Result<usize, StorageError> {
    let going: Vec<String> = authorizations::table
        .filter(authorizations::expires_at.lt(before))
        .select(authorizations::id)
        .limit(BATCH)
        .load(conn)?;
    super::session_clients::keep(conn, &going)?;
    for id in &going {
        diesel::delete(authorizations::table.find(id)).execute(conn)?;
    }
    Ok(going.len())
}

/// Removes entries that no token needs, but for the last one: its number is where the list stands,
/// and numbers that seem to go back would be taken for an old copy of the database.
fn sweep_revocations(conn: &mut DbConnection, before: i64) -> Result<usize, StorageError> {
    let last = super::revocations::head(conn)?;
    let old = revocations::table
        .filter(revocations::expires_at.lt(before))
        .filter(revocations::seq.lt(last))
        .select(revocations::seq)
        .limit(BATCH)
        .load::<i64>(conn)?;
    for seq in &old {
        diesel::delete(revocations::table.find(seq)).execute(conn)?;
    }
    Ok(old.len())
}
