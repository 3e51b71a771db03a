//! The rules for what protects the requests of a client.

use super::{Rule, broken, is_safe_url};
use crate::domain::authorize::{jarm, request_object};
use crate::domain::form::FieldProblem;
use crate::domain::keys::ENCRYPTION;
use crate::jose::{ContentEncryption, JwkSet, KeyManagement, SigningAlgorithm};
use crate::protocol::client::ClientMetadata;

/// The ways to encrypt something to us.
pub const ENCRYPTION_TO_US: [&str; 2] = [ENCRYPTION[0].as_str(), ENCRYPTION[1].as_str()];
/// The ways to encrypt something to others.
pub const ENCRYPTION_TO_OTHERS: [&str; 3] = [
    KeyManagement::PUBLIC[0].as_str(),
    KeyManagement::PUBLIC[1].as_str(),
    KeyManagement::PUBLIC[2].as_str(),
];
/// What encrypts content, for us and for others.
pub const CONTENT_ENCRYPTION: [&str; 2] =
    [ContentEncryption::A128Gcm.as_str(), ContentEncryption::A256Gcm.as_str()];
const MAX_URIS: usize = 50;

/// Everything that is wrong with it.
pub fn problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let requests = &metadata.requests;
    let has_keys = metadata.jwks.is_some() || metadata.jwks_uri.is_some();
    let signs = requests.require_signed_request_object
        || requests.request_object_signing_alg.is_some()
        || !requests.request_uris.is_empty();
    let unsafe_uri = |uri: &String| !is_safe_url(uri.split('#').next().unwrap_or_default());
    let mut problems = broken([
        (signs && !has_keys, KEYS_MISSING),
        (
            requests.request_object_encryption_enc.is_some()
                && requests.request_object_encryption_alg.is_none(),
            ENC_WITHOUT_ALG,
        ),
        (requests.request_uris.len() > MAX_URIS, ("request_uris", "error-uri-count", "at most 50")),
        (
            requests.request_uris.iter().any(unsafe_uri),
            ("request_uris", "error-uri", "use an https address, or http of this machine"),
        ),
    ]);
    problems.extend(one_of(
        "request_object_signing_alg",
        requests.request_object_signing_alg.as_deref(),
        &request_object::ALGORITHMS.map(SigningAlgorithm::as_str),
    ));
    problems.extend(one_of(
        "request_object_encryption_alg",
        requests.request_object_encryption_alg.as_deref(),
        &ENCRYPTION_TO_US,
    ));
    problems.extend(one_of(
        "request_object_encryption_enc",
        requests.request_object_encryption_enc.as_deref(),
        &CONTENT_ENCRYPTION,
    ));
    problems.extend(response_problems(metadata));
    problems
}

/// What is wrong with how answers are to be protected.
fn response_problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let requests = &metadata.requests;
    let alg = requests.authorization_encrypted_response_alg.as_deref();
    let mut problems = broken([
        (
            requests.authorization_encrypted_response_enc.is_some() && alg.is_none(),
            RESPONSE_ENC_WITHOUT_ALG,
        ),
        (alg.is_some_and(|alg| !has_recipient(metadata, alg)), RESPONSE_KEY_MISSING),
    ]);
    problems.extend(one_of(
        "authorization_signed_response_alg",
        requests.authorization_signed_response_alg.as_deref(),
        &jarm::SIGNING.map(SigningAlgorithm::as_str),
    ));
    problems.extend(one_of("authorization_encrypted_response_alg", alg, &ENCRYPTION_TO_OTHERS));
    problems.extend(one_of(
        "authorization_encrypted_response_enc",
        requests.authorization_encrypted_response_enc.as_deref(),
        &CONTENT_ENCRYPTION,
    ));
    problems
}

/// Whether the client has a key to encrypt to by `alg`, as far as can be seen now.
fn has_recipient(metadata: &ClientMetadata, alg: &str) -> bool {
    let Ok(alg) = alg.parse::<KeyManagement>() else { return true };
    match &metadata.jwks {
        None => metadata.jwks_uri.is_some(),
        // A set that cannot be read is said elsewhere.
        Some(jwks) => JwkSet::parse(jwks.to_string().as_bytes())
            .map_or(true, |set| set.recipient(alg).is_some()),
    }
}

const RESPONSE_ENC_WITHOUT_ALG: Rule = (
    "authorization_encrypted_response_enc",
    "error-enc-alone",
    "it goes with authorization_encrypted_response_alg",
);
const RESPONSE_KEY_MISSING: Rule =
    ("jwks", "error-response-keys", "encrypted responses need a public key to encrypt to");
const KEYS_MISSING: Rule =
    ("jwks", "error-request-keys", "signed requests need jwks or jwks_uri to be checked with");
const ENC_WITHOUT_ALG: Rule = (
    "request_object_encryption_enc",
    "error-enc-alone",
    "it goes with request_object_encryption_alg",
);

/// A problem when a value is not among those that exist.
fn one_of(field: &'static str, value: Option<&str>, known: &[&str]) -> Option<FieldProblem> {
    let is_known = value.is_none_or(|value| known.contains(&value));
    let says = format!("use one of {}", known.join(" "));
    (!is_known).then(|| FieldProblem::new(field, "error-algorithm", says))
}
