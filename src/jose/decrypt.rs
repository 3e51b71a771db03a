//! Decryption, behind its own gate (RFC 7516 §5.2).
//!
//! josekit takes cut tags, inflates without limit and panics on short keys, so the lengths and the
//! header are checked first. Whatever goes wrong is [`JoseError::Undecryptable`]: who sends
//! changed tokens learns nothing from the answer (RFC 7516 §11.5).

use super::algorithm::{ContentEncryption, KeyManagement};
use super::compact::{self, Header};
use super::encrypt;
use super::error::JoseError;
use super::jwk::PublicJwk;
use super::oaep::EvenDecrypter;
use super::private_der::{self, PrivateDer};
use super::typ::is_media_type;
use josekit::jwe::{self, JweContext, JweDecrypter};
use openssl::pkey::{PKey, Private};
use serde_json::Value;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// josekit without what is not accepted anyway: a second line behind the gate.
static CONTEXT: LazyLock<JweContext> = LazyLock::new(|| {
    let mut context = JweContext::new();
    context.remove_compression("DEF");
    for name in ["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A192GCM"] {
        context.remove_content_encryption(name);
    }
    context
});

/// A private or shared key, ready to decrypt.
pub struct DecryptionKey {
    algorithm: KeyManagement,
    /// The one `enc` that a directly used secret is for.
    encryption: Option<ContentEncryption>,
    decrypter: Box<dyn JweDecrypter>,
    pair: Option<Pair>,
}

struct Pair {
    private: PKey<Private>,
    public: PublicJwk,
    kid: String,
}

/// What was inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// The media type of the content, as the header says.
    pub cty: Option<String>,
    /// The media type of the whole, as the header says.
    pub typ: Option<String>,
    /// How the content key came.
    pub algorithm: KeyManagement,
    /// What encrypted the content.
    pub encryption: ContentEncryption,
    /// The content.
    pub plaintext: Vec<u8>,
}

impl Decrypted {
    /// The signed token inside a nested one (RFC 7519 §5.2). Encryption proves nothing about who
    /// sent it; the token inside still goes through the gate.
    ///
    /// # Errors
    ///
    /// `Undecryptable` when the content does not say that it is a token.
    pub fn jwt(&self) -> Result<&str, JoseError> {
        match &self.cty {
            Some(cty) if is_media_type(cty, "JWT") => {
                std::str::from_utf8(&self.plaintext).map_err(|_| JoseError::Undecryptable)
            }
            _ => Err(JoseError::Undecryptable),
        }
    }

    /// As [`Decrypted::jwt`], for tokens of those who leave `cty` out: then the content itself must
    /// have the form of a signed token.
    ///
    /// # Errors
    ///
    /// `Undecryptable` when the content is something else, or said to be.
    pub fn jwt_or_unsaid(&self) -> Result<&str, JoseError> {
        if self.cty.is_some() {
            return self.jwt();
        }
        let is_of_token =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(*byte, b'-' | b'_' | b'.');
        let dots = self.plaintext.iter().filter(|byte| **byte == b'.').count();
        match std::str::from_utf8(&self.plaintext) {
            Ok(text) if dots == 2 && self.plaintext.iter().all(is_of_token) => Ok(text),
            _ => Err(JoseError::Undecryptable),
        }
    }
}

impl DecryptionKey {
    /// Makes a key: P-256 for key agreement, RSA of 2048 bits for RSA-OAEP.
    ///
    /// # Errors
    ///
    /// `Key` for an algorithm with a shared secret.
    pub fn generate(algorithm: KeyManagement) -> Result<Self, JoseError> {
        let key = match algorithm {
            KeyManagement::EcdhEs | KeyManagement::EcdhEsA256Kw => private_der::generate_p256(),
            KeyManagement::RsaOaep256 => private_der::generate_rsa(),
            KeyManagement::Dir | KeyManagement::A256Kw => Err(JoseError::Key("no key pair")),
        };
        Self::from_pkey(algorithm, key?)
    }

    /// Reads a key that [`DecryptionKey::to_private_der`] wrote.
    ///
    /// # Errors
    ///
    /// `Key` when it is not a PKCS#8 private key that fits `algorithm`.
    pub fn from_private_der(algorithm: KeyManagement, der: &[u8]) -> Result<Self, JoseError> {
        Self::from_pkey(algorithm, private_der::read(der)?)
    }

    /// Decrypts what [`EncryptionKey::from_secret`](super::EncryptionKey::from_secret) encrypts.
    ///
    /// # Errors
    ///
    /// `Key` when `algorithm` is for public keys, or the secret has fewer than 32 bytes.
    pub fn from_secret(
        secret: &[u8],
        algorithm: KeyManagement,
        encryption: ContentEncryption,
    ) -> Result<Self, JoseError> {
        let key = encrypt::shared(secret, algorithm, encryption)?;
        let failed = |_| JoseError::Crypto("shared key");
        let decrypter: Box<dyn JweDecrypter> = match algorithm {
            KeyManagement::Dir => Box::new(jwe::Dir.decrypter_from_bytes(key).map_err(failed)?),
            _ => Box::new(jwe::A256KW.decrypter_from_bytes(key).map_err(failed)?),
        };
        Ok(Self { algorithm, encryption: Some(encryption), decrypter, pair: None })
    }

