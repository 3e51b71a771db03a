//! A sender with a key: what it signs, and how it asks (RFC 9449).

use super::crypto::encode;
use super::{Code, Reply, TestServer, WebApp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::jose::{SigningAlgorithm, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The key of a sender.
#[derive(Clone)]
pub struct Prover(pub Arc<SigningKey>);

impl Prover {
    /// With a fresh ES256 key.
    pub fn new() -> Self {
        Self::with(SigningAlgorithm::ES256)
    }

    /// With a fresh key for an algorithm.
    pub fn with(algorithm: SigningAlgorithm) -> Self {
        Self(Arc::new(super::crypto::key(algorithm)))
    }

    /// The thumbprint of the key.
    pub fn jkt(&self) -> &str {
        self.0.kid()
    }

    /// The claims of a good proof for a request to a path, with `changes`; null removes one.
    pub fn claims(server: &TestServer, method: &str, path: &str, changes: &Value) -> Value {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut claims = json!({
            "jti": format!("jti-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            "htm": method,
            "htu": format!("{}{path}", server.issuer()),
            "iat": server.provider.now().as_unix(),
        });
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        claims
    }

    /// A proof with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.0.sign_dpop_proof(claims).expect("it can be signed")
    }

    /// A proof with this header; the signature is right for it.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let header = encode(&header.to_string());
        self.0.sign_text(&header, claims.to_string().as_bytes()).expect("it can be signed")
    }

    /// A good proof for the token endpoint.
    pub fn for_token(&self, server: &TestServer) -> String {
        self.sign(&Self::claims(server, "POST", "/token", &json!({})))
    }

    /// A good proof for the UserInfo endpoint and an access token.
    pub fn for_userinfo(&self, server: &TestServer, token: &str) -> String {
        self.sign(&Self::claims(server, "GET", "/userinfo", &json!({ "ath": ath(token) })))
    }

    /// The header of a good proof.
    pub fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": self.0.algorithm().as_str(), "jwk": self.0.public_jwk() })
    }
}

/// The hash of an access token (RFC 9449 §4.2).
pub fn ath(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

impl WebApp {
    /// Asks the token endpoint with these `DPoP` headers.
    pub async fn token_with(&self, form: &[(&str, &str)], proofs: &[&str]) -> Reply {
        let headers: Vec<_> = proofs.iter().map(|proof| ("dpop", *proof)).collect();
        self.call_with("/token", form, &headers).await
    }

    /// Redeems a code with a proof.
    pub async fn redeem_with(&self, code: &Code, proof: &str) -> Reply {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code.value),
            ("redirect_uri", &*self.redirect_uri),
            ("code_verifier", &*code.verifier),
        ];
        self.token_with(&form, &[proof]).await
    }

    /// Refreshes with these `DPoP` headers.
    pub async fn refresh_with(&self, refresh_token: &str, proofs: &[&str]) -> Reply {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.token_with(&form, proofs).await
    }

    /// Asks for the claims with an `Authorization` and `DPoP` headers.
    pub async fn userinfo_with(&self, authorization: &str, proofs: &[&str]) -> Reply {
        let mut request = self.http.get(format!("{}/userinfo", self.base));
        request = request.header("authorization", authorization);
        for proof in proofs {
            request = request.header("dpop", *proof);
        }
        Reply::read(request.send().await.expect("the server answers")).await
    }
}
