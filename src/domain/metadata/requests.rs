//! What the discovery document says about requests (RFC 9126 §5, RFC 9101 §10.5) and about answers
//! that are tokens (JARM §4).

use crate::config::ByReference;
use crate::domain::authorize::{jarm, request_object};
use crate::domain::keys::ENCRYPTION;
use crate::domain::provider::Provider;
use crate::jose::{ContentEncryption, KeyManagement, SigningAlgorithm};
use serde_json::{Value, json};

/// The members about requests.
pub fn members(provider: &Provider) -> Value {
    let requests = &provider.requests;
    json!({
        "pushed_authorization_request_endpoint": format!("{}/par", provider.issuer),
        "require_pushed_authorization_requests": requests.require_pushed,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": requests.by_reference != ByReference::Off,
        "require_request_uri_registration": requests.by_reference == ByReference::Registered,
        "require_signed_request_object": requests.require_signed,
        "request_object_signing_alg_values_supported":
            request_object::ALGORITHMS.map(SigningAlgorithm::as_str),
        "request_object_encryption_alg_values_supported": ENCRYPTION.map(KeyManagement::as_str),
        "request_object_encryption_enc_values_supported":
            ContentEncryption::ALL.map(ContentEncryption::as_str),
        "authorization_signing_alg_values_supported":
            jarm::SIGNING.map(SigningAlgorithm::as_str),
        "authorization_encryption_alg_values_supported":
            KeyManagement::PUBLIC.map(KeyManagement::as_str),
        "authorization_encryption_enc_values_supported":
            ContentEncryption::ALL.map(ContentEncryption::as_str),
    })
}

/// Each response mode can carry a token as well (JARM §2.3).
pub fn add_token_modes(document: &mut Value) {
    let Some(Value::Array(modes)) = document.get_mut("response_modes_supported") else { return };
    let tokens = modes.iter().filter_map(Value::as_str).map(|mode| format!("{mode}.jwt"));
    let tokens: Vec<Value> = tokens.chain(["jwt".to_owned()]).map(Value::from).collect();
    modes.extend(tokens);
}
