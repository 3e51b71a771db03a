//! `oidcload` drives OAuth 2.0 / OpenID Connect providers with closed-loop
//! virtual users and reports throughput, latency and the server's cost per
//! operation; with `--vs`, the ratio of two providers in interleaved rounds.

mod config;
mod cookies;
mod fault;
mod flow;
mod html;
mod http;
mod oidc;
mod process;
mod report;
mod round;
mod scenario;
mod stats;
mod url;

use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use config::{Bare, Target};
use fault::{Fault, Outcome};
use report::Report;
use scenario::{Bounds, Provider, Scenario, VirtualUser};
use stats::{Round, Summary};

#[derive(Parser)]
#[command(
    name = "oidcload",
    about = "Load generator and A/B yardstick for OpenID Connect providers",
    args_override_self = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure a provider, or two against each other.
    Run(Box<Run>),
    /// Make a client key for private_key_jwt; prints the public JWK.
    Keygen {
        /// Where to write the private key (PKCS#8 DER).
        out: PathBuf,
        #[arg(long, default_value = "ES256")]
        alg: String,
        #[arg(long, default_value = "bench")]
        kid: String,
    },
    /// GET one http URL over and over: the ceiling of generator and loopback.
    Get {
        url: String,
        #[arg(long, value_delimiter = ',')]
        pid: Vec<u32>,
        #[command(flatten)]
        limits: Limits,
    },
}

#[derive(Args)]
struct Run {
    /// Issuer URL, or a target file (.toml).
    target: String,
    /// The provider's processes, comma-separated; adds to the target file's.
    #[arg(long, value_delimiter = ',')]
    pid: Vec<u32>,
    /// A second provider, measured in alternating rounds with the first.
    #[arg(long)]
    vs: Option<String>,
    #[arg(long, value_delimiter = ',')]
    pid2: Vec<u32>,
    /// Which scenarios, comma-separated; all by default.
    #[arg(long, short, value_delimiter = ',')]
    scenario: Vec<Scenario>,
    /// Override the target's client.
    #[arg(long)]
    client_id: Option<String>,
    #[arg(long)]
    client_secret: Option<String>,
    #[arg(long)]
    redirect_uri: Option<String>,
    /// Override the target's users; `{n}` stands for 1..=user-count.
    #[arg(long)]
    username: Option<String>,
    #[arg(long)]
    password: Option<String>,
    #[arg(long)]
    user_count: Option<usize>,
    /// Also write the results here, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    #[command(flatten)]
    limits: Limits,
}

#[derive(Args, Clone, Copy)]
struct Limits {
    /// Concurrent virtual users.
    #[arg(long, short, default_value_t = 16)]
    users: usize,
    /// Seconds per round.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// At most this many operations a round.
    #[arg(long, default_value_t = 1_000_000)]
    operations: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of unmeasured warm-up before the first round.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Seconds to wait after the warm-up, so that the memory of its sign-ins is given back before the
    /// peak is taken.
    #[arg(long, default_value_t = 0.0)]
    settle: f64,
    /// Refresh tokens minted per round of `revoke`.
    #[arg(long, default_value_t = 5000)]
    pool: usize,
    /// Seconds a request may take.
    #[arg(long, default_value_t = 30.0)]
    timeout: f64,
}

impl Limits {
    fn bounds(&self) -> Bounds {
        Bounds {
            users: self.users.clamp(1, 10_000),
            time: Duration::from_secs_f64(self.seconds.clamp(0.1, 600.0)),
            operations: self.operations,
            pool: self.pool,
            timeout: Duration::from_secs_f64(self.timeout.clamp(0.1, 600.0)),
        }
    }

    fn warmup(&self) -> Bounds {
        Bounds {
            time: Duration::from_secs_f64(self.warmup.clamp(0.0, 60.0)),
            pool: self.users,
            ..self.bounds()
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("oidcload: {e}");
            return ExitCode::from(2);
        }
    };
    let result = match cli.command {
        Command::Run(run) => runtime.block_on(measure(&run)),
        Command::Keygen { out, alg, kid } => keygen(&out, &alg, &kid).map(|()| true),
        Command::Get { url, pid, limits } => runtime.block_on(get(&url, pid, &limits)),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(fault) => {
            eprintln!("oidcload: {fault}");
            ExitCode::from(2)
        }
    }
}

