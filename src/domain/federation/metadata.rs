//! What an OpenID provider says of itself (OpenID Connect Discovery §4), and its keys.

use super::{FederationError, RegisteredUpstream};
use crate::domain::provider::Provider;
use crate::jose::{Claims, Expected, JwkSet, SigningAlgorithm, VerifyingKey, gate};
use crate::protocol::time::{Lifetime, Timestamp};
use serde::Deserialize;
use std::sync::Arc;

/// After this what was read is read anew.
const MAX_AGE: Lifetime = Lifetime::minutes(15);
/// A key that is not known is looked for at most this often.
const MIN_REFETCH: Lifetime = Lifetime::seconds(60);
/// How their tokens may be signed; a shared secret proves too little.
const ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::RS256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::ES256,
    SigningAlgorithm::EdDSA,
];

/// The members of the document that a sign-in needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether every answer names the provider (RFC 9207 §3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// What was read of a provider, and when.
#[derive(Default)]
pub struct Discovered {
    metadata: Option<(Arc<Metadata>, Timestamp)>,
    keys: Option<(Arc<JwkSet>, Timestamp)>,
}

impl RegisteredUpstream {
    /// The document, read when it is not known or old.
    ///
    /// # Errors
    ///
    /// `Provider` when it cannot be read, or is somebody else's (§4.3).
    pub(super) async fn metadata(
        &self,
        provider: &Provider,
    ) -> Result<Arc<Metadata>, FederationError> {
        let now = provider.now();
        let known = self.lock().metadata.clone();
        if let Some((known, at)) = known
            && at + MAX_AGE > now
        {
            return Ok(known);
        }
        let issuer = &self.settings.issuer;
        let uri = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let body = provider.outbound.get_json(&uri).await.map_err(unusable)?;
        let read: Metadata = serde_json::from_slice(&body).map_err(unusable)?;
        if read.issuer != *issuer {
            return Err(FederationError::Provider("its document names another issuer".into()));
        }
        let read = Arc::new(read);
        self.lock().metadata = Some((read.clone(), now));
        Ok(read)
    }

    /// Checks the signature of a token from there. The rest is for the caller.
    ///
    /// # Errors
    ///
    /// `Provider` when it is not one that the provider signed.
    pub(super) async fn verified(
        &self,
        provider: &Provider,
        token: &str,
        typ: &[&str],
    ) -> Result<Claims, FederationError> {
        let expected = Expected::new(typ, &ALGORITHMS).or_absent();
        let token = gate(token, &expected).map_err(unusable)?;
        let (kid, alg) = (token.kid(), token.algorithm());
        let candidates = |set: &JwkSet| -> Vec<VerifyingKey> {
            set.candidates(kid, alg)
                .filter_map(|jwk| VerifyingKey::from_jwk(jwk, alg).ok())
                .collect()
        };
        let mut keys = candidates(&*self.keys(provider, MAX_AGE).await?);
        if keys.is_empty() {
            keys = candidates(&*self.keys(provider, MIN_REFETCH).await?);
        }
        token.verify_with_any(&keys).map_err(unusable)
    }

    async fn keys(
        &self,
        provider: &Provider,
        max_age: Lifetime,
    ) -> Result<Arc<JwkSet>, FederationError> {
        let now = provider.now();
        let known = self.lock().keys.clone();
        if let Some((known, at)) = known
            && at + max_age > now
        {
            return Ok(known);
        }
        let uri = self.metadata(provider).await?.jwks_uri.clone();
        let body = provider.outbound.get_json(&uri).await.map_err(unusable)?;
        let set = Arc::new(JwkSet::parse(&body).map_err(unusable)?);
        self.lock().keys = Some((set.clone(), now));
        Ok(set)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Discovered> {
        self.discovered.lock().expect("no one panics with the lock")
    }
}

/// A cause as the log names it.
pub(super) fn unusable(cause: impl std::fmt::Display) -> FederationError {
    FederationError::Provider(cause.to_string())
}
