//! The process dies: in the middle of anything, at chosen places, and by a panic.

use super::administrator::Administrator;
use super::balancer::Balancer;
use super::load::Load;
use super::report::{measured, percentile, time};
use super::stage::{Stage, until};
use super::support::redis::Redis;
use super::support::{Store, WebApp, crypto};
use super::witness_facts::count;
use countersign::protocol::random::{Random, SystemRandom};
use std::time::Duration;

/// How many are blocked while a provider is killed however often.
const MOST_BLOCKS: usize = 100;

/// What became of being killed again and again.
pub struct Kills {
    pub rounds: usize,
    pub given: usize,
    /// From each start until it was ready, the shortest first.
    pub recoveries: Vec<Duration>,
}

/// Kills the provider so many times under so many people, each at any moment within 200 ms; finds no
/// violation.
pub async fn kill_often(store: Store, kills: usize, people: usize) -> Kills {
    let stage = Stage::new(store);
    stage.people(people).await;
    let app = stage.app().await;
    let mut serving = stage.serve().await;
    let balancer = Balancer::over(&[&stage.base()]);
    let load = Load::start(&app, people, &balancer).await;
    // About as many as are blocked while it lasts.
    let victims = kills.min(MOST_BLOCKS);
    let administrator = Administrator::with(&stage, &app, &balancer, &load.witness, victims).await;
    let blocks = administrator.start(Duration::from_millis(200));
    let mut recoveries = Vec::new();
    for _ in 0..kills {
        let mut chance = [0];
        SystemRandom.fill(&mut chance);
        tokio::time::sleep(Duration::from_millis(u64::from(chance[0]) * 200 / 256)).await;
        serving.kill();
        serving = stage.spawn(stage.port, &[]);
        recoveries.push(serving.ready(Duration::from_secs(20)).await);
    }
    assert_eq!(blocks.finish().await.len(), victims);
    let before = load.rounds();
    until("work goes on", Duration::from_secs(10), async || load.rounds() > before + people).await;
    let rounds = load.rounds();
    let witness = load.expect_no_violation(&stage).await;
    assert_eq!(witness.blocks(), victims);
    stage.expect_well(&[&app.secret]).await;
    recoveries.sort_unstable();
    Kills { rounds, given: witness.given(), recoveries }
}

fn report(store: &str, kills: &Kills) {
    let (half, worst) = (percentile(&kills.recoveries, 50), percentile(&kills.recoveries, 100));
    let count = kills.recoveries.len();
    let what = format!("{count} kills on {store}, {} grants: ready after (p50, max)", kills.given);
    measured("K-01", &what, format!("{}, {}", time(half), time(worst)));
}

#[tokio::test]
async fn k_01_kills_at_any_moment_lose_nothing_and_double_nothing_on_sqlite() {
    let kills = kill_often(Store::Sqlite, 12, 4).await;
    assert!(kills.rounds > 4 && kills.given > 8, "{}", kills.rounds);
    report("SQLite", &kills);
}

#[tokio::test]
async fn k_01_kills_at_any_moment_lose_nothing_and_double_nothing_on_postgres() {
    let kills = kill_often(Store::Postgres, 8, 4).await;
    assert!(kills.rounds > 4 && kills.given > 8, "{}", kills.rounds);
    report("PostgreSQL", &kills);
}

/// Sends what the process dies of. There is no answer.
async fn last_request(app: &WebApp, path: &str, form: &[(&str, &str)]) {
    let request = app.http.post(format!("{}{path}", app.base)).form(form);
    let answer = request.basic_auth(&app.id, Some(&app.secret)).send().await;
    assert!(answer.is_err(), "{answer:?}");
}

