//! The file system of the embedded database is full, nearly full, or takes no writes any more.

use super::balancer::Balancer;
use super::load::Load;
use super::report::{measured, time};
use super::stage::{Stage, until};
use super::support::{Store, ports};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::time::Instant;

const TEN: Duration = Duration::from_secs(10);

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
        super::report::not_tested("a file system can be mounted by root alone");
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
async fn s_07_a_copy_that_has_no_room_is_not_left_behind() {
    let Some(disk) = SmallDisk::new("256k") else { return };
    let stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let _serving = stage.serve().await;
    let copy = disk.0.join("copy.db");
    let file = copy.to_str().expect("plain text");
    let refused = stage.command(&["backup", "create", file]).await;
    assert!(refused.code != 0 && !refused.stderr.is_empty(), "{refused:?}");
    assert!(!copy.exists(), "half a copy looks like one");
    assert!(disk.again("size=24m"));
    let made = stage.command(&["backup", "create", file]).await;
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(stage.command(&["backup", "verify", file]).await.code, 0);
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
async fn s_03_a_disk_that_fills_up_is_an_alarm_before_it_is_full() {
    let Some(disk) = SmallDisk::new("24m") else { return };
    let stage = Stage::at(&format!("sqlite://{}", disk.0.join("full.db").display()));
    let metrics = format!("127.0.0.1:{}", ports::free_port());
    let stage = stage.with("COUNTERSIGN_METRICS_LISTEN", &metrics);
    stage.people(1).await;
    let app = stage.app().await;
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![1; 22 << 20]).expect("there is room");
    let serving = stage.serve().await;
    let alarm = "the disk of the database is nearly full";
    until("it is said", TEN, async || serving.log().contains(alarm)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(serving.log().matches(alarm).count(), 1, "{}", serving.log());
    let used = async || {
        let text = app.http.get(format!("http://{metrics}/metrics")).send().await;
        let text = text.expect("an answer").text().await.expect("text");
        let line = text.lines().find(|line| line.starts_with("countersign_disk_used_percent "));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
    };
    assert!((90..100).contains(&used().await), "{}", used().await);
    app.tokens("ada0", "openid email").await;

    std::fs::remove_file(&filler).expect("it is there");
    let over = format!("over: {alarm}");
    let took = until("it is over", Duration::from_secs(5), async || serving.log().contains(&over));
    measured("S-03", "room again: the alarm is over after", time(took.await));
    assert!(used().await < 50, "{}", used().await);
}

/// A disk of its own that can fail, as disks do: the system then takes no more writes to it.
struct FailingDisk {
    image: PathBuf,
    path: PathBuf,
    directory: tempfile::TempDir,
}

fn run(program: &str, words: &[&str]) -> bool {
    Command::new(program).args(words).output().is_ok_and(|output| output.status.success())
}

impl FailingDisk {
    /// A new one; none, and a loud word, where that is not allowed.
    fn new() -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let (image, path) = (directory.path().join("image"), directory.path().join("disk"));
        std::fs::create_dir(&path).expect("it is new");
        let file = std::fs::File::create(&image).expect("it is new");
        file.set_len(48 << 20).expect("it can be made longer");
        let disk = Self { image, path, directory };
        let made = run("mkfs.ext4", &["-q", "-F", disk.image()]) && disk.mount();
        if made && disk.trigger().is_some_and(|trigger| trigger.exists()) {
            return Some(disk);
        }
        super::report::not_tested("no ext4 in a file can be mounted here");
        None
    }

    fn image(&self) -> &str {
        self.image.to_str().expect("plain text")
    }

    fn mount(&self) -> bool {
        let path = self.path.to_str().expect("plain text");
        run("mount", &["-o", "loop,errors=remount-ro", self.image(), path])
    }

    /// What makes the file system believe in an error.
    fn trigger(&self) -> Option<PathBuf> {
        let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
        let path = std::fs::canonicalize(&self.path).ok()?;
        let path = path.to_str()?;
        let line = mounts.lines().find(|line| line.split(' ').nth(1) == Some(path))?;
        let device = line.split(' ').next()?.strip_prefix("/dev/")?;
        Some(Path::new("/sys/fs/ext4").join(device).join("trigger_fs_error"))
    }

    fn fail(&self) {
        let trigger = self.trigger().expect("it is mounted");
        std::fs::write(trigger, "a test").expect("it can be triggered");
    }

    fn repair(&self) {
        assert!(run("umount", &[self.path.to_str().expect("plain text")]), "nobody uses it");
        // 1: errors were found and corrected.
        let checked = Command::new("fsck.ext4").args(["-f", "-y"]).arg(&self.image).output();
        assert!(checked.expect("it is there").status.code().is_some_and(|code| code <= 1));
        assert!(self.mount());
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        run("umount", &["-l", self.path.to_str().expect("plain text")]);
        assert!(self.directory.path().exists());
    }
}

