//! Whom access tokens are for: what the `resource` parameter asks for (RFC 8707 §2), held against
//! what the client and the authorization allow.
//!
//! Without the parameter tokens are for the default audience, and nothing here is looked up.

use super::{RegisteredResource, details, find};
use crate::domain::clients::RegisteredClient;
use crate::domain::provider::Provider;
use crate::jose::{EncryptionKey, SigningAlgorithm, SigningKey};
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::client::AccessTokenFormat;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::private_claims::PrivateClaims;
use crate::protocol::resource::{MAX_RESOURCES, Resource};
use crate::protocol::scope::Scope;
use crate::storage::authorizations::Authorization;
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;

/// Whom a token is for.
#[derive(Clone, Default)]
pub struct Target {
    /// Besides the default audience, or instead of it. Empty: the default audience alone.
    resources: Vec<Arc<RegisteredResource>>,
    /// Whether the default audience is one of several.
    and_default: bool,
    /// Whom it is encrypted to.
    recipient: Option<Arc<EncryptionKey>>,
    /// What the token is for in detail (RFC 9396).
    pub details: AuthorizationDetails,
}

/// What a token looks like.
pub struct Look<'a> {
    pub format: AccessTokenFormat,
    pub algorithm: SigningAlgorithm,
    /// What signs, when it is not a key of ours.
    pub own_key: Option<&'a SigningKey>,
    /// Whom it is encrypted to, when it is not for us.
    pub recipient: Option<&'a EncryptionKey>,
    /// Seconds; the server's setting when absent.
    pub lifetime: Option<u32>,
    /// Whether it says where its status is told. Only a signed token can.
    pub tells_status: bool,
}

/// `aud` (RFC 7519 §4.1.3): one is written as it is, several as an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Audience<'a> {
    One(&'a str),
    Several(Vec<&'a str>),
}

/// Reads the `resource` parameters of an authorization request: what tokens of it may be for.
///
/// # Errors
///
/// `invalid_target` for one that there is not, or that the client may not use.
pub async fn asked_at_authorization(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
) -> Result<Vec<String>, OAuthError> {
    let asked = asked(provider, params)?;
    if asked.iter().all(|one| *one == provider.default_audience()) {
        return Ok(Vec::new());
    }
    for one in asked.iter().filter(|one| **one != provider.default_audience()) {
        usable(provider, client, one).await?;
    }
    Ok(asked.into_iter().map(str::to_owned).collect())
}

impl Target {
    /// Whom the tokens of a token request are for. With an authorization, what it allowed is the
    /// most there can be (RFC 8707 §2.2), and all of it is meant when nothing is asked for.
    ///
    /// # Errors
    ///
    /// `invalid_target` for a resource that there is not, that the client may not use, or that was
    /// not allowed; and for several whose tokens differ.
    pub async fn of(
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
        authorization: Option<&Authorization>,
    ) -> Result<Self, OAuthError> {
        let asked = asked(provider, params)?;
        let allowed = authorization.map_or(&[][..], |authorization| &authorization.resources);
        let default = provider.default_audience();
        let is_for_default = allowed.is_empty() && asked.iter().all(|one| *one == default);
        let granted = authorization.is_some_and(|authorization| !authorization.details.is_empty());
        if is_for_default && !granted && !params.has("authorization_details") {
            return Ok(Self::default());
        }
        let Some(authorization) = authorization else {
            return Self::of_client(provider, client, params, &asked).await;
        };
        if !asked.iter().all(|one| was_allowed(allowed, one, default)) {
            return Err(no_target("the resource was not asked for at the authorization endpoint"));
        }
        let wanted: Vec<&str> = match asked.is_empty() {
            true => allowed.iter().map(String::as_str).collect(),
            false => asked.clone(),
        };
        let mut target = match Self::build(provider, client, &wanted).await {
            // Nobody asked for the default audience beside what the details are about.
            Err(_) if asked.is_empty() && granted && wanted.contains(&default) => {
                let others: Vec<_> = wanted.into_iter().filter(|one| *one != default).collect();
                Self::build(provider, client, &others).await?
            }
            built => built?,
        };
        target.details =
            details::of_authorization(provider, params, authorization, &target).await?;
        Ok(target)
    }

    /// For a client itself: what it asks for, without an authorization before it.
    async fn of_client(
        provider: &Provider,
        client: &RegisteredClient,
        params: &Params,
        asked: &[&str],
    ) -> Result<Self, OAuthError> {
        let named = asked.iter().map(|one| (*one).to_owned()).collect();
        let (details, wanted) = details::asked(provider, client, params, named).await?;
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        Ok(Self { details, ..Self::build(provider, client, &wanted).await? })
    }

    /// For a client that exchanges a token: all of these, which its policy allows.
    ///
    /// # Errors
    ///
    /// As [`Target::of`].
    pub async fn of_all(
        provider: &Provider,
        client: &RegisteredClient,
        wanted: &[&str],
    ) -> Result<Self, OAuthError> {
        Self::build(provider, client, wanted).await
    }

    /// Whether what it is for has scopes, and this has none of them.
    pub fn leaves_nothing_of(&self, granted: &Scope) -> bool {
        let has_scopes = self.resources.iter().any(|one| !one.settings.scopes.is_empty());
        has_scopes && self.scope(granted).is_empty()
    }

    /// Whether a token for this is also for a resource.
    pub fn is_for(&self, provider: &Provider, identifier: &str) -> bool {
        match self.audience(provider) {
            Audience::One(one) => one == identifier,
            Audience::Several(several) => several.contains(&identifier),
        }
    }

    async fn build(
        provider: &Provider,
        client: &RegisteredClient,
        wanted: &[&str],
    ) -> Result<Self, OAuthError> {
        let default = provider.default_audience();
        let mut target = Self { and_default: wanted.contains(&default), ..Self::default() };
        for one in wanted.iter().filter(|one| **one != default) {
            target.resources.push(usable(provider, client, one).await?);
        }
        if target.resources.len() + usize::from(target.and_default) > 1 {
            target.check_alike(client)?;
        }
        if let [only] = &target.resources[..] {
            target.recipient = only.form.recipient(provider).await?;
        }
        Ok(target)
    }

    /// One token for several must suit them all.
    fn check_alike(&self, client: &RegisteredClient) -> Result<(), OAuthError> {
        let of_client = (client.policy.access_token_format, client.access_token_alg);
        let of_first =
            self.resources.first().map(|first| (first.form.format, first.form.algorithm));
        let (format, alg) = of_first.filter(|_| !self.and_default).unwrap_or(of_client);
        // What one is told of a person is not for the others.
        let rules = self.private_claims(client);
        let is_alike = |one: &Arc<RegisteredResource>| {
            one.form.is_shared_with(format, alg) && one.settings.token_claims == *rules
        };
        match self.resources.iter().all(is_alike) {
            true => Ok(()),
            false => Err(no_target("tokens for these resources differ: ask for one at a time")),
        }
    }

    /// `aud`.
    pub fn audience<'a>(&'a self, provider: &'a Provider) -> Audience<'a> {
        let default = provider.default_audience();
        match (&self.resources[..], self.and_default) {
            ([], _) => Audience::One(default),
            ([only], false) => Audience::One(&only.identifier),
            (several, and_default) => {
                let default = and_default.then_some(default);
                let others = several.iter().map(|one| one.identifier.as_str());
                Audience::Several(default.into_iter().chain(others).collect())
            }
        }
    }

    /// The part of a scope that means something to whom the token is for (RFC 9068 §3).
    pub fn scope<'a>(&self, granted: &'a Scope) -> Cow<'a, Scope> {
        if self.resources.is_empty() || self.and_default {
            return Cow::Borrowed(granted);
        }
        let own = self.resources.iter().map(|one| one.own(granted));
        Cow::Owned(own.fold(Scope::default(), |all, one| all.union(&one)))
    }

    /// The rules for what the token says beyond what is registered.
    pub fn private_claims<'a>(&'a self, client: &'a RegisteredClient) -> &'a PrivateClaims {
        match self.resources.first().filter(|_| !self.and_default) {
            Some(first) => &first.settings.token_claims,
            None => &client.policy.access_token_claims,
        }
    }

    /// What the token looks like: as its resource wants it, or as the client has it by default.
    pub fn look<'a>(&'a self, client: &'a RegisteredClient) -> Look<'a> {
        let lifetimes = self.resources.iter().filter_map(|one| one.settings.token_lifetime);
        let of_client = client.policy.access_token_lifetime;
        let tells_status = self.resources.iter().any(|one| one.settings.token_status_list);
        let Some(first) = self.resources.first().filter(|_| !self.and_default) else {
            return Look {
                format: client.policy.access_token_format,
                algorithm: client.access_token_alg,
                own_key: None,
                recipient: client.access_token_key.as_ref(),
                lifetime: lifetimes.chain(of_client).min(),
                tells_status: tells_status
                    && client.policy.access_token_format != AccessTokenFormat::Opaque,
            };
        };
        Look {
            format: first.form.format,
            algorithm: first.form.algorithm,
            own_key: first.form.own_key.as_ref(),
            recipient: self.recipient.as_deref(),
            lifetime: lifetimes.min().or(of_client),
            tells_status: tells_status && first.form.format != AccessTokenFormat::Opaque,
        }
    }
}

