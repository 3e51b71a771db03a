//! How soon a block is refused by a service, and what a long list costs.
//!
//! ```text
//! cargo bench --bench revocation                       everything, 10 000 blocks each
//! REVOCATION_BLOCKS=1000 REVOCATION_LIVE=100000 …      less of it
//! ```
//!
//! A provider on SQLite (durable commits) runs in this process, and verifiers in it follow the list as
//! services do: over HTTP by the feed, or from a real `redis-server`. A block is that of the
//! administration: the account, its sessions and tokens, the list, the audit log. The time runs from
//! the order, so with the commit, until a verifier's list says "revoked", looked at each millisecond;
//! then the verifier is shown a token, and must refuse it.

use countersign::config::Config;
use countersign::domain::Provider;
use countersign::domain::audit::Actor;
use countersign::domain::identity::users::{self, NewUser};
use countersign::domain::revocation::{self, Reason};
use countersign::jose::{SigningAlgorithm, Typ};
use countersign::protocol::revocation::{RevocationKind, RevocationList, TokenFacts};
use countersign::protocol::time::{Clock, Lifetime, SystemClock, Timestamp, monotonic};
use countersign::server::{self, Running, ServerParts};
use countersign::verifier::{LocalList, RevocationSource, Verifier, VerifyError};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Blocks in flight at a time.
const TOGETHER: usize = 20;
/// Entries that are written at a time when the list is made long.
const BATCH: i64 = 10_000;

fn setting(name: &str, default: i64) -> i64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// A `redis-server` that keeps nothing.
struct Redis {
    port: u16,
    child: Child,
}

