//! Unguessable values.

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
        bytes.iter().fold(String::with_capacity(32), |mut id, byte| {
            write!(id, "{byte:02x}").expect("a String takes what is written to it");
            id
        })
    }
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
    fn an_id_is_32_hexadecimal_digits() {
        let random: &dyn Random = &SystemRandom;
        let id = random.id();
        assert_eq!(id.len(), 32);
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
