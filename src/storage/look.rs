//! A look at a database that changes nothing, and waits for nobody for long.

use super::connect::{POSTGRES, SQLITE};
use super::{DatabaseUrl, StorageError, backup, postgres};
use diesel::backend::Backend;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// Up to this size a file is read to its end.
const READ_BYTES: u64 = 64 * 1024 * 1024;

/// What there is at an address of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No file yet, in a directory that is there: the first start makes it.
    Nothing,
    /// No file, and no directory for one.
    NoDirectory,
    /// The file is damaged.
    Damaged(String),
    /// A database. What it lacks of this version's schema, and what it has of a newer one.
    Schema { lacks: usize, unknown: usize },
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    tables: i64,
}

/// Looks, for so long at most.
///
/// # Errors
///
/// When nobody answers, or not as a database does; `Url` when the URL cannot be read.
pub fn look(url: &DatabaseUrl, longest: Duration) -> Result<Found, StorageError> {
    let (say, said) = mpsc::channel();
    let url = url.clone();
    // A library that waits for a network cannot be told to stop: the thread ends with the process.
    std::thread::spawn(move || drop(say.send(look_now(&url))));
    let late = |_| StorageError::Unavailable("it does not answer".into());
    said.recv_timeout(longest).map_err(late)?
}

fn look_now(url: &DatabaseUrl) -> Result<Found, StorageError> {
    let unavailable = |error: ConnectionError| StorageError::Unavailable(Box::new(error));
    match url {
        DatabaseUrl::Sqlite(path) => {
            if let Some(found) = without_file(Path::new(path)) {
                return Ok(found);
            }
            if let Some(problem) = backup::quick_problem(path, READ_BYTES)? {
                return Ok(Found::Damaged(problem));
            }
            let mut conn = SqliteConnection::establish(path).map_err(unavailable)?;
            let tables = "SELECT count(*) AS tables FROM sqlite_master WHERE name = ?";
            let tables = diesel::sql_query(tables).bind::<Text, _>(MIGRATIONS);
            let has_some = tables.get_result::<Count>(&mut conn)?.tables > 0;
            let applied =
                if has_some { diesel::sql_query(APPLIED).load(&mut conn)? } else { Vec::new() };
            schema::<Sqlite>(&SQLITE, applied)
        }
        DatabaseUrl::Postgres(url) => {
            let mut conn = postgres::establish(url)?;
            let tables = "SELECT count(to_regclass($1)) AS tables";
            let tables = diesel::sql_query(tables).bind::<Text, _>(MIGRATIONS);
            let has_some = tables.get_result::<Count>(&mut conn)?.tables > 0;
            let applied =
                if has_some { diesel::sql_query(APPLIED).load(&mut conn)? } else { Vec::new() };
            schema::<Pg>(&POSTGRES, applied)
        }
    }
}

const MIGRATIONS: &str = "__diesel_schema_migrations";
const APPLIED: &str = "SELECT version FROM __diesel_schema_migrations";

fn without_file(path: &Path) -> Option<Found> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match (path.exists(), directory.is_none_or(Path::is_dir)) {
        (true, _) => None,
        (false, true) => Some(Found::Nothing),
        (false, false) => Some(Found::NoDirectory),
    }
}

fn schema<B: Backend>(
    own: &impl MigrationSource<B>,
    applied: Vec<Version>,
) -> Result<Found, StorageError> {
    let own = own.migrations().map_err(StorageError::Unavailable)?;
    let own: BTreeSet<String> =
        own.iter().map(|migration| migration.name().version().to_string()).collect();
    let applied: BTreeSet<String> = applied.into_iter().map(|row| row.version).collect();
    let (lacks, unknown) = (own.difference(&applied).count(), applied.difference(&own).count());
    Ok(Found::Schema { lacks, unknown })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Db;

    fn found(path: &Path) -> Found {
        let url = DatabaseUrl::Sqlite(path.display().to_string());
        look(&url, Duration::from_secs(5)).unwrap()
    }

    #[test]
    fn a_look_makes_no_database_and_finds_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        assert_eq!(found(&path), Found::Nothing);
        assert!(!path.exists());
        assert_eq!(found(&directory.path().join("none/a.db")), Found::NoDirectory);
        drop(Db::open(&DatabaseUrl::Sqlite(path.display().to_string())).unwrap());
        assert_eq!(found(&path), Found::Schema { lacks: 0, unknown: 0 });
        let other = directory.path().join("other.db");
        std::fs::write(&other, "no database at all, but long enough to be one").unwrap();
        assert!(matches!(found(&other), Found::Damaged(_)));
        std::fs::write(&other, "").unwrap();
        assert!(matches!(found(&other), Found::Schema { lacks: 1.., unknown: 0 }));
    }

    #[test]
    fn nobody_waits_long_for_a_database_that_does_not_answer() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let url = DatabaseUrl::Postgres(format!("postgres://u:hunter2@127.0.0.1:{port}/d"));
        let error = look(&url, Duration::from_millis(200)).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
