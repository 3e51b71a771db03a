//! A database, a Redis server, a relay between them, and verifiers' lists behind it.

use countersign::domain::identity::throttle::{Limit, Throttle};
use countersign::domain::revocation::redis::{RedisRelay, Target};
use countersign::jose::Sealer;
use countersign::protocol::random::SystemRandom;
use countersign::protocol::revocation::TokenFacts;
use countersign::protocol::revocation_store::{HEAD_KEY, Head, STREAM_KEY};
use countersign::protocol::time::{Clock, Lifetime, SystemClock, Timestamp};
use countersign::redis_link::Link;
use countersign::storage::revocations::{self, NewRevocation};
use countersign::storage::{Db, housekeeping, settings};
use countersign::verifier::{RedisList, RevocationSource};
use diesel::connection::{Connection, SimpleConnection};
use diesel::sqlite::SqliteConnection;
use redis::FromRedisValue;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Asks every 20 ms until the answer is `Some(true)`.
pub async fn eventually(what: &str, millis: u64, ask: impl AsyncFn() -> Option<bool>) {
    let asking = async {
        while ask().await != Some(true) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answered = tokio::time::timeout(Duration::from_millis(millis), asking).await;
    assert!(answered.is_ok(), "not within {millis} ms: {what}");
}

pub fn watermark(subject: &str, not_before: i64, expires_at: i64) -> NewRevocation {
    entry("sub", subject, Some(not_before), expires_at)
}

pub fn jti(jti: &str, expires_at: i64) -> NewRevocation {
    entry("jti", jti, None, expires_at)
}

fn entry(kind: &str, key: &str, not_before: Option<i64>, expires_at: i64) -> NewRevocation {
    NewRevocation {
        kind: kind.into(),
        key: key.into(),
        not_before,
        expires_at,
        reason: "test".into(),
        actor: "test".into(),
        at: SystemClock.now().as_unix(),
    }
}

pub struct Setup {
    pub redis: Redis,
    pub relay: RedisRelay,
    pub task: JoinHandle<()>,
    db: Db,
    url: String,
    _directory: TempDir,
}

impl Setup {
    /// Everything running, with the first head written.
    pub async fn start() -> Self {
        let mut setup = Self::prepare("noeviction").await;
        setup.task = setup.relay.spawn();
        setup.settled(0).await;
        setup
    }

    /// Everything but the relay running.
    pub async fn prepare(policy: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("test.db").display());
        let db = Db::open(&url.parse().unwrap()).unwrap();
        let redis = Redis::start(policy).await;
        let url = redis.url();
        let relay = relay(&db, &url);
        let task = tokio::spawn(async {});
        Self { redis, relay, task, db, url, _directory: directory }
    }

    /// Everything running, with servers that are there already.
    pub async fn at(url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = format!("sqlite://{}", directory.path().join("test.db").display());
        let db = Db::open(&path.parse().unwrap()).unwrap();
        let relay = relay(&db, url);
        let task = relay.spawn();
        let (redis, url) = (Redis::at(0), url.to_owned());
        let setup = Self { redis, relay, task, db, url, _directory: directory };
        eventually("a head is written", 15_000, async || {
            Some(setup.relay.status().beat_at.is_some())
        })
        .await;
        setup
    }

    /// The relay of a second instance, running.
    pub fn another_relay(&self) -> RedisRelay {
        self.another_relay_to(&self.url)
    }

    /// Another relay in the place of the first one, which writes no single keys.
    pub async fn leave_single_keys(&mut self) {
        self.task.abort();
        let _: String = self.redis.ask(&["FLUSHALL"]).await;
        self.relay = relay_to(&self.db, Target { url: &self.url, single_keys: false });
        self.task = self.relay.spawn();
    }

    /// As [`Setup::another_relay`], to another server.
    pub fn another_relay_to(&self, url: &str) -> RedisRelay {
        let relay = relay(&self.db, url);
        relay.spawn();
        relay
    }

    pub async fn add(&self, entries: &[NewRevocation]) {
        let entries = entries.to_vec();
        self.db.write(move |conn| revocations::insert(conn, &entries)).await.unwrap();
    }

    /// Removes the expired entries; says how many went.
    pub async fn sweep(&self) -> usize {
        let now = SystemClock.now();
        self.db.write(move |conn| housekeeping::delete_expired(conn, now)).await.unwrap()
    }

    /// Loses the last entry, as a fail-over to a copy that was behind does.
    pub fn fall_back(&self) {
        let path = self._directory.path().join("test.db").display().to_string();
        let mut conn = SqliteConnection::establish(&path).unwrap();
        let last = "DELETE FROM revocations WHERE seq = (SELECT max(seq) FROM revocations)";
        conn.batch_execute(&format!("PRAGMA busy_timeout = 2000; {last}")).unwrap();
    }

    /// Writes a head and the entry of its number, as a stranger does who may write. Without a proof of
    /// their own they copy that of the head that is there.
    pub async fn forge(&self, seq: i64, proof: Option<&str>) {
        let text = self.redis.get(HEAD_KEY).await.unwrap();
        let head: Head = serde_json::from_str(&text).unwrap();
        let proof = proof.map(str::to_owned).or(head.proof.clone());
        let forged = serde_json::to_string(&Head { seq, proof, ..head }).unwrap();
        let _: String = self.redis.ask(&["SET", HEAD_KEY, &forged]).await;
        let entry = ["kind", "jti", "key", "x", "not_before", "", "expires_at", "9999999999"];
        let add = ["XADD", STREAM_KEY, &format!("{seq}-0")];
        let _: String = self.redis.ask(&[&add[..], &entry].concat()).await;
    }

    pub async fn epoch(&self) -> String {
        let find = |conn: &mut _| settings::find(conn, "revocation_epoch");
        self.db.read(find).await.unwrap().unwrap()
    }

    /// Waits until a head vouches for everything up to `seq`.
    pub async fn settled(&self, seq: i64) {
        eventually("the head follows", 10_000, async || {
            let status = self.relay.status();
            Some(status.beat_at.is_some() && status.last_seq == seq && status.lag == 0)
        })
        .await;
        let wanted = format!(r#""seq":{seq},"#);
        eventually("the head is written", 3000, async || {
            self.redis.get(HEAD_KEY).await.map(|head| head.contains(&wanted))
        })
        .await;
    }

    /// A verifier's list, fresh.
    pub async fn follow(&self) -> List {
        self.follow_at(&self.url).await
    }

    /// As [`Setup::follow`], by another way to the same Redis.
    pub async fn follow_at(&self, url: &str) -> List {
        let list = List::of(url);
        eventually("a list is fresh", 5000, async || Some(list.is_fresh())).await;
        list
    }
}

/// How many of ten attempts pass where five may, of a new instance that counts at `url`. Whoever counts
/// under the same name has an attempt less each time.
pub async fn attempts(url: &str, name: &str) -> usize {
    let names = Sealer::new(&[7; 32]).purpose("counted names");
    let throttle = Throttle::shared(Arc::new(SystemClock), Link::open(url).unwrap(), names);
    let five = Limit { attempts: 5, window: Lifetime::minutes(5) };
    let counting = async {
        eventually("attempts are shared", 5000, async || Some(throttle.is_shared())).await;
        let mut passed = 0;
        for _ in 0..10 {
            passed += usize::from(throttle.take(name, five).await.is_ok());
        }
        throttle.count(name, five.window);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(throttle.is_shared(), "Redis counted all of them");
        passed
    };
    tokio::select! {
        passed = counting => passed,
        () = throttle.keep_shared() => unreachable!("it never ends"),
    }
}

fn relay(db: &Db, url: &str) -> RedisRelay {
    relay_to(db, Target { url, single_keys: true })
}

fn relay_to(db: &Db, target: Target<'_>) -> RedisRelay {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let proofs = Sealer::new(&[7; 32]).purpose("heads");
    RedisRelay::new(db.clone(), target, clock, random, Lifetime::hours(1), proofs).unwrap()
}

pub struct List(RedisList);

impl List {
    /// One that may never be fresh.
    pub fn of(url: &str) -> Self {
        Self(RedisList::open(url, Arc::new(SystemClock)).unwrap())
    }

    pub fn is_fresh(&self) -> bool {
        !self.0.is_stale()
    }

    /// Whether a token of this subject, issued a minute ago, is refused. None: nobody can say.
    pub fn refuses(&self, subject: &str) -> Option<bool> {
        self.ask("j0", subject, SystemClock.now() - Lifetime::minutes(1))
    }

    /// As [`List::refuses`], of a token that is issued in a minute.
    pub fn refuses_new(&self, subject: &str) -> Option<bool> {
        self.ask("j0", subject, SystemClock.now() + Lifetime::minutes(1))
    }

    pub fn refuses_jti(&self, jti: &str) -> Option<bool> {
        self.ask(jti, "nobody", SystemClock.now() - Lifetime::minutes(1))
    }

    fn ask(&self, jti: &str, subject: &str, issued_at: Timestamp) -> Option<bool> {
        let facts = TokenFacts { jti, subject, client_id: "app", sid: None, kid: None, issued_at };
        self.0.is_revoked(&facts).ok()
    }
}

/// A `redis-server` that keeps nothing.
pub struct Redis {
    port: u16,
    policy: String,
    more: Vec<String>,
    /// A copy writes what it is sent to where it runs, and whichever starts there next would read it.
    directory: TempDir,
    child: Option<Child>,
}

impl Redis {
    async fn start(policy: &str) -> Self {
        Self::start_with(policy, &[]).await
    }

    /// One that is told more by its command line.
    pub async fn start_with(policy: &str, more: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let more = more.iter().map(|word| (*word).to_owned()).collect();
        let directory = tempfile::tempdir().unwrap();
        let mut redis = Self { port, policy: policy.into(), more, directory, child: None };
        redis.restart_empty().await;
        redis
    }

    /// One that others have started.
    pub fn at(port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { port, policy: String::new(), more: Vec::new(), directory, child: None }
    }

    /// Whether it answers.
    pub async fn is_up(&self) -> bool {
        self.try_ask::<String>(&["PING"]).await.is_ok()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(sent.success());
    }

    pub async fn restart_empty(&mut self) {
        self.kill();
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--maxmemory-policy", &self.policy])
            .args(&self.more)
            .current_dir(self.directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        eventually("redis-server answers", 10_000, async || {
            Some(self.try_ask::<String>(&["PING"]).await.is_ok())
        })
        .await;
    }

    pub async fn get(&self, key: &str) -> Option<String> {
        self.try_ask(&["GET", key]).await.ok().flatten()
    }

    pub async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).await.unwrap()
    }

    pub async fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query_async(&mut connection).await
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
