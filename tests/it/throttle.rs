//! Attempts that are counted in Redis, by all instances together, while Redis comes and goes.

use crate::support::redis::Redis;
use crate::support::{Agent, Store, TestServer, WebApp};
use countersign::domain::identity::throttle::{Limit, Throttle, TooMany};
use countersign::jose::Sealer;
use countersign::protocol::time::{Lifetime, TestClock};
use countersign::redis_link::Link;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

const FIVE: Limit = Limit { attempts: 5, window: Lifetime::seconds(30) };
const LONG: Lifetime = Lifetime::seconds(60);

/// The counters of one instance.
struct Instance {
    throttle: Arc<Throttle>,
    keeping: AbortHandle,
}

impl Instance {
    async fn start(redis: &Redis, clock: &Arc<TestClock>) -> Self {
        let (link, house) = (Link::open(&redis.url()).expect("a URL"), Sealer::new(&[7; 32]));
        let names = house.purpose("counted names");
        let throttle = Arc::new(Throttle::shared(clock.clone(), link, names));
        let kept = throttle.clone();
        let keeping = tokio::spawn(async move { kept.keep_shared().await }).abort_handle();
        let started = Self { throttle, keeping };
        started.shared().await;
        started
    }

    async fn shared(&self) {
        within(5, "attempts are shared", || self.throttle.is_shared()).await;
    }

    /// How many of so many attempts pass.
    async fn takes(&self, name: &str, attempts: u32) -> u32 {
        let mut passed = 0;
        for _ in 0..attempts {
            passed += u32::from(self.throttle.take(name, FIVE).await.is_ok());
        }
        passed
    }

