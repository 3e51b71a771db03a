//! What a command works with: its settings, and the database when it needs it.

use super::GlobalFlags;
use super::output::{CliError, Output};
use crate::config::load::{Input, Loaded, Setting, load};
use crate::config::{Config, master_key};
use crate::domain::clock;
use crate::domain::ground::{Ground, client_secret_key};
use crate::domain::outbound::Outbound;
use crate::domain::revocation::epoch;
use crate::domain::revocation::redis::vouches_for;
use crate::jose::Sealer;
use crate::protocol::guarded_clock::GuardedClock;
use crate::protocol::private_claims::PrivateClaims;
use crate::protocol::random::SystemRandom;
use crate::protocol::time::Lifetime;
use crate::storage::{DatabaseUrl, Db, revocations};
use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How soon a running server has told Redis.
const PASSED_ON: Duration = Duration::from_secs(2);

/// The longest document that is read from a file, in bytes.
const MAX_DOCUMENT: u64 = 16 << 20;

/// What every command gets.
pub struct Context<'a> {
    pub global: &'a GlobalFlags,
    pub output: &'a Output,
}

impl Context<'_> {
    /// The settings of a server, with flags of its own.
    pub fn load(&self, flags: Vec<(String, String)>) -> Result<Loaded, CliError> {
        Ok(load(&self.input(flags)?)?)
    }

    /// The settings for a command that works on a database that is there.
    ///
    /// # Errors
    ///
    /// When the settings are wrong, or nobody named a database and there is none in the directory.
    pub fn database_config(&self) -> Result<Config, CliError> {
        let loaded = self.load_database_only()?;
        expect_database(&loaded)?;
        Ok(loaded.config)
    }

    /// As [`Context::database_config`], for a command that makes the database when there is none.
    pub fn new_database_config(&self) -> Result<Config, CliError> {
        Ok(self.load_database_only()?.config)
    }

    fn load_database_only(&self) -> Result<Loaded, CliError> {
        let input = Input { database_only: true, ..self.input(Vec::new())? };
        Ok(load(&input)?)
    }

    fn input(&self, mut flags: Vec<(String, String)>) -> Result<Input, CliError> {
        for pair in &self.global.set {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(CliError::Usage(format!("--set {pair}: write KEY=VALUE")));
            };
            flags.push((key.trim().to_owned(), value.to_owned()));
        }
        let database_url = self.global.database_url.clone();
        flags.extend(database_url.map(|url| ("database_url".to_owned(), url)));
        Ok(Input {
            file: self.global.config.clone(),
            environment: std::env::vars_os().collect(),
            flags,
            database_only: false,
        })
    }

    /// Opens the database and runs `work` to its end.
    pub fn with_ground<T, W, F>(&self, work: W) -> Result<T, CliError>
    where
        W: FnOnce(Ground, Config) -> F,
        F: Future<Output = Result<T, CliError>>,
    {
        let config = self.database_config()?;
        runtime()?.block_on(async {
            let ground = ground(&config).await?;
            let deviation = ground.clock.guard().and_then(GuardedClock::deviation);
            if let Some(deviation) = deviation.filter(|deviation| deviation.compared) {
                self.output.warn(&deviation.to_string());
            }
            let Some(redis_url) = config.redis_url.clone() else {
                return work(ground, config).await;
            };
            let db = ground.db.clone();
            let before = db.read(revocations::head).await?;
            let done = work(ground, config).await?;
            self.warn_of_silence(&db, &redis_url, before).await?;
            Ok(done)
        })
    }

    /// Says so when something was revoked and no server passes it on: services that have their list
    /// from Redis go on accepting it. Those that follow the feed hear of it from the server.
    async fn warn_of_silence(&self, db: &Db, redis_url: &str, before: i64) -> Result<(), CliError> {
        let (epoch, head) = db
            .read(|conn| Ok((epoch::find(conn)?.unwrap_or_default(), revocations::head(conn)?)))
            .await?;
        if head > before && !vouches_for(redis_url, &epoch, head, PASSED_ON).await {
            self.output.warn(
                "no server has told Redis yet: services that read the list from Redis accept what was \
                 revoked until `countersign serve` runs and reaches Redis",
            );
        }
        Ok(())
    }
}

