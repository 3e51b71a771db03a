//! The public keys of clients: given by value, or fetched from `jwks_uri` when needed.

use super::RegisteredClient;
use crate::domain::provider::Provider;
use crate::jose::{
    Certificate, ContentEncryption, EncryptionKey, JwkSet, KeyManagement, PublicJwk,
    SigningAlgorithm, VerifyingKey,
};
use crate::protocol::client::ClientMetadata;
use crate::protocol::error::OAuthError;
use crate::protocol::time::{Lifetime, Timestamp};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// A set is fetched at most once in this time, however many unknown keys are named.
const MIN_REFETCH: Lifetime = Lifetime::seconds(60);
/// After this a fetched set is fetched anew, so that a withdrawn key ends.
const MAX_AGE: Lifetime = Lifetime::minutes(15);

/// Where a client's keys come from, and those that are known.
pub struct ClientKeys {
    uri: Option<String>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    set: Option<Arc<JwkSet>>,
    fetched_at: Option<Timestamp>,
    /// Keys that were used, built: thumbprint, algorithm, key.
    built: Vec<(String, SigningAlgorithm, Arc<VerifyingKey>)>,
    /// The same for keys to encrypt to, of which there is one for each pair of algorithms.
    recipients: Vec<Arc<EncryptionKey>>,
}

impl ClientKeys {
    /// Reads the keys of a client's metadata; those of `jwks_uri` come later.
    pub fn of(metadata: &ClientMetadata) -> Self {
        Self::given(metadata.jwks.as_ref(), metadata.jwks_uri.as_deref())
    }

    /// Reads the keys of somebody who gave them by value, or where they are.
    pub fn given(jwks: Option<&Value>, uri: Option<&str>) -> Self {
        let by_value = jwks.map(|jwks| jwks.to_string());
        let set = by_value.and_then(|jwks| JwkSet::parse(jwks.as_bytes()).ok()).map(Arc::new);
        let uri = uri.map(str::to_owned).filter(|_| set.is_none());
        Self { uri, known: Mutex::new(Known { set, ..Known::default() }) }
    }

    /// Where they are fetched from, when they are.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    fn lookup(&self, kid: Option<&str>, alg: SigningAlgorithm) -> Vec<Arc<VerifyingKey>> {
        let mut known = self.known.lock().expect("no one panics with the lock");
        let Some(set) = known.set.clone() else { return Vec::new() };
        set.candidates(kid, alg).filter_map(|jwk| known.build(jwk, alg)).collect()
    }

    fn hold(&self, certificate: &Certificate) -> bool {
        let known = self.known.lock().expect("no one panics with the lock");
        let set = known.set.clone();
        set.is_some_and(|set| set.keys().iter().any(|jwk| certificate.is_of(jwk)))
    }

    /// Whether a fetch is due: the set is unknown, old, or lacks a key and the pause is over.
    fn may_fetch(&self, now: Timestamp, lacks_key: bool) -> bool {
        let mut known = self.known.lock().expect("no one panics with the lock");
        let pause = if lacks_key { MIN_REFETCH } else { MAX_AGE };
        let is_due = known.fetched_at.is_none_or(|at| now >= at + pause);
        if self.uri.is_none() || !is_due {
            return false;
        }
        // Marked before the fetch: of many that come at once only one goes out.
        known.fetched_at = Some(now);
        true
    }

    fn replace(&self, set: JwkSet) {
        let mut known = self.known.lock().expect("no one panics with the lock");
        known.set = Some(Arc::new(set));
        known.built.clear();
        known.recipients.clear();
    }

    fn recipient(&self, alg: KeyManagement, enc: ContentEncryption) -> Option<Arc<EncryptionKey>> {
        let mut known = self.known.lock().expect("no one panics with the lock");
        let fits = |key: &&Arc<EncryptionKey>| key.algorithm() == alg && key.encryption() == enc;
        if let Some(key) = known.recipients.iter().find(fits) {
            return Some(key.clone());
        }
        let jwk = known.set.as_ref()?.recipient(alg)?.clone();
        let key = Arc::new(EncryptionKey::from_jwk(&jwk, alg, enc).ok()?);
        known.recipients.push(key.clone());
        Some(key)
    }
}

