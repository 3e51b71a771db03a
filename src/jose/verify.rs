//! The gate for signed tokens, and the keys that verify them (RFC 7515 §5.2, RFC 8725).
//!
//! [`gate`] looks at everything but the signature; [`Unverified::verify`] at the signature. Only
//! then are there [`Claims`]. The key and the algorithm come from what is configured for the place
//! a token is used in; the header only says which of those it was.

use super::algorithm::SigningAlgorithm;
use super::claims::Claims;
use super::compact::{self, Header};
use super::error::JoseError;
use super::hmac::HmacKey;
use super::jwk::PublicJwk;
use super::signing_key;
use super::typ::is_media_type;
use josekit::jws::{self, JwsVerifier};
use std::sync::Arc;

/// A public or shared key, ready to verify. Cheap to clone.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    algorithm: SigningAlgorithm,
    kid: Option<String>,
    check: Check,
}

#[derive(Debug, Clone)]
enum Check {
    Josekit(Arc<dyn JwsVerifier>),
    Hmac(Arc<HmacKey>),
}

impl VerifyingKey {
    /// The key of somebody who signs with `algorithm`.
    ///
    /// # Errors
    ///
    /// `Key` when the key is of another kind or kept for something else.
    pub fn from_jwk(jwk: &PublicJwk, algorithm: SigningAlgorithm) -> Result<Self, JoseError> {
        let unfit = JoseError::Key("the key does not fit the algorithm");
        if !jwk.verifies(algorithm) {
            return Err(unfit);
        }
        let der = jwk.to_der()?;
        let failed = |_| JoseError::Crypto("public key");
        let check: Arc<dyn JwsVerifier> = match algorithm {
            SigningAlgorithm::RS256 => Arc::new(jws::RS256.verifier_from_der(der).map_err(failed)?),
            SigningAlgorithm::PS256 => Arc::new(jws::PS256.verifier_from_der(der).map_err(failed)?),
            SigningAlgorithm::ES256 => Arc::new(jws::ES256.verifier_from_der(der).map_err(failed)?),
            SigningAlgorithm::EdDSA => Arc::new(jws::EdDSA.verifier_from_der(der).map_err(failed)?),
            SigningAlgorithm::HS256 => return Err(unfit),
        };
        let kid = jwk.kid().map(str::to_owned);
        Ok(Self { algorithm, kid, check: Check::Josekit(check) })
    }

    /// The secret of somebody who signs with HS256.
    ///
    /// # Errors
    ///
    /// `Key` when it has fewer than 32 bytes (RFC 7518 §3.2).
    pub fn from_secret(secret: &[u8]) -> Result<Self, JoseError> {
        signing_key::shared(secret).map(Self::shared)
    }

    pub(super) fn shared(key: Arc<HmacKey>) -> Self {
        Self { algorithm: SigningAlgorithm::HS256, kid: None, check: Check::Hmac(key) }
    }

    /// The name of the key.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The only algorithm that it verifies.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.check {
            Check::Josekit(verifier) => verifier.verify(message, signature).is_ok(),
            Check::Hmac(key) => key.verifies(message, signature),
        }
    }
}

/// What is accepted in one place.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Media types without `application/`; case does not matter.
    pub typ: &'a [&'a str],
    /// Whether a token without `typ` is accepted.
    pub typ_may_be_absent: bool,
    /// The algorithms that are allowed here.
    pub algorithms: &'a [SigningAlgorithm],
    /// Whether the key stands in the header (RFC 9449 §4.2). Then it must, and otherwise it must
    /// not.
    pub key_in_header: bool,
    /// How long it may be.
    pub max_bytes: usize,
}

impl<'a> Expected<'a> {
    /// A token that says what it is.
    pub const fn new(typ: &'a [&'a str], algorithms: &'a [SigningAlgorithm]) -> Self {
        let max_bytes = compact::MAX_TOKEN_BYTES;
        Self { typ, typ_may_be_absent: false, algorithms, key_in_header: false, max_bytes }
    }

    /// Takes a token without `typ` as well.
    pub const fn or_absent(self) -> Self {
        Self { typ_may_be_absent: true, ..self }
    }

    /// A token that brings its public key along.
    pub const fn with_key_in_header(self) -> Self {
        Self { key_in_header: true, ..self }
    }

    /// A document rather than a token: it may be longer, where it comes from somebody we asked.
    pub const fn up_to(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    fn accepts_typ(&self, typ: Option<&str>) -> bool {
        match typ {
            None => self.typ_may_be_absent,
            Some(actual) => self.typ.iter().any(|expected| is_media_type(actual, expected)),
        }
    }
}

