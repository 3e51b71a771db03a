//! What handlers share.

use super::edge::{Cookies, EdgePolicy, Readiness};
use crate::domain::Provider;
use crate::protocol::time::Timestamp;
use std::sync::Arc;

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
            readiness: edge.readiness.clone(),
            provider,
            edge,
        }
    }
}
