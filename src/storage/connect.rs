//! Opening the database, and the two ways to use it: [`Db::read`] and [`Db::write`].

use super::condition::Writable;
use super::pool::{LogPoolErrors, Manager};
use super::writer::{MAX_BATCH, Undo, Writer};
use super::{DbConnection, StorageError, postgres};
use crate::failpoint;
use crate::protocol::connection_url;
use diesel::connection::{
    AnsiTransactionManager, InstrumentationEvent, SimpleConnection, TransactionManager,
};
use diesel::prelude::*;
use diesel::r2d2::{self, Pool};
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub(super) const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
pub(super) const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// How long a request waits for a connection before it is told to come back.
const POOL_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a request waits for PostgreSQL to do its work. The server ends statements that take too
/// long; this is for a server that says nothing any more.
const POSTGRES_DEADLINE: Duration = Duration::from_secs(3);
/// The read connections of SQLite: reads are short, and more than this only queue on the cores.
const SQLITE_READERS: u32 = 8;
/// The connections to PostgreSQL, for reads and writes together.
const POSTGRES_CONNECTIONS: u32 = 16;

/// Where the data is: `sqlite://PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The path of the database file.
    Sqlite(String),
    /// The connection URL as libpq reads it.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = StorageError;

    fn from_str(text: &str) -> Result<Self, StorageError> {
        match text.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.to_owned())),
            Some(("postgres" | "postgresql", _)) => match connection_url::postgres_problem(text) {
                None => Ok(Self::Postgres(text.to_owned())),
                Some(problem) => Err(StorageError::Url(problem)),
            },
            _ => Err(StorageError::Url("is not of the form sqlite://PATH or postgres://…")),
        }
    }
}

/// The URL can hold a password, so only its kind is shown.
impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{path}"),
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

/// The database, shared by everything that uses it. Clones are cheap.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Manager>,
    /// SQLite has one writer; PostgreSQL writes through the pool.
    writer: Option<Arc<Writer>>,
    writable: Arc<Writable>,
    /// Where SQLite has its file.
    path: Option<Arc<Path>>,
}

impl Db {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached or a migration fails.
    pub fn open(url: &DatabaseUrl) -> Result<Self, StorageError> {
        Self::open_with_batch(url, MAX_BATCH)
    }

    /// As [`Db::open`], with at most `max_batch` writes in one commit of SQLite: the benchmark of
    /// the writer sets it to 1.
    ///
    /// # Errors
    ///
    /// Those of [`Db::open`].
    pub fn open_with_batch(url: &DatabaseUrl, max_batch: usize) -> Result<Self, StorageError> {
        let mut first = connect(url)?;
        migrate(&mut first)?;
        let writable = Arc::<Writable>::default();
        let (writer, path, size) = match url {
            DatabaseUrl::Sqlite(path) => {
                let file = Arc::<Path>::from(Path::new(path));
                let writer = Writer::start(first, file.clone(), max_batch, writable.clone());
                (Some(Arc::new(writer)), Some(file), SQLITE_READERS)
            }
            DatabaseUrl::Postgres(_) => (None, None, POSTGRES_CONNECTIONS),
        };
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .connection_timeout(POOL_TIMEOUT)
            .test_on_check_out(false)
            .error_handler(Box::new(LogPoolErrors))
            .build(Manager::new(url.clone()))
            .map_err(|error| StorageError::Unavailable(Box::new(error)))?;
        Ok(Self { pool, writer, writable, path })
    }

    /// Whether the last write was refused because nothing can be written.
    pub fn refuses_writes(&self) -> bool {
        self.writable.is_refused()
    }

    /// The file of SQLite.
    pub fn path(&self) -> Option<Arc<Path>> {
        self.path.clone()
    }

    /// Runs queries that only read, on a thread that may block.
    ///
    /// # Errors
    ///
    /// Those of `work`, and `Unavailable` when no connection is free in time.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, StorageError> + Send + 'static,
    {
        let pool = self.pool.clone();
        self.aside(move || checkout(&pool)?.run(work)).await
    }

    /// As [`Db::read`], for a handful of rows by their keys. On SQLite such a read takes less time
    /// than handing it to another thread would, so it runs where it is asked for.
    ///
    /// # Errors
    ///
    /// Those of [`Db::read`].
    pub async fn read_by_key<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, StorageError> + Send + 'static,
    {
        match self.writer {
            Some(_) => checkout(&self.pool)?.run(work),
            None => self.read(work).await,
        }
    }

    /// Runs `work` in one transaction: all of it happens, or none of it. Returns after the commit.
    ///
    /// # Errors
    ///
    /// Those of `work` and of the commit; then nothing of `work` has happened.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, StorageError> + Send + 'static,
    {
        if let Some(writer) = &self.writer {
            return writer.write(work, Undo::Alone).await;
        }
        self.write_pooled(work).await
    }

    /// As [`Db::write`], for work that fails only when the database does. On SQLite it costs less,
    /// because it cannot be undone alone: when it fails, so does all that shares its commit.
    ///
    /// # Errors
    ///
    /// Those of [`Db::write`].
    pub async fn write_in_batch<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, StorageError> + Send + 'static,
    {
        if let Some(writer) = &self.writer {
            return writer.write(work, Undo::WithBatch).await;
        }
        self.write_pooled(work).await
    }

