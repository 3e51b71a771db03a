//! The memory that a provider gets is limited, as a container's is.

use super::balancer::Balancer;
use super::load::Load;
use super::people::Person;
use super::report::{measured, time};
use super::soak::setting;
use super::stage::Stage;
use super::support::{Store, WebApp};
use super::witness_facts::{count, run};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

const MIB: u64 = 1 << 20;
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A control group of its own.
struct Limited {
    path: PathBuf,
    limit: &'static str,
    oom: &'static str,
}

impl Limited {
    /// A new one; none, and a loud word, where that is not allowed.
    fn to(bytes: u64) -> Option<Self> {
        let name =
            format!("faults-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        for (root, limit, oom) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"),
            ("/sys/fs/cgroup", "memory.max", "memory.events"),
        ] {
            let group = Self { path: PathBuf::from(root).join(&name), limit, oom };
            if std::fs::create_dir(&group.path).is_ok() && group.set(bytes) {
                return Some(group);
            }
        }
        super::report::not_tested("no control group for memory can be made here");
        None
    }

    fn set(&self, bytes: u64) -> bool {
        std::fs::write(self.path.join(self.limit), bytes.to_string()).is_ok()
    }

    /// What comes before a command so that it runs inside.
    fn prefix(&self) -> Vec<String> {
        let join = "echo $$ > \"$0\" && exec \"$@\"";
        let group = self.path.join("cgroup.procs").display().to_string();
        ["sh", "-c", join, &group].map(str::to_owned).to_vec()
    }

    /// How often somebody inside was killed for want of memory.
    fn kills(&self) -> u64 {
        let text = std::fs::read_to_string(self.path.join(self.oom)).expect("it can be read");
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|number| number.trim().parse().ok()).expect("it is counted")
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // Whoever was inside may be on its way out still.
        for _ in 0..50 {
            if std::fs::remove_dir(&self.path).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Sign-ins of people with new browsers, up to 300 in a minute.
fn sign_ins(
    app: &WebApp,
    balancer: &Arc<Balancer>,
    load: &Load,
) -> (JoinHandle<()>, Arc<AtomicU64>) {
    let done = Arc::<AtomicU64>::default();
    let (app, balancer, witness, counted) =
        (app.clone(), balancer.clone(), load.witness.clone(), done.clone());
    let task = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            ticks.tick().await;
            let person = Person::new("ada0", &app, balancer.clone(), witness.clone());
            let counted = counted.clone();
            tokio::spawn(async move {
                if person.sign_in().await {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (task, done)
}

/// Sessions of one of the people, as many as wanted.
fn many_sessions(stage: &Stage, wanted: u32) {
    let insert = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {wanted}) \
         INSERT INTO sessions (id_hash, sid, user_id, auth_time, amr, acr, remember, created_at, \
         last_seen_at, expires_at) \
         SELECT 'hash' || i, 'sid' || i, s.user_id, s.auth_time, s.amr, s.acr, s.remember, \
         s.created_at, s.last_seen_at, s.expires_at FROM n, (SELECT * FROM sessions LIMIT 1) s"
    );
    run(&stage.database_url, &insert);
}

#[tokio::test]
async fn k_07_ten_thousand_sessions_and_two_sign_ins_a_second_fit_into_256_mib() {
    let Some(group) = Limited::to(256 * MIB) else { return };
    let mut stage = Stage::new(Store::Sqlite);
    stage.prefix = group.prefix();
    stage.people(6).await;
    let app = stage.app().await;
    let mut serving = stage.serve().await;
    let balancer = Balancer::over(&[&stage.base()]);
    let load = Load::start(&app, 6, &balancer).await;
    many_sessions(&stage, 10_000);
    let (task, done) = sign_ins(&app, &balancer, &load);
    let (began, whole) = (Instant::now(), Duration::from_secs(setting("SOAK_SECONDS", 10)));
    let mut most = 0;
    while began.elapsed() < whole.min(Duration::from_secs(300)) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(serving.ended().is_none(), "{}", serving.log());
        most = most.max(serving.memory());
    }
    task.abort();
    let sessions = count(&stage.database_url, "SELECT count(*) AS n FROM sessions");
    assert!(sessions > 10_000, "{sessions}");
    let done = done.load(Ordering::Relaxed);
    assert!(done * 60 > began.elapsed().as_secs() * 120, "{done} sign-ins");
    assert_eq!(group.kills(), 0);
    let what = format!("{sessions} sessions, {done} sign-ins in {}", time(began.elapsed()));
    measured("K-07", &what, format!("{} MiB at most", most >> 10));
    assert!(most < 256 << 10, "{most} KiB");
    assert_eq!(load.expect_no_violation(&stage).await.failures(), []);
}

#[tokio::test]
async fn k_07_who_is_killed_for_want_of_memory_loses_nothing() {
    let Some(group) = Limited::to(512 * MIB) else { return };
    let mut stage = Stage::new(Store::Sqlite);
    stage.prefix = group.prefix();
    stage.people(4).await;
    let app = stage.app().await;
    let mut serving = stage.serve().await;
    let balancer = Balancer::over(&[&stage.base()]);
    let load = Load::start(&app, 4, &balancer).await;
    let (task, _) = sign_ins(&app, &balancer, &load);
    // Less and less, as soon as it does with less, until it does not get what it needs.
    let mut limit = serving.memory() * 1024 + 64 * MIB;
    let end = Instant::now() + Duration::from_secs(60);
    while serving.ended().is_none() {
        assert!(Instant::now() < end, "it lives with {} MiB", limit / MIB);
        if group.set(limit - MIB) {
            limit -= MIB;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    task.abort();
    assert_eq!(serving.ended().and_then(|status| status.signal()), Some(9));
    assert!(group.kills() > 0);
    assert!(group.set(512 * MIB));
    let mut serving = stage.spawn(stage.port, &[]);
    let ready = serving.ready(Duration::from_secs(20)).await;
    measured("K-07", "killed for want of memory: ready after", time(ready));
    let before = load.rounds();
    let goes_on = async || load.rounds() > before + 4;
    super::stage::until("work goes on", Duration::from_secs(10), goes_on).await;
    load.expect_no_violation(&stage).await;
    stage.expect_well(&[&app.secret]).await;
}
