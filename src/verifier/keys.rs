//! The issuer's keys, ready to verify, and when they are fetched anew.

use super::error::SetupError;
use super::fetch::{Fetched, Source};
use super::snapshot::Snapshot;
use crate::jose::{JwkSet, SigningAlgorithm, VerifyingKey};
use crate::protocol::time::{Clock, Timestamp};
use arc_swap::ArcSwap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Mutex;

/// The most keys that are tried for one token.
const MAX_CANDIDATES: usize = 4;
/// How often, at most, an unknown key makes us ask the issuer.
const UNKNOWN_KEY_PAUSE_SECONDS: i64 = 30;
/// How often keys are fetched: as the issuer says, within these bounds (seconds).
const PAUSE: std::ops::RangeInclusive<u64> = 30..=3600;
/// How often they are fetched when the issuer does not say.
const DEFAULT_PAUSE: u64 = 300;
/// How long after a failure the next try is: with keys in hand, and without any.
const RETRY: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(1));

/// Verifying keys, built once for each set of published keys.
#[derive(Default)]
pub(super) struct KeySet {
    tokens: Vec<VerifyingKey>,
    /// Those for the feed of revocations, whatever tokens may be signed with.
    feed: Vec<VerifyingKey>,
}

/// What the feed of revocations is signed with.
pub(super) const FEED_ALGORITHM: SigningAlgorithm = SigningAlgorithm::ES256;

impl KeySet {
    fn new(keys: &JwkSet, algorithms: &[SigningAlgorithm]) -> Self {
        let fitting = |algorithm: SigningAlgorithm| {
            let keys = keys.keys().iter();
            keys.filter_map(move |jwk| VerifyingKey::from_jwk(jwk, algorithm).ok())
        };
        let tokens = algorithms.iter().flat_map(|algorithm| fitting(*algorithm)).collect();
        Self { tokens, feed: fitting(FEED_ALGORITHM).collect() }
    }

    /// Whether there is no key.
    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The key called `kid` that may have signed the feed.
    pub(super) fn of_feed(&self, kid: &str) -> Option<&VerifyingKey> {
        self.feed.iter().find(|key| key.kid() == Some(kid))
    }

    /// The keys that may have made a signature, at most four: those called `kid` when the token
    /// says so, with those that have no name, else all that fit.
    pub(super) fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: SigningAlgorithm,
    ) -> impl Iterator<Item = &VerifyingKey> {
        let fits = move |key: &&VerifyingKey| {
            key.algorithm() == algorithm
                && (kid.is_none() || key.kid().is_none() || key.kid() == kid)
        };
        self.tokens.iter().filter(fits).take(MAX_CANDIDATES)
    }
}

/// The keys in use. They stay in use while the issuer is out of reach.
pub(super) struct KeyRing {
    keys: ArcSwap<KeySet>,
    source: Option<Source>,
    algorithms: Vec<SigningAlgorithm>,
    clock: Arc<dyn Clock>,
    /// Counts the sets that were put in use.
    generation: AtomicU64,
    /// When an unknown key last made us ask; held while asking.
    asked: Mutex<Option<Timestamp>>,
    /// Where they are kept over a restart.
    kept: Option<Arc<Snapshot>>,
}

impl KeyRing {
    pub(super) fn new(
        source: Option<Source>,
        algorithms: Vec<SigningAlgorithm>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (keys, generation, asked) = Default::default();
        Self { keys, source, algorithms, clock, generation, asked, kept: None }
    }

    /// Keeps what is fetched on disk.
    pub(super) fn keep_in(mut self, kept: Option<Arc<Snapshot>>) -> Self {
        self.kept = kept;
        self
    }

    /// Takes the keys into use that were kept on disk. True when there were any.
    pub(super) fn restore(&self) -> bool {
        let kept = self.kept.as_ref().and_then(|kept| kept.read_keys());
        kept.is_some_and(|keys| self.replace(&keys).is_ok())
    }

    /// Takes other keys into use.
    pub(super) fn replace(&self, keys: &JwkSet) -> Result<(), SetupError> {
        let keys = KeySet::new(keys, &self.algorithms);
        if keys.is_empty() {
            return Err(SetupError::NoKeys);
        }
        self.keys.store(Arc::new(keys));
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Whether there is no key.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.load().is_empty()
    }

    /// Whether the keys come from the issuer.
    pub(super) fn is_fetched(&self) -> bool {
        self.source.is_some()
    }

    /// How long to wait after a failure.
    pub(super) fn pause_after(&self, error: &SetupError) -> Duration {
        warn(error);
        if self.is_empty() { RETRY.1 } else { RETRY.0 }
    }

    /// The keys in use now.
    pub(super) fn current(&self) -> Arc<KeySet> {
        self.keys.load_full()
    }

    /// Fetches the keys now. Gives how long to wait before the next time.
    pub(super) async fn refresh(&self) -> Result<Duration, SetupError> {
        let Some(source) = &self.source else { return Ok(Duration::from_secs(*PAUSE.end())) };
        let Fetched { keys, max_age } = source.fetch().await?;
        self.replace(&keys)?;
        if let Some(kept) = &self.kept {
            kept.write_keys(keys).await;
        }
        let pause = max_age.unwrap_or(DEFAULT_PAUSE).clamp(*PAUSE.start(), *PAUSE.end());
        Ok(Duration::from_secs(pause))
    }

