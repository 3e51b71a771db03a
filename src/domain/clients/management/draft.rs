//! What a client may be (RFC 7591 §2, OpenID Connect Registration §2), checked whole: every
//! problem is said at once.

mod exchange;
mod profile;
pub mod requests;

use super::{ClientError, backchannel, encryption, logout, proof, responses, sector};
use crate::domain::form::{FieldProblem, is_line, is_safe_url};
use crate::domain::keys::ALGORITHMS;
use crate::domain::private_claims;
use crate::jose::{KeyManagement, PublicJwk, SigningAlgorithm};
use crate::protocol::claims::scopes_about_people;
use crate::protocol::client::{AuthMethod, ClientMetadata, ClientPolicy, GrantType};
use crate::protocol::redirect_uri::check_registration;
use crate::protocol::resource::is_identifier;
use crate::protocol::scope::Scope;

/// The longest life of an access token: the revocation list grows with it.
pub const MAX_ACCESS_TOKEN_SECONDS: u32 = 3600;
const MIN_ACCESS_TOKEN_SECONDS: u32 = 30;
const MAX_NAME_CHARS: usize = 100;
const MAX_URIS: usize = 50;

/// A client as an administrator describes it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClientDraft {
    /// A fresh one when absent; only for a new client.
    pub id: Option<String>,
    pub name: String,
    pub metadata: ClientMetadata,
    pub policy: ClientPolicy,
}

impl ClientDraft {
    /// The draft with what follows from the rest filled in.
    ///
    /// # Errors
    ///
    /// `Invalid` with all that is wrong.
    pub fn checked(self) -> Result<Self, ClientError> {
        let draft = self.completed();
        let problems = draft.problems();
        match problems.is_empty() {
            true => Ok(draft),
            false => Err(ClientError::Invalid(problems)),
        }
    }

    /// Without scopes: those of a sign-in. Without the code grant: no response type. Tokens from the
    /// authorization endpoint bring the grant they belong to, as RFC 7591 §2.1 has it.
    fn completed(mut self) -> Self {
        self.name = self.name.trim().to_owned();
        let metadata = &mut self.metadata;
        responses::complete(metadata);
        encryption::complete(metadata);
        backchannel::complete(metadata);
        let code = metadata.grant_types.contains(&GrantType::AuthorizationCode);
        let people = metadata.grant_types.iter().any(|grant| grant.gives_refresh_token());
        if !code && metadata.response_types == ["code"] {
            metadata.response_types.clear();
        }
        if metadata.scope.is_empty() && people {
            let refresh = metadata.grant_types.contains(&GrantType::RefreshToken);
            let with = if refresh {
                "openid profile email offline_access"
            } else {
                "openid profile email"
            };
            metadata.scope = with.parse::<Scope>().unwrap_or_default();
        }
        dedup(&mut metadata.redirect_uris);
        dedup(&mut metadata.post_logout_redirect_uris);
        dedup(&mut metadata.requests.request_uris);
        profile::complete(metadata, &mut self.policy);
        dedup(&mut metadata.grant_types);
        self
    }

