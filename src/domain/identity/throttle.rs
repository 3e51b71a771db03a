//! Counts of failures, so that guessing takes for ever and honest people wait for nobody.
//!
//! Attempts are taken before the work they limit, in one step, so that parallel guesses do not slip
//! past. Each process counts. With Redis the instances count together:
//!
//! - [`Throttle::take`] asks Redis, in one atomic step: however many race through however many
//!   instances, no more than the limit pass. A restart forgets nothing.
//! - [`Throttle::count`] and [`Throttle::exhausted`] stand before the authentication of clients and
//!   make no round trip. A failure is counted here and told to Redis beside the request; the answer
//!   teaches this process the sum. An instance learns of failures elsewhere with the first of its own,
//!   so one after another *n* instances let `limit + n - 1` failures pass in a window, and as many more
//!   as are under way in the time that Redis takes to answer, as in one process.
//! - [`Throttle::take_here`] never asks Redis: what it limits is work of this process alone.
//! - [`Throttle::give_back`] and [`Throttle::forget`] are told to Redis beside the request.
//!
//! **When Redis is away**, is slow, or was lost, the counts of the process decide at once. They hold the
//! most that Redis said in this window, so that an instance goes on from there: what passes while Redis
//! is away is the limit once more in each instance at most. A name that Redis has lost is begun anew
//! with what the instance knows that asks first.
//!
//! Without Redis *n* instances let *n* times the limit pass.

mod local;
mod shared;

use crate::jose::SealingKey;
use crate::protocol::error::OAuthError;
use crate::protocol::time::{Clock, Lifetime};
use crate::redis_link::Link;
use local::Counts;
use shared::Shared;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Too many attempts: how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts, wait {} seconds", .0.as_seconds())]
pub struct TooMany(pub Lifetime);

impl TooMany {
    /// The answer of an endpoint for clients, in words for whoever called it.
    pub fn refused(self, says: &'static str) -> OAuthError {
        let mut error = OAuthError::unavailable(self);
        error.description = says.into();
        error
    }
}

/// A limit: so many in a window.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub attempts: u32,
    pub window: Lifetime,
}

/// The counters of this process, and with Redis those of all instances.
pub struct Throttle {
    counts: Mutex<Counts>,
    clock: Arc<dyn Clock>,
    shared: Option<Shared>,
}

