//! `token`: what a token says and which checks it passes; the end of all access tokens at once.

mod checks;

use super::context::{Context, stdin};
use super::output::{CliError, table};
use super::sure::Sure;
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::digest::digest;
use crate::domain::ground::Ground;
use crate::domain::revocation;
use crate::jose::MAX_TOKEN_BYTES;
use crate::storage::issued_tokens::{self, IssuedToken};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use checks::{Check, Verdict};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  countersign token inspect eyJhbGciOi…
  countersign token inspect < token.txt
  countersign token inspect --audience https://api.example.com --json eyJhbGciOi…

Exit code 0 when every check passes, 1 when one fails.";

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Decode a token and say which checks it passes; nothing is stored
    #[command(after_help = EXAMPLES)]
    Inspect(Inspect),
    /// Refuse every access token issued until now
    ///
    /// Every service that follows the revocation list refuses them within a second. Nobody is signed out:
    /// apps get new ones with their refresh tokens.
    RevokeAll(Sure),
}

#[derive(Args)]
pub struct Inspect {
    /// The token; from the standard input when not given
    #[arg(allow_hyphen_values = true)]
    token: Option<String>,
    /// Who the token must be for [default: the audience of the configuration]
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
}

/// Runs the command.
pub fn run(context: &Context<'_>, command: &TokenCommand) -> Result<(), CliError> {
    match command {
        TokenCommand::Inspect(inspect) => run_inspect(context, inspect),
        TokenCommand::RevokeAll(sure) => revoke_all(context, sure),
    }
}

fn revoke_all(context: &Context<'_>, sure: &Sure) -> Result<(), CliError> {
    sure.ask(
        "Refuse every access token of every app and person issued until now? Nobody is signed out.",
    )?;
    let not_before = context.with_ground(|ground, _| async move {
        Ok(revocation::end_all_tokens(&ground, &Actor::cli()).await?)
    })?;
    let document = json!({ "not_before": not_before.as_unix() });
    context.output.write(&document, || "Every access token issued until now is refused.".into());
    Ok(())
}

fn run_inspect(context: &Context<'_>, inspect: &Inspect) -> Result<(), CliError> {
    let token = match &inspect.token {
        Some(token) => token.clone(),
        None => stdin(MAX_TOKEN_BYTES as u64 + 1)?,
    };
    let token = token.trim().trim_start_matches("Bearer ").trim();
    if token.is_empty() {
        return Err(CliError::Usage("give a token, or write one to the standard input".into()));
    }
    let report = context.with_ground(|ground, config| async move {
        inspect_one(&ground, &config, token, inspect.audience.as_deref()).await
    })?;
    context.output.write(&report.document(), || report.text());
    match report.is_good() {
        true => Ok(()),
        false => Err(CliError::AnswerIsNo),
    }
}

/// All that can be said about a token.
pub struct Report {
    pub kind: &'static str,
    pub header: Value,
    pub claims: Value,
    pub checks: Vec<Check>,
}

async fn inspect_one(
    ground: &Ground,
    config: &Config,
    token: &str,
    audience: Option<&str>,
) -> Result<Report, CliError> {
    match token.split('.').count() {
        3 => checks::signed(ground, config, token, audience).await,
        5 => stored(ground, "encrypted token", header(token), token).await,
        1 => stored(ground, "opaque token", Value::Null, token).await,
        _ => Ok(Report {
            kind: "not a token",
            header: Value::Null,
            claims: Value::Null,
            checks: vec![Check::fail("well-formed", "a token has 1, 3 or 5 parts")],
        }),
    }
}

/// The header of a token, decoded and nothing else.
fn header(token: &str) -> Value {
    let first = token.split('.').next().unwrap_or_default();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(first).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

/// A token that only we can look into, by its record.
async fn stored(
    ground: &Ground,
    kind: &'static str,
    header: Value,
    token: &str,
) -> Result<Report, CliError> {
    let (hash, now) = (digest(token), ground.now());
    let found = ground.db.read(move |conn| issued_tokens::find_by_hash(conn, &hash, now)).await?;
    let Some(record) = found else {
        let says = "we have no live token like this";
        let checks = vec![Check::fail("issued by us", says)];
        return Ok(Report { kind, header, claims: Value::Null, checks });
    };
    let revoked = checks::revocation_of_record(ground, &record).await?;
    let checks = vec![
        Check::pass("issued by us", "we have its record"),
        Check::pass("expiry", "not yet"),
        revoked,
    ];
    Ok(Report { kind, header, claims: claims_of(&record), checks })
}

fn claims_of(record: &IssuedToken) -> Value {
    let stored = record.claims.as_deref().and_then(|text| serde_json::from_str(text).ok());
    stored.unwrap_or_else(|| {
        json!({
            "jti": record.jti,
            "client_id": record.client_id,
            "sub": record.user_id,
            "iat": record.issued_at,
            "exp": record.expires_at,
        })
    })
}

impl Report {
    fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != Verdict::Fail)
    }

    fn document(&self) -> Value {
        json!({
            "kind": self.kind,
            "valid": self.is_good(),
            "header": self.header,
            "claims": self.claims,
            "checks": self.checks,
        })
    }

    fn text(&self) -> String {
        let row = |check: &Check| {
            vec![check.verdict.to_string(), check.name.to_owned(), check.says.clone()]
        };
        let rows: Vec<_> = self.checks.iter().map(row).collect();
        let (header, claims) = (&self.header, &self.claims);
        let checks = table(&["RESULT", "CHECK", "WHY"], &rows);
        format!("{}\n\nheader {header:#}\nclaims {claims:#}\n\n{checks}", self.kind)
    }
}
