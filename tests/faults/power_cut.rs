//! The power fails: the process ends, and of what it wrote only that is certain which the disk had
//! promised to keep.

use super::balancer::Balancer;
use super::disk::{Chance, Cut, Disk};
use super::load::Load;
use super::report::{measured, percentile, time};
use super::stage::{Serving, Stage, until};
use super::support::Store;
use super::witness_facts::Stored;
use countersign::storage::backup;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// A provider on a disk whose power can fail.
struct Machine {
    stage: Stage,
    database: PathBuf,
    chance: Chance,
    /// What was on the disk when the process started.
    before: Disk,
}

/// What became of power cuts.
pub struct Cuts {
    /// How many came while the database itself was written to.
    pub in_checkpoints: usize,
    pub given: usize,
    /// From each start until it was ready, the shortest first.
    pub recoveries: Vec<Duration>,
}

/// Builds what is preloaded.
fn recorder(directory: &Path) -> String {
    let (source, made) = ("tests/faults/power_cut.c", directory.join("power_cut.so"));
    let mut cc = std::process::Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-pthread", "-o"]).arg(&made);
    cc.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(source));
    assert!(cc.status().expect("cc is there").success());
    made.display().to_string()
}

impl Machine {
    async fn new(people: usize) -> Self {
        let machine = Self::bare();
        machine.stage.people(people).await;
        machine
    }

    /// Waits until we do not have the database open any more: what we do nobody writes down.
    async fn left_alone(&self) {
        let journal = PathBuf::from(format!("{}-wal", self.database.display()));
        until("it is closed", Duration::from_secs(10), async || !journal.exists()).await;
    }

    /// Without a database yet.
    fn bare() -> Self {
        let stage = Stage::new(Store::Sqlite);
        let database = PathBuf::from(stage.database_url.trim_start_matches("sqlite://"));
        let (preloaded, log) = (recorder(stage.path()), stage.path().join("power"));
        let stage = stage
            .with("LD_PRELOAD", &preloaded)
            .with("POWER_CUT_DATABASE", &database.display().to_string())
            .with("POWER_CUT_LOG", &log.display().to_string())
            .with("POWER_CUT_SYNC_US", "2000");
        Self { before: Disk::of(&database), stage, database, chance: Chance::new() }
    }

    fn log(&self) -> PathBuf {
        self.stage.path().join("power")
    }

    /// Switches it on, and does not wait.
    fn on(&mut self, more: &[(&str, &str)]) -> Serving {
        drop(std::fs::remove_file(self.log()));
        self.before = Disk::of(&self.database);
        self.stage.spawn(self.stage.port, more)
    }

    /// The power fails. Gives how many changes to the database itself were under way.
    fn off(&mut self, serving: &mut Serving, cut: Cut) -> usize {
        serving.kill();
        // Nothing, when it had not begun yet.
        let log = std::fs::read(self.log()).unwrap_or_default();
        let mut disk = std::mem::replace(&mut self.before, Disk::of(Path::new("/nowhere")));
        disk.take_in(&log);
        let pending = disk.pending_in_database();
        disk.cut(cut, &mut self.chance);
        pending
    }

    /// What is wrong with the file, once its journal was read. Looks at a copy.
    fn problems(&self) -> Vec<String> {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let copy = directory.path().join("copy.db");
        for suffix in ["", "-wal", "-journal"] {
            let from = format!("{}{suffix}", self.database.display());
            // There may be no journal.
            drop(std::fs::copy(from, format!("{}{suffix}", copy.display())));
        }
        let found = backup::problems(copy.to_str().expect("plain text"));
        found.unwrap_or_else(|error| vec![format!("{error:?}")])
    }

    /// Lets people work for a moment, or until the database itself is written to, and cuts.
    async fn work_and_fail(&mut self, serving: &mut Serving, in_checkpoint: bool) -> usize {
        let patience = match in_checkpoint {
            false => Duration::from_millis(self.chance.below(250) as u64),
            true => Duration::from_secs(10),
        };
        let end = Instant::now() + patience;
        while Instant::now() < end && serving.ended().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let cut = Cut::any(&mut self.chance);
        self.off(serving, cut)
    }
}

