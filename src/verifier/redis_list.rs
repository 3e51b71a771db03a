//! The revocation list as it lies in Redis, followed into memory.
//!
//! One task reads the stream of entries and, after each read, the head marker. Only together do
//! they say that the list is complete (`protocol::revocation_store`); a server that was emptied,
//! replaced or cut off reads as stale, and nothing that was read before is forgotten.

use super::error::SetupError;
use super::local_list::{LocalList, Position};
use super::revocations::{RevocationSource, Stale};
use crate::protocol::revocation::{RevocationEntry, TokenFacts};
use crate::protocol::revocation_store::{
    HEAD_KEY, HEAD_LIFE_SECONDS, Head, STREAM_KEY, read_entry,
};
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use crate::redis_link::{Connection, Link};
use redis::{RedisResult, cmd};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How long a read waits for news; so often the head is looked at.
const BLOCK: Duration = Duration::from_millis(250);
/// How long Redis may take to connect, and to answer on top of [`BLOCK`].
const PATIENCE: Duration = Duration::from_millis(500);
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
        let seen = Seen::default();
        let follower = Follower { link, list: list.clone(), clock, seen, met_foreign: false };
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
}

/// What was read of Redis so far.
#[derive(Debug, Default)]
struct Seen {
    head: Option<Head>,
    /// The number up to which every entry was read.
    complete: i64,
    /// The numbers that were read beyond it, in order. Nobody vouches for them yet.
    beyond: Vec<i64>,
}

/// What a look at the head says of the list.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Complete, and known to be until then.
    FreshUntil(Timestamp),
    /// Complete when last somebody made sure, which is not news.
    Unchanged,
    /// Something may be missing.
    Stale,
}

impl Follower {
    async fn run(mut self) {
        let mut pause = RETRY.0;
        let mut well = true;
        loop {
            let Err(error) = self.follow(&mut pause, &mut well).await;
            self.list.fall_silent();
            if well {
                tracing::warn!(%error, "lost the revocation list in Redis");
            }
            well = false;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        }
    }

    /// Reads until the connection breaks. The list grows stale by itself then.
    async fn follow(
        &mut self,
        pause: &mut Duration,
        well: &mut bool,
    ) -> RedisResult<std::convert::Infallible> {
        let mut redis = self.link.connect(PATIENCE, BLOCK + PATIENCE).await?;
        loop {
            self.round(&mut redis).await?;
            if !*well {
                tracing::info!("found the revocation list in Redis again");
            }
            (*pause, *well) = (RETRY.0, true);
        }
    }

