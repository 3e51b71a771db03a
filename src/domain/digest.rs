//! The form in which high-entropy secrets are stored and looked up.
//!
//! Values that are stored often say in front where their row is, so that what is new lies together in
//! the database: a code starts with the id of its authorization, a refresh token with the time.

use crate::protocol::random::{Random, time_prefix};
use crate::protocol::time::Timestamp;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// SHA-256 of a code, token, secret or session id, base64url. Enough for values with 256 random
/// bits: nobody can try them all, so nothing slower is needed.
pub fn digest(value: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(value))
}

/// How long the id of an authorization is.
const ID_CHARACTERS: usize = 32;
/// How long the time in front of a refresh token is.
const TIME_CHARACTERS: usize = 8;
/// How long a value of 256 bits is.
const SECRET_CHARACTERS: usize = 43;

/// A new authorization code.
pub fn new_code(authorization_id: &str, random: &dyn Random) -> String {
    format!("{authorization_id}{}", random.secret())
}

/// The id of the authorization that a code names, if it has the form of one of ours.
pub fn authorization_of_code(code: &str) -> Option<&str> {
    let (id, secret) = code.split_at_checked(ID_CHARACTERS)?;
    (secret.len() == SECRET_CHARACTERS).then_some(id)
}

/// A refresh token of `secret` (256 bits) that is made at `now`.
pub fn refresh_token(now: Timestamp, secret: &str) -> String {
    format!("{}{secret}", time_prefix(now))
}

/// The refresh token of `secret` that is stored under `key`.
pub fn refresh_token_of_key(key: &str, secret: &str) -> String {
    format!("{}{secret}", key.get(..TIME_CHARACTERS).unwrap_or_default())
}

/// Whether a value has the form of a refresh token of ours.
pub fn is_refresh_token(value: &str) -> bool {
    value.len() == TIME_CHARACTERS + SECRET_CHARACTERS && !value.contains('.')
}

/// What a refresh token is stored under: the time it starts with, and its hash.
pub fn refresh_key(token: &str) -> String {
    let hash = digest(token);
    match token.split_at_checked(TIME_CHARACTERS) {
        Some((time, secret)) if secret.len() == SECRET_CHARACTERS => format!("{time}{hash}"),
        _ => hash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::random::SystemRandom;

    #[test]
    fn a_code_names_its_authorization() {
        let id = "0123456789abcdef0123456789abcdef";
        let code = new_code(id, &SystemRandom);
        assert_eq!(authorization_of_code(&code), Some(id));
        for foreign in ["", "code", &code[1..], &format!("{code}a"), &"é".repeat(60)] {
            assert_eq!(authorization_of_code(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn refresh_tokens_lie_in_the_order_of_their_time() {
        let random: &dyn Random = &SystemRandom;
        let at = |time| refresh_key(&refresh_token(Timestamp::from_unix(time), &random.secret()));
        assert!(at(1_800_000_000) < at(1_800_000_001));
    }

    #[test]
    fn a_refresh_token_is_found_again_by_its_key() {
        let (now, secret) = (Timestamp::from_unix(1_800_000_000), "s".repeat(43));
        let token = refresh_token(now, &secret);
        assert_eq!(refresh_token_of_key(&refresh_key(&token), &secret), token);
    }

    #[test]
    fn what_is_no_refresh_token_of_ours_is_looked_up_by_its_hash() {
        for foreign in ["", "short", &"a".repeat(43), &"é".repeat(30)] {
            assert_eq!(refresh_key(foreign), digest(foreign), "{foreign}");
        }
    }
}
