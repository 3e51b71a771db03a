//! Authorization requests that are pushed (RFC 9126) or signed (RFC 9101).

use crate::protocol::time::Lifetime;
use serde::{Deserialize, Serialize};

/// How authorization requests may come, and must.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestConfig {
    /// Seconds from the push until the browser must have brought the `request_uri`. FAPI 2.0 wants
    /// less than 600.
    pub pushed_lifetime: Lifetime,
    /// How many requests one client may push in a minute, at each instance; a public client from
    /// one address a tenth of it.
    pub pushed_per_minute: u32,
    /// Whether every client must push its requests.
    pub require_pushed: bool,
    /// Whether every client must sign its requests (RFC 9101).
    pub require_signed: bool,
    /// Whether request objects are fetched from where a `request_uri` points.
    pub by_reference: ByReference,
}

/// Which request objects are fetched (RFC 9101 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByReference {
    /// None.
    Off,
    /// Those at a `request_uri` that the client registered.
    Registered,
    /// Those at any public https address.
    Any,
}

impl Default for RequestConfig {
    fn default() -> Self {
        Self {
            pushed_lifetime: Lifetime::seconds(90),
            pushed_per_minute: 6000,
            require_pushed: false,
            require_signed: false,
            by_reference: ByReference::Off,
        }
    }
}
