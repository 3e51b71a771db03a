//! `config check` and `config show`.

use super::context::{Context, runtime};
use super::output::{CliError, counted, fields, table};
use super::serve::ServerFlags;
use crate::config::Config;
use crate::config::load::Setting;
use crate::domain::revocation::redis;
use crate::storage::look::{Found, look};
use crate::storage::{DatabaseUrl, StorageError};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long the database and Redis may take to answer.
const DEADLINE: Duration = Duration::from_secs(3);

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Say everything that is wrong with the settings (exit code 2), and whether the database and
    /// Redis can be used (exit code 1 when not); changes nothing
    Check(CheckFlags),
    /// Every setting, its value, and where it comes from; secrets are masked
    Show(ServerFlags),
}

#[derive(Args)]
pub struct CheckFlags {
    #[command(flatten)]
    server: ServerFlags,
    /// Look at the settings alone, and connect to nothing
    #[arg(long)]
    offline: bool,
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check(flags) => check(context, flags),
        ConfigCommand::Show(flags) => show(context, flags),
    }
}

/// What a look at something beside the settings found.
struct Seen {
    is_good: bool,
    says: String,
}

impl Seen {
    fn good(says: impl Into<String>) -> Self {
        Self { is_good: true, says: says.into() }
    }

    fn bad(says: impl Into<String>) -> Self {
        Self { is_good: false, says: says.into() }
    }

    fn document(&self) -> Value {
        json!({ "ok": self.is_good, "says": self.says })
    }
}

fn check(context: &Context<'_>, flags: &CheckFlags) -> Result<(), CliError> {
    let loaded = context.load(flags.server.pairs())?;
    let set = loaded.settings.iter().filter(|setting| setting.source.is_set()).count();
    let (database, redis) = match flags.offline {
        true => (None, None),
        false => (Some(database(&loaded.config)?), redis_of(&loaded.config)?),
    };
    let seen = || database.iter().chain(&redis);
    let is_good = seen().all(|seen| seen.is_good);
    let document = json!({
        "ok": is_good,
        "issuer": loaded.config.issuer,
        "set": set,
        "database": database.as_ref().map(Seen::document),
        "redis": redis.as_ref().map(Seen::document),
    });
    let values = counted(i64::try_from(set).unwrap_or(i64::MAX), ("value", "values"));
    context.output.write(&document, || {
        let says = |seen: &Option<Seen>| seen.as_ref().map(|seen| seen.says.clone());
        let found = fields(&[("database", says(&database)), ("redis", says(&redis))]);
        format!("The configuration is good ({values} set).\n{found}")
    });
    if is_good { Ok(()) } else { Err(CliError::AnswerIsNo) }
}

fn database(config: &Config) -> Result<Seen, StorageError> {
    let url: DatabaseUrl = config.database_url.parse()?;
    Ok(match look(&url, DEADLINE) {
        Ok(Found::Nothing) => Seen::good("there is none yet; the first start makes it"),
        Ok(Found::NoDirectory) => Seen::bad("the directory for the file is not there"),
        Ok(Found::Damaged(problem)) => Seen::bad(format!("the file is damaged: {problem}")),
        Ok(Found::Schema { lacks: 0, unknown: 0 }) => Seen::good("there, and up to date"),
        Ok(Found::Schema { unknown: 0, .. }) => {
            Seen::good("there; the next start brings its schema up to date")
        }
        Ok(Found::Schema { .. }) => {
            Seen::good("there, with a schema of a newer version; some of it is not known here")
        }
        Err(error @ StorageError::Url(_)) => return Err(error),
        Err(error) => Seen::bad(CliError::caused("database", &error).says()),
    })
}

fn redis_of(config: &Config) -> Result<Option<Seen>, CliError> {
    let Some(url) = config.redis_url.as_deref() else { return Ok(None) };
    let asked = async { tokio::time::timeout(DEADLINE, redis::policy_of(url)).await };
    Ok(Some(match runtime()?.block_on(asked) {
        Ok(Ok(policy)) if policy == "noeviction" => Seen::good("there, and it evicts nothing"),
        Ok(Ok(policy)) => Seen::bad(format!(
            "there, but maxmemory-policy is {policy}: set it to noeviction, or the list of what is \
             revoked cannot be trusted"
        )),
        Ok(Err(error)) => Seen::bad(CliError::caused("redis", &error).says()),
        Err(_) => Seen::bad("it does not answer"),
    }))
}

fn show(context: &Context<'_>, flags: &ServerFlags) -> Result<(), CliError> {
    let settings = context.load(flags.pairs())?.settings;
    let member = |setting: &Setting| {
        let value = json!({ "value": setting.value, "source": setting.source });
        (setting.key.clone(), value)
    };
    let document = Value::Object(settings.iter().map(member).collect::<Map<_, _>>());
    context.output.write(&document, || {
        let row = |setting: &Setting| {
            vec![setting.key.clone(), shown(&setting.value), setting.source.to_string()]
        };
        table(&["KEY", "VALUE", "SOURCE"], &settings.iter().map(row).collect::<Vec<_>>())
    });
    Ok(())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
