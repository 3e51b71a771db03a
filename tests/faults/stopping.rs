//! The process is told to stop, to read its files again, or to stand still.

use super::balancer::Balancer;
use super::load::Load;
use super::report::{measured, time};
use super::stage::Stage;
use super::support::Store;
use countersign::domain::audit::Actor;
use countersign::domain::identity::users;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

#[tokio::test]
async fn k_09_an_instance_leaves_under_load_without_a_failed_request() {
    let stage = Stage::new(Store::Postgres).with("COUNTERSIGN_SERVER__DRAIN_SECONDS", "2");
    stage.people(6).await;
    let app = stage.app().await;
    let mut first = stage.serve().await;
    let second = stage.serve_beside(&[]).await;
    let balancer = Balancer::over(&[&first.base, &second.base]);
    let watching = balancer.watch();
    let load = Load::start(&app, 6, &balancer).await;

    let http = super::load::http(Duration::from_secs(1));
    let told = Instant::now();
    first.signal("TERM");
    let within = Duration::from_millis(500);
    let unready = async || !super::stage::is_ready(&http, &first.base).await;
    super::stage::until("it is not ready", within, unready).await;
    let status = first.end(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0));
    measured("K-09", "from SIGTERM to the end, with 2 s of drain", time(told.elapsed()));

    let before = load.rounds();
    let more = async || load.rounds() > before + 6;
    super::stage::until("work goes on", Duration::from_secs(10), more).await;
    let witness = load.expect_no_violation(&stage).await;
    assert_eq!(witness.failures(), []);
    watching.abort();
    stage.expect_well(&[]).await;
}

async fn goes_at_once(signals: [&str; 2]) {
    let stage = Stage::new(Store::Sqlite).with("COUNTERSIGN_SERVER__DRAIN_SECONDS", "60");
    let mut serving = stage.serve().await;
    // A request is in flight: its body never comes.
    let address = stage.base().trim_start_matches("http://").to_owned();
    let mut waiting = TcpStream::connect(&address).await.expect("it listens");
    let head = format!("POST /token HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\n");
    waiting.write_all(head.as_bytes()).await.expect("it reads");
    tokio::time::sleep(Duration::from_millis(300)).await;
    serving.signal(signals[0]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(serving.ended().is_none(), "it drains for a minute");
    serving.signal(signals[1]);
    let status = serving.end(Duration::from_secs(1)).await;
    assert_eq!(status.code(), Some(0), "{}", serving.log());
    drop(waiting);
    stage.people(1).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    app.tokens("ada0", "openid").await;
}

#[tokio::test]
async fn k_10_who_is_told_twice_goes_at_once() {
    goes_at_once(["TERM", "TERM"]).await;
}

#[tokio::test]
async fn k_10_who_is_interrupted_twice_goes_at_once() {
    goes_at_once(["INT", "INT"]).await;
}

#[tokio::test]
async fn k_10_who_is_interrupted_once_is_not_ready_and_finishes_what_is_under_way() {
    let stage = Stage::new(Store::Sqlite).with("COUNTERSIGN_SERVER__DRAIN_SECONDS", "1");
    stage.people(1).await;
    let app = stage.app().await;
    let mut serving = stage.serve().await;
    serving.signal("INT");
    let http = super::load::http(Duration::from_secs(1));
    let unready = async || !super::stage::is_ready(&http, &stage.base()).await;
    super::stage::until("it is not ready", Duration::from_millis(900), unready).await;
    let code = app.code("ada0", &[("scope", "openid")]).await;
    app.redeem(&code).await.expect_tokens();
    let status = serving.end(Duration::from_secs(15)).await;
    assert_eq!(status.code(), Some(0), "{}", serving.log());
    stage.expect_well(&[]).await;
}

#[tokio::test]
async fn k_10_a_hangup_reads_files_again_and_ends_nothing() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let app = stage.app().await;
    let mut serving = stage.serve().await;
    for _ in 0..3 {
        serving.signal("HUP");
        app.tokens("ada0", "openid").await;
    }
    assert!(serving.ended().is_none());
}

#[tokio::test]
async fn k_10_an_instance_that_stood_still_knows_of_the_block_when_it_goes_on() {
    let stage = Stage::new(Store::Postgres);
    stage.people(1).await;
    let app = stage.app().await;
    let still = stage.serve().await;
    let _second = stage.serve_beside(&[]).await;
    let tokens = app.tokens("ada0", "openid email").await;
    assert!(app.is_active(&tokens.access_token).await);
    let code = app.code("ada0", &[("prompt", "none")]).await;

    still.signal("STOP");
    let ground = stage.ground().await;
    let name = "ada0@example.org".to_owned();
    let find = move |conn: &mut _| countersign::storage::users::find_by_login_name(conn, &name);
    let ada = ground.db.read(find).await.expect("a database").expect("she is there");
    users::block(&ground, &ada.id, "left", &Actor::system()).await.expect("she can be blocked");
    tokio::time::sleep(Duration::from_secs(5)).await;
    still.signal("CONT");

    let (introspected, userinfo, redeemed, refreshed) = tokio::join!(
        app.introspect(&tokens.access_token),
        app.userinfo(&tokens.access_token),
        app.redeem(&code),
        app.refresh(&tokens.refresh_token),
    );
    assert_eq!(introspected["active"], false);
    assert_eq!(userinfo.status, 401);
    redeemed.expect(400, "invalid_grant");
    refreshed.expect(400, "invalid_grant");
}
