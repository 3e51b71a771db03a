//! Settings: flags, then `COUNTERSIGN_*` variables, then `countersign.toml`, then the defaults here.
//!
//! A section goes whole to the one service that reads it; nothing below the composition root sees
//! [`Config`].

pub mod check;
mod layers;
pub mod load;
pub mod master_key;
mod registration;
mod requests;
mod revocation;
mod testing;

pub use registration::{RegistrationConfig, RegistrationMode};
pub use requests::{ByReference, RequestConfig};
pub use revocation::RevocationConfig;
pub use testing::TestingConfig;

use crate::protocol::time::Lifetime;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything an operator can set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Our `iss` (RFC 8414 §2): https, or http for this machine; no query, no fragment.
    pub issuer: String,
    /// Where the provider listens.
    pub listen: SocketAddr,
    /// `sqlite://PATH` or `postgres://…`.
    pub database_url: String,
    /// The shared revocation list; without it the list lives in this process and the database.
    pub redis_url: Option<String>,
    /// 32 bytes as hexadecimal or base64url, under which keys are sealed.
    pub master_key: Option<String>,
    /// PEM files: with both the provider serves https itself.
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Addresses or networks whose forwarded headers are believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// The one header by which those proxies name the client.
    pub forwarded_header: ForwardedHeader,
    /// Where metrics are served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// What people who are blocked are told to ask.
    pub support_contact: String,
    pub tokens: TokenConfig,
    pub sessions: SessionConfig,
    pub requests: RequestConfig,
    pub registration: RegistrationConfig,
    pub revocation: RevocationConfig,
    pub outbound: OutboundConfig,
    pub mtls: MtlsConfig,
    pub features: FeatureConfig,
    pub testing: TestingConfig,
    pub log: LogConfig,
    pub server: ServerConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: "http://localhost:8080".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database_url: "sqlite://countersign.db".into(),
            redis_url: None,
            master_key: None,
            tls_cert: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            metrics_listen: None,
            support_contact: "your administrator".into(),
            tokens: TokenConfig::default(),
            sessions: SessionConfig::default(),
            requests: RequestConfig::default(),
            registration: RegistrationConfig::default(),
            revocation: RevocationConfig::default(),
            outbound: OutboundConfig::default(),
            mtls: MtlsConfig::default(),
            features: FeatureConfig::default(),
            testing: TestingConfig::default(),
            log: LogConfig::default(),
            server: ServerConfig::default(),
        }
    }
}

/// How long things that are issued stay good, in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenConfig {
    /// From the redirect until the code dies. RFC 6749 §4.1.2 allows 600 at most.
    pub authorization_code: Lifetime,
    /// Short, because the revocation list grows with it.
    pub access_token: Lifetime,
    pub id_token: Lifetime,
    /// A refresh token that is not used for this long dies.
    pub refresh_token_idle: Lifetime,
    /// A refresh token family dies this long after the sign-in, used or not.
    pub refresh_token_absolute: Lifetime,
    /// `aud` of access tokens that no other resource was named for; the issuer when absent.
    pub default_audience: Option<String>,
    /// Days after which signing keys are rotated by themselves.
    pub key_rotation_days: u32,
    /// Whether DPoP proofs need a nonce of ours (RFC 9449 §8): then no proof can be made ahead.
    pub require_dpop_nonce: bool,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            authorization_code: Lifetime::seconds(60),
            access_token: Lifetime::seconds(300),
            id_token: Lifetime::hours(1),
            refresh_token_idle: Lifetime::days(30),
            refresh_token_absolute: Lifetime::days(365),
            default_audience: None,
            key_rotation_days: 90,
            require_dpop_nonce: false,
        }
    }
}

impl TokenConfig {
    /// No access token that a service accepts lives longer than this.
    pub fn longest_life(&self) -> Lifetime {
        self.access_token.max(Lifetime::hours(1))
    }
}

/// How long browsers stay signed in, in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// Without "Keep me signed in", a browser that is not seen for this long is signed out.
    pub idle: Lifetime,
    /// Whatever happens, a session ends after this.
    pub absolute: Lifetime,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { idle: Lifetime::hours(12), absolute: Lifetime::days(30) }
    }
}

/// Calls that we make to addresses others gave us.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundConfig {
    /// Networks that may be called although they are private.
    pub allow: Vec<ipnet::IpNet>,
    /// A PEM file with a further trust anchor.
    pub ca: Option<PathBuf>,
}

/// Client certificates (RFC 8705): on a listener of our own, so that browsers on the other one are
/// never asked for theirs, or in a header of a trusted proxy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MtlsConfig {
    /// Where connections are asked for a certificate. Serves the endpoints for machines alone.
    pub listen: Option<SocketAddr>,
    /// How clients reach it; the issuer's host and this port when absent.
    pub url: Option<String>,
    /// PEM files; those of the other listener when absent.
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// A PEM file with the certificates that may vouch for clients, for `tls_client_auth`.
    pub trust_anchors: Option<PathBuf>,
    /// The header in which a trusted proxy hands on the certificate it was shown.
    pub certificate_header: Option<String>,
    pub certificate_header_format: CertificateFormat,
}

/// The header in which proxies name the client. One alone counts: what a proxy does not set, it passes
/// on as whoever calls it wrote it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, which nearly every proxy writes.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// How a proxy writes a certificate into a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateFormat {
    /// `:BASE64:`, with `Client-Cert-Chain` beside it (RFC 9440).
    #[default]
    Rfc9440,
    /// PEM with percent escapes, as nginx writes `$ssl_client_escaped_cert`.
    Pem,
}

/// What is off, and unlisted, until an operator wants it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureConfig {
    /// Response types that carry tokens through the browser (implicit, hybrid), for clients that
    /// register them. RFC 9700 §2.1.2 advises against them.
    pub legacy_response_types: bool,
    /// People may make accounts for themselves.
    pub sign_up: bool,
    /// Clients can watch from a frame whether somebody is signed in (OpenID Connect Session
    /// Management 1.0).
    pub session_management: bool,
}

/// What is logged, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `pretty` for people, `json` for machines.
    pub format: LogFormat,
    /// As `tracing` reads it, such as `info` or `countersign=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Pretty, filter: "info".into() }
    }
}

/// The look of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Pretty,
    Json,
}

/// The HTTP server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Threads that serve requests; as many as cores when 0.
    pub workers: usize,
    /// Threads that hash passwords; half the cores when 0.
    pub hash_threads: usize,
    /// Seconds between "not ready" and the close of the listeners at shutdown.
    pub drain_seconds: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { workers: 0, hash_threads: 0, drain_seconds: 5 }
    }
}
