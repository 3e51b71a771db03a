//! One line in the log, and one count, for each request.

use super::code::RequestCode;
use super::error::NotedFault;
use super::metrics;
use super::policy::EdgePolicy;
use super::request::Origin;
use crate::protocol::time::monotonic;
use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The target of access lines, so that `log.filter` can name them.
pub const TARGET: &str = "countersign::access";

/// A request on its way.
pub struct Visit {
    pub origin: Origin,
    pub method: Method,
    pub endpoint: &'static str,
    started: Instant,
}

impl Visit {
    /// A request that has just come in.
    pub fn begin(origin: Origin, method: Method, path: &str) -> Self {
        Self { origin, method, endpoint: metrics::endpoint(path), started: monotonic() }
    }

    /// The code of the request.
    pub const fn code(&self) -> RequestCode {
        self.origin.code
    }

    /// Counts and logs the answer. `route` is the pattern that matched, never the address itself:
    /// queries hold codes. A document that is the same for everyone is a line only when asked for.
    pub fn end(&self, policy: &EdgePolicy, status: StatusCode, route: impl FnOnce() -> String) {
        let took = self.started.elapsed();
        policy.metrics.answered(self.endpoint, status.as_u16(), took);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET,
                    method = %self.method,
                    route = route(),
                    status = status.as_u16(),
                    duration_ms = milliseconds(took),
                    request_code = %self.origin.code,
                    address = %Shown(self.origin.address),
                    "answered"
                )
            };
        }
        match status.is_success() && metrics::is_public(self.endpoint) {
            true => line!(debug),
            false => line!(info),
        }
    }

    /// Whether `path` is the endpoint and nothing more, so that it needs no pattern to be shown.
    pub fn is_at(&self, path: &str) -> bool {
        path.strip_prefix('/') == Some(self.endpoint)
    }

    /// Logs a fault of ours once, with what is needed to find it again.
    pub fn log_fault(&self, policy: &EdgePolicy, response: &HttpResponse) {
        if let Some(NotedFault(causes)) = response.extensions().get::<NotedFault>() {
            policy.metrics.faults.inc();
            let code = self.origin.code;
            tracing::error!(request_code = %code, endpoint = self.endpoint, causes, "request failed");
        }
    }
}

/// Milliseconds with three digits after the point.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

struct Shown(Option<IpAddr>);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_the_log_has_three_digits_after_the_point() {
        for (nanoseconds, shown) in
            [(514_647, "0.515"), (2_000_000, "2"), (1_234_567_890, "1234.568"), (499, "0")]
        {
            assert_eq!(milliseconds(Duration::from_nanos(nanoseconds)).to_string(), shown);
        }
    }
}