/// Cuts the power so many times under people at work, each time at any moment, and every so often in
/// the middle of a checkpoint. Finds nothing lost, nothing twice, and the file whole.
pub async fn cut_often(cuts: usize, every: usize, people: usize) -> Cuts {
    let mut machine = Machine::new(people).await;
    let app = machine.stage.app().await;
    machine.left_alone().await;
    let mut serving = machine.on(&[]);
    serving.ready(Duration::from_secs(20)).await;
    let balancer = Balancer::over(&[&machine.stage.base()]);
    let load = Load::start(&app, people, &balancer).await;
    let (mut recoveries, mut in_checkpoints, mut aims) = (Vec::new(), 0, false);
    for round in 1..=cuts {
        let pending = machine.work_and_fail(&mut serving, aims).await;
        in_checkpoints += usize::from(pending > 0);
        assert_eq!(machine.problems(), Vec::<String>::new(), "cut {round}");
        aims = round % every == 0;
        let at = (1 + machine.chance.below(300)).to_string();
        let more: &[(&str, &str)] = &[("POWER_CUT_DIE_IN_CHECKPOINT", &at)];
        serving = machine.on(if aims { more } else { &[] });
        // One in eight fails again before it is ready.
        if machine.chance.below(8) > 0 && !aims {
            recoveries.push(serving.ready(Duration::from_secs(20)).await);
        }
    }
    serving.kill();
    serving = machine.on(&[]);
    recoveries.push(serving.ready(Duration::from_secs(20)).await);
    let before = load.rounds();
    until("work goes on", Duration::from_secs(10), async || load.rounds() > before + people).await;
    let witness = load.expect_no_violation(&machine.stage).await;
    machine.stage.expect_well(&[&app.secret]).await;
    recoveries.sort_unstable();
    Cuts { in_checkpoints, given: witness.given(), recoveries }
}

/// Says what became of power cuts.
pub fn report(cuts: usize, result: &Cuts) {
    let (half, worst) = (percentile(&result.recoveries, 50), percentile(&result.recoveries, 100));
    let Cuts { in_checkpoints, given, .. } = result;
    let what = format!("{cuts} power cuts, {in_checkpoints} in a checkpoint, {given} grants");
    measured("K-04", &what, format!("ready after {} (p50), {} (max)", time(half), time(worst)));
}

#[tokio::test]
async fn k_04_a_power_cut_loses_nothing_that_was_answered_and_leaves_the_file_whole() {
    let result = cut_often(16, 8, 6).await;
    assert!(result.given > 8, "{}", result.given);
    report(16, &result);
}

#[tokio::test]
async fn k_04_a_disk_that_lies_about_what_it_keeps_is_found_out() {
    let mut machine = Machine::new(2).await;
    let app = machine.stage.app().await;
    machine.left_alone().await;
    let mut serving = machine.on(&[("POWER_CUT_LIE", "1")]);
    serving.ready(Duration::from_secs(20)).await;
    let load = Load::start(&app, 2, &Balancer::over(&[&machine.stage.base()])).await;
    let given = async || load.witness.given() > 4;
    until("people have tokens", Duration::from_secs(10), given).await;
    machine.off(&mut serving, Cut::Nothing);
    let witness = load.stop().await;
    let stored = Stored::of(&machine.stage, &witness).await;
    let found = witness.violations(&stored);
    assert!(found.iter().any(|one| one.contains("was given and is not recorded")), "{found:#?}");
}

#[tokio::test]
async fn k_05_the_power_fails_at_any_write_of_the_first_start() {
    let mut whole = Machine::bare();
    let mut serving = whole.on(&[]);
    serving.ready(Duration::from_secs(20)).await;
    serving.kill();
    let log = std::fs::read(whole.log()).expect("the recorder is preloaded");
    let records = Disk::of(&whole.database).take_in(&log);
    assert!(records > 20, "{records}");
    for _ in 0..8 {
        let mut machine = Machine::bare();
        let at = 1 + machine.chance.below(records);
        let mut serving = machine.on(&[("POWER_CUT_DIE_AT", &at.to_string())]);
        serving.end(Duration::from_secs(20)).await;
        let cut = Cut::any(&mut machine.chance);
        machine.off(&mut serving, cut);
        let mut serving = machine.on(&[]);
        serving.ready(Duration::from_secs(20)).await;
        assert_eq!(machine.problems(), Vec::<String>::new(), "{cut:?} at {at} of {records}");
        machine.stage.people(1).await;
        machine.stage.app().await.tokens("ada0", "openid email").await;
        machine.stage.expect_well(&[]).await;
    }
    measured("K-05", "power cuts at any write of a first start, of so many", records);
}
