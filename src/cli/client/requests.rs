//! How the requests of a client are protected, as flags.

use crate::protocol::client::requests::RequestMetadata;
use clap::Args;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct RequestMembers {
    /// Take only requests that the client pushed before (RFC 9126)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    require_pushed_authorization_requests: Option<bool>,
}

impl RequestMembers {
    /// Writes what was given into the members.
    pub fn apply(&self, requests: &mut RequestMetadata) {
        if let Some(required) = self.require_pushed_authorization_requests {
            requests.require_pushed_authorization_requests = required;
        }
    }
}
