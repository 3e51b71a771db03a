//! What was read of the list in Redis, and what its head says of it.

use super::local_list::Moment;
use crate::protocol::revocation::RevocationEntry;
use crate::protocol::revocation_store::{HEAD_LIFE_SECONDS, Head};
use crate::protocol::time::{Lifetime, Timestamp};

/// How many entries that nobody vouches for yet are kept; others are read again.
const UNVOUCHED: usize = 10_000;
/// By how many seconds the head may be older than it was at best. More is what a copy of Redis that lags
/// behind shows.
const LAG: i64 = 5;

/// What was read of Redis so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) head: Option<Head>,
    /// The history and the building of the stream that was read of.
    of: Option<(String, Option<String>)>,
    /// The number of the last head that was read.
    vouched_for: i64,
    /// The number up to which every entry was read.
    pub(super) complete: i64,
    /// The numbers that were read beyond it, in order.
    pub(super) beyond: Vec<i64>,
    /// The entries among them that no head vouches for yet: anybody may have written them.
    pub(super) unvouched: Vec<RevocationEntry>,
    /// How far the time of the head was behind our steady clock at best. The two say nothing of each
    /// other, but how far they are apart.
    behind: Option<i64>,
}

/// What a look at the head says of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Complete, and known to be until then.
    FreshUntil(Timestamp),
    /// Complete when last somebody made sure, which is not news.
    Unchanged,
    /// Something may be missing.
    Stale,
}

impl Seen {
    /// In another epoch the numbers begin anew, and when they went back so does whoever counts on them.
    /// When the stream was built anew, what was read of it before may have had holes. In each case it is
    /// read from its start. True when they are other numbers from now on.
    #[must_use]
    pub(super) fn begins_anew(&mut self, head: &Head) -> bool {
        let own = self.head.as_ref();
        let is_other = own.is_some_and(|own| own.epoch != head.epoch);
        let went_back = !is_other && own.is_some_and(|own| head.seq < own.seq);
        let of = Some((head.epoch.clone(), head.generation.clone()));
        if self.of == of && !went_back {
            self.vouched_for = head.seq;
            return false;
        }
        let (own, behind) = match (is_other, went_back) {
            (true, _) => (None, None),
            // An older copy of Redis counts when somebody has looked at it, and has written a head anew.
            (false, true) => (Some(head.clone()), None),
            (false, false) => (self.head.take(), self.behind),
        };
        *self = Self { head: own, of, vouched_for: head.seq, behind, ..Self::default() };
        is_other || went_back
    }

    /// Takes in what was read. Gives back what is vouched for.
    pub(super) fn take_in(&mut self, mut entries: Vec<RevocationEntry>) -> Vec<RevocationEntry> {
        let vouched_for = self.vouched_for;
        let mut rest = entries.split_off(entries.partition_point(|entry| entry.seq <= vouched_for));
        rest.truncate(UNVOUCHED.saturating_sub(self.unvouched.len()));
        self.beyond.extend(entries.iter().chain(&rest).map(|entry| entry.seq));
        self.unvouched.append(&mut rest);
        entries
    }

    /// The entries that became vouched for since they were read.
    pub(super) fn vouched(&mut self) -> Vec<RevocationEntry> {
        let from = self.unvouched.partition_point(|entry| entry.seq <= self.vouched_for);
        let rest = self.unvouched.split_off(from);
        std::mem::replace(&mut self.unvouched, rest)
    }

    /// Whether everything that `head` vouches for was read. The entry of its very number must be
    /// among it: a higher one alone may come from elsewhere.
    pub(super) fn reaches(&self, head: &Head) -> bool {
        head.seq == self.complete || self.beyond.contains(&head.seq)
    }

    pub(super) fn judge(&mut self, head: Option<Head>, at: Moment) -> Verdict {
        let Some(head) = head else { return Verdict::Stale };
        let is_beat = match &self.head {
            Some(own) if head.seq < own.seq => return Verdict::Stale,
            Some(own) => (head.time, head.seq) != (own.time, own.seq),
            None => false,
        };
        if !self.reaches(&head) {
            return Verdict::Stale;
        }
        self.complete = self.complete.max(head.seq);
        if self.head.is_some() && !is_beat {
            return Verdict::Unchanged;
        }
        let lags = self.lags(&head, at.steady);
        // The first head may be an old one: only its time can tell.
        let age = at.now.seconds_since(head.time);
        let written = head.time;
        self.head = Some(head);
        match is_beat {
            _ if lags => Verdict::Stale,
            // The beat is heard, however the clock of the provider is set, and whichever provider
            // has written it.
            true => Verdict::FreshUntil(at.now + HEAD_LIFE),
            false if (0..=HEAD_LIFE_SECONDS).contains(&age) => {
                Verdict::FreshUntil(written + HEAD_LIFE)
            }
            false => Verdict::Stale,
        }
    }

