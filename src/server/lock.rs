//! One server on a SQLite file, and no second one.
//!
//! SQLite itself would let two servers take turns, but each keeps counters, caches and a writer of
//! its own. So a server holds a lock on a file beside the database for as long as it runs; the
//! operating system lets go of it when the process ends, however it ends. Commands do not take it:
//! they work beside a server.

use super::RunError;
use crate::storage::DatabaseUrl;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Held while the server runs.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of an embedded database; there is none for PostgreSQL, which many instances
    /// share.
    ///
    /// # Errors
    ///
    /// `InUse` when another server holds it.
    pub fn take(url: &DatabaseUrl) -> Result<Option<Self>, RunError> {
        let DatabaseUrl::Sqlite(path) = url else { return Ok(None) };
        let beside = beside(Path::new(path));
        let failed = |error| RunError::File(beside.display().to_string(), error);
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&beside)
            .map_err(failed)?;
        match opened.try_lock() {
            Ok(()) => Ok(Some(Self { _file: opened })),
            Err(TryLockError::WouldBlock) => Err(RunError::InUse(path.clone())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Beside the file that a link leads to: two names of one database have one lock.
fn beside(path: &Path) -> PathBuf {
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = real.into_os_string();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_08_one_of_two_holds_it_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        std::fs::write(&path, "").unwrap();
        let link = directory.path().join("b.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let url = |path: &Path| DatabaseUrl::Sqlite(path.display().to_string());

        let held = Lock::take(&url(&path)).unwrap().unwrap();
        for same in [&path, &link] {
            assert!(matches!(Lock::take(&url(same)), Err(RunError::InUse(_))));
        }
        assert!(Lock::take(&url(&directory.path().join("other.db"))).unwrap().is_some());
        drop(held);
        assert!(Lock::take(&url(&link)).unwrap().is_some());
    }

    #[test]
    fn a_database_of_many_instances_has_none() {
        assert!(Lock::take(&DatabaseUrl::Postgres("postgres://h/d".into())).unwrap().is_none());
    }
}
