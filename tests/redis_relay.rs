//! The revocation list through a real Redis: from the database by the relay to a verifier's memory,
//! through flushes, restarts, hangs and strange data.

#[path = "redis_relay/many.rs"]
mod many;
#[path = "redis_relay/role.rs"]
mod role;
#[path = "redis_relay/support.rs"]
mod support;
#[path = "redis_relay/users.rs"]
mod users;

use countersign::protocol::revocation_store::{HEAD_KEY, Head, STREAM_KEY};
use countersign::protocol::time::{Clock, SystemClock};
use support::{Setup, eventually, watermark};

#[tokio::test]
async fn an_entry_reaches_a_verifier_within_a_second_and_the_single_key_tells_its_expiry() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    let expires_at = now + 300;
    setup.add(&[watermark("ada", now, expires_at), support::jti("j1", expires_at)]).await;
    setup.relay.notify();

    eventually("ada is refused", 1000, async || list.refuses("ada")).await;
    eventually("j1 is refused", 1000, async || list.refuses_jti("j1")).await;
    assert_eq!(list.refuses("bea"), Some(false));

    let mark = setup.redis.get("{countersign}:revoked:sub:ada").await.unwrap();
    assert_eq!(mark, now.to_string());
    let jti = setup.redis.get("{countersign}:revoked:jti:j1").await.unwrap();
    assert_eq!(jti, expires_at.to_string());
    let ttl: i64 = setup.redis.ask(&["TTL", "{countersign}:revoked:jti:j1"]).await;
    assert!((355..=360).contains(&ttl), "a minute beyond the expiry, not {ttl}");
}

#[tokio::test]
async fn r_07_a_watermark_is_never_lowered_by_a_late_or_repeated_write() {
    let setup = Setup::start().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    setup.add(&[watermark("ada", now - 100, now + 200)]).await;
    setup.settled(2).await;
    let mark = || async {
        let mark = setup.redis.get("{countersign}:revoked:sub:ada").await.unwrap();
        let ttl: i64 = setup.redis.ask(&["TTL", "{countersign}:revoked:sub:ada"]).await;
        assert!((350..=360).contains(&ttl), "as long as the later one, not {ttl}");
        mark
    };
    assert_eq!(mark().await, now.to_string());

    // A second instance that starts writes everything once more.
    let second = setup.another_relay();
    eventually("the second relay is done", 3000, async || {
        (second.status().last_seq == 2).then_some(true)
    })
    .await;
    assert_eq!(mark().await, now.to_string());
    let length: i64 = setup.redis.ask(&["XLEN", STREAM_KEY]).await;
    assert_eq!(length, 2);
}

#[tokio::test]
async fn r_03_after_an_empty_restart_the_list_is_rebuilt_within_two_seconds() {
    let mut setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    eventually("ada is refused", 1000, async || list.refuses("ada")).await;

    setup.redis.restart_empty().await;
    eventually("the head is back", 2000, async || setup.redis.get(HEAD_KEY).await.map(|_| true))
        .await;
    assert!(setup.redis.get("{countersign}:revoked:sub:ada").await.is_some());
    eventually("the list is fresh", 2000, async || list.refuses("bea").map(|refused| !refused))
        .await;
    assert_eq!(list.refuses("ada"), Some(true));
    let newcomer = setup.follow().await;
    assert_eq!(newcomer.refuses("ada"), Some(true));
}

#[tokio::test]
async fn r_04_a_flush_reads_as_stale_and_un_revokes_nothing() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    eventually("ada is refused", 1000, async || list.refuses("ada")).await;

    // Nobody repairs it while the relay is stopped.
    setup.task.abort();
    let _: String = setup.redis.ask(&["FLUSHALL"]).await;
    eventually("the list is stale", 1000, async || Some(list.refuses("bea").is_none())).await;
    assert_eq!(list.refuses("ada"), Some(true), "un-revoked by a flush");

    let relay = setup.another_relay();
    eventually("the list is fresh", 3000, async || list.refuses("bea").map(|refused| !refused))
        .await;
    assert_eq!(list.refuses("ada"), Some(true));
    assert!(relay.status().connected && relay.status().policy_ok);
    drop(setup);
}

