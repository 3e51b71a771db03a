//! DPoP proofs (RFC 9449 §4): a sender shows that it holds a key.
//!
//! A proof is for one request: its method, its address and, at a resource, its access token. It is
//! fresh when it is recent or carries a nonce of the server's, and it is good once: whoever accepts
//! it remembers its [`replay_key`](Proof::replay_key) for as long as it stays fresh.

use super::algorithm::SigningAlgorithm;
use super::claims::Claims;
use super::error::JoseError;
use super::verify::{Expected, gate};
use crate::protocol::time::{Lifetime, Timestamp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::sha::sha256;
use url::Url;

/// The algorithms that proofs may be signed with: `dpop_signing_alg_values_supported`.
pub const ALGORITHMS: [SigningAlgorithm; 3] =
    [SigningAlgorithm::ES256, SigningAlgorithm::PS256, SigningAlgorithm::EdDSA];

/// How old a proof may be, in seconds, and how far ahead the sender's clock.
const MAX_AGE_SECONDS: u32 = 240;
const LEEWAY_SECONDS: u32 = 60;
/// The longest `jti`, in bytes.
const MAX_JTI_BYTES: usize = 256;
const MAX_HTU_BYTES: usize = 4096;

const EXPECTED: Expected<'static> = Expected::new(&["dpop+jwt"], &ALGORITHMS).with_key_in_header();

/// The request that a proof must be for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The addresses that the request may be known by; one of them must be meant.
    pub uris: &'a [String],
    /// The access token that is sent with it (RFC 9449 §7).
    pub access_token: Option<&'a str>,
}

/// A proof whose signature verified and that is for the request it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of its key (RFC 7638).
    pub jkt: String,
    /// The nonce that it repeats. Whether it is a good one, its maker knows.
    pub nonce: Option<String>,
    issued_at: Timestamp,
    replay_key: String,
}

impl Proof {
    /// Checks all of a proof but its age and whether it was used before (RFC 9449 §4.3).
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(proof: &str, target: &Target<'_>) -> Result<Self, JoseError> {
        let token = gate(proof, &EXPECTED)?;
        let claims = token.verify_with_header_key()?;
        let jkt = token.jwk().ok_or(JoseError::Refused("jwk is missing"))?.thumbprint();
        claims.expect_str("htm", target.method)?;
        let htu = check_uri(&claims, target.uris)?;
        if let Some(access_token) = target.access_token {
            claims.expect_str("ath", &hash(access_token))?;
        }
        let jti = claims.required_str("jti")?;
        if jti.len() > MAX_JTI_BYTES {
            return Err(JoseError::Claim { name: "jti", problem: "is too long" });
        }
        Ok(Self {
            replay_key: hash(&format!("{jkt}\n{htu}\n{jti}")),
            jkt,
            nonce: claims.str("nonce")?.map(str::to_owned),
            issued_at: claims.required_time("iat")?,
        })
    }

    /// Whether the proof is recent: made at most five minutes ago, at most one ahead (§11.1).
    ///
    /// # Errors
    ///
    /// `Claim` when it is too old, or from the future.
    pub fn check_age(&self, now: Timestamp) -> Result<(), JoseError> {
        let wrong = |problem| JoseError::Claim { name: "iat", problem };
        let age = now.seconds_since(self.issued_at);
        match age {
            _ if age > i64::from(MAX_AGE_SECONDS + LEEWAY_SECONDS) => Err(wrong("is too old")),
            _ if age < -i64::from(LEEWAY_SECONDS) => Err(wrong("is in the future")),
            _ => Ok(()),
        }
    }

    /// Until when a proof that is accepted at `now` could be fresh, by its age or by its nonce.
    pub fn remember_until(&self, now: Timestamp) -> Timestamp {
        now + REMEMBERED
    }

    /// The same for two proofs with one key, address and `jti`.
    pub fn replay_key(&self) -> &str {
        &self.replay_key
    }
}

/// From the furthest ahead to the oldest.
pub const REMEMBERED: Lifetime = Lifetime::seconds(MAX_AGE_SECONDS + 2 * LEEWAY_SECONDS + 1);

/// The base64url of a SHA-256: `ath` (RFC 9449 §4.2).
fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()))
}

/// Gives `htu` as it is compared.
fn check_uri(claims: &Claims, expected: &[String]) -> Result<String, JoseError> {
    let wrong = JoseError::Claim { name: "htu", problem: "is not the address of the request" };
    let htu = normalized(claims.required_str("htu")?).ok_or(wrong.clone())?;
    let is_meant = expected.iter().any(|uri| normalized(uri).as_ref() == Some(&htu));
    is_meant.then_some(htu).ok_or(wrong)
}

/// An address without query and fragment, after the normalisation of RFC 3986 §6.2.2 and §6.2.3.
fn normalized(uri: &str) -> Option<String> {
    if uri.len() > MAX_HTU_BYTES || !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut url = Url::parse(uri).ok()?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "https" | "http") || has_user {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(with_plain_escapes(url.as_str()))
}

/// Undoes the escapes of characters that need none, and writes the others in capitals.
fn with_plain_escapes(uri: &str) -> String {
    let mut plain = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let Some(code) = code else {
            plain.push('%');
            rest = after;
            continue;
        };
        match code.is_ascii_alphanumeric() || b"-._~".contains(&code) {
            true => plain.push(char::from(code)),
            false => plain.push_str(&format!("%{code:02X}")),
        }
        rest = &after[2..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
#[path = "dpop_tests.rs"]
mod tests;
