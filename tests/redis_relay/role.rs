//! A server that copies from another one may be as far behind as it likes, and is neither read nor
//! vouched for until it is promoted.

use super::support::{List, Redis, Setup, eventually, watermark};
use countersign::protocol::revocation_store::HEAD_KEY;
use countersign::protocol::time::{Clock, SystemClock};
use redis::Value;
use std::collections::HashMap;
use std::time::Duration;

/// A server that copies from the one of `setup`, as soon as it has done so.
async fn copy_of(setup: &Setup) -> Redis {
    let master = setup.redis.url().replace("redis://127.0.0.1:", "127.0.0.1 ");
    let copy = Redis::start_with("noeviction", &["--replicaof", &master]).await;
    eventually("it is copied", 10_000, async || copy.get(HEAD_KEY).await.map(|_| true)).await;
    copy
}

async fn becomes_copy_of(redis: &Redis, master: &Redis) {
    let url = master.url();
    let (host, port) = url.trim_start_matches("redis://").split_once(':').unwrap();
    let _: String = redis.ask(&["REPLICAOF", host, port]).await;
}

async fn is_promoted(redis: &Redis) {
    let _: String = redis.ask(&["REPLICAOF", "NO", "ONE"]).await;
}

#[tokio::test]
async fn r_08_a_copy_is_not_read_until_it_is_promoted_and_not_any_more_when_it_is_one_again() {
    let setup = Setup::start().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    setup.settled(1).await;
    let copy = copy_of(&setup).await;
    let list = List::of(&copy.url());
    let of_master = setup.follow().await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!((list.refuses("ada"), list.is_fresh()), (None, false), "the head there is in order");
    assert_eq!(of_master.refuses("ada"), Some(true));

    // The provider goes over to it as well.
    setup.task.abort();
    let relay = setup.another_relay_to(&copy.url());
    is_promoted(&copy).await;
    eventually("the list is fresh", 5000, async || Some(list.is_fresh())).await;
    setup.add(&[watermark("bea", now, now + 300)]).await;
    eventually("bea is refused", 3000, async || list.refuses("bea")).await;
    assert_eq!((list.refuses("ada"), list.refuses("cay")), (Some(true), Some(false)));
    assert!(relay.status().connected);

    let old = setup.another_relay();
    becomes_copy_of(&copy, &setup.redis).await;
    eventually("the list is stale", 5000, async || Some(!list.is_fresh())).await;
    eventually("it copies", 10_000, async || {
        let heads = (copy.get(HEAD_KEY).await, setup.redis.get(HEAD_KEY).await);
        Some(heads.0.is_some() && heads.0 == heads.1)
    })
    .await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!((list.refuses("ada"), list.is_fresh()), (Some(true), false));
    assert!(old.status().connected && !relay.status().connected);
}

#[tokio::test]
async fn r_08_the_provider_vouches_for_no_copy_and_goes_on_when_it_is_promoted() {
    let setup = Setup::start().await;
    let now = SystemClock.now().as_unix();
    let copy = copy_of(&setup).await;
    let relay = setup.another_relay_to(&copy.url());
    setup.add(&[watermark("ada", now, now + 300)]).await;
    setup.settled(1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let status = relay.status();
    assert_eq!((status.connected, status.beat_at), (false, None));
    let epoch = setup.epoch().await;

    setup.task.abort();
    is_promoted(&copy).await;
    eventually("it is written", 5000, async || Some(relay.status().beat_at.is_some())).await;
    assert_eq!((relay.status().connected, relay.status().last_seq), (true, 1));
    assert_eq!(setup.epoch().await, epoch, "nobody went back");
}

#[tokio::test]
async fn r_08_a_server_that_does_not_say_what_it_is_is_read_as_before() {
    let setup = Setup::start().await;
    let words = ["on", ">pass", "%R~{countersign}:*", "+get", "+mget", "+xread"];
    let _: String = setup.redis.ask(&[&["ACL", "SETUSER", "mute"][..], &words].concat()).await;
    let list = setup.follow_at(&setup.redis.url().replace("://", "://mute:pass@")).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let log: Vec<HashMap<String, Value>> = setup.redis.ask(&["ACL", "LOG"]).await;
    let role = Value::BulkString(b"role".into());
    let asked: Vec<_> = log.iter().filter(|entry| entry["object"] == role).collect();
    assert!(matches!(&asked[..], [one] if one["count"] == Value::Int(1)), "{log:?}");
    assert!(list.is_fresh());

    let ignorant = Redis::start_with("noeviction", &["--rename-command", "ROLE", ""]).await;
    let _relay = setup.another_relay_to(&ignorant.url());
    setup.follow_at(&ignorant.url()).await;
}
