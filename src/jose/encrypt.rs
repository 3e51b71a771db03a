//! Encryption to a recipient (RFC 7516).

use super::algorithm::{ContentEncryption, KeyManagement};
use super::error::JoseError;
use super::jwk::PublicJwk;
use josekit::jwe::{self, JweEncrypter, JweHeader};
use openssl::sha::sha256;
use std::fmt;

/// The key of a recipient, ready to encrypt.
pub struct EncryptionKey {
    encrypter: Box<dyn JweEncrypter>,
    /// `enc` and `kid`; the rest of the header depends on the token.
    header: JweHeader,
    algorithm: KeyManagement,
    encryption: ContentEncryption,
}

impl EncryptionKey {
    /// Encrypts to a public key.
    ///
    /// # Errors
    ///
    /// `Key` when the key is of another kind or kept for something else.
    pub fn from_jwk(
        jwk: &PublicJwk,
        algorithm: KeyManagement,
        encryption: ContentEncryption,
    ) -> Result<Self, JoseError> {
        let unfit = JoseError::Key("the key does not fit the algorithm");
        if !jwk.encrypts(algorithm) {
            return Err(unfit);
        }
        let der = jwk.to_der()?;
        let failed = |_| JoseError::Crypto("public key");
        let encrypter: Box<dyn JweEncrypter> = match algorithm {
            KeyManagement::EcdhEs => {
                Box::new(jwe::ECDH_ES.encrypter_from_der(der).map_err(failed)?)
            }
            KeyManagement::EcdhEsA256Kw => {
                Box::new(jwe::ECDH_ES_A256KW.encrypter_from_der(der).map_err(failed)?)
            }
            KeyManagement::RsaOaep256 => {
                Box::new(jwe::RSA_OAEP_256.encrypter_from_der(der).map_err(failed)?)
            }
            KeyManagement::Dir | KeyManagement::A256Kw => return Err(unfit),
        };
        Ok(Self::new(encrypter, jwk.kid(), algorithm, encryption))
    }

    /// Encrypts under a shared secret, from which the key is derived as OpenID Connect Core §10.2
    /// says: the left bytes of its SHA-256.
    ///
    /// # Errors
    ///
    /// `Key` when `algorithm` is for public keys, or the secret has fewer than 32 bytes.
    pub fn from_secret(
        secret: &[u8],
        algorithm: KeyManagement,
        encryption: ContentEncryption,
    ) -> Result<Self, JoseError> {
        let key = shared(secret, algorithm, encryption)?;
        let failed = |_| JoseError::Crypto("shared key");
        let encrypter: Box<dyn JweEncrypter> = match algorithm {
            KeyManagement::Dir => Box::new(jwe::Dir.encrypter_from_bytes(key).map_err(failed)?),
            _ => Box::new(jwe::A256KW.encrypter_from_bytes(key).map_err(failed)?),
        };
        Ok(Self::new(encrypter, None, algorithm, encryption))
    }

    fn new(
        encrypter: Box<dyn JweEncrypter>,
        kid: Option<&str>,
        algorithm: KeyManagement,
        encryption: ContentEncryption,
    ) -> Self {
        let mut header = JweHeader::new();
        header.set_content_encryption(encryption.as_str());
        if let Some(kid) = kid {
            header.set_key_id(kid);
        }
        Self { encrypter, header, algorithm, encryption }
    }

    /// How the content key reaches the recipient.
    pub fn algorithm(&self) -> KeyManagement {
        self.algorithm
    }

    /// What encrypts the content.
    pub fn encryption(&self) -> ContentEncryption {
        self.encryption
    }

    /// Wraps a signed token: nested, with `cty: JWT` (RFC 7519 §5.2).
    ///
    /// # Errors
    ///
    /// `Crypto` when OpenSSL fails.
    pub fn encrypt_jwt(&self, signed_jwt: &str, typ: Option<&str>) -> Result<String, JoseError> {
        let mut header = self.header.clone();
        header.set_content_type("JWT");
        if let Some(typ) = typ {
            header.set_token_type(typ);
        }
        self.serialize(signed_jwt.as_bytes(), &header)
    }

    /// Encrypts bytes of a media type.
    ///
    /// # Errors
    ///
    /// `Crypto` when OpenSSL fails.
    pub fn encrypt(&self, plaintext: &[u8], cty: Option<&str>) -> Result<String, JoseError> {
        let mut header = self.header.clone();
        if let Some(cty) = cty {
            header.set_content_type(cty);
        }
        self.serialize(plaintext, &header)
    }

    fn serialize(&self, plaintext: &[u8], header: &JweHeader) -> Result<String, JoseError> {
        jwe::serialize_compact(plaintext, header, &*self.encrypter)
            .map_err(|_| JoseError::Crypto("encryption"))
    }
}

/// By hand, because josekit's own shows a shared key.
impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({}, {})", self.algorithm, self.encryption)
    }
}

/// The key that a shared secret stands for (OpenID Connect Core §10.2).
pub(super) fn shared(
    secret: &[u8],
    algorithm: KeyManagement,
    encryption: ContentEncryption,
) -> Result<Vec<u8>, JoseError> {
    if secret.len() < 32 {
        return Err(JoseError::Key("a shared secret has at least 32 bytes"));
    }
    let length = match algorithm {
        KeyManagement::Dir => encryption.key_bytes(),
        KeyManagement::A256Kw => 32,
        _ => return Err(JoseError::Key("the algorithm needs a public key")),
    };
    Ok(sha256(secret)[..length].to_vec())
}
