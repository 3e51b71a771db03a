//! The rules of [`Verifier`], what must be refused first.

use super::*;
use crate::jose::{ContentEncryption, EncryptionKey, KeyManagement, PublicJwk, SigningKey};
use crate::protocol::revocation::{RevocationEntry, RevocationKind};
use crate::protocol::time::{SystemClock, TestClock};
use crate::verifier::LocalList;
use crate::verifier::testing::{AUDIENCE, ISSUER, StubIssuer, claims, jwk_set, signing_key, token};
use serde_json::{Value, json};

fn verifier() -> Verifier {
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]));
    builder.build_lazily().unwrap()
}

fn verdict(changes: &Value) -> Result<AccessToken, VerifyError> {
    verifier().verify(&token(changes))
}

fn is_invalid(verdict: &Result<AccessToken, VerifyError>) -> bool {
    matches!(verdict, Err(VerifyError::Invalid(_)))
}

fn now() -> i64 {
    SystemClock.now().as_unix()
}

#[test]
fn ui_03_other_kinds_of_token_are_refused() {
    let verifier = verifier();
    for typ in Typ::ALL.into_iter().filter(|typ| *typ != Typ::AccessToken) {
        let token = signing_key().sign(typ, &claims(&json!({}))).unwrap();
        assert!(is_invalid(&verifier.verify(&token)), "{}", typ.as_str());
    }
    for not_a_jwt in ["", "opaque", "3q2-7w"] {
        assert!(is_invalid(&verifier.verify(not_a_jwt)), "{not_a_jwt}");
    }
}

#[test]
fn jw_09_the_typ_may_be_spelled_as_a_media_type_and_not_be_absent() {
    let sign = |typ: Option<&str>| {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let mut header = json!({ "alg": "ES256", "kid": signing_key().kid() });
        if let Some(typ) = typ {
            header["typ"] = json!(typ);
        }
        let token = token(&json!({}));
        let [_, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        format!("{header}.{payload}.{signature}")
    };
    // The signature is over another header, so the right spelling comes as far as the signature.
    let verdict = |typ| verifier().verify(&sign(typ)).unwrap_err();
    let bad_signature = VerifyError::Invalid(JoseError::BadSignature);
    assert_eq!(verdict(Some("application/at+jwt")), bad_signature);
    for typ in [None, Some("JWT"), Some("jwt"), Some("dpop+jwt"), Some("logout+jwt")] {
        assert!(matches!(verdict(typ), VerifyError::Invalid(JoseError::Refused(_))), "{typ:?}");
    }
}

#[test]
fn ui_03_a_token_for_another_audience_is_refused() {
    let slash = format!("{AUDIENCE}/");
    for aud in [json!("https://other.example.com"), json!([slash, "app"]), json!([]), json!(1)] {
        assert!(is_invalid(&verdict(&json!({ "aud": aud }))), "{aud}");
    }
    assert!(verdict(&json!({ "aud": ["https://other.example.com", AUDIENCE] })).is_ok());
}

#[test]
fn ec_11_every_required_claim_is_required() {
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        assert!(is_invalid(&verdict(&json!({ name: null }))), "{name} is missing");
        assert!(is_invalid(&verdict(&json!({ name: "" }))), "{name} is empty");
    }
}

#[test]
fn jw_17_the_issuer_is_compared_byte_for_byte() {
    for iss in [
        format!("{ISSUER}/"),
        ISSUER.to_uppercase(),
        format!("{ISSUER}:443"),
        ISSUER.replace("https", "http"),
        "https://xn--id-.example.com".into(),
    ] {
        assert!(is_invalid(&verdict(&json!({ "iss": iss }))), "{iss}");
    }
}

#[test]
fn jw_07_times_are_bounded_integers() {
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for value in ["1e300", "1e19", "18446744073709551615", "1763765000000", "-1", "1.5", "true"]
        {
            let value: Value = serde_json::from_str(value).unwrap();
            assert!(is_invalid(&verdict(&json!({ name: value }))), "{name} {value}");
        }
        assert!(is_invalid(&verdict(&json!({ name: "123" }))), "{name} as text");
    }
}

