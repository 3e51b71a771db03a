//! What is known of an issuer whose assertions are taken as a grant (RFC 7523 §2.1).

use super::scope::Scope;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// By what a claim of an assertion names a person here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// The id, which is `sub` in our tokens.
    #[default]
    Id,
    Username,
    /// An address that the account has confirmed.
    Email,
}

impl NamedBy {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Id, Self::Username, Self::Email];

    /// The value as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Username => "username",
            Self::Email => "email",
        }
    }

    /// The value of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// What an administrator decides about an issuer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IssuerSettings {
    /// Its public keys, a JWK Set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Or where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The clients that may bring its assertions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// The most that comes of its assertions. Empty: the scope of the client.
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The claim that names the person, for subjects that are not mapped one by one. None: only
    /// those that are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_claim: Option<String>,
    /// By what it names them.
    pub named_by: NamedBy,
}

/// An issuer.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustedIssuer {
    pub id: String,
    /// Its `iss`, compared byte for byte.
    pub issuer: String,
    pub name: String,
    pub settings: IssuerSettings,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
