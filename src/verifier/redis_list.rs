//! The revocation list as it lies in Redis, followed into memory.
//!
//! One task reads the stream of entries and, after each read, the head marker. Only together do
//! they say that the list is complete (`protocol::revocation_store`); a server that was emptied,
//! replaced or cut off reads as stale, and nothing that was read before is forgotten. One that copies
//! from another is not read: it may be behind, and shows what was there in good order.

use super::error::SetupError;
use super::local_list::{LocalList, Moment, Position};
use super::revocations::{RevocationSource, Stale};
use super::seen::{Seen, Verdict};
use crate::protocol::revocation::{RevocationEntry, TokenFacts};
use crate::protocol::revocation_store::{HEAD_KEY, Head, STREAM_KEY, read_entry};
use crate::protocol::time::Clock;
use crate::redis_link::{Connection, Link};
use redis::{RedisError, RedisResult, cmd};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How long a read waits for news; so often the head is looked at.
const BLOCK: Duration = Duration::from_millis(250);
/// How long Redis may take to connect, and to answer on top of [`BLOCK`].
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a server is asked whether it copies from another one by now.
const ROLE_PAUSE: Duration = Duration::from_secs(1);
/// The pause between two reads.
const PAUSE: Duration = Duration::from_millis(10);
/// The most entries that one read brings.
const BATCH: usize = 1000;
/// How long after a failure the next try is, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// A [`RevocationSource`] that follows the list in Redis. Dropping it ends the following.
pub struct RedisList {
    list: LocalList,
    task: AbortHandle,
}

impl RedisList {
    /// Starts to follow the list. It is stale until the first contact, and Redis need not be there
    /// yet. Must be called on a tokio runtime.
    ///
    /// # Errors
    ///
    /// `RedisUrl` when `url` cannot be read.
    pub fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        Self::feeding(url, clock.clone(), LocalList::new(clock))
    }

    /// As [`RedisList::open`], into a list that others may feed as well.
    ///
    /// # Errors
    ///
    /// As [`RedisList::open`].
    pub fn feeding(url: &str, clock: Arc<dyn Clock>, list: LocalList) -> Result<Self, SetupError> {
        let link = Link::open(url).map_err(|_| SetupError::RedisUrl)?;
        let follower = Follower::new(link, list.clone(), clock);
        Ok(Self { list, task: tokio::spawn(follower.run()).abort_handle() })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether something may be missing.
    pub fn is_stale(&self) -> bool {
        self.list.is_stale()
    }
}

impl Drop for RedisList {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RevocationSource for RedisList {
    fn is_revoked(&self, token: &TokenFacts<'_>) -> Result<bool, Stale> {
        self.list.is_revoked(token)
    }
}

struct Follower {
    link: Link,
    list: LocalList,
    clock: Arc<dyn Clock>,
    seen: Seen,
    /// Whether the last read brought something that the provider did not write.
    met_foreign: bool,
    /// How long after the next failure the next try is.
    pause: Duration,
    /// What the log says of the way to Redis.
    said: Said,
    /// Whether the log says that the server does not tell its role.
    said_silent: bool,
    /// When the server is asked next for its role; never, when it does not say.
    role_due: Option<Instant>,
}

/// What the log said last of the way to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Well,
    Lost,
    Copy,
}

/// Why the list is not read any more.
#[derive(Debug)]
enum Lost {
    Redis(RedisError),
    /// The server copies from another one.
    Copy,
}

impl From<RedisError> for Lost {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl Follower {
    fn new(link: Link, list: LocalList, clock: Arc<dyn Clock>) -> Self {
        Self {
            link,
            list,
            clock,
            seen: Seen::default(),
            met_foreign: false,
            pause: RETRY.0,
            said: Said::Well,
            said_silent: false,
            role_due: None,
        }
    }

    async fn run(mut self) {
        loop {
            let Err(lost) = self.follow().await;
            self.list.fall_silent();
            self.say(&lost);
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(RETRY.1);
        }
    }

    fn say(&mut self, lost: &Lost) {
        match (lost, self.said) {
            (Lost::Redis(error), Said::Well) => {
                tracing::warn!(%error, "lost the revocation list in Redis");
                self.said = Said::Lost;
            }
            (Lost::Copy, Said::Well | Said::Lost) => {
                tracing::error!(
                    "the Redis server follows another one and may be behind: the revocation list is \
                     not read there; name the server that it follows"
                );
                self.said = Said::Copy;
            }
            (Lost::Redis(_), Said::Lost | Said::Copy) | (Lost::Copy, Said::Copy) => {}
        }
    }

    /// Reads until the connection breaks. The list grows stale by itself then.
    async fn follow(&mut self) -> Result<Infallible, Lost> {
        let mut redis = self.link.connect(PATIENCE, BLOCK + PATIENCE).await?;
        self.role_due = Some(Instant::now());
        loop {
            self.expect_no_copy(&mut redis).await?;
            self.round(&mut redis).await?;
            if self.said != Said::Well {
                tracing::info!("found the revocation list in Redis again");
            }
            (self.pause, self.said) = (RETRY.0, Said::Well);
        }
    }