impl Known {
    fn build(&mut self, jwk: &PublicJwk, alg: SigningAlgorithm) -> Option<Arc<VerifyingKey>> {
        let name = jwk.thumbprint();
        let built = self.built.iter().find(|(own, own_alg, _)| *own == name && *own_alg == alg);
        if let Some((_, _, key)) = built {
            return Some(key.clone());
        }
        let key = Arc::new(VerifyingKey::from_jwk(jwk, alg).ok()?);
        self.built.push((name, alg, key.clone()));
        Some(key)
    }
}

/// The keys of a client that fit a token's `kid` and `alg`, fetched when needed.
///
/// # Errors
///
/// None of the client's making: a set that cannot be fetched reads as one without the key.
pub async fn candidates(
    provider: &Provider,
    client: &RegisteredClient,
    kid: Option<&str>,
    alg: SigningAlgorithm,
) -> Result<Vec<Arc<VerifyingKey>>, OAuthError> {
    Ok(matching(provider, &client.keys, &client.id, kid, alg).await)
}

/// The keys of somebody that fit a token's `kid` and `alg`, fetched when needed; `whose` they are
/// stands in the log.
pub async fn matching(
    provider: &Provider,
    keys: &ClientKeys,
    whose: &str,
    kid: Option<&str>,
    alg: SigningAlgorithm,
) -> Vec<Arc<VerifyingKey>> {
    let found = keys.lookup(kid, alg);
    match refresh(provider, keys, whose, found.is_empty()).await {
        true => keys.lookup(kid, alg),
        false => found,
    }
}

/// The key of a client to encrypt to (OpenID Connect Core §10.2), fetched when needed.
///
/// # Errors
///
/// `invalid_request` when the client has no key that fits: nothing goes out unencrypted instead.
pub async fn recipient_key(
    provider: &Provider,
    client: &RegisteredClient,
    (alg, enc): (KeyManagement, ContentEncryption),
) -> Result<Arc<EncryptionKey>, OAuthError> {
    let mut found = client.keys.recipient(alg, enc);
    if refresh(provider, &client.keys, &client.id, found.is_none()).await {
        found = client.keys.recipient(alg, enc);
    }
    found.ok_or_else(|| OAuthError::invalid_request("the client has no key to encrypt to"))
}

/// Whether one of the client's keys is that of a certificate; fetched when needed.
pub async fn hold(
    provider: &Provider,
    client: &RegisteredClient,
    certificate: &Certificate,
) -> bool {
    let held = client.keys.hold(certificate);
    match refresh(provider, &client.keys, &client.id, !held).await {
        true => client.keys.hold(certificate),
        false => held,
    }
}

/// Fetches the keys of somebody when that is due. True when it was tried.
async fn refresh(provider: &Provider, keys: &ClientKeys, whose: &str, lacks_key: bool) -> bool {
    let Some(uri) = keys.uri() else { return false };
    if !keys.may_fetch(provider.now(), lacks_key) {
        return false;
    }
    let fetched = match provider.outbound.get_json(uri).await {
        Ok(body) => JwkSet::parse(&body).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match fetched {
        Ok(set) => keys.replace(set),
        Err(error) => {
            tracing::warn!(whose, %error, "a jwks_uri gave no keys");
        }
    }
    true
}

/// A recipient's key as encryption key, by the `alg` it names or the one its type suggests.
pub fn recipient(jwk: &Value) -> Option<EncryptionKey> {
    let jwk = PublicJwk::from_value(jwk).ok()?;
    let named = jwk.alg().and_then(|alg| alg.parse().ok());
    let usual = [KeyManagement::EcdhEs, KeyManagement::RsaOaep256];
    let suggested = usual.into_iter().find(|alg| jwk.encrypts(*alg));
    EncryptionKey::from_jwk(&jwk, named.or(suggested)?, ContentEncryption::A256Gcm).ok()
}
