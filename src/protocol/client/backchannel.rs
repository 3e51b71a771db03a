//! How a client asks people who are elsewhere (OpenID Connect CIBA §4): its registered metadata, by
//! the names of the specification.

use super::super::words::{UnknownValue, words};
use serde::{Deserialize, Serialize};

words! {
    /// How the client learns that somebody has decided (CIBA §5).
    DeliveryMode {
        /// It asks the token endpoint until then.
        Poll = "poll",
        /// It is told, and then asks.
        Ping = "ping",
    }
}

/// CIBA §4.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackchannelMetadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_token_delivery_mode: Option<DeliveryMode>,
    /// Where a client with the mode `ping` is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_client_notification_endpoint: Option<String>,
    /// The client signs its requests, by this algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_authentication_request_signing_alg: Option<String>,
    /// Whether people type a secret of theirs at the client; not offered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backchannel_user_code_parameter: bool,
}

impl BackchannelMetadata {
    /// Whether the client is told when somebody has decided.
    pub fn is_pinged(&self) -> bool {
        self.backchannel_token_delivery_mode == Some(DeliveryMode::Ping)
    }
}