/// What the target is, without keys.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.resources.iter().map(|one| &one.identifier);
        f.debug_list().entries(names).finish()
    }
}

/// The values of the parameter, each once. One without a value counts as absent.
fn asked<'a>(provider: &'a Provider, params: &'a Params) -> Result<Vec<&'a str>, OAuthError> {
    let mut asked: Vec<&str> = Vec::new();
    for value in params.all("resource").filter(|value| !value.is_empty()) {
        // Userinfo takes what is for the default audience; its own name is as good (RFC 9728 §2).
        let is_userinfo = value.strip_prefix(&*provider.issuer) == Some("/userinfo");
        let value = if is_userinfo { provider.default_audience() } else { value };
        if asked.contains(&value) {
            continue;
        }
        if asked.len() == MAX_RESOURCES {
            return Err(no_target("more than 10 resources"));
        }
        asked.push(value);
    }
    Ok(asked)
}

fn was_allowed(allowed: &[String], asked: &str, default: &str) -> bool {
    match allowed.is_empty() {
        true => asked == default,
        false => allowed.iter().any(|one| one == asked),
    }
}

/// A resource that the client may ask tokens for. One that it may not use reads as one that there
/// is not, so that nobody learns which there are.
async fn usable(
    provider: &Provider,
    client: &RegisteredClient,
    identifier: &str,
) -> Result<Arc<RegisteredResource>, OAuthError> {
    let found = find(provider, identifier).await?;
    let usable = found.filter(|resource| may_use(client, resource));
    usable.ok_or_else(|| no_target("there is no such resource for this client"))
}

/// By its own list; without one, by the scopes that it may have.
fn may_use(client: &RegisteredClient, resource: &Resource) -> bool {
    match &client.policy.allowed_resources[..] {
        [] => !resource.own(&client.metadata.scope).is_empty(),
        list => list.contains(&resource.identifier),
    }
}

fn no_target(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidTarget, description)
}
