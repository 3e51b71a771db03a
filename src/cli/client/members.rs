//! The members of a client as flags, by the names of RFC 7591 and OpenID Connect Registration.

use super::backchannel::{self, BackchannelMembers};
use super::claims::{self, ClaimMembers};
use super::exchange::{self, ExchangeMembers};
use super::logout::{self, LogoutMembers};
use super::openid::{self, OpenIdMembers};
use super::requests::{self, RequestMembers};
use super::sender::SenderMembers;
use crate::cli::context::{json_file, words};
use crate::cli::output::CliError;
use crate::domain::clients::management::ClientDraft;
use crate::protocol::client::{AccessTokenFormat, ApplicationType, AuthMethod, GrantType};
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct Members {
    /// Where people may be sent back to, byte for byte
    #[arg(long = "redirect-uri", visible_alias = "redirect-uris", value_name = "URI", num_args = 1..)]
    redirect_uris: Vec<String>,
    /// authorization_code, refresh_token, client_credentials,
    /// urn:ietf:params:oauth:grant-type:token-exchange,
    /// urn:ietf:params:oauth:grant-type:device_code,
    /// urn:openid:params:grant-type:ciba,
    /// urn:ietf:params:oauth:grant-type:jwt-bearer [default: authorization_code and refresh_token]
    #[arg(long = "grant-type", visible_alias = "grant-types", value_name = "GRANT", num_args = 1..)]
    grant_types: Vec<String>,
    /// code; with features.legacy_response_types also id_token, "id_token token", "code id_token"
    /// and others of this kind
    #[arg(long = "response-type", visible_alias = "response-types", value_name = "TYPE", num_args = 1..)]
    response_types: Vec<String>,
    /// The most that the client may be given, such as "openid email"
    #[arg(long, visible_alias = "scopes", value_name = "SCOPE", num_args = 1..)]
    scope: Vec<String>,
    /// The client cannot keep a secret: it runs in a browser or on somebody's device
    #[arg(long, conflicts_with = "auth_method")]
    public: bool,
    /// none, client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt,
    /// tls_client_auth or self_signed_tls_client_auth
    #[arg(long, visible_alias = "token-endpoint-auth-method", value_name = "METHOD")]
    auth_method: Option<AuthMethod>,
    /// RS256, PS256, ES256 or EdDSA for private_key_jwt, any of them when not given; HS256 for
    /// client_secret_jwt
    #[arg(long, value_name = "ALG")]
    token_endpoint_auth_signing_alg: Option<String>,
    /// A file with the public keys of the client, a JWK Set
    #[arg(long, value_name = "FILE", conflicts_with_all = ["jwks", "jwks_uri"])]
    jwks_file: Option<PathBuf>,
    /// The public keys themselves, a JWK Set
    #[arg(long, value_name = "JSON", conflicts_with = "jwks_uri")]
    jwks: Option<String>,
    /// Where the public keys of the client are
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
    /// How ID tokens are signed: RS256 (the default), PS256, ES256 or EdDSA
    #[arg(long, visible_alias = "id-token-signed-response-alg", value_name = "ALG")]
    id_token_alg: Option<String>,
    /// jwt (the default), jwe or opaque
    #[arg(long, value_name = "FORMAT")]
    access_token_format: Option<AccessTokenFormat>,
    /// How access tokens are signed: ES256 (the default), RS256, PS256 or EdDSA
    #[arg(long, visible_alias = "access-token-signed-alg", value_name = "ALG")]
    access_token_alg: Option<String>,
    /// A file with the public key to encrypt access tokens to, a JWK; ours when not given
    #[arg(long, value_name = "FILE")]
    access_token_encryption_jwk_file: Option<PathBuf>,
    /// How long access tokens live, 30 to 3600
    #[arg(long, value_name = "SECONDS")]
    access_token_lifetime: Option<u32>,
    /// The only resources that it may ask tokens for, by identifier
    #[arg(long = "allowed-resource", visible_alias = "allowed-resources", value_name = "URI", num_args = 1..)]
    allowed_resources: Vec<String>,
    /// The types of authorization details that it may ask for (RFC 9396)
    #[arg(long, visible_alias = "authorization-details-type", value_name = "TYPE", num_args = 1..)]
    authorization_details_types: Vec<String>,
    /// The resources that it serves, by identifier: it may introspect tokens for them
    #[arg(long, value_name = "URI", num_args = 1..)]
    resource_server_of: Vec<String>,
    /// Where people may be sent after signing out
    #[arg(
        long = "post-logout-redirect-uri",
        visible_alias = "post-logout-redirect-uris",
        value_name = "URI",
        num_args = 1..
    )]
    post_logout_redirect_uris: Vec<String>,
    /// Do not ask people: the client is of our own house
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    skip_consent: Option<bool>,
    /// Whether PKCE is required; public clients need it anyway
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    require_pkce: Option<bool>,
    /// Give a refresh token with every sign-in, without offline_access; it ends with the session
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    always_refresh_token: Option<bool>,
    /// web or native
    #[arg(long, value_name = "TYPE")]
    application_type: Option<ApplicationType>,
    /// Whom to ask about the client
    #[arg(long = "contacts", visible_alias = "contact", value_name = "EMAIL", num_args = 1..)]
    contacts: Vec<String>,
    /// The home page of the client
    #[arg(long, value_name = "URI")]
    client_uri: Option<String>,
    /// The privacy policy of the client
    #[arg(long, value_name = "URI")]
    policy_uri: Option<String>,
    /// The terms of service of the client
    #[arg(long, value_name = "URI")]
    tos_uri: Option<String>,
    /// After how many seconds people sign in again
    #[arg(long, value_name = "SECONDS")]
    default_max_age: Option<u32>,
    /// Put auth_time into every ID token
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    require_auth_time: Option<bool>,
    #[command(flatten)]
    logout: LogoutMembers,
    #[command(flatten)]
    claims: ClaimMembers,
    #[command(flatten)]
    exchange: ExchangeMembers,
    #[command(flatten)]
    backchannel: BackchannelMembers,
    #[command(flatten)]
    requests: RequestMembers,
    #[command(flatten)]
    sender: SenderMembers,
    #[command(flatten)]
    openid: OpenIdMembers,
}