#[test]
fn ui_04_a_token_is_good_between_its_times_give_or_take_the_leeway() {
    for (changes, good) in [
        (json!({ "exp": now() - 6 }), false),
        (json!({ "exp": now() - 2 }), true),
        (json!({ "nbf": now() + 60 }), false),
        (json!({ "iat": now() + 60 }), false),
        (json!({ "nbf": now() + 3, "iat": now() + 3 }), true),
        (json!({ "iat": now() - 3, "exp": now() - 3 }), false),
        (json!({ "nbf": null }), true),
    ] {
        assert_eq!(verdict(&changes).is_ok(), good, "{changes}");
    }
    let strict = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .keys(jwk_set(&[signing_key()]))
        .leeway(Lifetime::seconds(0))
        .build_lazily()
        .unwrap();
    assert!(is_invalid(&strict.verify(&token(&json!({ "exp": now() - 1 })))));
}

#[test]
fn ui_05_a_token_that_was_touched_is_refused() {
    let (good, other) = (token(&json!({})), token(&json!({ "sub": "bea" })));
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let other: Vec<&str> = other.split('.').collect();
    let mut flipped = signature.as_bytes().to_vec();
    flipped[10] = if flipped[10] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    for touched in [
        format!("{header}.{payload}.{flipped}"),
        format!("{header}.{}.{signature}", other[1]),
        format!("{header}.{payload}.{}", other[2]),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{header}.{payload}"),
        header.to_owned(),
        format!("{good}."),
        format!("{good}.{payload}"),
        format!("{good}.{payload}.{signature}"),
        format!(" {good}"),
        ".".repeat(100_000),
    ] {
        let verdict = verifier().verify(&touched);
        assert!(is_invalid(&verdict), "{verdict:?} for {}", &touched[..touched.len().min(200)]);
    }
    assert!(verifier().verify(&good).is_ok());
}

#[test]
fn jw_01_a_shared_secret_never_verifies() {
    let public = signing_key().public_jwk().to_string();
    let forger = SigningKey::from_secret(SigningAlgorithm::HS256, public.as_bytes()).unwrap();
    let forged = forger.sign(Typ::AccessToken, &claims(&json!({}))).unwrap();
    assert!(is_invalid(&verifier().verify(&forged)));
}

#[test]
fn a_key_of_somebody_else_is_unknown_or_does_not_fit() {
    let stranger = SigningKey::generate(SigningAlgorithm::ES256).unwrap();
    let token = stranger.sign(Typ::AccessToken, &claims(&json!({}))).unwrap();
    assert_eq!(verifier().verify(&token), Err(VerifyError::UnknownKey));
}

#[test]
fn every_asymmetric_algorithm_verifies_when_it_is_allowed_and_only_then() {
    for alg in SigningAlgorithm::ALL.into_iter().filter(|alg| alg.is_asymmetric()) {
        let key = SigningKey::generate(alg).unwrap();
        let token = key.sign(Typ::AccessToken, &claims(&json!({}))).unwrap();
        let build = |allowed: Option<SigningAlgorithm>| {
            let keys = jwk_set(&[&key, signing_key()]);
            let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(keys);
            match allowed {
                None => builder.build_lazily().unwrap(),
                Some(one) => builder.algorithms(&[one]).build_lazily().unwrap(),
            }
        };
        assert!(build(None).verify(&token).is_ok(), "{alg}");
        if alg != SigningAlgorithm::ES256 {
            assert!(is_invalid(&build(Some(SigningAlgorithm::ES256)).verify(&token)), "{alg}");
        }
    }
}

#[test]
fn a_nested_token_is_opened_with_the_key_of_the_service_and_checked_all_the_same() {
    let key = || DecryptionKey::generate(KeyManagement::EcdhEsA256Kw).unwrap();
    let (own, other) = (key(), key());
    let encrypt = |key: &DecryptionKey, inner: &str| {
        let jwk = PublicJwk::from_value(&key.public_jwk()).unwrap();
        let to = EncryptionKey::from_jwk(&jwk, key.algorithm(), ContentEncryption::A256Gcm);
        to.unwrap().encrypt_jwt(inner, Some("at+jwt")).unwrap()
    };
    let good = encrypt(&own, &token(&json!({})));
    let foreign = encrypt(&other, &token(&json!({})));
    let expired = encrypt(&own, &token(&json!({ "exp": now() - 60 })));
    let twice = encrypt(&own, &good);
    let unsigned = encrypt(&own, &claims(&json!({})).to_string());

    assert!(is_invalid(&verifier().verify(&good)), "no key to open it");
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]));
    let verifier = builder.decryption_key(key()).decryption_key(own).build_lazily().unwrap();
    // Another of the four letters that may stand last.
    let last = if good.ends_with('A') { 'Q' } else { 'A' };
    let touched = format!("{}{last}", &good[..good.len() - 1]);
    for bad in [foreign, expired, twice, unsigned, touched] {
        assert!(is_invalid(&verifier.verify(&bad)));
    }
    assert_eq!(verifier.verify(&good).unwrap().subject, "ada");
}

