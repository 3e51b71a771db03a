//! How the revocation list goes out.

use serde::{Deserialize, Serialize};

/// Where the list lies besides the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RevocationConfig {
    /// Whether each entry has a key of its own in Redis, for services that look up single tokens. Those
    /// that follow the stream do without, and it is most of the memory.
    pub redis_single_keys: bool,
}

impl Default for RevocationConfig {
    fn default() -> Self {
        Self { redis_single_keys: true }
    }
}
