//! Counts of failures, so that guessing takes for ever and honest people wait for nobody.
//!
//! The counts live in this process. They are taken before the work they limit, in one step, so that
//! parallel guesses do not slip past.

use crate::protocol::time::{Clock, Lifetime, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// How many names are counted; beyond that the oldest windows go first.
const MAX_NAMES: usize = 50_000;

/// Too many attempts: how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts, wait {} seconds", .0.as_seconds())]
pub struct TooMany(pub Lifetime);

/// A limit: so many in a window.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub attempts: u32,
    pub window: Lifetime,
}

#[derive(Clone, Copy)]
struct Count {
    attempts: u32,
    ends_at: Timestamp,
}

/// The counters of this process.
pub struct Throttle {
    counts: Mutex<HashMap<String, Count>>,
    clock: Arc<dyn Clock>,
}

impl Throttle {
    /// Counters that start at zero.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { counts: Mutex::default(), clock }
    }

    /// Takes one attempt under a name.
    ///
    /// # Errors
    ///
    /// `TooMany` when the limit is reached; then nothing is counted.
    pub fn take(&self, name: &str, limit: Limit) -> Result<(), TooMany> {
        let now = self.clock.now();
        let mut counts = self.counts.lock().expect("no one panics with the lock");
        let count = live(&mut counts, name, limit.window, now);
        if count.attempts >= limit.attempts {
            return Err(TooMany(remaining(count, now)));
        }
        count.attempts += 1;
        Ok(())
    }

    /// Gives one attempt back: it was honest.
    pub fn give_back(&self, name: &str) {
        let mut counts = self.counts.lock().expect("no one panics with the lock");
        if let Some(count) = counts.get_mut(name) {
            count.attempts = count.attempts.saturating_sub(1);
        }
    }

    /// Forgets a name: whoever it is has proved to be themselves.
    pub fn forget(&self, name: &str) {
        self.counts.lock().expect("no one panics with the lock").remove(name);
    }

    /// Counts a failure without asking.
    pub fn count(&self, name: &str, window: Lifetime) {
        let now = self.clock.now();
        let mut counts = self.counts.lock().expect("no one panics with the lock");
        let count = live(&mut counts, name, window, now);
        count.attempts = count.attempts.saturating_add(1);
    }

    /// How long to wait when a name has `limit` failures or more.
    pub fn exhausted(&self, name: &str, limit: u32) -> Option<Lifetime> {
        let now = self.clock.now();
        let counts = self.counts.lock().expect("no one panics with the lock");
        let count = counts.get(name).filter(|count| count.ends_at > now)?;
        (count.attempts >= limit).then(|| remaining(count, now))
    }
}

/// The count of a name, started anew when its window is over.
fn live<'a>(
    counts: &'a mut HashMap<String, Count>,
    name: &str,
    window: Lifetime,
    now: Timestamp,
) -> &'a mut Count {
    if counts.len() >= MAX_NAMES {
        counts.retain(|_, count| count.ends_at > now);
    }
    if counts.len() >= MAX_NAMES {
        counts.clear();
    }
    let count =
        counts.entry(name.to_owned()).or_insert(Count { attempts: 0, ends_at: now + window });
    if count.ends_at <= now {
        *count = Count { attempts: 0, ends_at: now + window };
    }
    count
}

fn remaining(count: &Count, now: Timestamp) -> Lifetime {
    let seconds = count.ends_at.seconds_since(now).clamp(1, i64::from(u32::MAX));
    Lifetime::seconds(u32::try_from(seconds).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::time::TestClock;

    const FIVE: Limit = Limit { attempts: 5, window: Lifetime::seconds(30) };

    #[test]
    fn x_11_of_two_hundred_parallel_attempts_five_pass() {
        let throttle = Throttle::new(Arc::new(TestClock::default()));
        let passed = std::thread::scope(|scope| {
            let tries: Vec<_> =
                (0..200).map(|_| scope.spawn(|| throttle.take("ada", FIVE).is_ok())).collect();
            tries.into_iter().filter_map(|one| one.join().ok()).filter(|passed| *passed).count()
        });
        assert_eq!(passed, 5);
    }

    #[test]
    fn after_the_window_attempts_pass_again() {
        let clock = Arc::new(TestClock::default());
        let throttle = Throttle::new(clock.clone());
        (0..5).for_each(|_| throttle.take("ada", FIVE).unwrap());
        let TooMany(wait) = throttle.take("ada", FIVE).unwrap_err();
        assert!((29..=30).contains(&wait.as_seconds()));
        clock.advance_seconds(31);
        assert!(throttle.take("ada", FIVE).is_ok());
    }

    #[test]
    fn an_honest_attempt_is_given_back() {
        let throttle = Throttle::new(Arc::new(TestClock::default()));
        for _ in 0..100 {
            throttle.take("ada", FIVE).unwrap();
            throttle.give_back("ada");
        }
    }
}
