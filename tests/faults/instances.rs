//! Two instances, of which one dies.

use super::administrator::Administrator;
use super::balancer::Balancer;
use super::load::Load;
use super::report::measured;
use super::stage::{Stage, until};
use super::support::Store;
use super::support::redis::Redis;
use super::verifier::{Service, UNWELL};
use std::time::Duration;

const TEN: Duration = Duration::from_secs(10);
/// How many are blocked while an instance dies again and again.
const BLOCKS: usize = 12;

#[tokio::test]
async fn c_01_while_an_instance_dies_the_other_lets_nobody_in_who_was_blocked() {
    let redis = Redis::start();
    let stage = Stage::new(Store::Postgres).with("COUNTERSIGN_REDIS_URL", &redis.url());
    stage.people(4).await;
    let app = stage.app().await;
    let mut first = stage.serve().await;
    let second = stage.serve_beside(&[]).await;
    let balancer = Balancer::over(&[&first.base, &second.base]);
    let watching = balancer.watch();
    let load = Load::start(&app, 4, &balancer).await;
    let service = Service::follow(&redis.url());
    let looking = service.watch(&load.witness, UNWELL);

    let administrator = Administrator::with(&stage, &app, &balancer, &load.witness, BLOCKS).await;
    let blocks = administrator.start(Duration::from_millis(250));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        first.kill();
        tokio::time::sleep(Duration::from_millis(600)).await;
        first = stage.spawn(stage.port, &[]);
        first.ready(TEN).await;
    }
    let blocks = blocks.finish().await;
    let before = load.rounds();
    until("work goes on", TEN, async || load.rounds() > before + 4).await;
    let all = async || service.is_fresh() && service.knows_all(&load.witness);
    until("the service knows all", TEN, all).await;
    looking.abort();
    let witness = load.expect_no_violation(&stage).await;
    // Only what the dead one had in its hands, or was sent before anybody saw that it is gone.
    let failures = witness.failures();
    assert!(failures.iter().all(|(status, _)| *status == 0), "{failures:?}");
    assert_eq!((blocks.len(), witness.blocks()), (BLOCKS, BLOCKS));
    let what = format!("three kills of one of two, {BLOCKS} blocks: requests lost");
    measured("C-01", &what, failures.len());
    watching.abort();
    stage.expect_well(&[&app.secret]).await;
}
