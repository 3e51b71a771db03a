//! The client side of OAuth 2.0 and OpenID Connect: discovery, client
//! authentication, PKCE and ID token verification.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as B64};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Client;
use crate::fault::{Fault, Outcome};
use crate::http::{Agent, Request};
use crate::url::{Url, encode_into, push_pair};

#[derive(Clone, Debug)]
pub struct Endpoints {
    pub issuer: String,
    pub discovery: Url,
    pub jwks: Url,
    pub authorization: Url,
    pub token: Url,
    pub userinfo: Option<Url>,
    pub introspection: Option<Url>,
    pub revocation: Option<Url>,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
}

impl Endpoints {
    pub async fn discover(agent: &mut Agent, issuer: &str) -> Outcome<Endpoints> {
        let discovery = Url::parse(&format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        ))?;
        let answer = agent.send(&Request::get(&discovery)).await?;
        if answer.status != 200 {
            return Err(Fault::new(format!("discovery: http {}", answer.status)));
        }
        let found: Metadata = serde_json::from_slice(&answer.body)
            .map_err(|e| Fault::new(format!("discovery: {e}")))?;
        if found.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
            return Err(Fault::new(format!("discovery: issuer is {}", found.issuer)));
        }
        let optional = |url: Option<String>| url.as_deref().map(Url::parse).transpose();
        Ok(Endpoints {
            discovery,
            jwks: Url::parse(&found.jwks_uri)?,
            authorization: Url::parse(&found.authorization_endpoint)?,
            token: Url::parse(&found.token_endpoint)?,
            userinfo: optional(found.userinfo_endpoint)?,
            introspection: optional(found.introspection_endpoint)?,
            revocation: optional(found.revocation_endpoint)?,
            issuer: found.issuer,
        })
    }
}

/// Adds a client's authentication to a form, or gives the header that does.
pub struct Authenticator {
    client: Client,
    basic: Option<String>,
    signer: Option<Signer>,
    audience: String,
}

impl Authenticator {
    pub fn new(client: &Client, issuer: &str) -> Outcome<Authenticator> {
        let mut basic = None;
        let mut signer = None;
        match &*client.auth {
            "client_secret_basic" => {
                let mut pair = String::new();
                encode_into(&mut pair, &client.id);
                pair.push(':');
                encode_into(&mut pair, &client.secret);
                basic = Some(format!("Basic {}", STANDARD.encode(pair)));
            }
            "private_key_jwt" => signer = Some(Signer::load(client)?),
            "client_secret_post" | "none" => {}
            other => return Err(Fault::new(format!("config: client auth {other}"))),
        }
        Ok(Authenticator { client: client.clone(), basic, signer, audience: issuer.to_owned() })
    }

    /// The `Authorization` header, if this method uses one.
    pub fn header(&self) -> Option<(&str, &str)> {
        self.basic.as_deref().map(|value| ("Authorization", value))
    }

    pub fn sign_form(&self, form: &mut String) -> Outcome<()> {
        if let Some(signer) = &self.signer {
            push_pair(form, "client_id", &self.client.id);
            push_pair(
                form,
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            );
            push_pair(
                form,
                "client_assertion",
                &signer.assertion(&self.client.id, &self.audience)?,
            );
        } else if self.basic.is_none() {
            push_pair(form, "client_id", &self.client.id);
            if self.client.auth == "client_secret_post" {
                push_pair(form, "client_secret", &self.client.secret);
            }
        }
        Ok(())
    }

    /// Whether the same form may be sent again and again.
    pub fn is_static(&self) -> bool {
        self.signer.is_none()
    }
}

/// A client's private key, PKCS#8 DER.
struct Signer {
    key: PrivateKey,
    header: String,
    random: SystemRandom,
}

enum PrivateKey {
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

impl Signer {
    fn load(client: &Client) -> Outcome<Signer> {
        let path =
            client.key.as_ref().ok_or_else(|| Fault::new("config: private_key_jwt needs `key`"))?;
        let der = std::fs::read(path)
            .map_err(|e| Fault::new(format!("config: {}: {e}", path.display())))?;
        let random = SystemRandom::new();
        let bad = |e| Fault::new(format!("config: {}: {e}", path.display()));
        let (key, alg) = match &*client.alg {
            "EdDSA" => (
                PrivateKey::EdDsa(Box::new(Ed25519KeyPair::from_pkcs8(&der).map_err(bad)?)),
                "EdDSA",
            ),
            _ => (
                PrivateKey::Es256(Box::new(
                    EcdsaKeyPair::from_pkcs8(
                        &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                        &der,
                        &random,
                    )
                    .map_err(bad)?,
                )),
                "ES256",
            ),
        };
        let mut header = json!({"alg": alg, "typ": "JWT"});
        if let Some(kid) = &client.kid {
            header["kid"] = json!(kid);
        }
        Ok(Signer { key, header: B64.encode(header.to_string()), random })
    }

