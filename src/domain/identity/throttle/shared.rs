//! The counters of all instances, in Redis.
//!
//! One connection, kept by [`Shared::keep`]. Whoever asks has a deadline, and whoever is not answered
//! in time cuts the connection: from then on nobody asks, until a probe is answered quickly. So a dead
//! or slow Redis costs those who are waiting when it dies one deadline, and nobody else anything.
//!
//! A name lies under `{countersign}:attempts:` and its MAC under a key of the house: neither an
//! address nor an account can be read there, or found by trying them all.

use super::local::Count;
use super::{Limit, Throttle};
use crate::jose::SealingKey;
use crate::protocol::time::{Clock, Lifetime, Timestamp};
use crate::redis_link::{Connection, Link};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use redis::{RedisError, RedisResult, Script};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

/// How long somebody waits for Redis.
const DEADLINE: Duration = Duration::from_millis(50);
/// How soon a probe must be answered before anybody asks again.
const PROBE: Duration = Duration::from_millis(25);
/// How long connecting may take. Nobody waits for it.
const CONNECTING: Duration = Duration::from_millis(500);
/// How long after a failure the next try is, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// How many notes wait at most; what is beyond is counted here alone.
const NOTES: usize = 10_000;
/// How many of them go over in one step.
const BATCH: usize = 250;
/// The longest window there may be.
const LONGEST: Lifetime = Lifetime::days(1);
/// More than anybody has.
const ALL: i64 = u32::MAX as i64;

/// The way to Redis, and what is to be said there.
pub(super) struct Shared {
    link: Link,
    names: SealingKey,
    script: Script,
    way: Mutex<Way>,
    lost: Notify,
    notes: mpsc::Sender<Note>,
    queue: tokio::sync::Mutex<mpsc::Receiver<Note>>,
}

/// A connection with its number: what failed on one says nothing of the next.
#[derive(Default)]
struct Way {
    number: u64,
    connection: Option<Connection>,
}

/// What Redis is told when nobody waits for the answer.
struct Note {
    name: String,
    change: Change,
}

enum Change {
    /// A failure, in windows so long.
    Failed(Lifetime),
    GiveBack,
    Forget,
}

/// What is asked of one name.
struct Ask {
    name: String,
    add: i64,
    most: i64,
    window: Lifetime,
    known: u32,
    known_until: Timestamp,
}

/// What Redis says of one name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub was_added: bool,
    pub attempts: u32,
    pub ends_at: Timestamp,
}

impl Shared {
    pub(super) fn new(link: Link, names: SealingKey) -> Self {
        let (notes, queue) = mpsc::channel(NOTES);
        Self {
            link,
            names,
            script: Script::new(include_str!("attempts.lua")),
            way: Mutex::default(),
            lost: Notify::new(),
            notes,
            queue: tokio::sync::Mutex::new(queue),
        }
    }

    /// Whether Redis is asked at present.
    pub(super) fn is_up(&self) -> bool {
        self.since().is_some()
    }

    /// The number of the connection, while there is one.
    pub(super) fn since(&self) -> Option<u64> {
        let way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        way.connection.as_ref().map(|_| way.number)
    }

    /// Takes an attempt, in one step. `None` when Redis does not say in time.
    pub(super) async fn take(
        &self,
        name: &str,
        limit: Limit,
        known: Count,
        now: Timestamp,
    ) -> Option<Answer> {
        let ask = Ask {
            name: name.to_owned(),
            add: 1,
            most: limit.attempts.into(),
            window: limit.window,
            known: known.attempts,
            known_until: known.ends_at,
        };
        self.ask(now, &[ask]).await?.pop()
    }

    pub(super) fn failed(&self, name: &str, window: Lifetime) {
        self.note(name, Change::Failed(window));
    }

    pub(super) fn give_back(&self, name: &str) {
        self.note(name, Change::GiveBack);
    }

    pub(super) fn forget(&self, name: &str) {
        self.note(name, Change::Forget);
    }

    /// What is not said now is not said later either: it may be wrong by then.
    fn note(&self, name: &str, change: Change) {
        if self.is_up() {
            // A queue that is full is not waited for: this process has counted.
            drop(self.notes.try_send(Note { name: name.to_owned(), change }));
        }
    }

    /// Connects, says what there is to say, and connects anew. Never ends.
    pub(super) async fn keep(&self, throttle: &Throttle) {
        let mut queue = self.queue.lock().await;
        let mut was_up = true;
        loop {
            self.connect(throttle.clock.as_ref(), &mut was_up).await;
            let mut notes = Vec::new();
            loop {
                tokio::select! {
                    () = self.lost.notified() => break,
                    _ = queue.recv_many(&mut notes, BATCH) => {
                        self.say(throttle, notes.drain(..)).await;
                    }
                }
            }
        }
    }