    /// Everything that is wrong with it.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = self.name_problems();
        problems.extend(self.uri_problems());
        problems.extend(self.flow_problems());
        problems.extend(proof::problems(&self.metadata));
        problems.extend(self.algorithm_problems());
        problems.extend(encryption::problems(&self.metadata));
        problems.extend(self.policy_problems());
        problems.extend(logout::problems(&self.metadata));
        problems.extend(backchannel::problems(&self.metadata));
        problems.extend(requests::problems(&self.metadata));
        problems.extend(exchange::problems(&self.metadata, &self.policy));
        problems.extend(private_claims::problems(
            "access_token_claims",
            &self.policy.access_token_claims,
        ));
        problems.extend(private_claims::problems("id_token_claims", &self.policy.id_token_claims));
        problems.extend(profile::problems(&self.metadata, &self.policy));
        problems.extend(self.pkce_problem());
        problems
    }

    fn name_problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if !is_line(&self.name, MAX_NAME_CHARS) {
            let says = "use 1 to 100 characters that can be seen";
            problems.push(FieldProblem::new("client_name", "error-client-name", says));
        }
        if self.id.as_deref().is_some_and(|id| !is_client_id(id)) {
            let says = "use 1 to 64 letters, digits, dots, dashes and underscores";
            problems.push(FieldProblem::new("client_id", "error-client-id", says));
        }
        let types = &self.metadata.authorization_details_types;
        if types.len() > MAX_URIS || !types.iter().all(|name| is_line(name, MAX_NAME_CHARS)) {
            let says = "use at most 50 names of 1 to 100 characters";
            problems.push(FieldProblem::new(
                "authorization_details_types",
                "error-details-types",
                says,
            ));
        }
        let contacts = self.metadata.contacts.iter().enumerate();
        problems.extend(contacts.filter(|(_, contact)| !is_line(contact, 254)).map(
            |(index, _)| {
                let says = "use at most 254 characters that can be seen";
                FieldProblem::new("contacts", "error-contacts", says).at(index)
            },
        ));
        problems
    }

    fn uri_problems(&self) -> Vec<FieldProblem> {
        let metadata = &self.metadata;
        let mut problems = Vec::new();
        for (field, uris) in [
            ("redirect_uris", &metadata.redirect_uris),
            ("post_logout_redirect_uris", &metadata.post_logout_redirect_uris),
        ] {
            if uris.len() > MAX_URIS {
                problems.push(FieldProblem::new(field, "error-uri-count", "at most 50"));
            }
            for (index, uri) in uris.iter().enumerate() {
                if let Err(error) = check_registration(uri, metadata.application_type, true) {
                    let problem = FieldProblem::new(field, "error-redirect-uri", error.description);
                    problems.push(problem.at(index));
                }
            }
        }
        for (field, uri) in [
            ("client_uri", &metadata.client_uri),
            ("logo_uri", &metadata.logo_uri),
            ("initiate_login_uri", &metadata.initiate_login_uri),
            ("policy_uri", &metadata.policy_uri),
            ("tos_uri", &metadata.tos_uri),
            ("jwks_uri", &metadata.jwks_uri),
            ("sector_identifier_uri", &metadata.sector_identifier_uri),
        ] {
            if uri.as_deref().is_some_and(|uri| !is_safe_url(uri)) {
                let says = "use an https address, or http of this machine";
                problems.push(FieldProblem::new(field, "error-uri", says));
            }
        }
        problems
    }

    fn flow_problems(&self) -> Vec<FieldProblem> {
        let metadata = &self.metadata;
        let uses = |grant| metadata.grant_types.contains(&grant);
        let code = uses(GrantType::AuthorizationCode);
        let redirects = code || uses(GrantType::Implicit);
        let refreshes = metadata.grant_types.iter().any(|grant| grant.gives_refresh_token());
        let rules = [
            (
                metadata.grant_types.is_empty(),
                ("grant_types", "error-grant-missing", "name at least one grant type"),
            ),
            (
                redirects && metadata.redirect_uris.is_empty(),
                (
                    "redirect_uris",
                    "error-redirect-missing",
                    "whoever signs people in needs at least one redirect address",
                ),
            ),
            (
                uses(GrantType::RefreshToken) && !refreshes,
                (
                    "grant_types",
                    "error-grant-refresh",
                    "refresh_token needs a grant that asks people, such as authorization_code",
                ),
            ),
            (
                uses(GrantType::ClientCredentials)
                    && metadata.token_endpoint_auth_method == AuthMethod::None,
                (
                    "grant_types",
                    "error-grant-public",
                    "client_credentials needs a client that proves who it is: a public one \
                     (token_endpoint_auth_method none) cannot use it",
                ),
            ),
            (
                refreshes
                    && metadata.scope.contains("offline_access")
                    && !uses(GrantType::RefreshToken),
                (
                    "scope",
                    "error-offline-scope",
                    "offline_access asks for a refresh token: add the grant type refresh_token, or \
                     leave it out",
                ),
            ),
        ];
        let mut problems = broken(rules);
        problems.extend(responses::problems(metadata));
        problems.extend(sector::problem(metadata));
        problems
    }

    fn algorithm_problems(&self) -> Vec<FieldProblem> {
        let (metadata, policy) = (&self.metadata, &self.policy);
        let fields = [
            ("id_token_signed_response_alg", &metadata.id_token_signed_response_alg, ALGORITHMS),
            ("userinfo_signed_response_alg", &metadata.userinfo_signed_response_alg, ALGORITHMS),
            (
                "introspection_signed_response_alg",
                &metadata.introspection.introspection_signed_response_alg,
                ALGORITHMS,
            ),
            ("access_token_signed_alg", &policy.access_token_signed_alg, ALGORITHMS),
        ];
        let mut problems = Vec::new();
        for (field, value, allowed) in fields {
            let known = |value: &str| allowed.iter().any(|alg| alg.as_str() == value);
            if value.as_deref().is_some_and(|value| !known(value)) {
                let says =
                    format!("use one of {}", allowed.map(SigningAlgorithm::as_str).join(" "));
                problems.push(FieldProblem::new(field, "error-algorithm", says));
            }
        }
        problems
    }

    fn pkce_problem(&self) -> Option<FieldProblem> {
        let code = self.metadata.grant_types.contains(&GrantType::AuthorizationCode);
        let public = self.metadata.token_endpoint_auth_method == AuthMethod::None;
        let says = "a client without a secret always needs PKCE (RFC 9700 §2.1.1)";
        (public && code && !self.policy.require_pkce)
            .then(|| FieldProblem::new("require_pkce", "error-public-pkce", says))
    }

    fn policy_problems(&self) -> Vec<FieldProblem> {
        let policy = &self.policy;
        let fits = |jwk: &serde_json::Value| {
            PublicJwk::from_value(jwk)
                .is_ok_and(|key| KeyManagement::PUBLIC.iter().any(|alg| key.encrypts(*alg)))
        };
        let lifetimes = MIN_ACCESS_TOKEN_SECONDS..=MAX_ACCESS_TOKEN_SECONDS;
        let refresh = self.metadata.grant_types.contains(&GrantType::RefreshToken);
        let names = policy.allowed_resources.iter().chain(&policy.resource_server_of);
        broken([
            (
                names.clone().count() > MAX_URIS,
                ("allowed_resources", "error-uri-count", "at most 50"),
            ),
            (
                !names.clone().all(|name| is_identifier(name)),
                (
                    "allowed_resources",
                    "error-resource-identifier",
                    "name a resource by its identifier, an absolute URI",
                ),
            ),
            (
                policy.access_token_encryption_jwk.as_ref().is_some_and(|jwk| !fits(jwk)),
                (
                    "access_token_encryption_jwk",
                    "error-encryption-jwk",
                    "not a public key that can be encrypted to",
                ),
            ),
            (
                policy.access_token_lifetime.is_some_and(|seconds| !lifetimes.contains(&seconds)),
                ("access_token_lifetime", "error-lifetime", "use 30 to 3600 seconds"),
            ),
            (
                policy.always_refresh_token && !refresh,
                (
                    "always_refresh_token",
                    "error-always-refresh",
                    "the client needs the grant type refresh_token",
                ),
            ),
        ])
    }
}

