//! How the requests of a client are protected, as flags.

use crate::cli::context::words;
use crate::domain::clients::management::ClientDraft;
use crate::protocol::client::Profile;
use crate::protocol::client::requests::RequestMetadata;
use clap::Args;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct RequestMembers {
    /// none (the default), fapi2 or fapi2-message-signing: rules that the client is held to as a whole
    #[arg(long, value_name = "PROFILE")]
    profile: Option<Profile>,
    /// Take only requests that the client pushed before (RFC 9126)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    require_pushed_authorization_requests: Option<bool>,
    /// Take only requests that the client signed (RFC 9101)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    require_signed_request_object: Option<bool>,
    /// How the client signs requests: RS256, PS256, ES256 or EdDSA; any of them when not given
    #[arg(long, value_name = "ALG")]
    request_object_signing_alg: Option<String>,
    /// How the client encrypts requests, if it does: ECDH-ES or RSA-OAEP-256
    #[arg(long, value_name = "ALG")]
    request_object_encryption_alg: Option<String>,
    /// With what the client encrypts requests: A128GCM or A256GCM
    #[arg(long, value_name = "ENC")]
    request_object_encryption_enc: Option<String>,
    /// Where request objects may be fetched from
    #[arg(long = "request-uri", visible_alias = "request-uris", value_name = "URI", num_args = 1..)]
    request_uris: Vec<String>,
    /// How responses as tokens (JARM) are signed: RS256 (the default), PS256, ES256 or EdDSA
    #[arg(long, value_name = "ALG")]
    authorization_signed_response_alg: Option<String>,
    /// How responses as tokens are encrypted: ECDH-ES, ECDH-ES+A256KW or RSA-OAEP-256
    #[arg(long, value_name = "ALG")]
    authorization_encrypted_response_alg: Option<String>,
    /// With what they are encrypted: A256GCM (the default) or A128GCM
    #[arg(long, value_name = "ENC")]
    authorization_encrypted_response_enc: Option<String>,
}

impl RequestMembers {
    /// Writes what was given into a draft.
    pub fn apply(&self, draft: &mut ClientDraft) {
        draft.policy.profile = self.profile.unwrap_or(draft.policy.profile);
        let requests = &mut draft.metadata.requests;
        for (member, given) in [
            (
                &mut requests.require_pushed_authorization_requests,
                self.require_pushed_authorization_requests,
            ),
            (&mut requests.require_signed_request_object, self.require_signed_request_object),
        ] {
            *member = given.unwrap_or(*member);
        }
        for (member, given) in [
            (&mut requests.request_object_signing_alg, &self.request_object_signing_alg),
            (&mut requests.request_object_encryption_alg, &self.request_object_encryption_alg),
            (&mut requests.request_object_encryption_enc, &self.request_object_encryption_enc),
            (
                &mut requests.authorization_signed_response_alg,
                &self.authorization_signed_response_alg,
            ),
            (
                &mut requests.authorization_encrypted_response_alg,
                &self.authorization_encrypted_response_alg,
            ),
            (
                &mut requests.authorization_encrypted_response_enc,
                &self.authorization_encrypted_response_enc,
            ),
        ] {
            if given.is_some() {
                member.clone_from(given);
            }
        }
        if !self.request_uris.is_empty() {
            requests.request_uris = words(&self.request_uris);
        }
    }
}

/// Takes a member away; false when there is none of this name here.
pub fn unset(requests: &mut RequestMetadata, name: &str) -> bool {
    match name {
        "request_object_signing_alg" => requests.request_object_signing_alg = None,
        "request_object_encryption_alg" => requests.request_object_encryption_alg = None,
        "request_object_encryption_enc" => requests.request_object_encryption_enc = None,
        "request_uris" => requests.request_uris.clear(),
        "authorization_signed_response_alg" => requests.authorization_signed_response_alg = None,
        "authorization_encrypted_response_alg" => {
            requests.authorization_encrypted_response_alg = None;
        }
        "authorization_encrypted_response_enc" => {
            requests.authorization_encrypted_response_enc = None;
        }
        _ => return false,
    }
    true
}
