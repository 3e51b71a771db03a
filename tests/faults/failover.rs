//! The PostgreSQL server dies, and one that followed it takes its place under the same address.

use super::balancer::Balancer;
use super::cluster::Cluster;
use super::load::Load;
use super::report::{measured, time};
use super::stage::{Stage, until};
use super::support::redis::Redis;
use super::support::{Agent, WebApp, crypto};
use super::tcp_proxy::{TcpProxy, Way};
use super::verifier::Service;
use super::witness_facts::count;
use countersign::protocol::time::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

const TEN: Duration = Duration::from_secs(10);
/// How long an outage by a fail-over may be.
const OUTAGE: Duration = Duration::from_secs(30);

/// A server, one that follows it, the way between the two, and the address that leads to the first.
struct Pair {
    first: Cluster,
    second: Cluster,
    between: TcpProxy,
    address: TcpProxy,
    database: String,
}

impl Pair {
    async fn start() -> Self {
        let first = Cluster::start().await;
        let (between, address) =
            tokio::join!(TcpProxy::to(first.port()), TcpProxy::to(first.port()));
        let database = first.database_at("127.0.0.1", address.port).await;
        let second = first.standby(between.port).await;
        Self { first, second, between, address, database }
    }
}

/// What a query that counts says. Aside, because the way to the server is by this thread.
async fn ask(url: &str, query: &'static str) -> usize {
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || count(&url, query)).await.expect("no panic")
}

async fn is_ready(stage: &Stage) -> bool {
    super::stage::is_ready(&super::load::http(Duration::from_secs(3)), &stage.base()).await
}

