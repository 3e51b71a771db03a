//! Keys and forged tokens for the tests of this module.

use super::algorithm::SigningAlgorithm;
use super::signing_key::SigningKey;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::sync::LazyLock;

/// RSA keys take long to make, so each algorithm has one for all tests.
pub(super) fn signing_key(algorithm: SigningAlgorithm) -> &'static SigningKey {
    static KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
        SigningAlgorithm::ALL
            .into_iter()
            .map(|algorithm| match algorithm {
                SigningAlgorithm::HS256 => SigningKey::from_secret(algorithm, &[7; 32]).unwrap(),
                _ => SigningKey::generate(algorithm).unwrap(),
            })
            .collect()
    });
    KEYS.iter().find(|key| key.algorithm() == algorithm).unwrap()
}

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with this header and payload, signed by `key` whatever the header says.
pub(super) fn forge(key: &SigningKey, header: &str, payload: &str) -> String {
    key.sign_text(&base64url(header), payload.as_bytes()).unwrap()
}
