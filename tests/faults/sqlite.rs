//! The embedded database is locked, full, damaged, out of reach, or used by many at once.

use super::balancer::Balancer;
use super::load::Load;
use super::report::{measured, time};
use super::soak::setting;
use super::stage::{Stage, until};
use super::support::{Store, WebApp};
use countersign::protocol::random::{Random, SystemRandom};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const TEN: Duration = Duration::from_secs(10);

fn path(stage: &Stage) -> &Path {
    Path::new(stage.database_url.trim_start_matches("sqlite://"))
}

fn connection(stage: &Stage) -> SqliteConnection {
    let path = path(stage).to_str().expect("plain text");
    SqliteConnection::establish(path).expect("the database opens")
}

#[tokio::test]
async fn s_01_while_another_process_holds_the_lock_reads_go_on_and_writes_are_told_to_come_back() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    let tokens = app.tokens("ada0", "openid email").await;
    let mut other = connection(&stage);
    other.batch_execute("PRAGMA busy_timeout = 2000; BEGIN EXCLUSIVE").expect("the lock is free");

    let crowd = (0..20).map(|_| {
        let (app, token) = (app.clone(), tokens.refresh_token.clone());
        async move {
            let asked = Instant::now();
            let reply = app.refresh(&token).await;
            (reply.status, reply.header("retry-after").to_owned(), asked.elapsed())
        }
    });
    let crowd = crowd.collect::<JoinSet<_>>();
    for _ in 0..30 {
        assert!(app.is_active(&tokens.access_token).await);
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 200);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut longest = Duration::ZERO;
    for (status, retry_after, took) in crowd.join_all().await {
        assert_eq!((status, retry_after.as_str()), (503, "1"));
        longest = longest.max(took);
    }
    measured(
        "S-01",
        "20 writes during a foreign lock: the last is told to come back",
        time(longest),
    );
    assert!(longest < Duration::from_millis(3500), "{longest:?}");

    other.batch_execute("ROLLBACK").expect("it was open");
    let next = async || app.refresh(&tokens.refresh_token).await.status == 200;
    measured("S-01", "recovery", time(until("writes go on", TEN, next).await));
    stage.expect_well(&[]).await;
}

#[tokio::test]
async fn s_02_two_hundred_exchanges_at_once_meet_no_lock() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    let mut codes = vec![app.code("ada0", &[]).await];
    for _ in 1..200 {
        codes.push(app.code("ada0", &[("prompt", "none")]).await);
    }
    let exchanges = codes.into_iter().map(|code| {
        let app = app.clone();
        async move { app.redeem(&code).await.status }
    });
    let statuses = exchanges.collect::<JoinSet<_>>().join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert!(!stage.log().contains("locked"));
}

#[tokio::test]
async fn s_05_a_damaged_file_is_not_served() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(30).await;
    drop(stage.serve().await);
    // Everything is in the file itself when nobody has it open.
    let file = path(&stage);
    connection(&stage).batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").expect("nobody has it");
    let whole = std::fs::read(file).expect("it can be read");
    let mut found = 0;
    let rounds = setting("SOAK_DAMAGES", 25);
    for _ in 0..rounds {
        let mut chance = [0; 8];
        SystemRandom.fill(&mut chance);
        let pages = whole.len() as u64 / 4096;
        let at = u64::from_ne_bytes(chance) % pages * 4096;
        let mut noise = [0; 4096];
        SystemRandom.fill(&mut noise);
        std::fs::write(file, &whole).expect("writable");
        let damaged = std::fs::File::options().write(true).open(file).expect("writable");
        damaged.write_all_at(&noise, at).expect("writable");
        drop(damaged);
        for beside in ["-wal", "-shm"] {
            drop(std::fs::remove_file(format!("{}{beside}", file.display())));
        }
        found += u64::from(is_refused(&stage).await);
    }
    let what = format!("of {rounds} damaged pages so many are found at the start");
    measured("S-05", &what, found);
    assert!(found > rounds / 2, "{found}");
    for pages in [20, 1, 0] {
        std::fs::write(file, &whole).expect("writable");
        let cut = std::fs::File::options().write(true).open(file).expect("it is there");
        cut.set_len(4096 * pages + 100).expect("it is cut");
        assert!(is_refused(&stage).await, "a file that was cut short to {pages} pages");
    }
    std::fs::write(file, &whole).expect("writable");
    drop(stage.serve().await);
}

