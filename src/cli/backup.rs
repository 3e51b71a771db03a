//! `backup …`: a copy of the database while it serves, and the way back.

use super::context::{Context, ground, runtime};
use super::output::{CliError, counted, date};
use crate::config::Config;
use crate::config::master_key::sync_directory;
use crate::domain::ground::Ground;
use crate::domain::revocation::epoch::Beginning;
use crate::domain::revocation::restore::{self, Replaced, Restored, Unknown};
use crate::protocol::time::Timestamp;
use crate::server::lock::Lock;
use crate::storage::{DatabaseUrl, backup};
use clap::Subcommand;
use serde_json::{Map, Value, json};
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
    /// access token issued until now is refused from then on. What ended since the copy was made
    /// is carried over from the database that is replaced; where it cannot be read, everybody is
    /// signed out
    Restore {
        file: Option<PathBuf>,
        /// Sign nobody out when it is not known what ended since the copy was made: sessions and
        /// refresh tokens of the copy live on, and with them those that were ended, revoked or
        /// stolen since
        #[arg(long)]
        keep_sign_ins: bool,
    },
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &BackupCommand) -> Result<(), CliError> {
    match command {
        BackupCommand::Create { file } => create(context, file),
        BackupCommand::Verify { file } => verify(context, file),
        BackupCommand::Restore { file, keep_sign_ins } => {
            restore(context, file.as_deref(), *keep_sign_ins)
        }
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
    if let Err(error) = backup::copy(&path, text(file)?) {
        // Half a copy looks like one.
        drop(fs::remove_file(file));
        return Err(error.into());
    }
    let kept = sync_directory(file).and_then(|()| fs::metadata(file));
    let bytes = kept.map_err(|error| file_error(file, &error))?.len();
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

fn restore(context: &Context<'_>, file: Option<&Path>, keep: bool) -> Result<(), CliError> {
    let config = context.new_database_config()?;
    let url: DatabaseUrl = config.database_url.parse()?;
    let restored = match (&url, file) {
        (DatabaseUrl::Sqlite(path), Some(file)) => {
            let _held = Lock::take(&url)?;
            put_back(&config, file, Path::new(path), keep)?
        }
        (DatabaseUrl::Sqlite(_), None) => {
            return Err(CliError::Usage("backup restore: name the file".into()));
        }
        (DatabaseUrl::Postgres(_), Some(_)) => return Err(CliError::failed("refused", PG_DUMP)),
        (DatabaseUrl::Postgres(_), None) => begin(&config, Replaced::Gone, keep)?,
    };
    context.output.write(&document(&restored), || says(&restored));
    Ok(())
}

/// Prepares the copy beside the database, and only then changes places with it.
fn put_back(config: &Config, file: &Path, path: &Path, keep: bool) -> Result<Restored, CliError> {
    let problems = problems_of(file)?;
    if !problems.is_empty() {
        return Err(CliError::failed("not_sound", problems.join("; ")));
    }
    let beside = with_ending(path, ".restoring");
    let failed = |error: std::io::Error| file_error(&beside, &error);
    // A log that an interrupted restore left there belongs to another copy.
    remove_logs(&beside).map_err(failed)?;
    let mut new = OpenOptions::new();
    let new = new.write(true).create(true).truncate(true).mode(0o600).open(&beside);
    let mut new = new.map_err(failed)?;
    let mut old = fs::File::open(file).map_err(|error| file_error(file, &error))?;
    std::io::copy(&mut old, &mut new).and_then(|_| new.sync_all()).map_err(failed)?;
    let prepared =
        Config { database_url: format!("sqlite://{}", text(&beside)?), ..config.clone() };
    let restored = begin(&prepared, look_at(path)?, keep)?;
    backup::settle(text(&beside)?)?;
    fs::File::open(&beside).and_then(|file| file.sync_all()).map_err(failed)?;
    let kept = with_ending(path, ".before-restore");
    keep_aside(path, &kept).map_err(|error| file_error(&kept, &error))?;
    fs::rename(&beside, path).and_then(|()| sync_directory(path)).map_err(failed)?;
    Ok(restored)
}

/// Brings the database that gives way to rest, and looks whether it can be read.
fn look_at(path: &Path) -> Result<Replaced, CliError> {
    if !path.exists() {
        return Ok(Replaced::Gone);
    }
    let name = text(path)?;
    let looked = backup::settle(name).and_then(|()| backup::quick_problem(name, u64::MAX));
    Ok(match looked {
        Ok(None) => Replaced::There(name.to_owned()),
        Ok(Some(problem)) => Replaced::Unreadable(problem),
        Err(error) => Replaced::Unreadable(CliError::from(error).says()),
    })
}

/// Gives the database that is replaced a second name, and its log that alone: what is in a log belongs to
/// its file, and must not meet the other, also where only the log is left. The file keeps its own name
/// until the other one takes it, because a server that finds none would begin with an empty one.
fn keep_aside(path: &Path, kept: &Path) -> std::io::Result<()> {
    if !path.exists() {
        return remove_logs(path);
    }
    remove_logs(kept)?;
    remove(kept)?;
    // Not every file system has second names.
    let copied = |_| fs::copy(path, kept).and_then(|_| fs::File::open(kept)?.sync_all());
    fs::hard_link(path, kept).or_else(copied)?;
    let log = with_ending(path, "-wal");
    if log.exists() {
        fs::rename(&log, with_ending(kept, "-wal"))?;
    }
    remove_logs(path)
}

fn remove_logs(path: &Path) -> std::io::Result<()> {
    ["-wal", "-shm"].iter().try_for_each(|ending| remove(&with_ending(path, ending)))
}

/// Removes a file that need not be there.
fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Begins a new history of revocations, with what is known to have ended since the copy was made.
fn begin(config: &Config, replaced: Replaced, keep: bool) -> Result<Restored, CliError> {
    let new = runtime()?.block_on(async {
        // Brings the schema of the copy up to date.
        let ground: Ground = ground(config).await?;
        let (epoch, now) = (ground.random.id(), ground.clock.shared());
        Ok::<_, CliError>(Beginning { epoch, now, longest_life: ground.longest_token_life })
    })?;
    Ok(restore::begin(&config.database_url.parse()?, replaced, &new, keep)?)
}

fn document(restored: &Restored) -> Value {
    let carried: Map<_, _> =
        restored.carried.iter().map(|kind| (kind.name.1.to_owned(), kind.rows.into())).collect();
    let ended = restored.ended;
    json!({
        "restored": true,
        "copy_knows_until": restored.knows_until.map(Timestamp::as_unix),
        "unknown": restored.unknown.as_ref().map(why),
        "carried_over": carried,
        "ended": ended.map(|(sessions, authorizations)| {
            json!({ "sessions": sessions, "authorizations": authorizations })
        }),
    })
}

fn says(restored: &Restored) -> String {
    let carried = match restored.carried_over() {
        Some(carried) => format!("Carried over from the database that was replaced: {carried}."),
        None => "Nothing was to be carried over from the database that was replaced.".to_owned(),
    };
    let mut lines = vec!["Restored. Every access token issued until now is refused.".to_owned()];
    let Some(unknown) = &restored.unknown else {
        lines.push(carried);
        return lines.join("\n");
    };
    lines.push(format!("What ended since the copy was made is not known: {}.", why(unknown)));
    if !restored.carried.is_empty() {
        lines.push(carried);
    }
    lines.push(match restored.ended {
        Some((sessions, authorizations)) => format!(
            "Everybody signs in again: {} and {} ended.",
            counted(sessions as i64, ("session", "sessions")),
            counted(authorizations as i64, ("authorization", "authorizations")),
        ),
        None => "Sessions and refresh tokens of the copy live on, also those that ended since."
            .to_owned(),
    });
    let until = restored.knows_until.map_or_else(|| "its time".to_owned(), |at| date(at.as_unix()));
    lines.push(format!(
        "The copy knows what happened until {until}. Block again whom you have blocked since, and revoke \
         again what you have revoked."
    ));
    lines.join("\n")
}

fn why(unknown: &Unknown) -> String {
    match unknown {
        Unknown::Gone => "the database that the copy replaces is not there".to_owned(),
        Unknown::Unreadable(why) => {
            format!("the database that the copy replaces cannot be read ({why})")
        }
        Unknown::NotFromHere => {
            "the database that was replaced has not gone on from this copy".to_owned()
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_07_a_database_is_there_in_every_moment_of_a_restore() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("c.db");
        let kept = with_ending(&path, ".before-restore");
        for (file, text) in [(&path, "old"), (&with_ending(&path, "-wal"), "log"), (&kept, "older")]
        {
            fs::write(file, text).unwrap();
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        keep_aside(&path, &kept).unwrap();
        assert_eq!((read(&path), read(&kept)), ("old".to_owned(), "old".to_owned()));
        assert_eq!(read(&with_ending(&kept, "-wal")), "log");
        assert!(!with_ending(&path, "-wal").exists(), "it must not meet the other");
        fs::write(directory.path().join("new"), "new").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        assert_eq!((read(&path), read(&kept)), ("new".to_owned(), "old".to_owned()));
    }
}
