//! The revocation list from the provider's feed, followed into memory: for services without Redis,
//! and for those whose Redis is away.
//!
//! Each answer is signed and says up to where it is complete and when the provider looked. It comes
//! at once when something is revoked, and after two seconds when nothing is; so an issuer that falls
//! silent is noticed, and nothing that was read before is forgotten.

use super::error::SetupError;
use super::fetch::Source;
use super::keys::{FEED_ALGORITHM, KeyRing};
use super::local_list::{LocalList, Position};
use super::pulse::Pulse;
use crate::jose::{Expected, JoseError, Typ, gate};
use crate::protocol::revocation_feed::{FeedPage, MAX_PAGE_BYTES};
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use url::Url;

/// How long an answer waits for news, in seconds.
const WAIT_SECONDS: u64 = 2;
/// How long after an answer the list counts as complete.
const LIFE: Lifetime = Lifetime::seconds(5);
/// How far the clocks may be apart when the first answer comes, in seconds; those after it only have
/// to move on.
const MAX_SKEW_SECONDS: i64 = 60;
/// How long after a failure the next try is, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// The longest wait that the provider may ask for: it says ten seconds at most, and who knows who else
/// answers in its place.
const LONGEST_RETRY: Duration = Duration::from_secs(30);
/// The pause between two answers, should something between answer at once, and after one that is no
/// sign of life and brings nothing.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));
/// How often one that stands by looks whether it is needed.
const STAND_BY: Duration = Duration::from_millis(200);
/// How often a key that is not known makes us ask for the keys.
const KEYS_PAUSE_SECONDS: i64 = 5;

/// Whether the feed is always read, or only while nobody else feeds the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Always,
    StandBy,
}

/// A task that follows the feed; it ends when this is dropped.
pub(super) struct Following(AbortHandle);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts to follow the feed into `list`. Must be called on a tokio runtime.
pub(super) fn follow(
    source: Source,
    keys: Arc<KeyRing>,
    list: LocalList,
    clock: Arc<dyn Clock>,
    duty: Duty,
) -> Following {
    let (url, pulse, asked_keys_at) = (None, Pulse::default(), None);
    let reader = Reader { source, keys, list, clock, url, pulse, asked_keys_at };
    Following(tokio::spawn(reader.run(duty)).abort_handle())
}

struct Reader {
    source: Source,
    keys: Arc<KeyRing>,
    list: LocalList,
    clock: Arc<dyn Clock>,
    url: Option<Url>,
    /// By the times of the answers.
    pulse: Pulse,
    asked_keys_at: Option<Timestamp>,
}

