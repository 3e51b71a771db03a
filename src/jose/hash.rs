//! Hashes that tie one token to another.

use super::algorithm::SigningAlgorithm;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::sha::{sha256, sha512};

/// `at_hash`, `c_hash` and `s_hash`: the left half of the hash that belongs to the ID token's
/// `alg`, base64url (OpenID Connect Core §3.1.3.6, §3.3.2.11). Ed25519 hashes with SHA-512.
pub fn left_half_hash(alg: SigningAlgorithm, ascii: &str) -> String {
    match alg {
        SigningAlgorithm::EdDSA => BASE64_URL_SAFE_NO_PAD.encode(&sha512(ascii.as_bytes())[..32]),
        SigningAlgorithm::RS256
        | SigningAlgorithm::PS256
        | SigningAlgorithm::ES256
        | SigningAlgorithm::HS256 => BASE64_URL_SAFE_NO_PAD.encode(&sha256(ascii.as_bytes())[..16]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenID Connect Core, appendix A.3 and A.4.
    #[test]
    fn the_examples_of_openid_connect_core_match() {
        let at_hash =
            left_half_hash(SigningAlgorithm::RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(at_hash, "77QmUPtjPfzWtF2AnpK9RQ");
        let c_hash = left_half_hash(
            SigningAlgorithm::RS256,
            "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk",
        );
        assert_eq!(c_hash, "LDktKdoQak3Pk0cnXxCltA");
    }

    #[test]
    fn ed25519_keeps_half_of_sha_512() {
        assert_eq!(left_half_hash(SigningAlgorithm::EdDSA, "token").len(), 43);
    }
}
