//! The members of a resource as flags.

use crate::cli::context::{claim_rules, json_file, words};
use crate::cli::output::CliError;
use crate::protocol::client::AccessTokenFormat;
use crate::protocol::resource::ResourceSettings;
use clap::Args;
use std::path::PathBuf;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct Members {
    /// A scope of the resource, with the words that people read: orders:read='See your orders', and in
    /// another language orders:read#de='Ihre Bestellungen sehen'. On update these replace all there were
    #[arg(long = "scope", visible_alias = "scopes", value_name = "SCOPE[#LANGUAGE][=WORDS]", num_args = 1..)]
    scopes: Vec<String>,
    /// jwt (the default), jwe or opaque
    #[arg(long, value_name = "FORMAT")]
    token_format: Option<AccessTokenFormat>,
    /// ES256 (the default), RS256, PS256, EdDSA, or HS256 with a secret of its own
    #[arg(long, visible_alias = "token-alg", value_name = "ALG")]
    token_signed_alg: Option<String>,
    /// For jwe: ECDH-ES, ECDH-ES+A256KW, RSA-OAEP-256, or dir or A256KW with a secret of its own
    #[arg(long, value_name = "ALG")]
    token_encryption_alg: Option<String>,
    /// For jwe: A256GCM (the default) or A128GCM
    #[arg(long, value_name = "ENC")]
    token_encryption_enc: Option<String>,
    /// For jwe: a file with the public key of the resource, a JWK
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    token_encryption_jwk_file: Option<PathBuf>,
    /// For jwe: where the public keys of the resource are
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
    /// A file with the types of authorization details that it declares, a JSON array
    #[arg(long, value_name = "FILE")]
    authorization_details_types_file: Option<PathBuf>,
    /// What its tokens say of people beyond what is registered, from user.NAME, roles, groups,
    /// roles:PREFIX, groups:PREFIX or text:WORDS. On update these replace all there were
    #[arg(long = "token-claim", visible_alias = "token-claims", value_name = "NAME=SOURCE", num_args = 1..)]
    token_claims: Vec<String>,
    /// How long tokens live, 30 to 3600
    #[arg(long, value_name = "SECONDS")]
    token_lifetime: Option<u32>,
    /// Whether tokens say where their status is told, for services that read no list of ours
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    token_status_list: Option<bool>,
}

impl Members {
    /// Writes what was given into settings.
    pub fn apply(&self, settings: &mut ResourceSettings) -> Result<(), CliError> {
        if !self.scopes.is_empty() {
            let pair = |scope: &String| match scope.split_once('=') {
                Some((scope, words)) => (scope.to_owned(), words.trim().to_owned()),
                None => (scope.clone(), String::new()),
            };
            settings.set_scopes(self.scopes.iter().map(pair));
        }
        if let Some(format) = self.token_format {
            settings.token_format = format;
        }
        for (member, given) in [
            (&mut settings.token_signed_alg, &self.token_signed_alg),
            (&mut settings.token_encryption_alg, &self.token_encryption_alg),
            (&mut settings.token_encryption_enc, &self.token_encryption_enc),
        ] {
            if given.is_some() {
                member.clone_from(given);
            }
        }
        // One replaces the other.
        if let Some(path) = &self.token_encryption_jwk_file {
            let jwk = json_file("--token-encryption-jwk-file", path)?;
            settings.token_encryption_jwk = Some(jwk);
            settings.jwks_uri = None;
        }
        if self.jwks_uri.is_some() {
            settings.jwks_uri.clone_from(&self.jwks_uri);
            settings.token_encryption_jwk = None;
        }
        if let Some(path) = &self.authorization_details_types_file {
            let flag = "--authorization-details-types-file";
            let types = serde_json::from_value(json_file(flag, path)?);
            settings.authorization_details_types =
                types.map_err(|error| CliError::Usage(format!("{flag}: {error}")))?;
        }
        if !self.token_claims.is_empty() {
            settings.token_claims = claim_rules("--token-claim", &self.token_claims)?;
        }
        settings.token_lifetime = self.token_lifetime.or(settings.token_lifetime);
        settings.token_status_list = self.token_status_list.unwrap_or(settings.token_status_list);
        Ok(())
    }
}

/// Takes members away.
pub fn unset(settings: &mut ResourceSettings, names: &[String]) -> Result<(), CliError> {
    for name in words(names) {
        match name.replace('-', "_").as_str() {
            "scope" | "scopes" => settings.set_scopes([]),
            "token_signed_alg" => settings.token_signed_alg = None,
            "token_encryption_alg" => settings.token_encryption_alg = None,
            "token_encryption_enc" => settings.token_encryption_enc = None,
            "token_encryption_jwk" => settings.token_encryption_jwk = None,
            "jwks_uri" => settings.jwks_uri = None,
            "authorization_details_types" => settings.authorization_details_types.clear(),
            "token_claims" => settings.token_claims.clear(),
            "token_lifetime" => settings.token_lifetime = None,
            "token_status_list" => settings.token_status_list = false,
            _ => {
                let says = format!("--unset {name}: not a member that can be taken away");
                return Err(CliError::Usage(says));
            }
        }
    }
    Ok(())
}
