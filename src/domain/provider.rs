//! What every service of the provider needs, in one place.

use super::audit::Actor;
use super::authorize::AuthorizeKeys;
use super::clients::ClientRegistry;
use super::clients::logo::Logos;
use super::federation::UpstreamRegistry;
use super::grants::Grants;
use super::ground;
use super::identity::passwords::Passwords;
use super::identity::throttle::Throttle;
use super::issuers::IssuerRegistry;
use super::keys::KeyRing;
use super::mtls::Mtls;
use super::outbound::Outbound;
use super::outbox::Outbox;
use super::registration::document::Documents;
use super::registration::statement::Publishers;
use super::resources::{self, ResourceRegistry};
use super::revocation::feed::Feed;
use super::revocation::{Cause, Reason, Revocation};
use super::subject::SubjectKey;
use super::tokens::presented::Presented;
use super::tokens::status::StatusLists;
use crate::config::{
    FeatureConfig, RegistrationConfig, RequestConfig, SessionConfig, TestingConfig, TokenConfig,
};
use crate::jose::{DpopNonces, Sealer, SealingKey};
use crate::protocol::random::Random;
use crate::protocol::time::{Clock, Timestamp};
use crate::redis_link::Link;
use crate::storage::{Db, StorageError};
use quick_cache::sync::Cache;
use std::sync::Arc;

/// How many access tokens are remembered as verified.
const VERIFIED: usize = 4096;

/// Why the provider cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(
        "the master key does not open the keys in this database; give the one it was made with"
    )]
    WrongMasterKey,
    #[error("a key could not be made: {0}")]
    Key(#[from] crate::jose::JoseError),
    #[error("registration.software_publishers: {0}")]
    Publishers(String),
    #[error("outbound calls cannot be set up: {0}")]
    Outbound(String),
}

/// What the provider is made of.
pub struct Parts {
    pub issuer: String,
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub master_key: [u8; 32],
    pub tokens: TokenConfig,
    pub sessions: SessionConfig,
    pub requests: RequestConfig,
    pub registration: RegistrationConfig,
    pub features: FeatureConfig,
    pub testing: TestingConfig,
    pub outbound: Outbound,
    pub mtls: Mtls,
    /// Where the instances count attempts together.
    pub redis: Option<Link>,
    pub hash_threads: usize,
    pub support_contact: String,
}

/// The provider: one for the process, shared by all its threads.
pub struct Provider {
    /// `iss`, byte for byte as everyone must see it.
    pub issuer: String,
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub tokens: TokenConfig,
    pub sessions: SessionConfig,
    pub requests: RequestConfig,
    pub registration: RegistrationConfig,
    /// Whose software statements count.
    pub publishers: Publishers,
    /// What is known of documents that describe clients.
    pub documents: Documents,
    pub features: FeatureConfig,
    /// What test suites may do.
    pub testing: TestingConfig,
    pub support_contact: String,
    pub clients: ClientRegistry,
    pub resources: ResourceRegistry,
    /// Who else may vouch for people.
    pub issuers: IssuerRegistry,
    /// Where people may sign in instead of here.
    pub upstreams: UpstreamRegistry,
    /// The pictures of clients.
    pub logos: Logos,
    pub grants: Grants,
    pub keys: KeyRing,
    pub passwords: Passwords,
    pub throttle: Throttle,
    pub revocation: Revocation,
    /// The list for services, signed.
    pub feed: Feed,
    /// The lists for services that know nothing of it.
    pub status_lists: StatusLists,
    pub outbound: Outbound,
    /// Wakes whoever sends messages to clients.
    pub outbox: Outbox,
    pub mtls: Mtls,
    /// Access tokens whose signature verified, by their hash.
    pub verified: Cache<String, Arc<Presented>>,
    /// Seals and authenticates what travels through browsers.
    pub browser: AuthorizeKeys,
    /// Seals the secrets of clients that sign with them.
    pub client_secrets: SealingKey,
    /// Makes and recognises the nonces of DPoP proofs.
    pub dpop_nonces: DpopNonces,
    /// Derives a refresh token from the one before it.
    pub refresh: SealingKey,
    /// Sets the seals over the audit log.
    pub audit: SealingKey,
    /// Hashes the codes that people type for their devices.
    pub user_codes: SealingKey,
    /// Seals what CIBA clients are told with.
    pub pings: SealingKey,
    /// Shows that this provider has written the head of the list in Redis.
    pub heads: SealingKey,
    /// Derives what clients with pairwise subjects call people.
    pub subjects: SubjectKey,
}

