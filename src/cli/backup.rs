//! `backup …`: a copy of the database while it serves, and the way back.

use super::context::{Context, ground, runtime};
use super::output::{CliError, counted};
use crate::config::Config;
use crate::domain::ground::Ground;
use crate::domain::revocation::epoch::{self, Beginning};
use crate::server::lock::Lock;
use crate::storage::{DatabaseUrl, backup};
use clap::Subcommand;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const PG_DUMP: &str = "PostgreSQL has pg_dump and pg_restore; after a restore, before the first start, \
                       run countersign backup restore";

#[derive(Subcommand)]
pub enum BackupCommand {
    /// Copy the SQLite database into a new file, while a server runs
    Create { file: PathBuf },
    /// Read a copy through from end to end; exit code 1 when it is not sound
    Verify { file: PathBuf },
    /// Put a copy in the place of the SQLite database, or finish a restore of PostgreSQL. Every
    /// access token issued until now is refused from then on
    Restore { file: Option<PathBuf> },
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &BackupCommand) -> Result<(), CliError> {
    match command {
        BackupCommand::Create { file } => create(context, file),
        BackupCommand::Verify { file } => verify(context, file),
        BackupCommand::Restore { file } => restore(context, file.as_deref()),
    }
}

fn create(context: &Context<'_>, file: &Path) -> Result<(), CliError> {
    let url: DatabaseUrl = context.database_config()?.database_url.parse()?;
    let DatabaseUrl::Sqlite(path) = url else {
        return Err(CliError::failed("refused", PG_DUMP));
    };
    if !Path::new(&path).exists() {
        return Err(CliError::failed("not_found", format!("there is no database at {path}")));
    }
    // Nobody else may read it, and nothing is written over.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    made.map_err(|error| file_error(file, &error))?;
    backup::copy(&path, text(file)?)?;
    let bytes = fs::metadata(file).map_err(|error| file_error(file, &error))?.len();
    let document = json!({ "file": file, "bytes": bytes });
    context.output.write(&document, || format!("{} has {bytes} bytes.", file.display()));
    Ok(())
}

fn verify(context: &Context<'_>, file: &Path) -> Result<(), CliError> {
    let problems = problems_of(file)?;
    if problems.is_empty() {
        let (users, clients) = backup::census(text(file)?)?;
        let document = json!({ "sound": true, "users": users, "clients": clients });
        let users = counted(users, ("user", "users"));
        let clients = counted(clients, ("client", "clients"));
        let says = || format!("It is sound, and has {users} and {clients}.");
        context.output.write(&document, says);
        return Ok(());
    }
    let document = json!({ "sound": false, "problems": problems });
    context.output.write(&document, || format!("It is not sound:\n{}", problems.join("\n")));
    Err(CliError::AnswerIsNo)
}

/// What is no database at all is a problem, too.
fn problems_of(file: &Path) -> Result<Vec<String>, CliError> {
    if !file.is_file() {
        return Err(CliError::failed("not_found", format!("there is no file {}", file.display())));
    }
    Ok(backup::problems(text(file)?).unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        vec![cause.unwrap_or_else(|| error.to_string())]
    }))
}

fn restore(context: &Context<'_>, file: Option<&Path>) -> Result<(), CliError> {
    let config = context.new_database_config()?;
    let url: DatabaseUrl = config.database_url.parse()?;
    match (&url, file) {
        (DatabaseUrl::Sqlite(path), Some(file)) => {
            let _held = Lock::take(&url)?;
            put_back(&config, file, Path::new(path))?;
        }
        (DatabaseUrl::Sqlite(_), None) => {
            return Err(CliError::Usage("backup restore: name the file".into()));
        }
        (DatabaseUrl::Postgres(_), Some(_)) => return Err(CliError::failed("refused", PG_DUMP)),
        (DatabaseUrl::Postgres(_), None) => begin(&config)?,
    }
    let says = "Restored. Every access token issued until now is refused; nobody is signed out.";
    context.output.write(&json!({ "restored": true }), || says.to_owned());
    Ok(())
}

/// Prepares the copy beside the database, and only then changes places with it.
fn put_back(config: &Config, file: &Path, path: &Path) -> Result<(), CliError> {
    let problems = problems_of(file)?;
    if !problems.is_empty() {
        return Err(CliError::failed("not_sound", problems.join("; ")));
    }
    let beside = with_ending(path, ".restoring");
    let failed = |error: std::io::Error| file_error(&beside, &error);
    let mut new = OpenOptions::new();
    let new = new.write(true).create(true).truncate(true).mode(0o600).open(&beside);
    let mut new = new.map_err(failed)?;
    let mut old = fs::File::open(file).map_err(|error| file_error(file, &error))?;
    std::io::copy(&mut old, &mut new).and_then(|_| new.sync_all()).map_err(failed)?;
    let prepared =
        Config { database_url: format!("sqlite://{}", text(&beside)?), ..config.clone() };
    begin(&prepared)?;
    backup::settle(text(&beside)?)?;
    if path.exists() {
        // What is in its log belongs to it, and must not meet the other.
        backup::settle(text(path)?)?;
        let kept = with_ending(path, ".before-restore");
        fs::rename(path, &kept).map_err(|error| file_error(&kept, &error))?;
    }
    fs::rename(&beside, path).map_err(failed)
}

/// Begins a new history of revocations: what was revoked since the copy was made nobody knows.
fn begin(config: &Config) -> Result<(), CliError> {
    runtime()?.block_on(async {
        let ground: Ground = ground(config).await?;
        let (epoch, now) = (ground.random.id(), ground.clock.shared());
        let new = Beginning { epoch, now, longest_life: ground.longest_token_life };
        ground.db.write(move |conn| epoch::begin_in(conn, &new)).await?;
        Ok(())
    })
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(ending);
    PathBuf::from(name)
}

fn text(path: &Path) -> Result<&str, CliError> {
    path.to_str().ok_or_else(|| CliError::Usage("the name of the file is not UTF-8".into()))
}

fn file_error(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed("failed", format!("{}: {error}", path.display()))
}