impl Members {
    /// Whether the grants are left to what follows from the rest.
    pub(super) fn names_no_grant(&self) -> bool {
        self.grant_types.is_empty()
    }

    /// Writes what was given into a draft.
    pub fn apply(&self, draft: &mut ClientDraft) -> Result<(), CliError> {
        self.apply_lists(draft)?;
        self.apply_proof(draft)?;
        self.apply_texts(draft);
        self.apply_policy(draft)?;
        self.claims.apply(&mut draft.policy)?;
        self.exchange.apply(&mut draft.policy.exchange)?;
        self.requests.apply(draft);
        self.backchannel.apply(draft);
        self.logout.apply(draft);
        self.openid.apply(draft);
        draft.policy.kind = draft.metadata.kind();
        Ok(())
    }

    fn apply_lists(&self, draft: &mut ClientDraft) -> Result<(), CliError> {
        let metadata = &mut draft.metadata;
        replace(&mut metadata.redirect_uris, &spaced(&self.redirect_uris));
        replace(&mut metadata.post_logout_redirect_uris, &spaced(&self.post_logout_redirect_uris));
        replace(&mut metadata.contacts, &words(&self.contacts));
        let types = spaced(&self.authorization_details_types);
        replace(&mut metadata.authorization_details_types, &types);
        let grants: Result<Vec<GrantType>, _> =
            words(&self.grant_types).iter().map(|word| word.parse()).collect();
        let grants = grants.map_err(|error| CliError::Usage(format!("--grant-type: {error}")))?;
        if !grants.is_empty() {
            // The response types follow the grants, unless they are given too.
            metadata.response_types = vec!["code".into()];
        }
        replace(&mut metadata.grant_types, &grants);
        // A response type may hold spaces, so only commas separate them.
        let types = self.response_types.iter().flat_map(|types| types.split(','));
        let types: Vec<String> = types.map(|one| one.trim().to_owned()).collect();
        replace(&mut metadata.response_types, &types);
        if !self.scope.is_empty() {
            let scope = words(&self.scope).join(" ").parse();
            metadata.scope = scope.map_err(|error: crate::protocol::error::OAuthError| {
                CliError::Usage(format!("--scope: {}", error.description))
            })?;
        }
        Ok(())
    }

    fn apply_proof(&self, draft: &mut ClientDraft) -> Result<(), CliError> {
        let metadata = &mut draft.metadata;
        if self.public {
            metadata.token_endpoint_auth_method = AuthMethod::None;
        }
        if let Some(method) = self.auth_method {
            metadata.token_endpoint_auth_method = method;
        }
        if let Some(path) = &self.jwks_file {
            metadata.jwks = Some(json_file("--jwks-file", path)?);
        }
        if let Some(text) = &self.jwks {
            let jwks: Result<Value, _> = serde_json::from_str(text);
            let jwks = jwks.map_err(|error| CliError::Usage(format!("--jwks: {error}")))?;
            metadata.jwks = Some(jwks);
        }
        // One replaces the other.
        if self.jwks_uri.is_some() {
            metadata.jwks = None;
            metadata.jwks_uri.clone_from(&self.jwks_uri);
        } else if self.jwks.is_some() || self.jwks_file.is_some() {
            metadata.jwks_uri = None;
        }
        Ok(())
    }

