//! Making a [`Verifier`].

use super::counters::Counters;
use super::error::SetupError;
use super::feed::{self, Duty, Following};
use super::fetch::Source;
use super::introspect::Introspection;
use super::keys::KeyRing;
use super::local_list::LocalList;
use super::redis_list::RedisList;
use super::revocations::{RevocationSource, StalenessPolicy};
use super::snapshot::{Saving, Snapshot};
use super::used_proofs::{self, UsedProofs};
use super::verify::{Inner, Verifier};
use crate::jose::{
    DecryptionKey, DpopNonces, JoseError, JwkSet, Sealer, SigningAlgorithm, VerifyingKey,
};
use crate::protocol::time::{Clock, Lifetime, SystemClock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The widest leeway that may be asked for.
pub const MAX_LEEWAY_SECONDS: u32 = 60;
const DEFAULT_LEEWAY_SECONDS: u32 = 5;
/// How long the first look at the list may take before a verifier is made without it.
const FIRST_LOOK: Duration = Duration::from_secs(3);

/// What a [`Verifier`] is made of. Only the issuer and one audience have no default.
pub struct VerifierBuilder {
    issuer: String,
    audience: Vec<String>,
    algorithms: Vec<SigningAlgorithm>,
    leeway: Lifetime,
    decryption_keys: Vec<DecryptionKey>,
    revocations: Option<Arc<dyn RevocationSource>>,
    policy: StalenessPolicy,
    clock: Arc<dyn Clock>,
    keys: Option<JwkSet>,
    trust_anchor: Option<Vec<u8>>,
    origins: Vec<String>,
    nonces: Option<DpopNonces>,
    remembered_proofs: u32,
    redis: Option<String>,
    feed: bool,
    kept_in: Option<PathBuf>,
    secrets: Vec<Result<VerifyingKey, JoseError>>,
    resource_metadata: Option<String>,
    introspect_as: Option<(String, String)>,
}

impl VerifierBuilder {
    pub(super) fn new(issuer: &str) -> Self {
        use SigningAlgorithm::{ES256, EdDSA, PS256, RS256};
        Self {
            issuer: issuer.to_owned(),
            audience: Vec::new(),
            algorithms: vec![ES256, RS256, PS256, EdDSA],
            leeway: Lifetime::seconds(DEFAULT_LEEWAY_SECONDS),
            decryption_keys: Vec::new(),
            revocations: None,
            policy: StalenessPolicy::default(),
            clock: Arc::new(SystemClock),
            keys: None,
            trust_anchor: None,
            origins: Vec::new(),
            nonces: None,
            remembered_proofs: used_proofs::MOST,
            redis: None,
            feed: false,
            kept_in: None,
            secrets: Vec::new(),
            resource_metadata: None,
            introspect_as: None,
        }
    }

    /// What this service is called in `aud` (RFC 9068 §4). Said more than once, any of them does.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience.push(audience.into());
        self
    }

    /// The only algorithms that are accepted; by default ES256, RS256, PS256 and EdDSA. HS256 is
    /// none of them: see [`VerifierBuilder::shared_secret`].
    #[must_use]
    pub fn algorithms(mut self, algorithms: &[SigningAlgorithm]) -> Self {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// The secret that this service shares with the issuer, as it was shown when the resource was
    /// made: then tokens are signed with it (HS256), and no other signature counts. Nothing is
    /// fetched. Said more than once, each is tried, so that a new secret can be brought in.
    ///
    /// A secret is never a key that others may know: the keys that the issuer publishes are not
    /// looked at, and [`VerifierBuilder::algorithms`] has nothing to say.
    #[must_use]
    pub fn shared_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.secrets.push(VerifyingKey::from_secret(secret.as_ref()));
        self
    }

    /// How far the clocks of the issuer and this service may be apart: 5 seconds by default, 60 at
    /// most.
    #[must_use]
    pub fn leeway(mut self, leeway: Lifetime) -> Self {
        self.leeway = leeway;
        self
    }

    /// A key of this service that tokens are encrypted to (nested JWE, RFC 7519 §5.2). Said more
    /// than once, each is tried.
    #[must_use]
    pub fn decryption_key(mut self, key: DecryptionKey) -> Self {
        self.decryption_keys.push(key);
        self
    }

    /// Refuses what this list holds. Without one a token is good until it expires.
    #[must_use]
    pub fn revocations(mut self, source: Arc<dyn RevocationSource>) -> Self {
        self.revocations = Some(source);
        self
    }

    /// Follows the revocation list in Redis, at a URL such as `redis://cache.internal`.
    #[must_use]
    pub fn redis(mut self, url: impl Into<String>) -> Self {
        self.redis = Some(url.into());
        self
    }

    /// Follows the provider's own feed of revocations. Together with [`VerifierBuilder::redis`] it is
    /// read only while Redis is away.
    #[must_use]
    pub fn revocation_feed(mut self) -> Self {
        self.feed = true;
        self
    }

    /// Keeps the keys and the list in a directory, so that after a restart with the provider out of
    /// reach tokens are still verified and what was revoked is still refused.
    #[must_use]
    pub fn keep_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.kept_in = Some(directory.into());
        self
    }

    /// Asks the issuer about opaque tokens, and encrypted ones that no key here opens (RFC 7662), as a
    /// client that may; and about any token while the list is stale and the policy will not do
    /// without. Answers count for ten seconds, unless the list that is followed is stale or says otherwise;
    /// beside [`VerifierBuilder::revocations`] they do not count again. Only for
    /// [`Verifier::verify_or_refresh`], [`Verifier::verify_sent`] and what builds on them.
    #[must_use]
    pub fn introspect_as(mut self, client_id: &str, client_secret: &str) -> Self {
        self.introspect_as = Some((client_id.to_owned(), client_secret.to_owned()));
        self
    }

    /// What to do when the list is stale.
    #[must_use]
    pub fn staleness(mut self, policy: StalenessPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Where the present moment comes from.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The issuer's keys, for who has them: then nothing is fetched. New ones go to
    /// [`Verifier::replace_keys`].
    #[must_use]
    pub fn keys(mut self, keys: JwkSet) -> Self {
        self.keys = Some(keys);
        self
    }

    /// A certificate (PEM) to trust in addition when keys are fetched.
    #[must_use]
    pub fn trust_anchor(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust_anchor = Some(pem.into());
        self
    }

    /// Where clients reach this service, such as `https://orders.example.com`: DPoP proofs name the
    /// address they are for (RFC 9449 §4.2), and a `Host` header could say anything. Said more than
    /// once, any of them does; without it, the origins of the audiences that are addresses.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Takes DPoP proofs only with a nonce of this service (RFC 9449 §9). All its instances need the
    /// same key: 32 random bytes.
    #[must_use]
    pub fn dpop_nonces(mut self, key: &[u8; 32]) -> Self {
        self.nonces = Some(DpopNonces::new(Sealer::new(key).purpose("dpop nonces")));
        self
    }

    /// How many DPoP proofs are remembered as used, in 361 seconds: 400 000 by default, which is about
    /// 1100 a second. Each of them takes at most 130 bytes, and all of them 30 MB; nothing is taken
    /// before it is needed. Requests beyond are answered 503.
    ///
    /// A key may use as many as there are places free. So one key gets half of them at most (550 a
    /// second by default), and however much it asks for, the others find room.
    #[must_use]
    pub fn remembered_proofs(mut self, most: u32) -> Self {
        self.remembered_proofs = most;
        self
    }

    /// Where this service describes itself (RFC 9728): challenges name it, so that a client that
    /// knows nothing but the service finds the way to a token.
    #[must_use]
    pub fn resource_metadata(mut self, address: impl Into<String>) -> Self {
        self.resource_metadata = Some(address.into());
        self
    }

    /// Fetches the issuer's keys and makes the verifier, which keeps them fresh in the background. A
    /// list that is followed is waited for, for 3 seconds at most.
    ///
    /// # Errors
    ///
    /// When a setting is wrong, or the issuer cannot be reached or is not who it should be.
    pub async fn build(self) -> Result<Verifier, SetupError> {
        let verifier = self.assemble()?;
        let keys = verifier.keys();
        if keys.is_fetched() {
            let fetched = keys.refresh().await;
            let pause = match fetched {
                // Those that were kept will do.
                Err(error) if !keys.is_empty() => keys.pause_after(&error),
                fetched => fetched?,
            };
            keys.keep_fresh(pause);
        }
        if let Some(list) = verifier.revocation_list() {
            first_look(list).await;
        }
        Ok(verifier)
    }

    /// Makes the verifier at once and fetches the keys in the background, trying each second until
    /// the issuer answers; until then every request is told to come back (503). For services that
    /// start together with the issuer. Must be called on a tokio runtime.
    ///
    /// # Errors
    ///
    /// When a setting is wrong.
    pub fn build_lazily(self) -> Result<Verifier, SetupError> {
        let verifier = self.assemble()?;
        if verifier.keys().is_fetched() {
            verifier.keys().keep_fresh(Duration::ZERO);
        }
        Ok(verifier)
    }

    fn assemble(mut self) -> Result<Verifier, SetupError> {
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            return Err(SetupError::Audience);
        }
        if self.algorithms.is_empty() || !self.algorithms.iter().all(|alg| alg.is_asymmetric()) {
            return Err(SetupError::Algorithms);
        }
        if self.leeway > Lifetime::seconds(MAX_LEEWAY_SECONDS) {
            return Err(SetupError::Leeway);
        }
        if self.remembered_proofs == 0 {
            return Err(SetupError::RememberedProofs);
        }
        let origins = self.checked_origins()?;
        self.check_resource_metadata()?;
        let source = Source::new(&self.issuer, self.trust_anchor.as_deref())?;
        let kept = self.kept_in.as_deref().map(|path| Snapshot::open(path, &self.issuer));
        let kept = kept.transpose()?.map(Arc::new);
        let secrets = self.checked_secrets()?;
        // Under a secret the keys of the issuer count for its feed alone.
        let needs_keys = self.keys.is_none() && (secrets.is_empty() || self.feed);
        let fetched_from = needs_keys.then(|| source.clone());
        let keys = KeyRing::new(fetched_from, self.algorithms.clone(), self.clock.clone());
        let keys = Arc::new(keys.keep_in(kept.clone()));
        match &self.keys {
            Some(given) => keys.replace(given)?,
            None => drop(keys.restore()),
        }
        let followed = self.followed(&source, &keys, kept)?;
        Ok(Verifier::new(
            Inner {
                issuer: self.issuer,
                audience: self.audience,
                algorithms: match secrets.is_empty() {
                    true => self.algorithms,
                    false => vec![SigningAlgorithm::HS256],
                },
                secrets,
                leeway: self.leeway,
                decryption_keys: self.decryption_keys,
                revocations: self.revocations,
                followed,
                clock: self.clock,
                keys,
                origins,
                nonces: self.nonces,
                resource_metadata: self.resource_metadata,
                used_proofs: UsedProofs::new(self.remembered_proofs),
                introspection: self.introspect_as.map(|who| Introspection::new(source, who)),
                counters: Counters::default(),
            },
            self.policy,
        ))
    }

    /// The list that is followed, if one is.
    fn followed(
        &self,
        source: &Source,
        keys: &Arc<KeyRing>,
        kept: Option<Arc<Snapshot>>,
    ) -> Result<Option<FollowedList>, SetupError> {
        if self.redis.is_none() && !self.feed {
            return Ok(None);
        }
        let list = LocalList::new(self.clock.clone());
        let saving = kept.map(|kept| kept.keep(&list));
        let redis = |url: &String| RedisList::feeding(url, self.clock.clone(), list.clone());
        let redis = self.redis.as_ref().map(redis).transpose()?;
        let feed = self.feed.then(|| {
            let duty = if redis.is_some() { Duty::StandBy } else { Duty::Always };
            let voice = list.another_voice();
            feed::follow(source.clone(), keys.clone(), voice, self.clock.clone(), duty)
        });
        Ok(Some(FollowedList { list, _redis: redis, _feed: feed, _saving: saving }))
    }
}

