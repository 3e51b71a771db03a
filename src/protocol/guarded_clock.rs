//! The clock of a machine that is not believed alone.
//!
//! It is compared with another clock, that of the database, and carried on from there by how long the
//! machine has been on, which nobody sets. What it shows is the later of the two, so that a clock that
//! goes back revives nothing. Between two comparisons a jump is seen at once, because that does not
//! jump along.

use super::time::{Clock, SystemClock, Timestamp, system_milliseconds, uptime};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// By how much two clocks may differ, in milliseconds.
const TOLERANCE: i64 = 5_000;
/// How long a clock runs evenly after a jump before it is believed, where there is no other to ask.
const EVEN_FOR: Duration = Duration::from_secs(30);

/// The clock of the machine, and what another clock said of it.
#[derive(Debug)]
pub struct GuardedClock {
    /// When this began, as [`uptime`].
    started: Duration,
    /// What the other clock showed at `started`, in milliseconds since 1970.
    began: AtomicI64,
    /// Whether there is another clock.
    compared: AtomicBool,
    jump: Mutex<Option<Jump>>,
    misread: AtomicU64,
}

/// A jump that is waited out.
#[derive(Debug, Clone, Copy)]
struct Jump {
    /// Milliseconds; ahead is positive.
    by: i64,
    /// When, as [`uptime`].
    noticed: Duration,
}

/// By how much a clock is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deviation {
    /// Milliseconds; ahead is positive.
    pub by: i64,
    /// Whether another clock says so; else it has jumped.
    pub compared: bool,
}

impl Deviation {
    /// The whole seconds of it, ahead or behind.
    pub const fn seconds(self) -> u64 {
        self.by.unsigned_abs().saturating_add(500) / 1000
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds();
        match (self.compared, self.by > 0) {
            (true, true) => write!(f, "the clock is {seconds} s ahead of the database's"),
            (true, false) => write!(f, "the clock is {seconds} s behind the database's"),
            (false, true) => write!(f, "the clock jumped ahead by {seconds} s"),
            (false, false) => write!(f, "the clock went back by {seconds} s"),
        }
    }
}

impl Default for GuardedClock {
    /// The clock of the machine, believed until something else is known.
    fn default() -> Self {
        Self {
            started: uptime(),
            began: AtomicI64::new(system_milliseconds()),
            compared: AtomicBool::new(false),
            jump: Mutex::default(),
            misread: AtomicU64::default(),
        }
    }
}

impl GuardedClock {
    /// Takes in what another clock showed, in milliseconds since 1970, at a moment as [`uptime`] tells it,
    /// `give_or_take` so much. What is known better than that stays.
    pub fn compare(&self, shown: i64, at: Duration, give_or_take: Duration) {
        let began = shown.saturating_sub(self.running(at));
        let apart = self.began.load(Ordering::Relaxed).abs_diff(began);
        let is_known = self.compared.swap(true, Ordering::Relaxed);
        if !is_known || u128::from(apart) > give_or_take.as_millis() {
            self.began.store(began, Ordering::Relaxed);
        }
    }

    /// Takes in that this moment is past already.
    pub fn has_passed(&self, moment: Timestamp) {
        let began = moment.as_unix().saturating_mul(1000) - self.running(uptime());
        self.began.fetch_max(began, Ordering::Relaxed);
    }

    /// By how much the clock of the machine is ahead, in milliseconds.
    pub fn skew(&self) -> i64 {
        system_milliseconds().saturating_sub(self.expected(uptime()))
    }

    /// How wrong the clock is; none while it is right.
    pub fn deviation(&self) -> Option<Deviation> {
        let (by, compared) = (self.skew(), self.compared.load(Ordering::Relaxed));
        (by.abs() > TOLERANCE).then_some(Deviation { by, compared })
    }

    /// How often somebody has been shown a time that is too late. While that stays the same, what was
    /// found to have expired has.
    pub fn misread(&self) -> u64 {
        self.misread.load(Ordering::Relaxed)
    }

    /// Where there is no other clock: by how much this one has jumped, once it has run evenly for so
    /// long that it is to be believed. Then [`GuardedClock::believe`] it.
    pub fn settled(&self) -> Option<i64> {
        self.settled_at(self.skew(), uptime())
    }

    fn settled_at(&self, by: i64, now: Duration) -> Option<i64> {
        let mut jump = self.jump.lock().unwrap_or_else(PoisonError::into_inner);
        if by.abs() <= TOLERANCE {
            *jump = None;
            return Some(by);
        }
        let same = jump.filter(|jump| jump.by.abs_diff(by) <= TOLERANCE.unsigned_abs());
        let since = jump.insert(same.unwrap_or(Jump { by, noticed: now })).noticed;
        (now.saturating_sub(since) >= EVEN_FOR).then_some(by)
    }

    /// Goes on from what the clock of the machine shows.
    pub fn believe(&self) {
        let now = system_milliseconds().saturating_sub(self.running(uptime()));
        self.began.store(now, Ordering::Relaxed);
        *self.jump.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What the other clock shows by now.
    fn expected(&self, at: Duration) -> i64 {
        self.began.load(Ordering::Relaxed).saturating_add(self.running(at))
    }

    /// Milliseconds since the start; before it, negative.
    fn running(&self, at: Duration) -> i64 {
        let whole = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        whole(at.saturating_sub(self.started)) - whole(self.started.saturating_sub(at))
    }

    fn later(shown: i64, expected: i64) -> Timestamp {
        Timestamp::from_milliseconds(shown.max(expected))
    }

    fn of_both(shown: i64, expected: i64) -> Timestamp {
        match shown.saturating_sub(expected) > TOLERANCE {
            true => Timestamp::from_milliseconds(expected),
            false => Self::later(shown, expected),
        }
    }
}

impl Clock for GuardedClock {
    fn now(&self) -> Timestamp {
        let (shown, expected) = (system_milliseconds(), self.expected(uptime()));
        if shown.saturating_sub(expected) > TOLERANCE {
            self.misread.fetch_add(1, Ordering::Relaxed);
        }
        Self::later(shown, expected)
    }

