//! Sealing what we ourselves must read again: keys at rest, and state that travels with a browser.
//!
//! From one master key, each purpose gets keys of its own by HKDF, so that what is sealed for one
//! cannot be opened as another. Each message gets a key of its own from the first half of its
//! nonce: 96 random bits under a single AES-GCM key would be too few for the number of requests
//! that a busy server seals (NIST SP 800-38D §8.3 allows 2^32).

use super::hmac::{HmacKey, hkdf};
use crate::protocol::random::Random;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use std::fmt;
use subtle::ConstantTimeEq;

const SALT: &[u8] = b"countersign seal v1";
/// Half of it makes the message key, half is the IV.
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// The master key.
pub struct Sealer {
    master: [u8; 32],
}

/// The keys of one purpose. Made once and kept.
#[derive(Clone)]
pub struct SealingKey {
    message_keys: HmacKey,
    mac: HmacKey,
}

impl Sealer {
    /// From the 32 bytes of the master key.
    pub fn new(master: &[u8; 32]) -> Self {
        Self { master: *master }
    }

    /// The keys for the purpose that `label` names.
    pub fn purpose(&self, label: &'static str) -> SealingKey {
        let derive = |kind: &str| {
            HmacKey::new(&hkdf(&self.master, SALT, format!("{kind}\0{label}").as_bytes()))
        };
        SealingKey { message_keys: derive("seal"), mac: derive("mac") }
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.master.fill(0);
        std::hint::black_box(&self.master);
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

impl SealingKey {
    /// Encrypts and authenticates `plaintext` with A256GCM: base64url of nonce, ciphertext and
    /// tag. `aad` is authenticated and must be given again to open it.
    ///
    /// # Panics
    ///
    /// When OpenSSL cannot allocate memory.
    pub fn seal(&self, random: &dyn Random, plaintext: &[u8], aad: &[u8]) -> String {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);
        let (selector, iv) = nonce.split_at(NONCE_BYTES / 2);
        let key = self.message_keys.tag(selector);
        let mut tag = [0; TAG_BYTES];
        let sealed = encrypt_aead(Cipher::aes_256_gcm(), &key, Some(iv), aad, plaintext, &mut tag)
            .expect("AES-GCM with a key and an IV of the right length fails only without memory");
        BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed, &tag].concat())
    }

    /// Opens what [`SealingKey::seal`] made with the same `aad`; `None` for anything else.
    pub fn open(&self, sealed: &str, aad: &[u8]) -> Option<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_BYTES)?;
        let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
        let (selector, iv) = nonce.split_at(NONCE_BYTES / 2);
        let key = self.message_keys.tag(selector);
        decrypt_aead(Cipher::aes_256_gcm(), &key, Some(iv), aad, ciphertext, tag).ok()
    }

    /// HMAC-SHA-256 under another key of the purpose: for values that are recomputed, such as CSRF
    /// tokens. Compare with [`SealingKey::verifies_mac`].
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.mac.tag(message)
    }

    /// Whether `tag` is the [`SealingKey::mac`] of `message`, in constant time.
    pub fn verifies_mac(&self, message: &[u8], tag: &[u8]) -> bool {
        self.mac.verifies(message, tag)
    }

    /// Whether `tag` is the beginning of the [`SealingKey::mac`] of `message`, in constant time. A
    /// tag of fewer than 16 bytes is none.
    pub fn verifies_short_mac(&self, message: &[u8], tag: &[u8]) -> bool {
        let whole = self.mac(message);
        tag.len() >= 16 && whole.get(..tag.len()).is_some_and(|own| own.ct_eq(tag).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::random::SystemRandom;

    fn key() -> SealingKey {
        Sealer::new(&[1; 32]).purpose("test")
    }

    #[test]
    fn what_was_sealed_opens() {
        for plaintext in [&b""[..], b"x", &[0; 5000]] {
            let sealed = key().seal(&SystemRandom, plaintext, b"aad");
            assert_eq!(key().open(&sealed, b"aad").unwrap(), plaintext);
        }
    }

    #[test]
    fn nothing_else_opens() {
        let sealed = key().seal(&SystemRandom, b"plaintext", b"aad");
        assert!(key().open(&sealed, b"other").is_none());
        assert!(Sealer::new(&[1; 32]).purpose("other").open(&sealed, b"aad").is_none());
        assert!(Sealer::new(&[2; 32]).purpose("test").open(&sealed, b"aad").is_none());
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let changed = BASE64_URL_SAFE_NO_PAD.encode(changed);
            assert!(key().open(&changed, b"aad").is_none(), "byte {index}");
        }
        for length in 0..sealed.len() {
            assert!(key().open(&sealed[..length], b"aad").is_none(), "length {length}");
        }
        assert!(key().open(&format!("{sealed}="), b"aad").is_none());
    }

    #[test]
    fn the_same_text_seals_differently_each_time() {
        let seal = || key().seal(&SystemRandom, b"plaintext", b"");
        assert_ne!(seal(), seal());
    }

    #[test]
    fn a_mac_belongs_to_its_purpose_and_message() {
        let tag = key().mac(b"message");
        assert!(key().verifies_mac(b"message", &tag));
        assert!(!key().verifies_mac(b"Message", &tag));
        assert!(!Sealer::new(&[1; 32]).purpose("other").verifies_mac(b"message", &tag));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?} {:?}", Sealer::new(&[1; 32]), key()), "Sealer SealingKey");
    }
}
