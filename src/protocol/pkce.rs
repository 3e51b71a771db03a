//! Proof Key for Code Exchange (RFC 7636).

use super::error::OAuthError;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The `code_challenge` of an authorization request. Only `S256` exists here: `plain` protects
/// nothing once the request leaks, and OAuth 2.1 drops it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Reads `code_challenge` and `code_challenge_method` (RFC 7636 §4.3); `None` when neither is
    /// there.
    ///
    /// # Errors
    ///
    /// `invalid_request` when the method is not `S256` (absent means `plain`), or the challenge is
    /// not the 43 base64url characters of a SHA-256.
    pub fn from_request(
        challenge: Option<&str>,
        method: Option<&str>,
    ) -> Result<Option<Self>, OAuthError> {
        let Some(challenge) = challenge else {
            return match method {
                None => Ok(None),
                Some(_) => Err(OAuthError::invalid_request("code_challenge is missing")),
            };
        };
        if method != Some("S256") {
            return Err(OAuthError::invalid_request("code_challenge_method must be S256"));
        }
        if challenge.len() != 43 || !challenge.bytes().all(is_base64url) {
            return Err(OAuthError::invalid_request(
                "code_challenge must be 43 base64url characters",
            ));
        }
        Ok(Some(Self(challenge.to_owned())))
    }

    /// A challenge that was checked before, read back from where it was stored.
    pub fn stored(s256: impl Into<String>) -> Self {
        Self(s256.into())
    }

    /// The challenge as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks a `code_verifier` against this challenge (RFC 7636 §4.6).
    ///
    /// # Errors
    ///
    /// `invalid_grant` when the verifier is not 43 to 128 characters long or does not hash to the
    /// challenge. The two cases read the same to the client on purpose.
    pub fn verify(&self, verifier: &str) -> Result<(), OAuthError> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let well_formed = (43..=128).contains(&verifier.len());
        if well_formed && bool::from(challenge.as_bytes().ct_eq(self.0.as_bytes())) {
            return Ok(());
        }
        Err(OAuthError::invalid_grant("code_verifier does not match code_challenge"))
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::ErrorCode;

    /// RFC 7636 Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_vector_of_appendix_b_matches() {
        assert!(CodeChallenge::stored(CHALLENGE).verify(VERIFIER).is_ok());
    }

    #[test]
    fn pk_04_a_wrong_verifier_is_invalid_grant() {
        let long = "a".repeat(129);
        for verifier in ["", "short", CHALLENGE, &VERIFIER[..42], &long, &VERIFIER.to_uppercase()] {
            let error = CodeChallenge::stored(CHALLENGE).verify(verifier).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidGrant);
        }
    }

    #[test]
    fn pk_02_only_s256_is_a_method() {
        for method in [None, Some("plain"), Some("s256"), Some("S512")] {
            let error = CodeChallenge::from_request(Some(CHALLENGE), method).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest);
        }
    }

    #[test]
    fn pk_03_a_challenge_is_exactly_43_base64url_characters() {
        let longer = format!("{CHALLENGE}A");
        let padded = format!("{}=", &CHALLENGE[..42]);
        for challenge in [&CHALLENGE[..42], &longer, &padded, ""] {
            assert!(CodeChallenge::from_request(Some(challenge), Some("S256")).is_err());
        }
    }
}