    fn apply_texts(&self, draft: &mut ClientDraft) {
        let metadata = &mut draft.metadata;
        for (member, given) in [
            (&mut metadata.client_uri, &self.client_uri),
            (&mut metadata.policy_uri, &self.policy_uri),
            (&mut metadata.tos_uri, &self.tos_uri),
            (&mut metadata.id_token_signed_response_alg, &self.id_token_alg),
            (&mut metadata.token_endpoint_auth_signing_alg, &self.token_endpoint_auth_signing_alg),
            (&mut draft.policy.access_token_signed_alg, &self.access_token_alg),
        ] {
            if given.is_some() {
                member.clone_from(given);
            }
        }
        if let Some(application_type) = self.application_type {
            metadata.application_type = application_type;
        }
        metadata.default_max_age = self.default_max_age.or(metadata.default_max_age);
        metadata.require_auth_time = self.require_auth_time.unwrap_or(metadata.require_auth_time);
        self.sender.apply(&mut metadata.sender);
    }

    fn apply_policy(&self, draft: &mut ClientDraft) -> Result<(), CliError> {
        let policy = &mut draft.policy;
        if let Some(format) = self.access_token_format {
            policy.access_token_format = format;
        }
        if let Some(path) = &self.access_token_encryption_jwk_file {
            let jwk = json_file("--access-token-encryption-jwk-file", path)?;
            policy.access_token_encryption_jwk = Some(jwk);
        }
        policy.access_token_lifetime = self.access_token_lifetime.or(policy.access_token_lifetime);
        policy.skip_consent = self.skip_consent.unwrap_or(policy.skip_consent);
        policy.require_pkce = self.require_pkce.unwrap_or(policy.require_pkce);
        let always = self.always_refresh_token.unwrap_or(policy.always_refresh_token);
        policy.always_refresh_token = always;
        replace(&mut policy.allowed_resources, &spaced(&self.allowed_resources));
        replace(&mut policy.resource_server_of, &spaced(&self.resource_server_of));
        Ok(())
    }
}

/// URIs may hold commas, so only spaces separate them.
fn spaced(values: &[String]) -> Vec<String> {
    values.iter().flat_map(|value| value.split_whitespace()).map(str::to_owned).collect()
}

fn replace<T: Clone>(member: &mut Vec<T>, given: &[T]) {
    if !given.is_empty() {
        *member = given.to_vec();
    }
}

/// Takes members away.
pub fn unset(draft: &mut ClientDraft, names: &[String]) -> Result<(), CliError> {
    let of_certificates = draft.metadata.sender.names().map(|(member, _)| member);
    for name in words(names) {
        let member = name.replace('-', "_");
        if openid::unset(draft, &member)
            || logout::unset(draft, &member)
            || backchannel::unset(draft, &member)
        {
            continue;
        }
        let (metadata, policy) = (&mut draft.metadata, &mut draft.policy);
        match member.as_str() {
            "contacts" => metadata.contacts.clear(),
            "client_uri" => metadata.client_uri = None,
            "policy_uri" => metadata.policy_uri = None,
            "tos_uri" => metadata.tos_uri = None,
            "jwks_uri" => metadata.jwks_uri = None,
            "jwks" => metadata.jwks = None,
            "id_token_signed_response_alg" => metadata.id_token_signed_response_alg = None,
            "token_endpoint_auth_signing_alg" => metadata.token_endpoint_auth_signing_alg = None,
            "default_max_age" => metadata.default_max_age = None,
            "redirect_uris" => metadata.redirect_uris.clear(),
            "post_logout_redirect_uris" => metadata.post_logout_redirect_uris.clear(),
            "access_token_signed_alg" => policy.access_token_signed_alg = None,
            "access_token_encryption_jwk" => policy.access_token_encryption_jwk = None,
            "access_token_lifetime" => policy.access_token_lifetime = None,
            "authorization_details_types" => metadata.authorization_details_types.clear(),
            "allowed_resources" => policy.allowed_resources.clear(),
            "resource_server_of" => policy.resource_server_of.clear(),
            member if requests::unset(&mut metadata.requests, member) => {}
            member if claims::unset(policy, member) => {}
            member if exchange::unset(&mut policy.exchange, member) => {}
            other if of_certificates.contains(&other) => {
                metadata.sender.names_mut().into_iter().for_each(|(member, value)| {
                    if member == other {
                        *value = None;
                    }
                });
            }
            _ => {
                let says = format!("--unset {name}: not a member that can be taken away");
                return Err(CliError::Usage(says));
            }
        }
    }
    Ok(())
}