    fn assertion(&self, client: &str, audience: &str) -> Outcome<String> {
        let now = unix_now();
        let claims = json!({
            "iss": client, "sub": client, "aud": audience,
            "iat": now, "exp": now + 60, "jti": token(24),
        });
        let mut jwt = format!("{}.{}", self.header, B64.encode(claims.to_string()));
        let failed = |_| Fault::new("client: signing failed");
        let signature = match &self.key {
            PrivateKey::Es256(key) => {
                B64.encode(key.sign(&self.random, jwt.as_bytes()).map_err(failed)?)
            }
            PrivateKey::EdDsa(key) => B64.encode(key.sign(jwt.as_bytes())),
        };
        jwt.push('.');
        jwt.push_str(&signature);
        Ok(jwt)
    }
}

/// Makes a client key: PKCS#8 DER and the public JWK to register.
pub fn generate_key(alg: &str, kid: &str) -> Outcome<(Vec<u8>, Value)> {
    let random = SystemRandom::new();
    let failed = |_| Fault::new("keygen failed");
    match alg {
        "ES256" => {
            let kind = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
            let der = EcdsaKeyPair::generate_pkcs8(kind, &random).map_err(failed)?;
            let pair = EcdsaKeyPair::from_pkcs8(kind, der.as_ref(), &random)
                .map_err(|e| Fault::new(format!("keygen: {e}")))?;
            let point = pair.public_key().as_ref();
            let jwk = json!({
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
                "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..65]),
            });
            Ok((der.as_ref().to_vec(), jwk))
        }
        "EdDSA" => {
            let der = Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?;
            let pair = Ed25519KeyPair::from_pkcs8(der.as_ref())
                .map_err(|e| Fault::new(format!("keygen: {e}")))?;
            let jwk = json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid,
                "x": B64.encode(pair.public_key().as_ref()),
            });
            Ok((der.as_ref().to_vec(), jwk))
        }
        other => Err(Fault::new(format!("keygen: no support for {other}"))),
    }
}

/// A provider's signing keys, ready to verify with.
pub struct Keys(Vec<VerifyKey>);

struct VerifyKey {
    kid: Option<String>,
    material: Material,
}

enum Material {
    Point(Vec<u8>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Okp(Vec<u8>),
}

impl Material {
    fn verifies(&self, alg: &str, message: &[u8], signature: &[u8]) -> bool {
        let checked = match (self, alg) {
            (Self::Point(point), "ES256") => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature)
            }
            (Self::Okp(x), "EdDSA" | "Ed25519") => {
                UnparsedPublicKey::new(&signature::ED25519, x).verify(message, signature)
            }
            (Self::Rsa { n, e }, alg) => {
                let parameters = match alg {
                    "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
                    _ => return false,
                };
                signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            _ => return false,
        };
        checked.is_ok()
    }
}

#[derive(Deserialize)]
struct JoseHeader<'a> {
    alg: &'a str,
    kid: Option<String>,
}

/// What an ID token must say for the flow to count.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client: &'a str,
    pub nonce: &'a str,
}

impl Keys {
    pub fn parse(jwks: &[u8]) -> Outcome<Keys> {
        let set: Value =
            serde_json::from_slice(jwks).map_err(|e| Fault::new(format!("jwks: {e}")))?;
        let mut keys = Vec::new();
        for jwk in set["keys"].as_array().into_iter().flatten() {
            let part = |name: &str| jwk[name].as_str().and_then(|v| B64.decode(v).ok());
            let material = match (jwk["kty"].as_str(), jwk["crv"].as_str()) {
                (Some("EC"), Some("P-256")) => match (part("x"), part("y")) {
                    (Some(x), Some(y)) => Material::Point([vec![4], x, y].concat()),
                    _ => continue,
                },
                (Some("RSA"), _) => match (part("n"), part("e")) {
                    (Some(n), Some(e)) => Material::Rsa { n, e },
                    _ => continue,
                },
                (Some("OKP"), Some("Ed25519")) => match part("x") {
                    Some(x) => Material::Okp(x),
                    None => continue,
                },
                _ => continue,
            };
            keys.push(VerifyKey { kid: jwk["kid"].as_str().map(str::to_owned), material });
        }
        if keys.is_empty() {
            return Err(Fault::new("jwks: no usable key"));
        }
        Ok(Keys(keys))
    }

