//! What a change of an account, a client or a key needs: less than a whole provider, so that the
//! command line can make it while the server runs.

use super::audit::Actor;
use super::identity::acting::Acting;
use super::identity::sessions::SignedIn;
use super::outbound::Outbound;
use super::provider::Provider;
use super::revocation::{Cause, Reason};
use crate::jose::{Sealer, SealingKey};
use crate::protocol::random::Random;
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use crate::storage::{Db, DbConnection, StorageError};
use std::sync::{Arc, Mutex, PoisonError};

/// The database, the time, randomness, and the way out. Clones are cheap.
#[derive(Clone)]
pub struct Ground {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    /// For what a client's registration points to.
    pub outbound: Outbound,
    /// No token of ours that a service accepts lives longer than this.
    pub longest_token_life: Lifetime,
    /// The key under which the secrets are sealed that we must read again; asked for only when one
    /// is made, and none without the master key.
    pub client_secret_key: Arc<dyn Fn() -> Option<SealingKey> + Send + Sync>,
    /// Whoever acts by a browser, looked at again in every transaction.
    pub acting: Option<Acting>,
}

impl Ground {
    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Why something ends now, for [`super::revocation`].
    pub fn cause(&self, reason: Reason, actor: &Actor) -> Cause {
        Cause {
            reason,
            actor: actor.clone(),
            now: self.clock.shared(),
            longest_life: self.longest_token_life,
        }
    }

    /// Runs `work` in one transaction that a refusal undoes as a fault of the database does. Whoever
    /// acts was let in at the start of a request; a block, a sign-out or a lost role since then is
    /// seen here.
    ///
    /// # Errors
    ///
    /// What `work` refuses with, the faults of the database, and its `Refused`.
    pub async fn transact<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
    {
        // The transaction ends with a fault of the database or not at all, so a refusal waits here.
        let refusal = Arc::new(Mutex::new(None));
        let kept = refusal.clone();
        let keep = move |error: E| {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            StorageError::Interrupted
        };
        let (acting, now) = (self.acting.clone(), self.now());
        let unique = acting.as_ref().map(|_| self.random.id()).unwrap_or_default();
        let done = self.db.write(move |conn| {
            if let Some(acting) = &acting {
                acting.check(conn, now, &unique)?;
            }
            work(conn).map_err(keep)
        });
        let done = done.await;
        done.map_err(|fault| {
            let refused = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
            refused.unwrap_or_else(|| fault.into())
        })
    }
}

/// The key that client secrets are sealed under.
pub fn client_secret_key(sealer: &Sealer) -> SealingKey {
    sealer.purpose("client secrets")
}

impl Provider {
    /// What changes of accounts and clients need of a running provider.
    pub fn ground(&self) -> Ground {
        let key = self.client_secrets.clone();
        Ground {
            client_secret_key: Arc::new(move || Some(key.clone())),
            db: self.db.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            outbound: self.outbound.clone(),
            longest_token_life: self.longest_token_life(),
            acting: None,
        }
    }

    /// As [`Provider::ground`], for what a person does by a browser.
    pub fn ground_of(&self, signed_in: &SignedIn) -> Ground {
        let acting = Acting::person(signed_in, self.sessions.idle);
        Ground { acting: Some(acting), ..self.ground() }
    }

    /// As [`Provider::ground_of`], for what a person does as an administrator.
    pub fn ground_of_admin(&self, signed_in: &SignedIn) -> Ground {
        let acting = Acting::administrator(signed_in, self.sessions.idle);
        Ground { acting: Some(acting), ..self.ground() }
    }
}

#[cfg(test)]
pub mod testing {
    //! A ground on a database of its own.

    use super::{Ground, Outbound};
    use crate::protocol::random::SystemRandom;
    use crate::protocol::time::{Lifetime, TestClock};
    use crate::storage::{DatabaseUrl, Db};
    use std::sync::Arc;

    /// Keeps the database file for as long as the ground is used.
    pub struct TestGround {
        pub ground: Ground,
        pub clock: Arc<TestClock>,
        _directory: tempfile::TempDir,
    }

    /// Makes a ground on SQLite in a directory of its own.
    pub fn ground() -> TestGround {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db").to_str().unwrap().to_owned();
        let clock = Arc::new(TestClock::default());
        let ground = Ground {
            db: Db::open(&DatabaseUrl::Sqlite(path)).unwrap(),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            outbound: Outbound::new(Vec::new(), None).unwrap(),
            longest_token_life: Lifetime::hours(1),
            client_secret_key: Arc::new(|| None),
            acting: None,
        };
        TestGround { ground, clock, _directory: directory }
    }
}