async fn dies_after_the_commit(store: Store) {
    let stage = Stage::new(store);
    stage.people(1).await;
    let app = stage.app().await;
    let mut serving = stage.serve_with(&[("FAILPOINT", "after_commit=abort")]).await;
    let code = app.code("ada0", &[("scope", "openid email")]).await;
    last_request(&app, "/token", &app.redemption(&code)).await;
    serving.end(Duration::from_secs(5)).await;
    let live = "SELECT count(*) AS n FROM authorizations WHERE revoked_at IS NULL";
    assert_eq!(count(&stage.database_url, live), 1);
    assert_eq!(count(&stage.database_url, "SELECT count(*) AS n FROM refresh_tokens"), 1);

    let _serving = stage.serve().await;
    app.redeem(&code).await.expect(400, "invalid_grant");
    assert_eq!(count(&stage.database_url, live), 0, "the tokens nobody got are good for nothing");
    app.tokens("ada0", "openid email").await;
    stage.expect_well(&[&code.value, &app.secret]).await;
}

#[tokio::test]
async fn k_02_tokens_of_an_answer_that_never_left_end_with_the_retry_on_sqlite() {
    dies_after_the_commit(Store::Sqlite).await;
}

#[tokio::test]
async fn k_02_tokens_of_an_answer_that_never_left_end_with_the_retry_on_postgres() {
    Box::pin(dies_after_the_commit(Store::Postgres)).await;
}

#[tokio::test]
async fn k_02_a_code_whose_exchange_was_not_committed_is_good_again() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let app = stage.app().await;
    let mut serving = stage.serve_with(&[("FAILPOINT", "before_commit=abort")]).await;
    let code = app.code("ada0", &[("scope", "openid email")]).await;
    last_request(&app, "/token", &app.redemption(&code)).await;
    serving.end(Duration::from_secs(5)).await;
    let _serving = stage.serve().await;
    app.redeem(&code).await.expect_tokens();
}

#[tokio::test]
async fn k_02_a_lost_answer_to_a_refresh_is_given_by_the_next_process() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let app = stage.app().await;
    let mut serving = stage.serve_with(&[("FAILPOINT", "after_commit=abort@2")]).await;
    let tokens = app.tokens("ada0", "openid email").await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*tokens.refresh_token)];
    last_request(&app, "/token", &form).await;
    serving.end(Duration::from_secs(5)).await;
    let _serving = stage.serve().await;
    let again = app.refresh(&tokens.refresh_token).await.expect_tokens();
    app.refresh(&again.refresh_token).await.expect_tokens();
}

/// Revokes a token at a provider that dies before Redis hears of it.
async fn revoke_and_die(stage: &Stage, redis: &Redis, app: &WebApp) -> String {
    let url = redis.url();
    let token = {
        let _serving = stage.serve().await;
        app.tokens("ada0", "openid email").await.access_token
    };
    let more = [("COUNTERSIGN_REDIS_URL", url.as_str()), ("FAILPOINT", "before_redis=abort")];
    let mut serving = stage.serve_with(&more).await;
    last_request(app, "/revoke", &[("token", &token)]).await;
    serving.end(Duration::from_secs(5)).await;
    let jti = crypto::claims(&token)["jti"].as_str().expect("text").to_owned();
    format!("EXISTS {{countersign}}:revoked:jti:{jti}")
}

#[tokio::test]
async fn k_03_the_next_start_tells_redis_what_a_dead_process_revoked() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let (app, redis) = (stage.app().await, Redis::start());
    let listed = revoke_and_die(&stage, &redis, &app).await;
    assert_eq!(redis.call(&listed), ":0");
    let _serving = stage.serve_with(&[("COUNTERSIGN_REDIS_URL", &redis.url())]).await;
    let within = Duration::from_secs(5);
    let took = until("it is in Redis", within, async || redis.call(&listed) == ":1").await;
    measured("K-03", "Redis knows, after the restart was ready", time(took));
}

#[tokio::test]
async fn k_03_another_instance_tells_redis_what_a_dead_process_revoked() {
    let stage = Stage::new(Store::Postgres);
    stage.people(1).await;
    let (app, redis) = (stage.app().await, Redis::start());
    let _beside = stage.serve_beside(&[("COUNTERSIGN_REDIS_URL", &redis.url())]).await;
    let listed = revoke_and_die(&stage, &redis, &app).await;
    let within = Duration::from_secs(5);
    let took = until("it is in Redis", within, async || redis.call(&listed) == ":1").await;
    measured("K-03", "Redis knows by another instance, after the death", time(took));
}