    /// Whether the time of the heads falls behind. A time that goes back is that of another provider, or
    /// of a clock that was set.
    fn lags(&mut self, head: &Head, steady: Timestamp) -> bool {
        let behind = steady.seconds_since(head.time);
        let went_back = self.head.as_ref().is_some_and(|own| head.time < own.time);
        let best = self.behind.filter(|_| !went_back).unwrap_or(behind).min(behind);
        self.behind = Some(best);
        behind.saturating_sub(best) > LAG
    }
}

const HEAD_LIFE: Lifetime = Lifetime::seconds(HEAD_LIFE_SECONDS as u32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::revocation::RevocationKind;

    const NOW: Timestamp = Timestamp::from_unix(1_763_765_000);

    fn head(seq: i64, seconds: i64) -> Option<Head> {
        let time = Timestamp::from_unix(NOW.as_unix() + seconds);
        Some(Head { epoch: "e1".into(), seq, time, proof: None, generation: None })
    }

    /// So many seconds later, on both clocks.
    fn at(seconds: u32) -> Moment {
        let later = Lifetime::seconds(seconds);
        Moment { now: NOW + later, steady: Timestamp::from_unix(500) + later }
    }

    fn seen(complete: i64) -> Seen {
        let of = Some(("e1".into(), None));
        let mut seen = Seen { complete, of, ..Seen::default() };
        assert_eq!(seen.judge(head(complete, 0), at(0)), Verdict::FreshUntil(NOW + HEAD_LIFE));
        seen
    }

    fn entries(numbers: impl IntoIterator<Item = i64>) -> Vec<RevocationEntry> {
        let entry = |seq| RevocationEntry {
            seq,
            kind: RevocationKind::Token,
            key: seq.to_string(),
            not_before: None,
            expires_at: NOW,
        };
        numbers.into_iter().map(entry).collect()
    }

    fn numbers(entries: &[RevocationEntry]) -> Vec<i64> {
        entries.iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn r_04_without_a_head_the_list_is_stale() {
        assert_eq!(seen(5).judge(None, at(0)), Verdict::Stale);
    }

    #[test]
    fn r_08_a_head_that_went_back_is_stale() {
        assert_eq!(seen(5).judge(head(4, 1), at(0)), Verdict::Stale);
    }

    #[test]
    fn a_head_that_the_stream_does_not_reach_is_stale() {
        assert_eq!(seen(5).judge(head(6, 1), at(0)), Verdict::Stale);
    }

    #[test]
    fn a_head_that_nobody_renews_adds_no_time() {
        let mut seen = seen(5);
        assert_eq!(seen.judge(head(5, 0), at(0)), Verdict::Unchanged);
        let later = seen.judge(head(5, 1), at(1));
        assert_eq!(later, Verdict::FreshUntil(at(1).now + HEAD_LIFE));
    }

    #[test]
    fn t_02_a_provider_whose_clock_is_behind_is_heard() {
        let mut seen = seen(5);
        assert_eq!(seen.judge(head(5, -3600), at(0)), Verdict::FreshUntil(NOW + HEAD_LIFE));
        assert_eq!(seen.judge(head(5, -3600), at(0)), Verdict::Unchanged);
    }

    #[test]
    fn the_first_head_is_believed_only_when_it_is_young() {
        for seconds in [-4, -600, 1, 600] {
            let mut seen = Seen::default();
            assert_eq!(seen.judge(head(0, seconds), at(0)), Verdict::Stale, "{seconds}");
            // A beat is a beat, also from a clock that is wrong.
            let beat = seen.judge(head(0, seconds + 1), at(0));
            assert_eq!(beat, Verdict::FreshUntil(NOW + HEAD_LIFE), "{seconds}");
        }
    }

    #[test]
    fn another_epoch_is_read_from_the_start() {
        let mut seen = seen(5);
        let next = Head { epoch: "e2".into(), seq: 2, time: NOW, proof: None, generation: None };
        assert!(seen.begins_anew(&next));
        assert_eq!(seen.complete, 0);
        assert_eq!(seen.judge(Some(next), at(0)), Verdict::Stale, "not read yet");
    }

    #[test]
    fn r_09_an_entry_far_beyond_the_head_does_not_stand_for_those_before_it() {
        let mut seen = seen(5);
        seen.beyond = vec![1_763_765_000_000];
        assert_eq!(seen.judge(head(6, 1), at(0)), Verdict::Stale);
        assert_eq!(seen.complete, 5);
        seen.beyond = vec![6, 7];
        assert_eq!(seen.judge(head(6, 1), at(0)), Verdict::FreshUntil(NOW + HEAD_LIFE));
        assert_eq!(seen.complete, 6, "7 is read again");
    }

    #[test]
    fn r_08_numbers_that_went_back_are_read_from_the_start_and_count_when_somebody_writes_a_head() {
        let mut seen = seen(5);
        assert!(seen.begins_anew(&head(4, 1).unwrap()));
        assert_eq!(numbers(&seen.take_in(entries(1..=4))), [1, 2, 3, 4]);
        assert_eq!(seen.judge(head(4, 1), at(1)), Verdict::Unchanged);
        assert!(!seen.begins_anew(&head(4, 2).unwrap()));
        assert_eq!(seen.judge(head(4, 2), at(2)), Verdict::FreshUntil(at(2).now + HEAD_LIFE));
    }

    #[test]
    fn r_04_what_was_read_before_the_stream_was_built_anew_is_read_again() {
        let built =
            |generation: &str| Head { generation: Some(generation.into()), ..head(7, 1).unwrap() };
        // Emptied, and one entry written since: the head that comes next has its very number.
        let mut seen = Seen::default();
        assert_eq!(numbers(&seen.take_in(entries([7]))), [0; 0]);
        assert!(!seen.begins_anew(&built("a")));
        assert!(!seen.reaches(&built("a")), "it was read of another one");
        assert_eq!(numbers(&seen.take_in(entries(1..=7))), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(
            seen.judge(Some(built("a")), at(1)),
            Verdict::FreshUntil(NOW + Lifetime::seconds(4))
        );
        assert!(!seen.begins_anew(&built("a")));
        assert_eq!(seen.complete, 7);
        assert!(!seen.begins_anew(&built("b")));
        assert_eq!(seen.complete, 0, "the same numbers are read once more");
    }

    #[test]
    fn r_09_what_nobody_vouches_for_is_not_taken_in() {
        let mut seen = seen(5);
        assert!(!seen.begins_anew(&head(5, 0).unwrap()));
        assert_eq!(numbers(&seen.take_in(entries([6, 1_000_000]))), [0; 0]);
        assert_eq!(numbers(&seen.vouched()), [0; 0]);
        assert!(!seen.begins_anew(&head(6, 1).unwrap()));
        assert_eq!(numbers(&seen.vouched()), [6]);
        assert!(seen.reaches(&head(6, 1).unwrap()));
    }

    #[test]
    fn r_09_of_what_nobody_vouches_for_only_so_much_is_kept() {
        let mut seen = seen(5);
        for batch in 0..12 {
            let first = 6 + batch * 1000;
            seen.take_in(entries(first..first + 1000));
        }
        assert_eq!((seen.unvouched.len(), seen.beyond.len()), (UNVOUCHED, UNVOUCHED));
        // What was not kept is not taken for read.
        let all = head(5 + 12 * 1000, 1).unwrap();
        assert!(!seen.begins_anew(&all));
        assert!(!seen.reaches(&all));
        assert_eq!(seen.judge(Some(all), at(1)), Verdict::Stale);
    }

    #[test]
    fn a_copy_of_redis_that_falls_behind_is_noticed() {
        let mut seen = seen(5);
        let mut judged = |seconds, later| seen.judge(head(5, seconds), at(later));
        assert_eq!(judged(1, 6), Verdict::FreshUntil(at(6).now + HEAD_LIFE));
        assert_eq!(judged(2, 8), Verdict::Stale, "six seconds behind");
        assert_eq!(judged(10, 11), Verdict::FreshUntil(at(11).now + HEAD_LIFE), "it came up");
        // Another provider, or a clock that was set.
        assert_eq!(judged(-3600, 12), Verdict::FreshUntil(at(12).now + HEAD_LIFE));
    }
}