    async fn connect(&self, clock: &dyn Clock, was_up: &mut bool) {
        let mut pause = RETRY.0;
        loop {
            match self.probed(clock.now()).await {
                Ok(connection) => {
                    if !*was_up {
                        tracing::info!("attempts are counted in Redis again");
                    }
                    *was_up = true;
                    let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
                    (way.number, way.connection) = (way.number + 1, Some(connection));
                    return;
                }
                Err(error) if *was_up => {
                    tracing::warn!(%error, "attempts are counted by this instance alone");
                    *was_up = false;
                }
                Err(_) => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        }
    }

    /// A connection over which counting works, and quickly.
    async fn probed(&self, now: Timestamp) -> RedisResult<Connection> {
        let mut connection = self.link.connect(CONNECTING, CONNECTING).await?;
        let probe = Ask {
            name: "probe".into(),
            add: 1,
            most: -1,
            window: Lifetime::seconds(1),
            known: 0,
            known_until: now,
        };
        // The first brings the script; the second is as all others are.
        let probes = [&probe];
        for deadline in [CONNECTING, PROBE] {
            let answered = timeout(deadline, self.call(&mut connection, now, &probes));
            answered.await.map_err(|_| late())??;
        }
        Ok(connection)
    }

    /// Tells Redis what was noted, and learns the sums.
    async fn say(&self, throttle: &Throttle, notes: impl Iterator<Item = Note>) {
        let now = throttle.clock.now();
        let mut changes = HashMap::new();
        for Note { name, change } in notes {
            let (add, window) = changes.entry(name).or_insert((0_i64, LONGEST));
            match change {
                Change::Failed(of) => (*add, *window) = (*add + 1, of),
                Change::GiveBack => *add -= 1,
                Change::Forget => *add -= ALL,
            }
        }
        let asks = changes.into_iter().filter(|(_, (add, _))| *add != 0);
        let asks = asks.filter_map(|(name, (add, window))| {
            let added = u32::try_from(add).unwrap_or(0);
            let known = match added {
                0 => None,
                _ => Some(throttle.counts().bring(&name, window, now)?),
            };
            let (known, known_until) =
                known.map_or((0, now), |count| (count.attempts, count.ends_at));
            Some(Ask {
                name,
                add,
                most: -1,
                window,
                known: known.saturating_sub(added),
                known_until,
            })
        });
        let asks: Vec<Ask> = asks.collect();
        let Some(answers) = self.ask(now, &asks).await else { return };
        for (ask, answer) in asks.iter().zip(answers) {
            if ask.add > 0 {
                throttle.counts().learn(&ask.name, answer.attempts, answer.ends_at, now);
            }
        }
    }

    async fn ask(&self, now: Timestamp, asks: &[Ask]) -> Option<Vec<Answer>> {
        let (number, mut connection) = {
            let way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
            (way.number, way.connection.clone()?)
        };
        let asks: Vec<&Ask> = asks.iter().collect();
        match timeout(DEADLINE, self.call(&mut connection, now, &asks)).await {
            Ok(Ok(answers)) if answers.len() == asks.len() => Some(answers),
            failed => {
                tracing::debug!(error = ?failed.err().map(|_| "late"), "Redis did not count");
                self.cut(number);
                None
            }
        }
    }

    fn cut(&self, number: u64) {
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        if way.number == number && way.connection.take().is_some() {
            self.lost.notify_one();
        }
    }

    async fn call(
        &self,
        connection: &mut Connection,
        now: Timestamp,
        asks: &[&Ask],
    ) -> RedisResult<Vec<Answer>> {
        let mut script = self.script.prepare_invoke();
        script.arg(now.as_unix());
        for ask in asks {
            script.key(self.key(&ask.name)).arg(ask.add).arg(ask.most);
            script.arg(ask.window.as_seconds()).arg(ask.known).arg(ask.known_until.as_unix());
        }
        let numbers: Vec<i64> = script.invoke_async(connection).await?;
        Ok(numbers.chunks_exact(3).map(Answer::read).collect())
    }

    fn key(&self, name: &str) -> String {
        let mac = self.names.mac(name.as_bytes());
        format!("{{countersign}}:attempts:{}", BASE64_URL_SAFE_NO_PAD.encode(&mac[..16]))
    }
}

impl Answer {
    fn read(numbers: &[i64]) -> Self {
        let number = |at: usize| numbers.get(at).copied().unwrap_or_default();
        Self {
            was_added: number(0) == 1,
            attempts: u32::try_from(number(1)).unwrap_or(u32::MAX),
            ends_at: Timestamp::from_unix(number(2)),
        }
    }
}

fn late() -> RedisError {
    RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))
}
