//! Messages to clients at rest: each is there until it has arrived or was given up, and a while
//! longer for whoever looks what became of it.
//!
//! A worker takes a message by moving its `due_at` forward in a guarded `UPDATE`. That value is its
//! lease: until then nobody else takes the message, and only who knows the value writes the result.

use super::schema::outbox::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// A message and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct Message {
    pub id: String,
    pub kind: String,
    pub client_id: String,
    /// What the kind needs to make the message, as JSON; secrets in it are sealed.
    pub payload: String,
    /// Unix seconds, as all times here.
    pub created_at: i64,
    /// When it may be tried next; none when nothing more is tried.
    pub due_at: Option<i64>,
    pub attempts: i32,
    pub delivered: bool,
    pub problem: Option<String>,
    pub tried_at: Option<i64>,
    pub expires_at: i64,
}

/// Inserts a message, unless one with its id is there: then its cause was told before.
pub fn insert(conn: &mut DbConnection, message: &Message) -> Result<(), StorageError> {
    on!(conn, |c| diesel::insert_into(table::table)
        .values(message)
        .on_conflict(dsl::id)
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Makes a message due that nobody has tried yet.
pub fn hasten(conn: &mut DbConnection, id: &str, now: Timestamp) -> Result<(), StorageError> {
    diesel::update(dsl::outbox.find(id))
        .filter(dsl::attempts.eq(0))
        .filter(dsl::due_at.gt(now.as_unix()))
        .set(dsl::due_at.eq(now.as_unix()))
        .execute(conn)?;
    Ok(())
}

/// Messages that may be tried, the longest due first, but for those to clients in `without`.
pub fn list_due(
    conn: &mut DbConnection,
    now: Timestamp,
    without: &[String],
    limit: i64,
) -> Result<Vec<Message>, StorageError> {
    let due = on!(conn, |c| dsl::outbox
        .filter(dsl::due_at.le(now.as_unix()))
        .filter(dsl::client_id.ne_all(without))
        .order((dsl::due_at.asc(), dsl::id.asc()))
        .limit(limit)
        .select(Message::as_select())
        .load(c));
    Ok(due?)
}

/// Takes a message until `lease`. True for one of all who try.
pub fn take(
    conn: &mut DbConnection,
    message: &Message,
    lease: Timestamp,
) -> Result<bool, StorageError> {
    let Some(due_at) = message.due_at else { return Ok(false) };
    let taken = diesel::update(dsl::outbox.find(&message.id))
        .filter(dsl::due_at.eq(due_at))
        .set((dsl::due_at.eq(lease.as_unix()), dsl::attempts.eq(message.attempts + 1)))
        .execute(conn)?;
    Ok(taken == 1)
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true)]
pub struct Attempt {
    pub delivered: bool,
    pub problem: Option<String>,
    pub tried_at: Option<i64>,
    /// When it is tried again.
    pub due_at: Option<i64>,
    pub expires_at: i64,
}

/// Writes what came of an attempt. False when the lease was over and somebody else has the message.
pub fn finish(
    conn: &mut DbConnection,
    id: &str,
    lease: Timestamp,
    attempt: &Attempt,
) -> Result<bool, StorageError> {
    let written = diesel::update(dsl::outbox.find(id))
        .filter(dsl::due_at.eq(lease.as_unix()))
        .set(attempt.clone())
        .execute(conn)?;
    Ok(written == 1)
}

/// The latest messages to a client.
pub fn list_of_client(
    conn: &mut DbConnection,
    client_id: &str,
    limit: i64,
) -> Result<Vec<Message>, StorageError> {
    Ok(dsl::outbox
        .filter(dsl::client_id.eq(client_id))
        .order((dsl::created_at.desc(), dsl::id.asc()))
        .limit(limit)
        .select(Message::as_select())
        .load(conn)?)
}
