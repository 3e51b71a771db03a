//! `registration …`: what lets clients register themselves.

use super::context::Context;
use super::output::{CliError, date, table};
use crate::domain::audit::Actor;
use crate::domain::registration::initial_tokens::{self, DEFAULT_LIFETIME, NewToken, TokenError};
use crate::protocol::time::Lifetime;
use crate::storage::initial_access_tokens::InitialAccessToken;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

const CREATE_EXAMPLES: &str = "\
Examples:
  countersign registration create-token --label 'the build server'
  countersign registration create-token --label partners --uses 50 --expires-in 604800

Whoever has the token registers with
  curl -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json' \\
      -d '{\"redirect_uris\":[\"https://app.example.com/callback\"]}' https://login.example.com/register
Registration is off until registration.mode is token or open.";

#[derive(Subcommand)]
pub enum RegistrationCommand {
    /// Make an initial access token; prints it once
    #[command(after_help = CREATE_EXAMPLES)]
    CreateToken(Create),
    /// List initial access tokens, the newest first
    ListTokens,
    /// Take an initial access token back; clients that came with it stay
    RevokeToken(Revoke),
}

#[derive(Args)]
pub struct Create {
    /// Whom or what it is for
    #[arg(long, value_name = "TEXT")]
    label: String,
    /// How many clients it lets in
    #[arg(long, default_value_t = 1)]
    uses: u32,
    /// For how many seconds it is good
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_LIFETIME.as_seconds())]
    expires_in: u32,
}

#[derive(Args)]
pub struct Revoke {
    /// The id of the token, from `countersign registration list-tokens`
    #[arg(allow_hyphen_values = true)]
    id: String,
}

/// Runs a command.
pub fn run(context: &Context<'_>, command: &RegistrationCommand) -> Result<(), CliError> {
    match command {
        RegistrationCommand::CreateToken(create) => make(context, create),
        RegistrationCommand::ListTokens => list(context),
        RegistrationCommand::RevokeToken(revoke) => take_back(context, &revoke.id),
    }
}

fn make(context: &Context<'_>, create: &Create) -> Result<(), CliError> {
    let new = NewToken {
        label: create.label.trim().to_owned(),
        uses: create.uses,
        lifetime: Lifetime::seconds(create.expires_in),
    };
    let (value, token) = context.with_ground(|ground, _| async move {
        Ok(initial_tokens::create(&ground, new, &Actor::cli()).await?)
    })?;
    let mut document = document(&token);
    document["initial_access_token"] = json!(value);
    context.output.write(&document, || {
        let (uses, end) = (token.uses, date(token.expires_at));
        format!("{value}\n\nGood for {uses} clients until {end}. It is shown this once.")
    });
    Ok(())
}

/// A token as JSON, without itself. Times are unix seconds.
fn document(token: &InitialAccessToken) -> Value {
    json!({
        "id": token.id,
        "label": token.label,
        "uses": token.uses,
        "uses_left": token.uses_left,
        "created_by": token.created_by,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
    })
}

fn list(context: &Context<'_>) -> Result<(), CliError> {
    let tokens =
        context.with_ground(|ground, _| async move { Ok(initial_tokens::list(&ground).await?) })?;
    let all = Value::Array(tokens.iter().map(document).collect());
    context.output.write(&all, || {
        let row = |token: &InitialAccessToken| {
            vec![
                token.id.clone(),
                token.label.clone(),
                format!("{} of {}", token.uses_left, token.uses),
                token.created_by.clone(),
                date(token.expires_at),
            ]
        };
        let rows: Vec<_> = tokens.iter().map(row).collect();
        table(&["ID", "LABEL", "LEFT", "MADE BY", "ENDS"], &rows)
    });
    Ok(())
}

fn take_back(context: &Context<'_>, id: &str) -> Result<(), CliError> {
    context.with_ground(|ground, _| async move {
        Ok(initial_tokens::revoke(&ground, id, &Actor::cli()).await?)
    })?;
    context.output.write(&json!({ "id": id, "done": "revoked" }), || format!("{id}: revoked."));
    Ok(())
}

impl From<TokenError> for CliError {
    fn from(error: TokenError) -> Self {
        let code = match error {
            TokenError::Storage(error) => return error.into(),
            TokenError::Invalid(problems) => return Self::Invalid(problems),
            TokenError::NotFound => "not_found",
        };
        Self::failed(code, error)
    }
}
