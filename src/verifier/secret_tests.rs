//! Services that share a secret with the issuer (HS256), what must be refused first.

use super::*;
use crate::jose::{
    ContentEncryption, EncryptionKey, JoseError, KeyManagement, PublicJwk, SigningKey,
};
use crate::verifier::testing::{AUDIENCE, ISSUER, claims, signing_key, token};
use serde_json::{Value, json};

const SECRET: &str = "the-secret-of-orders-0123456789-0123456789";
const OLD: &str = "the-secret-of-before-0123456789-0123456789";

fn builder() -> VerifierBuilder {
    Verifier::builder(ISSUER).audience(AUDIENCE).shared_secret(SECRET)
}

fn signed_with(secret: &[u8], changes: &Value) -> String {
    let key = SigningKey::from_secret(SigningAlgorithm::HS256, secret).unwrap();
    key.sign(Typ::AccessToken, &claims(changes)).unwrap()
}

#[tokio::test]
async fn a_token_under_the_secret_is_good_and_nothing_is_fetched() {
    let verifier = builder().shared_secret(OLD).build().await.unwrap();
    for secret in [SECRET, OLD] {
        let token = signed_with(secret.as_bytes(), &json!({}));
        assert_eq!(verifier.verify_or_refresh(&token).await.unwrap().subject, "ada");
    }
}

#[test]
fn jw_01_a_public_key_is_no_secret_and_a_secret_no_public_key() {
    let (shared, public) = (builder().build_lazily().unwrap(), signing_key().public_jwk());
    // What the issuer published does not sign here, whatever it signed.
    assert!(shared.verify(&token(&json!({}))).is_err());
    // Nor does anything that everybody knows.
    let jwk = public.to_string();
    let x = public["x"].as_str().unwrap();
    for known in [jwk.as_bytes(), x.as_bytes(), OLD.as_bytes()] {
        let forged = signed_with(known, &json!({}));
        let bad = VerifyError::Invalid(JoseError::BadSignature);
        assert_eq!(shared.verify(&forged), Err(bad));
    }
    // And without the setting a MAC is nothing, whatever it was made with.
    let keys = JwkSet::new(vec![PublicJwk::from_value(&public).unwrap()]);
    let plain = Verifier::builder(ISSUER).audience(AUDIENCE).keys(keys).build_lazily().unwrap();
    for secret in [jwk.as_bytes(), SECRET.as_bytes()] {
        let verdict = plain.verify(&signed_with(secret, &json!({})));
        assert!(matches!(verdict, Err(VerifyError::Invalid(JoseError::Refused(_)))), "{verdict:?}");
    }
}

#[test]
fn every_other_rule_holds_under_a_secret() {
    let verifier = builder().build_lazily().unwrap();
    for wrong in [
        json!({ "aud": "https://bills.example.com" }),
        json!({ "iss": "https://other.example.com" }),
        json!({ "exp": 1 }),
        json!({ "sub": null }),
    ] {
        let verdict = verifier.verify(&signed_with(SECRET.as_bytes(), &wrong));
        assert!(matches!(verdict, Err(VerifyError::Invalid(_))), "{wrong}");
    }
    let key = SigningKey::from_secret(SigningAlgorithm::HS256, SECRET.as_bytes()).unwrap();
    let id_token = key.sign(Typ::IdToken, &claims(&json!({}))).unwrap();
    assert!(verifier.verify(&id_token).is_err());
}

#[test]
fn a_token_under_the_secret_may_be_encrypted_as_well() {
    let (alg, enc) = (KeyManagement::Dir, ContentEncryption::A256Gcm);
    let own = DecryptionKey::from_secret(SECRET.as_bytes(), alg, enc).unwrap();
    let verifier = builder().decryption_key(own).build_lazily().unwrap();
    let recipient = EncryptionKey::from_secret(SECRET.as_bytes(), alg, enc).unwrap();
    let nested = |token: &str| recipient.encrypt_jwt(token, Some("at+jwt")).unwrap();
    let inner = signed_with(SECRET.as_bytes(), &json!({}));
    assert_eq!(verifier.verify(&nested(&inner)).unwrap().subject, "ada");
    assert!(verifier.verify(&nested(&token(&json!({})))).is_err());
}
