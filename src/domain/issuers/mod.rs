//! Trusted issuers: who else may vouch for people (RFC 7523 §2.1). Which there are (registry), how
//! they are made ([`management`]).

pub mod management;

use super::clients::jwks::ClientKeys;
use super::provider::Provider;
use crate::protocol::error::OAuthError;
use crate::protocol::trusted_issuer::TrustedIssuer;
use crate::storage::trusted_issuers;
use quick_cache::sync::Cache;
use std::ops::Deref;
use std::sync::Arc;

/// How many issuers are kept in memory.
const CACHED: usize = 128;
/// The longest `iss` that is looked for, in bytes.
const MAX_ISSUER_BYTES: usize = 255;

/// An issuer with its keys, read once and kept until it changes.
pub struct KnownIssuer {
    issuer: TrustedIssuer,
    /// Keys of `jwks` or `jwks_uri`, built.
    pub keys: ClientKeys,
}

impl Deref for KnownIssuer {
    type Target = TrustedIssuer;

    fn deref(&self) -> &TrustedIssuer {
        &self.issuer
    }
}

/// The issuers, by `iss`.
pub struct IssuerRegistry(Cache<String, Arc<KnownIssuer>>);

impl Default for IssuerRegistry {
    fn default() -> Self {
        Self(Cache::new(CACHED))
    }
}

impl IssuerRegistry {
    /// Forgets what is cached; the next request reads it anew.
    pub fn forget(&self) {
        self.0.clear();
    }
}

/// Finds an issuer by its `iss`, byte for byte.
///
/// # Errors
///
/// Those of the database.
pub async fn find(provider: &Provider, iss: &str) -> Result<Option<Arc<KnownIssuer>>, OAuthError> {
    if let Some(cached) = provider.issuers.0.get(iss) {
        return Ok(Some(cached));
    }
    if iss.len() > MAX_ISSUER_BYTES || iss.contains('\0') {
        return Ok(None);
    }
    let wanted = iss.to_owned();
    let found =
        provider.db.read(move |conn| trusted_issuers::find_by_issuer(conn, &wanted)).await?;
    let Some(issuer) = found else { return Ok(None) };
    let settings = &issuer.settings;
    let keys = ClientKeys::given(settings.jwks.as_ref(), settings.jwks_uri.as_deref());
    let known = Arc::new(KnownIssuer { issuer, keys });
    provider.issuers.0.insert(iss.to_owned(), known.clone());
    Ok(Some(known))
}
