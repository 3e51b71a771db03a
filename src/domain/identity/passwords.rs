//! Passwords: Argon2id on a bounded pool of its own, so that a flood of sign-ins starves nobody.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use icu_normalizer::ComposingNormalizerBorrowed;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex};
use tokio::sync::oneshot;

/// The shortest and the longest password, in bytes.
pub const LENGTH: std::ops::RangeInclusive<usize> = 8..=512;

/// How many wait for a hash; the next one is told to come back.
const QUEUE: usize = 64;

/// Why there is no answer about a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("too many sign-ins at once")]
    Busy,
    #[error("hashing failed")]
    Failed,
}

/// A hash that nobody's password has: an unknown user costs as much as a known one.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

/// Hashes a password in this thread, in PHC form: Argon2id, 19 MiB, two passes, one lane.
///
/// # Errors
///
/// When the library refuses, which it does not for these parameters.
pub fn hash_now(password: &str) -> Result<String, PasswordError> {
    let hash: PasswordHash =
        Argon2::default().hash_password(&normalize(password)).map_err(|_| PasswordError::Failed)?;
    Ok(hash.to_string())
}

fn verify_now(password: &str, hash: Option<&str>) -> bool {
    let known = hash.is_some();
    let hash = hash.unwrap_or(&NOBODY);
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let right = Argon2::default().verify_password(&normalize(password), &hash).is_ok();
    right && known
}

/// The same letters in the same bytes, whichever keyboard they came from (Unicode NFC).
fn normalize(password: &str) -> Vec<u8> {
    const { ComposingNormalizerBorrowed::new_nfc() }.normalize(password).into_owned().into_bytes()
}

enum Task {
    Hash { password: String, reply: oneshot::Sender<Result<String, PasswordError>> },
    Verify { password: String, hash: Option<String>, reply: oneshot::Sender<bool> },
}

/// The pool.
pub struct Passwords {
    queue: SyncSender<Task>,
    computed: Arc<AtomicU64>,
}

impl Passwords {
    /// Starts so many threads; half the cores when 0.
    pub fn start(threads: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores.div_ceil(2) } else { threads };
        let (queue, tasks) = sync_channel(QUEUE);
        let tasks = Arc::new(Mutex::new(tasks));
        let computed = Arc::<AtomicU64>::default();
        for number in 0..threads {
            let (tasks, computed) = (tasks.clone(), computed.clone());
            std::thread::Builder::new()
                .name(format!("passwords-{number}"))
                .spawn(move || serve(&tasks, &computed))
                .expect("the operating system can start a thread at start-up");
        }
        Self { queue, computed }
    }

    /// How many hashes were computed so far: the work that sign-ins cost.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Hashes a password.
    ///
    /// # Errors
    ///
    /// `Busy` when too many wait.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Task::Hash { password: password.to_owned(), reply })?;
        answer.await.map_err(|_| PasswordError::Failed)?
    }

    /// Whether a password is the one of a hash. Without a hash it takes as long, and is not.
    ///
    /// # Errors
    ///
    /// `Busy` when too many wait.
    pub async fn verify(
        &self,
        password: &str,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Task::Verify { password: password.to_owned(), hash, reply })?;
        answer.await.map_err(|_| PasswordError::Failed)
    }

    fn enqueue(&self, task: Task) -> Result<(), PasswordError> {
        self.queue.try_send(task).map_err(|_| PasswordError::Busy)
    }
}

fn serve(tasks: &Mutex<Receiver<Task>>, computed: &AtomicU64) {
    // Hashing gives way to everything that somebody with a token waits for.
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "password threads keep their priority");
    }
    loop {
        let task = tasks.lock().expect("no one panics with the lock").recv();
        let Ok(task) = task else { return };
        // Whoever asked may have gone away meanwhile: then nothing is worth computing.
        match task {
            Task::Hash { password, reply } if !reply.is_closed() => {
                let hash = hash_now(&password);
                computed.fetch_add(1, Ordering::Relaxed);
                let _gone = reply.send(hash);
            }
            Task::Verify { password, hash, reply } if !reply.is_closed() => {
                let is_right = verify_now(&password, hash.as_deref());
                computed.fetch_add(1, Ordering::Relaxed);
                let _gone = reply.send(is_right);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lg_04_composed_and_decomposed_letters_are_the_same_password() {
        let hash = hash_now("caf\u{e9} au lait").unwrap();
        assert!(verify_now("cafe\u{301} au lait", Some(&hash)));
        assert!(!verify_now("cafe au lait", Some(&hash)));
    }

    #[test]
    fn nobody_has_the_password_of_nobody() {
        assert!(!verify_now("nobody has this password", None));
    }

    #[test]
    fn the_parameters_are_19_mib_two_passes_one_lane() {
        let hash = hash_now("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }
}