impl Redis {
    fn start(port: u16) -> Self {
        let text = port.to_string();
        let child = Command::new("redis-server")
            .args(["--port", &text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--maxmemory-policy", "noeviction"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        Self { port, child }
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What its keys take, in bytes.
    async fn memory(&self) -> f64 {
        let client = redis::Client::open(self.url()).expect("a URL");
        let mut redis = client.get_multiplexed_async_connection().await.expect("it answers");
        let info: String =
            redis::cmd("INFO").arg("memory").query_async(&mut redis).await.expect("an answer");
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        used.and_then(|used| used.trim().parse().ok()).unwrap_or_default()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A provider, and the directory of its database.
struct Stage {
    running: Running,
    directory: tempfile::TempDir,
    config: Config,
}

impl Stage {
    async fn set(redis: Option<&Redis>) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a directory");
        let port = free_port();
        let mut config = Config {
            issuer: format!("http://127.0.0.1:{port}"),
            listen: ([127, 0, 0, 1], port).into(),
            database_url: format!("sqlite://{}", directory.path().join("bench.db").display()),
            master_key: Some("07".repeat(32)),
            redis_url: redis.map(Redis::url),
            ..Config::default()
        };
        config.server.workers = 1;
        let running = Self::serve(&config).await;
        Self { running, directory, config }
    }

    async fn serve(config: &Config) -> Running {
        let parts = ServerParts { announce_setup: false, ..ServerParts::default() };
        server::start(config.clone(), parts).await.expect("the provider starts")
    }

    fn provider(&self) -> &Arc<Provider> {
        &self.running.provider
    }

    async fn verifier(&self, redis: Option<&Redis>, feed: bool) -> Verifier {
        let issuer = &self.provider().issuer;
        let mut builder = Verifier::builder(issuer).audience(issuer);
        if let Some(redis) = redis {
            builder = builder.redis(redis.url());
        }
        if feed {
            builder = builder.revocation_feed();
        }
        let verifier = builder.build().await.expect("a verifier");
        fresh(list_of(&verifier)).await;
        verifier
    }

    /// Makes people, and says who they are.
    async fn people(&self, count: i64) -> Vec<String> {
        let ground = self.provider().ground();
        let mut ids = Vec::new();
        for _ in 0..count {
            let email = format!("{}@people.example", ground.random.id());
            let new = NewUser { email, ..NewUser::default() };
            let made = users::create(&ground, new, &Actor::system()).await;
            ids.push(made.expect("it is made").user.id);
        }
        ids
    }

    /// Blocks somebody, as the administration does.
    async fn block(&self, id: &str) {
        let provider = self.provider();
        let blocked = users::block(&provider.ground(), id, "", &Actor::system()).await;
        assert!(blocked.expect("it is committed"), "nobody is blocked twice");
        provider.revocation.committed(&provider.db).await.expect("it is read back");
    }

    /// A token that somebody has had for a minute.
    fn token_of(&self, id: &str) -> String {
        let provider = self.provider();
        let iat = (SystemClock.now() - Lifetime::minutes(1)).as_unix();
        let claims = serde_json::json!({
            "iss": provider.issuer, "aud": provider.issuer, "sub": id, "client_id": "app",
            "jti": id, "iat": iat, "exp": iat + 300, "scope": "openid",
        });
        let keys = provider.keys.current();
        let key = keys.signing(SigningAlgorithm::ES256).expect("there is a key");
        key.sign(Typ::AccessToken, &claims).expect("a token")
    }

    /// Writes entries, many at a time.
    async fn revoke(&self, from: i64, count: i64) {
        let provider = self.provider();
        let (now, life) = (provider.now(), Lifetime::hours(1));
        let entries: Vec<_> = (from..from + count)
            .map(|n| {
                let entry = revocation::watermark(RevocationKind::Subject, &subject(n), now, life);
                entry.because(Reason::Blocked, &Actor::system())
            })
            .collect();
        let written = provider.db.write(move |conn| revocation::insert(conn, &entries)).await;
        written.expect("the entries are written");
        provider.revocation.committed(&provider.db).await.expect("it is read back");
    }
}

fn list_of(verifier: &Verifier) -> &LocalList {
    verifier.revocation_list().expect("it follows a list")
}

async fn fresh(list: &LocalList) {
    while list.is_stale() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn subject(n: i64) -> String {
    format!("{n:032x}")
}

fn refuses(list: &LocalList, subject: &str) -> bool {
    let issued_at: Timestamp = SystemClock.now() - Lifetime::minutes(1);
    let facts = TokenFacts { jti: "j", subject, client_id: "app", sid: None, kid: None, issued_at };
    list.is_revoked(&facts) == Ok(true)
}

/// Blocks one after another, some in flight, and waits for each to be refused.
async fn latencies(stage: &Stage, verifier: &Verifier, count: i64) -> Vec<Duration> {
    let people = stage.people(count).await;
    let list = list_of(verifier);
    let mut took = Vec::new();
    let mut waiting: Vec<(&String, Instant)> = Vec::new();
    let mut next = people.iter();
    let good = verifier.verify(&stage.token_of(&people[0]));
    assert!(good.is_ok(), "nobody is blocked yet: {good:?}");
    while took.len() < people.len() {
        if waiting.len() < TOGETHER
            && let Some(id) = next.next()
        {
            let ordered = monotonic();
            stage.block(id).await;
            waiting.push((id, ordered));
        }
        waiting.retain(|(id, ordered)| {
            let is_refused = refuses(list, id);
            if is_refused {
                took.push(ordered.elapsed());
                let refused = verifier.verify(&stage.token_of(id));
                assert!(matches!(refused, Err(VerifyError::Revoked)), "{refused:?}");
            }
            !is_refused
        });
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    took
}

fn report(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "{what:<34} {:>6} blocks   p50 {:>7.1} ms   p99 {:>7.1} ms   p99.9 {:>7.1} ms   max {:>7.1} ms",
        took.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
    );
}

async fn block_to_refusal(blocks: i64) {
    let stage = Stage::set(None).await;
    let verifier = stage.verifier(None, true).await;
    report("feed only", latencies(&stage, &verifier, blocks).await);
    drop(verifier);
    stage.running.stop().await;

    let redis = Redis::start(free_port());
    let stage = Stage::set(Some(&redis)).await;
    let verifier = stage.verifier(Some(&redis), false).await;
    report("Redis", latencies(&stage, &verifier, blocks).await);
    drop(verifier);

    let verifier = stage.verifier(Some(&redis), true).await;
    let dying = tokio::spawn(die_at_random(redis));
    report("Redis dying at random, and feed", latencies(&stage, &verifier, blocks).await);
    dying.abort();
    drop(verifier);
    stage.running.stop().await;
}

/// Kills the server every few seconds, and starts it empty again after a while.
async fn die_at_random(mut redis: Redis) {
    use countersign::protocol::random::{Random, SystemRandom};
    loop {
        let mut byte = [0; 1];
        SystemRandom.fill(&mut byte);
        tokio::time::sleep(Duration::from_millis(1000 + u64::from(byte[0]) * 8)).await;
        redis.kill();
        tokio::time::sleep(Duration::from_millis(u64::from(byte[0]) * 12)).await;
        redis = Redis::start(redis.port);
    }
}

/// What this process holds in memory, in bytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() * 1024.0
}

async fn long_list(live: i64) {
    let stage = Stage::set(None).await;
    for from in (0..live).step_by(BATCH as usize) {
        stage.revoke(from, BATCH.min(live - from)).await;
    }
    let Stage { running, directory, mut config } = stage;
    running.stop().await;
    println!("{live} live entries, in the stream alone:");
    config.revocation.redis_single_keys = false;
    let (running, redis) = filled(&mut config, live).await;
    running.stop().await;
    drop(redis);
    println!("{live} live entries:");
    config.revocation.redis_single_keys = true;
    let (running, redis) = filled(&mut config, live).await;
    let stage = Stage { running, directory, config };

    for (what, verifier) in [("feed", None), ("Redis", Some(&redis))] {
        let took = monotonic();
        let verifier = stage.verifier(verifier, verifier.is_none()).await;
        assert_eq!(list_of(&verifier).len() as i64, live);
        println!("  a verifier reads them from {what:<7} {:>7.1} s", took.elapsed().as_secs_f64());
    }
    let before = resident();
    let mut list = RevocationList::default();
    for seq in 0..live {
        list.insert(&countersign::protocol::revocation::RevocationEntry {
            seq,
            kind: RevocationKind::Subject,
            key: subject(seq),
            not_before: Some(SystemClock.now()),
            expires_at: SystemClock.now() + Lifetime::hours(1),
        });
    }
    println!("  memory of a verifier's list        {:>7.1} MB", (resident() - before) / 1e6);
    assert_eq!(list.len() as i64, live);
    stage.running.stop().await;
}

/// A provider that starts with so many entries, and an empty Redis that it fills.
async fn filled(config: &mut Config, live: i64) -> (Running, Redis) {
    let redis = Redis::start(free_port());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let empty = redis.memory().await;
    config.redis_url = Some(redis.url());
    let took = monotonic();
    let running = Stage::serve(config).await;
    println!("  provider starts with them          {:>7.1} s", took.elapsed().as_secs_f64());
    let took = monotonic();
    while !head_is(&redis, live).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("  Redis is filled from the database  {:>7.1} s", took.elapsed().as_secs_f64());
    let used = redis.memory().await - empty;
    println!("  memory of Redis                    {:>7.1} MB", used / 1e6);
    (running, redis)
}

async fn head_is(redis: &Redis, seq: i64) -> bool {
    let client = redis::Client::open(redis.url()).expect("a URL");
    let Ok(mut redis) = client.get_multiplexed_async_connection().await else { return false };
    let head: Option<String> = redis::cmd("GET")
        .arg("{countersign}:head")
        .query_async(&mut redis)
        .await
        .unwrap_or_default();
    head.is_some_and(|head| head.contains(&format!("\"seq\":{seq},")))
}

fn main() {
    server::block_on(async {
        block_to_refusal(setting("REVOCATION_BLOCKS", 10_000)).await;
        long_list(setting("REVOCATION_LIVE", 1_000_000)).await;
    });
}
