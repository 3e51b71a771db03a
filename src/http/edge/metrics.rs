//! What the process counts, in the OpenMetrics text format.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    endpoint: &'static str,
    status: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    endpoint: &'static str,
}

/// The counters of the process.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Timed, Histogram, fn() -> Histogram>,
    /// Panics that cost a request.
    pub panics: Counter,
    /// Requests whose answer took too long.
    pub deadlines: Counter,
    /// Faults of ours that a request met.
    pub faults: Counter,
    /// Failures of background work, most of them the database's.
    pub background_failures: Counter,
    /// Entries of the revocation list.
    pub revocations: Gauge,
    /// The last entry taken into the revocation list.
    pub revocation_seq: Gauge,
    /// 1 while the shared revocation list is written, 0 while it cannot be.
    pub redis_up: Gauge,
    /// Entries of the database that are not in Redis yet.
    pub redis_lag: Gauge,
    /// 1 while attempts are counted in Redis, by all instances together.
    pub counters_shared: Gauge,
    /// 1 while the database answers.
    pub database_up: Gauge,
    /// By how many seconds our clock is ahead of that of the database.
    pub clock_skew: Gauge<f64, AtomicU64>,
    /// By how many seconds the clock of Redis is ahead of ours.
    pub redis_clock_skew: Gauge,
    /// 1 while the database keeps what it has acknowledged, as far as its settings say.
    pub database_durable: Gauge,
    /// How much of the disk of the SQLite file is used up, in percent.
    pub disk_used: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = || {
            Histogram::new([
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
            ])
        };
        let metrics = Self {
            registry: Registry::with_prefix("countersign"),
            requests: Family::default(),
            durations: Family::new_with_constructor(buckets),
            panics: Counter::default(),
            deadlines: Counter::default(),
            faults: Counter::default(),
            background_failures: Counter::default(),
            revocations: Gauge::default(),
            revocation_seq: Gauge::default(),
            redis_up: Gauge::default(),
            redis_lag: Gauge::default(),
            counters_shared: Gauge::default(),
            database_up: Gauge::default(),
            clock_skew: Gauge::default(),
            redis_clock_skew: Gauge::default(),
            database_durable: Gauge::default(),
            disk_used: Gauge::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        let requests = "Requests by endpoint and status";
        registry.register("http_requests", requests, self.requests.clone());
        let durations = "Time from the head of a request to the head of its answer";
        registry.register("http_request_duration_seconds", durations, self.durations.clone());
        for (name, help, counter) in [
            ("panics", "Panics that cost a request", &self.panics),
            ("deadlines", "Requests whose answer took too long", &self.deadlines),
            ("faults", "Faults of ours that a request met", &self.faults),
            ("background_failures", "Background work that failed", &self.background_failures),
        ] {
            registry.register(name, help, counter.clone());
        }
        for (name, help, gauge) in [
            ("revocations", "Entries of the revocation list", &self.revocations),
            ("revocation_seq", "Last entry of the revocation list", &self.revocation_seq),
            ("redis_up", "Whether the shared revocation list is written", &self.redis_up),
            ("redis_lag", "Revocations that are not in Redis yet", &self.redis_lag),
            ("counters_shared", "Whether attempts are counted in Redis", &self.counters_shared),
            ("database_up", "Whether the database answers", &self.database_up),
            (
                "redis_clock_skew_seconds",
                "By how much the clock of Redis is ahead of ours",
                &self.redis_clock_skew,
            ),
            ("database_durable", "Whether no setting lets it lose commits", &self.database_durable),
            ("disk_used_percent", "How full the disk of the SQLite file is", &self.disk_used),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let skew = "By how much our clock is ahead of that of the database";
        registry.register("clock_skew_seconds", skew, self.clock_skew.clone());
        self
    }

    /// Counts an answered request.
    pub fn answered(&self, endpoint: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Answered { endpoint, status: status.into() }).inc();
        self.durations.get_or_create(&Timed { endpoint }).observe(took.as_secs_f64());
    }

    /// Everything that is counted, as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes what is written to it");
        text
    }
}

/// The endpoint that a path belongs to: few and fixed, so that strangers cannot make up more.
pub fn endpoint(path: &str) -> &'static str {
    const ENDPOINTS: [&str; 29] = [
        "token",
        "authorize",
        "par",
        "userinfo",
        "introspect",
        "revoke",
        "register",
        "device_authorization",
        "backchannel_authentication",
        "device",
        "login",
        "select",
        "consent",
        "jwks",
        "logo",
        "sign-up",
        "logout",
        "session",
        "revocations",
        "auth",
        "status",
        "account",
        "admin",
        "testing",
        "static",
        "setup",
        "livez",
        "readyz",
        "healthz",
    ];
    let segment = path.get(1..).and_then(|path| path.split(['/', '.']).next()).unwrap_or_default();
    match segment {
        "" if path == "/" => "home",
        "" if path.starts_with("/.well-known/") => "discovery",
        _ => ENDPOINTS.into_iter().find(|endpoint| *endpoint == segment).unwrap_or("other"),
    }
}

/// Whether the endpoint gives everyone the same document.
pub fn is_public(endpoint: &str) -> bool {
    matches!(endpoint, "discovery" | "jwks" | "static" | "livez" | "readyz" | "healthz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_counts_under_its_endpoint() {
        let cases = [
            ("/token", "token"),
            ("/admin/users/1", "admin"),
            ("/device_authorization", "device_authorization"),
            ("/device", "device"),
            ("/jwks.json", "jwks"),
            ("/.well-known/openid-configuration", "discovery"),
            ("/", "home"),
            ("/backchannel_authentication", "backchannel_authentication"),
            ("/session/check", "session"),
            ("/made-up", "other"),
            ("/home", "other"),
        ];
        for (path, expected) in cases {
            assert_eq!(endpoint(path), expected, "{path}");
        }
    }

    #[test]
    fn the_text_has_what_was_counted() {
        let metrics = Metrics::default();
        metrics.answered("token", 200, Duration::from_millis(3));
        metrics.panics.inc();
        let text = metrics.text();
        let line = r#"countersign_http_requests_total{endpoint="token",status="200"} 1"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains("countersign_panics_total 1"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
