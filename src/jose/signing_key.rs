//! Keys that sign (RFC 7515).
//!
//! A [`SigningKey`] is built once and kept: its OpenSSL key is imported, and its header is encoded
//! for each [`Typ`]. A signature then costs the serialisation of the claims and the mathematics.

use super::algorithm::SigningAlgorithm;
use super::error::JoseError;
use super::hmac::HmacKey;
use super::jwk::PublicJwk;
use super::private_der::{self, PrivateDer};
use super::typ::Typ;
use super::verify::VerifyingKey;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use josekit::jws::{self, JwsSigner};
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use openssl::sha::sha256;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// A private or shared key, ready to sign.
pub struct SigningKey {
    algorithm: SigningAlgorithm,
    engine: Mathematics,
    verifier: VerifyingKey,
    pair: Option<Pair>,
    /// One encoded header for each of [`Typ::ALL`].
    headers: Vec<String>,
}

/// The two halves of an asymmetric key.
struct Pair {
    private: PKey<Private>,
    public: PublicJwk,
    kid: String,
}

/// What does the mathematics.
enum Mathematics {
    Josekit(Box<dyn JwsSigner>),
    /// josekit makes a digest context for each ECDSA signature and takes its DER apart again; on
    /// the key itself neither is needed.
    Ecdsa(EcKey<Private>),
    Hmac(Arc<HmacKey>),
}

impl SigningKey {
    /// Makes a key: RSA of 2048 bits, P-256 or Ed25519.
    ///
    /// # Errors
    ///
    /// `Key` for HS256, whose secret comes from elsewhere.
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, JoseError> {
        let key = match algorithm {
            SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => private_der::generate_rsa(),
            SigningAlgorithm::ES256 => private_der::generate_p256(),
            SigningAlgorithm::EdDSA => private_der::generate_ed25519(),
            SigningAlgorithm::HS256 => Err(JoseError::Key("HS256 signs with a shared secret")),
        };
        Self::from_pkey(algorithm, key?)
    }

    /// Reads a key that [`SigningKey::to_private_der`] wrote.
    ///
    /// # Errors
    ///
    /// `Key` when it is not a PKCS#8 private key that fits `algorithm`.
    pub fn from_private_der(algorithm: SigningAlgorithm, der: &[u8]) -> Result<Self, JoseError> {
        Self::from_pkey(algorithm, private_der::read(der)?)
    }

    /// A key that two parties share. It has no `kid`.
    ///
    /// # Errors
    ///
    /// `Key` when `algorithm` is not HS256 or the secret has fewer than 32 bytes (RFC 7518 §3.2).
    pub fn from_secret(algorithm: SigningAlgorithm, secret: &[u8]) -> Result<Self, JoseError> {
        if algorithm.is_asymmetric() {
            return Err(JoseError::Key("only HS256 signs with a shared secret"));
        }
        let key = shared(secret)?;
        Ok(Self {
            algorithm,
            verifier: VerifyingKey::shared(key.clone()),
            engine: Mathematics::Hmac(key),
            pair: None,
            headers: headers(algorithm, None),
        })
    }

