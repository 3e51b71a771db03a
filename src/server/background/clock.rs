//! Looks after the clock: compares it, says when it is wrong, and when it is right again.

use super::Outage;
use crate::domain::{Provider, clock};
use crate::http::edge::Metrics;
use crate::protocol::error::OAuthError;
use crate::protocol::guarded_clock::GuardedClock;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often it is seen whether the clock has jumped.
const LOOK: Duration = Duration::from_secs(1);
/// How often the database is asked while the clock is right; while it is wrong, each time.
const COMPARE: Duration = Duration::from_secs(30);

/// Watches the clock for as long as the process runs.
pub(super) async fn watch(provider: Arc<Provider>, metrics: Arc<Metrics>) {
    let Some(guard) = provider.clock.guard() else { return };
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::new("the clock cannot be compared", metrics.clone());
    let (mut due, mut was_right) = (Instant::now(), true);
    loop {
        ticks.tick().await;
        if Instant::now() >= due || guard.deviation().is_some() {
            outage.note(clock::look(&provider, guard).await.map_err(OAuthError::from));
            due = Instant::now() + COMPARE;
        }
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        metrics.clock_skew.set(guard.skew() as f64 / 1000.0);
        was_right = tell(guard, was_right);
    }
}

/// Says what has changed, and whether the clock is right.
fn tell(guard: &GuardedClock, was_right: bool) -> bool {
    match guard.deviation() {
        Some(deviation) if was_right => {
            tracing::error!("{deviation}: nothing is issued until it is right");
        }
        None if !was_right => tracing::info!("the clock is right again"),
        _ => {}
    }
    guard.deviation().is_none()
}