#[tokio::test]
async fn r_08_an_older_replica_is_noticed_and_fed_again() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300), watermark("bea", now, now + 300)]).await;
    setup.settled(2).await;

    let head: Head = serde_json::from_str(&setup.redis.get(HEAD_KEY).await.unwrap()).unwrap();
    let old = serde_json::to_string(&Head { seq: 1, ..head }).unwrap();
    let _: i64 = setup.redis.ask(&["XDEL", STREAM_KEY, "2-0"]).await;
    let _: String = setup.redis.ask(&["SET", HEAD_KEY, &old]).await;

    eventually("the stream is whole again", 3000, async || {
        let length: i64 = setup.redis.ask(&["XLEN", STREAM_KEY]).await;
        (length == 2).then_some(true)
    })
    .await;
    assert_eq!((list.refuses("ada"), list.refuses("bea")), (Some(true), Some(true)));
}

#[tokio::test]
async fn r_11_without_single_keys_whoever_follows_knows_all_the_same() {
    let mut setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    setup.settled(1).await;

    setup.leave_single_keys().await;
    setup.settled(1).await;
    setup.add(&[support::jti("j1", now + 300)]).await;
    setup.relay.notify();
    eventually("j1 is refused", 2000, async || list.refuses_jti("j1")).await;
    let newcomer = setup.follow().await;
    assert_eq!((newcomer.refuses("ada"), newcomer.refuses("bea")), (Some(true), Some(false)));
    // Twice as long as it takes until keys that were removed are written again.
    for _ in 0..20 {
        let mut keys: Vec<String> = setup.redis.ask(&["KEYS", "*"]).await;
        keys.sort();
        assert_eq!(keys, [HEAD_KEY, STREAM_KEY]);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn r_09_what_others_write_is_put_right() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    setup.settled(1).await;

    // Numbers far ahead would hide every later entry.
    let _: String = setup.redis.ask(&["XADD", STREAM_KEY, "1763765000000-7", "a", "b"]).await;
    let _: i64 = setup.redis.ask(&["DEL", "{countersign}:revoked:sub:bea"]).await;
    let _: i64 = setup.redis.ask(&["LPUSH", "{countersign}:revoked:sub:bea", "x"]).await;
    setup.add(&[watermark("bea", now, now + 300)]).await;
    eventually("bea is refused", 6000, async || list.refuses("bea")).await;
    assert!(setup.redis.get("{countersign}:revoked:sub:bea").await.is_some());

    let _: i64 = setup.redis.ask(&["DEL", STREAM_KEY, HEAD_KEY]).await;
    let _: i64 = setup.redis.ask(&["LPUSH", STREAM_KEY, "x"]).await;
    let _: i64 = setup.redis.ask(&["LPUSH", HEAD_KEY, "x"]).await;
    setup.add(&[watermark("cay", now, now + 300)]).await;
    eventually("cay is refused", 6000, async || list.refuses("cay")).await;
    assert_eq!(list.refuses("ada"), Some(true));
}

#[tokio::test]
async fn r_09_what_others_remove_is_put_back() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    let all = ["ada", "bea", "cay"];
    setup.add(&all.map(|name| watermark(name, now, now + 300))).await;
    setup.settled(3).await;
    eventually("cay is refused", 3000, async || list.refuses("cay")).await;

    // Out of the middle: the stream begins and ends where it should.
    assert_eq!(setup.redis.ask::<i64>(&["XDEL", STREAM_KEY, "2-0"]).await, 1);
    eventually("the stream is whole again", 3000, async || {
        assert_eq!(list.refuses("bea"), Some(true), "who knows it does not forget it");
        Some(setup.redis.ask::<i64>(&["XLEN", STREAM_KEY]).await == 3)
    })
    .await;
    assert_eq!(setup.follow().await.refuses("bea"), Some(true));

    let key = "{countersign}:revoked:sub:ada";
    let written = setup.redis.get(key).await;
    assert_eq!(setup.redis.ask::<i64>(&["DEL", key]).await, 1);
    eventually("the single key is back", 1500, async || setup.redis.get(key).await.map(|_| true))
        .await;
    assert_eq!(setup.redis.get(key).await, written);
    let _: String = setup.redis.ask(&["SET", key, "5"]).await;
    eventually("it is right again", 1500, async || Some(setup.redis.get(key).await == written))
        .await;
}

