//! What a client may exchange tokens for, as flags.

use crate::cli::context::words;
use crate::cli::output::CliError;
use crate::protocol::client::exchange::ExchangePolicy;
use clap::Args;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct ExchangeMembers {
    /// Token exchange (RFC 8693): whom the new tokens may be for, by identifier of the resource
    #[arg(
        long = "token-exchange-audience",
        visible_alias = "token-exchange-audiences",
        value_name = "URI",
        num_args = 1..
    )]
    token_exchange_audiences: Vec<String>,
    /// The most that tokens may have after an exchange; the scope of the client when not given
    #[arg(long = "token-exchange-scope", value_name = "SCOPE", num_args = 1..)]
    token_exchange_scope: Vec<String>,
    /// Who may act for people in tokens of an exchange, by the sub of their own token: a client_id
    #[arg(
        long = "token-exchange-actor",
        visible_alias = "token-exchange-actors",
        value_name = "SUB",
        num_args = 1..
    )]
    token_exchange_actors: Vec<String>,
    /// Tokens of an exchange may leave open who acts
    #[arg(long = "token-exchange-impersonation", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    token_exchange_impersonation: Option<bool>,
    /// How many may act one for the other, 1 to 4
    #[arg(long = "token-exchange-max-actors", value_name = "NUMBER")]
    token_exchange_max_actors: Option<u32>,
    /// The only one who may act with the client's tokens of people, by sub
    #[arg(long, value_name = "SUB")]
    may_act: Option<String>,
}

impl ExchangeMembers {
    /// Writes what was given into a policy.
    pub fn apply(&self, policy: &mut ExchangePolicy) -> Result<(), CliError> {
        for (member, given) in [
            (&mut policy.audiences, &self.token_exchange_audiences),
            (&mut policy.actors, &self.token_exchange_actors),
        ] {
            let given: Vec<String> =
                given.iter().flat_map(|one| one.split_whitespace()).map(str::to_owned).collect();
            if !given.is_empty() {
                *member = given;
            }
        }
        if !self.token_exchange_scope.is_empty() {
            let scope = words(&self.token_exchange_scope).join(" ").parse();
            policy.scope = scope.map_err(|error: crate::protocol::error::OAuthError| {
                CliError::Usage(format!("--token-exchange-scope: {}", error.description))
            })?;
        }
        policy.impersonation = self.token_exchange_impersonation.unwrap_or(policy.impersonation);
        policy.max_actors = self.token_exchange_max_actors.or(policy.max_actors);
        if self.may_act.is_some() {
            policy.may_act.clone_from(&self.may_act);
        }
        Ok(())
    }
}

/// Takes a member away. False when it is none of these.
pub fn unset(policy: &mut ExchangePolicy, name: &str) -> bool {
    match name {
        "token_exchange_audiences" => policy.audiences.clear(),
        "token_exchange_scope" => policy.scope = Default::default(),
        "token_exchange_actors" => policy.actors.clear(),
        "token_exchange_max_actors" => policy.max_actors = None,
        "may_act" => policy.may_act = None,
        _ => return false,
    }
    true
}
