//! What tokens for a resource look like: who signs, who can read them.

use crate::domain::fault::signing;
use crate::domain::provider::Provider;
use crate::jose::{
    ContentEncryption, EncryptionKey, JwkSet, KeyManagement, PublicJwk, SealingKey,
    SigningAlgorithm, SigningKey,
};
use crate::protocol::client::AccessTokenFormat;
use crate::protocol::error::OAuthError;
use crate::protocol::resource::Resource;
use crate::protocol::time::{Lifetime, Timestamp};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// How tokens for resources may be signed.
pub const SIGNING_ALGORITHMS: [SigningAlgorithm; 5] = SigningAlgorithm::ALL;
/// How tokens for resources may be encrypted.
pub const ENCRYPTION_ALGORITHMS: [KeyManagement; 5] = KeyManagement::ALL;
/// What may encrypt the content of tokens for resources.
pub const CONTENT_ENCRYPTION: [ContentEncryption; 2] = ContentEncryption::ALL;
/// A fetched key is fetched anew after this, so that a withdrawn one ends.
const MAX_AGE: Lifetime = Lifetime::minutes(15);
/// After a fetch that failed the next is tried no sooner.
const PAUSE: Lifetime = Lifetime::seconds(30);

/// What tokens for a resource look like.
pub(super) struct Form {
    pub format: AccessTokenFormat,
    pub algorithm: SigningAlgorithm,
    /// For HS256: made of the secret of the resource.
    pub own_key: Option<SigningKey>,
    recipient: Recipient,
}

/// Whom encrypted tokens are for.
enum Recipient {
    Nobody,
    Known(Arc<EncryptionKey>),
    Published(Published),
}

/// A key that the resource publishes.
struct Published {
    uri: String,
    algorithm: Option<KeyManagement>,
    encryption: ContentEncryption,
    known: Mutex<(Option<Arc<EncryptionKey>>, Option<Timestamp>)>,
}

impl Form {
    /// Builds the keys of a resource.
    ///
    /// # Errors
    ///
    /// `server_error` when its secret does not open or its key cannot be used.
    pub fn of(resource: &Resource, seal: &SealingKey) -> Result<Self, OAuthError> {
        let settings = &resource.settings;
        let algorithm = settings.token_signed_alg.as_deref().and_then(|alg| alg.parse().ok());
        let algorithm = algorithm.unwrap_or(SigningAlgorithm::ES256);
        let secret = match settings.needs_secret() {
            true => Some(open_secret(resource, seal)?),
            false => None,
        };
        let own_key = match &secret {
            Some(secret) if !algorithm.is_asymmetric() => {
                Some(SigningKey::from_secret(algorithm, secret).map_err(signing)?)
            }
            _ => None,
        };
        let recipient = match settings.token_format {
            AccessTokenFormat::Jwe => Recipient::of(resource, secret.as_deref())?,
            _ => Recipient::Nobody,
        };
        Ok(Self { format: settings.token_format, algorithm, own_key, recipient })
    }

    /// Whether one token can be for both: nothing in it is for one of them alone.
    pub fn is_shared_with(&self, format: AccessTokenFormat, algorithm: SigningAlgorithm) -> bool {
        match self.format {
            AccessTokenFormat::Jwe => false,
            AccessTokenFormat::Opaque => format == AccessTokenFormat::Opaque,
            AccessTokenFormat::Jwt => {
                format == AccessTokenFormat::Jwt
                    && algorithm == self.algorithm
                    && self.own_key.is_none()
            }
        }
    }

    /// The key that tokens are encrypted to, fetched when it is not known.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` when the resource publishes none that can be used.
    pub async fn recipient(
        &self,
        provider: &Provider,
    ) -> Result<Option<Arc<EncryptionKey>>, OAuthError> {
        match &self.recipient {
            Recipient::Nobody => Ok(None),
            Recipient::Known(key) => Ok(Some(key.clone())),
            Recipient::Published(published) => published.key(provider).await.map(Some),
        }
    }
}

