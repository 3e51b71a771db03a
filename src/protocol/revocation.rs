//! The revocation list: tokens that verify and must be refused all the same.
//!
//! An entry names one token by its `jti`, or all tokens of somebody or something up to a moment (a
//! watermark). The list is small: an entry dies when no token it applies to can be alive.

use super::client::UnknownValue;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
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

/// The entries that are alive, in memory. A question costs a few hash look-ups.
#[derive(Debug, Clone, Default)]
pub struct RevocationList {
    entries: HashMap<RevocationKind, HashMap<String, Mark>>,
    last_seq: i64,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    not_before: Option<Timestamp>,
    expires_at: Timestamp,
}

impl RevocationList {
    /// Takes an entry in. In any order and any number of times: the highest watermark and the
    /// latest expiry stay.
    pub fn insert(&mut self, entry: &RevocationEntry) {
        self.last_seq = self.last_seq.max(entry.seq);
        let of_kind = self.entries.entry(entry.kind).or_default();
        let mark = of_kind
            .entry(entry.key.clone())
            .or_insert(Mark { not_before: entry.not_before, expires_at: entry.expires_at });
        mark.not_before = mark.not_before.max(entry.not_before);
        mark.expires_at = mark.expires_at.max(entry.expires_at);
    }

    /// Whether a token must be refused.
    pub fn is_revoked(&self, token: &TokenFacts<'_>) -> bool {
        if self.entries.is_empty() {
            return false;
        }
        let at_client;
        let mut watermarks = vec![
            (RevocationKind::All, ALL_KEY),
            (RevocationKind::Subject, token.subject),
            (RevocationKind::Client, token.client_id),
        ];
        if self.entries.contains_key(&RevocationKind::SubjectAtClient) {
            at_client = subject_at_client(token.subject, token.client_id);
            watermarks.push((RevocationKind::SubjectAtClient, &at_client));
        }
        watermarks.extend(token.sid.map(|sid| (RevocationKind::Session, sid)));
        watermarks.extend(token.kid.map(|kid| (RevocationKind::Key, kid)));
        self.mark(RevocationKind::Token, token.jti).is_some()
            || watermarks.into_iter().any(|(kind, key)| {
                let not_before = self.mark(kind, key).and_then(|mark| mark.not_before);
                not_before.is_some_and(|not_before| token.issued_at <= not_before)
            })
    }

    /// The watermark under a key, if there is one.
    pub fn not_before(&self, kind: RevocationKind, key: &str) -> Option<Timestamp> {
        self.mark(kind, key)?.not_before
    }

    fn mark(&self, kind: RevocationKind, key: &str) -> Option<&Mark> {
        self.entries.get(&kind)?.get(key)
    }

    /// Drops the entries that no living token needs.
    pub fn sweep(&mut self, now: Timestamp) {
        for of_kind in self.entries.values_mut() {
            of_kind.retain(|_, mark| mark.expires_at > now);
        }
        self.entries.retain(|_, of_kind| !of_kind.is_empty());
    }

    /// The highest number taken in.
    pub fn last_seq(&self) -> i64 {
        self.last_seq
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.values().map(HashMap::len).sum()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn entry(kind: RevocationKind, key: &str, not_before: Option<i64>) -> RevocationEntry {
        let not_before = not_before.map(at);
        RevocationEntry { seq: 1, kind, key: key.into(), not_before, expires_at: at(1000) }
    }

    fn token(issued_at: i64) -> TokenFacts<'static> {
        TokenFacts {
            jti: "j1",
            subject: "ada",
            client_id: "app",
            sid: Some("s1"),
            kid: Some("k1"),
            issued_at: at(issued_at),
        }
    }

    #[test]
    fn a_listed_jti_is_refused_whenever_it_was_issued() {
        let mut list = RevocationList::default();
        list.insert(&entry(RevocationKind::Token, "j1", None));
        assert!(list.is_revoked(&token(999)));
        assert!(!list.is_revoked(&TokenFacts { jti: "j2", ..token(1) }));
    }

    #[test]
    fn every_kind_of_watermark_refuses_what_was_issued_up_to_it() {
        for (kind, key) in [
            (RevocationKind::Subject, "ada"),
            (RevocationKind::Session, "s1"),
            (RevocationKind::Client, "app"),
            (RevocationKind::SubjectAtClient, "ada+app"),
            (RevocationKind::Key, "k1"),
            (RevocationKind::All, ALL_KEY),
        ] {
            let mut list = RevocationList::default();
            list.insert(&entry(kind, key, Some(500)));
            assert!(list.is_revoked(&token(500)), "{kind}");
            assert!(!list.is_revoked(&token(501)), "{kind}");
        }
    }

    #[test]
    fn a_watermark_is_never_lowered() {
        let mut list = RevocationList::default();
        list.insert(&entry(RevocationKind::Subject, "ada", Some(500)));
        list.insert(&entry(RevocationKind::Subject, "ada", Some(400)));
        assert!(list.is_revoked(&token(450)));
    }

    #[test]
    fn entries_go_when_no_token_needs_them() {
        let mut list = RevocationList::default();
        list.insert(&entry(RevocationKind::Token, "j1", None));
        list.sweep(at(999));
        assert_eq!(list.len(), 1);
        list.sweep(at(1000));
        assert!(list.is_empty());
        assert_eq!(list.last_seq(), 1);
    }
}
