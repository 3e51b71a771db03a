//! Our own keys: next → active → retiring → retired (OpenID Connect Core §10.1.1).
//!
//! A key is published before its first use, so that everyone has seen it, and stays published until
//! the last token signed with it has expired. Several algorithms are active at once. Keys that
//! others encrypt to live the same way, but leave the JWKS when they retire; until they are retired
//! for good they open what is still on its way.

mod lifecycle;

pub use lifecycle::{
    advance, publish_if_none, publish_next, reload, retire, rotate, rotate_on, sealing_key,
    withdraw, withdraw_on,
};

use super::provider::{Parts, StartError};
use crate::jose::{
    ContentEncryption, Decrypted, DecryptionKey, EncryptionKey, JoseError, KeyManagement,
    PublicJwk, SealingKey, SigningAlgorithm, SigningKey, VerifyingKey,
};
use crate::protocol::error::OAuthError;
use crate::protocol::random::Random;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::signing_keys::{self, StoredKey};
use crate::storage::{DbConnection, StorageError};
use arc_swap::ArcSwap;
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How long others may keep our JWKS.
pub const JWKS_MAX_AGE: Lifetime = Lifetime::seconds(300);
/// How long a key is published before it signs: twice what others keep.
pub const PUBLISH_AHEAD: Lifetime = Lifetime::seconds(600);
/// How long a key that signs no more stays published.
const RETIRING: Lifetime = Lifetime::hours(24);

/// The algorithms of our signing keys.
pub const ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::RS256,
    SigningAlgorithm::ES256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::EdDSA,
];

/// The algorithms of the keys that others encrypt to.
pub const ENCRYPTION: [KeyManagement; 2] = [KeyManagement::EcdhEs, KeyManagement::RsaOaep256];
/// How we encrypt what only we open.
const OURS: (KeyManagement, ContentEncryption) =
    (KeyManagement::EcdhEs, ContentEncryption::A256Gcm);

/// What a key of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// `use` is `sig`.
    Sign(SigningAlgorithm),
    /// `use` is `enc`.
    Decrypt(KeyManagement),
}

impl KeyUse {
    /// Each of which there is always an active key.
    pub const ALL: [Self; 6] = [
        Self::Sign(SigningAlgorithm::RS256),
        Self::Sign(SigningAlgorithm::ES256),
        Self::Sign(SigningAlgorithm::PS256),
        Self::Sign(SigningAlgorithm::EdDSA),
        Self::Decrypt(KeyManagement::EcdhEs),
        Self::Decrypt(KeyManagement::RsaOaep256),
    ];

    /// The `alg` of the key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sign(algorithm) => algorithm.as_str(),
            Self::Decrypt(algorithm) => algorithm.as_str(),
        }
    }
}

impl From<SigningAlgorithm> for KeyUse {
    fn from(algorithm: SigningAlgorithm) -> Self {
        Self::Sign(algorithm)
    }
}

impl FromStr for KeyUse {
    type Err = JoseError;

    fn from_str(text: &str) -> Result<Self, JoseError> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or(JoseError::Key("no key of ours has this algorithm"))
    }
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The keys in use, built once and swapped whole when they change.
pub struct KeyRing {
    current: ArcSwap<Keys>,
    seal: SealingKey,
}

/// One state of the ring.
#[derive(Default)]
pub struct Keys {
    active: HashMap<SigningAlgorithm, Arc<SigningKey>>,
    verifying: HashMap<String, Arc<VerifyingKey>>,
    decryption: Vec<Arc<DecryptionKey>>,
    encryption: Option<Arc<EncryptionKey>>,
    /// The JWKS as it is served (RFC 7517 §5).
    pub jwks: Arc<str>,
    /// Its entity tag.
    pub jwks_etag: String,
    /// Signing keys by `kid`, so that a reload builds only what is new.
    built: HashMap<String, Arc<SigningKey>>,
}

