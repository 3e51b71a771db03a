//! What the edge knows of the installation.

use super::code::RequestCodes;
use super::hosts::Hosts;
use super::metrics::Metrics;
use crate::config::Config;
use crate::protocol::random::Random;
use ipnet::IpNet;
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long an answer to [`LONG_POLL`] may take: waiting is what it is for.
const LONG_POLL_DEADLINE: Duration = Duration::from_secs(40);
/// The feed of revocations.
const LONG_POLL: &str = "/revocations";

/// What the edge knows of the installation; one for the process.
pub struct EdgePolicy {
    pub hosts: Hosts,
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the issuer is https, so that browsers are told to keep to it.
    pub https: bool,
    pub codes: RequestCodes,
    pub metrics: Arc<Metrics>,
    /// How long an answer may take.
    pub deadline: Duration,
}

impl EdgePolicy {
    /// The policy of an installation.
    pub fn new(config: &Config, random: &dyn Random) -> Self {
        let mut key = [0; 8];
        random.fill(&mut key);
        Self {
            hosts: Hosts::new(&config.issuer, config.listen),
            trusted_proxies: config.trusted_proxies.clone(),
            https: config.issuer.starts_with("https:"),
            codes: RequestCodes::new(u64::from_ne_bytes(key)),
            metrics: Arc::default(),
            deadline: DEADLINE,
        }
    }

    /// How long the answer to a request for `path` may take.
    pub fn deadline_for(&self, path: &str) -> Duration {
        match path {
            LONG_POLL => LONG_POLL_DEADLINE,
            _ => self.deadline,
        }
    }
}
