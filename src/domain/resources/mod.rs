//! Resources: the APIs that tokens are made for (RFC 8707). Which there are (registry), what a
//! request asks for ([`target`]), how they are made ([`management`]).

pub mod details;
mod draft;
mod form;
pub mod management;
pub mod target;
pub mod words;

pub use form::{CONTENT_ENCRYPTION, ENCRYPTION_ALGORITHMS, SIGNING_ALGORITHMS};
pub use target::Target;

use super::provider::Provider;
use crate::jose::{Sealer, SealingKey};
use crate::protocol::error::OAuthError;
use crate::protocol::resource::{Resource, is_identifier};
use crate::storage::resources;
use arc_swap::ArcSwapOption;
use form::Form;
use quick_cache::sync::Cache;
use std::ops::Deref;
use std::sync::Arc;

/// How many resources are kept in memory.
const CACHED: usize = 512;

/// The key that the secrets of resources are sealed under.
pub fn sealing_key(master_key: &[u8; 32]) -> SealingKey {
    Sealer::new(master_key).purpose("resource secrets")
}

/// A resource with everything that making a token for it needs, read once and kept until it
/// changes.
pub struct RegisteredResource {
    resource: Resource,
    form: Form,
}

impl Deref for RegisteredResource {
    type Target = Resource;

    fn deref(&self) -> &Resource {
        &self.resource
    }
}

/// The resources, by identifier.
pub struct ResourceRegistry {
    cache: Cache<String, Arc<RegisteredResource>>,
    types: ArcSwapOption<details::Types>,
    seal: SealingKey,
}

impl ResourceRegistry {
    /// An empty registry; `seal` opens the secrets.
    pub fn new(seal: SealingKey) -> Self {
        Self { cache: Cache::new(CACHED), types: ArcSwapOption::empty(), seal }
    }

    /// Forgets what is cached; the next request reads it anew.
    pub fn forget(&self) {
        self.cache.clear();
        self.types.store(None);
    }

    /// The key that the secrets are sealed under.
    pub fn seal(&self) -> &SealingKey {
        &self.seal
    }
}

/// Finds a resource by its identifier, byte for byte.
///
/// # Errors
///
/// Those of the database; `server_error` when its secret or key cannot be used.
pub async fn find(
    provider: &Provider,
    identifier: &str,
) -> Result<Option<Arc<RegisteredResource>>, OAuthError> {
    if let Some(cached) = provider.resources.cache.get(identifier) {
        return Ok(Some(cached));
    }
    if !is_identifier(identifier) {
        return Ok(None);
    }
    let wanted = identifier.to_owned();
    let found =
        provider.db.read_by_key(move |conn| resources::find_by_identifier(conn, &wanted)).await?;
    let Some(resource) = found else { return Ok(None) };
    let form = Form::of(&resource, &provider.resources.seal)?;
    let registered = Arc::new(RegisteredResource { resource, form });
    provider.resources.cache.insert(identifier.to_owned(), registered.clone());
    Ok(Some(registered))
}
