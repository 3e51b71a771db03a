//! Tokens that are bound, and those who send them.

use super::*;
use crate::jose::{SigningAlgorithm, SigningKey};
use crate::protocol::time::{Clock, SystemClock};
use crate::verifier::VerifierBuilder;
use crate::verifier::testing::{AUDIENCE, ISSUER, jwk_set, signing_key, token};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::sha::sha256;
use serde_json::{Value, json};

const URI: &str = "https://orders.example.com/orders";
const CERTIFICATE: &[u8] = b"what the sender showed";

fn builder() -> VerifierBuilder {
    Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]))
}

fn verifier() -> Verifier {
    builder().build_lazily().unwrap()
}

fn hash(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(sha256(bytes))
}

fn key() -> SigningKey {
    SigningKey::generate(SigningAlgorithm::ES256).unwrap()
}

fn bound_to(key: &SigningKey) -> String {
    token(&json!({ "cnf": { "jkt": key.kid() } }))
}

fn proof(key: &SigningKey, token: &str, jti: &str, changes: Value) -> String {
    let mut claims = json!({
        "jti": jti, "htm": "GET", "htu": URI, "iat": SystemClock.now().as_unix(),
        "ath": hash(token.as_bytes()),
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    key.sign_dpop_proof(&claims).unwrap()
}

async fn send(
    verifier: &Verifier,
    scheme: Scheme,
    token: &str,
    proofs: &[&str],
) -> Result<AccessToken, VerifyError> {
    let (method, path) = ("GET", "/orders");
    verifier.verify_sent(&Sent { scheme, token, method, path, proofs, certificate: None }).await
}

#[tokio::test]
async fn s17_s20_a_bound_token_is_good_with_its_key_alone() {
    let (verifier, own, other) = (verifier(), key(), key());
    let token = bound_to(&own);
    let good = proof(&own, &token, "1", json!({}));
    assert_eq!(send(&verifier, Scheme::Dpop, &token, &[&good]).await.unwrap().subject, "ada");
    assert_eq!(send(&verifier, Scheme::Bearer, &token, &[]).await, Err(VerifyError::Bound));
    let foreign = proof(&other, &token, "2", json!({}));
    let refused = send(&verifier, Scheme::Dpop, &token, &[&foreign]).await;
    assert_eq!(refused, Err(VerifyError::OtherKey));
    let missing = send(&verifier, Scheme::Dpop, &token, &[]).await;
    assert!(matches!(missing, Err(VerifyError::Proof(_))));
    let bearer = crate::verifier::testing::token(&json!({}));
    let sent = send(&verifier, Scheme::Dpop, &bearer, &[&good]).await;
    assert_eq!(sent, Err(VerifyError::NotBound));
}

#[tokio::test]
async fn s19_dp_06_a_proof_is_for_one_request() {
    let (verifier, own) = (verifier(), key());
    let token = bound_to(&own);
    for (jti, changes) in [
        ("1", json!({ "htm": "POST" })),
        ("2", json!({ "htu": "https://orders.example.com/other" })),
        ("3", json!({ "htu": "https://evil.example/orders" })),
        ("4", json!({ "ath": hash(b"another") })),
        ("5", json!({ "iat": SystemClock.now().as_unix() - 3600 })),
    ] {
        let wrong = proof(&own, &token, jti, changes);
        let refused = send(&verifier, Scheme::Dpop, &token, &[&wrong]).await;
        assert!(matches!(refused, Err(VerifyError::Proof(_))), "{jti}");
    }
    let good = proof(&own, &token, "6", json!({}));
    let two = send(&verifier, Scheme::Dpop, &token, &[&good, &good]).await;
    assert!(matches!(two, Err(VerifyError::Proof(_))));
    assert!(send(&verifier, Scheme::Dpop, &token, &[&good]).await.is_ok());
    let again = send(&verifier, Scheme::Dpop, &token, &[&good]).await;
    assert!(matches!(again, Err(VerifyError::Proof(_))));
}

#[tokio::test]
async fn dp_07_one_key_that_uses_up_its_room_leaves_room_for_another() {
    let verifier = builder().remembered_proofs(6).build_lazily().unwrap();
    let (greedy, honest) = (key(), key());
    let token = bound_to(&greedy);
    let mut proofs = (0..9).map(|jti| proof(&greedy, &token, &jti.to_string(), json!({})));
    let first = proofs.next().unwrap();
    assert!(send(&verifier, Scheme::Dpop, &token, &[&first]).await.is_ok());
    let mut taken = 1;
    for proof in proofs {
        match send(&verifier, Scheme::Dpop, &token, &[&proof]).await {
            Ok(_) => taken += 1,
            Err(error) => assert_eq!(error, VerifyError::Busy),
        }
    }
    assert_eq!(taken, 3);
    let again = send(&verifier, Scheme::Dpop, &token, &[&first]).await;
    assert!(matches!(again, Err(VerifyError::Proof(_))), "{again:?}");
    let token = bound_to(&honest);
    for jti in ["1", "2"] {
        let good = proof(&honest, &token, jti, json!({}));
        assert!(send(&verifier, Scheme::Dpop, &token, &[&good]).await.is_ok(), "{jti}");
    }
}

#[tokio::test]
async fn dp_04_the_address_of_the_service_is_what_it_was_told_to_be() {
    let elsewhere = builder().origin("https://api.example.net:8443").build_lazily().unwrap();
    let own = key();
    let token = bound_to(&own);
    let by_audience = proof(&own, &token, "1", json!({}));
    assert!(send(&elsewhere, Scheme::Dpop, &token, &[&by_audience]).await.is_err());
    let told = json!({ "htu": "https://api.example.net:8443/orders?x=1" });
    let good = proof(&own, &token, "2", told);
    assert!(send(&elsewhere, Scheme::Dpop, &token, &[&good]).await.is_ok());
    for origin in ["", "api.example.net", "ftp://api.example.net", "https://a.example/path"] {
        assert!(builder().origin(origin).build_lazily().is_err(), "{origin}");
    }
}

#[tokio::test]
async fn s22_a_service_may_ask_for_nonces_of_its_own() {
    let asking = || builder().dpop_nonces(&[7; 32]).build_lazily().unwrap();
    let (verifier, own) = (asking(), key());
    let token = bound_to(&own);
    let plain = proof(&own, &token, "1", json!({}));
    let refused = send(&verifier, Scheme::Dpop, &token, &[&plain]).await;
    let Err(VerifyError::NonceNeeded { nonce }) = refused else { panic!("{refused:?}") };
    let good = proof(&own, &token, "2", json!({ "nonce": nonce, "iat": 1_000_000_000 }));
    // Another instance of the service knows it as well.
    assert!(send(&asking(), Scheme::Dpop, &token, &[&good]).await.is_ok());
    let forged = proof(&own, &token, "3", json!({ "nonce": "forged" }));
    let refused = send(&verifier, Scheme::Dpop, &token, &[&forged]).await;
    assert!(matches!(refused, Err(VerifyError::NonceNeeded { .. })));
}

#[tokio::test]
async fn mt_01_a_token_of_a_certificate_is_good_with_that_certificate_alone() {
    let verifier = verifier();
    let token = token(&json!({ "cnf": { "x5t#S256": hash(CERTIFICATE) } }));
    let with = async |certificate: Option<&[u8]>| {
        let shown = certificate.map(hash);
        let certificate = shown.as_deref();
        let (scheme, method, path) = (Scheme::Bearer, "GET", "/orders");
        let sent = Sent { scheme, token: &token, method, path, proofs: &[], certificate };
        verifier.verify_sent(&sent).await
    };
    assert!(with(Some(CERTIFICATE)).await.is_ok());
    assert_eq!(with(Some(b"another")).await, Err(VerifyError::OtherKey));
    assert_eq!(with(None).await, Err(VerifyError::Bound));
}

#[tokio::test]
async fn ec_05_a_binding_that_is_not_known_refuses_the_token() {
    let verifier = verifier();
    for cnf in [json!({ "jwk": {} }), json!({ "kid": "x" }), json!("x"), json!({ "jkt": 1 })] {
        let token = token(&json!({ "cnf": cnf }));
        assert!(send(&verifier, Scheme::Bearer, &token, &[]).await.is_err(), "{cnf}");
    }
}
