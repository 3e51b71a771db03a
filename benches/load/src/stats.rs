//! What a round measured, and what rounds add up to.

use std::collections::BTreeMap;

use serde::Serialize;

/// One round of one scenario against one target.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Latency of every successful operation, in microseconds.
    pub latencies: Vec<u32>,
    pub errors: BTreeMap<String, u64>,
    pub seconds: f64,
    pub server_cpu: f64,
    pub generator_cpu: f64,
    pub connects: u64,
}

impl Round {
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds.max(1e-9)
    }

    /// Server CPU microseconds per successful operation.
    pub fn cost_us(&self) -> Option<f64> {
        let measured = self.server_cpu > 0.0 && !self.latencies.is_empty();
        measured.then(|| self.server_cpu * 1e6 / self.latencies.len() as f64)
    }

    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// The line of a table: all rounds of one scenario against one target.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub scenario: String,
    pub target: String,
    pub operations: u64,
    /// Median over rounds, with the range it was taken from.
    pub per_second: f64,
    pub per_second_min: f64,
    pub per_second_max: f64,
    /// Milliseconds, over all rounds.
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    pub errors: BTreeMap<String, u64>,
    /// Server CPU seconds per 1000 successful operations.
    pub cpu_s_per_1000: Option<f64>,
    /// Operations per server CPU second: what one whole core would do. Unlike
    /// the rate, it hardly depends on what else the machine is doing.
    pub per_core_second: Option<f64>,
    /// Server CPU seconds per second of wall time: 1.0 is one core full.
    pub server_cores: Option<f64>,
    pub peak_rss_mib: Option<f64>,
    /// The generator's own share of a core. Near 1.0 the figure is the
    /// generator's limit and only a lower bound for the server.
    pub generator_cores: f64,
    pub connects: u64,
    pub rounds: usize,
    /// Against the bare handler, where one was named.
    pub bare: Option<AgainstBare>,
}

/// Cost of an operation against bare handlers', measured in turns with them.
#[derive(Clone, Debug, Serialize)]
pub struct AgainstBare {
    /// CPU microseconds of one bare request, median over rounds.
    pub bare_us: f64,
    /// Bare cost over the operation's cost, median over pairs of rounds: 1.0 is as cheap as bare.
    pub ratio: f64,
    /// Cost of a handler that does only the operation's parts over the operation's cost: 1.0
    /// reaches what they allow.
    pub of_limit: Option<f64>,
}

impl AgainstBare {
    /// None when nothing was measured.
    pub fn of(rounds: &[Round], nothing: &[Round], parts: &[Round]) -> Option<AgainstBare> {
        let costs: Vec<f64> = nothing.iter().filter_map(Round::cost_us).collect();
        let of_limit = share(rounds, parts);
        share(rounds, nothing).map(|ratio| AgainstBare { bare_us: median(&costs), ratio, of_limit })
    }
}

/// What `yardstick` costs over what the operation costs, median over pairs of rounds.
fn share(rounds: &[Round], yardstick: &[Round]) -> Option<f64> {
    let pairs = rounds.iter().zip(yardstick);
    let ratios: Vec<f64> =
        pairs.filter_map(|(round, other)| Some(other.cost_us()? / round.cost_us()?)).collect();
    (!ratios.is_empty()).then(|| median(&ratios))
}