impl Keys {
    /// The key that signs with an algorithm.
    ///
    /// # Errors
    ///
    /// `server_error` when we have none, which registration prevents.
    pub fn signing(&self, algorithm: SigningAlgorithm) -> Result<&Arc<SigningKey>, OAuthError> {
        let missing = || OAuthError::server_error(format!("no active {algorithm} key"));
        self.active.get(&algorithm).ok_or_else(missing)
    }

    /// The key with a `kid`, if tokens signed with it are still good.
    pub fn verifying(&self, kid: &str) -> Option<&Arc<VerifyingKey>> {
        self.verifying.get(kid)
    }

    /// Our own encryption key, for tokens that only we open.
    ///
    /// # Errors
    ///
    /// `server_error` when there is none, which start-up prevents.
    pub fn encryption(&self) -> Result<&Arc<EncryptionKey>, OAuthError> {
        self.encryption.as_ref().ok_or_else(|| OAuthError::server_error("no encryption key"))
    }

    /// Opens what somebody encrypted to one of our keys.
    ///
    /// # Errors
    ///
    /// `Undecryptable`, whatever is wrong.
    pub fn decrypt(&self, token: &str) -> Result<Decrypted, JoseError> {
        let opened = self.decryption.iter().map(|key| key.decrypt(token, &ENCRYPTION));
        opened.into_iter().find(Result::is_ok).unwrap_or(Err(JoseError::Undecryptable))
    }
}

impl KeyRing {
    /// Reads the keys, and makes the first ones.
    ///
    /// # Errors
    ///
    /// When the stored keys were sealed under another master key: never new ones silently.
    pub async fn open(parts: &Parts, seal: SealingKey) -> Result<Self, StartError> {
        let ring = Self { current: ArcSwap::default(), seal };
        let mut stored = parts.db.read(signing_keys::list_live).await?;
        let missing = missing_uses(&stored);
        if !missing.is_empty() {
            let now = parts.clock.now();
            let made = make_all(&ring.seal, parts.random.as_ref(), &missing, now)?;
            parts.db.write(move |conn| insert_first(conn, &made)).await?;
            stored = parts.db.read(signing_keys::list_live).await?;
        }
        let keys = ring.build(&stored).map_err(|_| StartError::WrongMasterKey)?;
        ring.current.store(Arc::new(keys));
        Ok(ring)
    }

    /// The keys of this moment.
    pub fn current(&self) -> arc_swap::Guard<Arc<Keys>> {
        self.current.load()
    }

    fn build(&self, stored: &[StoredKey]) -> Result<Keys, JoseError> {
        let before = self.current.load();
        let mut keys = Keys::default();
        let mut published = Vec::new();
        for key in stored {
            let public: serde_json::Value = serde_json::from_str(&key.public_jwk)
                .map_err(|_| JoseError::Key("a stored public key cannot be read"))?;
            if key.purpose == "enc" {
                self.add_encryption(&mut keys, key, &public)?;
                if key.state != "retiring" {
                    published.push(public);
                }
                continue;
            }
            let signing = match before.built.get(&key.kid) {
                Some(built) => built.clone(),
                None => Arc::new(self.unseal_signing(key)?),
            };
            if key.state == "active" {
                keys.active.insert(signing.algorithm(), signing.clone());
            }
            keys.verifying.insert(key.kid.clone(), Arc::new(signing.verifier()));
            keys.built.insert(key.kid.clone(), signing);
            published.push(public);
        }
        let jwks = serde_json::json!({ "keys": published }).to_string();
        keys.jwks_etag = format!("\"{}\"", super::digest::digest(&jwks));
        keys.jwks = jwks.into();
        Ok(keys)
    }

    fn unseal(&self, key: &StoredKey) -> Result<Vec<u8>, JoseError> {
        let opened = self.seal.open(&key.sealed_private, key.kid.as_bytes());
        let opened = opened.ok_or(JoseError::Key("sealed under another master key"))?;
        BASE64_STANDARD_NO_PAD.decode(opened).map_err(|_| JoseError::Key("not a sealed key"))
    }

