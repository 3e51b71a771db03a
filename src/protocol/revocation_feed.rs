//! The feed of revocations: what the provider signs and verifiers without Redis read.
//!
//! `GET /revocations?epoch=E&since=N&wait=S` answers a JWS of type `countersign-revocations+jwt`
//! whose payload is a [`FeedPage`]. What a reader keeps is the pair of `epoch` and `seq`.

use super::revocation::RevocationEntry;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Where the product says where its own endpoints are.
pub const WELL_KNOWN: &str = "/.well-known/countersign";
/// Where the feed is.
pub const PATH: &str = "/revocations";
/// The longest that an answer waits for news, in seconds.
pub const MAX_WAIT_SECONDS: u32 = 30;
/// The longest answer, in bytes.
pub const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// An answer of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPage {
    pub iss: String,
    /// When the provider looked.
    pub iat: Timestamp,
    /// The history that the numbers count in. With another one than the reader asked for, the page
    /// is the first of a new snapshot, and what was known before stays known.
    pub epoch: String,
    /// The entries are those after this number.
    pub since: i64,
    /// Up to this number nothing is missing.
    pub seq: i64,
    /// Whether there is more to ask for at once. Without, the list is complete as of `iat`.
    pub more: bool,
    pub entries: Vec<RevocationEntry>,
}
