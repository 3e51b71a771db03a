//! `audit …`: the log of who did what.

use super::context::{Context, ground, master_key_of, runtime};
use super::output::{CliError, counted, date, table};
use crate::domain::admin::{self, Event, LogQuery};
use crate::domain::audit_chain::{self, Known, Verdict};
use crate::domain::identity::users;
use crate::protocol::time::Lifetime;
use clap::{Args, Subcommand};
use serde_json::json;

const SEAL: (&str, &str) = ("seal", "seals");
const ENTRY: (&str, &str) = ("entry", "entries");

#[derive(Subcommand)]
pub enum AuditCommand {
    /// List entries, the newest first
    List(List),
    /// Check that no entry was changed, removed or slipped in; exit code 1 when one was
    Verify(Verify),
}

#[derive(Args)]
pub struct Verify {
    /// A head that was noted before: the log is refused when it is not in it
    #[arg(long, value_name = "TAG")]
    expect: Option<String>,
    /// The entries up to this number were removed on purpose: seals over them alone are not looked at
    #[arg(long, value_name = "SEQ")]
    after: Option<i64>,
}

#[derive(Args)]
pub struct List {
    /// Only what is about this person: id, email address or user name
    #[arg(long)]
    user: Option<String>,
    /// Only what this one did: user:ID, client:ID, cli, setup or system; or who has this in the id, in
    /// the email address, in the user name or in the name of the client
    #[arg(long)]
    actor: Option<String>,
    /// Only actions with this in them (block), or with a dot all that begin so: user.block, user.
    #[arg(long)]
    action: Option<String>,
    /// Only what is about this, such as client:ID, or about what has this in it, as for --actor
    #[arg(long, conflicts_with = "user")]
    target: Option<String>,
    /// Only what ended so: ok or denied
    #[arg(long, value_parser = ["ok", "denied"])]
    result: Option<String>,
    /// Only the last so many hours
    #[arg(long, value_name = "HOURS")]
    hours: Option<u32>,
    /// At most so many, 1000 at the end
    #[arg(long, default_value_t = 100)]
    limit: i64,
    /// Go on before this one: the last number of the page before
    #[arg(long, value_name = "SEQ")]
    cursor: Option<i64>,
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &AuditCommand) -> Result<(), CliError> {
    match command {
        AuditCommand::List(list) => entries(context, list),
        AuditCommand::Verify(verify) => check(context, verify),
    }
}

fn entries(context: &Context<'_>, asked: &List) -> Result<(), CliError> {
    let (events, more) = context.with_ground(|ground, _| async move {
        let about = match &asked.user {
            // Who was deleted is known by the id alone.
            Some(name) => match users::find_by_any_name(&ground, name).await? {
                Some(account) => Some(account.user.id),
                None => Some(name.clone()),
            },
            None => None,
        };
        let hours = |hours| ground.now() - Lifetime::hours(hours);
        let query = LogQuery {
            from: asked.hours.map(hours),
            actor: asked.actor.clone(),
            action: asked.action.clone(),
            target: asked.target.clone(),
            user_id: about,
            result: asked.result.clone(),
            before: asked.cursor,
            ..LogQuery::default()
        };
        Ok(admin::events(&ground, query, asked.limit).await?)
    })?;
    let last = events.last().filter(|_| more).map(|last| last.seq);
    context.output.write(&json!(events), || {
        let rows: Vec<_> = events.iter().map(row).collect();
        let head = ["SEQ", "AT", "WHO", "ACTION", "RESULT", "ABOUT", "DETAILS"];
        let next = last.map(|seq| format!("\nThe next page: --cursor {seq}\n"));
        table(&head, &rows) + &next.unwrap_or_default()
    });
    Ok(())
}

fn row(event: &Event) -> Vec<String> {
    let of = |kind: &str, id: &Option<String>| id.as_ref().map(|id| format!("{kind}:{id}"));
    let about = event.target.clone().or_else(|| of("user", &event.user_id));
    vec![
        event.seq.to_string(),
        date(event.at),
        event.actor.clone(),
        event.action.clone(),
        event.result.clone(),
        about.or_else(|| of("client", &event.client_id)).unwrap_or_default(),
        event.details.clone().unwrap_or_default(),
    ]
}

fn check(context: &Context<'_>, asked: &Verify) -> Result<(), CliError> {
    let config = context.database_config()?;
    let known = Known { head: asked.expect.clone(), removed_up_to: asked.after };
    let verdict = runtime()?.block_on(async {
        let ground = ground(&config).await?;
        let key = audit_chain::key(&master_key_of(&config, &ground)?);
        Ok::<_, CliError>(audit_chain::verify(&ground.db, &key, &known).await?)
    })?;
    context.output.write(&json!(verdict), || text(&verdict));
    match verdict.intact {
        true => Ok(()),
        false => Err(CliError::AnswerIsNo),
    }
}

fn text(verdict: &Verdict) -> String {
    let verb = if verdict.seals == 1 { "holds" } else { "hold" };
    let (seals, entries) = (counted(verdict.seals, SEAL), counted(verdict.entries, ENTRY));
    let mut lines = vec![match verdict.last_seq {
        0 => format!("{seals} {verb} over {entries}."),
        last => format!("{seals} {verb} over {entries}, up to entry {last}."),
    }];
    lines.extend(verdict.skipped_up_to.map(|seq| {
        format!("The entries up to {seq} were not looked at, because they were removed.")
    }));
    if verdict.unsealed > 0 {
        let unsealed = counted(verdict.unsealed, ENTRY);
        lines.push(format!("{unsealed} without a seal yet: a server seals what is a minute old."));
    }
    lines.extend(verdict.head.as_ref().map(|head| format!("Head: {head}")));
    lines.extend(wrong(verdict));
    lines.join("\n")
}

fn wrong(verdict: &Verdict) -> Vec<String> {
    let gone = verdict.gone_up_to.map(|seq| {
        format!("The entries up to {seq} are gone. If it was you who removed them: --after {seq}")
    });
    let broken = verdict.broken.as_ref().map(|broken| {
        format!(
            "Seal {} does not hold: an entry after {} up to {} was changed, removed or added, or \
             the master key is another one.",
            broken.seal, broken.after_seq, broken.up_to_seq
        )
    });
    // After what is broken nothing was looked at.
    let is_cut = verdict.broken.is_none() && verdict.has_expected == Some(false);
    let cut =
        is_cut.then(|| "The head you named is not among them: the log was cut short.".to_owned());
    gone.into_iter().chain(broken).chain(cut).collect()
}