/// A token that passed the gate. Nothing in it is proven yet.
#[derive(Debug)]
pub struct Unverified<'t> {
    signed: &'t str,
    payload: &'t str,
    signature: Vec<u8>,
    algorithm: SigningAlgorithm,
    kid: Option<String>,
    jwk: Option<PublicJwk>,
}

/// Checks the form of a token and its header, before anything is computed.
///
/// # Errors
///
/// `Malformed` when it is not a compact JWS, `Refused` when it is not one that is accepted here,
/// `Key` when its header holds a key that is not good.
pub fn gate<'t>(token: &'t str, expected: &Expected<'_>) -> Result<Unverified<'t>, JoseError> {
    let [header, payload, signature] = compact::split_within::<3>(token, expected.max_bytes)?;
    let signature = compact::decode(signature)?;
    let header_text = header;
    let header = Header::read(header)?;
    let algorithm = header.text("alg")?.ok_or(JoseError::Refused("alg is missing"))?;
    let algorithm: SigningAlgorithm = algorithm.parse()?;
    if !expected.algorithms.contains(&algorithm) {
        return Err(JoseError::Refused("alg is not allowed here"));
    }
    if !expected.accepts_typ(header.text("typ")?) {
        return Err(JoseError::Refused("typ is not the expected one"));
    }
    Ok(Unverified {
        signed: &token[..header_text.len() + 1 + payload.len()],
        payload,
        signature,
        algorithm,
        kid: header.kid()?.map(str::to_owned),
        jwk: header_key(&header, expected)?,
    })
}

fn header_key(header: &Header, expected: &Expected<'_>) -> Result<Option<PublicJwk>, JoseError> {
    match (header.get("jwk"), expected.key_in_header) {
        (None, false) => Ok(None),
        (Some(jwk), true) => PublicJwk::from_value(jwk).map(Some),
        (None, true) => Err(JoseError::Refused("jwk is missing")),
        (Some(_), false) => Err(JoseError::Refused("a key in the header is not accepted")),
    }
}

impl Unverified<'_> {
    /// What the token says it is signed with: one of the algorithms that are allowed here.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// What the token says its key is called.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The public key in the header, where one is expected.
    pub fn jwk(&self) -> Option<&PublicJwk> {
        self.jwk.as_ref()
    }

    /// The claims **without any proof**, only to find out whose key to verify with.
    ///
    /// # Errors
    ///
    /// `Malformed` when the payload is not a JSON object.
    pub fn peek_claims(&self) -> Result<Claims, JoseError> {
        Claims::parse(&compact::decode(self.payload)?)
    }

    /// Checks the signature and gives the claims.
    ///
    /// # Errors
    ///
    /// `Refused` when the key has another algorithm or name than the token says, `BadSignature`,
    /// or `Malformed` when the payload is not a JSON object.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Claims, JoseError> {
        if key.algorithm != self.algorithm {
            return Err(JoseError::Refused("alg is not that of the key"));
        }
        if let (Some(said), Some(own)) = (&self.kid, &key.kid)
            && said != own
        {
            return Err(JoseError::Refused("kid is not that of the key"));
        }
        if !key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(JoseError::BadSignature);
        }
        self.peek_claims()
    }

    /// Checks the signature with the key in the header, whatever that key is called.
    ///
    /// # Errors
    ///
    /// `Key` when the key is kept for something else, and as [`Unverified::verify`].
    pub fn verify_with_header_key(&self) -> Result<Claims, JoseError> {
        let jwk = self.jwk.as_ref().ok_or(JoseError::Refused("jwk is missing"))?;
        let key = VerifyingKey { kid: None, ..VerifyingKey::from_jwk(jwk, self.algorithm)? };
        self.verify(&key)
    }

    /// Checks the signature against each of `keys`, at most as many as
    /// [`JwkSet::candidates`](super::JwkSet::candidates) gives.
    ///
    /// # Errors
    ///
    /// `BadSignature` when none of them made it, or as [`Unverified::verify`].
    pub fn verify_with_any<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerifyingKey>,
    ) -> Result<Claims, JoseError> {
        let verdicts = keys.into_iter().map(|key| self.verify(key));
        let mut last = Err(JoseError::BadSignature);
        for verdict in verdicts {
            last = verdict;
            match last {
                Err(JoseError::BadSignature | JoseError::Refused(_)) => {}
                Ok(_) | Err(_) => return last,
            }
        }
        last
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
