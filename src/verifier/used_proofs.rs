//! The DPoP proofs that were used (RFC 9449 §11.1), in memory: never more than a fixed number.
//!
//! What is remembered cannot be let go of, so whoever fills the room would turn everybody else away.
//! Hence a key may use as many proofs as there are places free, and no more: one that asks for all of
//! them gets half, two get a third each, and as much as one of them has is left for whoever comes next.

use super::error::VerifyError;
use crate::jose::dpop::REMEMBERED;
use crate::protocol::time::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Mutex, PoisonError};

/// How many proofs may be used in one [`REMEMBERED`], by default: about 1100 a second, half of them with
/// one key.
pub(super) const MOST: u32 = 400_000;

/// Remembers each proof for at least as long as it could be used again.
pub(super) struct UsedProofs {
    most: usize,
    generations: Mutex<Generations>,
}

/// A proof that is in neither is new. The older one goes whole, when it is old enough.
#[derive(Default)]
struct Generations {
    began_at: Option<Timestamp>,
    current: HashSet<Name>,
    previous: HashSet<Name>,
    /// How many of the current proofs are of which key: never more keys than proofs.
    by_key: HashMap<Name, u32>,
}

/// The beginning of a SHA-256. If two were the same, a proof would be refused, and none taken twice.
type Name = [u8; 16];

impl UsedProofs {
    /// Room for so many proofs in one [`REMEMBERED`].
    pub(super) fn new(most: u32) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { most, generations: Mutex::default() }
    }

    /// Uses up a proof of the key with this thumbprint. True for exactly one caller.
    ///
    /// # Errors
    ///
    /// `Busy` when the key has no room left: a proof that nobody would remember is not accepted.
    pub(super) fn take(&self, jkt: &str, proof: &str, now: Timestamp) -> Result<bool, VerifyError> {
        let (jkt, proof) = (name(jkt), name(proof));
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.turn(now);
        if generations.previous.contains(&proof) || generations.current.contains(&proof) {
            return Ok(false);
        }
        let free = self.most.saturating_sub(generations.current.len());
        let taken = generations.by_key.get(&jkt).copied().unwrap_or(0);
        if taken as usize >= free {
            return Err(VerifyError::Busy);
        }
        generations.by_key.insert(jkt, taken + 1);
        Ok(generations.current.insert(proof))
    }
}

fn name(text: &str) -> Name {
    let hash: [u8; 32] = Sha256::digest(text).into();
    let mut name = Name::default();
    name.copy_from_slice(&hash[..16]);
    name
}

impl Generations {
    fn turn(&mut self, now: Timestamp) {
        let began_at = *self.began_at.get_or_insert(now);
        let (age, life) = (now.seconds_since(began_at), i64::from(REMEMBERED.as_seconds()));
        if age < life {
            return;
        }
        self.previous = mem::take(&mut self.current);
        self.by_key = HashMap::new();
        if age >= 2 * life {
            self.previous = HashSet::new();
        }
        self.began_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::time::{Clock, TestClock};

    /// How many of so many new proofs of a key are taken.
    fn takes(used: &UsedProofs, jkt: &str, proofs: u32, now: Timestamp) -> u32 {
        let taken = |n: &u32| used.take(jkt, &format!("{jkt} {n} {}", now.as_unix()), now).is_ok();
        (0..proofs).filter(taken).count() as u32
    }

    /// How many proofs are remembered, and how many keys.
    fn kept(used: &UsedProofs) -> (usize, usize) {
        let kept = used.generations.lock().unwrap();
        (kept.current.len() + kept.previous.len(), kept.by_key.len())
    }

    #[test]
    fn dp_06_a_proof_is_remembered_for_as_long_as_it_is_fresh() {
        for offset in [0, 100, 360] {
            let (used, clock) = (UsedProofs::new(MOST), TestClock::default());
            assert_eq!(used.take("key", "first", clock.steady()), Ok(true));
            clock.advance_seconds(offset);
            assert_eq!(used.take("key", "proof", clock.steady()), Ok(true));
            for step in [0, 1, 179, 120, 60] {
                clock.advance_seconds(step);
                assert_eq!(used.take("key", "proof", clock.steady()), Ok(false), "{offset} {step}");
            }
        }
    }

    #[test]
    fn dp_07_who_fills_the_memory_with_one_key_turns_nobody_else_away() {
        let (used, clock) = (UsedProofs::new(1000), TestClock::default());
        let now = clock.steady();
        assert_eq!(takes(&used, "greedy", 2000, now), 500);
        for other in 0..20 {
            assert_eq!(takes(&used, &format!("honest {other}"), 20, now), 20, "{other}");
        }
        assert_eq!(used.take("greedy", "one more", now), Err(VerifyError::Busy));
        clock.advance_seconds(361);
        assert_eq!(
            used.take("greedy", "one more", clock.steady()),
            Ok(true),
            "there is room again"
        );
    }

    #[test]
    fn dp_07_several_that_are_greedy_leave_as_much_as_each_of_them_has() {
        let (used, now) = (UsedProofs::new(1000), TestClock::default().steady());
        let names: Vec<String> = (0..9).map(|n| format!("greedy {n}")).collect();
        let mut taken = [0; 9];
        for round in 0..1000 {
            for (jkt, taken) in names.iter().zip(&mut taken) {
                *taken += u32::from(used.take(jkt, &format!("{jkt} {round}"), now).is_ok());
            }
        }
        assert!(taken.iter().all(|taken| *taken == 100), "{taken:?}");
        assert_eq!(takes(&used, "honest", 50, now), 50);
    }

    #[test]
    fn dp_07_a_used_proof_is_refused_also_when_there_is_no_room() {
        let (used, clock) = (UsedProofs::new(3), TestClock::default());
        for (jkt, proof) in [("a", "1"), ("b", "1 of b"), ("c", "1 of c")] {
            assert_eq!(used.take(jkt, proof, clock.steady()), Ok(true));
        }
        for jkt in ["a", "b", "c", "d"] {
            assert_eq!(used.take(jkt, "1", clock.steady()), Ok(false), "{jkt}");
            assert_eq!(used.take(jkt, "2", clock.steady()), Err(VerifyError::Busy), "{jkt}");
        }
        clock.advance_seconds(361);
        assert_eq!(takes(&used, "e", 9, clock.steady()), 2);
        assert_eq!(used.take("a", "1", clock.steady()), Ok(false), "what is known stays known");
    }

    #[test]
    fn dp_07_the_memory_is_bounded_however_many_keys_come_and_frees_itself() {
        let (used, clock) = (UsedProofs::new(100), TestClock::default());
        for _ in 0..5 {
            for key in 0..300 {
                takes(&used, &format!("key {key}"), 2, clock.steady());
            }
            let (proofs, keys) = kept(&used);
            assert!(proofs <= 200 && keys <= 100, "{proofs} {keys}");
            clock.advance_seconds(361);
        }
        clock.advance_seconds(722);
        assert_eq!(used.take("key", "proof", clock.steady()), Ok(true));
        assert_eq!(kept(&used), (1, 1));
    }

    #[test]
    fn dp_06_of_many_at_once_one_takes_a_proof() {
        let (used, now) = (UsedProofs::new(MOST), TestClock::default().steady());
        let taken = std::thread::scope(|scope| {
            let take = || used.take("key", "proof", now) == Ok(true);
            let racers: Vec<_> = (0..32).map(|_| scope.spawn(take)).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(taken.iter().filter(|won| **won).count(), 1);
    }
}
