//! Sign-in at other providers ("Sign in with …"), where we are the client.
//!
//! What is on its way to such a provider and back travels sealed in a cookie, so nothing is written
//! for a browser that has not signed in. An account there belongs to an account here only after its
//! owner has proved both; an email address proves nothing (OpenID Connect Core §5.7).

mod accounts;
mod back_channel;
mod exchange;
mod held;
pub mod management;
mod metadata;

pub use accounts::{
    LinkError, Owner, UnlinkError, create_account, find_user, link, linked_accounts, unlink,
};
pub use back_channel::end_sessions;
pub use exchange::{Answer, start};
pub use held::{Arrived, Held, Purpose, Started};

pub use crate::storage::linked_accounts::LinkedAccount;

use super::provider::Provider;
use crate::jose::{Sealer, SealingKey};
use crate::protocol::time::Timestamp;
use crate::protocol::upstream::Upstream;
use crate::storage::{Db, StorageError, upstreams};
use arc_swap::ArcSwap;
use metadata::Discovered;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

/// Why somebody did not arrive from there. The words are for the log.
#[derive(Debug, thiserror::Error)]
pub enum FederationError {
    #[error("there is no such provider")]
    Unknown,
    /// Not of this browser, used before, or too old.
    #[error("the answer belongs to no sign-in that began here")]
    Foreign,
    /// The person gave up there, or the provider refused.
    #[error("the provider answered with an error")]
    Refused,
    #[error("the provider cannot be used: {0}")]
    Provider(String),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Who somebody is, as a provider says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    pub issuer: String,
    pub subject: String,
    pub email: Option<String>,
    /// Whether the provider calls the address verified, and is believed.
    pub email_verified: bool,
    pub name: Option<String>,
    /// Its session there.
    pub upstream_sid: Option<String>,
    /// When they proved there who they are, where the provider says it.
    pub auth_time: Option<Timestamp>,
}

impl Identity {
    /// What its owner recognises the account by.
    pub fn label(&self) -> &str {
        self.email.as_deref().or(self.name.as_deref()).unwrap_or(&self.subject)
    }
}

/// A provider with what is known of it.
pub struct RegisteredUpstream {
    pub upstream: Upstream,
    secret: Option<String>,
    discovered: Mutex<Discovered>,
}

impl Deref for RegisteredUpstream {
    type Target = Upstream;

    fn deref(&self) -> &Upstream {
        &self.upstream
    }
}

/// The providers, all in memory: every sign-in page names them.
pub struct UpstreamRegistry {
    all: ArcSwap<Vec<Arc<RegisteredUpstream>>>,
    seal: SealingKey,
    cookies: SealingKey,
}

impl UpstreamRegistry {
    /// Reads the providers.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn open(db: &Db, master_key: &[u8; 32]) -> Result<Self, StorageError> {
        let cookies = Sealer::new(master_key).purpose("upstream sign-ins");
        let registry = Self { all: ArcSwap::default(), seal: sealing_key(master_key), cookies };
        registry.reload(db).await?;
        Ok(registry)
    }

    /// Reads them anew.
    ///
    /// # Errors
    ///
    /// Those of the database; what was known stays.
    pub async fn reload(&self, db: &Db) -> Result<(), StorageError> {
        let found = db.read(upstreams::list).await?;
        let known = self.all.load();
        let registered = found.into_iter().map(|upstream| {
            let same = known.iter().find(|known| known.upstream == upstream);
            same.cloned().unwrap_or_else(|| Arc::new(self.registered(upstream)))
        });
        self.all.store(Arc::new(registered.collect()));
        Ok(())
    }

    fn registered(&self, upstream: Upstream) -> RegisteredUpstream {
        let sealed = upstream.sealed_secret.as_deref();
        let opened = sealed.and_then(|sealed| self.seal.open(sealed, upstream.slug.as_bytes()));
        if sealed.is_some() && opened.is_none() {
            tracing::error!(upstream = %upstream.slug, "a secret is sealed under another master key");
        }
        let secret = opened.and_then(|secret| String::from_utf8(secret).ok());
        RegisteredUpstream { upstream, secret, discovered: Mutex::default() }
    }

    /// Finds a provider that is not switched off.
    pub fn find(&self, slug: &str) -> Option<Arc<RegisteredUpstream>> {
        let all = self.all.load();
        all.iter().find(|one| one.slug == slug && !one.settings.disabled).cloned()
    }

    /// Those that people may use.
    pub fn offered(&self) -> Vec<Arc<RegisteredUpstream>> {
        self.all.load().iter().filter(|one| !one.settings.disabled).cloned().collect()
    }

    /// The key that the secrets are sealed under.
    pub fn seal(&self) -> &SealingKey {
        &self.seal
    }
}

/// The key that the secrets for providers are sealed under.
pub fn sealing_key(master_key: &[u8; 32]) -> SealingKey {
    Sealer::new(master_key).purpose("upstream secrets")
}

/// Where a provider sends people back to.
pub fn callback_uri(provider: &Provider, slug: &str) -> String {
    format!("{}/login/upstream/{slug}/callback", provider.issuer)
}
