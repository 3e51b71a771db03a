//! Our own keys: next → active → retiring → retired (OpenID Connect Core §10.1.1).
//!
//! A key is published before its first use, so that everyone has seen it, and stays published until
//! the last token signed with it has expired. Several algorithms are active at once.

use super::audit::{Actor, EventExt};
use super::ground::Ground;
use super::provider::{Parts, Provider, StartError};
use super::revocation::{self, Reason};
use crate::jose::{
    ContentEncryption, DecryptionKey, EncryptionKey, JoseError, KeyManagement, PublicJwk, Sealer,
    SealingKey, SigningAlgorithm, SigningKey, VerifyingKey,
};
use crate::protocol::error::OAuthError;
use crate::protocol::random::Random;
use crate::protocol::revocation::RevocationKind;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::signing_keys::{self, StoredKey};
use crate::storage::{DbConnection, StorageError, audit, settings};
use arc_swap::ArcSwap;
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use std::collections::HashMap;
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

const ENCRYPTION: (KeyManagement, ContentEncryption) =
    (KeyManagement::EcdhEs, ContentEncryption::A256Gcm);

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
    decryption: Option<Arc<DecryptionKey>>,
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

    /// The private half of [`Keys::encryption`].
    pub fn decryption(&self) -> Option<&Arc<DecryptionKey>> {
        self.decryption.as_ref()
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
        let missing = missing_purposes(&stored);
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
        let (management, content) = ENCRYPTION;
        let private = DecryptionKey::from_private_der(management, &self.unseal(key)?)?;
        let public = PublicJwk::from_value(public)?;
        keys.encryption = Some(Arc::new(EncryptionKey::from_jwk(&public, management, content)?));
        keys.decryption = Some(Arc::new(private));
        Ok(())
    }
}

/// What a first start has to make: each algorithm once, and an encryption key (`None`).
fn missing_purposes(stored: &[StoredKey]) -> Vec<Option<SigningAlgorithm>> {
    let has = |name: &str| {
        stored
            .iter()
            .any(|key| key.algorithm == name && (key.state == "active" || key.purpose == "enc"))
    };
    let signing = ALGORITHMS.into_iter().filter(|algorithm| !has(algorithm.as_str())).map(Some);
    let encryption = (!has(ENCRYPTION.0.as_str())).then_some(None);
    signing.chain(encryption).collect()
}

