//! The connections that requests share, and the pause when there are none to be had.

use super::connect::{DatabaseUrl, connect};
use super::{DbConnection, StorageError};
use diesel::connection::SimpleConnection;
use diesel::r2d2::{self, ManageConnection, R2D2Connection};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long after a failure to connect the next try is, at first and at most.
const CONNECT_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Makes connections for the pool.
pub struct Manager {
    url: DatabaseUrl,
    gate: Mutex<Gate>,
}

/// Keeps the pool, which wants all its connections at once, from storming a server that refuses them.
#[derive(Default)]
struct Gate {
    /// How many tries in a row have failed.
    failures: u32,
    /// When the next try is.
    closed_until: Option<Instant>,
}

impl Gate {
    /// Whether to try now. After a failure one does, and the others wait for what becomes of it.
    fn pass(&mut self, now: Instant) -> bool {
        if self.failures == 0 {
            return true;
        }
        let is_open = self.closed_until.is_none_or(|until| until <= now);
        if is_open {
            let pause = CONNECT_PAUSE.0 * 2_u32.pow(self.failures.min(4));
            self.closed_until = Some(now + pause.min(CONNECT_PAUSE.1));
        }
        is_open
    }

    fn note(&mut self, succeeded: bool) {
        self.failures = if succeeded { 0 } else { self.failures.saturating_add(1) };
    }
}

/// A connection that remembers whether it failed: the library does not notice that the server behind
/// a connection has gone, and would give it out again and again.
pub struct Pooled {
    conn: DbConnection,
    failed: bool,
}

impl Pooled {
    /// Runs work on the connection, and remembers when the database failed.
    pub fn run<T>(
        &mut self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let outcome = work(&mut self.conn);
        let is_about_the_database =
            matches!(outcome, Err(StorageError::Unavailable(_) | StorageError::Query(_)));
        self.failed |= is_about_the_database;
        outcome
    }
}

impl Manager {
    /// Connections to this database.
    pub fn new(url: DatabaseUrl) -> Self {
        Self { url, gate: Mutex::default() }
    }
}

impl ManageConnection for Manager {
    type Connection = Pooled;
    type Error = StorageError;

    fn connect(&self) -> Result<Pooled, StorageError> {
        let gate = || self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        if !gate().pass(Instant::now()) {
            return Err(StorageError::Unavailable(Box::new(NotYet)));
        }
        let made = connect(&self.url);
        gate().note(made.is_ok());
        let mut conn = made?;
        if let DbConnection::Sqlite(conn) = &mut conn {
            conn.batch_execute("PRAGMA query_only=ON")?;
        }
        Ok(Pooled { conn, failed: false })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), StorageError> {
        Ok(pooled.conn.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.failed || std::thread::panicking() || on!(&mut pooled.conn, |c| c.is_broken())
    }
}

/// The last try to connect has failed just now.
#[derive(Debug, thiserror::Error)]
#[error("the database could not be reached a moment ago")]
struct NotYet;

/// A database that is away is one line a try, not a stack of causes.
#[derive(Debug)]
pub struct LogPoolErrors;

impl r2d2::HandleError<StorageError> for LogPoolErrors {
    fn handle_error(&self, error: StorageError) {
        match &error {
            StorageError::Unavailable(cause) if cause.is::<NotYet>() => {}
            _ => tracing::warn!(%error, "no connection to the database"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_06_after_a_failure_one_tries_and_the_others_wait() {
        let (mut gate, start) = (Gate::default(), Instant::now());
        assert!(gate.pass(start) && gate.pass(start));
        gate.note(false);
        assert!(gate.pass(start));
        assert!(!gate.pass(start));
        let mut tries = 0;
        for millisecond in 1..10_000 {
            if gate.pass(start + Duration::from_millis(millisecond)) {
                gate.note(false);
                tries += 1;
            }
        }
        assert!((15..30).contains(&tries), "{tries}");
        gate.note(true);
        assert!(gate.pass(start) && gate.pass(start));
    }
}