/// The master key of the settings; in embedded mode the file beside the database.
pub fn master_key_of(config: &Config, ground: &Ground) -> Result<[u8; 32], CliError> {
    Ok(master_key::open(config, ground.random.as_ref())?)
}

/// A ground on the database of the settings.
pub async fn ground(config: &Config) -> Result<Ground, CliError> {
    // A trust anchor that cannot be read is missed by the call that needs it, if one does.
    let ca = config.outbound.ca.as_ref().and_then(|path| std::fs::read(path).ok());
    let outbound = Outbound::new(config.outbound.allow.clone(), ca.as_deref());
    let settings = config.clone();
    let client_secret_key = move || {
        let master_key = master_key::open(&settings, &SystemRandom).ok()?;
        Some(client_secret_key(&Sealer::new(&master_key)))
    };
    let (db, guard) = (Db::open(&config.database_url.parse()?)?, GuardedClock::default());
    clock::begin(&db, &guard).await?;
    Ok(Ground {
        outbound: outbound.map_err(|error| CliError::failed("failed", error))?,
        client_secret_key: Arc::new(client_secret_key),
        db,
        clock: Arc::new(guard),
        random: Arc::new(SystemRandom),
        longest_token_life: config.tokens.access_token.max(Lifetime::hours(1)),
        acting: None,
    })
}

/// A command that is called in the wrong directory would otherwise work on a new, empty database:
/// only a database that somebody named is made.
fn expect_database(loaded: &Loaded) -> Result<(), CliError> {
    let is_set = |setting: &Setting| setting.key == "database_url" && setting.source.is_set();
    let DatabaseUrl::Sqlite(path) = loaded.config.database_url.parse()? else {
        return Ok(());
    };
    if loaded.settings.iter().any(is_set) || Path::new(&path).exists() {
        return Ok(());
    }
    let says = format!(
        "there is no {path} in this directory: run the command where the server was started, name \
         the database with --database-url, or make one with `countersign migrate`"
    );
    Err(CliError::failed("not_found", says))
}

/// A runtime for one command.
pub fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| CliError::failed("failed", error))
}

/// The first line of the standard input, which is a password.
pub fn password_from_stdin() -> Result<String, CliError> {
    let text = stdin(4096)?;
    let line = text.lines().next().unwrap_or_default();
    match line.is_empty() {
        true => Err(CliError::Usage("--password-stdin: the standard input is empty".into())),
        false => Ok(line.to_owned()),
    }
}

/// The standard input as text, if it has no more than so many bytes.
pub fn stdin(limit: u64) -> Result<String, CliError> {
    text(std::io::stdin().lock(), limit)
        .map_err(|says| CliError::Usage(format!("standard input: {says}")))
}

/// A file that a flag names, as text, if it has no more than so many bytes.
pub fn text_file(flag: &str, path: &Path, limit: u64) -> Result<String, CliError> {
    let opened = File::open(path).map_err(|error| format!("cannot be read: {error}"));
    let read = opened.and_then(|file| text(file, limit));
    read.map_err(|says| CliError::Usage(format!("{flag}: {}: {says}", path.display())))
}

/// Everything that can be read, as text. A device ends at the limit like everything else.
fn text(from: impl Read, limit: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = from.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("more than {limit} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

/// A file that a flag names, as JSON.
pub fn json_file(flag: &str, path: &Path) -> Result<serde_json::Value, CliError> {
    let (shown, text) = (path.display(), text_file(flag, path, MAX_DOCUMENT)?);
    serde_json::from_str(&text)
        .map_err(|error| CliError::Usage(format!("{flag}: {shown} is not JSON: {error}")))
}

/// The words of values that may be repeated or hold several, separated by spaces or commas.
pub fn words(values: &[String]) -> Vec<String> {
    let words = values.iter().flat_map(|value| value.split([' ', ',', '\n', '\t']));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Rules for private claims, each NAME=SOURCE.
pub fn claim_rules(flag: &str, given: &[String]) -> Result<PrivateClaims, CliError> {
    let pair = |rule: &String| match rule.split_once('=') {
        Some((name, source)) => Ok((name.trim().to_owned(), source.trim().to_owned())),
        None => Err(CliError::Usage(format!("{flag}: write NAME=SOURCE"))),
    };
    given.iter().map(pair).collect()
}
