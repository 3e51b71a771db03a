//! The members of a client that OpenID Connect Registration §2 adds, as flags of the same names.

use crate::cli::context::words;
use crate::domain::clients::management::ClientDraft;
use crate::protocol::client::SubjectType;
use clap::Args;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct OpenIdMembers {
    /// public (the default), or pairwise: people have another sub in each sector
    #[arg(long, value_name = "TYPE")]
    subject_type: Option<SubjectType>,
    /// A document with the redirect URIs of all clients that know people by the same pairwise sub
    #[arg(long, value_name = "URI")]
    sector_identifier_uri: Option<String>,
    /// Encrypt ID tokens to the client: ECDH-ES, ECDH-ES+A256KW or RSA-OAEP-256
    #[arg(long, value_name = "ALG")]
    id_token_encrypted_response_alg: Option<String>,
    /// What encrypts them: A256GCM (the default) or A128GCM
    #[arg(long, value_name = "ENC")]
    id_token_encrypted_response_enc: Option<String>,
    /// Sign userinfo: RS256, PS256, ES256 or EdDSA; plain JSON when not given
    #[arg(long, value_name = "ALG")]
    userinfo_signed_response_alg: Option<String>,
    /// Encrypt userinfo to the client: ECDH-ES, ECDH-ES+A256KW or RSA-OAEP-256
    #[arg(long, value_name = "ALG")]
    userinfo_encrypted_response_alg: Option<String>,
    /// What encrypts it: A256GCM (the default) or A128GCM
    #[arg(long, value_name = "ENC")]
    userinfo_encrypted_response_enc: Option<String>,
    /// Sign answers of introspection that are asked for as a token: RS256 (the default), PS256,
    /// ES256 or EdDSA (RFC 9701)
    #[arg(long, value_name = "ALG")]
    introspection_signed_response_alg: Option<String>,
    /// Encrypt them to the client: ECDH-ES, ECDH-ES+A256KW or RSA-OAEP-256
    #[arg(long, value_name = "ALG")]
    introspection_encrypted_response_alg: Option<String>,
    /// What encrypts them: A256GCM (the default) or A128GCM
    #[arg(long, value_name = "ENC")]
    introspection_encrypted_response_enc: Option<String>,
    /// The levels of sign-in that the client wants when a request names none, such as 1
    #[arg(long, value_name = "ACR", num_args = 1..)]
    default_acr_values: Vec<String>,
    /// A picture of the client for the sign-in pages: PNG, JPEG, GIF or WebP
    #[arg(long, value_name = "URI")]
    logo_uri: Option<String>,
    /// Where a sign-in can be started from our pages (OpenID Connect Core 4)
    #[arg(long, value_name = "URI")]
    initiate_login_uri: Option<String>,
}

impl OpenIdMembers {
    /// Writes what was given into a draft.
    pub fn apply(&self, draft: &mut ClientDraft) {
        let metadata = &mut draft.metadata;
        metadata.subject_type = self.subject_type.unwrap_or(metadata.subject_type);
        for (member, given) in [
            (&mut metadata.sector_identifier_uri, &self.sector_identifier_uri),
            (&mut metadata.id_token_encrypted_response_alg, &self.id_token_encrypted_response_alg),
            (&mut metadata.id_token_encrypted_response_enc, &self.id_token_encrypted_response_enc),
            (&mut metadata.userinfo_signed_response_alg, &self.userinfo_signed_response_alg),
            (&mut metadata.userinfo_encrypted_response_alg, &self.userinfo_encrypted_response_alg),
            (&mut metadata.userinfo_encrypted_response_enc, &self.userinfo_encrypted_response_enc),
            (
                &mut metadata.introspection.introspection_signed_response_alg,
                &self.introspection_signed_response_alg,
            ),
            (
                &mut metadata.introspection.introspection_encrypted_response_alg,
                &self.introspection_encrypted_response_alg,
            ),
            (
                &mut metadata.introspection.introspection_encrypted_response_enc,
                &self.introspection_encrypted_response_enc,
            ),
            (&mut metadata.logo_uri, &self.logo_uri),
            (&mut metadata.initiate_login_uri, &self.initiate_login_uri),
        ] {
            if given.is_some() {
                member.clone_from(given);
            }
        }
        let levels = words(&self.default_acr_values);
        if !levels.is_empty() {
            metadata.default_acr_values = levels;
        }
    }
}

/// Takes a member away. False when it is none of these.
pub fn unset(draft: &mut ClientDraft, name: &str) -> bool {
    let metadata = &mut draft.metadata;
    match name {
        "subject_type" => metadata.subject_type = SubjectType::Public,
        "sector_identifier_uri" => metadata.sector_identifier_uri = None,
        "id_token_encrypted_response_alg" | "id_token_encrypted_response_enc" => {
            metadata.id_token_encrypted_response_alg = None;
            metadata.id_token_encrypted_response_enc = None;
        }
        "userinfo_signed_response_alg" => metadata.userinfo_signed_response_alg = None,
        "userinfo_encrypted_response_alg" | "userinfo_encrypted_response_enc" => {
            metadata.userinfo_encrypted_response_alg = None;
            metadata.userinfo_encrypted_response_enc = None;
        }
        "introspection_signed_response_alg" => {
            metadata.introspection.introspection_signed_response_alg = None;
        }
        "introspection_encrypted_response_alg" | "introspection_encrypted_response_enc" => {
            metadata.introspection.introspection_encrypted_response_alg = None;
            metadata.introspection.introspection_encrypted_response_enc = None;
        }
        "default_acr_values" => metadata.default_acr_values.clear(),
        "logo_uri" => metadata.logo_uri = None,
        "initiate_login_uri" => metadata.initiate_login_uri = None,
        _ => return false,
    }
    true
}
