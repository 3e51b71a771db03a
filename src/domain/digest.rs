//! The form in which high-entropy secrets are stored and looked up.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// SHA-256 of a code, token, secret or session id, base64url. Enough for values with 256 random
/// bits: nobody can try them all, so nothing slower is needed.
pub fn digest(value: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(value))
}