#[tokio::test]
async fn r_09_of_a_long_list_too_a_single_key_that_was_removed_is_put_back_in_seconds() {
    let setup = Setup::start().await;
    let now = SystemClock.now().as_unix();
    let entries: Vec<_> = (0..6000).map(|n| watermark(&format!("p{n}"), now, now + 300)).collect();
    setup.add(&entries).await;
    setup.settled(6000).await;
    for name in ["p0", "p3000", "p5999"] {
        let key = format!("{{countersign}}:revoked:sub:{name}");
        let written = setup.redis.get(&key).await;
        assert_eq!(setup.redis.ask::<i64>(&["DEL", &key]).await, 1);
        eventually("it is back", 5000, async || setup.redis.get(&key).await.map(|_| true)).await;
        assert_eq!(setup.redis.get(&key).await, written);
    }
}

#[tokio::test]
async fn r_09_a_number_that_a_stranger_used_up_stops_nothing() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    setup.settled(1).await;
    // Redis gives no number below that to any entry from now on, though nothing shows it.
    let orders = ["XADD", STREAM_KEY, "1000000-0", "a", "b"];
    let _: String = setup.redis.ask(&orders).await;
    let _: i64 = setup.redis.ask(&["XDEL", STREAM_KEY, "1000000-0"]).await;
    setup.add(&[watermark("bea", now, now + 300)]).await;
    eventually("bea is refused", 5000, async || list.refuses("bea")).await;
    setup.settled(2).await;
}

#[tokio::test]
async fn r_09_an_entry_that_nobody_vouches_for_refuses_nobody() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    eventually("ada is refused", 3000, async || list.refuses("ada")).await;
    let orders = ["XADD", STREAM_KEY, "1000000-0", "kind", "all", "key", "*"];
    let times = ["not_before", "4999999999", "expires_at", "9999999999"];
    let _: String = setup.redis.ask(&[&orders[..], &times].concat()).await;
    eventually("the stream is whole again", 4000, async || {
        assert_ne!(list.refuses("bea"), Some(true));
        Some(setup.redis.ask::<i64>(&["XLEN", STREAM_KEY]).await == 1)
    })
    .await;
    assert_ne!(list.refuses("bea"), Some(true));
    setup.settled(1).await;
}

#[tokio::test]
async fn r_09_a_head_that_was_ahead_for_a_moment_stops_no_service() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    eventually("ada is refused", 3000, async || list.refuses("ada")).await;
    let text = setup.redis.get(HEAD_KEY).await.unwrap();
    setup.forge(1_000_000, None).await;
    let back = [vec!["SET", HEAD_KEY, &text], vec!["DEL", STREAM_KEY]];
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    for order in back {
        let _: redis::Value = setup.redis.ask(&order).await;
    }
    setup.add(&[watermark("bea", now, now + 300)]).await;
    eventually("bea is refused", 6000, async || list.refuses("bea")).await;
    eventually("others are not", 6000, async || list.refuses("cay").map(|refused| !refused)).await;
}