#[tokio::test]
async fn s_05_the_journal_of_another_file_changes_nothing() {
    let (stage, other) = (Stage::new(Store::Sqlite), Stage::new(Store::Sqlite));
    stage.people(1).await;
    other.people(2).await;
    let (app, elsewhere) = (stage.app().await, other.app().await);
    // Killed, so that the journal stays.
    let mut serving = other.serve().await;
    elsewhere.tokens("ada1", "openid email").await;
    serving.kill();
    let journal = |stage: &Stage| format!("{}-wal", path(stage).display());
    let foreign = std::fs::read(journal(&other)).expect("it was killed");
    assert!(foreign.len() > 4096, "{}", foreign.len());

    // Over a whole file: what is in the journal does not belong to it.
    drop(stage.serve().await);
    connection(&stage).batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").expect("nobody has it");
    let whole = std::fs::read(path(&stage)).expect("it can be read");
    for length in [foreign.len(), foreign.len() / 2, 4096 + 32 + 24] {
        std::fs::write(path(&stage), &whole).expect("writable");
        drop(std::fs::remove_file(format!("{}-shm", path(&stage).display())));
        std::fs::write(journal(&stage), &foreign[..length]).expect("writable");
        if is_refused(&stage).await {
            continue;
        }
        // Nothing shows whose journal it is: but then it was taken whole, and nobody is somebody else.
        let mut serving = stage.serve().await;
        let tokens = app.agent.get(&app.authorize_url(&[])).await;
        assert_ne!(tokens.status, 500, "{}", tokens.body);
        serving.kill();
    }
    for beside in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{beside}", path(&stage).display())));
    }
    std::fs::write(path(&stage), &whole).expect("writable");
    let _serving = stage.serve().await;
    app.tokens("ada0", "openid email").await;
}

/// Whether the provider refuses the file; when it serves, it fails in good order.
async fn is_refused(stage: &Stage) -> bool {
    let mut serving = stage.spawn(stage.port, &[]);
    let http = super::load::http(Duration::from_secs(5));
    for _ in 0..1000 {
        if let Some(status) = serving.ended() {
            assert_eq!(status.code(), Some(78), "{}", serving.log());
            assert!(serving.log().contains("is damaged"), "{}", serving.log());
            return true;
        }
        if super::stage::is_ready(&http, &serving.base).await {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("neither served nor refused: {}", serving.log());
}

#[tokio::test]
async fn s_06_a_long_reader_does_not_make_the_journal_grow_for_ever() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(4).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    let load = Load::start(&app, 4, &Balancer::over(&[&stage.base()])).await;
    let size =
        || std::fs::metadata(format!("{}-wal", path(&stage).display())).map_or(0, |f| f.len());
    let mut reader = connection(&stage);
    reader.batch_execute("BEGIN; SELECT count(*) FROM users").expect("it can be read");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let with_reader = size();
    reader.batch_execute("COMMIT").expect("it was open");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let what = "the journal after 5 s of load with a reader, and 5 s without";
    measured("S-06", what, format!("{} KiB, {} KiB", with_reader >> 10, size() >> 10));
    assert!(size() < 256 << 20);
    assert!(load.expect_no_violation(&stage).await.failures().is_empty());
}

async fn crowd(app: &WebApp, count: usize, token: &str) -> Vec<(u16, Duration)> {
    let crowd = (0..count).map(|_| {
        let (app, token) = (app.clone(), token.to_owned());
        async move {
            let asked = Instant::now();
            (app.userinfo(&token).await.status, asked.elapsed())
        }
    });
    crowd.collect::<JoinSet<_>>().join_all().await
}

#[tokio::test]
async fn s_09_five_hundred_at_once_are_answered_or_told_to_come_back() {
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    let token = app.tokens("ada0", "openid email").await.access_token;
    for (status, took) in crowd(&app, 500, &token).await {
        assert!(matches!(status, 200 | 503), "{status}");
        assert!(took < TEN, "{took:?}");
    }
    assert!(crowd(&app, 20, &token).await.iter().all(|(status, _)| *status == 200));
    assert!(!stage.log().contains("locked"));
}
