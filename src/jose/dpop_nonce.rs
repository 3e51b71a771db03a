//! Nonces for DPoP proofs (RFC 9449 §8): nothing is stored, and every instance accepts those of
//! every other.

use super::seal::SealingKey;
use crate::protocol::time::{Lifetime, Timestamp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// How long a nonce is good. Not longer than a proof is remembered.
const LIFETIME: Lifetime = Lifetime::seconds(300);
/// How far the clock of the instance that made one may be ahead, in seconds.
const LEEWAY_SECONDS: i64 = 10;
const TIME_BYTES: usize = 8;
const TAG_BYTES: usize = 16;

/// Makes and recognises nonces: the time, and a code that only who has the key can make.
#[derive(Debug, Clone)]
pub struct DpopNonces(SealingKey);

impl DpopNonces {
    /// With a key that all instances have.
    pub const fn new(key: SealingKey) -> Self {
        Self(key)
    }

    /// A nonce that is good from now on.
    pub fn issue(&self, now: Timestamp) -> String {
        let time = now.as_unix().to_be_bytes();
        BASE64_URL_SAFE_NO_PAD.encode([&time[..], &self.0.mac(&time)[..TAG_BYTES]].concat())
    }

    /// Whether a nonce is ours and still good.
    pub fn accepts(&self, nonce: &str, now: Timestamp) -> bool {
        self.made_at(nonce).is_some_and(|made_at| {
            let age = now.seconds_since(made_at);
            (-LEEWAY_SECONDS..i64::from(LIFETIME.as_seconds())).contains(&age)
        })
    }

    fn made_at(&self, nonce: &str) -> Option<Timestamp> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let (time, tag) = bytes.split_first_chunk::<TIME_BYTES>()?;
        let is_ours = tag.len() == TAG_BYTES && self.0.verifies_short_mac(time, tag);
        is_ours.then(|| Timestamp::from_unix(i64::from_be_bytes(*time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Sealer;

    fn nonces(master: u8) -> DpopNonces {
        DpopNonces::new(Sealer::new(&[master; 32]).purpose("dpop nonces"))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_763_765_000 + seconds)
    }

    #[test]
    fn dp_08_an_instance_with_the_same_key_accepts_a_nonce() {
        let nonce = nonces(1).issue(at(0));
        assert!(nonces(1).accepts(&nonce, at(0)));
        assert!(nonces(1).accepts(&nonce, at(-10)), "its clock is ahead");
        assert!(!nonces(2).accepts(&nonce, at(0)));
    }

    #[test]
    fn s22_a_nonce_dies_after_five_minutes() {
        let nonce = nonces(1).issue(at(0));
        assert!(nonces(1).accepts(&nonce, at(299)));
        assert!(!nonces(1).accepts(&nonce, at(300)));
        assert!(!nonces(1).accepts(&nonce, at(-11)));
    }

    #[test]
    fn dp_08_a_forged_nonce_is_not_accepted() {
        let nonce = nonces(1).issue(at(0));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&nonce).unwrap();
        for index in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[index] ^= 1;
            assert!(!nonces(1).accepts(&BASE64_URL_SAFE_NO_PAD.encode(forged), at(0)), "{index}");
        }
        for other in ["", "nonce", &nonce[1..], &format!("{nonce}="), &format!("{nonce}AAAA")] {
            assert!(!nonces(1).accepts(other, at(0)), "{other}");
        }
    }
}
