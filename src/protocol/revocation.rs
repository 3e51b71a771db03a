//! The revocation list: tokens that verify and must be refused all the same.
//!
//! An entry names one token by its `jti`, or all tokens of somebody or something up to a moment (a
//! watermark). An entry dies when no token it applies to can be alive.

pub use super::revocation_list::{RevocationList, SavedList};

use super::client::UnknownValue;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What an entry applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RevocationKind {
    /// One token, by its `jti`.
    #[serde(rename = "jti")]
    Token,
    /// A user, by `sub`.
    #[serde(rename = "sub")]
    Subject,
    /// A session, by `sid`.
    #[serde(rename = "sid")]
    Session,
    /// A client, by `client_id`.
    #[serde(rename = "client")]
    Client,
    /// A user at one client; the key is `SUB+CLIENT_ID`.
    #[serde(rename = "sub+client")]
    SubjectAtClient,
    /// A signing key, by `kid`.
    #[serde(rename = "kid")]
    Key,
    /// Everything; the key is `*`.
    #[serde(rename = "all")]
    All,
}

impl RevocationKind {
    /// The kind as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "jti",
            Self::Subject => "sub",
            Self::Session => "sid",
            Self::Client => "client",
            Self::SubjectAtClient => "sub+client",
            Self::Key => "kid",
            Self::All => "all",
        }
    }
}

impl fmt::Display for RevocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RevocationKind {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        match text {
            "jti" => Ok(Self::Token),
            "sub" => Ok(Self::Subject),
            "sid" => Ok(Self::Session),
            "client" => Ok(Self::Client),
            "sub+client" => Ok(Self::SubjectAtClient),
            "kid" => Ok(Self::Key),
            "all" => Ok(Self::All),
            _ => Err(UnknownValue("jti sub sid client sub+client kid all")),
        }
    }
}

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationEntry {
    /// Its number in the database; later entries have higher ones.
    pub seq: i64,
    pub kind: RevocationKind,
    pub key: String,
    /// Tokens with `iat` up to this are refused. Absent for a `jti`, which is refused outright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// After this no token that it applies to can be alive.
    pub expires_at: Timestamp,
}

/// What of a token the list is asked about.
#[derive(Debug, Clone, Copy)]
pub struct TokenFacts<'a> {
    pub jti: &'a str,
    pub subject: &'a str,
    pub client_id: &'a str,
    pub sid: Option<&'a str>,
    pub kid: Option<&'a str>,
    pub issued_at: Timestamp,
}

/// The key of a [`RevocationKind::SubjectAtClient`] entry.
pub fn subject_at_client(subject: &str, client_id: &str) -> String {
    format!("{subject}+{client_id}")
}

/// The key of the [`RevocationKind::All`] entry.
pub const ALL_KEY: &str = "*";