/// Waits until a list was read once, so that the first requests need not be told to come back.
async fn first_look(list: &LocalList) {
    let read = async {
        while !list.was_complete() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(FIRST_LOOK, read).await.is_err() {
        tracing::warn!("the list of revocations could not be read yet");
    }
}

/// A list with those who feed it; they end with it.
pub(super) struct FollowedList {
    pub list: LocalList,
    _redis: Option<RedisList>,
    _feed: Option<Following>,
    _saving: Option<Saving>,
}

impl VerifierBuilder {
    fn checked_secrets(&mut self) -> Result<Vec<VerifyingKey>, SetupError> {
        if !self.secrets.is_empty() && self.keys.is_some() && !self.feed {
            return Err(SetupError::Secret);
        }
        let keys = std::mem::take(&mut self.secrets);
        keys.into_iter().collect::<Result<_, _>>().map_err(|_| SetupError::Secret)
    }

    fn check_resource_metadata(&self) -> Result<(), SetupError> {
        let may_stand = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        match &self.resource_metadata {
            Some(address) if !address.bytes().all(may_stand) => Err(SetupError::ResourceMetadata),
            _ => Ok(()),
        }
    }

    fn checked_origins(&self) -> Result<Vec<String>, SetupError> {
        if self.origins.is_empty() {
            return Ok(self.audience.iter().filter_map(|audience| origin_of(audience)).collect());
        }
        let is_origin = |text: &String| {
            origin_of(text).filter(|origin| origin == text.strip_suffix('/').unwrap_or(text))
        };
        let origins: Option<Vec<String>> = self.origins.iter().map(is_origin).collect();
        origins.ok_or(SetupError::Origin)
    }
}

fn origin_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    Some(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::testing::{AUDIENCE, ISSUER, StubIssuer, jwk_set, signing_key};

    fn builder() -> VerifierBuilder {
        Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]))
    }

    #[tokio::test]
    async fn a_verifier_that_would_check_too_little_cannot_be_made() {
        let keys = || jwk_set(&[signing_key()]);
        let no_audience = Verifier::builder(ISSUER).keys(keys()).build().await;
        assert!(matches!(no_audience, Err(SetupError::Audience)));
        assert!(matches!(builder().audience("").build().await, Err(SetupError::Audience)));
        for algorithms in [&[][..], &[SigningAlgorithm::ES256, SigningAlgorithm::HS256]] {
            let verifier = builder().algorithms(algorithms).build().await;
            assert!(matches!(verifier, Err(SetupError::Algorithms)));
        }
        for (secret, keys) in [("too short to be one", None), (&"s".repeat(43), Some(keys()))] {
            let builder = Verifier::builder(ISSUER).audience(AUDIENCE).shared_secret(secret);
            let builder = keys.into_iter().fold(builder, VerifierBuilder::keys);
            assert!(matches!(builder.build().await, Err(SetupError::Secret)));
        }
        let forgetful = builder().remembered_proofs(0).build().await;
        assert!(matches!(forgetful, Err(SetupError::RememberedProofs)));
        let wide = builder().leeway(Lifetime::seconds(61)).build().await;
        assert!(matches!(wide, Err(SetupError::Leeway)));
        let plain = Verifier::builder("http://id.example.com").audience(AUDIENCE).build().await;
        assert!(matches!(plain, Err(SetupError::Issuer)));
        assert!(builder().build().await.is_ok());
    }

    #[tokio::test]
    async fn an_issuer_that_is_away_fails_the_build_and_not_the_lazy_one() {
        let stub = StubIssuer::start(&[signing_key()]).await;
        stub.set_jwks(503, String::new());
        let builder = || Verifier::builder(&stub.issuer()).audience(AUDIENCE);
        assert!(matches!(builder().build().await, Err(SetupError::Status(503))));
        let lazy = builder().build_lazily().unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(lazy.keys().is_empty());
        stub.set_jwks(200, jwk_set(&[signing_key()]).to_json().to_string());
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!lazy.keys().is_empty());
    }
}