#[tokio::test]
async fn p_03_with_a_synchronous_standby_a_failover_loses_nothing() {
    let pair = Pair::start().await;
    pair.first
        .run("ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf()")
        .await;
    let stage = Stage::at(&pair.database);
    stage.people(6).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    let load = Load::start(&app, 6, &Balancer::over(&[&stage.base()])).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let admin = format!("postgres://countersign@127.0.0.1:{}/postgres", pair.first.port());
    let waits = "SELECT count(*) AS n FROM pg_stat_replication WHERE sync_state = 'sync'";
    assert_eq!(ask(&admin, waits).await, 1, "commits wait for the standby");

    let began = Instant::now();
    pair.first.down("QUIT").await;
    // The address changes before the other server may be written to.
    pair.address.lead_to(pair.second.port());
    until("it is not ready", TEN, async || !is_ready(&stage).await).await;
    for _ in 0..3 {
        assert!(!is_ready(&stage).await, "a server that only follows is used");
        assert_eq!(app.userinfo("x").await.status, 503, "a server that only follows is read");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let promoted = Instant::now();
    pair.second.promote().await;
    until("it is ready", OUTAGE, async || is_ready(&stage).await).await;
    measured("P-03", "ready, after the standby began to be promoted", time(promoted.elapsed()));
    let before = load.rounds();
    until("work goes on", TEN, async || load.rounds() > before + 6).await;
    let outage = load.witness.outage_since(began);
    measured("P-03", "synchronous standby: failures after the death", time(outage));
    assert!(outage < OUTAGE, "{outage:?}");
    assert!(load.witness.failures().iter().all(|(status, _)| *status == 503));
    load.expect_no_violation(&stage).await;
    stage.expect_well(&[&app.secret]).await;
}

/// Blocks somebody, which reaches services and not the standby; gives a token of somebody else.
async fn block_unseen(pair: &Pair, stage: &Stage, app: &WebApp, service: &Service) -> String {
    let token = app.tokens("ada0", "openid email").await.access_token;
    let other = WebApp { agent: Agent::at(&app.base), ..app.clone() };
    let theirs = other.tokens("ada1", "openid email").await.access_token;
    assert!(app.is_active(&token).await);
    // What the standby has not got it cannot have after the promotion.
    pair.between.turn(Way::Hangs);
    tokio::time::sleep(Duration::from_millis(300)).await;
    stage.command(&["user", "block", "ada1", "--reason", "left"]).await.expect_done();
    let jti = crypto::claims(&theirs)["jti"].as_str().expect("text").to_owned();
    let known = async || service.refuses(&jti) == Some(true);
    until("the service knows", Duration::from_secs(5), known).await;
    assert!(!app.is_active(&theirs).await);
    token
}

#[tokio::test]
async fn p_03_after_a_failover_that_lost_something_everything_issued_before_is_refused() {
    let pair = Pair::start().await;
    let redis = Redis::start();
    let stage = Stage::at(&pair.database).with("COUNTERSIGN_REDIS_URL", &redis.url());
    stage.people(2).await;
    let app = stage.app().await;
    let serving = stage.serve().await;
    let service = Service::follow(&redis.url());
    // An entry that both servers have.
    let ended = app.tokens("ada0", "openid email").await.access_token;
    assert_eq!(app.revoke(&ended).await.status, 200);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let token = block_unseen(&pair, &stage, &app, &service).await;

    pair.first.down("QUIT").await;
    pair.second.promote().await;
    let led = Instant::now();
    pair.address.lead_to(pair.second.port());
    until("it is ready", OUTAGE, async || is_ready(&stage).await).await;
    let refused = async || app.userinfo(&token).await.status == 401;
    until("what was issued before is refused", TEN, refused).await;
    measured("P-03", "asynchronous standby: all tokens from before refused", time(led.elapsed()));
    assert!(!app.is_active(&token).await);
    let claims = crypto::claims(&token);
    let jti = claims["jti"].as_str().expect("text").to_owned();
    let issued_at = Timestamp::from_unix(claims["iat"].as_i64().expect("a number"));
    let told = async || service.refuses_of(&jti, issued_at) == Some(true);
    until("services refuse it too", TEN, told).await;
    measured("P-03", "asynchronous standby: services refuse them", time(led.elapsed()));
    assert!(serving.log().contains("the list of revocations went back"), "{}", serving.log());
    let everything = "SELECT count(*) AS n FROM revocations WHERE kind = 'all'";
    assert_eq!(ask(&stage.database_url, everything).await, 1);

    let anew = app.tokens("ada0", "openid email").await;
    assert!(app.is_active(&anew.access_token).await);
    assert_eq!(app.userinfo(&anew.access_token).await.status, 200);
    stage.expect_well(&[&app.secret]).await;
}

#[tokio::test]
async fn p_08_a_server_that_only_follows_is_not_used_even_at_the_start() {
    let pair = Pair::start().await;
    let stage = Stage::at(&pair.database);
    stage.people(1).await;
    drop(stage.serve().await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    pair.address.lead_to(pair.second.port());
    let mut serving = stage.spawn(stage.port, &[]);
    let status = serving.end(TEN).await;
    assert_eq!(status.code(), Some(1));
    let log = serving.log();
    assert!(log.contains("read-only"), "{log}");
}

#[tokio::test]
async fn p_08_a_server_that_takes_no_writes_any_more_is_not_ready() {
    let cluster = Cluster::start().await;
    let stage = Stage::at(&cluster.database().await);
    stage.people(1).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    let tokens = app.tokens("ada0", "openid email").await;
    let read_only = "ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()";
    cluster.run(read_only).await;
    let refused = async || app.refresh(&tokens.refresh_token).await.status == 503;
    until("writes are refused", TEN, refused).await;
    until("it is not ready", TEN, async || !is_ready(&stage).await).await;
    let jwks = app.http.get(format!("{}/jwks", app.base)).send().await.expect("an answer");
    assert_eq!(jwks.status(), 200);
    cluster.run("ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf()").await;
    until("it is ready", TEN, async || is_ready(&stage).await).await;
    app.refresh(&tokens.refresh_token).await.expect_tokens();
}

#[tokio::test]
async fn k_04_a_server_that_may_lose_commits_is_an_alarm() {
    let cluster = Cluster::start().await;
    let stage = Stage::at(&cluster.database().await);
    stage.people(1).await;
    // What is safe at the server's level is what the provider sets for itself.
    cluster.run("ALTER SYSTEM SET synchronous_commit = off; SELECT pg_reload_conf()").await;
    let serving = stage.serve().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!serving.log().contains("may lose"), "{}", serving.log());
    drop(serving);
    cluster.run("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf()").await;
    let serving = stage.serve().await;
    let alarm = async || serving.log().contains("PostgreSQL may lose what it has acknowledged");
    until("it is said", TEN, alarm).await;
    assert!(serving.log().contains("fsync"), "{}", serving.log());
}