impl Provider {
    /// Puts the parts together: makes the first keys, reads the revocation list.
    ///
    /// # Errors
    ///
    /// When the database cannot be used or the master key is not that of the database.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let sealer = Sealer::new(&parts.master_key);
        let keys = KeyRing::open(&parts, sealer.purpose("signing keys")).await?;
        let (clock, random) = (parts.clock.clone(), parts.random.clone());
        let life = parts.tokens.longest_life();
        let revocation = Revocation::open(&parts.db, clock, random, life).await?;
        Ok(Self {
            issuer: parts.issuer,
            clients: ClientRegistry::default(),
            upstreams: UpstreamRegistry::open(&parts.db, &parts.master_key).await?,
            resources: ResourceRegistry::new(resources::sealing_key(&parts.master_key)),
            issuers: IssuerRegistry::default(),
            logos: Logos::default(),
            grants: Grants::standard(),
            keys,
            passwords: Passwords::start(parts.hash_threads),
            throttle: throttle(parts.clock.clone(), parts.redis, &sealer),
            revocation,
            feed: Feed::default(),
            status_lists: StatusLists::default(),
            outbound: parts.outbound,
            outbox: Outbox::default(),
            mtls: parts.mtls,
            verified: Cache::new(VERIFIED),
            browser: AuthorizeKeys::new(&sealer),
            client_secrets: ground::client_secret_key(&sealer),
            dpop_nonces: DpopNonces::new(sealer.purpose("dpop nonces")),
            refresh: sealer.purpose("refresh tokens"),
            audit: super::audit_chain::key(&parts.master_key),
            user_codes: sealer.purpose("user codes"),
            pings: sealer.purpose("ciba pings"),
            heads: sealer.purpose("revocation heads"),
            subjects: SubjectKey::new(&sealer),
            db: parts.db,
            clock: parts.clock,
            random: parts.random,
            tokens: parts.tokens,
            sessions: parts.sessions,
            requests: parts.requests,
            documents: Documents::default(),
            publishers: Publishers::open(&parts.registration.software_publishers)
                .map_err(StartError::Publishers)?,
            registration: parts.registration,
            features: parts.features,
            testing: parts.testing,
            support_contact: parts.support_contact,
        })
    }

    /// Forgets what is cached of clients, resources and issuers; the next request reads it anew.
    pub fn forget(&self) {
        self.clients.forget();
        self.resources.forget();
        self.issuers.forget();
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The present moment for `iat`: what one instance issues is compared with what another ends.
    pub fn issuing_at(&self) -> Timestamp {
        self.clock.shared()
    }

    /// The addresses that an endpoint is known by.
    pub fn addresses(&self, path: &str) -> Vec<String> {
        let bases = std::iter::once(self.issuer.as_str()).chain(self.mtls.base.as_deref());
        bases.map(|base| format!("{base}{path}")).collect()
    }

    /// `aud` of access tokens that no other resource was named for (RFC 9068 §3).
    pub fn default_audience(&self) -> &str {
        self.tokens.default_audience.as_deref().unwrap_or(&self.issuer)
    }

    /// Why something ends now, for [`super::revocation`].
    pub fn cause(&self, reason: Reason, actor: &Actor) -> Cause {
        let longest_life = self.longest_token_life();
        Cause { reason, actor: actor.clone(), now: self.clock.shared(), longest_life }
    }
}

fn throttle(clock: Arc<dyn Clock>, redis: Option<Link>, sealer: &Sealer) -> Throttle {
    match redis {
        Some(redis) => Throttle::shared(clock, redis, sealer.purpose("counted names")),
        None => Throttle::new(clock),
    }
}
