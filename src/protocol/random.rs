//! Unguessable values.

use crate::protocol::time::Timestamp;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::fmt::Write;

/// The only source of randomness.
pub trait Random: Send + Sync {
    /// Fills `bytes` from a cryptographically secure generator.
    fn fill(&self, bytes: &mut [u8]);
}

/// The generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    ///
    /// When the operating system has no randomness to give: no value may be guessable instead.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system provides randomness");
    }
}

impl dyn Random + '_ {
    /// A bearer value (code, refresh token, secret): 256 bits, base64url, 43 characters.
    pub fn secret(&self) -> String {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// An identifier (user, client, `jti`, `sid`): 128 bits as 32 hexadecimal digits, so that it
    /// never starts with a dash and can be typed and selected whole.
    pub fn id(&self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        hexadecimal(&bytes)
    }

    /// An identifier of the same form for rows that are written often: it starts with the time, so
    /// that what is new lies together in the index of the key. 96 bits are random.
    pub fn id_at(&self, now: Timestamp) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes[..4].copy_from_slice(&seconds(now));
        hexadecimal(&bytes)
    }
}

/// The time as the eight hexadecimal digits that an identifier starts with.
pub fn time_prefix(now: Timestamp) -> String {
    hexadecimal(&seconds(now))
}

/// The seconds as 32 bits, so until the year 2106; after that they start anew, which costs order
/// and nothing else.
fn seconds(now: Timestamp) -> [u8; 4] {
    let [.., a, b, c, d] = now.as_unix().to_be_bytes();
    [a, b, c, d]
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut id, byte| {
        write!(id, "{byte:02x}").expect("a String takes what is written to it");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_256_bits_in_43_characters() {
        let random: &dyn Random = &SystemRandom;
        assert_eq!(random.secret().len(), 43);
        assert_ne!(random.secret(), random.secret());
    }

    #[test]
    fn an_id_of_a_time_sorts_by_it_and_is_not_to_be_guessed() {
        let random: &dyn Random = &SystemRandom;
        let (early, late) =
            (Timestamp::from_unix(1_800_000_000), Timestamp::from_unix(1_800_000_001));
        assert!(random.id_at(early) < random.id_at(late));
        assert!(random.id_at(early).starts_with(&time_prefix(early)));
        assert_eq!(time_prefix(early), "6b49d200");
        assert_ne!(random.id_at(early), random.id_at(early));
    }

    #[test]
    fn an_id_is_32_hexadecimal_digits() {
        let random: &dyn Random = &SystemRandom;
        let id = random.id();
        assert_eq!(id.len(), 32);
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