    /// Asks the issuer for a key that is not known. True when there are new keys to try; false
    /// when the issuer was asked already within 30 seconds, or does not answer.
    pub(super) async fn refresh_for_unknown_key(&self) -> bool {
        if self.source.is_none() {
            return false;
        }
        let seen = self.generation.load(Ordering::Acquire);
        let mut asked = self.asked.lock().await;
        if self.generation.load(Ordering::Acquire) != seen {
            return true;
        }
        let now = self.clock.now();
        if asked.is_some_and(|last| now.seconds_since(last).abs() < UNKNOWN_KEY_PAUSE_SECONDS) {
            return false;
        }
        *asked = Some(now);
        let fetched = self.refresh().await;
        fetched.inspect_err(warn).is_ok()
    }

    /// Fetches the keys again and again until the ring is dropped, first after `pause`.
    pub(super) fn keep_fresh(self: &Arc<Self>, pause: Duration) {
        if self.source.is_some() {
            tokio::spawn(refresh_forever(Arc::downgrade(self), pause));
        }
    }
}

async fn refresh_forever(ring: Weak<KeyRing>, mut pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(ring) = ring.upgrade() else { return };
        pause = ring.refresh().await.unwrap_or_else(|error| ring.pause_after(&error));
    }
}

fn warn(error: &SetupError) {
    tracing::warn!(%error, "the issuer's keys could not be fetched");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::SigningKey;
    use crate::protocol::time::TestClock;
    use crate::verifier::testing::{StubIssuer, jwk_set, signing_key};
    use SigningAlgorithm::{ES256, RS256};

    fn ring(stub: &StubIssuer, clock: Arc<TestClock>) -> KeyRing {
        let source = Source::new(&stub.issuer(), None).unwrap();
        KeyRing::new(Some(source), vec![ES256], clock)
    }

    fn count(ring: &KeyRing, kid: Option<&str>, algorithm: SigningAlgorithm) -> usize {
        ring.current().candidates(kid, algorithm).count()
    }

    #[test]
    fn only_keys_for_the_allowed_algorithms_are_taken() {
        let ring = KeyRing::new(None, vec![RS256], Arc::new(TestClock::default()));
        assert!(matches!(ring.replace(&jwk_set(&[signing_key()])), Err(SetupError::NoKeys)));
        assert!(ring.is_empty());
        let ring = KeyRing::new(None, vec![ES256], Arc::new(TestClock::default()));
        ring.replace(&jwk_set(&[signing_key()])).unwrap();
        assert_eq!(count(&ring, Some(signing_key().kid()), ES256), 1);
        assert_eq!(count(&ring, None, ES256), 1);
        assert_eq!(count(&ring, Some("other"), ES256), 0);
        assert_eq!(count(&ring, None, RS256), 0);
    }

    #[tokio::test]
    async fn an_unknown_key_makes_one_call_in_30_seconds() {
        let stub = StubIssuer::start(&[signing_key()]).await;
        let clock = Arc::new(TestClock::default());
        let ring = ring(&stub, clock.clone());
        assert!(ring.refresh_for_unknown_key().await);
        for _ in 0..50 {
            assert!(!ring.refresh_for_unknown_key().await);
        }
        assert_eq!(stub.jwks_calls(), 1);
        clock.advance_seconds(31);
        assert!(ring.refresh_for_unknown_key().await);
        assert_eq!(stub.jwks_calls(), 2);
    }

    #[tokio::test]
    async fn requests_that_meet_an_unknown_key_together_share_one_call() {
        let stub = StubIssuer::start(&[signing_key()]).await;
        let ring = Arc::new(ring(&stub, Arc::new(TestClock::default())));
        let asking: Vec<_> = (0..20)
            .map(|_| {
                let ring = ring.clone();
                tokio::spawn(async move { ring.refresh_for_unknown_key().await })
            })
            .collect();
        for one in asking {
            assert!(one.await.unwrap());
        }
        assert_eq!(stub.jwks_calls(), 1);
    }

    #[tokio::test]
    async fn the_keys_stay_when_the_issuer_is_away_or_publishes_none() {
        let stub = StubIssuer::start(&[signing_key()]).await;
        let ring = ring(&stub, Arc::new(TestClock::default()));
        assert_eq!(ring.refresh().await.unwrap(), Duration::from_secs(300));
        stub.set_jwks(503, String::new());
        assert!(ring.refresh().await.is_err());
        stub.set_jwks(200, r#"{"keys":[]}"#.into());
        assert!(matches!(ring.refresh().await, Err(SetupError::NoKeys)));
        stub.stop();
        assert!(ring.refresh().await.is_err());
        assert_eq!(count(&ring, Some(signing_key().kid()), ES256), 1);
    }

    #[tokio::test]
    async fn a_withdrawn_key_is_gone_after_the_next_fetch() {
        let stub = StubIssuer::start(&[signing_key()]).await;
        let ring = ring(&stub, Arc::new(TestClock::default()));
        ring.refresh().await.unwrap();
        let next = SigningKey::generate(ES256).unwrap();
        stub.set_jwks(200, jwk_set(&[&next]).to_json().to_string());
        ring.refresh().await.unwrap();
        assert_eq!(count(&ring, Some(signing_key().kid()), ES256), 0);
        assert_eq!(count(&ring, Some(next.kid()), ES256), 1);
    }
}
