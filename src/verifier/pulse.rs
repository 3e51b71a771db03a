//! Whether a source is alive, by the times that it puts on what it says.
//!
//! A copy that somebody kept says the same time again, and two of them say two in turn. Several servers
//! behind one address have clocks that are a little apart, and a clock that was wrong is set back: a time
//! that lies behind counts once it has moved on often enough.

use crate::protocol::time::Timestamp;

/// How often a time that lies behind must move on until it counts.
const RISES: u8 = 3;

/// The times that were heard.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// The last one that counted.
    last: Option<Timestamp>,
    /// The last one that lay behind, and how often it moved on.
    behind: Option<(Timestamp, u8)>,
}

impl Pulse {
    /// Whether nothing was heard yet.
    pub(super) fn is_new(&self) -> bool {
        self.last.is_none()
    }

    /// Takes a time in. True when the source has spoken since the last time that counted; of the
    /// first one nobody can say.
    pub(super) fn heard(&mut self, said_at: Timestamp) -> bool {
        let counts = match self.last {
            None => return self.count(said_at, false),
            Some(last) if said_at == last => false,
            Some(last) if said_at > last => true,
            Some(_) => self.has_moved_on(said_at),
        };
        if counts { self.count(said_at, true) } else { false }
    }

    fn count(&mut self, said_at: Timestamp, counts: bool) -> bool {
        (self.last, self.behind) = (Some(said_at), None);
        counts
    }

    fn has_moved_on(&mut self, said_at: Timestamp) -> bool {
        let rises = match self.behind {
            Some((before, rises)) if said_at > before => rises + 1,
            Some((before, rises)) if said_at == before => rises,
            _ => 0,
        };
        self.behind = Some((said_at, rises));
        rises >= RISES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(times: &[i64]) -> Vec<bool> {
        let mut pulse = Pulse::default();
        times.iter().map(|time| pulse.heard(Timestamp::from_unix(*time))).collect()
    }

    #[test]
    fn what_was_said_before_is_no_sign_of_life() {
        assert_eq!(heard(&[5, 5, 6, 6, 5, 5]), [false, false, true, false, false, false]);
        let two_copies = [9, 5, 6, 5, 6, 5, 6, 5, 6];
        assert_eq!(heard(&two_copies), [false; 9]);
    }

    #[test]
    fn t_02_a_clock_that_was_set_back_counts_when_it_has_moved_on() {
        let times = [5000, 100, 101, 101, 102, 103, 104];
        assert_eq!(heard(&times), [false, false, false, false, false, true, true]);
    }

    #[test]
    fn of_two_clocks_the_one_ahead_counts_until_it_falls_silent() {
        let times = [10, 7, 11, 8, 12, 9, 10, 11, 12, 13];
        let counts = [false, false, true, false, true, false, false, false, false, true];
        assert_eq!(heard(&times), counts);
        assert_eq!(heard(&[12, 8, 9, 10, 11]), [false, false, false, false, true]);
    }
}
