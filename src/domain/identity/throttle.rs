//! Counts of failures, so that guessing takes for ever and honest people wait for nobody.
//!
//! The counts live in this process. They are taken before the work they limit, in one step, so that
//! parallel guesses do not slip past.

use crate::protocol::error::OAuthError;
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// How many names are counted; beyond that the oldest windows go first.
const MAX_NAMES: usize = 50_000;

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
        let Some(count) = counts.get_mut(name) else { return };
        count.attempts = count.attempts.saturating_sub(1);
        if count.attempts == 0 {
            counts.remove(name);
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
        make_room(counts, now);
    }
    let count =
        counts.entry(name.to_owned()).or_insert(Count { attempts: 0, ends_at: now + window });
    if count.ends_at <= now {
        *count = Count { attempts: 0, ends_at: now + window };
    }
    count
}

/// Drops what is over, and if that is not enough the half whose windows end first: whoever fills the
/// table must not let those go who were counted last.
fn make_room(counts: &mut HashMap<String, Count>, now: Timestamp) {
    counts.retain(|_, count| count.ends_at > now);
    if counts.len() < MAX_NAMES / 2 {
        return;
    }
    let mut ends: Vec<Timestamp> = counts.values().map(|count| count.ends_at).collect();
    ends.sort_unstable();
    let middle = ends[ends.len() / 2];
    let mut surplus = counts.len() - MAX_NAMES / 2;
    counts.retain(|_, count| {
        let goes = surplus > 0 && count.ends_at <= middle;
        surplus -= usize::from(goes);
        !goes
    });
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
    fn an_ipv6_customer_is_one_address() {
        let name = |ip| address_name(Some(ip));
        assert_eq!(name("2001:db8:1:1::1"), name("2001:db8:1:1:ffff::2"));
        assert_ne!(name("2001:db8:1:1::1"), name("2001:db8:1:2::1"));
        assert_ne!(name("192.0.2.1"), name("192.0.2.2"));
    }

    #[test]
    fn a_flood_of_names_does_not_let_go_of_those_counted_last() {
        let clock = Arc::new(TestClock::default());
        let throttle = Throttle::new(clock.clone());
        (0..MAX_NAMES - 1).for_each(|n| throttle.count(&format!("flood {n}"), FIVE.window));
        clock.advance_seconds(5);
        (0..5).for_each(|_| throttle.take("ada", FIVE).unwrap());
        (0..9).for_each(|n| throttle.count(&format!("more {n}"), FIVE.window));
        assert!(throttle.take("ada", FIVE).is_err());
        assert!(throttle.counts.lock().unwrap().len() <= MAX_NAMES);
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
