//! What handlers share.

use super::edge::{Cookies, EdgePolicy};
use crate::domain::Provider;
use crate::protocol::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What handlers share. Clones are cheap.
#[derive(Clone)]
pub struct State {
    pub provider: Arc<Provider>,
    pub cookies: Cookies,
    pub edge: Arc<EdgePolicy>,
    pub started_at: Timestamp,
    pub readiness: Readiness,
}

impl State {
    /// The state of a provider that starts now.
    pub fn new(provider: Arc<Provider>, edge: Arc<EdgePolicy>) -> Self {
        Self {
            cookies: Cookies::for_issuer(&provider.issuer),
            started_at: provider.now(),
            readiness: Readiness::default(),
            provider,
            edge,
        }
    }
}

/// Whether a load balancer should send requests here.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<AtomicBool>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Readiness {
    /// Whether we take requests.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// No more requests: we are about to stop.
    pub fn turn_off(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
