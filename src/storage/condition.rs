//! How the database does while nothing has failed yet: whether it takes writes, how full its disk is,
//! and whether it keeps what it has acknowledged.

use super::{DbConnection, StorageError};
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// From how many percent on a disk is nearly full.
pub const NEARLY_FULL: u8 = 90;

/// Whether the last write was refused because nothing can be written: a read-only file or file
/// system, a disk that fails, a PostgreSQL server that only follows another one.
#[derive(Debug, Default)]
pub struct Writable {
    is_refused: AtomicBool,
}

impl Writable {
    /// Takes note of what became of a write.
    pub fn note<T>(&self, outcome: &Result<T, StorageError>) {
        match outcome {
            Ok(_) if self.is_refused() => self.is_refused.store(false, Ordering::Relaxed),
            Err(StorageError::Unavailable(cause)) if is_about_writing(&cause.to_string()) => {
                self.is_refused.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Whether the last write was refused.
    pub fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }
}

fn is_about_writing(message: &str) -> bool {
    let words = ["readonly", "read-only", "disk I/O error", "unable to open database file"];
    words.iter().any(|word| message.contains(word))
}

/// How much of the disk that a file is on is used up, in percent; less than a whole one counts as one.
///
/// # Errors
///
/// When the file is out of reach.
pub fn disk_used(file: &Path) -> std::io::Result<u8> {
    let disk = rustix::fs::statvfs(file)?;
    // Those who are not root do not get the last blocks.
    let used = disk.f_blocks.saturating_sub(disk.f_bfree);
    let all = used.saturating_add(disk.f_bavail).max(1);
    Ok(u8::try_from((u128::from(used) * 100).div_ceil(u128::from(all))).unwrap_or(100))
}

/// Looks whether a file can be written to, if it is there, before anything is begun: SQLite would open
/// it for reading alone, and leave files beside it that nobody may write either.
///
/// # Errors
///
/// `Unavailable` when it cannot.
pub fn expect_writable(file: &Path) -> Result<(), StorageError> {
    match rustix::fs::access(file, rustix::fs::Access::WRITE_OK) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => {
            let text = format!("{} cannot be written to: {error}", file.display());
            Err(StorageError::Unavailable(text.into()))
        }
    }
}

/// Looks whether what was just synchronised is on the disk. A file system that gives up because of an
/// error drops what it has not written yet, and ext4 may tell whoever synchronises a file in that moment
/// that all is well. Only a change that needs its journal, such as new times of the file, finds out:
/// the first makes it refuse changes, if it does not yet, and the second is refused.
///
/// # Errors
///
/// `Unavailable` when the file system takes no changes, or the file is out of reach.
pub fn expect_kept(file: &Path) -> Result<(), StorageError> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let now = Timestamps { last_access: now, last_modification: now };
    let touch = || utimensat(CWD, file, &now, AtFlags::empty());
    touch().and_then(|()| touch()).map_err(|error| {
        let text = format!("disk I/O error: {}: {error}", file.display());
        StorageError::Unavailable(text.into())
    })
}

/// The settings of PostgreSQL by which it may lose what it has acknowledged, as they are for this
/// connection. None for SQLite, whose settings are ours.
///
/// # Errors
///
/// Those of the database.
pub fn careless_settings(conn: &mut DbConnection) -> Result<Vec<String>, StorageError> {
    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let DbConnection::Postgres(conn) = conn else { return Ok(Vec::new()) };
    let query = "SELECT name FROM pg_settings WHERE setting = 'off' \
                 AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name";
    let found: Vec<Setting> = diesel::sql_query(query).load(conn)?;
    Ok(found.into_iter().map(|setting| setting.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &'static str) -> Result<(), StorageError> {
        Err(StorageError::Unavailable(message.into()))
    }

    #[test]
    fn s_04_a_write_that_cannot_be_is_remembered_until_one_succeeds() {
        let writable = Writable::default();
        for passing in ["database is locked", "database or disk is full", "statement timeout"] {
            writable.note(&refused(passing));
            assert!(!writable.is_refused(), "{passing}");
        }
        for lasting in [
            "attempt to write a readonly database",
            "disk I/O error",
            "cannot execute UPDATE in a read-only transaction",
        ] {
            writable.note(&refused(lasting));
            assert!(writable.is_refused(), "{lasting}");
            writable.note::<()>(&Err(StorageError::Conflict));
            assert!(writable.is_refused(), "{lasting}");
            writable.note(&Ok(()));
            assert!(!writable.is_refused(), "{lasting}");
        }
    }

    #[test]
    fn s_04_what_was_synchronised_counts_only_while_the_file_system_takes_writes() {
        let directory = tempfile::tempdir().unwrap();
        assert!(expect_kept(directory.path()).is_ok());
        let gone = expect_kept(&directory.path().join("none"));
        let writable = Writable::default();
        writable.note(&gone);
        assert!(gone.is_err() && writable.is_refused(), "{gone:?}");
    }

    #[test]
    fn s_03_a_disk_is_used_up_to_a_part_of_it() {
        let directory = tempfile::tempdir().unwrap();
        assert!((1..=100).contains(&disk_used(directory.path()).unwrap()));
        assert!(disk_used(&directory.path().join("none")).is_err());
    }
}
