//! Which instance the next request goes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often an instance is asked whether it is ready.
const WATCH: Duration = Duration::from_millis(200);

/// Gives each request to the next instance, without affinity.
pub struct Balancer {
    instances: Vec<(String, AtomicBool)>,
    turn: AtomicUsize,
}

impl Balancer {
    /// All of them, ready or not.
    pub fn over(bases: &[&str]) -> Arc<Self> {
        let instances = bases.iter().map(|base| ((*base).to_owned(), AtomicBool::new(true)));
        Arc::new(Self { instances: instances.collect(), turn: AtomicUsize::new(0) })
    }

    /// Asks them from now on, and uses those that are ready.
    pub fn watch(self: &Arc<Self>) -> JoinHandle<()> {
        let balancer = self.clone();
        tokio::spawn(async move {
            let http = super::load::http(Duration::from_secs(1));
            loop {
                for (base, up) in &balancer.instances {
                    let is_ready = super::stage::is_ready(&http, base).await;
                    up.store(is_ready, Ordering::Relaxed);
                }
                tokio::time::sleep(WATCH).await;
            }
        })
    }

    /// The instance for a request.
    pub fn next(&self) -> &str {
        let count = self.instances.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..count).map(|step| &self.instances[(turn + step) % count]);
        let up = in_turn.clone().find(|(_, up)| up.load(Ordering::Relaxed));
        up.map_or(&self.instances[turn % count].0, |(base, _)| base)
    }
}