    fn unseal_signing(&self, key: &StoredKey) -> Result<SigningKey, JoseError> {
        let algorithm = key.algorithm.parse().map_err(|_| JoseError::Key("unknown algorithm"))?;
        SigningKey::from_private_der(algorithm, &self.unseal(key)?)
    }

    fn add_encryption(
        &self,
        keys: &mut Keys,
        key: &StoredKey,
        public: &serde_json::Value,
    ) -> Result<(), JoseError> {
        let management: KeyManagement = key.algorithm.parse()?;
        let private = DecryptionKey::from_private_der(management, &self.unseal(key)?)?;
        if (management, key.state.as_str()) == (OURS.0, "active") {
            let public = PublicJwk::from_value(public)?;
            keys.encryption = Some(Arc::new(EncryptionKey::from_jwk(&public, OURS.0, OURS.1)?));
        }
        keys.decryption.push(Arc::new(private));
        Ok(())
    }
}

/// What a start has to make: each use once.
fn missing_uses(stored: &[StoredKey]) -> Vec<KeyUse> {
    let has = |name: &str| stored.iter().any(|key| key.algorithm == name && key.state == "active");
    KeyUse::ALL.into_iter().filter(|use_| !has(use_.as_str())).collect()
}

/// Makes keys side by side: RSA keys take their time.
fn make_all(
    seal: &SealingKey,
    random: &dyn Random,
    wanted: &[KeyUse],
    now: Timestamp,
) -> Result<Vec<StoredKey>, JoseError> {
    std::thread::scope(|scope| {
        let makers: Vec<_> = wanted
            .iter()
            .map(|use_| scope.spawn(move || make(seal, random, *use_, "active", now, now)))
            .collect();
        let results = makers.into_iter().map(|maker| {
            maker.join().unwrap_or(Err(JoseError::Crypto("a key could not be generated")))
        });
        results.collect()
    })
}

fn make(
    seal: &SealingKey,
    random: &dyn Random,
    use_: KeyUse,
    state: &str,
    now: Timestamp,
    activate_at: Timestamp,
) -> Result<StoredKey, JoseError> {
    let (kid, purpose, public, private) = match use_ {
        KeyUse::Sign(algorithm) => {
            let key = SigningKey::generate(algorithm)?;
            (key.kid().to_owned(), "sig", key.public_jwk(), key.to_private_der()?)
        }
        KeyUse::Decrypt(algorithm) => {
            let key = DecryptionKey::generate(algorithm)?;
            (key.kid().to_owned(), "enc", key.public_jwk(), key.to_private_der()?)
        }
    };
    let encoded = BASE64_STANDARD_NO_PAD.encode(&*private);
    Ok(StoredKey {
        sealed_private: seal.seal(random, encoded.as_bytes(), kid.as_bytes()),
        kid,
        algorithm: use_.as_str().to_owned(),
        purpose: purpose.to_owned(),
        public_jwk: public.to_string(),
        state: state.to_owned(),
        created_at: now.as_unix(),
        activate_at: activate_at.as_unix(),
        activated_at: (state == "active").then_some(now.as_unix()),
        retiring_at: None,
        retire_at: None,
    })
}

/// Inserts the first keys unless another instance was quicker.
fn insert_first(conn: &mut DbConnection, made: &[StoredKey]) -> Result<(), StorageError> {
    // Of two instances that start together the second waits here, and only then looks.
    signing_keys::lock(conn)?;
    let missing = missing_uses(&signing_keys::list_live(conn)?);
    let still_missing =
        |key: &&StoredKey| missing.iter().any(|use_| use_.as_str() == key.algorithm);
    made.iter().filter(still_missing).try_for_each(|key| signing_keys::insert(conn, key))
}
