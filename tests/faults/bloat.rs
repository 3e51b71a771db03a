//! Rows that come and go, many times as many as there are at once: PostgreSQL must find the room again.

use super::balancer::Balancer;
use super::cluster::Cluster;
use super::load::Load;
use super::report::{measured, time};
use super::soak::setting;
use super::stage::{Stage, until};
use super::witness_facts::{count, run};
use countersign::protocol::time::{Clock, SystemClock};
use countersign::storage::{Db, housekeeping};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How many rows there are at once, how many come and go in a wave, and in how many waves PostgreSQL
/// comes once to clear up. It comes by the clock: on a machine that is busy the waves must not be faster.
const LIVE: usize = 10_000;
const WAVE: usize = 500;
const WAVES_FOR_A_VISIT: u64 = 5;
/// How often it came.
const VISITS: &str = "SELECT autovacuum_count AS n FROM pg_stat_user_tables \
                      WHERE relname = 'authorizations'";

/// Authorizations with codes, good until then.
async fn insert(url: &str, name: String, rows: usize, expires_at: u64) {
    let insert = format!(
        "INSERT INTO authorizations (id, client_id, user_id, scope, auth_time, acr, amr, offline, \
         created_at, expires_at, code_hash, code_expires_at, redirect_uri, code_challenge) \
         SELECT '{name}-' || i, 'app', 'user', 'openid email', 0, '1', 'pwd', false, 0, \
         {expires_at}, md5(i::text), 0, 'https://app.example/cb', md5(i::text) \
         FROM generate_series(1, {rows}) i"
    );
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || run(&url, &insert)).await.expect("no panic");
}

async fn ask(url: &str, query: &'static str) -> usize {
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || count(&url, query)).await.expect("no panic")
}

async fn size(url: &str) -> usize {
    ask(url, "SELECT pg_total_relation_size('authorizations') AS n").await
}

/// What the background does every half a minute, without the half a minute.
async fn sweep(db: &Db) {
    loop {
        let now = SystemClock.now();
        let gone = db.write(move |conn| housekeeping::delete_expired(conn, now)).await;
        if gone.expect("the database answers") == 0 {
            return;
        }
    }
}

/// Looks all the time whether anybody waits for a lock for more than 100 ms; counts how often.
fn watch_locks(url: &str) -> JoinHandle<usize> {
    let url = url.to_owned();
    tokio::spawn(async move {
        let (mut seen, end) = (0, Instant::now() + Duration::from_secs(setting("SOAK_SECONDS", 8)));
        while Instant::now() < end {
            seen += ask(
                &url,
                "SELECT count(*) AS n FROM pg_locks WHERE NOT granted \
                 AND locktype IN ('relation', 'tuple', 'transactionid') \
                 AND clock_timestamp() - waitstart > interval '100 ms'",
            )
            .await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        seen
    })
}

#[tokio::test]
async fn p_09_a_table_of_rows_that_come_and_go_stays_below_twice_its_live_size() {
    let cluster = Cluster::start().await;
    // As often as a minute would be, were a wave not seconds but minutes.
    cluster.run("ALTER SYSTEM SET autovacuum_naptime = 1; SELECT pg_reload_conf()").await;
    let stage = Stage::at(&cluster.database().await);
    stage.people(2).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    let (db, url) = (stage.db().await, stage.database_url.clone());
    insert(&url, "live".to_owned(), LIVE, 9_000_000_000).await;
    run(&url, "VACUUM FULL ANALYZE authorizations");
    let live = size(&url).await;
    let load = Load::start(&app, 2, &Balancer::over(&[&stage.base()])).await;
    let locks = watch_locks(&url);
    let (began, mut most) = (Instant::now(), 0);
    let mut visits = ask(&url, VISITS).await;
    let waves = setting("SOAK_WAVES", 60);
    for wave in 0..waves {
        insert(&url, format!("wave{wave}"), WAVE, 1000).await;
        sweep(&db).await;
        most = most.max(size(&url).await);
        if (wave + 1) % WAVES_FOR_A_VISIT == 0 {
            let before = visits;
            let came = async || ask(&url, VISITS).await > before;
            until("it was cleared up", Duration::from_secs(30), came).await;
            visits = ask(&url, VISITS).await;
        }
    }
    let rows = waves * WAVE as u64;
    let what = format!("{rows} rows came and went beside {LIVE} in {}", time(began.elapsed()));
    let ratio = most as f64 / live as f64;
    measured("P-09", &what, format!("{ratio:.2} times the live size at most"));
    assert!(ratio < 2.0, "{ratio}");
    assert_eq!(locks.await.expect("no panic"), 0, "somebody waited for a lock");
    assert!(load.expect_no_violation(&stage).await.failures().is_empty());
}
