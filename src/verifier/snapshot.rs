//! What a verifier keeps on disk: the issuer's keys, and the revocation list.
//!
//! Keys are public and the list holds hashes, but whoever writes there could leave entries out; so the
//! files are for the service alone. A file that is of another issuer, cut short or written by another
//! build is as good as none.

use super::error::SetupError;
use super::local_list::{LocalList, Position};
use crate::jose::JwkSet;
use crate::protocol::revocation::{RevocationList, SavedList};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How often the list is kept when it has changed, and when it is long.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// How many entries make a list long.
const LONG: usize = 100_000;

/// The files in one directory.
#[derive(Debug)]
pub(super) struct Snapshot {
    directory: PathBuf,
    issuer: String,
}

/// The first line of the file with the list.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    issuer: String,
    epoch: String,
    seq: i64,
    seed: u64,
    check: u64,
    count: usize,
}

/// A task that keeps the list; it ends when this is dropped.
pub(super) struct Saving(AbortHandle);

impl Drop for Saving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Snapshot {
    /// Makes the directory when it is not there.
    pub(super) fn open(directory: &Path, issuer: &str) -> Result<Self, SetupError> {
        fs::create_dir_all(directory).map_err(SetupError::Snapshot)?;
        Ok(Self { directory: directory.to_owned(), issuer: issuer.to_owned() })
    }

    fn keys_path(&self) -> PathBuf {
        self.directory.join("countersign-keys.json")
    }

    fn list_path(&self) -> PathBuf {
        self.directory.join("countersign-revocations.bin")
    }

    /// The keys that were kept.
    pub(super) fn read_keys(&self) -> Option<JwkSet> {
        let text = fs::read(self.keys_path()).ok()?;
        let kept: serde_json::Value = serde_json::from_slice(&text).ok()?;
        let is_ours = kept.get("issuer")?.as_str()? == self.issuer;
        JwkSet::parse(kept.get("jwks")?.to_string().as_bytes()).ok().filter(|_| is_ours)
    }

    /// Keeps keys. That it fails is said, and nothing more: they are in memory.
    pub(super) async fn write_keys(self: &Arc<Self>, keys: JwkSet) {
        let text = json!({ "issuer": self.issuer, "jwks": keys.to_json() }).to_string();
        self.write(self.keys_path(), text.into_bytes()).await;
    }

    fn read_list(&self) -> Option<(Position, RevocationList)> {
        let bytes = fs::read(self.list_path()).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        let entries = bytes[end + 1..].to_vec();
        if head.issuer != self.issuer || entries.len() != head.count * 16 {
            return None;
        }
        let saved = SavedList { seed: head.seed, check: head.check, entries };
        let list = RevocationList::restore(&saved)?;
        Some((Position { epoch: head.epoch, seq: head.seq }, list))
    }

    async fn write_list(self: &Arc<Self>, position: Position, saved: SavedList) {
        let head = Head {
            issuer: self.issuer.clone(),
            epoch: position.epoch,
            seq: position.seq,
            seed: saved.seed,
            check: saved.check,
            count: saved.entries.len() / 16,
        };
        let Ok(mut bytes) = serde_json::to_vec(&head) else { return };
        bytes.push(b'\n');
        bytes.extend(saved.entries);
        self.write(self.list_path(), bytes).await;
    }

    async fn write(self: &Arc<Self>, path: PathBuf, bytes: Vec<u8>) {
        let written = tokio::task::spawn_blocking(move || replace(&path, &bytes)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "what is to be kept cannot be written");
        }
    }

    /// Takes in the list that was kept, and keeps it from now on. Must be called on a tokio runtime.
    pub(super) fn keep(self: Arc<Self>, list: &LocalList) -> Saving {
        if let Some((position, kept)) = self.read_list() {
            tracing::info!(entries = kept.len(), "took in the revocations that were kept");
            list.restore(position, kept);
        }
        let list = list.clone();
        let keeping = async move {
            let mut kept = list.position();
            loop {
                let pause = if list.len() > LONG { PAUSE.1 } else { PAUSE.0 };
                tokio::time::sleep(pause).await;
                if list.position() == kept {
                    continue;
                }
                if let Some((position, saved)) = list.save() {
                    kept = Some(position.clone());
                    self.write_list(position, saved).await;
                }
            }
        };
        Saving(tokio::spawn(keeping).abort_handle())
    }
}

/// Puts a whole file in the place of the old one, for its owner alone.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    // What lies there is left over, or another's: not written through.
    fs::remove_file(&beside).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::revocation::{RevocationEntry, RevocationKind, TokenFacts};
    use crate::protocol::time::{SystemClock, Timestamp};
    use crate::verifier::RevocationSource;
    use crate::verifier::testing::{ISSUER, jwk_set, signing_key};
    use std::os::unix::fs::PermissionsExt;

    fn facts() -> TokenFacts<'static> {
        let issued_at = Timestamp::from_unix(100);
        TokenFacts { jti: "j", subject: "ada", client_id: "app", sid: None, kid: None, issued_at }
    }

    fn filled() -> (Position, SavedList) {
        let mut list = RevocationList::default();
        list.insert(&RevocationEntry {
            seq: 3,
            kind: RevocationKind::Subject,
            key: "ada".into(),
            not_before: Some(Timestamp::from_unix(100)),
            expires_at: Timestamp::from_unix(4_000_000_000),
        });
        (Position { epoch: "e1".into(), seq: 3 }, list.save())
    }

    #[tokio::test]
    async fn what_was_kept_is_refused_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = Arc::new(Snapshot::open(directory.path(), ISSUER).unwrap());
        let (position, saved) = filled();
        snapshot.write_list(position.clone(), saved).await;
        let mode = fs::metadata(snapshot.list_path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let list = LocalList::new(Arc::new(SystemClock));
        let _saving = snapshot.keep(&list);
        assert_eq!(list.is_revoked(&facts()), Ok(true));
        assert_eq!(list.position(), Some(position));
        assert!(list.is_stale());
    }

    #[tokio::test]
    async fn a_file_of_another_issuer_or_cut_short_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = Arc::new(Snapshot::open(directory.path(), ISSUER).unwrap());
        let (position, saved) = filled();
        snapshot.write_list(position, saved).await;
        snapshot.write_keys(jwk_set(&[signing_key()])).await;
        assert!(snapshot.read_list().is_some() && snapshot.read_keys().is_some());
        let other = Snapshot::open(directory.path(), "https://other.example.com").unwrap();
        assert!(other.read_list().is_none() && other.read_keys().is_none());
        for path in [snapshot.list_path(), snapshot.keys_path()] {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        }
        assert!(snapshot.read_list().is_none() && snapshot.read_keys().is_none());
    }
}
