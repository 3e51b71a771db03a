//! A long run: kills, and load with the memory watched. `make soak` makes it long; otherwise it is a
//! short one.

use super::balancer::Balancer;
use super::load::Load;
use super::power_cut;
use super::process_death::kill_often;
use super::report::{measured, percentile, time};
use super::stage::{Serving, Stage};
use super::support::Store;
use std::time::Duration;
use tokio::time::Instant;

/// A number of the environment.
pub fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test]
async fn k_01_many_kills_in_a_row_lose_nothing_and_double_nothing() {
    let kills = usize::try_from(setting("SOAK_KILLS", 4)).expect("a number of kills");
    for store in [Store::Sqlite, Store::Postgres] {
        let result = kill_often(store, kills, 6).await;
        let (half, worst) =
            (percentile(&result.recoveries, 50), percentile(&result.recoveries, 100));
        let what = format!("soak: {kills} kills on {store:?}, {} grants", result.given);
        measured("K-01", &what, format!("ready after {} (p50), {} (max)", time(half), time(worst)));
    }
}

#[tokio::test]
async fn k_04_many_power_cuts_in_a_row_lose_nothing_that_was_answered() {
    let mut left = usize::try_from(setting("SOAK_POWER_CUTS", 4)).expect("a number of cuts");
    while left > 0 {
        let cuts = left.min(25);
        power_cut::report(cuts, &power_cut::cut_often(cuts, 6, 6).await);
        left -= cuts;
    }
}

/// Memory in KiB and open files, sampled while people work.
struct Samples(Vec<(Duration, u64, usize)>);

impl Samples {
    async fn take(serving: &Serving, whole: Duration) -> Self {
        let (began, mut samples) = (Instant::now(), Vec::new());
        while began.elapsed() < whole {
            tokio::time::sleep(whole / 60).await;
            samples.push((began.elapsed(), serving.memory(), serving.files()));
        }
        Self(samples)
    }

    /// The median memory of the samples between two sixtieths.
    fn memory(&self, of: std::ops::Range<usize>) -> u64 {
        let mut memory: Vec<u64> = self.0.get(of).into_iter().flatten().map(|one| one.1).collect();
        memory.sort_unstable();
        memory.get(memory.len() / 2).copied().unwrap_or_default()
    }
}

#[tokio::test]
async fn l_11_k_07_under_lasting_load_memory_and_files_stay_as_they_are() {
    let whole = Duration::from_secs(setting("SOAK_SECONDS", 12));
    let stage = Stage::new(Store::Sqlite);
    stage.people(6).await;
    let app = stage.app().await;
    let serving = stage.serve().await;
    let load = Load::start(&app, 6, &Balancer::over(&[&stage.base()])).await;
    let samples = Samples::take(&serving, whole).await;
    let rounds = load.rounds();
    if std::env::var_os("SOAK_SECONDS").is_some() {
        for (at, memory, files) in &samples.0 {
            println!("soak: {:.0} s, {memory} KiB, {files} files", at.as_secs_f64());
        }
    }
    let witness = load.expect_no_violation(&stage).await;
    assert_eq!(witness.failures(), []);
    let (first, early, late) =
        (samples.memory(0..3), samples.memory(20..30), samples.memory(50..60));
    let what = format!("{rounds} rounds in {whole:?}: memory at the start, a third on, at the end");
    let values = [first, early, late].map(|kib| format!("{:.1} MiB", kib as f64 / 1024.0));
    measured("L-11", &what, values.join(", "));
    assert!(late < 256 << 10, "{late} KiB");
    // Caches fill while it is short.
    let slack = if whole < Duration::from_secs(600) { 24 << 10 } else { 6 << 10 };
    assert!(late < early + slack, "memory grows from {early} to {late} KiB");
    let files = |at: usize| samples.0.get(at).map_or(0, |sample| sample.2);
    assert!(files(59) < files(20) + 20, "{} and then {} files", files(20), files(59));
}
