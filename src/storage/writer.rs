//! The one writer of SQLite: group commit.
//!
//! SQLite has one write lock, and a commit with `synchronous=FULL` waits for the disk. So one thread
//! owns the only writing connection, takes whatever is queued, runs each piece of work in a
//! savepoint of its own inside one `BEGIN IMMEDIATE`, commits once, and only then answers each
//! caller. Work that fails only when the database does goes without the savepoint, which copies
//! every page that it changes. The transactions are plain statements: the library gives a connection up
//! for good when one could not be rolled back, and SQLite rolls back by itself when the disk is full.
//! There is no timer: while the disk works on one batch, the next one gathers.

use super::condition::{Writable, expect_kept};
use super::{DbConnection, StorageError};
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tokio::sync::oneshot;

/// The most pieces of work that share a commit.
pub const MAX_BATCH: usize = 256;
/// The most pieces of work that wait; more are told to come back.
const MAX_QUEUE: usize = 4096;
/// How long a caller waits for its commit.
const DEADLINE: Duration = Duration::from_secs(5);

/// What is undone when a piece of work fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// Its own changes.
    Alone,
    /// Those of all that share its commit.
    WithBatch,
}

/// The handle to the writer thread, which ends when the last handle is dropped.
pub struct Writer {
    queue: SyncSender<Box<dyn Job>>,
}

impl Writer {
    /// Starts the thread with the connection it will own, to the database in `file`. At most `max_batch`
    /// pieces of work share a commit. What becomes of commits is noted.
    pub fn start(
        conn: DbConnection,
        file: Arc<Path>,
        max_batch: usize,
        writable: Arc<Writable>,
    ) -> Self {
        let (queue, jobs) = sync_channel(MAX_QUEUE);
        std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || serve(conn, &file, &jobs, max_batch, &writable))
            .expect("the operating system can start a thread at start-up");
        Self { queue }
    }

    /// Queues `work` and waits until it is committed or refused.
    ///
    /// # Errors
    ///
    /// Those of `work` (`undo` says what goes with it) and of the commit of its batch.
    pub async fn write<T, F>(&self, work: F, undo: Undo) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, StorageError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Work { work: Some(work), outcome: None, undo, reply });
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StorageError::Unavailable("the write queue is full".into()),
            TrySendError::Disconnected(_) => StorageError::Interrupted,
        })?;
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(StorageError::Interrupted),
            Err(_) => Err(StorageError::Unavailable("the write took too long".into())),
        }
    }
}

/// A piece of work without its types.
trait Job: Send {
    /// Runs the work and keeps its outcome.
    fn run(&mut self, conn: &mut DbConnection) -> bool;

    /// What is undone when it fails.
    fn undo(&self) -> Undo;

    /// Whether nobody waits for it any more: then it was answered already, with a fault.
    fn is_abandoned(&self) -> bool;

    /// Tells the caller: its outcome when the batch was committed, the fault otherwise.
    fn answer(self: Box<Self>, fault: Option<StorageError>);
}

