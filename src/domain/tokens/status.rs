//! Where foreign services read whether a token was revoked: a Token Status List
//! (draft-ietf-oauth-status-list), one bit for each token.
//!
//! A list holds the tokens that expire within one hour; the place of a token in it is random, so that
//! two places say nothing of each other. What a list says is put together from the revocations of
//! this process whenever they have changed.

use crate::domain::digest::digest;
use crate::domain::fault::signing;
use crate::domain::provider::Provider;
use crate::jose::{SigningAlgorithm, Typ};
use crate::protocol::error::OAuthError;
use crate::protocol::random::Random;
use crate::protocol::revocation::TokenFacts;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::issued_tokens::{self, IssuedToken};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use quick_cache::sync::Cache;
use serde::Serialize;
use std::io::Write;
use std::sync::Arc;

/// Where lists are.
pub const PATH: &str = "/status/";
/// Where it says which lists there are (§9).
pub const AGGREGATION_PATH: &str = "/status";
/// How many places a list has. Few of them are taken, so that a random one is mostly free.
const PLACES: usize = 1 << 22;
/// The tokens of one list expire within so many seconds.
const SPAN: i64 = 3600;
/// How long a reader may keep a list, in seconds (§5.1 `ttl`).
const TTL: Lifetime = Lifetime::seconds(5);
/// How long a list may be believed (§5.1 `exp`).
const LIFE: Lifetime = Lifetime::minutes(1);
/// How many lists are kept.
const KEPT: usize = 8;

/// The place of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub list: i64,
    pub index: i64,
}

impl Place {
    /// A place for a token that expires then. Another token may have it already; then the database
    /// says so.
    pub fn draw(random: &dyn Random, expires_at: Timestamp) -> Self {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        let index = u32::from_le_bytes(bytes) as usize % PLACES;
        Self { list: list_at(expires_at), index: index as i64 }
    }

    /// The claim `status` of the token (§6.1).
    pub fn claim(self, provider: &Provider) -> Status {
        let list = StatusListPlace { idx: self.index, uri: uri(provider, self.list) };
        Status { status_list: list }
    }
}

/// The claim `status`.
#[derive(Debug, Serialize)]
pub struct Status {
    status_list: StatusListPlace,
}

#[derive(Debug, Serialize)]
struct StatusListPlace {
    idx: i64,
    uri: String,
}

fn uri(provider: &Provider, list: i64) -> String {
    format!("{}{PATH}{list}", provider.issuer)
}

/// A list as it goes out.
#[derive(Debug, Clone)]
pub struct SignedList {
    pub jwt: Arc<str>,
    pub etag: Arc<str>,
    pub max_age: u32,
}

/// The lists that were put together.
pub struct StatusLists(Cache<Asked, SignedList>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    list: i64,
    epoch: Arc<str>,
    seq: i64,
    /// In steps of [`TTL`].
    now: i64,
}

impl Default for StatusLists {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

/// The claims of a list (§5.1).
#[derive(Serialize)]
struct ListClaims {
    iss: String,
    sub: String,
    iat: Timestamp,
    exp: Timestamp,
    ttl: u32,
    status_list: Bits,
}

#[derive(Serialize)]
struct Bits {
    bits: u8,
    lst: String,
    aggregation_uri: String,
}

/// Which lists living tokens can be in (§9.3).
#[derive(Debug, Serialize)]
pub struct Aggregation {
    status_lists: Vec<String>,
}

/// The addresses of all lists that living tokens can be in.
pub fn aggregation(provider: &Provider) -> Aggregation {
    let now = provider.clock.shared();
    let last = now + provider.longest_token_life();
    let lists = list_at(now)..=list_at(last);
    Aggregation { status_lists: lists.map(|list| uri(provider, list)).collect() }
}

/// The list of the tokens that expire then.
fn list_at(expires_at: Timestamp) -> i64 {
    expires_at.as_unix().div_euclid(SPAN)
}

impl StatusLists {
    /// A list. None for one that no living token can be in.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` when the database cannot be asked.
    pub async fn get(
        &self,
        provider: &Provider,
        list: i64,
    ) -> Result<Option<SignedList>, OAuthError> {
        let now = provider.clock.shared();
        let first = list_at(now) - 1;
        let last = list_at(now + provider.longest_token_life()) + 1;
        if !(first..=last).contains(&list) {
            return Ok(None);
        }
        let position = provider.revocation.position().borrow().clone();
        let step = now.as_unix().div_euclid(TTL.as_seconds().into());
        let asked = Asked { list, epoch: position.epoch, seq: position.seq, now: step };
        self.0.get_or_insert_async(&asked, make(provider, list, now)).await.map(Some)
    }
}

async fn make(provider: &Provider, list: i64, now: Timestamp) -> Result<SignedList, OAuthError> {
    let expiring = list * SPAN..(list + 1) * SPAN;
    let read = provider.db.read(move |conn| issued_tokens::list_of_status(conn, list, expiring));
    let lst = compress(&bits(provider, &read.await?))?;
    let claims = ListClaims {
        iss: provider.issuer.clone(),
        sub: uri(provider, list),
        iat: now,
        exp: now + LIFE,
        ttl: TTL.as_seconds(),
        status_list: Bits {
            bits: 1,
            lst,
            aggregation_uri: format!("{}{AGGREGATION_PATH}", provider.issuer),
        },
    };
    let keys = provider.keys.current();
    let key = keys.signing(SigningAlgorithm::ES256)?;
    let jwt = key.sign(Typ::StatusList, &claims).map_err(signing)?;
    let etag = format!("\"{}\"", digest(&jwt));
    Ok(SignedList { jwt: jwt.into(), etag: etag.into(), max_age: TTL.as_seconds() })
}

/// One bit for each place, the lowest of a byte first (§4.1); 1 is revoked.
fn bits(provider: &Provider, tokens: &[IssuedToken]) -> Vec<u8> {
    let mut bits = vec![0; PLACES / 8];
    let revocations = provider.revocation.list();
    let revocations = revocations.read().expect("no one panics with the lock");
    for token in tokens {
        let subject = token.user_id.as_deref().unwrap_or(&token.client_id);
        let facts = TokenFacts {
            jti: &token.jti,
            subject,
            client_id: &token.client_id,
            sid: token.sid.as_deref(),
            kid: token.kid.as_deref(),
            issued_at: Timestamp::from_unix(token.issued_at),
        };
        let place = token.status_index.and_then(|index| usize::try_from(index).ok());
        if let Some(place) = place.filter(|place| *place < PLACES)
            && revocations.is_revoked(&facts)
        {
            bits[place / 8] |= 1 << (place % 8);
        }
    }
    bits
}

/// DEFLATE in the zlib format, base64url (§4.1).
fn compress(bits: &[u8]) -> Result<String, OAuthError> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bits).and_then(|()| encoder.finish());
    Ok(BASE64_URL_SAFE_NO_PAD.encode(written.map_err(OAuthError::server_error)?))
}
