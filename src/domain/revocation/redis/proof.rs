//! Whether a head in Redis is one that this provider has written.
//!
//! Redis is a copy, and whoever may write there must not change the truth: that a head knows more than
//! the database counts only with the MAC of whoever has the master key.

use crate::jose::SealingKey;
use crate::protocol::revocation_store::Head;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// The key of the MACs, the same at all instances.
pub(super) struct Proofs(pub SealingKey);

/// What is odd about a head that was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// We have written more than the database knows.
    WentBack,
    /// It says so, and is not ours.
    Forged,
    /// Somebody with another master key has written it.
    OfAnother,
}

impl Proofs {
    /// What goes with a number.
    pub(super) fn of(&self, epoch: &str, seq: i64) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.mac(&message(epoch, seq)))
    }

    /// Whether this provider, by whichever instance, has written a head with such a number.
    fn has_written(&self, head: &Head) -> bool {
        let proof = head.proof.as_deref().and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        let message = message(&head.epoch, head.seq);
        proof.is_some_and(|proof| self.0.verifies_mac(&message, &proof))
    }

    /// Looks at a head, when the history is called `epoch` and the database has come to `last`.
    pub(super) fn odd(&self, head: &Head, epoch: &str, last: i64) -> Option<Odd> {
        match (head.epoch == epoch, self.has_written(head)) {
            (true, _) if head.seq <= last => None,
            (true, true) => Some(Odd::WentBack),
            (true, false) => Some(Odd::Forged),
            (false, is_ours) => (!is_ours && head.proof.is_some()).then_some(Odd::OfAnother),
        }
    }
}

fn message(epoch: &str, seq: i64) -> Vec<u8> {
    format!("{epoch} {seq}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Sealer;
    use crate::protocol::time::Timestamp;

    #[test]
    fn r_09_only_what_we_have_written_can_be_ahead_of_the_database() {
        let proofs = |master| Proofs(Sealer::new(&[master; 32]).purpose("heads"));
        let (own, another) = (proofs(1), proofs(2));
        let head = |epoch: &str, seq, proof| {
            let time = Timestamp::from_unix(0);
            Head { epoch: epoch.to_owned(), seq, time, proof, generation: None }
        };
        let odd = |head: Head| own.odd(&head, "e1", 5);
        assert_eq!(odd(head("e1", 5, None)), None);
        assert_eq!(odd(head("e1", 6, Some(own.of("e1", 6)))), Some(Odd::WentBack));
        let of_others = [own.of("e1", 5), own.of("e2", 6), another.of("e1", 6), String::new()];
        for proof in of_others.map(Some).into_iter().chain([None]) {
            assert_eq!(odd(head("e1", 6, proof.clone())), Some(Odd::Forged), "{proof:?}");
        }
        assert_eq!(odd(head("e2", 9, Some(own.of("e2", 9)))), None);
        assert_eq!(odd(head("e2", 9, None)), None, "from before there were proofs");
        assert_eq!(odd(head("e2", 9, Some(another.of("e2", 9)))), Some(Odd::OfAnother));
    }
}
