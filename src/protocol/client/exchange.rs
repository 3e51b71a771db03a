//! What a client may exchange tokens for (RFC 8693): a policy of ours, and off until it names
//! something.

use crate::protocol::scope::Scope;
use crate::protocol::token_exchange::MAX_ACTORS;
use serde::{Deserialize, Serialize};

/// The limits of token exchange for one client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExchangePolicy {
    /// Whom the new tokens may be for, by identifier of the resource. Empty: nobody.
    #[serde(rename = "token_exchange_audiences", skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// The most that the new tokens may have. Empty: the scope of the client.
    #[serde(rename = "token_exchange_scope", skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// Who may act for somebody in the new tokens, by `sub` of the actor token. Empty: nobody.
    #[serde(rename = "token_exchange_actors", skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<String>,
    /// Whether the new tokens may leave open who acts.
    #[serde(rename = "token_exchange_impersonation", skip_serializing_if = "std::ops::Not::not")]
    pub impersonation: bool,
    /// How many may act one for the other; [`MAX_ACTORS`] when absent.
    #[serde(rename = "token_exchange_max_actors", skip_serializing_if = "Option::is_none")]
    pub max_actors: Option<u32>,
    /// The only one who may act with the tokens of people that this client gets (§4.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_act: Option<String>,
}

impl ExchangePolicy {
    /// How many may act one for the other.
    pub fn most_actors(&self) -> usize {
        self.max_actors.map_or(MAX_ACTORS, |most| MAX_ACTORS.min(most as usize))
    }
}