    /// Checks signature, issuer, audience, nonce and expiry. Returns the `alg`.
    pub fn verify_id_token(&self, jwt: &str, expected: &Expected<'_>) -> Outcome<String> {
        let bad = |what: &str| Fault::new(format!("id_token: {what}"));
        let (signed, signature) = jwt.rsplit_once('.').ok_or_else(|| bad("not a JWT"))?;
        let (header, claims) = signed.split_once('.').ok_or_else(|| bad("not a JWT"))?;
        let header = B64.decode(header).map_err(|_| bad("header"))?;
        let header: JoseHeader<'_> = serde_json::from_slice(&header).map_err(|_| bad("header"))?;
        let signature = B64.decode(signature).map_err(|_| bad("signature encoding"))?;
        let message = signed.as_bytes();
        let fits = |key: &&VerifyKey| header.kid.is_none() || key.kid == header.kid;
        let verified = self
            .0
            .iter()
            .filter(fits)
            .any(|key| key.material.verifies(header.alg, message, &signature));
        if !verified {
            return Err(bad("signature"));
        }
        let claims = B64.decode(claims).map_err(|_| bad("claims"))?;
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| bad("claims"))?;
        let audience = match &claims["aud"] {
            Value::Array(list) => list.iter().any(|a| a == expected.client),
            single => single == expected.client,
        };
        if claims["iss"] != expected.issuer {
            return Err(bad("iss"));
        }
        if !audience {
            return Err(bad("aud"));
        }
        if claims["nonce"] != expected.nonce {
            return Err(bad("nonce"));
        }
        if claims["exp"].as_u64().is_none_or(|exp| exp < unix_now()) {
            return Err(bad("exp"));
        }
        Ok(header.alg.to_owned())
    }
}

/// A PKCE verifier and its S256 challenge.
pub fn pkce() -> (String, String) {
    let verifier = token(43);
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    let challenge = B64.encode(digest.as_ref());
    (verifier, challenge)
}

/// An alphanumeric value that need be unique, not secret.
pub fn token(length: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(length).collect()
}

pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signs as a provider would, and checks that each altered claim is refused.
    #[test]
    fn id_tokens_are_really_verified() {
        for alg in ["ES256", "EdDSA"] {
            let (der, jwk) = generate_key(alg, "k1").unwrap();
            let keys = Keys::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
            let make = |claims: Value| {
                let header = B64.encode(json!({"alg": alg, "kid": "k1"}).to_string());
                let text = format!("{header}.{}", B64.encode(claims.to_string()));
                let signature = if alg == "ES256" {
                    let random = SystemRandom::new();
                    let kind = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                    let pair = EcdsaKeyPair::from_pkcs8(kind, &der, &random).unwrap();
                    B64.encode(pair.sign(&random, text.as_bytes()).unwrap())
                } else {
                    B64.encode(Ed25519KeyPair::from_pkcs8(&der).unwrap().sign(text.as_bytes()))
                };
                format!("{text}.{signature}")
            };
            let good = json!({"iss": "i", "aud": ["c"], "nonce": "n", "exp": unix_now() + 9});
            let expected = Expected { issuer: "i", client: "c", nonce: "n" };
            let jwt = make(good.clone());
            assert_eq!(keys.verify_id_token(&jwt, &expected).unwrap(), alg);
            for (name, value) in
                [("iss", json!("x")), ("aud", json!("x")), ("nonce", json!("x")), ("exp", json!(1))]
            {
                let mut altered = good.clone();
                altered[name] = value;
                let fault = keys.verify_id_token(&make(altered), &expected).unwrap_err();
                assert_eq!(fault.0, format!("id_token: {name}"));
            }
            let (rest, signature) = jwt.rsplit_once('.').unwrap();
            let swapped = if signature.starts_with('A') { 'B' } else { 'A' };
            let forged = format!("{rest}.{swapped}{}", &signature[1..]);
            assert_eq!(
                keys.verify_id_token(&forged, &expected).unwrap_err().0,
                "id_token: signature"
            );
        }
    }

    #[test]
    fn pkce_challenge_is_s256() {
        let (verifier, challenge) = pkce();
        assert_eq!(verifier.len(), 43);
        let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
        assert_eq!(B64.decode(challenge).unwrap(), digest.as_ref());
    }
}
