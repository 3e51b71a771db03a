//! An access token that somebody presents to us: read, verified, and held against the database.
//!
//! The signature of a token never changes, so a token that verified once is remembered until it
//! expires; whether it was revoked is asked every time.

use crate::domain::digest::digest;
use crate::domain::keys::ALGORITHMS;
use crate::domain::provider::Provider;
use crate::domain::revocation;
use crate::jose::{
    Claims, Expected, JoseError, MAX_TOKEN_BYTES, SigningAlgorithm, SigningKey, TimeCheck, Typ,
    gate,
};
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::OAuthError;
use crate::protocol::revocation::TokenFacts;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use crate::storage::{DbConnection, StorageError, issued_tokens};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

/// The claims of an access token that is ours, signed by us and not expired.
#[derive(Debug, Clone, PartialEq)]
pub struct Presented {
    pub jti: String,
    pub subject: String,
    pub client_id: String,
    pub sid: Option<String>,
    pub scope: Scope,
    pub audience: String,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The key of ours that signed it; none for an opaque token, and for one under a resource's secret.
    pub kid: Option<String>,
    /// What its sender must show to hold.
    pub confirmation: Confirmation,
    pub claims: Map<String, Value>,
}

impl Presented {
    /// What the revocation list is asked.
    pub fn facts(&self) -> TokenFacts<'_> {
        TokenFacts {
            jti: &self.jti,
            subject: &self.subject,
            client_id: &self.client_id,
            sid: self.sid.as_deref(),
            kid: self.kid.as_deref(),
            issued_at: self.issued_at,
        }
    }

    /// Whether it must be refused although it verifies; asks the database.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub fn is_revoked(
        &self,
        conn: &mut DbConnection,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        revocation::is_revoked(conn, &self.facts(), now)
    }
}

/// Reads an access token of any format. `None` when it is not one of ours, or has expired.
///
/// # Errors
///
/// Those of the database, for the formats that are looked up there.
pub async fn read(provider: &Provider, token: &str) -> Result<Option<Arc<Presented>>, OAuthError> {
    if token.len() > MAX_TOKEN_BYTES || token.is_empty() {
        return Ok(None);
    }
    match token.bytes().filter(|byte| *byte == b'.').count() {
        2 if is_under_shared_secret(token) => find_recorded(provider, token).await,
        2 => Ok(read_jwt(provider, token)),
        0 | 4 => find_recorded(provider, token).await,
        _ => Ok(None),
    }
}

/// Whether a resource's own secret signed it: then its hash tells whether it is ours. The header of
/// such a token is always the same.
fn is_under_shared_secret(token: &str) -> bool {
    static HEADER: LazyLock<String> = LazyLock::new(|| {
        let key = SigningKey::from_secret(SigningAlgorithm::HS256, &[0; 32]);
        let token = key.and_then(|key| key.sign(Typ::AccessToken, &serde_json::json!({})));
        let token = token.unwrap_or_default();
        token.split('.').next().unwrap_or_default().to_owned()
    });
    token.split('.').next().is_some_and(|header| !header.is_empty() && header == *HEADER)
}

fn read_jwt(provider: &Provider, token: &str) -> Option<Arc<Presented>> {
    let now = provider.now();
    let hash = digest(token);
    let keys = provider.keys.current();
    if let Some(known) = provider.verified.get(&hash) {
        let key_is_good = known.kid.as_deref().is_some_and(|kid| keys.verifying(kid).is_some());
        return (known.expires_at > now && key_is_good).then_some(known);
    }
    match verify(provider, token, now) {
        Ok(presented) => {
            let presented = Arc::new(presented);
            provider.verified.insert(hash, presented.clone());
            Some(presented)
        }
        Err(error) => {
            tracing::debug!(%error, "access token refused");
            None
        }
    }
}

fn verify(provider: &Provider, token: &str, now: Timestamp) -> Result<Presented, JoseError> {
    let token = gate(token, &Expected::new(&["at+jwt"], &ALGORITHMS))?;
    let keys = provider.keys.current();
    let kid = token.kid().ok_or(JoseError::Refused("no kid"))?.to_owned();
    let key = keys.verifying(&kid).ok_or(JoseError::Refused("not a key of ours"))?;
    let claims = token.verify(key)?;
    claims.expect_str("iss", &provider.issuer)?;
    let time = TimeCheck { now, leeway_seconds: 0 };
    time.require_exp(&claims)?;
    presented(claims, Some(kid))
}

fn presented(claims: Claims, kid: Option<String>) -> Result<Presented, JoseError> {
    let text = |name: &'static str| claims.required_str(name).map(str::to_owned);
    let scope = claims.str("scope")?.unwrap_or_default().parse();
    Ok(Presented {
        jti: text("jti")?,
        subject: text("sub")?,
        client_id: text("client_id")?,
        sid: claims.str("sid")?.map(str::to_owned),
        scope: scope.map_err(|_| JoseError::Claim { name: "scope", problem: "is malformed" })?,
        audience: claims.required_audience()?.join(" "),
        issued_at: claims.required_time("iat")?,
        expires_at: claims.required_time("exp")?,
        kid,
        confirmation: confirmation(&claims)?,
        claims: claims.into_map(),
    })
}

fn confirmation(claims: &Claims) -> Result<Confirmation, JoseError> {
    let Some(value) = claims.get("cnf") else { return Ok(Confirmation::default()) };
    let unknown = |_| JoseError::Claim { name: "cnf", problem: "cannot be checked" };
    Confirmation::deserialize(value).map_err(unknown)
}

/// Opaque tokens, and encrypted ones whoever they are encrypted for: by their hash.
async fn find_recorded(
    provider: &Provider,
    token: &str,
) -> Result<Option<Arc<Presented>>, OAuthError> {
    let (hash, now) = (digest(token), provider.now());
    let found =
        provider.db.read_by_key(move |conn| issued_tokens::find_by_hash(conn, &hash, now)).await?;
    let read = found.and_then(|record| {
        let claims = Claims::parse(record.claims?.as_bytes()).ok()?;
        presented(claims, record.kid).ok()
    });
    let keys = provider.keys.current();
    let key_is_good = |kid: &str| keys.verifying(kid).is_some();
    Ok(read.filter(|token| token.kid.as_deref().is_none_or(key_is_good)).map(Arc::new))
}
