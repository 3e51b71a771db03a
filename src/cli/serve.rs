//! `serve`, `demo` and `migrate`.

use super::context::{Context, runtime};
use super::output::CliError;
use crate::storage::{DatabaseUrl, Db};
use clap::Args;
use serde_json::json;

/// The settings that have a flag of their own; all others are set with `--set`.
#[derive(Args)]
pub struct ServerFlags {
    /// The address by which everyone knows the provider, such as https://login.example.com
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Where to listen, such as 127.0.0.1:8080
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Redis, for what instances and services share, such as redis://localhost:6379
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// A file with the master key: 32 bytes as hexadecimal or base64url
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<String>,
    /// A PEM file with the certificates; with it the provider serves https itself
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// A PEM file with the private key of the certificate
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Networks of proxies whose forwarded headers are believed
    #[arg(long, value_name = "CIDR,…")]
    trusted_proxies: Option<String>,
    /// Private networks that outbound calls may reach
    #[arg(long, value_name = "CIDR,…")]
    outbound_allow: Option<String>,
    /// A PEM file with a further trust anchor for outbound calls
    #[arg(long, value_name = "FILE")]
    outbound_ca: Option<String>,
    /// Where to serve metrics, if anywhere
    #[arg(long, value_name = "HOST:PORT")]
    metrics_listen: Option<String>,
}

impl ServerFlags {
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let pairs = [
            ("issuer", &self.issuer),
            ("listen", &self.listen),
            ("redis_url", &self.redis_url),
            ("master_key_file", &self.master_key_file),
            ("tls_cert", &self.tls_cert),
            ("tls_key", &self.tls_key),
            ("trusted_proxies", &self.trusted_proxies),
            ("outbound.allow", &self.outbound_allow),
            ("outbound.ca", &self.outbound_ca),
            ("metrics_listen", &self.metrics_listen),
        ];
        let given = pairs.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        given.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// `--json` of a server is about its log.
    fn pairs_with_log(&self, context: &Context<'_>) -> Vec<(String, String)> {
        let mut pairs = self.pairs();
        if context.output.json {
            pairs.push(("log.format".to_owned(), "json".to_owned()));
        }
        pairs
    }
}

/// Runs the provider.
pub fn serve(context: &Context<'_>, flags: &ServerFlags) -> Result<(), CliError> {
    let loaded = context.load(flags.pairs_with_log(context))?;
    let done = crate::server::block_on(crate::server::run(loaded.config));
    done.map_err(CliError::from)
}

/// Runs the provider with the demo around it.
pub fn demo(context: &Context<'_>, flags: &ServerFlags) -> Result<(), CliError> {
    let names_a_database = context.global.database_url.is_some()
        || context.global.set.iter().any(|pair| pair.trim_start().starts_with("database_url"));
    if names_a_database {
        return Err(CliError::Usage(
            "demo makes a database of its own, which goes when it ends; to keep what you do, use \
             countersign serve --database-url URL"
                .into(),
        ));
    }
    let loaded = context.load(flags.pairs_with_log(context))?;
    let done = crate::server::block_on(crate::demo::run(loaded.config));
    done.map_err(|error| CliError::caused("failed", &error))
}

/// Brings the database up to date.
pub fn migrate(context: &Context<'_>) -> Result<(), CliError> {
    let config = context.new_database_config()?;
    let url: DatabaseUrl = config.database_url.parse()?;
    let shown = format!("{url:?}");
    runtime()?.block_on(async { Db::open(&url) })?;
    let document = json!({ "database": shown, "up_to_date": true });
    context.output.write(&document, || format!("The database {shown} is up to date."));
    Ok(())
}
