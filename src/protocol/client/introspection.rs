//! How a client gets the answers of introspection when it asks for them as a token (RFC 9701 §6).

use serde::{Deserialize, Serialize};

/// The members of RFC 9701 §6.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IntrospectionMetadata {
    /// RS256 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<String>,
    /// Answers are encrypted as well when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_enc: Option<String>,
}