    fn steady(&self) -> Timestamp {
        SystemClock.steady()
    }

    fn shared(&self) -> Timestamp {
        let expected = self.expected(uptime());
        match self.compared.load(Ordering::Relaxed) {
            true => Timestamp::from_milliseconds(expected),
            false => Self::of_both(system_milliseconds(), expected),
        }
    }

    fn guard(&self) -> Option<&GuardedClock> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn t_02_a_clock_that_is_behind_shows_the_time_of_the_other() {
        let clock = GuardedClock::default();
        let other = system_milliseconds() + HOUR;
        clock.compare(other, uptime(), Duration::ZERO);
        let ahead = clock.now().seconds_since(Timestamp::from_milliseconds(other));
        assert!((0..=1).contains(&ahead), "{ahead}");
        let wrong = clock.deviation().unwrap();
        assert!((-HOUR - 50..-HOUR + 1).contains(&wrong.by), "{wrong:?}");
        assert_eq!(wrong.to_string(), "the clock is 3600 s behind the database's");
        assert_eq!(clock.shared(), clock.now());
    }

    #[test]
    fn t_01_a_clock_that_is_ahead_is_shown_and_not_written_for_others() {
        let clock = GuardedClock::default();
        clock.compare(system_milliseconds() - HOUR, uptime(), Duration::ZERO);
        assert_eq!(clock.misread(), 0);
        assert!(clock.now().seconds_since(clock.shared()) >= 3599);
        assert_eq!(clock.misread(), 1);
        assert_eq!(clock.deviation().unwrap().to_string().find("3600 s ahead"), Some(13));
        clock.compare(system_milliseconds(), uptime(), Duration::ZERO);
        assert_eq!(clock.deviation(), None);
        assert_eq!(GuardedClock::of_both(9_000, 4_000), Timestamp::from_unix(9));
        assert_eq!(GuardedClock::of_both(9_001, 4_000), Timestamp::from_unix(4));
    }

    #[test]
    fn t_01_what_others_compare_goes_by_the_one_clock_that_all_ask() {
        let clock = GuardedClock::default();
        assert_eq!(clock.shared(), clock.now(), "there is none yet");
        // Not enough to be wrong, and enough to outlive what another instance ends.
        let other = system_milliseconds() - 4_000;
        clock.compare(other, uptime(), Duration::ZERO);
        assert_eq!(clock.deviation(), None);
        assert!(clock.shared().seconds_since(Timestamp::from_milliseconds(other)) <= 1);
        assert!(clock.now().seconds_since(clock.shared()) >= 3);
    }

    #[test]
    fn t_01_a_comparison_counts_from_the_moment_that_it_was_made() {
        let clock = GuardedClock::default();
        let minute_ago = uptime().checked_sub(Duration::from_secs(60));
        clock.compare(system_milliseconds(), minute_ago.unwrap_or_else(uptime), Duration::ZERO);
        assert!(minute_ago.is_none() || (-60_100..-59_900).contains(&clock.skew()));
    }

    #[test]
    fn a_slow_answer_does_not_blur_what_is_known_better() {
        let (clock, now) = (GuardedClock::default(), uptime());
        let (shown, slow) = (system_milliseconds() - HOUR, Duration::from_millis(800));
        clock.compare(shown, now, Duration::from_millis(1));
        let known = clock.shared();
        clock.compare(shown + 700, now, slow);
        assert!(clock.skew() > HOUR - 100, "{}", clock.skew());
        clock.compare(shown + 5_000, now, slow);
        assert!(clock.shared().seconds_since(known) >= 4);
    }

    #[test]
    fn t_02_what_has_passed_stays_past_and_does_not_come_again() {
        let clock = GuardedClock::default();
        let (before, later) = (clock.now(), Timestamp::from_milliseconds(system_milliseconds()));
        clock.has_passed(Timestamp::from_unix(1));
        assert!(clock.now().seconds_since(before) <= 1, "a moment of long ago says nothing");
        clock.has_passed(Timestamp::from_unix(later.as_unix() + 7200));
        assert!(clock.now().seconds_since(later) >= 7200);
        assert!(clock.deviation().unwrap().to_string().starts_with("the clock went back by 7"));
        clock.believe();
        assert_eq!(clock.deviation(), None);
        assert!(clock.now().seconds_since(later) <= 1);
    }

    #[test]
    fn t_02_without_another_clock_a_jump_is_believed_when_it_has_lasted() {
        let (clock, start) = (GuardedClock::default(), uptime());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(clock.settled_at(-4_999, start), Some(-4_999));
        assert_eq!(clock.settled_at(-HOUR, start), None);
        assert_eq!(clock.settled_at(-HOUR + 4_000, after(29)), None);
        assert_eq!(clock.settled_at(-HOUR, after(30)), Some(-HOUR));
        // Another jump begins the wait anew, and one back to where it was ends it.
        assert_eq!(clock.settled_at(HOUR, after(31)), None);
        assert_eq!(clock.settled_at(HOUR, after(60)), None);
        assert_eq!(clock.settled_at(3, after(60)), Some(3));
        assert_eq!(clock.settled_at(HOUR, after(61)), None);
    }
}