    /// As [`Instance::takes`], of attempts that wait for nobody.
    fn takes_at_once(&self, name: &str, attempts: u32) -> u32 {
        let mut passed = 0;
        for _ in 0..attempts {
            let take = pin!(self.throttle.take(name, FIVE));
            match take.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(taken) => passed += u32::from(taken.is_ok()),
                Poll::Pending => panic!("somebody waits for Redis"),
            }
        }
        passed
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

async fn two(redis: &Redis) -> (Instance, Instance, Arc<TestClock>) {
    let clock = Arc::<TestClock>::default();
    (Instance::start(redis, &clock).await, Instance::start(redis, &clock).await, clock)
}

/// What comes of trying, each time with another name, once Redis has answered in time throughout: a
/// machine that is busy may be slower, and then each instance counts alone.
async fn while_shared<T>(of: &[&Throttle], tries: impl AsyncFn(String) -> T) -> T {
    for round in 0..20 {
        for throttle in of {
            within(5, "attempts are shared", || throttle.is_shared()).await;
        }
        let since = || of.iter().map(|one| one.shared_since()).collect::<Option<Vec<_>>>();
        let before = since();
        let came = tries(format!("ada{round}")).await;
        if before.is_some() && since() == before {
            return came;
        }
    }
    panic!("Redis has never answered in time");
}

async fn within(seconds: u64, what: &str, is_true: impl Fn() -> bool) {
    for _ in 0..seconds * 100 {
        if is_true() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within {seconds} s: {what}");
}

#[tokio::test]
async fn x_11_of_two_hundred_racers_at_three_instances_five_pass() {
    let redis = Redis::start();
    let (here, there, clock) = two(&redis).await;
    let elsewhere = Instance::start(&redis, &clock).await;
    let throttles = [&here, &there, &elsewhere].map(|one| one.throttle.clone());
    let passed = while_shared(&throttles.each_ref().map(|one| &**one), async |name| {
        let tries = (0..200).map(|n| {
            let (throttle, name) = (throttles[n % 3].clone(), name.clone());
            async move { throttle.take(&name, FIVE).await.is_ok() }
        });
        let passed = tries.collect::<JoinSet<_>>().join_all().await;
        passed.into_iter().filter(|passed| *passed).count()
    })
    .await;
    assert_eq!(passed, 5);
}

#[tokio::test]
async fn an_instance_that_is_started_anew_goes_on_counting() {
    let redis = Redis::start();
    let (here, there, clock) = two(&redis).await;
    assert_eq!(here.takes("ada", 3).await, 3);
    drop((here, there));
    let new = Instance::start(&redis, &clock).await;
    assert_eq!(new.takes("ada", 9).await, 2);
    assert_eq!(new.takes("bea", 9).await, 5);
}

#[tokio::test]
async fn after_the_window_attempts_pass_again_at_all_instances() {
    let redis = Redis::start();
    let (here, there, clock) = two(&redis).await;
    assert_eq!(here.takes("ada", 9).await, 5);
    clock.advance_seconds(10);
    let TooMany(wait) = there.throttle.take("ada", FIVE).await.unwrap_err();
    assert!((19..=20).contains(&wait.as_seconds()), "{wait:?}");
    clock.advance_seconds(21);
    assert_eq!(there.takes("ada", 9).await, 5);
    assert_eq!(here.takes("ada", 9).await, 0);
}

#[tokio::test]
async fn what_is_given_back_or_forgotten_here_is_so_there() {
    let redis = Redis::start();
    let (here, there, _clock) = two(&redis).await;
    assert_eq!(here.takes("ada", 5).await, 5);
    here.throttle.give_back("ada");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(there.takes("ada", 9).await, 1);
    here.throttle.forget("ada");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(there.takes("ada", 9).await, 5);
    assert_eq!(here.takes("ada", 9).await, 0);
    here.throttle.give_back("nobody");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(there.takes("nobody", 9).await, 5, "nothing was taken, nothing is given back");
}

#[tokio::test]
async fn a_failure_teaches_an_instance_what_the_others_counted() {
    let redis = Redis::start();
    let (here, there, _clock) = two(&redis).await;
    (0..20).for_each(|_| here.throttle.count("app", LONG));
    assert!(here.throttle.exhausted("app", 20).is_some());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(there.throttle.exhausted("app", 20), None, "it does not ask");
    there.throttle.count("app", LONG);
    within(1, "it was told", || there.throttle.exhausted("app", 21).is_some()).await;
    assert_eq!(there.throttle.exhausted("app", 22), None);
}

#[tokio::test]
async fn nobody_waits_twice_for_a_redis_that_hangs() {
    let mut redis = Redis::start();
    let (here, there, _clock) = two(&redis).await;
    assert_eq!(here.takes("ada", 3).await, 3);
    redis.hang();
    let began = Instant::now();
    assert_eq!(here.takes("ada", 1).await, 1);
    let waited = began.elapsed();
    assert!((40..500).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(here.takes_at_once("ada", 50), 1, "it goes on from what was counted together");
    assert_eq!(here.takes_at_once("bea", 50), 5);
    assert!(!here.throttle.is_shared());

    redis.resume();
    here.shared().await;
    there.shared().await;
    assert_eq!(here.takes("cay", 3).await, 3);
    assert_eq!(there.takes("cay", 9).await, 2);
}

#[tokio::test]
async fn r_02_without_redis_each_instance_has_the_limit_at_most() {
    let mut redis = Redis::start();
    let (here, there, _clock) = two(&redis).await;
    assert_eq!(here.takes("ada", 2).await, 2);
    assert_eq!(there.takes("ada", 1).await, 1);
    redis.stop();
    within(2, "it is noticed", || !here.throttle.is_shared() || futures_take(&here)).await;
    let (of_here, of_there) = (here.takes("eve", 9).await, there.takes("eve", 9).await);
    assert_eq!((of_here, of_there), (5, 5));
    assert_eq!(there.takes("ada", 9).await, 2, "it knows of the first two");
    assert!(here.takes("ada", 9).await <= 3);

    redis.restart_empty();
    here.shared().await;
    there.shared().await;
    assert_eq!(here.takes("ada", 9).await, 0, "what Redis lost is not begun anew");
}

/// Takes one under a name of its own, so that a broken connection is noticed.
fn futures_take(instance: &Instance) -> bool {
    let throttle = instance.throttle.clone();
    tokio::spawn(async move { throttle.take("whoever", FIVE).await.is_ok() });
    false
}

#[tokio::test]
async fn r_04_a_flushed_redis_goes_on_with_what_an_instance_knows() {
    let redis = Redis::start();
    let (here, there, _clock) = two(&redis).await;
    assert_eq!(here.takes("ada", 4).await, 4);
    redis.flush();
    assert_eq!(here.takes("ada", 9).await, 1);
    assert_eq!(there.takes("ada", 9).await, 0);
}

#[tokio::test]
async fn r_05_a_full_redis_is_as_good_as_none() {
    let redis = Redis::start();
    let (here, _there, _clock) = two(&redis).await;
    assert_eq!(redis.call("CONFIG SET maxmemory 1"), "+OK");
    assert_eq!(here.takes("ada", 9).await, 5);
    assert!(!here.throttle.is_shared());
    assert_eq!(redis.call("CONFIG SET maxmemory 0"), "+OK");
    here.shared().await;
}

#[tokio::test]
async fn r_09_what_others_write_locks_nobody_out_and_lets_nobody_guess() {
    let redis = Redis::start();
    let (here, there, _clock) = two(&redis).await;
    assert_eq!(here.takes("ada", 5).await, 5);
    let keys = redis.cli(&["--scan", "--pattern", "{countersign}:attempts:*"]);
    let far = ["5 99999999999", "99999999999999999999 1", "-3 5", "5", "", "nonsense"];
    let of_ada = |key: &&str| redis.cli(&["GET", key]).starts_with("5 ");
    let keys: Vec<&str> = keys.lines().filter(of_ada).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    for key in keys {
        for value in far {
            redis.cli(&["SET", key, value]);
            assert_eq!(here.takes("ada", 9).await, 0, "{value:?}: it knows");
        }
        redis.cli(&["DEL", key]);
        redis.cli(&["LPUSH", key, "x"]);
        assert_eq!(here.takes("ada", 9).await, 0);
        assert_eq!(there.takes("ada", 9).await, 5, "as if there were nothing");
    }
    assert!(here.throttle.is_shared() && there.throttle.is_shared());
}

#[tokio::test]
async fn names_are_not_in_redis_in_the_clear_and_do_not_stay() {
    let redis = Redis::start();
    let (here, _there, _clock) = two(&redis).await;
    here.takes("address 192.0.2.1", 1).await;
    here.throttle.count("client ada@example.org", LONG);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let keys = redis.cli(&["--scan"]);
    // The two, and the probe.
    assert_eq!(keys.lines().count(), 3, "{keys}");
    for key in keys.lines() {
        assert!(key.starts_with("{countersign}:attempts:"), "{key}");
        let both = format!("{key} {}", redis.cli(&["GET", key]));
        assert!(!both.contains("192.0") && !both.contains("ada") && !both.contains("example"));
        let stays: i64 = redis.cli(&["TTL", key]).trim().parse().expect("a number");
        assert!((1..=75).contains(&stays), "{key}: {stays}");
    }
}

async fn attempt(agent: &Agent, password: &str) -> u16 {
    attempt_of(agent, "ada", password).await
}

async fn attempt_of(agent: &Agent, name: &str, password: &str) -> u16 {
    let page = agent.get("/login").await;
    let form = [
        ("csrf", &*page.hidden("csrf")),
        ("txn", &*page.hidden("txn")),
        ("username", name),
        ("password", password),
    ];
    agent.post("/login", &form).await.status
}

async fn servers(redis: &Redis) -> (TestServer, TestServer) {
    let url = redis.url();
    let here = TestServer::with_on(Store::Postgres, |config| config.redis_url = Some(url)).await;
    let there = here.beside().await;
    for server in [&here, &there] {
        within(5, "attempts are shared", || server.provider.throttle.is_shared()).await;
    }
    (here, there)
}

#[tokio::test]
async fn x_11_of_two_hundred_wrong_passwords_at_two_instances_five_are_looked_at() {
    let redis = Redis::start();
    let (here, there) = servers(&redis).await;
    let computed = || here.provider.passwords.computed() + there.provider.passwords.computed();
    let throttles = [&here, &there].map(|server| &server.provider.throttle);
    let (ada, looked_at) = while_shared(&throttles, async |name| {
        here.user(&name).await;
        // Attempts count by address, too.
        here.clock.advance_seconds(3600);
        let before = computed();
        let tries = (0..200).map(|n| {
            let (agent, name) = (Agent::new(if n % 2 == 0 { &here } else { &there }), name.clone());
            async move { attempt_of(&agent, &name, "wrong password").await }
        });
        tries.collect::<JoinSet<_>>().join_all().await;
        (name, computed() - before)
    })
    .await;
    assert_eq!(looked_at, 5);

    let new = here.beside().await;
    within(5, "attempts are shared", || new.provider.throttle.is_shared()).await;
    attempt_of(&Agent::new(&new), &ada, "wrong password").await;
    assert_eq!(new.provider.passwords.computed(), 0, "a new instance goes on counting");
    here.clock.advance_seconds(200);
    Agent::new(&new).sign_in(&ada).await;
}

#[tokio::test]
async fn who_signs_in_there_is_not_kept_waiting_here() {
    let redis = Redis::start();
    let (here, there) = servers(&redis).await;
    here.user("ada").await;
    for _ in 0..3 {
        for _ in 0..4 {
            attempt(&Agent::new(&here), "wrong password").await;
        }
        Agent::new(&there).sign_in("ada").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let before = here.provider.passwords.computed();
    attempt(&Agent::new(&here), "wrong password").await;
    assert_eq!(here.provider.passwords.computed() - before, 1);
}

#[tokio::test]
async fn failed_client_authentications_are_summed_over_the_instances() {
    let redis = Redis::start();
    let (here, there) = servers(&redis).await;
    let app = WebApp::register_service(&here).await;
    let wrong = WebApp { secret: "wrong".into(), ..app.clone() };
    let grant = [("grant_type", "client_credentials")];
    for _ in 0..20 {
        wrong.token(&grant).await.expect(401, "invalid_client");
    }
    let refused = wrong.token(&grant).await;
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (429, false));
    let there = wrong.turned_to(&there);
    there.token(&grant).await.expect(401, "invalid_client");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(there.token(&grant).await.status, 429);
}

#[tokio::test]
async fn r_02_people_sign_in_while_redis_is_dead_or_hangs() {
    let mut redis = Redis::start();
    let (here, there) = servers(&redis).await;
    here.user("ada").await;
    redis.hang();
    for server in [&here, &there] {
        Agent::new(server).sign_in("ada").await;
    }
    redis.resume();
    redis.stop();
    let before = there.provider.passwords.computed();
    for _ in 0..9 {
        attempt(&Agent::new(&there), "wrong password").await;
    }
    assert_eq!(there.provider.passwords.computed() - before, 5);
    Agent::new(&here).sign_in("ada").await;
}