#[test]
fn what_the_list_holds_is_refused_and_a_stale_list_judged_by_the_policy() {
    let clock = Arc::new(TestClock::default());
    let list = LocalList::new(clock.clone());
    list.keep_fresh_until(clock.now() + Lifetime::seconds(3));
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .keys(jwk_set(&[signing_key()]))
        .clock(clock.clone())
        .revocations(Arc::new(list.clone()))
        .build_lazily()
        .unwrap();
    let (ada, bea) = (token(&json!({})), token(&json!({ "sub": "bea", "sid": "s2" })));
    assert!(verifier.verify(&ada).is_ok());

    list.insert([&RevocationEntry {
        seq: 1,
        kind: RevocationKind::Subject,
        key: "ada".into(),
        not_before: Some(clock.now()),
        expires_at: clock.now() + Lifetime::minutes(5),
    }]);
    assert_eq!(verifier.verify(&ada), Err(VerifyError::Revoked));
    assert!(verifier.verify(&bea).is_ok());

    let strict = verifier.with_staleness(StalenessPolicy::Strict);
    let relaxed = verifier.with_staleness(StalenessPolicy::Relaxed);
    clock.advance_seconds(10);
    assert_eq!(strict.verify(&bea), Err(VerifyError::Stale));
    assert!(verifier.verify(&bea).is_ok());
    clock.advance_seconds(60);
    assert_eq!(verifier.verify(&bea), Err(VerifyError::Stale));
    assert!(relaxed.verify(&bea).is_ok());
    assert_eq!(relaxed.verify(&ada), Err(VerifyError::Revoked));
}

#[test]
fn y_02_a_withdrawn_key_refuses_its_tokens_while_it_is_still_known() {
    let clock = Arc::new(TestClock::default());
    let list = LocalList::new(clock.clone());
    list.keep_fresh_until(clock.now() + Lifetime::seconds(60));
    list.insert([&RevocationEntry {
        seq: 1,
        kind: RevocationKind::Key,
        key: signing_key().kid().into(),
        not_before: Some(clock.now()),
        expires_at: clock.now() + Lifetime::minutes(5),
    }]);
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]));
    let verifier = builder.revocations(Arc::new(list)).build_lazily().unwrap();
    assert_eq!(verifier.verify(&token(&json!({}))), Err(VerifyError::Revoked));
}

#[test]
fn y_02_a_withdrawn_key_refuses_what_a_thief_signs_afterwards() {
    let clock = Arc::new(TestClock::default());
    let list = LocalList::new(clock.clone());
    list.keep_fresh_until(clock.now() + Lifetime::seconds(60));
    let withdrawn_at = clock.now() - Lifetime::minutes(1);
    list.insert([&RevocationEntry {
        seq: 1,
        kind: RevocationKind::Key,
        key: signing_key().kid().into(),
        not_before: Some(withdrawn_at),
        expires_at: clock.now() + Lifetime::minutes(5),
    }]);
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]));
    let verifier = builder.revocations(Arc::new(list)).build_lazily().unwrap();
    let forged = token(&json!({ "iat": clock.now().as_unix() }));
    assert_eq!(verifier.verify(&forged), Err(VerifyError::Revoked));
}

#[tokio::test]
async fn y_01_a_new_key_is_learnt_from_its_first_token() {
    let stub = StubIssuer::start(&[signing_key()]).await;
    let issuer = stub.issuer();
    let verifier = Verifier::builder(&issuer).audience(AUDIENCE).build().await.unwrap();
    let next = SigningKey::generate(SigningAlgorithm::ES256).unwrap();
    let token = next.sign(Typ::AccessToken, &claims(&json!({ "iss": issuer }))).unwrap();
    stub.set_jwks(200, jwk_set(&[signing_key(), &next]).to_json().to_string());

    assert_eq!(verifier.verify(&token), Err(VerifyError::UnknownKey));
    assert!(verifier.verify_or_refresh(&token).await.is_ok());
    assert!(verifier.verify(&token).is_ok());
    let stranger = SigningKey::generate(SigningAlgorithm::ES256).unwrap();
    let strange = stranger.sign(Typ::AccessToken, &claims(&json!({ "iss": issuer }))).unwrap();
    let calls = stub.jwks_calls();
    assert_eq!(verifier.verify_or_refresh(&strange).await, Err(VerifyError::UnknownKey));
    assert_eq!(stub.jwks_calls(), calls, "asked twice within 30 seconds");
}