    fn from_pkey(algorithm: SigningAlgorithm, key: PKey<Private>) -> Result<Self, JoseError> {
        let public = PublicJwk::ours(&key, "sig", algorithm.as_str())?;
        if !public.verifies(algorithm) {
            return Err(JoseError::Key("the private key does not fit the algorithm"));
        }
        // What we would not take from others we do not use: the checks are those of a JWK.
        let public = PublicJwk::from_value(&public.to_json())?;
        let kid = public.thumbprint();
        Ok(Self {
            algorithm,
            engine: Mathematics::new(algorithm, &key)?,
            verifier: VerifyingKey::from_jwk(&public, algorithm)?,
            headers: headers(algorithm, Some(&kid)),
            pair: Some(Pair { private: key, public, kid }),
        })
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

    /// What it signs with.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// The public key with `kid`, `use` and `alg`, as it is published; null for a shared secret.
    pub fn public_jwk(&self) -> Value {
        self.pair.as_ref().map_or(Value::Null, |pair| pair.public.to_json())
    }

    /// Signs `claims` as a compact JWS.
    ///
    /// # Errors
    ///
    /// `Crypto` when the claims are not a JSON object or OpenSSL fails.
    pub fn sign<T: Serialize>(&self, typ: Typ, claims: &T) -> Result<String, JoseError> {
        self.sign_with_header(&self.headers[typ as usize], claims)
    }

    /// Signs a DPoP proof: the header holds the public key in the place of its name (RFC 9449
    /// §4.2).
    ///
    /// # Errors
    ///
    /// As [`SigningKey::sign`], and `Key` for a shared secret.
    pub fn sign_dpop_proof<T: Serialize>(&self, claims: &T) -> Result<String, JoseError> {
        let pair = self.pair.as_ref().ok_or(JoseError::Key("a proof needs a public key"))?;
        let header = json!({
            "typ": Typ::DpopProof.as_str(),
            "alg": self.algorithm,
            "jwk": pair.public.members(),
        });
        self.sign_with_header(&BASE64_URL_SAFE_NO_PAD.encode(header.to_string()), claims)
    }

    fn sign_with_header<T: Serialize>(
        &self,
        header: &str,
        claims: &T,
    ) -> Result<String, JoseError> {
        let payload =
            serde_json::to_vec(claims).map_err(|_| JoseError::Crypto("claims are not JSON"))?;
        if payload.first() != Some(&b'{') {
            return Err(JoseError::Crypto("claims are not an object"));
        }
        self.sign_text(header, &payload)
    }

    /// Signs bytes as they are under a header that is encoded already.
    pub fn sign_text(&self, header: &str, payload: &[u8]) -> Result<String, JoseError> {
        // An RSA signature is the longest: 342 characters for 2048 bits.
        let mut token = String::with_capacity(header.len() + payload.len().div_ceil(3) * 4 + 350);
        token.push_str(header);
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.engine.sign(token.as_bytes())?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The key that verifies what this one signs.
    pub fn verifier(&self) -> VerifyingKey {
        self.verifier.clone()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.algorithm, self.kid())
    }
}

impl Mathematics {
    fn new(algorithm: SigningAlgorithm, key: &PKey<Private>) -> Result<Self, JoseError> {
        let unfit = |_| JoseError::Key("the private key does not fit the algorithm");
        if key.id() == Id::EC {
            let key = key.ec_key().map_err(|_| JoseError::Crypto("EC key"))?;
            return Ok(Self::Ecdsa(key));
        }
        let der = PrivateDer::of(key)?;
        let signer: Box<dyn JwsSigner> = match algorithm {
            SigningAlgorithm::RS256 => Box::new(jws::RS256.signer_from_der(&*der).map_err(unfit)?),
            SigningAlgorithm::PS256 => Box::new(jws::PS256.signer_from_der(&*der).map_err(unfit)?),
            SigningAlgorithm::EdDSA => Box::new(jws::EdDSA.signer_from_der(&*der).map_err(unfit)?),
            SigningAlgorithm::ES256 | SigningAlgorithm::HS256 => {
                return Err(JoseError::Key("the private key does not fit the algorithm"));
            }
        };
        Ok(Self::Josekit(signer))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, JoseError> {
        match self {
            Self::Josekit(signer) => {
                signer.sign(message).map_err(|_| JoseError::Crypto("signature"))
            }
            Self::Ecdsa(key) => ecdsa(key, message).map_err(|_| JoseError::Crypto("signature")),
            Self::Hmac(key) => Ok(key.tag(message).to_vec()),
        }
    }
}

/// `r` and `s` side by side, 32 bytes each (RFC 7518 §3.4).
fn ecdsa(key: &EcKey<Private>, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let signature = EcdsaSig::sign(&sha256(message), key)?;
    let mut bytes = signature.r().to_vec_padded(32)?;
    bytes.extend(signature.s().to_vec_padded(32)?);
    Ok(bytes)
}

/// The key of a shared secret.
pub(super) fn shared(secret: &[u8]) -> Result<Arc<HmacKey>, JoseError> {
    if secret.len() < 32 {
        return Err(JoseError::Key("a secret for HS256 has at least 32 bytes"));
    }
    Ok(Arc::new(HmacKey::new(secret)))
}

fn headers(algorithm: SigningAlgorithm, kid: Option<&str>) -> Vec<String> {
    let header = |typ: Typ| match kid {
        Some(kid) => json!({ "typ": typ.as_str(), "alg": algorithm, "kid": kid }),
        None => json!({ "typ": typ.as_str(), "alg": algorithm }),
    };
    Typ::ALL.map(|typ| BASE64_URL_SAFE_NO_PAD.encode(header(typ).to_string())).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::testing;
    use crate::jose::verify::{Expected, gate};

    #[test]
    fn every_algorithm_signs_what_it_verifies() {
        for algorithm in SigningAlgorithm::ALL {
            let key = testing::signing_key(algorithm);
            let token = key.sign(Typ::AccessToken, &json!({ "sub": "u1" })).unwrap();
            let algorithms = [algorithm];
            let unverified = gate(&token, &Expected::new(&["at+jwt"], &algorithms)).unwrap();
            assert_eq!(unverified.kid().unwrap_or_default(), key.kid());
            let claims = unverified.verify(&key.verifier()).unwrap();
            assert_eq!(claims.str("sub").unwrap(), Some("u1"));
        }
    }

    #[test]
    fn josekit_accepts_our_es256_signature() {
        let key = testing::signing_key(SigningAlgorithm::ES256);
        let token = key.sign(Typ::IdToken, &json!({ "sub": "u1" })).unwrap();
        let jwk = josekit::jwk::Jwk::from_bytes(key.public_jwk().to_string()).unwrap();
        let verifier = jws::ES256.verifier_from_jwk(&jwk).unwrap();
        let (payload, header) = jws::deserialize_compact(&token, &verifier).unwrap();
        assert_eq!(payload, br#"{"sub":"u1"}"#);
        assert_eq!(header.token_type(), Some("JWT"));
        assert_eq!(header.key_id(), Some(key.kid()));
    }

    #[test]
    fn a_key_is_the_same_after_storage() {
        for algorithm in SigningAlgorithm::ALL.into_iter().filter(|alg| alg.is_asymmetric()) {
            let key = testing::signing_key(algorithm);
            let der = key.to_private_der().unwrap();
            let read = SigningKey::from_private_der(algorithm, &der).unwrap();
            assert_eq!(read.kid(), key.kid());
            assert_eq!(read.public_jwk(), key.public_jwk());
        }
    }

    #[test]
    fn the_published_key_has_no_private_member() {
        let key = testing::signing_key(SigningAlgorithm::RS256);
        let jwk = key.public_jwk();
        let names: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["kty", "n", "e", "kid", "use", "alg"]);
        assert_eq!(jwk["kid"], PublicJwk::from_value(&jwk).unwrap().thumbprint());
    }

    #[test]
    fn a_key_signs_only_with_its_own_algorithm() {
        let ec = testing::signing_key(SigningAlgorithm::ES256).to_private_der().unwrap();
        for algorithm in [SigningAlgorithm::RS256, SigningAlgorithm::EdDSA, SigningAlgorithm::HS256]
        {
            assert!(SigningKey::from_private_der(algorithm, &ec).is_err());
        }
        assert!(SigningKey::generate(SigningAlgorithm::HS256).is_err());
        assert!(SigningKey::from_secret(SigningAlgorithm::ES256, &[1; 32]).is_err());
        assert!(SigningKey::from_secret(SigningAlgorithm::HS256, &[1; 31]).is_err());
    }

    #[test]
    fn claims_are_an_object() {
        let key = testing::signing_key(SigningAlgorithm::HS256);
        assert!(key.sign(Typ::AccessToken, &["a"]).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let key = testing::signing_key(SigningAlgorithm::ES256);
        assert_eq!(format!("{key:?}"), format!("SigningKey(ES256, {})", key.kid()));
    }
}