    async fn round(&mut self, redis: &mut Connection) -> RedisResult<()> {
        self.read_stream(redis, Some(BLOCK)).await?;
        let head: Option<Vec<u8>> = cmd("GET").arg(HEAD_KEY).query_async(redis).await?;
        let head: Option<Head> = head.and_then(|text| serde_json::from_slice(&text).ok());
        if let Some(head) = &head {
            self.seen.follow_epoch(head);
            if !self.seen.reaches(head) {
                // Written between the two reads, or not there at all: look again before judging.
                self.read_stream(redis, None).await?;
            }
        }
        match self.seen.judge(head, self.clock.now()) {
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
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(())
    }

    /// Takes in what lies beyond what is complete, and waits for it when there is nothing and
    /// `block` says so.
    async fn read_stream(
        &mut self,
        redis: &mut Connection,
        block: Option<Duration>,
    ) -> RedisResult<()> {
        self.seen.beyond.clear();
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
        self.list.insert(&entries);
        self.seen.beyond.extend(entries.iter().map(|entry| entry.seq));
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

impl Seen {
    /// In another epoch the numbers begin anew, so the stream is read from its start.
    fn follow_epoch(&mut self, head: &Head) {
        if self.head.as_ref().is_some_and(|own| own.epoch != head.epoch) {
            *self = Self::default();
        }
    }

    /// Whether everything that `head` vouches for was read. The entry of its very number must be
    /// among it: a higher one alone may come from elsewhere.
    fn reaches(&self, head: &Head) -> bool {
        head.seq == self.complete || self.beyond.contains(&head.seq)
    }

    fn judge(&mut self, head: Option<Head>, now: Timestamp) -> Verdict {
        let Some(head) = head else { return Verdict::Stale };
        let reached = self.reaches(&head);
        if reached {
            self.complete = self.complete.max(head.seq);
        }
        match &self.head {
            Some(own) if head.seq < own.seq => return Verdict::Stale,
            _ if !reached => return Verdict::Stale,
            Some(own) if head.time == own.time && head.seq == own.seq => return Verdict::Unchanged,
            // The beat is heard, however the clock of the provider is set, and whichever provider
            // has written it.
            Some(_) => {
                self.head = Some(head);
                return Verdict::FreshUntil(now + HEAD_LIFE);
            }
            None => {}
        }
        // The first head may be an old one: only its time can tell.
        let age = now.seconds_since(head.time);
        let written = head.time;
        self.head = Some(head);
        match (0..=HEAD_LIFE_SECONDS).contains(&age) {
            true => Verdict::FreshUntil(written + HEAD_LIFE),
            false => Verdict::Stale,
        }
    }
}

const HEAD_LIFE: Lifetime = Lifetime::seconds(HEAD_LIFE_SECONDS as u32);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_763_765_000);

    fn head(seq: i64, seconds: i64) -> Option<Head> {
        let time = Timestamp::from_unix(NOW.as_unix() + seconds);
        Some(Head { epoch: "e1".into(), seq, time })
    }

    fn seen(complete: i64) -> Seen {
        let mut seen = Seen { complete, ..Seen::default() };
        assert_eq!(seen.judge(head(complete, 0), NOW), Verdict::FreshUntil(NOW + HEAD_LIFE));
        seen
    }

    #[test]
    fn r_04_without_a_head_the_list_is_stale() {
        assert_eq!(seen(5).judge(None, NOW), Verdict::Stale);
    }

    #[test]
    fn r_08_a_head_that_went_back_is_stale() {
        assert_eq!(seen(5).judge(head(4, 1), NOW), Verdict::Stale);
    }

    #[test]
    fn a_head_that_the_stream_does_not_reach_is_stale() {
        assert_eq!(seen(5).judge(head(6, 1), NOW), Verdict::Stale);
    }

    #[test]
    fn a_head_that_nobody_renews_adds_no_time() {
        let mut seen = seen(5);
        assert_eq!(seen.judge(head(5, 0), NOW), Verdict::Unchanged);
        let later = NOW + Lifetime::seconds(1);
        assert_eq!(seen.judge(head(5, 1), later), Verdict::FreshUntil(later + HEAD_LIFE));
    }

    #[test]
    fn t_02_a_provider_whose_clock_is_behind_is_heard() {
        let mut seen = seen(5);
        assert_eq!(seen.judge(head(5, -3600), NOW), Verdict::FreshUntil(NOW + HEAD_LIFE));
        assert_eq!(seen.judge(head(5, -3600), NOW), Verdict::Unchanged);
    }

    #[test]
    fn the_first_head_is_believed_only_when_it_is_young() {
        for seconds in [-4, -600, 1, 600] {
            let mut seen = Seen::default();
            assert_eq!(seen.judge(head(0, seconds), NOW), Verdict::Stale, "{seconds}");
            // A beat is a beat, also from a clock that is wrong.
            let beat = seen.judge(head(0, seconds + 1), NOW);
            assert_eq!(beat, Verdict::FreshUntil(NOW + HEAD_LIFE), "{seconds}");
        }
    }

    #[test]
    fn another_epoch_is_read_from_the_start() {
        let mut seen = seen(5);
        let next = Head { epoch: "e2".into(), seq: 2, time: NOW };
        seen.follow_epoch(&next);
        assert_eq!(seen.complete, 0);
        assert_eq!(seen.judge(Some(next), NOW), Verdict::Stale, "not read yet");
    }

    #[test]
    fn r_09_an_entry_far_beyond_the_head_does_not_stand_for_those_before_it() {
        let mut seen = seen(5);
        seen.beyond = vec![1_763_765_000_000];
        assert_eq!(seen.judge(head(6, 1), NOW), Verdict::Stale);
        assert_eq!(seen.complete, 5);
        seen.beyond = vec![6, 7];
        assert_eq!(seen.judge(head(6, 1), NOW), Verdict::FreshUntil(NOW + HEAD_LIFE));
        assert_eq!(seen.complete, 6, "7 is read again");
    }
}
