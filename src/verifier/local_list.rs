//! The revocation list in this process, fed by whoever has it.

use super::builder::MAX_LEEWAY_SECONDS;
use super::revocations::{RevocationSource, Stale};
use crate::protocol::revocation::{RevocationEntry, RevocationList, SavedList, TokenFacts};
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use std::sync::{Arc, PoisonError, RwLock};

/// A list that one side feeds and the other asks. Clones share it.
///
/// Nobody knows it until a feeder says that it is complete, and it is stale whenever all feeders fall
/// silent: [`LocalList::keep_fresh_until`] is their heartbeat. Several may feed one list, each with a
/// [`LocalList::another_voice`] of its own: then it is fresh as long as one of them is heard.
#[derive(Clone)]
pub struct LocalList {
    state: Arc<RwLock<State>>,
    voice: usize,
    clock: Arc<dyn Clock>,
}

/// Up to where a list is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The history that `seq` counts in.
    pub epoch: String,
    pub seq: i64,
}

struct State {
    list: RevocationList,
    voices: Vec<Voice>,
    /// Whether it was complete at some time, be it before a restart.
    was_complete: bool,
    position: Option<Position>,
}

/// What one feeder said last.
struct Voice {
    /// Until when the list is complete as far as it knows, by two clocks: the one may be corrected,
    /// and the other stands still while the machine sleeps. Each alone makes it stale.
    fresh_until: Moment,
    /// Whether it was heard last, and not lost.
    heard: bool,
}

/// One moment on both clocks.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Timestamp,
    pub(super) steady: Timestamp,
}

impl Moment {
    pub(super) fn of(clock: &dyn Clock) -> Self {
        Self { now: clock.now(), steady: clock.steady() }
    }

    /// Seconds since `earlier`, by the clock that says more.
    fn seconds_since(self, earlier: Self) -> i64 {
        self.now.seconds_since(earlier.now).max(self.steady.seconds_since(earlier.steady))
    }
}

impl State {
    /// For how long nobody has vouched for the list; below zero while somebody does.
    fn stale_seconds(&self, now: Moment) -> i64 {
        let each = self.voices.iter().map(|voice| now.seconds_since(voice.fresh_until));
        each.min().unwrap_or(0)
    }

    /// Whether absence means "not revoked".
    fn expect_complete(&self, now: Moment) -> Result<(), Stale> {
        match self.stale_seconds(now) {
            _ if !self.was_complete => Err(Stale::NEVER_KNOWN),
            ..0 => Ok(()),
            seconds => Err(Stale { seconds }),
        }
    }
}