/// Makes keys side by side: RSA keys take their time.
fn make_all(
    seal: &SealingKey,
    random: &dyn Random,
    wanted: &[Option<SigningAlgorithm>],
    now: Timestamp,
) -> Result<Vec<StoredKey>, JoseError> {
    std::thread::scope(|scope| {
        let makers: Vec<_> = wanted
            .iter()
            .map(|purpose| scope.spawn(move || make(seal, random, *purpose, "active", now, now)))
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
    purpose: Option<SigningAlgorithm>,
    state: &str,
    now: Timestamp,
    activate_at: Timestamp,
) -> Result<StoredKey, JoseError> {
    let (kid, algorithm, use_, public, private) = match purpose {
        Some(algorithm) => {
            let key = SigningKey::generate(algorithm)?;
            let der = key.to_private_der()?;
            (key.kid().to_owned(), algorithm.as_str(), "sig", key.public_jwk(), der)
        }
        None => {
            let key = DecryptionKey::generate(ENCRYPTION.0)?;
            let der = key.to_private_der()?;
            (key.kid().to_owned(), ENCRYPTION.0.as_str(), "enc", key.public_jwk(), der)
        }
    };
    let encoded = BASE64_STANDARD_NO_PAD.encode(&*private);
    Ok(StoredKey {
        sealed_private: seal.seal(random, encoded.as_bytes(), kid.as_bytes()),
        kid,
        algorithm: algorithm.to_owned(),
        purpose: use_.to_owned(),
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
    let first = made.first().map_or("", |key| key.kid.as_str());
    // Of two instances that start together the second waits at this row, and only then looks.
    settings::insert_if_absent(conn, "first_keys", first)?;
    let missing = missing_purposes(&signing_keys::list_live(conn)?);
    let still_missing = |key: &&StoredKey| {
        missing.iter().any(|purpose| match purpose {
            Some(algorithm) => algorithm.as_str() == key.algorithm,
            None => key.purpose == "enc",
        })
    };
    made.iter().filter(still_missing).try_for_each(|key| signing_keys::insert(conn, key))
}

/// Reads the keys again after a change.
///
/// # Errors
///
/// When the database cannot be read or a key cannot be opened; the ring stays as it is then.
pub async fn reload(provider: &Provider) -> Result<(), OAuthError> {
    let stored = provider.db.read(signing_keys::list_live).await?;
    let keys = provider.keys.build(&stored).map_err(OAuthError::server_error)?;
    provider.keys.current.store(Arc::new(keys));
    Ok(())
}

/// The key that our keys are sealed under.
pub fn sealing_key(master_key: &[u8; 32]) -> SealingKey {
    Sealer::new(master_key).purpose("signing keys")
}

/// Publishes a next key for an algorithm; it becomes active after [`PUBLISH_AHEAD`].
///
/// # Errors
///
/// `invalid_request` when the next key is there already.
pub async fn rotate(
    provider: &Provider,
    algorithm: SigningAlgorithm,
    actor: &Actor,
) -> Result<StoredKey, OAuthError> {
    let key = publish_next(&provider.ground(), &provider.keys.seal, algorithm, actor).await?;
    reload(provider).await?;
    Ok(key)
}

/// As [`rotate`], without a running provider; servers see the new cache version.
///
/// # Errors
///
/// As [`rotate`], and `invalid_request` when the keys are sealed under another master key.
pub async fn publish_next(
    ground: &Ground,
    seal: &SealingKey,
    algorithm: SigningAlgorithm,
    actor: &Actor,
) -> Result<StoredKey, OAuthError> {
    let now = ground.now();
    let live = ground.db.read(signing_keys::list_live).await?;
    check_seal(&live, seal)?;
    let random = ground.random.as_ref();
    let key = make(seal, random, Some(algorithm), "next", now, now + PUBLISH_AHEAD)
        .map_err(OAuthError::server_error)?;
    let event = actor
        .event("key.rotate", now)
        .target(format!("key:{}", key.kid))
        .details(format!("algorithm {algorithm}"));
    let version = ground.random.id();
    let inserted = key.clone();
    let done = ground
        .db
        .write(move |conn| {
            let live = signing_keys::list_live(conn)?;
            if live.iter().any(|key| key.state == "next" && key.algorithm == inserted.algorithm) {
                return Ok(false);
            }
            signing_keys::insert(conn, &inserted)?;
            audit::insert(conn, &event)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(true)
        })
        .await?;
    match done {
        true => Ok(key),
        false => {
            Err(OAuthError::invalid_request("the next key for this algorithm is there already"))
        }
    }
}

/// A key sealed under another master key than its siblings could not be opened by any server.
fn check_seal(live: &[StoredKey], seal: &SealingKey) -> Result<(), OAuthError> {
    let opens = |key: &StoredKey| seal.open(&key.sealed_private, key.kid.as_bytes()).is_some();
    match live.iter().all(opens) {
        true => Ok(()),
        false => Err(OAuthError::invalid_request(
            "the master key does not open the keys in this database",
        )),
    }
}

/// Withdraws a key at once: it leaves the JWKS and every token signed with it is refused. When it
/// was the active one, a new key takes its place in the same moment.
///
/// # Errors
///
/// `invalid_request` when there is no such signing key, or it is retired already.
pub async fn withdraw(provider: &Provider, kid: &str, actor: &Actor) -> Result<(), OAuthError> {
    retire(&provider.ground(), &provider.keys.seal, kid, actor).await?;
    provider.revocation.committed(&provider.db).await?;
    reload(provider).await
}

/// As [`withdraw`], without a running provider; servers see the new cache version.
///
/// # Errors
///
/// As [`withdraw`], and `invalid_request` when the keys are sealed under another master key.
pub async fn retire(
    ground: &Ground,
    seal: &SealingKey,
    kid: &str,
    actor: &Actor,
) -> Result<(), OAuthError> {
    let now = ground.now();
    let live = ground.db.read(signing_keys::list_live).await?;
    check_seal(&live, seal)?;
    let Some(key) = live.iter().find(|key| key.kid == kid && key.purpose == "sig").cloned() else {
        return Err(OAuthError::invalid_request("there is no live signing key with this kid"));
    };
    let heir = match key.state == "active" {
        true => Some(heir(ground, seal, &key)?),
        false => None,
    };
    let entry = revocation::watermark(RevocationKind::Key, kid, now, ground.longest_token_life);
    let entries = [entry.because(Reason::KeyWithdrawn, actor)];
    let event = actor.event("key.withdraw", now).target(format!("key:{kid}"));
    let version = ground.random.id();
    let written = ground.db.write(move |conn| {
        let from = key.state.clone();
        let retired = StoredKey { state: "retired".into(), retire_at: Some(now.as_unix()), ..key };
        if signing_keys::change_state(conn, &from, &retired)?
            && let Some(heir) = heir
        {
            signing_keys::insert(conn, &heir)?;
        }
        revocation::insert(conn, &entries)?;
        audit::insert(conn, &event)?;
        settings::bump_cache_version(conn, &version)
    });
    Ok(written.await?)
}

fn heir(ground: &Ground, seal: &SealingKey, key: &StoredKey) -> Result<StoredKey, OAuthError> {
    let algorithm = key.algorithm.parse().map_err(|_| OAuthError::server_error("a key's alg"))?;
    let now = ground.now();
    make(seal, ground.random.as_ref(), Some(algorithm), "active", now, now)
        .map_err(OAuthError::server_error)
}

/// Moves keys on when their time has come. Called every second by every instance; the guarded
/// updates make one of them the winner.
///
/// # Errors
///
/// Those of the database.
pub async fn advance(provider: &Provider) -> Result<(), OAuthError> {
    let now = provider.now();
    let live = provider.db.read(signing_keys::list_live).await?;
    let due = live.iter().any(|key| match key.state.as_str() {
        "next" => key.activate_at <= now.as_unix(),
        "retiring" => key.retire_at.is_some_and(|at| at <= now.as_unix()),
        _ => false,
    });
    if due {
        let version = provider.random.id();
        provider
            .db
            .write(move |conn| {
                for key in &live {
                    advance_one(conn, &live, key, now)?;
                }
                settings::bump_cache_version(conn, &version)
            })
            .await?;
        return reload(provider).await;
    }
    rotate_the_old(provider, &live, now).await
}

fn advance_one(
    conn: &mut DbConnection,
    live: &[StoredKey],
    key: &StoredKey,
    now: Timestamp,
) -> Result<(), StorageError> {
    let at = now.as_unix();
    if key.state == "retiring" && key.retire_at.is_some_and(|retire_at| retire_at <= at) {
        let retired = StoredKey { state: "retired".into(), ..key.clone() };
        signing_keys::change_state(conn, "retiring", &retired)?;
    }
    if key.state != "next" || key.activate_at > at {
        return Ok(());
    }
    let active = StoredKey { state: "active".into(), activated_at: Some(at), ..key.clone() };
    if !signing_keys::change_state(conn, "next", &active)? {
        return Ok(());
    }
    let old = live.iter().filter(|old| old.state == "active" && old.algorithm == key.algorithm);
    for old in old {
        let retiring = StoredKey {
            state: "retiring".into(),
            retiring_at: Some(at),
            retire_at: Some((now + RETIRING).as_unix()),
            ..old.clone()
        };
        signing_keys::change_state(conn, "active", &retiring)?;
    }
    Ok(())
}

/// Rotates by itself what has been active for long enough.
async fn rotate_the_old(
    provider: &Provider,
    live: &[StoredKey],
    now: Timestamp,
) -> Result<(), OAuthError> {
    let oldest = now - Lifetime::days(provider.tokens.key_rotation_days);
    for key in live.iter().filter(|key| key.state == "active" && key.purpose == "sig") {
        let is_old = key.activated_at.is_some_and(|at| at <= oldest.as_unix());
        let has_next =
            live.iter().any(|next| next.state == "next" && next.algorithm == key.algorithm);
        if is_old
            && !has_next
            && let Ok(algorithm) = key.algorithm.parse()
        {
            rotate(provider, algorithm, &Actor::system()).await?;
        }
    }
    Ok(())
}

impl Provider {
    /// No token of ours that a service accepts lives longer than this.
    pub fn longest_token_life(&self) -> Lifetime {
        self.tokens.access_token.max(Lifetime::hours(1))
    }
}