impl Throttle {
    /// Counters of this process, that start at zero.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { counts: Mutex::new(Counts::new(clock.now())), clock, shared: None }
    }

    /// Counters that are shared with whoever has the same Redis and the same key for the names.
    pub fn shared(clock: Arc<dyn Clock>, redis: Link, names: SealingKey) -> Self {
        Self { shared: Some(Shared::new(redis, names)), ..Self::new(clock) }
    }

    /// Keeps the way to Redis, for as long as it is polled. Until then each process counts for itself.
    pub async fn keep_shared(&self) {
        match &self.shared {
            Some(shared) => shared.keep(self).await,
            None => pending().await,
        }
    }

    /// Whether this is counted with the other instances at present.
    pub fn is_shared(&self) -> bool {
        self.shared_since().is_some()
    }

    /// The number of the connection over which it is counted with the others: another one when this
    /// instance counted alone in between. None while it does.
    pub fn shared_since(&self) -> Option<u64> {
        self.shared.as_ref()?.since()
    }

    /// Takes one attempt under a name.
    ///
    /// # Errors
    ///
    /// `TooMany` when the limit is reached; then nothing is counted.
    pub async fn take(&self, name: &str, limit: Limit) -> Result<(), TooMany> {
        match self.take_of_all(name, limit).await {
            Some(taken) => taken,
            None => self.take_here(name, limit),
        }
    }

    /// As [`Throttle::take`], of what costs this process and no other: each counts for itself.
    ///
    /// # Errors
    ///
    /// Those of [`Throttle::take`].
    pub fn take_here(&self, name: &str, limit: Limit) -> Result<(), TooMany> {
        self.counts().take(name, limit.attempts, limit.window, self.clock.now())
    }

    async fn take_of_all(&self, name: &str, limit: Limit) -> Option<Result<(), TooMany>> {
        let shared = self.shared.as_ref().filter(|shared| shared.is_up())?;
        let now = self.clock.now();
        let known = self.counts().bring(name, limit.window, now)?;
        let answer = shared.take(name, limit, known, now).await?;
        self.counts().learn(name, answer.attempts, answer.ends_at, now);
        Some(match answer.was_added {
            true => Ok(()),
            false => Err(TooMany(local::remaining(answer.ends_at, now))),
        })
    }

    /// Gives one attempt back: it was honest.
    pub fn give_back(&self, name: &str) {
        self.counts().take_off(name, 1);
        self.tell(|shared| shared.give_back(name));
    }

    /// Forgets a name: whoever it is has proved to be themselves.
    pub fn forget(&self, name: &str) {
        self.counts().take_off(name, u32::MAX);
        self.tell(|shared| shared.forget(name));
    }

    /// Counts a failure without asking.
    pub fn count(&self, name: &str, window: Lifetime) {
        self.counts().add(name, window, self.clock.now());
        self.tell(|shared| shared.failed(name, window));
    }

    /// How long to wait when a name has `limit` failures or more, as far as this process knows.
    pub fn exhausted(&self, name: &str, limit: u32) -> Option<Lifetime> {
        let now = self.clock.now();
        let count = self.counts().find(name, now)?;
        (count.attempts >= limit).then(|| local::remaining(count.ends_at, now))
    }

    fn tell(&self, what: impl FnOnce(&Shared)) {
        if let Some(shared) = &self.shared {
            what(shared);
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name under which an address is counted: an IPv6 customer has a whole /64 to come from.
pub fn address_name(ip: Option<&str>) -> String {
    let Some(ip) = ip else { return "address unknown".into() };
    match ip.parse::<std::net::Ipv6Addr>() {
        Ok(v6) if v6.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = v6.segments();
            format!("address {a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => format!("address {ip}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::time::TestClock;

    const FIVE: Limit = Limit { attempts: 5, window: Lifetime::seconds(30) };

    #[test]
    fn x_11_of_two_hundred_parallel_attempts_five_pass() {
        let throttle = Throttle::new(Arc::new(TestClock::default()));
        let passes = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(throttle.take("ada", FIVE)).is_ok()
        };
        let passed = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..200).map(|_| scope.spawn(passes)).collect();
            tries.into_iter().filter_map(|one| one.join().ok()).filter(|passed| *passed).count()
        });
        assert_eq!(passed, 5);
    }

    #[tokio::test]
    async fn after_the_window_attempts_pass_again() {
        let clock = Arc::new(TestClock::default());
        let throttle = Throttle::new(clock.clone());
        for _ in 0..5 {
            throttle.take("ada", FIVE).await.unwrap();
        }
        let TooMany(wait) = throttle.take("ada", FIVE).await.unwrap_err();
        assert!((29..=30).contains(&wait.as_seconds()));
        clock.advance_seconds(31);
        assert!(throttle.take("ada", FIVE).await.is_ok());
    }

    #[test]
    fn an_ipv6_customer_is_one_address() {
        let name = |ip| address_name(Some(ip));
        assert_eq!(name("2001:db8:1:1::1"), name("2001:db8:1:1:ffff::2"));
        assert_ne!(name("2001:db8:1:1::1"), name("2001:db8:1:2::1"));
        assert_ne!(name("192.0.2.1"), name("192.0.2.2"));
    }

    #[tokio::test]
    async fn an_honest_attempt_is_given_back() {
        let throttle = Throttle::new(Arc::new(TestClock::default()));
        for _ in 0..100 {
            throttle.take("ada", FIVE).await.unwrap();
            throttle.give_back("ada");
        }
    }

    #[tokio::test]
    async fn who_has_proved_to_be_themselves_starts_anew() {
        let throttle = Throttle::new(Arc::new(TestClock::default()));
        for _ in 0..20 {
            for _ in 0..4 {
                throttle.take("ada", FIVE).await.unwrap();
            }
            throttle.forget("ada");
        }
    }
}
