//! How the revocation list lies in Redis: what the provider writes and every verifier reads.
//!
//! | Key                              | Type   | What                                              |
//! |----------------------------------|--------|---------------------------------------------------|
//! | `{countersign}:head`               | string | the [`Head`] as JSON, written anew each second    |
//! | `{countersign}:revocations`        | stream | every living entry under the id `SEQ-0`           |
//! | `{countersign}:revoked:KIND:KEY`   | string | see below, with an expiry                        |
//!
//! The braces put all keys into one slot of a cluster, so that they can be written together.
//!
//! The stream is the list; the single keys serve those who only know how to look one up. Their value
//! is a number of unix seconds, and **a token with `iat` up to it is refused**: `not_before`, or for a
//! `jti`, whose token is refused whenever it was issued, `expires_at`. Redis keeps a number in the
//! entry itself, which a text would be kept beside of. **That an
//! entry is absent means "not revoked" only under a [`Head`] that is present, of the known epoch,
//! not behind what was seen before, young, and reached in the stream.**

use super::revocation::RevocationEntry;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The key of the [`Head`].
pub const HEAD_KEY: &str = "{countersign}:head";
/// The key of the stream of entries.
pub const STREAM_KEY: &str = "{countersign}:revocations";
/// How old a head may be, in seconds, before the list counts as stale.
pub const HEAD_LIFE_SECONDS: i64 = 3;
/// The fields of an entry in the stream.
pub const FIELDS: [&str; 4] = ["kind", "key", "not_before", "expires_at"];

/// Up to where the list in Redis is complete, and when somebody last made sure of that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The history that `seq` counts in; another one means that the numbers began anew.
    pub epoch: String,
    /// Every entry up to this number is in Redis.
    pub seq: i64,
    pub time: Timestamp,
    /// What shows the provider that it has written this number itself. It says nothing to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// Changes whenever the stream is built anew: what was read of it before may have had holes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
}

/// The single key of an entry.
pub fn entry_key(kind: &str, key: &str) -> String {
    format!("{{countersign}}:revoked:{kind}:{key}")
}

/// Reads an entry of the stream. None for what the provider did not write.
pub fn read_entry(id: &str, fields: &[(String, String)]) -> Option<RevocationEntry> {
    let field = |name| fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    let time = |text: &str| text.parse().ok().map(Timestamp::from_unix);
    let not_before = match field(FIELDS[2])? {
        "" => None,
        text => Some(time(text)?),
    };
    Some(RevocationEntry {
        seq: id.strip_suffix("-0")?.parse().ok()?,
        kind: field(FIELDS[0])?.parse().ok()?,
        key: field(FIELDS[1])?.to_owned(),
        not_before,
        expires_at: time(field(FIELDS[3])?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::revocation::RevocationKind;

    fn fields(values: [&str; 4]) -> Vec<(String, String)> {
        FIELDS.iter().zip(values).map(|(name, value)| ((*name).into(), value.into())).collect()
    }

    #[test]
    fn an_entry_of_the_stream_is_read_back() {
        let entry = read_entry("7-0", &fields(["sub", "ada", "500", "900"])).unwrap();
        assert_eq!((entry.seq, entry.kind), (7, RevocationKind::Subject));
        assert_eq!(entry.not_before, Some(Timestamp::from_unix(500)));
        let jti = read_entry("8-0", &fields(["jti", "j1", "", "900"])).unwrap();
        assert_eq!(jti.not_before, None);
        assert_eq!(entry_key(jti.kind.as_str(), &jti.key), "{countersign}:revoked:jti:j1");
    }

    #[test]
    fn what_the_provider_did_not_write_is_no_entry() {
        for (id, values) in [
            ("1763765000000-1", ["sub", "ada", "500", "900"]),
            ("x-0", ["sub", "ada", "500", "900"]),
            ("7-0", ["nobody", "ada", "500", "900"]),
            ("7-0", ["sub", "ada", "soon", "900"]),
            ("7-0", ["sub", "ada", "500", ""]),
        ] {
            assert_eq!(read_entry(id, &fields(values)), None, "{id} {values:?}");
        }
        assert_eq!(read_entry("7-0", &[]), None);
    }
}