/// One active key for each use, and what they sign is published.
async fn expect_whole_keys(stage: &Stage, app: &WebApp) {
    let active = "SELECT count(*) AS n FROM signing_keys WHERE state = 'active'";
    assert_eq!(count(&stage.database_url, active), 6);
    let distinct = "SELECT count(DISTINCT algorithm) AS n FROM signing_keys WHERE state = 'active'";
    assert_eq!(count(&stage.database_url, distinct), 6);
    let tokens = app.tokens("ada0", "openid email").await;
    let jwks = app.http.get(format!("{}/jwks", app.base)).send().await.expect("an answer");
    let jwks = jwks.text().await.expect("text");
    for token in [&tokens.access_token, &tokens.id_token] {
        let kid = crypto::header(token)["kid"].as_str().expect("text").to_owned();
        assert!(jwks.contains(&kid), "{kid} is not in {jwks}");
    }
}

#[tokio::test]
async fn k_06_a_kill_in_a_key_rotation_leaves_one_active_key_of_each_kind() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let app = stage.app().await;
    drop(stage.serve().await);
    let rotate = ["key", "rotate", "--alg", "ES256"];
    let variables = [
        ("COUNTERSIGN_DATABASE_URL", stage.database_url.as_str()),
        ("COUNTERSIGN_MASTER_KEY", super::stage::MASTER_KEY),
        ("FAILPOINT", "key_published=abort"),
    ];
    let died = super::support::command::run(&variables, &rotate).await;
    assert_eq!(died.code, -1, "{died:?}");
    let mut serving = stage.serve().await;
    expect_whole_keys(&stage, &app).await;
    serving.kill();

    let due = "UPDATE signing_keys SET activate_at = 0 WHERE state = 'next'";
    super::witness_facts::run(&stage.database_url, due);
    for (place, next) in [("key_due", 1), ("key_activated", 0)] {
        let mut serving = stage.spawn(stage.port, &[("FAILPOINT", &format!("{place}=abort"))]);
        serving.end(Duration::from_secs(10)).await;
        let waiting = "SELECT count(*) AS n FROM signing_keys WHERE state = 'next'";
        assert_eq!(count(&stage.database_url, waiting), next, "{place}");
        let active = "SELECT count(*) AS n FROM signing_keys WHERE state = 'active'";
        assert_eq!(count(&stage.database_url, active), 6, "{place}");
    }
    let _serving = stage.serve().await;
    expect_whole_keys(&stage, &app).await;
}

#[tokio::test]
async fn k_08_five_hundred_panics_cost_their_requests_and_nothing_else() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let app = stage.app().await;
    let metrics = format!("127.0.0.1:{}", super::support::ports::free_port());
    let more = [("FAILPOINT", "before_commit=panic@2"), ("COUNTERSIGN_METRICS_LISTEN", &*metrics)];
    let serving = stage.serve_with(&more).await;
    let tokens = app.tokens("ada0", "openid email").await;
    for _ in 0..50 {
        let refresh = || app.refresh(&tokens.refresh_token);
        let one = || async { refresh().await };
        let replies =
            tokio::join!(one(), one(), one(), one(), one(), one(), one(), one(), one(), one());
        let statuses: [u16; 10] = <[_; 10]>::from(replies).map(|reply| reply.status);
        assert_eq!(statuses, [500; 10]);
    }
    for _ in 0..20 {
        assert!(app.is_active(&tokens.access_token).await);
        app.authorize(&[("prompt", "none")]).await.expect_answer();
    }
    let counted = app.http.get(format!("http://{metrics}/metrics")).send().await;
    let counted = counted.expect("an answer").text().await.expect("text");
    let line = counted.lines().find(|line| line.contains("panics_total") && line.ends_with(" 500"));
    assert!(line.is_some(), "{counted}");
    assert!(!serving.log().contains(&tokens.refresh_token));
}
