//! `audit …`: the log of who did what.

use super::context::{Context, ground, master_key_of, runtime};
use super::output::CliError;
use crate::domain::audit_chain::{self, Verdict};
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Check that no entry was changed, removed or slipped in; exit code 1 when one was
    Verify(Verify),
}

#[derive(Args)]
pub struct Verify {
    /// A head that was noted before: the log is refused when it is not in it
    #[arg(long, value_name = "TAG")]
    expect: Option<String>,
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::Verify(verify) => check(context, verify.expect.as_deref()),
    }
}

fn check(context: &Context<'_>, expected: Option<&str>) -> Result<(), CliError> {
    let config = context.database_config()?;
    let verdict = runtime()?.block_on(async {
        let ground = ground(&config)?;
        let key = audit_chain::key(&master_key_of(&config, &ground)?);
        Ok::<_, CliError>(audit_chain::verify(&ground.db, &key, expected).await?)
    })?;
    context.output.write(&json!(verdict), || text(&verdict));
    match verdict.intact {
        true => Ok(()),
        false => Err(CliError::AnswerIsNo),
    }
}

fn text(verdict: &Verdict) -> String {
    let Verdict { seals, entries, last_seq, .. } = verdict;
    let holds = format!("{seals} seals hold over {entries} entries, up to entry {last_seq}.");
    let head = verdict.head.as_ref().map_or(String::new(), |head| format!("\nHead: {head}"));
    let wrong = match (&verdict.broken, verdict.has_expected) {
        (Some(broken), _) => format!(
            "\nSeal {} does not hold: an entry after {} up to {} was changed, removed or added, or \
             the master key is another one.",
            broken.seal, broken.after_seq, broken.up_to_seq
        ),
        (None, Some(false)) => {
            "\nThe head you named is not among them: the log was cut short.".into()
        }
        (None, _) => String::new(),
    };
    format!("{holds}{head}{wrong}")
}