impl Summary {
    pub fn of(scenario: &str, target: &str, rounds: &[Round], pids: bool, rss_kib: u64) -> Summary {
        let mut latencies: Vec<u32> =
            rounds.iter().flat_map(|r| r.latencies.iter().copied()).collect();
        latencies.sort_unstable();
        let mut errors = BTreeMap::new();
        for round in rounds {
            for (kind, count) in &round.errors {
                *errors.entry(kind.clone()).or_insert(0) += count;
            }
        }
        let rates: Vec<f64> = rounds.iter().map(Round::rate).collect();
        let seconds: f64 = rounds.iter().map(|r| r.seconds).sum();
        let cpu: f64 = rounds.iter().map(|r| r.server_cpu).sum();
        let operations = latencies.len() as u64;
        Summary {
            scenario: scenario.to_owned(),
            target: target.to_owned(),
            operations,
            per_second: median(&rates),
            per_second_min: rates.iter().copied().fold(f64::INFINITY, f64::min),
            per_second_max: rates.iter().copied().fold(0.0, f64::max),
            p50_ms: percentile(&latencies, 50.0),
            p90_ms: percentile(&latencies, 90.0),
            p99_ms: percentile(&latencies, 99.0),
            max_ms: percentile(&latencies, 100.0),
            errors,
            cpu_s_per_1000: (pids && operations > 0).then(|| cpu * 1000.0 / operations as f64),
            per_core_second: (pids && cpu > 0.0).then(|| operations as f64 / cpu),
            server_cores: pids.then(|| cpu / seconds.max(1e-9)),
            peak_rss_mib: pids.then(|| rss_kib as f64 / 1024.0),
            generator_cores: rounds.iter().map(|r| r.generator_cpu).sum::<f64>()
                / seconds.max(1e-9),
            connects: rounds.iter().map(|r| r.connects).sum(),
            rounds: rounds.len(),
            bare: None,
        }
    }
}

/// How the first target compares to the second, pair of rounds by pair.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    pub scenario: String,
    /// Rate of the first over rate of the second: above 1 the first is faster.
    pub rate: f64,
    pub rate_min: f64,
    pub rate_max: f64,
    /// CPU per operation of the second over that of the first: above 1 the
    /// first does an operation for less.
    pub cpu: Option<f64>,
    pub pairs: usize,
}

impl Ratio {
    pub fn of(scenario: &str, first: &[Round], second: &[Round]) -> Ratio {
        let rates: Vec<f64> =
            first.iter().zip(second).map(|(a, b)| a.rate() / b.rate().max(1e-9)).collect();
        let pairs = first.iter().zip(second);
        let costs: Vec<f64> =
            pairs.filter_map(|(a, b)| Some(b.cost_us()? / a.cost_us()?)).collect();
        Ratio {
            scenario: scenario.to_owned(),
            rate: median(&rates),
            rate_min: rates.iter().copied().fold(f64::INFINITY, f64::min),
            rate_max: rates.iter().copied().fold(0.0, f64::max),
            cpu: (!costs.is_empty()).then(|| median(&costs)),
            pairs: rates.len(),
        }
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// Nearest-rank percentile of sorted microseconds, in milliseconds.
fn percentile(sorted: &[u32], percent: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
    f64::from(sorted[rank.min(sorted.len()) - 1]) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians() {
        let sorted: Vec<u32> = (1..=1000).map(|n| n * 1000).collect();
        assert_eq!(percentile(&sorted, 50.0), 500.0);
        assert_eq!(percentile(&sorted, 99.0), 990.0);
        assert_eq!(percentile(&sorted, 100.0), 1000.0);
        assert_eq!(percentile(&[], 50.0), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[1.0, 4.0]), 2.5);
    }

    #[test]
    fn costs_are_held_against_the_bare_handler() {
        let round = |n: usize, cpu: f64| Round {
            latencies: vec![1; n],
            server_cpu: cpu,
            ..Round::default()
        };
        let (nothing, parts) = ([round(100, 0.002)], [round(100, 0.003)]);
        let found = AgainstBare::of(&[round(100, 0.004)], &nothing, &parts);
        let found = found.expect("both were measured");
        assert!((found.bare_us - 20.0).abs() < 1e-9);
        assert!((found.ratio - 0.5).abs() < 1e-9);
        assert!((found.of_limit.expect("a limit") - 0.75).abs() < 1e-9);
        assert!(AgainstBare::of(&[round(0, 0.0)], &[round(1, 1.0)], &[]).is_none());
    }

    #[test]
    fn ratios_are_by_pair() {
        let round = |n: usize, cpu: f64| Round {
            latencies: vec![1; n],
            seconds: 1.0,
            server_cpu: cpu,
            ..Round::default()
        };
        let ratio =
            Ratio::of("x", &[round(20, 1.0), round(30, 1.0)], &[round(10, 1.0), round(10, 1.0)]);
        assert_eq!(ratio.rate, 2.5);
        assert_eq!((ratio.rate_min, ratio.rate_max), (2.0, 3.0));
        assert_eq!(ratio.cpu, Some(2.5));
    }
}
