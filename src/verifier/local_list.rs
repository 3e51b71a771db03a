//! The revocation list in this process, fed by whoever has it.

use super::builder::MAX_LEEWAY_SECONDS;
use super::revocations::{RevocationSource, Stale};
use crate::protocol::revocation::{RevocationEntry, RevocationList, TokenFacts};
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use std::sync::{Arc, PoisonError, RwLock};

/// A list that one side feeds and the other asks. Clones share it.
///
/// It is stale until the feeder says that it is complete, and again whenever the feeder falls
/// silent: [`LocalList::keep_fresh_until`] is its heartbeat.
#[derive(Clone)]
pub struct LocalList {
    state: Arc<RwLock<State>>,
    clock: Arc<dyn Clock>,
}

struct State {
    list: RevocationList,
    fresh_until: Timestamp,
}

impl LocalList {
    /// An empty list that is stale from now on.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let state = State { list: RevocationList::default(), fresh_until: clock.now() };
        Self { state: Arc::new(RwLock::new(state)), clock }
    }

    /// Takes entries in, in any order and any number of times.
    pub fn insert<'e>(&self, entries: impl IntoIterator<Item = &'e RevocationEntry>) {
        self.change(|state| entries.into_iter().for_each(|entry| state.list.insert(entry)));
    }

    /// Says that everything revoked so far is in, and that the feeder will be heard again by then.
    pub fn keep_fresh_until(&self, until: Timestamp) {
        self.change(|state| state.fresh_until = until);
    }

    /// Says that something may be missing from now on.
    pub fn mark_stale(&self) {
        let now = self.clock.now();
        self.change(|state| state.fresh_until = state.fresh_until.min(now));
    }

    /// Drops the entries that no accepted token needs: a token lives a little longer than `exp`
    /// where clocks may be apart.
    pub fn sweep(&self) {
        let now = self.clock.now();
        self.change(|state| state.list.sweep(now - Lifetime::seconds(MAX_LEEWAY_SECONDS)));
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
        let now = self.clock.now();
        self.look(|state| now >= state.fresh_until)
    }

    // Entries are whole or absent whatever happens, so a poisoned lock still guards a good list.
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RevocationSource for LocalList {
    fn is_revoked(&self, token: &TokenFacts<'_>) -> Result<bool, Stale> {
        let now = self.clock.now();
        self.look(|state| match state.list.is_revoked(token) {
            true => Ok(true),
            false if now < state.fresh_until => Ok(false),
            false => Err(Stale { seconds: now.seconds_since(state.fresh_until) }),
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
        assert!(list.is_revoked(&facts("ada")).is_err());
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
        list.sweep();
        assert_eq!(list.len(), 1);
        clock.advance_seconds(20);
        list.sweep();
        assert!(list.is_empty());
    }
}
