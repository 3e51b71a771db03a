//! Copies of an SQLite database, made while it is used. PostgreSQL has tools of its own.

use super::StorageError;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;

/// Writes a copy of the database at `path`, as of one moment, into an empty file. Whoever uses the
/// database goes on.
pub fn copy(path: &str, into: &str) -> Result<(), StorageError> {
    let mut conn = open(path)?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(into).execute(&mut conn)?;
    Ok(())
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
pub fn settle(path: &str) -> Result<(), StorageError> {
    Ok(open(path)?
        .batch_execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE")?)
}

fn open(path: &str) -> Result<SqliteConnection, StorageError> {
    let opened = SqliteConnection::establish(path);
    let mut conn = opened.map_err(|error| StorageError::Unavailable(Box::new(error)))?;
    conn.batch_execute("PRAGMA busy_timeout = 5000")?;
    Ok(conn)
}
