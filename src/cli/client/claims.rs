//! What the tokens of a client say of people beyond what is registered, as flags.

use crate::cli::context::claim_rules;
use crate::cli::output::CliError;
use crate::protocol::client::ClientPolicy;
use clap::Args;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct ClaimMembers {
    /// What access tokens say of people beyond what is registered, from user.NAME, roles, groups,
    /// roles:PREFIX, groups:PREFIX or text:WORDS; for a resource its own rules count
    #[arg(
        long = "access-token-claim",
        visible_alias = "access-token-claims",
        value_name = "NAME=SOURCE",
        num_args = 1..
    )]
    access_token_claims: Vec<String>,
    /// The same for ID tokens and userinfo
    #[arg(
        long = "id-token-claim",
        visible_alias = "id-token-claims",
        value_name = "NAME=SOURCE",
        num_args = 1..
    )]
    id_token_claims: Vec<String>,
}

impl ClaimMembers {
    /// Writes what was given into a policy.
    pub fn apply(&self, policy: &mut ClientPolicy) -> Result<(), CliError> {
        if !self.access_token_claims.is_empty() {
            let rules = claim_rules("--access-token-claim", &self.access_token_claims)?;
            policy.access_token_claims = rules;
        }
        if !self.id_token_claims.is_empty() {
            policy.id_token_claims = claim_rules("--id-token-claim", &self.id_token_claims)?;
        }
        Ok(())
    }
}

/// Takes a member away. False when it is none of these.
pub fn unset(policy: &mut ClientPolicy, name: &str) -> bool {
    match name {
        "access_token_claims" => policy.access_token_claims.clear(),
        "id_token_claims" => policy.id_token_claims.clear(),
        _ => return false,
    }
    true
}
