//! Points in time and spans of it, in the unit every OAuth message uses: whole seconds.
//!
//! Only [`system_milliseconds`] reads the system time (`clippy.toml` forbids it elsewhere), so a test
//! makes a token expire by moving a [`TestClock`] instead of sleeping.

use super::guarded_clock::GuardedClock;
use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Seconds since 1970-01-01T00:00:00Z, the `NumericDate` of RFC 7519 §2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// How long something stays valid, in seconds, as in `expires_in` (RFC 6749 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lifetime(u32);

impl Timestamp {
    /// A point in time from its unix seconds.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The second that a number of milliseconds since 1970 lies in.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds.div_euclid(1000))
    }

    /// Unix seconds.
    pub const fn as_unix(self) -> i64 {
        self.0
    }

    /// Seconds from `earlier` to `self`; negative when `earlier` is later.
    pub const fn seconds_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Lifetime {
    /// A span of so many seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// A span of so many minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self(minutes * 60)
    }

    /// A span of so many hours.
    pub const fn hours(hours: u32) -> Self {
        Self(hours * 3600)
    }

    /// A span of so many days.
    pub const fn days(days: u32) -> Self {
        Self(days * 86_400)
    }

    /// The span in seconds.
    pub const fn as_seconds(self) -> u32 {
        self.0
    }
}

impl Add<Lifetime> for Timestamp {
    type Output = Self;

    fn add(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_add(i64::from(lifetime.0)))
    }
}

impl Sub<Lifetime> for Timestamp {
    type Output = Self;

    fn sub(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_sub(i64::from(lifetime.0)))
    }
}

/// The only source of the present moment.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// A reading for spans alone: who corrects the clock of the machine does not move it.
    fn steady(&self) -> Timestamp {
        self.now()
    }

    /// The present moment, for what others compare with a clock of theirs, as `iat` and watermarks: where
    /// there is a clock that all instances ask, it is that one's, so that a token which one of them issued
    /// before another ended it says so. Else it is [`Clock::now`] unless this clock is known to be wrong.
    fn shared(&self) -> Timestamp {
        self.now()
    }

    /// What is known of how right this clock is; none for one that is right by definition.
    fn guard(&self) -> Option<&GuardedClock> {
        None
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(system_milliseconds())
    }

    fn steady(&self) -> Timestamp {
        Timestamp(i64::try_from(uptime().as_secs()).unwrap_or(i64::MAX))
    }
}

/// What the clock of the machine shows, in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system time")]
pub fn system_milliseconds() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |span| i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// A clock that only a test moves: it stands at the moment it was made, so that a second that
/// happens to end between two steps of a test changes nothing.
#[derive(Debug)]
pub struct TestClock {
    now: AtomicI64,
    /// How far it was corrected, rather than time gone by.
    corrected: AtomicI64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { now: AtomicI64::new(SystemClock.now().0), corrected: AtomicI64::new(0) }
    }
}

impl TestClock {
    /// Moves the clock; later readings are that much further on.
    pub fn advance_seconds(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets the clock forward, or back, as somebody does who finds it wrong: no time goes by.
    pub fn correct_by_seconds(&self, seconds: i64) {
        self.corrected.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.steady().0.saturating_add(self.corrected.load(Ordering::SeqCst)))
    }

    fn steady(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }
}

/// A reading of the monotonic clock, for measuring how long something took.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
pub fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}

/// How long the machine has been on, while it slept too: nobody sets this, and it falls behind the time
/// of day only where a whole virtual machine is stopped.
#[cfg(target_os = "linux")]
pub fn uptime() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

/// How long this process has been asking, but for what the machine slept meanwhile.
#[cfg(not(target_os = "linux"))]
pub fn uptime() -> Duration {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(monotonic).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_moves_a_timestamp_by_its_seconds() {
        assert_eq!(Timestamp::from_unix(10) + Lifetime::minutes(1), Timestamp::from_unix(70));
        assert_eq!(Timestamp::from_unix(10) - Lifetime::seconds(4), Timestamp::from_unix(6));
    }

    #[test]
    fn the_far_end_of_time_does_not_overflow() {
        let end = Timestamp::from_unix(i64::MAX);
        assert_eq!(end + Lifetime::days(1), end);
    }

    #[test]
    fn a_test_clock_moves_only_when_told() {
        let clock = TestClock::default();
        let before = clock.now();
        clock.advance_seconds(3600);
        assert!(clock.now().seconds_since(before) >= 3600);
    }

    #[test]
    fn t_03_a_corrected_clock_changes_no_span() {
        let clock = TestClock::default();
        let (now, steady) = (clock.now(), clock.steady());
        clock.correct_by_seconds(-3600);
        assert_eq!(clock.now().seconds_since(now), -3600);
        assert_eq!(clock.steady(), steady);
    }
}
