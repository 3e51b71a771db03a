//! Work that goes on beside the requests.

mod clock;
mod lookout;

use crate::domain::outbox::Worker;
use crate::domain::revocation::redis::RedisRelay;
use crate::domain::{Provider, audit_chain, housekeeping, keys};
use crate::http::State;
use crate::http::edge::Metrics;
use crate::http::edge::error::causes;
use crate::protocol::error::OAuthError;
use crate::storage::settings;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

/// How soon changes by other instances are seen.
const FOLLOW: Duration = Duration::from_millis(250);
/// How often the relay to Redis is looked at.
const WATCH: Duration = Duration::from_secs(1);
/// How often keys are looked at.
const KEYS: Duration = Duration::from_secs(1);
/// How often the audit log is looked at for what can be sealed.
const SEAL: Duration = Duration::from_secs(10);
/// How often what has expired is removed.
const SWEEP: Duration = Duration::from_secs(30);

/// The tasks of a running provider; they end when this is stopped or dropped.
pub struct Background {
    tasks: JoinSet<()>,
    relaying: Option<JoinHandle<()>>,
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(relaying) = &self.relaying {
            relaying.abort();
        }
    }
}

impl Background {
    /// Starts the tasks.
    pub fn start(state: &State, relay: Option<RedisRelay>) -> Self {
        let mut tasks = JoinSet::new();
        let provider = &state.provider;
        let metrics = &state.edge.metrics;
        tasks.spawn(follow(provider.clone(), metrics.clone()));
        tasks.spawn(advance_keys(provider.clone(), metrics.clone()));
        tasks.spawn(deliver(provider.clone(), metrics.clone()));
        tasks.spawn(seal_audit(provider.clone(), metrics.clone()));
        tasks.spawn(count_together(provider.clone(), metrics.clone()));
        tasks.spawn(sweep(provider.clone(), metrics.clone()));
        if provider.clock.guard().is_some() {
            tasks.spawn(clock::watch(provider.clone(), metrics.clone()));
        }
        tasks.spawn(lookout::watch(provider.clone(), metrics.clone()));
        let relaying = relay.map(|relay| {
            tasks.spawn(wake(relay.clone(), provider.revocation.changed(), metrics.clone()));
            relay.spawn()
        });
        Self { tasks, relaying }
    }

    /// Ends the tasks.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Wakes the relay to Redis whenever something was revoked here, and watches how it does.
async fn wake(relay: RedisRelay, changed: Arc<Notify>, metrics: Arc<Metrics>) {
    let mut ticks = interval(WATCH);
    loop {
        tokio::select! {
            () = changed.notified() => relay.notify(),
            _ = ticks.tick() => {
                let status = relay.status();
                metrics.redis_up.set((status.connected && status.policy_ok).into());
                metrics.redis_lag.set(status.lag);
                metrics.redis_clock_skew.set(status.clock_skew);
            }
        }
    }
}

/// Keeps the counters of all instances, and watches how that goes.
async fn count_together(provider: Arc<Provider>, metrics: Arc<Metrics>) {
    let throttle = &provider.throttle;
    let mut ticks = interval(WATCH);
    let watched = async {
        loop {
            ticks.tick().await;
            metrics.counters_shared.set(throttle.is_shared().into());
        }
    };
    tokio::join!(throttle.keep_shared(), watched);
}

/// Takes in what other instances have changed: clients, keys, revocations.
async fn follow(provider: Arc<Provider>, metrics: Arc<Metrics>) {
    let mut ticks = interval(FOLLOW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::new("changes cannot be read from the database", metrics.clone());
    let mut version = None;
    loop {
        ticks.tick().await;
        let caught_up = catch_up(&provider, &mut version).await;
        metrics.database_up.set(caught_up.is_ok().into());
        outage.note(caught_up);
    }
}

async fn catch_up(provider: &Provider, version: &mut Option<String>) -> Result<(), OAuthError> {
    let read = provider.db.read(|conn| settings::find(conn, settings::CACHE_VERSION)).await?;
    if *version != read {
        provider.forget();
        provider.upstreams.reload(&provider.db).await?;
        keys::reload(provider).await?;
        *version = read;
    }
    Ok(provider.revocation.catch_up(&provider.db).await?)
}

async fn advance_keys(provider: Arc<Provider>, metrics: Arc<Metrics>) {
    let mut ticks = interval(KEYS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::new("keys cannot be moved on", metrics);
    loop {
        ticks.tick().await;
        // The time of a key must have come for everybody.
        if provider.clock_deviation().is_some() {
            continue;
        }
        outage.note(keys::advance(&provider).await);
    }
}

/// Sends what clients must be told.
async fn deliver(provider: Arc<Provider>, metrics: Arc<Metrics>) {
    let mut outage = Outage::new("messages to clients cannot be read from the database", metrics);
    let mut worker = Worker::new(provider.clone());
    loop {
        // A token that says when somebody was signed out must be right about it.
        if provider.clock_deviation().is_some() {
            tokio::time::sleep(FOLLOW).await;
            continue;
        }
        let done = worker.step().await;
        let is_out = done.is_err();
        outage.note(done.map_err(OAuthError::from));
        if is_out {
            tokio::time::sleep(FOLLOW).await;
        }
    }
}

async fn seal_audit(provider: Arc<Provider>, metrics: Arc<Metrics>) {
    let mut ticks = interval(SEAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::new("the audit log cannot be sealed", metrics);
    loop {
        ticks.tick().await;
        outage.note(audit_chain::seal(&provider).await.map(drop).map_err(OAuthError::from));
    }
}

async fn sweep(provider: Arc<Provider>, metrics: Arc<Metrics>) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::new("what has expired cannot be removed", metrics);
    loop {
        ticks.tick().await;
        // What has expired by a wrong clock, others still need.
        if provider.clock_deviation().is_some() {
            continue;
        }
        match housekeeping::run_once(&provider).await {
            Ok(0) => outage.note(Ok(())),
            Ok(expired) => {
                tracing::debug!(expired, "removed what had expired");
                outage.note(Ok(()));
            }
            Err(error) => outage.note(Err(error.into())),
        }
    }
}

/// Logs the start and the end of an outage, and nothing in between.
struct Outage {
    what: &'static str,
    is_out: bool,
    metrics: Arc<Metrics>,
}

impl Outage {
    fn new(what: &'static str, metrics: Arc<Metrics>) -> Self {
        Self { what, is_out: false, metrics }
    }

    fn note(&mut self, outcome: Result<(), OAuthError>) {
        match outcome {
            Ok(()) if self.is_out => {
                tracing::info!("over: {}", self.what);
                self.is_out = false;
            }
            Ok(()) => {}
            Err(error) => {
                self.metrics.background_failures.inc();
                if !self.is_out {
                    tracing::error!(causes = causes(&error), "{}", self.what);
                }
                self.is_out = true;
            }
        }
    }
}