#[tokio::test]
async fn s_04_a_disk_that_takes_no_writes_any_more_makes_it_unready_and_nothing_is_lost() {
    let Some(disk) = FailingDisk::new() else { return };
    let stage = Stage::at(&format!("sqlite://{}", disk.path.join("a.db").display()));
    stage.people(4).await;
    let app = stage.app().await;
    let mut serving = stage.serve().await;
    let tokens = app.tokens("ada0", "openid email").await;
    let load = Load::start(&app, 4, &Balancer::over(&[&stage.base()])).await;
    tokio::time::sleep(Duration::from_millis(500)).await;

    let failed = Instant::now();
    disk.fail();
    let http = super::load::http(Duration::from_secs(3));
    let unready = async || !super::stage::is_ready(&http, &stage.base()).await;
    until("it is not ready", TEN, unready).await;
    measured("S-04", "not ready, after the disk took no more writes", time(failed.elapsed()));
    for _ in 0..20 {
        for path in ["/jwks", "/.well-known/openid-configuration", "/livez"] {
            let answer = http.get(format!("{}{path}", stage.base())).send().await;
            assert_eq!(answer.expect("an answer").status(), 200, "{path}");
        }
        let refresh = app.refresh(&tokens.refresh_token).await;
        assert_eq!((refresh.status, refresh.header("retry-after").is_empty()), (503, false));
        let page = app.agent.get(&app.authorize_url(&[("prompt", "none")])).await;
        assert_eq!(page.status, 503, "{}", page.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(serving.ended().is_none(), "{}", serving.log());
    assert!(serving.log().contains("the database takes no writes"), "{}", serving.log());

    serving.kill();
    disk.repair();
    let mut serving = stage.spawn(stage.port, &[]);
    serving.ready(Duration::from_secs(20)).await;
    let before = load.rounds();
    until("work goes on", TEN, async || load.rounds() > before + 4).await;
    load.expect_no_violation(&stage).await;
    stage.expect_well(&[&app.secret]).await;
    drop(serving);
    drop(stage);
}

#[tokio::test]
async fn s_04_a_file_that_nobody_may_write_is_said_at_the_start() {
    let mut stage = Stage::new(Store::Sqlite);
    stage.people(1).await;
    let file = PathBuf::from(stage.database_url.trim_start_matches("sqlite://"));
    // Root may write whatever the mode says.
    if is_root() {
        let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
        stage.prefix = words.map(str::to_owned).to_vec();
        assert!(run("chown", &["-R", "65534:65534", stage.path().to_str().expect("plain text")]));
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).expect("it is ours");
    let mut serving = stage.spawn(stage.port, &[]);
    let status = serving.end(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(1), "{}", serving.log());
    assert!(serving.log().contains("Permission denied"), "{}", serving.log());
    assert!(!Path::new(&format!("{}-shm", file.display())).exists(), "nothing was begun");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    drop(stage.serve().await);
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id is there");
    id.stdout.trim_ascii() == b"0"
}