impl Reader {
    async fn run(mut self, duty: Duty) {
        let (mut pause, mut well) = (RETRY.0, true);
        loop {
            if duty == Duty::StandBy && !self.is_needed() {
                tokio::time::sleep(STAND_BY).await;
                continue;
            }
            match self.step().await {
                Ok(is_alive) => {
                    if !well {
                        tracing::info!("found the feed of revocations again");
                    }
                    (pause, well) = (RETRY.0, true);
                    tokio::time::sleep(if is_alive { PAUSE.0 } else { PAUSE.1 }).await;
                }
                Err(error) => {
                    if well {
                        tracing::warn!(%error, "lost the feed of revocations");
                    }
                    well = false;
                    tokio::time::sleep(pause.max(asked_to_wait(&error))).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    /// Whether the others fell silent: then what they said last may be older than what happened since.
    fn is_needed(&self) -> bool {
        self.list.is_stale() || self.list.is_alone()
    }

    /// One answer, and those that belong to it. False when it is no sign of life and brings nothing.
    async fn step(&mut self) -> Result<bool, SetupError> {
        // Who is not sure to know all does not wait for news.
        let mut wait = if self.list.is_stale() { 0 } else { WAIT_SECONDS };
        loop {
            let position = self.list.position();
            let answer = self.ask(position.as_ref(), wait).await?;
            let page = self.open(&answer).await?;
            let more = page.more;
            let is_alive = self.take_in(page, position.as_ref()).map_err(SetupError::Feed)?;
            if !more {
                return Ok(is_alive);
            }
            wait = 0;
        }
    }

    async fn ask(&mut self, known: Option<&Position>, wait: u64) -> Result<Vec<u8>, SetupError> {
        let url = match &self.url {
            Some(url) => url,
            None => self.url.insert(self.source.find_feed().await?),
        };
        let mut url = url.clone();
        if let Some(known) = known {
            url.query_pairs_mut()
                .append_pair("epoch", &known.epoch)
                .append_pair("since", &known.seq.to_string());
        }
        if wait > 0 {
            url.query_pairs_mut().append_pair("wait", &wait.to_string());
        }
        self.source.feed_page(url, Duration::from_secs(wait)).await
    }

    /// Checks the signature, if need be with keys that are asked for now.
    async fn open(&mut self, answer: &[u8]) -> Result<FeedPage, SetupError> {
        let opened = self.verify(answer);
        if !matches!(opened, Err(JoseError::Key(_))) {
            return opened.map_err(SetupError::Feed);
        }
        let now = self.clock.now();
        let asked = self.asked_keys_at.is_some_and(|at| {
            now.seconds_since(at).unsigned_abs() < KEYS_PAUSE_SECONDS.unsigned_abs()
        });
        if !asked {
            self.asked_keys_at = Some(now);
            self.keys.refresh().await?;
        }
        self.verify(answer).map_err(SetupError::Feed)
    }

    fn verify(&self, answer: &[u8]) -> Result<FeedPage, JoseError> {
        let text = std::str::from_utf8(answer).map_err(|_| JoseError::Malformed)?;
        let typ = [Typ::Revocations.as_str()];
        let expected = Expected::new(&typ, &[FEED_ALGORITHM]).up_to(MAX_PAGE_BYTES);
        let unverified = gate(text, &expected)?;
        let unknown = JoseError::Key("signed with a key that the issuer does not publish");
        let kid = unverified.kid().ok_or(JoseError::Refused("no kid"))?;
        if self.list.has_withdrawn(kid) {
            return Err(JoseError::Refused("signed with a key that was withdrawn"));
        }
        let keys = self.keys.current();
        let claims = unverified.verify(keys.of_feed(kid).ok_or(unknown)?)?;
        claims.expect_str("iss", self.source.issuer())?;
        let page = serde_json::from_value(Value::Object(claims.into_map()));
        page.map_err(|_| JoseError::Malformed)
    }

    fn take_in(&mut self, page: FeedPage, known: Option<&Position>) -> Result<bool, JoseError> {
        let of_same = known.filter(|known| known.epoch == page.epoch);
        if of_same.is_some_and(|known| page.since == known.seq && page.seq < known.seq) {
            // The provider's data are older than what it told us. Its numbers will come again, and must
            // not be taken for those that we have.
            self.list.forget_position();
            return Err(JoseError::Refused("the list went back, it is read from the start"));
        }
        if page.since != of_same.map_or(0, |known| known.seq) || page.seq < page.since {
            return Err(JoseError::Refused("it does not follow what is known"));
        }
        self.list.insert(&page.entries);
        self.list.arrived_at(Position { epoch: page.epoch, seq: page.seq });
        let now = self.clock.now();
        let is_young = now.seconds_since(page.iat).abs() <= MAX_SKEW_SECONDS;
        let is_first = self.pulse.is_new();
        let is_news = self.pulse.heard(page.iat) || (is_first && is_young);
        if is_news && !page.more {
            self.list.keep_fresh_until(now + LIFE);
            self.list.sweep(page.iat);
        }
        Ok(is_news || page.seq > page.since)
    }
}

/// How long the provider asks to be left alone. What was read so far stays read.
fn asked_to_wait(error: &SetupError) -> Duration {
    match error {
        SetupError::Later { seconds, .. } => Duration::from_secs(*seconds).min(LONGEST_RETRY),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
