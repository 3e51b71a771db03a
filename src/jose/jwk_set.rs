//! The keys of somebody else (RFC 7517 §5).

use super::algorithm::{KeyManagement, SigningAlgorithm};
use super::error::JoseError;
use super::json;
use super::jwk::PublicJwk;
use serde_json::{Map, Value, json};

/// The longest JWK Set that is read.
pub const MAX_SET_BYTES: usize = 64 * 1024;
/// The most keys that a JWK Set may have.
pub const MAX_KEYS: usize = 20;
/// The most keys that are tried for one token.
const MAX_CANDIDATES: usize = 4;
/// Curves of known key types that are well-known, and of no use here.
const OTHER_CURVES: [&str; 4] = ["secp256k1", "X25519", "X448", "Ed448"];

/// A set of checked keys. It never changes: a rotation makes a new one.
#[derive(Debug, Clone, Default)]
pub struct JwkSet {
    keys: Vec<PublicJwk>,
}

impl JwkSet {
    /// A set of keys that were checked one by one.
    pub fn new(keys: Vec<PublicJwk>) -> Self {
        Self { keys }
    }

    /// Reads the set that a client registers. Keys of a kind unknown here are skipped (RFC 7517
    /// §5); every other key must be good.
    ///
    /// # Errors
    ///
    /// `Key` for a bad key, more than 64 KiB or more than 20 keys; `Malformed` for bad JSON.
    pub fn parse_strict(text: &[u8]) -> Result<Self, JoseError> {
        let mut keys = Vec::new();
        for jwk in known(&set(text)?) {
            keys.push(PublicJwk::from_value(jwk)?);
        }
        Ok(Self { keys })
    }

    /// Reads a set that was fetched. A bad key is skipped, so that it does not take the good ones
    /// with it.
    ///
    /// # Errors
    ///
    /// `Key` for more than 64 KiB or more than 20 keys; `Malformed` for bad JSON.
    pub fn parse(text: &[u8]) -> Result<Self, JoseError> {
        let members = set(text)?;
        Ok(Self {
            keys: known(&members).filter_map(|jwk| PublicJwk::from_value(jwk).ok()).collect(),
        })
    }

    /// Every key of the set.
    pub fn keys(&self) -> &[PublicJwk] {
        &self.keys
    }

    /// At most four keys that may have made a signature by `alg`: those called `kid` when the
    /// token says so, with those that have no name, else all that fit.
    pub fn candidates(
        &self,
        kid: Option<&str>,
        alg: SigningAlgorithm,
    ) -> impl Iterator<Item = &PublicJwk> {
        let fits = move |key: &&PublicJwk| {
            key.verifies(alg) && (kid.is_none() || key.kid().is_none() || key.kid() == kid)
        };
        self.keys.iter().filter(fits).take(MAX_CANDIDATES)
    }

    /// The first key to encrypt to by `alg`.
    pub fn recipient(&self, alg: KeyManagement) -> Option<&PublicJwk> {
        self.keys.iter().find(|key| key.encrypts(alg))
    }

    /// The set as JSON: what was checked and nothing else.
    pub fn to_json(&self) -> Value {
        json!({ "keys": self.keys.iter().map(PublicJwk::to_json).collect::<Vec<_>>() })
    }
}

fn set(text: &[u8]) -> Result<Vec<Value>, JoseError> {
    if text.len() > MAX_SET_BYTES {
        return Err(JoseError::Key("a JWK Set has at most 64 KiB"));
    }
    let mut members: Map<String, Value> = json::object(text)?;
    match members.remove("keys") {
        Some(Value::Array(keys)) if keys.len() <= MAX_KEYS => Ok(keys),
        Some(Value::Array(_)) => Err(JoseError::Key("a JWK Set has at most 20 keys")),
        _ => Err(JoseError::Key("a JWK Set has an array of keys")),
    }
}

fn known(keys: &[Value]) -> impl Iterator<Item = &Value> {
    keys.iter().filter(|jwk| {
        let kty = jwk.get("kty").and_then(Value::as_str);
        let crv = jwk.get("crv").and_then(Value::as_str);
        kty.is_none_or(|kty| ["RSA", "EC", "OKP", "oct"].contains(&kty))
            && crv.is_none_or(|crv| !OTHER_CURVES.contains(&crv))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::private_der::{generate_ed25519, generate_p256};

    fn p256(kid: Option<&str>) -> Value {
        let key = PublicJwk::ours(&generate_p256().unwrap(), "sig", "ES256").unwrap();
        let mut jwk = key.to_json();
        match kid {
            Some(kid) => jwk["kid"] = json!(kid),
            None => drop(jwk.as_object_mut().unwrap().remove("kid")),
        }
        jwk
    }

    fn text(keys: &[Value]) -> Vec<u8> {
        json!({ "keys": keys }).to_string().into_bytes()
    }

    #[test]
    fn ca_16_a_set_is_bounded() {
        let keys: Vec<Value> = (0..20).map(|_| p256(None)).collect();
        assert_eq!(JwkSet::parse_strict(&text(&keys)).unwrap().keys().len(), 20);
        let more: Vec<Value> = (0..1000).map(|_| json!({ "kty": "EC" })).collect();
        assert!(JwkSet::parse_strict(&text(&more)).is_err());
        assert!(JwkSet::parse(&text(&more)).is_err());
        let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(MAX_SET_BYTES));
        assert!(JwkSet::parse(long.as_bytes()).is_err());
        for bad in ["{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
            assert!(JwkSet::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn ca_16_a_bad_key_fails_a_registration_and_is_skipped_in_a_fetch() {
        let good = p256(Some("good"));
        let mut private = p256(Some("private"));
        private["d"] = json!("AAAA");
        let shared = json!({ "kty": "oct", "k": "AAAA" });
        for bad in [private, shared, json!({ "kty": "EC" }), json!({}), json!(1)] {
            let text = text(&[good.clone(), bad]);
            assert!(JwkSet::parse_strict(&text).is_err());
            assert_eq!(JwkSet::parse(&text).unwrap().keys().len(), 1);
        }
    }

    #[test]
    fn an_unknown_kind_of_key_is_skipped() {
        let unknown = [
            json!({ "kty": "AKP", "alg": "ML-DSA-44" }),
            json!({ "kty": "OKP", "crv": "X25519", "x": "AAAA" }),
            p256(Some("known")),
        ];
        assert_eq!(JwkSet::parse_strict(&text(&unknown)).unwrap().keys().len(), 1);
    }

    #[test]
    fn candidates_fit_the_name_and_the_algorithm_and_are_few() {
        let ed25519 = PublicJwk::ours(&generate_ed25519().unwrap(), "sig", "EdDSA").unwrap();
        let mut keys = vec![p256(Some("a")), p256(Some("b")), p256(None), ed25519.to_json()];
        let set = JwkSet::parse_strict(&text(&keys)).unwrap();
        let names = |kid| -> Vec<Option<&str>> {
            set.candidates(kid, SigningAlgorithm::ES256).map(PublicJwk::kid).collect()
        };
        assert_eq!(names(Some("a")), [Some("a"), None]);
        assert_eq!(names(Some("z")), [None]);
        assert_eq!(names(None), [Some("a"), Some("b"), None]);
        assert_eq!(set.candidates(None, SigningAlgorithm::HS256).count(), 0);
        keys.extend((0..5).map(|_| p256(None)));
        let set = JwkSet::parse_strict(&text(&keys)).unwrap();
        assert_eq!(set.candidates(None, SigningAlgorithm::ES256).count(), 4);
    }
}