/// Runs what was asked. `Ok(false)`: it ran, and there were errors.
async fn measure(run: &Run) -> Outcome<bool> {
    let bounds = run.limits.bounds();
    let mut providers =
        vec![Provider::connect(target(run, &run.target, &run.pid)?, bounds.timeout).await?];
    if let Some(second) = &run.vs {
        providers.push(Provider::connect(target(run, second, &run.pid2)?, bounds.timeout).await?);
    }
    for pid in providers.iter().flat_map(|p| &p.target.pids) {
        if !process::alive(*pid) {
            return Err(Fault::new(format!("no process {pid}")));
        }
    }
    let scenarios =
        if run.scenario.is_empty() { Scenario::ALL.to_vec() } else { run.scenario.clone() };
    let mut report = Report {
        users: bounds.users,
        seconds_per_round: bounds.time.as_secs_f64(),
        rounds: run.limits.rounds,
        results: Vec::new(),
        ratios: Vec::new(),
        skipped: Vec::new(),
    };
    for scenario in scenarios {
        compare(&providers, scenario, &run.limits, &mut report).await;
    }
    print!("{}", report.table());
    if let Some(path) = &run.json {
        let text = serde_json::to_string_pretty(&report).map_err(|e| Fault::new(e.to_string()))?;
        std::fs::write(path, text).map_err(|e| Fault::new(format!("{}: {e}", path.display())))?;
    }
    Ok(report.results.iter().all(|line| line.errors.is_empty()))
}

/// One scenario on every provider: warm up, then A B A B.
async fn compare(
    providers: &[Rc<Provider>],
    scenario: Scenario,
    limits: &Limits,
    report: &mut Report,
) {
    let bounds = limits.bounds();
    let mut crews: Vec<Vec<VirtualUser>> = Vec::new();
    for provider in providers {
        let crew: Outcome<Vec<_>> =
            (0..bounds.users).map(|n| VirtualUser::new(provider, scenario, n, &bounds)).collect();
        match crew {
            Ok(crew) => crews.push(crew),
            Err(fault) => {
                let name = &provider.target.name;
                report.skipped.push(format!("{}: {name}: {fault}", scenario.name()));
                return;
            }
        }
    }
    for crew in &mut crews {
        let (back, _) = round::round(std::mem::take(crew), &limits.warmup()).await;
        *crew = back;
    }
    tokio::time::sleep(Duration::from_secs_f64(limits.settle.clamp(0.0, 60.0))).await;
    for provider in providers {
        process::reset_peak(&provider.target.pids);
    }
    let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); crews.len()];
    let bare = providers[0].target.bare.as_ref();
    let (mut nothing, mut parts) = (Vec::new(), Vec::new());
    for _ in 0..limits.rounds.max(1) {
        if let Some(bare) = bare {
            nothing.extend(yardstick(bare, &bare.url, &bounds).await);
            if let Some(url) = bare.parts.get(scenario.name()) {
                parts.extend(yardstick(bare, url, &bounds).await);
            }
        }
        for (crew, rounds) in crews.iter_mut().zip(&mut rounds) {
            let (back, round) = round::round(std::mem::take(crew), &bounds).await;
            *crew = back;
            let broken = round.latencies.is_empty() && round.error_count() > 0;
            rounds.push(round);
            if broken {
                break;
            }
        }
    }
    report.add(providers, scenario, &rounds, &nothing, &parts);
}

/// A second of a bare handler, right before the round it is held against.
async fn yardstick(bare: &Bare, url: &str, bounds: &Bounds) -> Option<Round> {
    let url = url::Url::parse(url).ok()?;
    let bounds = Bounds { time: Duration::from_secs(1).min(bounds.time), ..*bounds };
    Some(round::plain_round(&url, &[bare.pid], &bounds).await)
}

fn target(run: &Run, text: &str, pids: &[u32]) -> Outcome<Target> {
    let mut target = Target::load(text)?;
    target.pids.extend(pids);
    let client = &mut target.client;
    for (value, place) in [
        (&run.client_id, &mut client.id),
        (&run.client_secret, &mut client.secret),
        (&run.redirect_uri, &mut client.redirect_uri),
        (&run.username, &mut target.user.name),
        (&run.password, &mut target.user.password),
    ] {
        if let Some(value) = value {
            place.clone_from(value);
        }
    }
    if let Some(count) = run.user_count {
        target.user.count = count;
    }
    Ok(target)
}

fn keygen(out: &PathBuf, alg: &str, kid: &str) -> Outcome<()> {
    let (der, jwk) = oidc::generate_key(alg, kid)?;
    std::fs::write(out, der).map_err(|e| Fault::new(format!("{}: {e}", out.display())))?;
    println!("{jwk}");
    Ok(())
}

async fn get(url: &str, pids: Vec<u32>, limits: &Limits) -> Outcome<bool> {
    let url = url::Url::parse(url)?;
    let bounds = limits.bounds();
    let mut rounds = Vec::new();
    for n in 0..=limits.rounds.max(1) {
        let bounds = if n == 0 { limits.warmup() } else { bounds };
        let round = round::plain_round(&url, &pids, &bounds).await;
        if n > 0 {
            rounds.push(round);
        } else {
            process::reset_peak(&pids);
        }
    }
    let peak = process::usage(&pids).peak_rss_kib;
    let line = Summary::of("get", &url.authority, &rounds, !pids.is_empty(), peak);
    let clean = line.errors.is_empty();
    let report = Report {
        users: bounds.users,
        seconds_per_round: bounds.time.as_secs_f64(),
        rounds: limits.rounds,
        results: vec![line],
        ratios: Vec::new(),
        skipped: Vec::new(),
    };
    print!("{}", report.table());
    Ok(clean)
}