impl Recipient {
    fn of(resource: &Resource, secret: Option<&[u8]>) -> Result<Self, OAuthError> {
        let settings = &resource.settings;
        let named = settings.token_encryption_alg.as_deref().and_then(|alg| alg.parse().ok());
        let encryption = encryption(settings.token_encryption_enc.as_deref());
        if let (Some(algorithm), Some(secret)) = (named, secret)
            && !KeyManagement::is_asymmetric(algorithm)
        {
            let key = EncryptionKey::from_secret(secret, algorithm, encryption);
            return Ok(Self::Known(Arc::new(key.map_err(signing)?)));
        }
        if let Some(jwk) = &settings.token_encryption_jwk {
            let key = key_of(jwk, named, encryption);
            let unusable = || OAuthError::server_error("the key of a resource cannot be used");
            return Ok(Self::Known(Arc::new(key.ok_or_else(unusable)?)));
        }
        match settings.jwks_uri.clone() {
            Some(uri) => Ok(Self::Published(Published {
                uri,
                algorithm: named,
                encryption,
                known: Mutex::default(),
            })),
            None => Err(OAuthError::server_error("a resource has no key to encrypt to")),
        }
    }
}

impl Published {
    async fn key(&self, provider: &Provider) -> Result<Arc<EncryptionKey>, OAuthError> {
        let now = provider.now();
        if !self.must_fetch(now) {
            return self.known().ok_or_else(missing);
        }
        match provider.outbound.get_json(&self.uri).await {
            Ok(body) => self.take(&body),
            Err(error) => tracing::warn!(uri = %self.uri, %error, "a resource's keys are away"),
        }
        self.known().ok_or_else(missing)
    }

    fn known(&self) -> Option<Arc<EncryptionKey>> {
        self.known.lock().expect("no one panics with the lock").0.clone()
    }

    /// Marks the fetch before it goes out, so that of many that come at once one does.
    fn must_fetch(&self, now: Timestamp) -> bool {
        let mut known = self.known.lock().expect("no one panics with the lock");
        let pause = if known.0.is_some() { MAX_AGE } else { PAUSE };
        let is_due = known.1.is_none_or(|at| now >= at + pause);
        if is_due {
            known.1 = Some(now);
        }
        is_due
    }

    fn take(&self, body: &[u8]) {
        let Ok(set) = JwkSet::parse(body) else {
            return tracing::warn!(uri = %self.uri, "what a resource publishes is no set of keys");
        };
        let usual = [KeyManagement::EcdhEs, KeyManagement::RsaOaep256];
        let wanted = self.algorithm.map_or_else(|| usual.to_vec(), |alg| vec![alg]);
        let found = wanted.iter().find_map(|alg| Some((set.recipient(*alg)?, *alg)));
        let key =
            found.and_then(|(jwk, alg)| EncryptionKey::from_jwk(jwk, alg, self.encryption).ok());
        // A set without a key withdraws the one before.
        self.known.lock().expect("no one panics with the lock").0 = key.map(Arc::new);
    }
}

fn missing() -> OAuthError {
    OAuthError::unavailable("the resource publishes no key to encrypt to")
}

/// The `enc` of that name; A256GCM without one.
fn encryption(name: Option<&str>) -> ContentEncryption {
    name.and_then(|enc| enc.parse().ok()).unwrap_or(ContentEncryption::A256Gcm)
}

/// The key of a recipient, for the algorithm that was named or the one that suits it.
pub(super) fn key_of(
    jwk: &Value,
    named: Option<KeyManagement>,
    encryption: ContentEncryption,
) -> Option<EncryptionKey> {
    let public = PublicJwk::from_value(jwk).ok()?;
    match named {
        Some(algorithm) => EncryptionKey::from_jwk(&public, algorithm, encryption).ok(),
        None => {
            let suits = [KeyManagement::EcdhEs, KeyManagement::RsaOaep256];
            let own = public.alg().and_then(|alg| alg.parse().ok());
            let algorithm = own.or(suits.into_iter().find(|alg| public.encrypts(*alg)))?;
            EncryptionKey::from_jwk(&public, algorithm, encryption).ok()
        }
    }
}

/// The secret of a resource as the bytes that both sides use: those of its text.
fn open_secret(resource: &Resource, seal: &SealingKey) -> Result<Vec<u8>, OAuthError> {
    let sealed = resource.sealed_secret.as_deref();
    let opened = sealed.and_then(|sealed| seal.open(sealed, resource.id.as_bytes()));
    opened.ok_or_else(|| OAuthError::server_error("the secret of a resource does not open"))
}
