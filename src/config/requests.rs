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
}

impl Default for RequestConfig {
    fn default() -> Self {
        Self {
            pushed_lifetime: Lifetime::seconds(90),
            pushed_per_minute: 6000,
            require_pushed: false,
        }
    }
}
