//! Tokens taken apart and put together, also in ways that no honest library would.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use serde_json::{Value, json};

/// The JSON of one part of a token.
#[track_caller]
pub fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("the token has such a part");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The header of a token.
#[track_caller]
pub fn header(token: &str) -> Value {
    part(token, 0)
}

/// The claims of a token, unverified.
#[track_caller]
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// One part of a token from its text.
pub fn encode(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// A token with this header and these claims whose signature is not one.
pub fn unsigned(header: &str, claims: &str, signature: &str) -> String {
    format!("{}.{}.{signature}", encode(header), encode(claims))
}

/// A fresh key.
pub fn key(algorithm: SigningAlgorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("a key can be made")
}

/// The public half as a JWK set.
pub fn jwks(keys: &[&SigningKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>() })
}

/// Signs claims of any kind.
pub fn sign(key: &SigningKey, typ: Typ, claims: &Value) -> String {
    key.sign(typ, claims).expect("it can be signed")
}
