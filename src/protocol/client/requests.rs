//! How the authorization requests of a client are protected (RFC 9126 §6).

use serde::{Deserialize, Serialize};

/// The registered metadata about requests, by the names of the specifications.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestMetadata {
    /// The client may only send requests that it pushed before (RFC 9126 §6).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
}
