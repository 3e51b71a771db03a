//! How a client asks people who are elsewhere, as flags of the names of OpenID Connect CIBA §4.

use crate::domain::clients::management::ClientDraft;
use crate::protocol::client::backchannel::DeliveryMode;
use clap::Args;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct BackchannelMembers {
    /// poll (the default) or ping: how a CIBA client learns that somebody has decided
    #[arg(long, value_name = "MODE")]
    backchannel_token_delivery_mode: Option<DeliveryMode>,
    /// Where a client with the mode ping is told
    #[arg(long, value_name = "URI")]
    backchannel_client_notification_endpoint: Option<String>,
    /// PS256, ES256 or EdDSA: take only CIBA requests that are signed so
    #[arg(long, value_name = "ALG")]
    backchannel_authentication_request_signing_alg: Option<String>,
}

impl BackchannelMembers {
    /// Writes what was given into a draft.
    pub fn apply(&self, draft: &mut ClientDraft) {
        let own = &mut draft.metadata.backchannel;
        own.backchannel_token_delivery_mode =
            self.backchannel_token_delivery_mode.or(own.backchannel_token_delivery_mode);
        for (member, given) in [
            (
                &mut own.backchannel_client_notification_endpoint,
                &self.backchannel_client_notification_endpoint,
            ),
            (
                &mut own.backchannel_authentication_request_signing_alg,
                &self.backchannel_authentication_request_signing_alg,
            ),
        ] {
            if given.is_some() {
                member.clone_from(given);
            }
        }
    }
}

/// Takes a member away. False when it is none of these.
pub fn unset(draft: &mut ClientDraft, name: &str) -> bool {
    let own = &mut draft.metadata.backchannel;
    match name {
        "backchannel_token_delivery_mode" => own.backchannel_token_delivery_mode = None,
        "backchannel_client_notification_endpoint" => {
            own.backchannel_client_notification_endpoint = None;
        }
        "backchannel_authentication_request_signing_alg" => {
            own.backchannel_authentication_request_signing_alg = None;
        }
        _ => return false,
    }
    true
}
