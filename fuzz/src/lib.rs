//! What the targets share: keys, and tokens that carry a good signature over whatever the fuzzer
//! thinks of. Without the signature no input would ever get past the first check.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::jose::{SigningAlgorithm, SigningKey};
use std::sync::LazyLock;

/// Stands in the JSON of an input for the public key of the signer.
const KEY: &str = "\"$JWK\"";

static KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
    let make = |algorithm| match algorithm {
        SigningAlgorithm::HS256 => SigningKey::from_secret(algorithm, &[7; 32]),
        _ => SigningKey::generate(algorithm),
    };
    let keys = SigningAlgorithm::ALL.into_iter().map(make);
    keys.collect::<Result<_, _>>().expect("OpenSSL makes keys")
});

/// The key of each algorithm.
pub fn keys() -> &'static [SigningKey] {
    &KEYS
}

/// One of the keys, by the first byte of an input.
pub fn key(choice: u8) -> &'static SigningKey {
    &KEYS[usize::from(choice) % KEYS.len()]
}

/// Encodes as the parts of tokens are.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The JSON of an input, with the public key of `key` where it asks for that.
pub fn with_key(json: &str, key: &SigningKey) -> String {
    json.replace(KEY, &key.public_jwk().to_string())
}

/// A token of the header on the first line of an input and the claims on the others, with a
/// signature that is good whatever the header says.
pub fn forge(input: &str, key: &SigningKey) -> Option<String> {
    let (header, claims) = input.split_once('\n')?;
    let header = encode(with_key(header, key));
    key.sign_text(&header, claims.as_bytes()).ok()
}

/// The JSON in one part of a token, read by another reader than the product's.
pub fn part(token: &str, at: usize) -> serde_json::Value {
    let part = token.split('.').nth(at).expect("the token has its parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).expect("the gate let it pass");
    serde_json::from_slice(&bytes).expect("the gate let it pass")
}
