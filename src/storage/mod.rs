//! The database: SQLite inside the process, or PostgreSQL beside it.
//!
//! Every repository is a file of plain functions that take `&mut DbConnection` and return plain
//! types; rows never leave their file. Callers reach them through [`Db`]:
//!
//! ```ignore
//! let client = db.read(move |conn| clients::find(conn, &client_id)).await?;
//! ```
//!
//! # One dialect
//!
//! [`DbConnection`] understands what both databases share; where it cannot say a thing
//! (`ON CONFLICT`), the `on!` macro compiles the same query for each. What every token needs goes
//! through `on!` too: then the prepared statement is found by the type of the query, and its text
//! is not built again. "Exactly once" is a guarded `UPDATE` whose row count names the winner, never
//! a read followed by a write.

/// Runs one query text on whichever database the connection is to.
macro_rules! on {
    ($conn:expr, |$c:ident| $query:expr) => {
        match $conn {
            $crate::storage::DbConnection::Sqlite($c) => $query,
            $crate::storage::DbConnection::Postgres($c) => $query,
        }
    };
}

/// The rows of a table that has `created_at` and `id` in the order of creation, after a place in that
/// order; equal times are told apart by the id.
macro_rules! in_order {
    ($rows:expr, $table:ident, $after:expr, $limit:expr) => {{
        let mut rows = $rows;
        if let Some((created_at, id)) = $after {
            let created_at = created_at.as_unix();
            let same_time = $table::created_at.eq(created_at).and($table::id.gt(id));
            rows = rows.filter($table::created_at.gt(created_at).or(same_time));
        }
        rows.order(($table::created_at.asc(), $table::id.asc())).limit($limit.clamp(1, 1000))
    }};
}

pub mod audit;
pub mod audit_seals;
pub mod authorization_codes;
pub mod authorizations;
pub mod backup;
pub mod client_secrets;
pub mod clients;
pub mod clock;
pub mod condition;
mod connect;
pub mod consents;
pub mod deferred_requests;
pub mod housekeeping;
pub mod initial_access_tokens;
pub mod issued_tokens;
pub mod linked_accounts;
pub mod look;
pub mod outbox;
pub mod pairwise_subjects;
mod pattern;
mod pool;
mod postgres;
pub mod pushed_requests;
pub mod refresh_tokens;
pub mod registrations;
pub mod resources;
pub mod restore;
pub mod revocations;
mod schema;
pub mod seen_jtis;
pub mod session_clients;
pub mod sessions;
pub mod settings;
pub mod signing_keys;
pub mod trusted_issuers;
pub mod upstream_sessions;
pub mod upstreams;
pub mod users;
mod writer;

pub use connect::{DatabaseUrl, Db};

use diesel::prelude::*;

/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Something the database did, said without naming the database.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A unique value is taken.
    #[error("a value that must be unique is taken")]
    Conflict,
    /// No connection was free in time, or the database is locked, restarting or full.
    #[error("the database is busy or out of reach")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("query failed")]
    Query(#[source] diesel::result::Error),
    #[error("a stored value cannot be read: {0}")]
    Corrupt(&'static str),
    #[error("migration failed: {0}")]
    Migration(Box<dyn std::error::Error + Send + Sync>),
    /// The URL cannot be used as it is, and why; never a part of it.
    #[error("database_url {0}")]
    Url(&'static str),
    #[error("the database thread ended early")]
    Interrupted,
    /// Whoever acts was blocked, signed out or demoted meanwhile.
    #[error("whoever acts may not do so any more")]
    Refused,
}

impl From<diesel::result::Error> for StorageError {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error};
        match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Conflict,
            Error::DatabaseError(
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ReadOnlyTransaction,
                _,
            )
            | Error::BrokenTransactionManager => Self::Unavailable(Box::new(error)),
            Error::DatabaseError(DatabaseErrorKind::Unknown, ref info)
                if is_passing(info.message()) =>
            {
                Self::Unavailable(Box::new(error))
            }
            other => Self::Query(other),
        }
    }
}

/// Faults that end without anyone changing the program: the kinds diesel has no name for.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 20] = [
        "no connection to the server",
        "connection to server",
        "deadlock detected",
        "database is locked",
        "database or disk is full",
        "disk I/O error",
        "attempt to write a readonly database",
        "unable to open database file",
        "statement timeout",
        "lock timeout",
        // Looked at when a transaction ends: another one was quicker.
        "violates exclusion constraint",
        "terminating connection",
        "the database system is",
        "server closed the connection",
        "could not receive data from server",
        "could not send data to server",
        "connection has been closed unexpectedly",
        "No space left on device",
        "database disk image is malformed",
        "file is not a database",
    ];
    PASSING.iter().any(|fault| message.contains(fault))
}