#[tokio::test]
async fn r_09_a_head_that_a_stranger_made_up_changes_nothing_in_the_database() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    eventually("ada is refused", 3000, async || list.refuses("ada")).await;
    let epoch = setup.epoch().await;
    for proof in [None, Some("x"), Some(&*"A".repeat(43))] {
        setup.forge(999_999, proof).await;
        eventually("the list is whole again", 6000, async || {
            let text = setup.redis.get(HEAD_KEY).await.unwrap_or_default();
            Some(text.contains(r#""seq":1,"#) && list.refuses("cay") == Some(false))
        })
        .await;
        assert_eq!(setup.epoch().await, epoch);
    }
    assert_eq!(list.refuses("ada"), Some(true));
}

#[tokio::test]
async fn r_02_a_dead_redis_fails_nobody_and_is_caught_up_with() {
    let mut setup = Setup::start().await;
    let list = setup.follow().await;
    setup.redis.kill();
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    setup.relay.notify();
    eventually("the loss shows", 3000, async || (!setup.relay.status().connected).then_some(true))
        .await;
    eventually("the list is stale", 4500, async || Some(list.refuses("bea").is_none())).await;

    setup.redis.restart_empty().await;
    eventually("ada is refused", 4000, async || list.refuses("ada")).await;
    eventually("the list is fresh", 4000, async || list.refuses("bea").map(|refused| !refused))
        .await;
    assert!(setup.relay.status().connected);
}

#[tokio::test]
async fn r_02_a_hanging_redis_is_left_alone_and_caught_up_with() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    setup.redis.signal("STOP");
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300)]).await;
    eventually("the loss shows", 3000, async || (!setup.relay.status().connected).then_some(true))
        .await;
    setup.redis.signal("CONT");
    eventually("ada is refused", 4000, async || list.refuses("ada")).await;
}

#[tokio::test]
async fn r_05_a_server_that_may_evict_is_not_vouched_for() {
    let setup = Setup::prepare("allkeys-lru").await;
    let relay = setup.another_relay();
    eventually("the setting is noticed", 2000, async || relay.status().connected.then_some(true))
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(!relay.status().policy_ok);
    assert_eq!(setup.redis.get(HEAD_KEY).await, None);

    let config = ["CONFIG", "SET", "maxmemory-policy", "noeviction"];
    let _: String = setup.redis.ask(&config).await;
    eventually("the head is there", 7000, async || setup.redis.get(HEAD_KEY).await.map(|_| true))
        .await;
}

#[tokio::test]
async fn p_03_numbers_that_go_back_begin_a_new_epoch() {
    let setup = Setup::start().await;
    let list = setup.follow().await;
    let now = SystemClock.now().as_unix();
    setup.add(&[watermark("ada", now, now + 300), watermark("bea", now - 9000, now - 1000)]).await;
    setup.settled(2).await;
    let before = setup.epoch().await;

    // The last entry stays although it has expired: its number is where the list stands.
    assert_eq!(setup.sweep().await, 0);
    assert_eq!(setup.epoch().await, before);
    setup.fall_back();
    eventually("another epoch began", 4000, async || {
        setup.redis.get(HEAD_KEY).await.filter(|head| !head.contains(&before)).map(|_| true)
    })
    .await;
    // What was lost with it nobody knows: everything issued so far is refused, and what comes is not.
    eventually("cay is refused", 3000, async || list.refuses("cay")).await;
    assert_eq!(list.refuses("ada"), Some(true));
    eventually("the list is fresh", 3000, async || list.refuses_new("cay").map(|refused| !refused))
        .await;
    setup.add(&[watermark("dan", now, now + 300)]).await;
    eventually("dan is refused", 2000, async || list.refuses("dan")).await;
}

#[tokio::test]
async fn r_11_many_entries_come_over_whole() {
    let setup = Setup::start().await;
    let now = SystemClock.now().as_unix();
    let many: Vec<_> = (0..5000).map(|n| watermark(&format!("user{n}"), now, now + 300)).collect();
    setup.add(&many).await;
    setup.settled(5000).await;
    let list = setup.follow().await;
    for n in [0, 1, 999, 1000, 1001, 2500, 4999] {
        assert_eq!(list.refuses(&format!("user{n}")), Some(true), "{n}");
    }
}
