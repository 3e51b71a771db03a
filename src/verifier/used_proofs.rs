//! The DPoP proofs that were used (RFC 9449 §11.1), in memory: never more than a fixed number.

use super::error::VerifyError;
use crate::jose::dpop::REMEMBERED;
use crate::protocol::time::Timestamp;
use std::collections::HashSet;
use std::mem;
use std::sync::{Mutex, PoisonError};

/// How many proofs may be used in one [`REMEMBERED`]: about 550 a second.
const MOST: usize = 200_000;

/// Remembers each proof for at least as long as it could be used again.
pub(super) struct UsedProofs {
    most: usize,
    generations: Mutex<Generations>,
}

/// A proof that is in neither is new. The older one goes whole, when it is old enough.
#[derive(Default)]
struct Generations {
    began_at: Option<Timestamp>,
    current: HashSet<Box<str>>,
    previous: HashSet<Box<str>>,
}

impl Default for UsedProofs {
    fn default() -> Self {
        Self { most: MOST, generations: Mutex::default() }
    }
}

impl UsedProofs {
    /// Uses up a proof. True for exactly one caller.
    ///
    /// # Errors
    ///
    /// `Busy` when there is no room: a proof that nobody would remember is not accepted.
    pub(super) fn take(&self, key: &str, now: Timestamp) -> Result<bool, VerifyError> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.turn(now);
        if generations.previous.contains(key) || generations.current.contains(key) {
            return Ok(false);
        }
        if generations.current.len() >= self.most {
            return Err(VerifyError::Busy);
        }
        Ok(generations.current.insert(key.into()))
    }
}

impl Generations {
    fn turn(&mut self, now: Timestamp) {
        let began_at = *self.began_at.get_or_insert(now);
        let (age, life) = (now.seconds_since(began_at), i64::from(REMEMBERED.as_seconds()));
        if age < life {
            return;
        }
        self.previous = mem::take(&mut self.current);
        if age >= 2 * life {
            self.previous.clear();
        }
        self.began_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_763_765_000 + seconds)
    }

    #[test]
    fn dp_06_a_proof_is_remembered_for_as_long_as_it_is_fresh() {
        for offset in [0, 100, 360] {
            let used = UsedProofs::default();
            assert_eq!(used.take("first", at(0)), Ok(true));
            assert_eq!(used.take("proof", at(offset)), Ok(true));
            for later in [0, 1, 180, 300, 360] {
                assert_eq!(used.take("proof", at(offset + later)), Ok(false), "{offset} {later}");
            }
        }
    }

    #[test]
    fn dp_07_the_memory_is_bounded_and_frees_itself() {
        let used = UsedProofs { most: 3, ..UsedProofs::default() };
        for key in ["a", "b", "c"] {
            assert_eq!(used.take(key, at(0)), Ok(true));
        }
        assert_eq!(used.take("d", at(1)), Err(VerifyError::Busy));
        assert_eq!(used.take("a", at(1)), Ok(false), "what is known stays known");
        assert_eq!(used.take("d", at(400)), Ok(true));
        assert_eq!(used.take("e", at(2000)), Ok(true));
        let kept = used.generations.lock().unwrap();
        assert_eq!((kept.current.len(), kept.previous.len()), (1, 0));
    }

    #[test]
    fn dp_06_of_many_at_once_one_takes_a_proof() {
        let used = UsedProofs::default();
        let taken = std::thread::scope(|scope| {
            let take = || used.take("proof", at(0)) == Ok(true);
            let racers: Vec<_> = (0..32).map(|_| scope.spawn(take)).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(taken.iter().filter(|won| **won).count(), 1);
    }
}
