//! The feed of revocations for verifiers without Redis: pages of the table, signed.
//!
//! Whoever asks for the same page within a second gets the same bytes, and of a page with more within a
//! minute: they are read and signed once, however many ask.
//!
//! Who follows the list asks for what lies at its end, which all others ask for as well. Anything else
//! is read for whoever asks alone, so an address may have so much of it made and no more
//! ([`PER_ADDRESS`]), and of all who ask only a few have a page made at the same time ([`MAKERS`]).

use super::entry;
use super::live::Position;
use crate::domain::digest::digest;
use crate::domain::fault::signing;
use crate::domain::identity::throttle::{Limit, TooMany, address_name};
use crate::domain::provider::Provider;
use crate::jose::{SigningAlgorithm, SigningKey, Typ};
use crate::protocol::error::OAuthError;
use crate::protocol::revocation_feed::FeedPage;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::revocations;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

/// How many entries one page has at most.
const PAGE: i64 = 2000;
/// How many pages are kept.
const KEPT: usize = 32;
/// How many bytes of pages with more are kept, and for how many seconds.
const KEPT_FULL: (u64, i64) = (16 * 1024 * 1024, 60);
/// How near to the end of the list a reader is that follows it, in entries.
const NEWS: u64 = 100;
/// How many other pages may be made for an address. A million entries are 500 pages; those that others
/// had made do not count.
const PER_ADDRESS: Limit = Limit { attempts: 1000, window: Lifetime::seconds(10) };
/// How many of them are made at the same time: at most, and a quarter of the cores. The database and
/// the cores are there for sign-ins.
const MAKERS: usize = 4;
/// How long somebody waits for such a page.
const PATIENCE: Duration = Duration::from_secs(2);
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
    /// Those with more.
    full: Cache<Place, (Timestamp, SignedPage), Bytes>,
    waiters: Semaphore,
    makers: Semaphore,
}

/// Where a page begins, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    epoch: Arc<str>,
    since: i64,
    /// Readers refuse what was signed with a key that was withdrawn since.
    kid: Arc<str>,
}

/// What makes two questions the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    place: Place,
    /// Up to where this process has read.
    seq: i64,
    now: Timestamp,
}

impl Asked {
    /// Whether only a reader asks so that follows the list. One that has read at another instance may be
    /// ahead of this one.
    fn is_news(&self) -> bool {
        self.seq.abs_diff(self.place.since) <= NEWS
    }
}

/// Weighs pages by their length.
#[derive(Clone)]
struct Bytes;

impl Weighter<Place, (Timestamp, SignedPage)> for Bytes {
    fn weight(&self, _: &Place, (_, page): &(Timestamp, SignedPage)) -> u64 {
        page.jws.len() as u64
    }
}

impl Default for Feed {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            pages: Cache::new(KEPT),
            full: Cache::with_weighter(KEPT, KEPT_FULL.0, Bytes),
            waiters: Semaphore::new(MAX_WAITERS),
            makers: Semaphore::new((cores / 4).clamp(1, MAKERS)),
        }
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

    /// The page after what the reader knows, who asks from this address.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` when the database cannot be asked, when too many pages were made for
    /// the address, or when others have theirs made.
    pub async fn page(
        &self,
        provider: &Provider,
        known: &Known,
        from: Option<&str>,
    ) -> Result<SignedPage, OAuthError> {
        let Position { epoch, seq } = provider.revocation.position().borrow().clone();
        let is_current = known.epoch.as_deref() == Some(&*epoch);
        let since = if is_current { known.since } else { 0 };
        let key = provider.keys.current().signing(SigningAlgorithm::ES256)?.clone();
        let place = Place { epoch, since, kid: key.kid().into() };
        let now = provider.clock.shared();
        if let Some(page) = self.kept(&place, now) {
            return Ok(page);
        }
        let asked = Asked { place, seq, now };
        if asked.is_news() {
            return self.pages.get_or_insert_async(&asked, make(provider, &asked, &key)).await;
        }
        let made = self.make_in_turn(provider, &asked, &key, from);
        let made = timeout(PATIENCE, self.pages.get_or_insert_async(&asked, made)).await;
        let page = made.map_err(|_| OAuthError::unavailable("the feed is busy"))??;
        if page.more {
            self.full.insert(asked.place, (now, page.clone()));
        }
        Ok(page)
    }

    /// A page with more that was made a moment ago.
    fn kept(&self, place: &Place, now: Timestamp) -> Option<SignedPage> {
        let (made_at, page) = self.full.get(place)?;
        (0..KEPT_FULL.1).contains(&now.seconds_since(made_at)).then_some(page)
    }

    /// As [`make`], for as long as it is not too much for one address, and not by too many at a time.
    async fn make_in_turn(
        &self,
        provider: &Provider,
        asked: &Asked,
        key: &Arc<SigningKey>,
        from: Option<&str>,
    ) -> Result<SignedPage, OAuthError> {
        let says = "too many pages that nobody else reads were asked for from this address";
        let name = format!("feed {}", address_name(from));
        let taken = provider.throttle.take_here(&name, PER_ADDRESS);
        taken.map_err(|too_many: TooMany| too_many.refused(says))?;
        let _turn = self.makers.acquire().await.map_err(OAuthError::server_error)?;
        make(provider, asked, key).await
    }
}

fn is_news(position: &watch::Receiver<Position>, known: &Known) -> bool {
    let position = position.borrow();
    known.epoch.as_deref() != Some(&*position.epoch) || known.since < position.seq
}

async fn make(
    provider: &Provider,
    asked: &Asked,
    key: &Arc<SigningKey>,
) -> Result<SignedPage, OAuthError> {
    let since = asked.place.since;
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
        epoch: asked.place.epoch.as_ref().to_owned(),
        since,
        seq: head,
        more: rows.len() as i64 == PAGE,
        entries: entries.collect(),
    };
    let key = key.clone();
    // A long page takes milliseconds, in which nobody else would be answered here.
    let signed = tokio::task::spawn_blocking(move || sign(&key, &page)).await;
    signed.map_err(OAuthError::server_error)?
}

fn sign(key: &SigningKey, page: &FeedPage) -> Result<SignedPage, OAuthError> {
    let jws = key.sign(Typ::Revocations, page).map_err(signing)?;
    let etag = format!("\"{}\"", digest(&jws));
    Ok(SignedPage { jws: jws.into(), etag: etag.into(), more: page.more })
}
