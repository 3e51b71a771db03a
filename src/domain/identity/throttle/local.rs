//! The counters of one process, and what it may bring to those of all.

use super::TooMany;
use crate::protocol::time::{Lifetime, Timestamp};
use std::collections::HashMap;

/// How many names are counted; beyond that the oldest windows go first.
pub(super) const MAX_NAMES: usize = 50_000;
/// How many names of one instance may be alive in Redis in the long run: about 30 MB.
const SHARED_NAMES: i64 = 200_000;
/// For how long an instance that was quiet may bring more than that.
const BURST: i64 = 60;
/// How long a name outlives its window in Redis, in seconds.
const OUTLIVES: i64 = 10;

/// So many attempts, until a window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub attempts: u32,
    pub ends_at: Timestamp,
    /// Whether Redis counts the name as well.
    is_shared: bool,
}

/// What is counted, by name.
pub(super) struct Counts {
    by_name: HashMap<String, Count>,
    room: Room,
}

/// Who makes up names must not fill Redis, where the revocation list lies as well. What is left is
/// counted in names times seconds of their lives.
struct Room {
    left: i64,
    at: Timestamp,
}

impl Counts {
    pub(super) fn new(now: Timestamp) -> Self {
        let room = Room { left: SHARED_NAMES * BURST, at: now };
        Self { by_name: HashMap::new(), room }
    }

    pub(super) fn take(
        &mut self,
        name: &str,
        most: u32,
        window: Lifetime,
        now: Timestamp,
    ) -> Result<(), TooMany> {
        let count = self.live(name, window, now);
        if count.attempts >= most {
            return Err(TooMany(remaining(count.ends_at, now)));
        }
        count.attempts += 1;
        Ok(())
    }

    pub(super) fn add(&mut self, name: &str, window: Lifetime, now: Timestamp) {
        let count = self.live(name, window, now);
        count.attempts = count.attempts.saturating_add(1);
    }

    /// Takes attempts off a name; one that Redis counts stays, so that it is not new there.
    pub(super) fn take_off(&mut self, name: &str, attempts: u32) {
        let Some(count) = self.by_name.get_mut(name) else { return };
        count.attempts = count.attempts.saturating_sub(attempts);
        if count.attempts == 0 && !count.is_shared {
            self.by_name.remove(name);
        }
    }

    pub(super) fn find(&self, name: &str, now: Timestamp) -> Option<Count> {
        self.by_name.get(name).filter(|count| count.ends_at > now).copied()
    }

    /// What this process knows of a name that is to be counted in Redis; `None` when it may bring no
    /// more new names there.
    pub(super) fn bring(&mut self, name: &str, window: Lifetime, now: Timestamp) -> Option<Count> {
        let known = self.find(name, now);
        if !known.is_some_and(|count| count.is_shared) && !self.room.admits(window, now) {
            return None;
        }
        Some(known.unwrap_or(Count { attempts: 0, ends_at: now, is_shared: false }))
    }

    /// Takes over what Redis says of a name. In the same window the higher count stays: answers may
    /// come in another order than they were given.
    pub(super) fn learn(&mut self, name: &str, attempts: u32, ends_at: Timestamp, now: Timestamp) {
        let own = self.live(name, Lifetime::seconds(0), now);
        let before = if own.ends_at == ends_at { own.attempts } else { 0 };
        *own = Count { attempts: before.max(attempts), ends_at, is_shared: true };
    }

    /// The count of a name, started anew when its window is over.
    fn live(&mut self, name: &str, window: Lifetime, now: Timestamp) -> &mut Count {
        if self.by_name.len() >= MAX_NAMES {
            self.make_room(now);
        }
        let new = Count { attempts: 0, ends_at: now + window, is_shared: false };
        let count = self.by_name.entry(name.to_owned()).or_insert(new);
        if count.ends_at <= now {
            *count = new;
        }
        count
    }

    /// Drops what is over, and if that is not enough the half whose windows end first: whoever fills
    /// the table must not let those go who were counted last.
    fn make_room(&mut self, now: Timestamp) {
        self.by_name.retain(|_, count| count.ends_at > now);
        if self.by_name.len() < MAX_NAMES / 2 {
            return;
        }
        let mut ends: Vec<Timestamp> = self.by_name.values().map(|count| count.ends_at).collect();
        ends.sort_unstable();
        let middle = ends[ends.len() / 2];
        let mut surplus = self.by_name.len() - MAX_NAMES / 2;
        self.by_name.retain(|_, count| {
            let goes = surplus > 0 && count.ends_at <= middle;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

/// How long a window still is: a second at least.
pub(super) fn remaining(ends_at: Timestamp, now: Timestamp) -> Lifetime {
    let seconds = ends_at.seconds_since(now).clamp(1, i64::from(u32::MAX));
    Lifetime::seconds(u32::try_from(seconds).unwrap_or(u32::MAX))
}

impl Room {
    fn admits(&mut self, window: Lifetime, now: Timestamp) -> bool {
        let since = now.seconds_since(self.at).max(0);
        let most = SHARED_NAMES * BURST;
        self.left = since.saturating_mul(SHARED_NAMES).saturating_add(self.left).min(most);
        self.at = now;
        let costs = i64::from(window.as_seconds()) + OUTLIVES;
        let fits = self.left >= costs;
        self.left -= if fits { costs } else { 0 };
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Lifetime = Lifetime::seconds(30);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn a_flood_of_names_does_not_let_go_of_those_counted_last() {
        let mut counts = Counts::new(at(0));
        (0..MAX_NAMES - 1).for_each(|n| counts.add(&format!("flood {n}"), WINDOW, at(0)));
        (0..5).for_each(|_| counts.take("ada", 5, WINDOW, at(5)).unwrap());
        (0..9).for_each(|n| counts.add(&format!("more {n}"), WINDOW, at(5)));
        assert!(counts.take("ada", 5, WINDOW, at(5)).is_err());
        assert!(counts.by_name.len() <= MAX_NAMES);
    }

    #[test]
    fn a_flood_of_names_does_not_fill_redis() {
        let mut counts = Counts::new(at(0));
        let hour = Lifetime::hours(1);
        let brought = (0..1_000_000).filter(|_| counts.room.admits(hour, at(0))).count();
        assert!(brought < 4000, "{brought}");
        assert_eq!(counts.bring("new", hour, at(0)), None);
        counts.learn("known", 1, at(30), at(0));
        assert!(counts.bring("known", hour, at(0)).is_some(), "it is there already");
        assert!(counts.bring("new", hour, at(60)).is_some(), "later there is room again");
    }

    #[test]
    fn the_higher_count_of_a_window_stays_and_another_window_is_taken_over() {
        let mut counts = Counts::new(at(0));
        for (attempts, ends, kept) in [(4, 30, 4), (2, 30, 4), (5, 30, 5), (1, 40, 1)] {
            counts.learn("ada", attempts, at(ends), at(1));
            assert_eq!(counts.find("ada", at(1)).unwrap().attempts, kept, "{attempts} {ends}");
        }
        assert_eq!(counts.find("ada", at(40)), None);
    }
}