/// The scopes that a client will never be given: those about people, when it acts for itself alone
/// (RFC 6749 §4.4). No mistake by the rules of registration, but never what was meant.
pub fn idle_scopes(metadata: &ClientMetadata) -> Vec<&'static str> {
    let acts_alone = metadata.grant_types == [GrantType::ClientCredentials];
    scopes_about_people().filter(|token| acts_alone && metadata.scope.contains(token)).collect()
}

/// A field, the name of its text on pages, and what it says elsewhere.
pub(super) type Rule = (&'static str, &'static str, &'static str);

/// The rules of a list that are broken.
pub(super) fn broken<const N: usize>(rules: [(bool, Rule); N]) -> Vec<FieldProblem> {
    let broken = rules.into_iter().filter(|(is_broken, _)| *is_broken);
    broken.map(|(_, (field, key, says))| FieldProblem::new(field, key, says)).collect()
}

fn dedup<T: PartialEq>(values: &mut Vec<T>) {
    let mut index = 0;
    while index < values.len() {
        match values[..index].contains(&values[index]) {
            true => drop(values.remove(index)),
            false => index += 1,
        }
    }
}

/// Unreserved characters (RFC 3986 §2.3), so that it needs no escape anywhere; no dash in front,
/// where a command line would take it for a flag.
fn is_client_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && !id.starts_with('-')
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
