//! Results as a table for people and as JSON for machines.

use std::fmt::Write as _;
use std::rc::Rc;

use serde::Serialize;

use crate::process;
use crate::scenario::{Provider, Scenario};
use crate::stats::{AgainstBare, Ratio, Round, Summary};

#[derive(Debug, Serialize)]
pub struct Report {
    pub users: usize,
    pub seconds_per_round: f64,
    pub rounds: usize,
    pub results: Vec<Summary>,
    pub ratios: Vec<Ratio>,
    /// Scenarios not run, and why.
    pub skipped: Vec<String>,
}

impl Report {
    /// Takes in the rounds of one scenario, one list for each provider; `nothing` and `parts` are
    /// those of the bare handlers, for the first.
    pub fn add(
        &mut self,
        providers: &[Rc<Provider>],
        scenario: Scenario,
        rounds: &[Vec<Round>],
        nothing: &[Round],
        parts: &[Round],
    ) {
        let name = scenario.name();
        for (index, (provider, rounds)) in providers.iter().zip(rounds).enumerate() {
            let target = &provider.target;
            let peak = process::usage(&target.pids).peak_rss_kib;
            let mut line = Summary::of(name, &target.name, rounds, !target.pids.is_empty(), peak);
            if index == 0 {
                line.bare = AgainstBare::of(rounds, nothing, parts);
            }
            self.results.push(line);
        }
        if let [first, second] = rounds {
            self.ratios.push(Ratio::of(name, first, second));
        }
    }

    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{:<22} {:<14} {:>9} {:>19} {:>8} {:>8} {:>8} {:>7} {:>9} {:>6} {:>6} {:>6} {:>8} {:>7} {:>8}",
            "scenario",
            "target",
            "ops/s",
            "(min..max)",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "errors",
            "ops/cpu-s",
            "cores",
            "gen",
            "MiB",
            "bare us",
            "of bare",
            "of limit"
        );
        for line in &self.results {
            write_line(&mut out, line);
        }
        if !self.ratios.is_empty() {
            self.write_ratios(&mut out);
        }
        for reason in &self.skipped {
            let _ = writeln!(out, "{reason}");
        }
        out
    }

    fn write_ratios(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\n{:<22} {:>10} {:>17} {:>16} {:>6}",
            "ratio, first:second", "ops/s", "(min..max)", "cpu per op, 2:1", "pairs"
        );
        for ratio in &self.ratios {
            let _ = writeln!(
                out,
                "{:<22} {:>10.2} {:>17} {:>16} {:>6}",
                ratio.scenario,
                ratio.rate,
                format!("({:.2}..{:.2})", ratio.rate_min, ratio.rate_max),
                dash(ratio.cpu, 2),
                ratio.pairs,
            );
        }
    }
}

fn dash(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".into(), |v| format!("{v:.digits$}"))
}

fn write_line(out: &mut String, line: &Summary) {
    let bare = line.bare.as_ref();
    let _ = writeln!(
        out,
        "{:<22} {:<14} {:>9.1} {:>19} {:>8.2} {:>8.2} {:>8.2} {:>7} {:>9} {:>6} {:>6.2} {:>6} {:>8} {:>7} {:>8}",
        line.scenario,
        line.target,
        line.per_second,
        format!("({:.1}..{:.1})", line.per_second_min, line.per_second_max),
        line.p50_ms,
        line.p90_ms,
        line.p99_ms,
        line.errors.values().sum::<u64>(),
        dash(line.per_core_second, 1),
        dash(line.server_cores, 2),
        line.generator_cores,
        dash(line.peak_rss_mib, 0),
        dash(bare.map(|b| b.bare_us), 1),
        dash(bare.map(|b| b.ratio), 3),
        dash(bare.and_then(|b| b.of_limit), 2),
    );
    for (kind, count) in &line.errors {
        let _ = writeln!(out, "    {count} x {kind}");
    }
    if line.generator_cores > 0.9 {
        let _ = writeln!(out, "    generator-bound: the server may be faster than this");
    }
}
