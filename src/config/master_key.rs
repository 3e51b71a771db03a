//! The master key, under which everything is sealed that must be readable again.
//!
//! With SQLite and no key given it stands in a file of its own beside the database, made on the
//! first start and readable by its owner alone. With PostgreSQL the operator gives it, because
//! every instance needs the same one.

use super::Config;
use crate::protocol::random::Random;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("master_key is not 32 bytes as hexadecimal or base64url")]
    Malformed,
    #[error("master_key is required with PostgreSQL")]
    Missing,
    #[error("{path} does not hold a master key of 32 bytes")]
    MalformedFile { path: PathBuf },
    #[error("{path}: {error}")]
    File { path: PathBuf, error: std::io::Error },
}

/// The master key: the one of the settings, else the one beside the database, made when missing.
///
/// # Errors
///
/// When a key is given that is none, when none is given with PostgreSQL, and when the file can be
/// neither read nor made.
pub fn open(config: &Config, random: &dyn Random) -> Result<[u8; 32], MasterKeyError> {
    if let Some(text) = config.master_key.as_deref() {
        return parse(text).ok_or(MasterKeyError::Malformed);
    }
    let path = embedded_path(&config.database_url).ok_or(MasterKeyError::Missing)?;
    match read(&path)? {
        Some(key) => Ok(key),
        None => make(&path, random),
    }
}

/// 64 hexadecimal digits, or 43 characters of base64url.
pub(super) fn parse(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(0..32) {
            *byte = u8::from_str_radix(text.get(2 * pair..2 * pair + 2)?, 16).ok()?;
        }
        return Some(key);
    }
    BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?.try_into().ok()
}

/// Where the key of an embedded database is; `None` for a database that is not embedded.
pub(super) fn embedded_path(database_url: &str) -> Option<PathBuf> {
    let path = database_url.strip_prefix("sqlite://")?;
    Some(PathBuf::from(format!("{path}.key")))
}

fn read(path: &Path) -> Result<Option<[u8; 32]>, MasterKeyError> {
    match std::fs::read_to_string(path) {
        Ok(text) => match parse(&text) {
            Some(key) => Ok(Some(key)),
            None => Err(MasterKeyError::MalformedFile { path: path.to_owned() }),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(MasterKeyError::File { path: path.to_owned(), error }),
    }
}

/// Makes the file whole or not at all; of two processes that start together one makes it.
fn make(path: &Path, random: &dyn Random) -> Result<[u8; 32], MasterKeyError> {
    let fault = |error| MasterKeyError::File { path: path.to_owned(), error };
    let mut key = [0; 32];
    random.fill(&mut key);
    let unfinished = PathBuf::from(format!("{}.{}", path.display(), random.id()));
    let made = write(&unfinished, &key).and_then(|()| std::fs::hard_link(&unfinished, path));
    drop(std::fs::remove_file(&unfinished));
    match made {
        Ok(()) => sync_directory(path).map(|()| key).map_err(fault),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(path)?.ok_or(MasterKeyError::MalformedFile { path: path.to_owned() })
        }
        Err(error) => Err(fault(error)),
    }
}

fn write(path: &Path, key: &[u8; 32]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", BASE64_URL_SAFE_NO_PAD.encode(key))?;
    file.sync_all()
}

/// Brings the directory of a file to the disk: only then its name is there.
///
/// # Errors
///
/// When the directory cannot be opened or the disk fails.
pub fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::random::SystemRandom;
    use std::os::unix::fs::PermissionsExt;

    fn embedded(directory: &Path) -> Config {
        let url = format!("sqlite://{}", directory.join("test.db").display());
        Config { database_url: url, ..Config::default() }
    }

    #[test]
    fn a_key_is_hexadecimal_or_base64url() {
        assert_eq!(parse(&"0f".repeat(32)), Some([15; 32]));
        let text = BASE64_URL_SAFE_NO_PAD.encode([7; 32]);
        assert_eq!(parse(&text), Some([7; 32]));
        assert_eq!(parse(&format!("{text}=\n")), Some([7; 32]));
        for wrong in ["", "secret", &"0f".repeat(31), &"zz".repeat(32)] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_start_makes_a_file_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let config = embedded(directory.path());
        let key = open(&config, &SystemRandom).unwrap();
        assert_eq!(open(&config, &SystemRandom).unwrap(), key);
        let file = std::fs::metadata(directory.path().join("test.db.key")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_first_starts_agree() {
        let directory = tempfile::tempdir().unwrap();
        let config = embedded(directory.path());
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| open(&config, &SystemRandom).unwrap())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn y_03_a_file_that_holds_no_key_is_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("test.db.key"), "not a key").unwrap();
        let opened = open(&embedded(directory.path()), &SystemRandom);
        assert!(matches!(opened, Err(MasterKeyError::MalformedFile { .. })));
        let postgres = Config { database_url: "postgres://h/d".into(), ..Config::default() };
        assert!(matches!(open(&postgres, &SystemRandom), Err(MasterKeyError::Missing)));
    }
}
