//! The clock of the database, for those who compare theirs with it.

use super::schema::audit::dsl;
use super::{DbConnection, StorageError};
use crate::protocol::time::{Timestamp, uptime};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use std::time::Duration;

/// An answer that took longer says too little.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the clock of the database showed.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Milliseconds since 1970.
    pub shown: i64,
    /// When, as [`uptime`].
    pub at: Duration,
    pub give_or_take: Duration,
}

/// What the clock of the database shows; none when it has no clock of its own, or was too slow to tell.
pub fn read(conn: &mut DbConnection) -> Result<Option<Reading>, StorageError> {
    let DbConnection::Postgres(conn) = conn else { return Ok(None) };
    let asked = uptime();
    let now = sql::<BigInt>("(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
    let shown = diesel::select(now).get_result(conn)?;
    let took = uptime().saturating_sub(asked);
    let half = took / 2;
    Ok((took <= PATIENCE).then(|| Reading { shown, at: asked + half, give_or_take: half }))
}

/// Whether the database has a clock that is not that of this process.
pub const fn has_clock(conn: &DbConnection) -> bool {
    matches!(conn, DbConnection::Postgres(_))
}

/// When something was last written down; none in a new database.
pub fn last_known(conn: &mut DbConnection) -> Result<Option<Timestamp>, StorageError> {
    let last = dsl::audit.order(dsl::seq.desc()).select(dsl::at).first::<i64>(conn).optional()?;
    Ok(last.map(Timestamp::from_unix))
}
