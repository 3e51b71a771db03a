//! Whether we want requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
