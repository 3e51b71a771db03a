//! The rules that single settings and their combinations must keep.

mod mtls;
mod registration;

use super::Config;
use super::load::Problem;
use super::master_key;
use crate::protocol::connection_url;
use crate::protocol::redirect_uri::is_loopback;
use crate::protocol::time::Lifetime;
use openssl::pkey::PKey;
use openssl::x509::X509;
use std::path::Path;
use tracing_subscriber::EnvFilter;
use url::Url;

/// The keys that a command which only opens the database does not read.
pub(super) const SERVER_ONLY: [&str; 14] = [
    "master_key",
    "tls_cert",
    "tls_key",
    "outbound.ca",
    "redis_url",
    "log.filter",
    "metrics_listen",
    "mtls.listen",
    "mtls.url",
    "mtls.tls_cert",
    "mtls.tls_key",
    "mtls.trust_anchors",
    "mtls.certificate_header",
    "testing.ciba_secret",
];

/// Everything that is wrong with the settings.
pub fn problems(config: &Config) -> Vec<Problem> {
    let mut problems: Vec<Problem> = [
        issuer_problem(&config.issuer).map(|says| Problem::new("issuer", says)),
        database_problem(&config.database_url).map(|says| Problem::new("database_url", says)),
        redis_problem(config.redis_url.as_deref()).map(|says| Problem::new("redis_url", says)),
        master_key_problem(config).map(|says| Problem::new("master_key", says)),
        filter_problem(&config.log.filter),
    ]
    .into_iter()
    .flatten()
    .collect();
    problems.extend(tls_problems(config));
    problems.extend(mtls::problems(config));
    problems.extend(registration::problems(&config.registration));
    problems.extend(lifetime_problems(config));
    if config.testing.ciba_secret.as_ref().is_some_and(|secret| secret.len() < 32) {
        problems.push(Problem::new("testing.ciba_secret", "must have 32 characters or more"));
    }
    if config.metrics_listen == Some(config.listen) && config.listen.port() != 0 {
        problems.push(Problem::new("metrics_listen", "must be another address than listen"));
    }
    problems
}

/// Why a text cannot be our issuer. RFC 8414 §2 allows a path, and our endpoints are at the root.
fn issuer_problem(issuer: &str) -> Option<&'static str> {
    if let Some(says) = address_problem(issuer) {
        return Some(says);
    }
    let path = Url::parse(issuer).map(|url| url.path().to_owned()).unwrap_or_default();
    if path != "/" {
        return Some("must have no path: the endpoints are at the root of the host");
    }
    issuer.ends_with('/').then_some("must not end with a slash")
}

/// Why a text cannot be an address that others know us by.
fn address_problem(address: &str) -> Option<&'static str> {
    if address.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Some("must have no space and only ASCII characters");
    }
    let Ok(url) = Url::parse(address) else { return Some("must be an https address") };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Some("must be https; http is only for this machine (localhost)"),
        _ => return Some("must be an https address"),
    }
    if address.contains(['?', '#']) {
        return Some("must have neither a query nor a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() || address.contains('@') {
        return Some("must not have user information");
    }
    // Everyone compares the address byte by byte, so it has to be what a URL library makes of it.
    let as_written = url.as_str() == address || url.as_str().strip_suffix('/') == Some(address);
    (!as_written).then_some("must be in its simplest form: lower-case host, no default port, no ..")
}

fn database_problem(database_url: &str) -> Option<&'static str> {
    match database_url.split_once("://") {
        Some(("sqlite", path)) if path.starts_with(":memory:") => {
            Some("must name a file: what is in memory is gone after a restart")
        }
        Some(("sqlite", path)) if !path.is_empty() => None,
        Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => {
            connection_url::postgres_problem(database_url)
        }
        _ => Some("must be of the form sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME"),
    }
}

fn redis_problem(redis_url: Option<&str>) -> Option<&'static str> {
    if let Some(problem) = redis_url.and_then(connection_url::redis_problem) {
        return Some(problem);
    }
    let schemes = ["redis", "rediss", "redis+unix", "unix"];
    let several = ["redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"];
    let fits = |text: &str| match text.split_once("://") {
        Some((scheme, hosts)) if several.contains(&scheme) => {
            scheme.ends_with("cluster")
                || hosts.split_once('/').is_some_and(|(_, main)| !main.is_empty())
        }
        _ => Url::parse(text).is_ok_and(|url| schemes.contains(&url.scheme())),
    };
    (!redis_url.is_none_or(fits)).then_some(
        "must be of the form redis://HOST:PORT, redis+sentinel://HOST:PORT,…/MASTER or \
         redis+cluster://HOST:PORT,…",
    )
}

fn master_key_problem(config: &Config) -> Option<&'static str> {
    match config.master_key.as_deref() {
        Some(text) => master_key::parse(text).is_none().then_some(
            "must be 32 bytes as 64 hexadecimal digits or as base64url (openssl rand -hex 32)",
        ),
        None if master_key::embedded_path(&config.database_url).is_none() => {
            Some("is required with PostgreSQL, the same for every instance (openssl rand -hex 32)")
        }
        None => None,
    }
}

fn filter_problem(filter: &str) -> Option<Problem> {
    let error = EnvFilter::try_new(filter).err()?;
    Some(Problem::new("log.filter", error.to_string()))
}