struct Work<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, StorageError>>,
    undo: Undo,
    reply: oneshot::Sender<Result<T, StorageError>>,
}

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnOnce(&mut DbConnection) -> Result<T, StorageError> + Send,
{
    fn run(&mut self, conn: &mut DbConnection) -> bool {
        let Some(work) = self.work.take() else { return false };
        // A panic in one piece of work must cost neither the others nor the thread.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(conn)));
        let outcome = outcome.unwrap_or(Err(StorageError::Interrupted));
        let succeeded = outcome.is_ok();
        self.outcome = Some(outcome);
        succeeded
    }

    fn undo(&self) -> Undo {
        self.undo
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn answer(self: Box<Self>, fault: Option<StorageError>) {
        let outcome = match (self.outcome, fault) {
            // A refusal by the work itself stands, whatever became of the batch.
            (Some(Err(error)), _) => Err(error),
            (_, Some(fault)) => Err(fault),
            (Some(outcome), None) => outcome,
            (None, None) => Err(StorageError::Interrupted),
        };
        // The caller may have gone away; its work stands all the same.
        drop(self.reply.send(outcome));
    }
}

fn serve(
    mut conn: DbConnection,
    file: &Path,
    jobs: &Receiver<Box<dyn Job>>,
    max_batch: usize,
    writable: &Writable,
) {
    while let Ok(first) = jobs.recv() {
        // With more threads than cores, those that are about to queue come first.
        std::thread::yield_now();
        let mut batch = Vec::with_capacity(max_batch);
        batch.push(first);
        let committed = run_batch(&mut conn, &mut batch, jobs, max_batch);
        let committed = committed.and_then(|()| expect_kept(file));
        writable.note(&committed);
        if committed.is_err() {
            // Those who queued up behind a lock or a full disk have waited as long for the same.
            batch.extend(jobs.try_iter());
        }
        let fault = committed.err().map(|error| match error {
            StorageError::Unavailable(cause) => cause.to_string(),
            other => other.to_string(),
        });
        for job in batch {
            job.answer(fault.clone().map(|text| StorageError::Unavailable(text.into())));
        }
    }
}

/// Runs the first piece of work and all that queue up meanwhile, and commits them together.
fn run_batch(
    conn: &mut DbConnection,
    batch: &mut Vec<Box<dyn Job>>,
    jobs: &Receiver<Box<dyn Job>>,
    max_batch: usize,
) -> Result<(), StorageError> {
    // IMMEDIATE takes the write lock now, so that no statement can fail half-way for want of it.
    sqlite(conn).batch_execute("BEGIN IMMEDIATE")?;
    let mut next = 0;
    while next < batch.len() {
        if let Err(fault) = run_one(conn, batch[next].as_mut()) {
            roll_back(conn);
            return Err(fault);
        }
        next += 1;
        if batch.len() < max_batch
            && let Ok(job) = jobs.try_recv()
        {
            batch.push(job);
        }
    }
    let committed = sqlite(conn).batch_execute("COMMIT");
    if committed.is_err() {
        roll_back(conn);
    }
    Ok(committed?)
}

/// After this there is no transaction. A full disk may have ended it already; then there is nothing to
/// roll back, which is as good.
fn roll_back(conn: &mut DbConnection) {
    drop(sqlite(conn).batch_execute("ROLLBACK"));
}

fn run_one(conn: &mut DbConnection, job: &mut dyn Job) -> Result<(), StorageError> {
    if job.is_abandoned() {
        return Ok(());
    }
    if job.undo() == Undo::WithBatch {
        return match job.run(conn) {
            true => Ok(()),
            false => Err(StorageError::Unavailable("another write of the batch failed".into())),
        };
    }
    sqlite(conn).batch_execute("SAVEPOINT work")?;
    let end = match job.run(conn) {
        true => "RELEASE work",
        false => "ROLLBACK TO work; RELEASE work",
    };
    Ok(sqlite(conn).batch_execute(end)?)
}

fn sqlite(conn: &mut DbConnection) -> &mut SqliteConnection {
    match conn {
        DbConnection::Sqlite(conn) => conn,
        DbConnection::Postgres(_) => unreachable!("only SQLite has a writer thread"),
    }
}

#[cfg(test)]
mod tests {
    use crate::storage::{Db, DbConnection, StorageError, settings};
    use diesel::connection::SimpleConnection;

    async fn db() -> (Db, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("test.db").display());
        (Db::open(&url.parse().unwrap()).unwrap(), directory)
    }

    /// Writes more than one page.
    async fn grow(db: &Db, name: String) -> Result<(), StorageError> {
        let value = "x".repeat(20_000);
        db.write(move |conn| settings::insert_if_absent(conn, &name, &value).map(drop)).await
    }

    async fn limit_pages(db: &Db, pages: u32) {
        let limit = format!("PRAGMA max_page_count = {pages}");
        let done = db.write(move |conn: &mut DbConnection| Ok(conn.batch_execute(&limit)?));
        done.await.unwrap();
    }

    #[tokio::test]
    async fn s_03_a_full_database_refuses_and_goes_on_when_there_is_room_again() {
        let (db, _directory) = db().await;
        limit_pages(&db, 1).await;
        for round in 0..3 {
            let refused = grow(&db, format!("a{round}")).await;
            assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
        }
        limit_pages(&db, 1_000_000).await;
        grow(&db, "b".to_owned()).await.unwrap();
    }

    #[tokio::test]
    async fn s_01_what_nobody_waits_for_any_more_is_not_done() {
        let (db, _directory) = db().await;
        let slow = db.write(|_| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            Ok(())
        });
        let given_up = async {
            let wait = std::time::Duration::from_millis(100);
            tokio::time::timeout(wait, grow(&db, "late".to_owned())).await.unwrap_err();
        };
        tokio::join!(async { slow.await.unwrap() }, given_up);
        let found = db.write(|conn| settings::find(conn, "late")).await.unwrap();
        assert_eq!(found, None);
    }
}
