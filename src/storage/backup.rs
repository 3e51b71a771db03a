//! Copies of an SQLite database, made while it is used. PostgreSQL has tools of its own.

use super::StorageError;
use crate::protocol::time::monotonic;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// How long others are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long after a look whether others have gone the next one is.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a copy is written on before what there is goes to the disk.
const PAUSE: Duration = Duration::from_millis(5);

/// Writes a copy of the database at `path`, as of one moment, into an empty file, and returns when it is
/// on the disk. Whoever uses the database goes on.
///
/// # Errors
///
/// When one of the two cannot be opened, and those of the database.
pub fn copy(path: &str, into: &str) -> Result<(), StorageError> {
    let mut conn = open(path)?;
    let unusable = |error: std::io::Error| StorageError::Unavailable(Box::new(error));
    let file = File::open(into).map_err(unusable)?;
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| write_out(&file, &is_done));
        let copied = diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(into).execute(&mut conn);
        is_done.store(true, Relaxed);
        copied
    })?;
    file.sync_all().map_err(unusable)
}

/// Brings a file to the disk while it grows. All at once at the end, others who wait for the disk with
/// their commits would have to wait for the whole of it.
fn write_out(file: &File, is_done: &AtomicBool) {
    while !is_done.load(Relaxed) && file.sync_data().is_ok() {
        std::thread::sleep(PAUSE);
    }
}

/// What is wrong with a database file; nothing when it is sound.
pub fn problems(path: &str) -> Result<Vec<String>, StorageError> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    let mut conn = open(path)?;
    let lines: Vec<Line> = diesel::sql_query("PRAGMA integrity_check(20)").load(&mut conn)?;
    let lines = lines.into_iter().map(|line| line.integrity_check);
    Ok(lines.filter(|line| line != "ok").collect())
}

/// The first thing that a quick look finds wrong with the database at `path`, if anything: pages and
/// records that cannot be read, not indexes that lack a row. Looks at no file of more than
/// `max_bytes`, because it reads it all; and where there is none, because looking would make one that
/// others may read.
///
/// # Errors
///
/// When the file cannot be opened.
pub fn quick_problem(path: &str, max_bytes: u64) -> Result<Option<String>, StorageError> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        quick_check: String,
    }
    match std::fs::metadata(path) {
        Ok(file) if file.len() <= max_bytes => {}
        _ => return Ok(None),
    }
    let mut conn = open(path)?;
    let looked = diesel::sql_query("PRAGMA quick_check(1)").get_result::<Line>(&mut conn);
    Ok(match looked {
        Ok(line) => Some(line.quick_check).filter(|line| line != "ok"),
        Err(diesel::result::Error::DatabaseError(_, info)) if is_damage(info.message()) => {
            Some(info.message().to_owned())
        }
        Err(error) => return Err(error.into()),
    })
}

/// What SQLite says of a file that is damaged or no database (`SQLITE_CORRUPT`, `SQLITE_NOTADB`), when
/// that is the cause of this error.
pub fn damage(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).filter(|text| is_damage(text)).last()
}

fn is_damage(message: &str) -> bool {
    ["malformed", "not a database"].iter().any(|word| message.contains(word))
}

/// How many users and clients a database file has.
pub fn census(path: &str) -> Result<(i64, i64), StorageError> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let mut conn = open(path)?;
    let mut count = |query: &str| -> Result<i64, StorageError> {
        Ok(diesel::sql_query(query).get_result::<Count>(&mut conn)?.rows)
    };
    let users = count("SELECT count(*) AS rows FROM users")?;
    Ok((users, count("SELECT count(*) AS rows FROM clients")?))
}

/// Brings everything into the database file itself, so that it can be moved.
///
/// # Errors
///
/// When somebody else goes on using it.
pub fn settle(path: &str) -> Result<(), StorageError> {
    let mut conn = open(path)?;
    let began = monotonic();
    loop {
        let settled =
            conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE");
        match settled {
            // For this SQLite does not wait by itself, and connections of our own that were given up
            // a moment ago are closed by threads that nobody waits for.
            Err(error)
                if error.to_string().contains("locked") && monotonic() - began < PATIENCE =>
            {
                std::thread::sleep(LOOK_AGAIN);
            }
            settled => return Ok(settled?),
        }
    }
}

fn open(path: &str) -> Result<SqliteConnection, StorageError> {
    let opened = SqliteConnection::establish(path);
    let mut conn = opened.map_err(|error| StorageError::Unavailable(Box::new(error)))?;
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", PATIENCE.as_millis()))?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_being_closed_is_waited_for() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("test.db").display().to_string();
        let mut user = open(&path).unwrap();
        user.batch_execute("PRAGMA journal_mode = WAL; CREATE TABLE notes (id INTEGER)").unwrap();
        let (told, hears) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let settled = settle(&path);
                told.send(()).unwrap();
                settled.unwrap();
            });
            // Whoever does not wait is told at once.
            assert!(hears.recv_timeout(LOOK_AGAIN * 10).is_err(), "it is still used");
            drop(user);
        });
        assert!(!std::path::Path::new(&format!("{path}-wal")).exists());
    }
}