    async fn write_pooled<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, StorageError> + Send + 'static,
    {
        let (pool, writable) = (self.pool.clone(), self.writable.clone());
        self.aside(move || {
            let done = checkout(&pool)?.run(|conn| transaction(conn, work));
            writable.note(&done);
            done
        })
        .await
    }

    /// Runs work on a thread that may block. Whoever waits for PostgreSQL gives up after a while; the
    /// thread goes on, and its connection is not used again when it fails.
    async fn aside<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, StorageError> + Send + 'static,
    {
        let done = tokio::task::spawn_blocking(work);
        let done = match self.writer {
            Some(_) => done.await,
            None => tokio::time::timeout(POSTGRES_DEADLINE, done).await.map_err(late)?,
        };
        done.map_err(|_| StorageError::Interrupted)?
    }
}

fn late(_: tokio::time::error::Elapsed) -> StorageError {
    StorageError::Unavailable("the database does not answer".into())
}

fn checkout(pool: &Pool<Manager>) -> Result<r2d2::PooledConnection<Manager>, StorageError> {
    pool.get().map_err(|error| StorageError::Unavailable(Box::new(error)))
}

/// Runs work in one transaction of this connection.
pub(super) fn transaction<T>(
    conn: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    type Transactions = <DbConnection as Connection>::TransactionManager;

    Transactions::begin_transaction(conn)?;
    match work(conn) {
        Ok(value) => {
            Transactions::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => {
            Transactions::rollback_transaction(conn)?;
            Err(error)
        }
    }
}

/// Opens one connection with the settings every connection has.
///
/// # Errors
///
/// When the database is out of reach.
pub fn connect(url: &DatabaseUrl) -> Result<DbConnection, StorageError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            make_private(path)?;
            let unavailable = |error: ConnectionError| StorageError::Unavailable(Box::new(error));
            let mut conn = SqliteConnection::establish(path).map_err(unavailable)?;
            // synchronous=FULL: what was answered is on disk. A checkpoint copies a page once however
            // often it was written since the last one, so they are not too frequent.
            conn.batch_execute(
                "PRAGMA busy_timeout=2000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; \
                 PRAGMA wal_autocheckpoint=4000; PRAGMA foreign_keys=ON; \
                 PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4000;",
            )?;
            Ok(DbConnection::Sqlite(conn))
        }
        DatabaseUrl::Postgres(url) => {
            let mut conn = postgres::establish(url)?;
            conn.batch_execute(
                "SET statement_timeout='2s'; SET lock_timeout='2s'; \
                 SET idle_in_transaction_session_timeout='10s'; \
                 SELECT set_config('synchronous_commit', 'on', false) \
                 WHERE current_setting('synchronous_commit') <> 'remote_apply'",
            )?;
            Ok(DbConnection::Postgres(conn))
        }
    }
}

/// A new database is for its owner alone; SQLite gives the files beside it the same mode.
fn make_private(path: &str) -> Result<(), StorageError> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match file {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StorageError::Unavailable(Box::new(error)))
        }
        _ => Ok(()),
    }
}

/// Applies the migrations that are missing. Instances that start together take turns.
fn migrate(conn: &mut DbConnection) -> Result<(), StorageError> {
    match conn {
        DbConnection::Sqlite(conn) => {
            // The lock keeps a second process from reading the list of migrations half-way.
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?;
            conn.set_instrumentation(each_statement);
            let migrated = conn.run_pending_migrations(SQLITE).map(drop);
            conn.set_instrumentation(None::<fn(InstrumentationEvent<'_>)>);
            finish_migration(conn, migrated)
        }
        DbConnection::Postgres(conn) => {
            conn.batch_execute("SET statement_timeout=0; SET lock_timeout=0")?;
            AnsiTransactionManager::begin_transaction(conn)?;
            conn.batch_execute("SELECT pg_advisory_xact_lock(7305519482)")?;
            conn.set_instrumentation(each_statement);
            let migrated = conn.run_pending_migrations(POSTGRES).map(drop);
            conn.set_instrumentation(None::<fn(InstrumentationEvent<'_>)>);
            finish_migration(conn, migrated)
        }
    }
}

fn each_statement(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { .. } = event {
        failpoint::reach("migrating");
    }
}

fn finish_migration<C>(
    conn: &mut C,
    migrated: Result<(), Box<dyn std::error::Error + Send + Sync>>,
) -> Result<(), StorageError>
where
    C: Connection<TransactionManager = AnsiTransactionManager>,
{
    match migrated {
        Ok(()) => {
            failpoint::reach("before_migrated");
            Ok(AnsiTransactionManager::commit_transaction(conn)?)
        }
        Err(error) => {
            AnsiTransactionManager::rollback_transaction(conn)?;
            Err(StorageError::Migration(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_database() {
        let sqlite = "sqlite://data/countersign.db".parse().ok();
        assert_eq!(sqlite, Some(DatabaseUrl::Sqlite("data/countersign.db".into())));
        assert!(matches!("postgres://u:p@h/d".parse(), Ok(DatabaseUrl::Postgres(_))));
        for wrong in ["", "sqlite://", "mysql://h/d", "countersign.db", "postgres://u:a%@h/d"] {
            assert!(wrong.parse::<DatabaseUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_url_with_a_password_is_not_shown() {
        let url: DatabaseUrl = "postgres://u:hunter2@h/d".parse().unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
