//! Providers at which people may sign in instead of with a password here.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a provider speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamKind {
    /// OpenID Connect: everything else is in its discovery document.
    #[default]
    Oidc,
    /// OAuth 2 alone: who signed in is asked for at an address with the access token.
    Oauth2,
}

impl UpstreamKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Oidc, Self::Oauth2];

    /// The kind as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Oauth2 => "oauth2",
        }
    }
}

impl fmt::Display for UpstreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for UpstreamKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or("use oidc or oauth2")
    }
}

/// Under which names a provider tells of a person; the usual ones of its kind when absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimNames {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_claim: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_claim: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified_claim: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_claim: Option<String>,
}

/// How people sign in there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamSettings {
    pub kind: UpstreamKind,
    /// Who vouches: the `iss` of an OpenID provider, and for the other kind an address that stands
    /// for it.
    pub issuer: String,
    pub client_id: String,
    /// What is asked for, separated by spaces.
    pub scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// Where it lists the email addresses of the person, each with `primary` and `verified`, when it
    /// does not say them with the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emails_endpoint: Option<String>,
    #[serde(flatten)]
    pub claims: ClaimNames,
    /// An email address that it calls verified is verified.
    pub trust_email: bool,
    /// People whom it knows may make accounts here; only with an email address that is trusted.
    pub allow_sign_up: bool,
    /// Nobody is sent there while this is set.
    pub disabled: bool,
}

impl UpstreamSettings {
    /// The name of the claim that names a person, and never changes.
    pub fn subject_claim(&self) -> &str {
        let usual = match self.kind {
            UpstreamKind::Oidc => "sub",
            UpstreamKind::Oauth2 => "id",
        };
        self.claims.subject_claim.as_deref().unwrap_or(usual)
    }

    /// The name of the claim with the email address.
    pub fn email_claim(&self) -> &str {
        self.claims.email_claim.as_deref().unwrap_or("email")
    }

    /// The name of the claim that says whether it was verified.
    pub fn email_verified_claim(&self) -> &str {
        self.claims.email_verified_claim.as_deref().unwrap_or("email_verified")
    }

    /// The name of the claim with the person's name.
    pub fn name_claim(&self) -> &str {
        self.claims.name_claim.as_deref().unwrap_or("name")
    }
}

/// A provider, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name in addresses.
    pub slug: String,
    /// What people read.
    pub name: String,
    pub settings: UpstreamSettings,
    pub sealed_secret: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Whether `text` can be a slug: 1 to 32 small letters, digits and dashes.
pub fn is_slug(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_plain() {
        for (text, is_good) in [
            ("google", true),
            ("a-1", true),
            ("", false),
            ("-a", false),
            ("A", false),
            ("a/b", false),
            ("a b", false),
            ("é", false),
        ] {
            assert_eq!(is_slug(text), is_good, "{text}");
        }
        assert!(!is_slug(&"a".repeat(33)));
    }

    #[test]
    fn each_kind_has_its_usual_claims() {
        let mut settings = UpstreamSettings::default();
        assert_eq!(settings.subject_claim(), "sub");
        settings.kind = UpstreamKind::Oauth2;
        assert_eq!((settings.subject_claim(), settings.email_claim()), ("id", "email"));
        settings.claims.subject_claim = Some("node_id".into());
        assert_eq!(settings.subject_claim(), "node_id");
    }
}
