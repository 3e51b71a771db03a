//! A round: virtual users at work until the time or the count is used up, and what it cost.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use crate::fault::{Fault, Outcome};
use crate::http::{Agent, Request};
use crate::process;
use crate::scenario::{Bounds, Scenario, VirtualUser};
use crate::stats::Round;
use crate::url::Url;

/// A user that fails this often in a row stops, so that a broken server is not hammered.
const MOST_FAILURES: u32 = 20;

/// When a round ends, shared by its users.
#[derive(Clone)]
struct Budget {
    end: Instant,
    operations: Rc<Cell<u64>>,
}

impl Budget {
    /// The moment an operation begins, or none when the round is over.
    fn begin(&self) -> Option<Instant> {
        let now = Instant::now();
        let left = self.operations.get();
        if now >= self.end || left == 0 {
            return None;
        }
        self.operations.set(left - 1);
        Some(now)
    }
}

/// What one user did.
#[derive(Default)]
struct Tally {
    latencies: Vec<u32>,
    errors: BTreeMap<String, u64>,
    connects: u64,
}

impl Tally {
    fn succeeded(&mut self, start: Instant) {
        self.latencies.push(start.elapsed().as_micros().min(u128::from(u32::MAX)) as u32);
    }

    fn failed(&mut self, kind: String) {
        *self.errors.entry(kind).or_insert(0) += 1;
    }
}

/// One round of a scenario. Gives the users back, for the next round, with what was measured.
pub async fn round(users: Vec<VirtualUser>, bounds: &Bounds) -> (Vec<VirtualUser>, Round) {
    let pids = users.first().map_or(Vec::new(), |user| user.provider.target.pids.clone());
    let share = bounds.pool.div_ceil(bounds.users.max(1));
    let mut unprepared = Tally::default();
    let mut ready = Vec::with_capacity(users.len());
    for mut user in users {
        if let Err(fault) = user.prepare(share).await {
            unprepared.failed(format!("prepare: {fault}"));
        }
        user.agent.connects = 0;
        ready.push(user);
    }
    let (mut back, mut round) =
        measure(&pids, bounds, ready, |user, budget| repeat(user, budget, share)).await;
    add_errors(&mut round, unprepared.errors);
    if let Some(Err(fault)) = match back.first_mut() {
        Some(user) => Some(user.check_revoked().await),
        None => None,
    } {
        *round.errors.entry(fault.0).or_insert(0) += 1;
    }
    (back, round)
}

/// A round of bare GETs that must answer 200: what generator, loopback and an HTTP server can do
/// at most, before any OpenID Connect.
pub async fn plain_round(url: &Url, pids: &[u32], bounds: &Bounds) -> Round {
    let agents = (0..bounds.users).map(|_| Agent::new(bounds.timeout)).collect();
    measure(pids, bounds, agents, |agent, budget| repeat_get(agent, url.clone(), budget)).await.1
}

/// Runs `work` for every worker at once and takes the time, also the processor's.
async fn measure<W, F>(
    pids: &[u32],
    bounds: &Bounds,
    workers: Vec<W>,
    work: impl Fn(W, Budget) -> F,
) -> (Vec<W>, Round)
where
    W: 'static,
    F: Future<Output = (W, Tally)> + 'static,
{
    let local = LocalSet::new();
    let before = (process::usage(pids).cpu_seconds, process::own_cpu_seconds());
    let start = Instant::now();
    let operations = Rc::new(Cell::new(bounds.operations));
    let budget = Budget { end: start + bounds.time, operations };
    let tasks: Vec<_> =
        workers.into_iter().map(|worker| local.spawn_local(work(worker, budget.clone()))).collect();
    let (mut back, mut round) = (Vec::with_capacity(tasks.len()), Round::default());
    local
        .run_until(async {
            for task in tasks {
                let Ok((worker, tally)) = task.await else {
                    add_errors(&mut round, [("virtual user panicked".to_owned(), 1)]);
                    continue;
                };
                round.latencies.extend(tally.latencies);
                add_errors(&mut round, tally.errors);
                round.connects += tally.connects;
                back.push(worker);
            }
        })
        .await;
    round.seconds = start.elapsed().as_secs_f64();
    round.server_cpu = process::usage(pids).cpu_seconds - before.0;
    round.generator_cpu = process::own_cpu_seconds() - before.1;
    (back, round)
}

fn add_errors(round: &mut Round, errors: impl IntoIterator<Item = (String, u64)>) {
    for (kind, count) in errors {
        *round.errors.entry(kind).or_insert(0) += count;
    }
}

async fn repeat(mut user: VirtualUser, budget: Budget, share: usize) -> (VirtualUser, Tally) {
    let mut tally = Tally::default();
    let mut failures = 0;
    while let Some(start) = budget.begin() {
        match user.step().await {
            Ok(true) => {
                tally.succeeded(start);
                failures = 0;
            }
            Ok(false) => break,
            Err(fault) => {
                tally.failed(fault.0);
                failures += 1;
                if failures >= MOST_FAILURES {
                    break;
                }
                recover(&mut user, share, &mut tally).await;
            }
        }
    }
    tally.connects = user.agent.connects;
    (user, tally)
}

async fn recover(user: &mut VirtualUser, share: usize, tally: &mut Tally) {
    tokio::time::sleep(Duration::from_millis(10)).await;
    if user.scenario == Scenario::Revoke {
        return;
    }
    if let Err(fault) = user.prepare(share).await {
        tally.failed(format!("prepare: {fault}"));
    }
}

async fn repeat_get(mut agent: Agent, url: Url, budget: Budget) -> (Agent, Tally) {
    let mut tally = Tally::default();
    while let Some(start) = budget.begin() {
        match plain_get(&mut agent, &url).await {
            Ok(()) => tally.succeeded(start),
            Err(fault) => {
                tally.failed(fault.0);
                break;
            }
        }
    }
    tally.connects = agent.connects;
    (agent, tally)
}

async fn plain_get(agent: &mut Agent, url: &Url) -> Outcome<()> {
    match agent.send(&Request::get(url)).await?.status {
        200 => Ok(()),
        status => Err(Fault::new(format!("http {status}"))),
    }
}