    fn from_pkey(algorithm: KeyManagement, key: PKey<Private>) -> Result<Self, JoseError> {
        let unfit = JoseError::Key("the private key does not fit the algorithm");
        let public = PublicJwk::ours(&key, "enc", algorithm.as_str())?;
        if !public.encrypts(algorithm) {
            return Err(unfit);
        }
        let public = PublicJwk::from_value(&public.to_json())?;
        let der = PrivateDer::of(&key)?;
        let failed = |_| JoseError::Crypto("private key");
        let decrypter: Box<dyn JweDecrypter> = match algorithm {
            KeyManagement::EcdhEs => {
                Box::new(jwe::ECDH_ES.decrypter_from_der(&*der).map_err(failed)?)
            }
            KeyManagement::EcdhEsA256Kw => {
                Box::new(jwe::ECDH_ES_A256KW.decrypter_from_der(&*der).map_err(failed)?)
            }
            KeyManagement::RsaOaep256 => {
                let decrypter = jwe::RSA_OAEP_256.decrypter_from_der(&*der).map_err(failed)?;
                Box::new(EvenDecrypter(decrypter))
            }
            KeyManagement::Dir | KeyManagement::A256Kw => return Err(unfit),
        };
        let kid = public.thumbprint();
        let pair = Some(Pair { private: key, public, kid });
        Ok(Self { algorithm, encryption: None, decrypter, pair })
    }

    /// The private key as PKCS#8, to be sealed and stored.
    ///
    /// # Errors
    ///
    /// `Key` for a shared secret, which whoever gave it keeps.
    pub fn to_private_der(&self) -> Result<PrivateDer, JoseError> {
        let pair = self.pair.as_ref().ok_or(JoseError::Key("a shared secret is not exported"))?;
        PrivateDer::of(&pair.private)
    }

    /// The RFC 7638 thumbprint of the public key; empty for a shared secret.
    pub fn kid(&self) -> &str {
        self.pair.as_ref().map_or("", |pair| &pair.kid)
    }

    /// The only key management that it takes.
    pub fn algorithm(&self) -> KeyManagement {
        self.algorithm
    }

    /// The public key with `kid`, `use` and `alg`, as it is published; null for a shared secret.
    pub fn public_jwk(&self) -> Value {
        self.pair.as_ref().map_or(Value::Null, |pair| pair.public.to_json())
    }

    /// Opens a compact JWE, when this place allows its key management.
    ///
    /// # Errors
    ///
    /// `Undecryptable`, whatever is wrong.
    pub fn decrypt(&self, token: &str, allowed: &[KeyManagement]) -> Result<Decrypted, JoseError> {
        if !allowed.contains(&self.algorithm) {
            return Err(JoseError::Undecryptable);
        }
        let header = self.gate(token).map_err(|_| JoseError::Undecryptable)?;
        // The gate leaves josekit no panic that is known; one that is not must cost no more than
        // this token.
        let opened =
            catch_unwind(AssertUnwindSafe(|| CONTEXT.deserialize_compact(token, &*self.decrypter)));
        match opened {
            Ok(Ok((plaintext, _))) => Ok(Decrypted { plaintext, ..header }),
            Ok(Err(_)) | Err(_) => Err(JoseError::Undecryptable),
        }
    }

    /// Checks all that can be checked without a key, and gives what the header says of the content.
    fn gate(&self, token: &str) -> Result<Decrypted, JoseError> {
        let [header, key, iv, ciphertext, tag] = compact::split::<5>(token)?;
        let header = Header::read(header)?;
        let algorithm = header.text("alg")?.ok_or(JoseError::Malformed)?;
        let encryption = header.text("enc")?.ok_or(JoseError::Malformed)?;
        let encryption: ContentEncryption = encryption.parse()?;
        let algorithm: KeyManagement = algorithm.parse()?;
        if algorithm != self.algorithm
            || self.encryption.is_some_and(|only| only != encryption)
            || header.get("jwk").is_some()
            || !self.is_called(header.kid()?)
        {
            return Err(JoseError::Refused("the header does not fit the key"));
        }
        compact::decode(ciphertext)?;
        if compact::decode(key)?.len() != self.encrypted_key_bytes(encryption)
            || compact::decode(iv)?.len() != IV_BYTES
            || compact::decode(tag)?.len() != TAG_BYTES
        {
            return Err(JoseError::Refused("a part has the wrong length"));
        }
        self.check_ephemeral_key(&header)?;
        Ok(Decrypted {
            cty: header.text("cty")?.map(str::to_owned),
            typ: header.text("typ")?.map(str::to_owned),
            algorithm,
            encryption,
            plaintext: Vec::new(),
        })
    }

    fn is_called(&self, kid: Option<&str>) -> bool {
        match (kid, &self.pair) {
            (Some(kid), Some(pair)) => kid == pair.kid,
            _ => true,
        }
    }

    /// How long the second part is: nothing, a wrapped key (RFC 3394 adds 8 bytes), or one RSA
    /// block.
    fn encrypted_key_bytes(&self, encryption: ContentEncryption) -> usize {
        match self.algorithm {
            KeyManagement::EcdhEs | KeyManagement::Dir => 0,
            KeyManagement::EcdhEsA256Kw | KeyManagement::A256Kw => encryption.key_bytes() + 8,
            KeyManagement::RsaOaep256 => self.pair.as_ref().map_or(0, |pair| pair.private.size()),
        }
    }

    /// The sender's half of the key agreement is a good public key (RFC 7518 §4.6.1.1).
    fn check_ephemeral_key(&self, header: &Header) -> Result<(), JoseError> {
        match (self.algorithm, header.get("epk")) {
            (KeyManagement::EcdhEs | KeyManagement::EcdhEsA256Kw, Some(key)) => {
                PublicJwk::from_value(key).map(drop)
            }
            (KeyManagement::EcdhEs | KeyManagement::EcdhEsA256Kw, None) => {
                Err(JoseError::Refused("epk is missing"))
            }
            (_, None) => Ok(()),
            (_, Some(_)) => Err(JoseError::Refused("epk has no use here")),
        }
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionKey({}, {})", self.algorithm, self.kid())
    }
}

#[cfg(test)]
#[path = "decrypt_tests.rs"]
mod tests;
