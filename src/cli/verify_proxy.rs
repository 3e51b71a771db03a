//! `verify-proxy`: the sidecar.

use super::context::text_file;
use super::output::CliError;
use crate::config::LogConfig;
use crate::server::verify_proxy::{self, VerifyProxy};
use crate::verifier::StalenessPolicy;
use crate::verifier::forward_auth::Told;
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The longest file with a secret, in bytes.
const MAX_SECRET: u64 = 4096;

/// Flags of the sidecar.
#[derive(Args)]
pub struct VerifyProxyFlags {
    /// Whose tokens are accepted, such as https://login.example.com
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// Whom tokens must be for; may be repeated, and any of them does [default: the issuer]
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// Where the proxy asks
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The shared revocation list; the provider's feed is read while it is away
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Does not read the provider's feed of revocations
    #[arg(long)]
    no_feed: bool,
    /// Keeps keys and revocations here, so that a restart does not need the provider
    #[arg(long, value_name = "DIRECTORY")]
    keep_in: Option<PathBuf>,
    /// What to do while the revocation list is out of date
    #[arg(long, value_enum, default_value_t = Staleness::Standard)]
    staleness: Staleness,
    /// Where clients reach the services, for DPoP proofs; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Which proxy asks: its headers say what it was asked for
    #[arg(long, value_enum, default_value_t = Proxy::Nginx)]
    proxy: Proxy,
    /// A PEM file with a further trust anchor for calls to the issuer
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The client that asks the provider about opaque tokens
    #[arg(long, value_name = "CLIENT_ID", requires = "introspect_secret_file")]
    introspect_as: Option<String>,
    /// A file with that client's secret
    #[arg(long, value_name = "FILE", requires = "introspect_as")]
    introspect_secret_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Staleness {
    /// 503
    Strict,
    /// Goes on for a minute, then 503
    Standard,
    /// Goes on until tokens expire
    Relaxed,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Proxy {
    /// X-Original-Method and X-Original-URI, which the configuration in the documentation sets
    Nginx,
    /// X-Forwarded-Method and X-Forwarded-Uri
    Traefik,
}

/// Runs the sidecar.
pub fn run(flags: &VerifyProxyFlags, json: bool) -> Result<(), CliError> {
    let mut log = LogConfig::default();
    if json {
        log.format = crate::config::LogFormat::Json;
    }
    let settings = VerifyProxy {
        issuer: flags.issuer.clone(),
        audiences: flags.audience.clone(),
        listen: flags.listen,
        redis_url: flags.redis_url.clone(),
        feed: !flags.no_feed,
        keep_in: flags.keep_in.clone(),
        staleness: match flags.staleness {
            Staleness::Strict => StalenessPolicy::Strict,
            Staleness::Standard => StalenessPolicy::Standard,
            Staleness::Relaxed => StalenessPolicy::Relaxed,
        },
        origins: flags.origin.clone(),
        told: match flags.proxy {
            Proxy::Nginx => Told::Original,
            Proxy::Traefik => Told::Forwarded,
        },
        ca: flags.ca.clone(),
        introspect_as: introspect_as(flags)?,
        log,
    };
    crate::server::block_on(verify_proxy::run(settings)).map_err(CliError::from)
}

fn introspect_as(flags: &VerifyProxyFlags) -> Result<Option<(String, String)>, CliError> {
    let (Some(id), Some(path)) = (&flags.introspect_as, &flags.introspect_secret_file) else {
        return Ok(None);
    };
    let secret = text_file("--introspect-secret-file", path, MAX_SECRET)?;
    Ok(Some((id.clone(), secret.trim_end_matches(['\r', '\n']).to_owned())))
}
