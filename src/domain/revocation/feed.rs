//! The feed of revocations for verifiers without Redis: pages of the table, signed.
//!
//! Whoever asks for the same page within a second gets the same bytes: they are read and signed once,
//! however many ask.

use super::entry;
use super::live::Position;
use crate::domain::digest::digest;
use crate::domain::fault::signing;
use crate::domain::provider::Provider;
use crate::jose::{SigningAlgorithm, Typ};
use crate::protocol::error::OAuthError;
use crate::protocol::revocation_feed::FeedPage;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::revocations;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};

/// How many entries one page has at most.
const PAGE: i64 = 2000;
/// How many pages are kept.
const KEPT: usize = 32;
/// How many may wait for news at a time. Whoever comes then is answered at once.
const MAX_WAITERS: usize = 10_000;
/// How long an expired entry still goes out: clocks may be apart.
const GRACE: Lifetime = Lifetime::minutes(1);
/// How often whoever waits looks whether the server stops.
const LOOK: Duration = Duration::from_millis(500);

/// What a reader knows already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The history; none for a reader that knows nothing yet.
    pub epoch: Option<String>,
    /// The last number.
    pub since: i64,
}

/// A page as it goes out.
#[derive(Debug, Clone)]
pub struct SignedPage {
    pub jws: Arc<str>,
    /// Of these very bytes.
    pub etag: Arc<str>,
    /// Whether more follows: then the page never changes.
    pub more: bool,
}

/// The state of the feed.
pub struct Feed {
    pages: Cache<Asked, SignedPage>,
    waiters: Semaphore,
}

/// What makes two questions the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    epoch: Arc<str>,
    since: i64,
    /// Up to where this process has read.
    seq: i64,
    now: Timestamp,
}

impl Default for Feed {
    fn default() -> Self {
        Self { pages: Cache::new(KEPT), waiters: Semaphore::new(MAX_WAITERS) }
    }
}

impl Feed {
    /// Waits until there is something that the reader does not know, at most so long, and no longer
    /// than `going` says.
    pub async fn wait(
        &self,
        provider: &Provider,
        known: &Known,
        longest: Duration,
        going: impl Fn() -> bool,
    ) {
        let Ok(_place) = self.waiters.try_acquire() else { return };
        let mut position = provider.revocation.position();
        let end = Instant::now() + longest;
        while !is_news(&position, known) && Instant::now() < end && going() {
            let look = end.min(Instant::now() + LOOK);
            // An error would be that the provider is gone, and with it whoever asks.
            drop(timeout_at(look, position.changed()).await);
        }
    }

    /// The page after what the reader knows.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` when the database cannot be asked.
    pub async fn page(&self, provider: &Provider, known: &Known) -> Result<SignedPage, OAuthError> {
        let Position { epoch, seq } = provider.revocation.position().borrow().clone();
        let is_current = known.epoch.as_deref() == Some(&*epoch);
        let since = if is_current { known.since } else { 0 };
        let asked = Asked { epoch, since, seq, now: provider.clock.shared() };
        self.pages.get_or_insert_async(&asked, make(provider, &asked)).await
    }
}

fn is_news(position: &watch::Receiver<Position>, known: &Known) -> bool {
    let position = position.borrow();
    known.epoch.as_deref() != Some(&*position.epoch) || known.since < position.seq
}

async fn make(provider: &Provider, asked: &Asked) -> Result<SignedPage, OAuthError> {
    let since = asked.since;
    let (rows, head) = provider
        .db
        .read(move |conn| {
            let rows = revocations::list_after(conn, since, PAGE)?;
            let head = match rows.last() {
                Some(last) => last.seq,
                // Lower than `since` when the table has gone back: the reader must know.
                None => since.min(revocations::head(conn)?),
            };
            Ok((rows, head))
        })
        .await?;
    let alive = asked.now - GRACE;
    let entries = rows.iter().filter_map(entry).filter(|entry| entry.expires_at > alive);
    let page = FeedPage {
        iss: provider.issuer.clone(),
        iat: asked.now,
        epoch: asked.epoch.as_ref().to_owned(),
        since,
        seq: head,
        more: rows.len() as i64 == PAGE,
        entries: entries.collect(),
    };
    let keys = provider.keys.current();
    let key = keys.signing(SigningAlgorithm::ES256)?;
    let jws = key.sign(Typ::Revocations, &page).map_err(signing)?;
    let etag = format!("\"{}\"", digest(&jws));
    Ok(SignedPage { jws: jws.into(), etag: etag.into(), more: page.more })
}