    /// A server that becomes a copy ends the connections of those who wait, and of others only when
    /// Sentinel makes it one; so it is asked again.
    async fn expect_no_copy(&mut self, redis: &mut Connection) -> Result<(), Lost> {
        let now = Instant::now();
        if self.role_due.is_none_or(|due| due > now) {
            return Ok(());
        }
        let is_copy = redis.is_copy().await?;
        self.role_due = is_copy.map(|_| now + ROLE_PAUSE);
        match is_copy {
            Some(true) => return Err(Lost::Copy),
            None if !self.said_silent => {
                tracing::warn!(
                    "Redis does not say whether it follows another server: allow this user ROLE"
                );
                self.said_silent = true;
            }
            Some(false) | None => {}
        }
        Ok(())
    }

    async fn round(&mut self, redis: &mut Connection) -> RedisResult<()> {
        if self.seen.head.is_none() {
            // So that what is read at first, which may be much, is known to be vouched for.
            self.look_at_head(redis).await?;
        }
        self.read_stream(redis, Some(BLOCK)).await?;
        let head = self.look_at_head(redis).await?;
        if head.as_ref().is_some_and(|head| !self.seen.reaches(head)) {
            // Written between the two reads, or not there at all: look again before judging.
            self.read_stream(redis, None).await?;
        }
        self.list.insert(&self.seen.vouched());
        match self.seen.judge(head, Moment::of(self.clock.as_ref())) {
            Verdict::FreshUntil(until) => {
                self.list.keep_fresh_until(until);
                if let Some(head) = &self.seen.head {
                    let (epoch, seq) = (head.epoch.clone(), self.seen.complete);
                    self.list.arrived_at(Position { epoch, seq });
                    self.list.sweep(head.time);
                }
            }
            Verdict::Unchanged => {}
            Verdict::Stale => self.list.mark_stale(),
        }
        // A stream that is ahead of its head answers at once, again and again.
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    async fn look_at_head(&mut self, redis: &mut Connection) -> RedisResult<Option<Head>> {
        let head: Option<Vec<u8>> = cmd("GET").arg(HEAD_KEY).query_async(redis).await?;
        let head: Option<Head> = head.and_then(|text| serde_json::from_slice(&text).ok());
        if let Some(head) = &head
            && self.seen.begins_anew(head)
        {
            self.list.forget_position();
            self.list.mark_stale();
        }
        Ok(head)
    }

    /// Takes in what lies beyond what is complete, and waits for it when there is nothing and
    /// `block` says so.
    async fn read_stream(
        &mut self,
        redis: &mut Connection,
        block: Option<Duration>,
    ) -> RedisResult<()> {
        self.seen.beyond.clear();
        self.seen.unvouched.clear();
        let mut after = format!("{}-0", self.seen.complete);
        loop {
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(BATCH);
            if let Some(block) = block {
                read.arg("BLOCK").arg(block.as_millis() as u64);
            }
            read.arg("STREAMS").arg(STREAM_KEY).arg(after);
            let answer: Option<Vec<(String, Vec<RawEntry>)>> = read.query_async(redis).await?;
            let entries = answer.into_iter().flatten().flat_map(|(_, entries)| entries);
            let entries: Vec<RawEntry> = entries.collect();
            self.take_in(&entries);
            match entries.last() {
                Some((last, _)) if entries.len() == BATCH => after = last.clone(),
                _ => return Ok(()),
            }
        }
    }

    fn take_in(&mut self, raw: &[RawEntry]) {
        let entries: Vec<RevocationEntry> = raw.iter().filter_map(entry).collect();
        let foreign = entries.len() < raw.len();
        if foreign && !self.met_foreign {
            tracing::error!("the stream of revocations in Redis holds what is no entry");
        }
        self.met_foreign = foreign;
        self.list.insert(&self.seen.take_in(entries));
    }
}

/// An id, and names and values in turn. Bytes, because anything may lie in Redis.
type RawEntry = (String, Vec<Vec<u8>>);

fn entry((id, flat): &RawEntry) -> Option<RevocationEntry> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (pairs, _) = flat.as_chunks::<2>();
    let fields: Vec<_> = pairs.iter().map(|[name, value]| (text(name), text(value))).collect();
    read_entry(id, &fields)
}

// Only the server brings something that writes logs.
#[cfg(feature = "server")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::time::TestClock;
    use std::io::{self, Write};
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn broken() -> Lost {
        Lost::Redis(io::Error::from(io::ErrorKind::ConnectionReset).into())
    }

    #[tokio::test]
    async fn r_08_that_a_server_follows_another_one_is_said_once() {
        let (log, clock) = (Log::default(), Arc::new(TestClock::default()));
        let link = Link::open("redis://127.0.0.1:1").unwrap();
        let mut follower = Follower::new(link, LocalList::new(clock.clone()), clock);
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            for lost in [broken(), broken(), Lost::Copy, Lost::Copy, broken(), Lost::Copy] {
                follower.say(&lost);
            }
        });
        let bytes = log.0.lock().unwrap().clone();
        let log = String::from_utf8(bytes).unwrap();
        let count = |text: &str| log.matches(text).count();
        assert_eq!(count("lost the revocation list in Redis"), 1, "{log}");
        assert_eq!(count("the Redis server follows another one and may be behind"), 1, "{log}");
        assert_eq!((count("ERROR"), count("WARN")), (1, 1), "{log}");
    }
}
