//! HMAC-SHA-256 with the key schedule done once (RFC 2104), and HKDF over it (RFC 5869).
//!
//! josekit rebuilds the key for each message and compares tags with `!=`; this does neither.

use openssl::sha::{Sha256, sha256};
use std::fmt;
use subtle::ConstantTimeEq;

const BLOCK: usize = 64;

/// A key whose two padded blocks are hashed already.
#[derive(Clone)]
pub(super) struct HmacKey {
    inner: Sha256,
    outer: Sha256,
}

impl HmacKey {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        if key.len() > BLOCK {
            block[..32].copy_from_slice(&sha256(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        Self { inner: padded(&block, 0x36), outer: padded(&block, 0x5C) }
    }

    pub(super) fn tag(&self, message: &[u8]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        inner.update(message);
        let mut outer = self.outer.clone();
        outer.update(&inner.finish());
        outer.finish()
    }

    /// Compares in constant time; a tag of another length does not match.
    pub(super) fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        self.tag(message).ct_eq(tag).into()
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey")
    }
}

fn padded(block: &[u8; BLOCK], pad: u8) -> Sha256 {
    let mut state = Sha256::new();
    state.update(&block.map(|byte| byte ^ pad));
    state
}

/// One output block of HKDF-SHA-256, which is all that a 256-bit key needs.
pub(super) fn hkdf(secret: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let pseudorandom_key = HmacKey::new(&HmacKey::new(salt).tag(secret));
    pseudorandom_key.tag(&[info, &[1]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231 §4.2, §4.3 and §4.7 (a key longer than a block).
    #[test]
    fn the_vectors_of_rfc_4231_match() {
        assert_eq!(
            hex(&HmacKey::new(&[0x0b; 20]).tag(b"Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(&HmacKey::new(b"Jefe").tag(b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = HmacKey::new(&[0xaa; 131]);
        assert_eq!(
            hex(&long.tag(b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    /// RFC 5869 appendix A.1, its first 32 bytes.
    #[test]
    fn the_vector_of_rfc_5869_matches() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        assert_eq!(
            hex(&hkdf(&[0x0b; 22], &salt, &info)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
        );
    }

    #[test]
    fn jw_18_a_forged_tag_does_not_verify_wherever_it_differs() {
        let key = HmacKey::new(&[7; 32]);
        let tag = key.tag(b"message");
        assert!(key.verifies(b"message", &tag));
        for index in 0..tag.len() {
            let mut forged = tag;
            forged[index] ^= 1;
            assert!(!key.verifies(b"message", &forged));
        }
        assert!(!key.verifies(b"message", &tag[..31]));
        assert!(!key.verifies(b"message", b""));
    }
}
