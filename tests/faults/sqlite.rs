//! The embedded database is locked, full, damaged, out of reach, or used by many at once.

use super::balancer::Balancer;
use super::load::Load;
use super::report::{measured, time};
use super::stage::{Stage, until};
use super::support::{Store, WebApp};
use countersign::protocol::random::{Random, SystemRandom};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
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

/// A file system of a few MiB; none, and a loud word, where that is not allowed.
struct SmallDisk(PathBuf, #[expect(dead_code, reason = "removed at the end")] tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join("disk");
        std::fs::create_dir(&path).expect("it is new");
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "countersign"]).arg(&path);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(path, directory));
        }
        println!("NOT TESTED: a file system can be mounted by root alone");
        None
    }

    fn again(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{options}")]).arg(&self.0);
        mount.output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The provider may be on its way out still.
        drop(Command::new("umount").arg("-l").arg(&self.0).output());
    }
}

#[tokio::test]
async fn s_03_a_full_disk_refuses_writes_serves_reads_and_recovers() {
    let Some(disk) = SmallDisk::new("24m") else { return };
    let stage = Stage::at(&format!("sqlite://{}", disk.0.join("full.db").display()));
    stage.people(4).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    let tokens = app.tokens("ada0", "openid email").await;
    let load = Load::start(&app, 4, &Balancer::over(&[&stage.base()])).await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    let filler = disk.0.join("filler");
    let fill = || {
        let file = std::fs::File::create(&filler).expect("there is a name left");
        let full = (0..64).any(|at| file.write_all_at(&[1; 1 << 20], at << 20).is_err());
        // To the last page.
        let end = file.metadata().expect("it is there").len();
        (0..512).any(|at| file.write_all_at(&[1; 4096], end + (at << 12)).is_err()) && full
    };
    assert!(fill(), "the disk is full");
    // Each is a new row.
    let write = async || app.agent.get(&app.authorize_url(&[("prompt", "none")])).await.status;
    until("writes are refused", TEN, async || write().await == 503).await;
    for _ in 0..20 {
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 200);
        let page = app.agent.get("/login").await;
        assert_eq!(page.status, 200, "{}", page.body);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let freed = Instant::now();
    std::fs::remove_file(&filler).expect("it is there");
    until("writes go on", Duration::from_secs(5), async || write().await == 303).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    measured("S-03", "room again: failures after", time(load.witness.outage_since(freed)));
    let before = load.rounds();
    until("work goes on", TEN, async || load.rounds() > before + 4).await;
    load.expect_no_violation(&stage).await;
    stage.expect_well(&[]).await;
}

#[tokio::test]
async fn s_04_on_a_read_only_disk_it_says_so_and_does_not_start() {
    let Some(disk) = SmallDisk::new("24m") else { return };
    let stage = Stage::at(&format!("sqlite://{}", disk.0.join("ro.db").display()));
    drop(stage.serve().await);
    assert!(disk.again("ro"));
    let mut serving = stage.spawn(stage.port, &[]);
    let status = serving.end(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(1));
    let log = serving.log();
    assert!(log.contains("ro.db") && log.contains("ead-only file system"), "{log}");
    assert!(disk.again("rw"));
    drop(stage.serve().await);
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
    for _ in 0..25 {
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
        found += usize::from(is_refused(&stage).await);
    }
    measured("S-05", "of 25 damaged pages so many are found at the start", found);
    assert!(found > 12, "{found}");
    std::fs::write(file, &whole).expect("writable");
    std::fs::File::options()
        .write(true)
        .open(file)
        .expect("it is there")
        .set_len(4096 * 20)
        .expect("it is cut");
    assert!(is_refused(&stage).await, "a file that was cut short");
    std::fs::write(file, &whole).expect("writable");
    drop(stage.serve().await);
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