impl LocalList {
    /// An empty list that is stale from now on.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let voices = vec![Voice { fresh_until: Moment::of(clock.as_ref()), heard: false }];
        let list = RevocationList::default();
        let state = State { list, voices, was_complete: false, position: None };
        Self { state: Arc::new(RwLock::new(state)), voice: 0, clock }
    }

    /// The same list, for another feeder.
    #[must_use]
    pub fn another_voice(&self) -> Self {
        let fresh_until = Moment::of(self.clock.as_ref());
        let voice = self.change(|state| {
            state.voices.push(Voice { fresh_until, heard: false });
            state.voices.len() - 1
        });
        Self { voice, ..self.clone() }
    }

    /// Takes entries in, in any order and any number of times.
    pub fn insert<'e>(&self, entries: impl IntoIterator<Item = &'e RevocationEntry>) {
        self.change(|state| entries.into_iter().for_each(|entry| state.list.insert(entry)));
    }

    /// Says that everything revoked so far is in, and that the feeder will be heard again by then.
    pub fn keep_fresh_until(&self, until: Timestamp) {
        let Moment { now, steady } = Moment::of(self.clock.as_ref());
        let ahead = until.seconds_since(now);
        let steady = Timestamp::from_unix(steady.as_unix().saturating_add(ahead));
        let fresh_until = Moment { now: until, steady };
        self.change(|state| {
            state.voices[self.voice] = Voice { fresh_until, heard: true };
            state.was_complete = true;
        });
    }

    /// Says that this feeder has lost its source. The list is fresh for as long as it was said to be,
    /// and whoever stands by need not wait for the end of it.
    pub(super) fn fall_silent(&self) {
        self.change(|state| state.voices[self.voice].heard = false);
    }

    /// Whether nobody but this feeder is heard.
    pub(super) fn is_alone(&self) -> bool {
        let others = |state: &State| {
            let mut voices = state.voices.iter().enumerate();
            voices.any(|(index, voice)| voice.heard && index != self.voice)
        };
        !self.look(others)
    }

    /// Says that something may be missing from now on, as far as this feeder knows.
    pub fn mark_stale(&self) {
        let now = Moment::of(self.clock.as_ref());
        self.change(|state| {
            let own = &mut state.voices[self.voice].fresh_until;
            if now.seconds_since(*own) < 0 {
                *own = now;
            }
        });
    }

    /// Notes up to where the list is complete.
    pub fn arrived_at(&self, position: Position) {
        self.change(|state| {
            let is_behind = state
                .position
                .as_ref()
                .is_some_and(|own| own.epoch == position.epoch && own.seq > position.seq);
            if !is_behind {
                state.position = Some(position);
            }
        });
    }

    /// Says that the numbers of the source went back: the next reading begins at the start. What is
    /// known stays known.
    pub(super) fn forget_position(&self) {
        self.change(|state| state.position = None);
    }

    /// Up to where the list is complete.
    pub fn position(&self) -> Option<Position> {
        self.look(|state| state.position.clone())
    }

    /// Drops the entries that no accepted token needs: a token lives a little longer than `exp`
    /// where clocks may be apart. `said_at` is the time at whoever feeds the list. A clock here that
    /// is ahead must not drop what is needed when it is put right.
    pub fn sweep(&self, said_at: Timestamp) {
        let now = self.clock.now().min(said_at);
        let before = now - Lifetime::seconds(MAX_LEEWAY_SECONDS);
        self.change(|state| state.list.sweep_if_due(before));
    }

    /// The highest number taken in.
    pub fn last_seq(&self) -> i64 {
        self.look(|state| state.list.last_seq())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.look(|state| state.list.len())
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether something may be missing.
    pub fn is_stale(&self) -> bool {
        self.stale_seconds().is_some()
    }

    /// For how long something may have been missing; none while nothing is.
    pub fn stale_seconds(&self) -> Option<i64> {
        let now = Moment::of(self.clock.as_ref());
        let stale = self.look(|state| state.stale_seconds(now));
        (stale >= 0).then_some(stale)
    }

    /// What is said of a token that is not on it.
    pub(super) fn verdict_of_absence(&self) -> Result<bool, Stale> {
        let now = Moment::of(self.clock.as_ref());
        self.look(|state| state.expect_complete(now)).map(|()| false)
    }

    /// Whether it was complete at some time, be it before a restart.
    pub(super) fn was_complete(&self) -> bool {
        self.look(|state| state.was_complete)
    }

    /// Whether a key of the issuer was withdrawn.
    pub(super) fn has_withdrawn(&self, kid: &str) -> bool {
        self.look(|state| state.list.has_withdrawn(kid))
    }

    /// What there is, to be kept over a restart.
    pub(super) fn save(&self) -> Option<(Position, SavedList)> {
        self.look(|state| Some((state.position.clone()?, state.list.save())))
    }

    /// Takes in what was kept. It is as stale as before: what it holds is refused, and nothing more
    /// is known.
    pub(super) fn restore(&self, position: Position, list: RevocationList) {
        self.change(|state| {
            (state.list, state.position) = (list, Some(position));
            state.was_complete = true;
        });
    }

    // Entries are whole or absent whatever happens, so a poisoned lock still guards a good list.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RevocationSource for LocalList {
    fn is_revoked(&self, token: &TokenFacts<'_>) -> Result<bool, Stale> {
        let now = Moment::of(self.clock.as_ref());
        self.look(|state| match state.list.is_revoked(token) {
            true => Ok(true),
            false => state.expect_complete(now).map(|()| false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::revocation::RevocationKind;
    use crate::protocol::time::TestClock;

    fn facts(subject: &str) -> TokenFacts<'_> {
        let issued_at = Timestamp::from_unix(100);
        TokenFacts { jti: "j", subject, client_id: "app", sid: None, kid: None, issued_at }
    }

    fn list() -> (LocalList, Arc<TestClock>) {
        let clock = Arc::new(TestClock::default());
        (LocalList::new(clock.clone()), clock)
    }

    fn block(subject: &str, expires_at: Timestamp) -> RevocationEntry {
        RevocationEntry {
            seq: 1,
            kind: RevocationKind::Subject,
            key: subject.into(),
            not_before: Some(Timestamp::from_unix(200)),
            expires_at,
        }
    }

    #[test]
    fn a_list_is_stale_until_it_is_fed_and_when_the_feeder_falls_silent() {
        let (list, clock) = list();
        assert_eq!(list.is_revoked(&facts("ada")), Err(Stale::NEVER_KNOWN));
        list.keep_fresh_until(clock.now() + Lifetime::seconds(3));
        assert_eq!(list.is_revoked(&facts("ada")), Ok(false));
        clock.advance_seconds(8);
        assert!(list.is_stale());
        let stale = list.is_revoked(&facts("ada")).unwrap_err();
        assert!((5..=6).contains(&stale.seconds), "{stale:?}");
    }

    #[test]
    fn what_a_stale_list_holds_is_revoked_all_the_same() {
        let (list, clock) = list();
        list.insert([&block("ada", clock.now() + Lifetime::minutes(5))]);
        list.mark_stale();
        assert_eq!(list.is_revoked(&facts("ada")), Ok(true));
        assert!(list.is_revoked(&facts("bea")).is_err());
    }

    #[test]
    fn an_entry_outlives_its_tokens_by_the_widest_leeway() {
        let (list, clock) = list();
        list.insert([&block("ada", clock.now() + Lifetime::seconds(1))]);
        clock.advance_seconds(50);
        list.sweep(clock.now());
        assert_eq!(list.len(), 1);
        clock.advance_seconds(20);
        list.sweep(clock.now());
        assert!(list.is_empty());
    }

    #[test]
    fn t_01_a_clock_that_was_ahead_for_a_while_has_dropped_nothing() {
        let (list, clock) = list();
        let said_at = clock.now();
        list.insert([&block("ada", said_at + Lifetime::minutes(5))]);
        clock.correct_by_seconds(3600);
        list.sweep(said_at);
        clock.correct_by_seconds(-3600);
        assert_eq!(list.is_revoked(&facts("ada")), Ok(true));
    }

    #[test]
    fn t_02_a_clock_that_is_set_back_keeps_no_list_fresh() {
        let (list, clock) = list();
        list.keep_fresh_until(clock.now() + Lifetime::seconds(3));
        clock.correct_by_seconds(-3600);
        assert!(!list.is_stale(), "no time has gone by");
        clock.advance_seconds(63);
        let stale = list.is_revoked(&facts("ada")).unwrap_err();
        assert_eq!(stale.seconds, 60);
        list.keep_fresh_until(clock.now() + Lifetime::seconds(3));
        assert!(!list.is_stale(), "whoever feeds it was heard again");
    }

    #[test]
    fn r_02_one_of_two_feeders_keeps_a_list_fresh() {
        let (redis, clock) = list();
        let feed = redis.another_voice();
        redis.keep_fresh_until(clock.now() + Lifetime::seconds(3));
        feed.keep_fresh_until(clock.now() + Lifetime::seconds(9));
        clock.advance_seconds(5);
        redis.mark_stale();
        assert_eq!(redis.is_revoked(&facts("ada")), Ok(false));
        feed.mark_stale();
        assert!(redis.is_stale() && feed.is_stale());
    }

    #[test]
    fn r_02_a_feeder_that_loses_its_source_leaves_the_other_alone_before_the_list_is_stale() {
        let (redis, clock) = list();
        let feed = redis.another_voice();
        assert!(feed.is_alone());
        redis.keep_fresh_until(clock.now() + Lifetime::seconds(3));
        assert!(!feed.is_alone() && redis.is_alone());
        redis.fall_silent();
        assert!(feed.is_alone() && !feed.is_stale());
        redis.keep_fresh_until(clock.now() + Lifetime::seconds(3));
        assert!(!feed.is_alone());
    }

    #[test]
    fn a_restored_list_refuses_what_it_holds_and_vouches_for_nothing() {
        let (before, clock) = list();
        before.insert([&block("ada", clock.now() + Lifetime::minutes(5))]);
        assert!(before.save().is_none(), "nobody knows up to where it is complete");
        before.arrived_at(Position { epoch: "e1".into(), seq: 1 });
        let (position, saved) = before.save().unwrap();
        let after = LocalList::new(clock);
        after.restore(position, RevocationList::restore(&saved).unwrap());
        assert_eq!(after.is_revoked(&facts("ada")), Ok(true));
        assert!(after.is_revoked(&facts("bea")).is_err());
        assert_eq!(after.position().unwrap().seq, 1);
    }
}
