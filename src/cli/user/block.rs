//! `user block --users-file`: everybody whom a file names.
//!
//! Each block is a transaction of its own and stands when the command is interrupted; to run it again does
//! no harm. Several are under way at a time, because those share their commits.

use super::find;
use crate::cli::context::{Context, stdin, text_file};
use crate::cli::output::CliError;
use crate::domain::audit::Actor;
use crate::domain::ground::Ground;
use crate::domain::identity::users;
use serde_json::{Value, json};
use std::path::Path;
use tokio::task::JoinSet;

/// How many blocks are under way at a time.
const TOGETHER: usize = 32;
/// The longest list that is read, in bytes.
const MAX_LIST: u64 = 256 << 20;

/// What became of everybody.
#[derive(Default)]
struct Tally {
    blocked: usize,
    blocked_before: usize,
    /// Who was not blocked, and why.
    failed: Vec<(String, CliError)>,
}

impl Tally {
    fn count(&mut self, (name, done): (String, Result<bool, CliError>)) {
        match done {
            Ok(true) => self.blocked += 1,
            Ok(false) => self.blocked_before += 1,
            Err(error) => self.failed.push((name, error)),
        }
    }

    fn document(&self) -> Value {
        let failed = self.failed.iter().map(|(user, error)| {
            json!({ "user": user, "error": error.code(), "error_description": error.says() })
        });
        json!({
            "blocked": self.blocked,
            "blocked_before": self.blocked_before,
            "failed": failed.collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let before = match self.blocked_before {
            0 => String::new(),
            count => format!(", {count} blocked before"),
        };
        let failed = self.failed.iter();
        let failed = failed.map(|(user, error)| format!("\nNot blocked: {user}: {}", error.says()));
        format!("{} blocked{before}.{}", self.blocked, failed.collect::<String>())
    }
}

/// Blocks everybody whom a file names, or the standard input for `-`.
pub fn many(context: &Context<'_>, path: &Path, reason: &str) -> Result<(), CliError> {
    let text = read(path)?;
    let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        return Err(CliError::Usage("--users-file: it names nobody".into()));
    }
    let tally = context.with_ground(|ground, _| async move {
        let mut tally = Tally::default();
        for together in names.chunks(TOGETHER) {
            let each = together.iter().map(|name| one(ground.clone(), name, reason));
            let under_way: JoinSet<_> = each.collect();
            under_way.join_all().await.into_iter().for_each(|done| tally.count(done));
        }
        Ok(tally)
    })?;
    context.output.write(&tally.document(), || tally.text());
    if tally.failed.is_empty() { Ok(()) } else { Err(CliError::AnswerIsNo) }
}

/// Blocks one, and says whom and whether anything changed.
fn one(
    ground: Ground,
    name: &str,
    reason: &str,
) -> impl Future<Output = (String, Result<bool, CliError>)> + Send + 'static {
    let (name, reason) = (name.to_owned(), reason.to_owned());
    async move {
        let done = async {
            let account = find(&ground, &name).await?;
            Ok(users::block(&ground, &account.user.id, &reason, &Actor::cli()).await?)
        };
        let done = done.await;
        (name, done)
    }
}

fn read(path: &Path) -> Result<String, CliError> {
    match path == Path::new("-") {
        true => stdin(MAX_LIST),
        false => text_file("--users-file", path, MAX_LIST),
    }
}