fn tls_problems(config: &Config) -> Vec<Problem> {
    let (cert, key) = match (&config.tls_cert, &config.tls_key) {
        (Some(cert), Some(key)) => (cert, key),
        (None, None) => return ca_problem(config).into_iter().collect(),
        (Some(_), None) => return vec![Problem::new("tls_key", "is missing: tls_cert needs it")],
        (None, Some(_)) => return vec![Problem::new("tls_cert", "is missing: tls_key needs it")],
    };
    let mut problems: Vec<Problem> = ca_problem(config).into_iter().collect();
    let chain = read("tls_cert", cert, |pem| {
        X509::stack_from_pem(pem).ok().filter(|chain| !chain.is_empty())
    });
    let private = read("tls_key", key, |pem| PKey::private_key_from_pem(pem).ok());
    match (chain, private) {
        (Ok(chain), Ok(private)) => {
            let same = chain[0].public_key().is_ok_and(|public| public.public_eq(&private));
            if !same {
                problems.push(Problem::new("tls_key", "is not the key of the first certificate"));
            }
        }
        (chain, private) => problems.extend(chain.err().into_iter().chain(private.err())),
    }
    problems
}

fn ca_problem(config: &Config) -> Option<Problem> {
    let path = config.outbound.ca.as_deref()?;
    let parse = |pem: &[u8]| X509::stack_from_pem(pem).ok().filter(|all| !all.is_empty());
    read("outbound.ca", path, parse).err()
}

fn read<T>(key: &str, path: &Path, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, Problem> {
    let shown = path.display();
    let pem = std::fs::read(path)
        .map_err(|error| Problem::new(key, format!("{shown} cannot be read: {error}")))?;
    parse(&pem).ok_or_else(|| Problem::new(key, format!("{shown} holds no such PEM")))
}

fn lifetime_problems(config: &Config) -> Vec<Problem> {
    const YEAR: u32 = 366 * 86_400;
    let (tokens, sessions) = (&config.tokens, &config.sessions);
    let bounds: [(&str, Lifetime, u32, u32); 8] = [
        ("tokens.authorization_code", tokens.authorization_code, 5, 600),
        ("tokens.access_token", tokens.access_token, 30, 3600),
        ("tokens.id_token", tokens.id_token, 30, 86_400),
        ("tokens.refresh_token_idle", tokens.refresh_token_idle, 60, YEAR),
        ("tokens.refresh_token_absolute", tokens.refresh_token_absolute, 60, 10 * YEAR),
        ("requests.pushed_lifetime", config.requests.pushed_lifetime, 5, 599),
        ("sessions.idle", sessions.idle, 60, YEAR),
        ("sessions.absolute", sessions.absolute, 60, YEAR),
    ];
    let mut problems: Vec<Problem> = bounds
        .into_iter()
        .filter(|(_, value, least, most)| !(*least..=*most).contains(&value.as_seconds()))
        .map(|(key, _, least, most)| {
            Problem::new(key, format!("must be from {least} to {most} seconds"))
        })
        .collect();
    if tokens.refresh_token_absolute < tokens.refresh_token_idle {
        let says = "must not be shorter than tokens.refresh_token_idle";
        problems.push(Problem::new("tokens.refresh_token_absolute", says));
    }
    if !(1..=3650).contains(&tokens.key_rotation_days) {
        problems.push(Problem::new("tokens.key_rotation_days", "must be from 1 to 3650 days"));
    }
    if config.requests.pushed_per_minute == 0 {
        problems.push(Problem::new("requests.pushed_per_minute", "must be at least 1"));
    }
    if config.server.drain_seconds > 300 {
        problems.push(Problem::new("server.drain_seconds", "must be at most 300 seconds"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn an_issuer_is_https_or_this_machine_and_kept_byte_for_byte() {
        for good in [
            "https://login.example",
            "https://login.example:8443",
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://[::1]:8080",
        ] {
            assert_eq!(issuer_problem(good), None, "{good}");
        }
        for bad in [
            "",
            "login.example",
            "http://login.example",
            "http://localhost.evil.example",
            "ftp://login.example",
            "https://login.example/",
            "https://login.example/tenant",
            "http://localhost:8080/tenant/",
            "https://login.example?x",
            "https://login.example/#",
            "https://u:p@login.example",
            "https://LOGIN.example",
            "https://login.example:443",
            "https://login.example/a/../b",
            " https://login.example",
        ] {
            assert!(issuer_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn the_defaults_are_in_order() {
        assert_eq!(problems(&Config::default()), []);
    }

    #[test]
    fn each_rule_names_its_key() {
        let mut config = Config { master_key: Some("short".into()), ..Config::default() };
        config.tls_cert = Some(PathBuf::from("/nowhere.pem"));
        config.redis_url = Some("localhost".into());
        config.database_url = "mysql://x".into();
        config.metrics_listen = Some(config.listen);
        config.log.filter = "a=b=c".into();
        config.tokens.authorization_code = Lifetime::seconds(601);
        config.tokens.access_token = Lifetime::seconds(3601);
        config.outbound.ca = Some(PathBuf::from("/nowhere.pem"));
        let found = problems(&config);
        let about: Vec<&str> = found.iter().map(|problem| problem.about.as_str()).collect();
        assert_eq!(
            about,
            [
                "database_url",
                "redis_url",
                "master_key",
                "log.filter",
                "tls_key",
                "tokens.authorization_code",
                "tokens.access_token",
                "metrics_listen",
            ]
        );
    }

    #[test]
    fn postgresql_needs_a_master_key() {
        let mut config = Config { database_url: "postgres://h/d".into(), ..Config::default() };
        assert_eq!(problems(&config)[0].about, "master_key");
        config.master_key = Some("00".repeat(32));
        assert_eq!(problems(&config), []);
    }
}
