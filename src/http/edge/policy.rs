//! What the edge knows of the installation.

use super::certificate::CertificateHeader;
use super::code::RequestCodes;
use super::hosts::Hosts;
use super::metrics::Metrics;
use super::readiness::Readiness;
use crate::config::{Config, ForwardedHeader, MtlsConfig};
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
    /// Where those proxies name the client.
    pub forwarded_header: ForwardedHeader,
    /// Where those proxies put client certificates, if they do.
    pub certificate_header: Option<CertificateHeader>,
    /// Whether the issuer is https, so that browsers are told to keep to it.
    pub https: bool,
    pub codes: RequestCodes,
    pub metrics: Arc<Metrics>,
    /// How long an answer may take.
    pub deadline: Duration,
    pub readiness: Readiness,
}

impl EdgePolicy {
    /// The policy of an installation.
    pub fn new(config: &Config, random: &dyn Random) -> Self {
        let mut key = [0; 8];
        random.fill(&mut key);
        Self {
            hosts: Hosts::new(&config.issuer, config.listen, config.mtls.url.as_deref()),
            certificate_header: certificate_header(&config.mtls),
            trusted_proxies: config.trusted_proxies.clone(),
            forwarded_header: config.forwarded_header,
            https: config.issuer.starts_with("https:"),
            codes: RequestCodes::new(u64::from_ne_bytes(key)),
            metrics: Arc::default(),
            deadline: DEADLINE,
            readiness: Readiness::default(),
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

/// The check of the settings has seen that the name is one.
fn certificate_header(config: &MtlsConfig) -> Option<CertificateHeader> {
    let name = config.certificate_header.as_deref()?.parse().ok()?;
    Some(CertificateHeader { name, format: config.certificate_header_format })
}
