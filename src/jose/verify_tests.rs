//! Tests of the gate and of what passes it.

use super::*;
use crate::jose::jwk_set::JwkSet;
use crate::jose::signing_key::SigningKey;
use crate::jose::testing::{base64url, forge, signing_key};
use crate::jose::typ::Typ;
use SigningAlgorithm::{ES256, EdDSA, HS256, PS256, RS256};
use serde_json::{Value, json};

const EXPECTED: Expected<'_> = Expected::new(&["at+jwt"], &[ES256, RS256, EdDSA]);

fn token() -> String {
    signing_key(ES256).sign(Typ::AccessToken, &json!({ "sub": "u1" })).unwrap()
}

/// The token with another signature.
fn resigned(token: &str, signature: &[u8]) -> String {
    let signed = token.rsplit_once('.').unwrap().0;
    format!("{signed}.{}", base64url(signature))
}

fn verdict(token: &str, algorithm: SigningAlgorithm) -> Result<Claims, JoseError> {
    let algorithms = [algorithm];
    let expected = Expected::new(&["at+jwt"], &algorithms);
    gate(token, &expected)?.verify(&signing_key(algorithm).verifier())
}

#[test]
fn jw_01_an_algorithm_outside_the_list_is_refused() {
    for alg in [
        r#""none""#,
        r#""None""#,
        r#""nOnE""#,
        r#""NONE""#,
        r#""""#,
        "1",
        r#"["ES256"]"#,
        "null",
        r#""HS256""#,
        r#""PS256""#,
        r#""es256""#,
    ] {
        let header = format!(r#"{{"typ":"at+jwt","alg":{alg}}}"#);
        let signed = forge(signing_key(ES256), &header, r#"{"sub":"u1"}"#);
        let unsigned = format!("{}.", signed.rsplit_once('.').unwrap().0);
        for token in [signed, unsigned] {
            assert!(matches!(gate(&token, &EXPECTED), Err(JoseError::Refused(_))), "{alg}");
        }
    }
    let missing = forge(signing_key(ES256), r#"{"typ":"at+jwt"}"#, "{}");
    assert!(gate(&missing, &EXPECTED).is_err());
}

#[test]
fn jw_01_a_public_key_is_no_hmac_secret() {
    let jwk = PublicJwk::from_value(&signing_key(RS256).public_jwk()).unwrap();
    let der = jwk.to_der().unwrap();
    let public = openssl::pkey::PKey::public_key_from_der(&der).unwrap();
    let pem = public.public_key_to_pem().unwrap();
    let everything = Expected::new(&["at+jwt"], &SigningAlgorithm::ALL);
    for secret in [pem, der, jwk.to_json().to_string().into_bytes()] {
        let attacker = SigningKey::from_secret(HS256, &secret).unwrap();
        let token = attacker.sign(Typ::AccessToken, &json!({ "sub": "u1" })).unwrap();
        assert!(gate(&token, &EXPECTED).is_err());
        let unverified = gate(&token, &everything).unwrap();
        let key = VerifyingKey::from_jwk(&jwk, RS256).unwrap();
        assert!(matches!(unverified.verify(&key), Err(JoseError::Refused(_))));
    }
    assert!(VerifyingKey::from_jwk(&jwk, HS256).is_err());
    assert!(VerifyingKey::from_jwk(&jwk, ES256).is_err());
}

#[test]
fn jw_02_a_header_that_two_readers_read_differently_is_refused() {
    for header in [
        r#"{"typ":"at+jwt","alg":"none","alg":"ES256"}"#,
        r#"{"typ":"at+jwt","alg":"ES256","kid":"a","kid":"b"}"#,
        r#"{"typ":"at+jwt","alg":"ES256"} "x""#,
        "\u{feff}{\"typ\":\"at+jwt\",\"alg\":\"ES256\"}",
        r#"{"typ":"at+jwt",/**/"alg":"ES256"}"#,
    ] {
        let token = forge(signing_key(ES256), header, r#"{"sub":"u1"}"#);
        assert_eq!(gate(&token, &EXPECTED).unwrap_err(), JoseError::Malformed, "{header}");
    }
    let header = r#"{"typ":"at+jwt","alg":"ES256"}"#;
    for payload in [r#"{"sub":"u1","sub":"u2"}"#, r#"{"sub":"u1"}x"#, "[]", "", "\"{}\""] {
        let token = forge(signing_key(ES256), header, payload);
        assert_eq!(verdict(&token, ES256), Err(JoseError::Malformed), "{payload}");
        assert!(gate(&token, &EXPECTED).unwrap().peek_claims().is_err());
    }
}

#[test]
fn jw_03_crit_and_b64_are_refused() {
    for member in [
        r#""crit":["exp"],"exp":1"#,
        r#""crit":[]"#,
        r#""crit":["absent"]"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""crit":["b64"],"b64":false"#,
    ] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"ES256",{member}}}"#);
        let token = forge(signing_key(ES256), &header, "{}");
        assert!(matches!(gate(&token, &EXPECTED), Err(JoseError::Refused(_))), "{member}");
    }
}

#[test]
fn jw_04_a_degenerate_ecdsa_signature_is_refused() {
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: Vec<u8> =
        (0..32).map(|i| u8::from_str_radix(&order[2 * i..2 * i + 2], 16).unwrap()).collect();
    let good = compact::decode(token().rsplit_once('.').unwrap().1).unwrap();
    let (r, s) = good.split_at(32);
    let zero = [0; 32];
    let der = {
        let number = |bytes| openssl::bn::BigNum::from_slice(bytes).unwrap();
        let signature =
            openssl::ecdsa::EcdsaSig::from_private_components(number(r), number(s)).unwrap();
        signature.to_der().unwrap()
    };
    let bad = [
        vec![0; 64],
        [&zero, s].concat(),
        [r, &zero].concat(),
        [&order, s].concat(),
        [r, &order].concat(),
        [&order[..], &order].concat(),
        vec![0xFF; 64],
        der,
        good[..63].to_vec(),
        [&good[..], &[0]].concat(),
        good[1..].to_vec(),
        Vec::new(),
        vec![0; 32],
        vec![1],
    ];
    for signature in bad {
        let token = resigned(&token(), &signature);
        assert_eq!(verdict(&token, ES256), Err(JoseError::BadSignature), "{signature:02x?}");
    }
}

#[test]
fn jw_04_an_empty_short_or_changed_signature_is_refused_by_every_algorithm() {
    for algorithm in SigningAlgorithm::ALL {
        let token = signing_key(algorithm).sign(Typ::AccessToken, &json!({ "sub": "u1" })).unwrap();
        assert!(verdict(&token, algorithm).is_ok());
        let good = compact::decode(token.rsplit_once('.').unwrap().1).unwrap();
        let mut changed = good.clone();
        changed[good.len() / 2] ^= 1;
        let short = good[..good.len() - 1].to_vec();
        let long = [&good[..], &[0]].concat();
        for signature in [Vec::new(), vec![0; good.len()], short, long, changed] {
            let token = resigned(&token, &signature);
            assert_eq!(verdict(&token, algorithm), Err(JoseError::BadSignature), "{algorithm}");
        }
        let other = token.replacen('.', ".e30", 1);
        assert!(verdict(&other, algorithm).is_err());
    }
}

#[test]
fn jw_05_a_token_has_one_spelling() {
    let token = token();
    // 64 bytes leave four unused bits: only A, Q, g and w may end the signature.
    let last = token.chars().last().unwrap();
    let varied = char::from(last as u8 + 1);
    let [header, payload, signature] = compact::split::<3>(&token).unwrap();
    for other in [
        format!("{}{varied}", &token[..token.len() - 1]),
        format!("{token}="),
        format!("{token}=="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{header} .{payload}.{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}\n.{signature}"),
        format!("{header}.{payload}.+/{}", &signature[2..]),
    ] {
        assert!(verdict(&other, ES256).is_err(), "{other:?}");
    }
}

#[test]
fn jw_06_only_a_short_compact_token_is_looked_at() {
    let token = token();
    let [header, payload, signature] = compact::split::<3>(&token).unwrap();
    let one = json!({ "protected": header, "signature": signature });
    let general = json!({ "payload": payload, "signatures": vec![one; 1000] }).to_string();
    let flat = json!({ "payload": payload, "protected": header, "signature": signature });
    let dots = ".".repeat(10_000_000);
    for other in [general, flat.to_string(), dots, format!("{token}."), format!(".{token}")] {
        assert!(gate(&other, &EXPECTED).is_err());
    }
    assert!(gate(&format!("{header}.{payload}"), &EXPECTED).is_err());
    assert!(gate("", &EXPECTED).is_err());
    let nested = (0..50)
        .fold(token.clone(), |inner, _| format!("{header}.{}.{signature}", base64url(inner)));
    assert!(gate(&nested, &EXPECTED).is_err());
}

#[test]
fn jw_09_only_the_expected_typ_is_accepted() {
    let all = ["at+jwt", "dpop+jwt", "logout+jwt", "oauth-authz-req+jwt", "secevent+jwt", "JWT"];
    let header = |typ: &str| format!(r#"{{"typ":"{typ}","alg":"ES256"}}"#);
    for expected in all {
        for typ in all {
            let token = forge(signing_key(ES256), &header(typ), "{}");
            let accepted = gate(&token, &Expected::new(&[expected], &[ES256])).is_ok();
            assert_eq!(accepted, typ == expected, "{typ} for {expected}");
        }
    }
    let absent = forge(signing_key(ES256), r#"{"alg":"ES256"}"#, "{}");
    assert!(gate(&absent, &EXPECTED).is_err());
    let id_token = Expected::new(&["JWT"], &[ES256]).or_absent();
    assert!(gate(&absent, &id_token).is_ok());
    assert!(gate(&token(), &id_token).is_err());
    let strange = forge(signing_key(ES256), r#"{"typ":1,"alg":"ES256"}"#, "{}");
    assert!(gate(&strange, &id_token).is_err());
}

#[test]
fn a_token_of_another_key_is_refused() {
    let other = SigningKey::generate(ES256).unwrap();
    let unverified_token = token();
    let unverified = gate(&unverified_token, &EXPECTED).unwrap();
    let key = other.verifier();
    assert!(matches!(unverified.verify(&key), Err(JoseError::Refused(_))), "other kid");
    let mut nameless = other.public_jwk();
    nameless.as_object_mut().unwrap().remove("kid");
    let key = VerifyingKey::from_jwk(&PublicJwk::from_value(&nameless).unwrap(), ES256).unwrap();
    assert_eq!(unverified.verify(&key), Err(JoseError::BadSignature));
}

#[test]
fn a_key_is_found_among_several() {
    let keys: Vec<Value> = [ES256, EdDSA, RS256].map(|alg| signing_key(alg).public_jwk()).into();
    let set = JwkSet::parse_strict(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    let token = token();
    let unverified = gate(&token, &EXPECTED).unwrap();
    let candidates = |kid| -> Vec<VerifyingKey> {
        set.candidates(kid, ES256).map(|jwk| VerifyingKey::from_jwk(jwk, ES256).unwrap()).collect()
    };
    let decoy = SigningKey::generate(ES256).unwrap().verifier();
    let mut keys = candidates(unverified.kid());
    assert_eq!(keys.len(), 1);
    keys.insert(0, decoy.clone());
    assert!(unverified.verify_with_any(&keys).is_ok());
    assert!(unverified.verify_with_any(&[decoy]).is_err());
    assert_eq!(unverified.verify_with_any(&[]), Err(JoseError::BadSignature));
    assert!(candidates(Some("unknown")).is_empty());
}

#[test]
fn dp_03_a_key_in_the_header_is_public_and_only_where_expected() {
    let dpop = Expected::new(&["dpop+jwt"], &[ES256, PS256]).with_key_in_header();
    let proof = signing_key(ES256).sign_dpop_proof(&json!({ "htm": "POST" })).unwrap();
    let unverified = gate(&proof, &dpop).unwrap();
    let jwk = unverified.jwk().unwrap();
    assert_eq!(jwk.thumbprint(), signing_key(ES256).kid());
    let key = VerifyingKey::from_jwk(jwk, unverified.algorithm()).unwrap();
    assert!(unverified.verify(&key).is_ok());

    let bare = Expected::new(&["dpop+jwt"], &[ES256]);
    assert!(matches!(gate(&proof, &bare), Err(JoseError::Refused(_))), "not expected");
    let without = forge(signing_key(ES256), r#"{"typ":"dpop+jwt","alg":"ES256"}"#, "{}");
    assert!(matches!(gate(&without, &dpop), Err(JoseError::Refused(_))), "missing");
    let mut private = jwk.members();
    private["d"] = json!("AAAA");
    for jwk in [private, json!({ "kty": "oct", "k": "AAAA" }), json!("x"), Value::Null] {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk }).to_string();
        let proof = forge(signing_key(ES256), &header, "{}");
        assert!(matches!(gate(&proof, &dpop), Err(JoseError::Key(_))), "{header}");
    }
}

#[test]
fn jw_18_a_forged_mac_is_refused() {
    let token = signing_key(HS256).sign(Typ::AccessToken, &json!({ "sub": "u1" })).unwrap();
    let attacker = SigningKey::from_secret(HS256, &[8; 32]).unwrap();
    let forged = attacker.sign(Typ::AccessToken, &json!({ "sub": "u1" })).unwrap();
    assert!(verdict(&token, HS256).is_ok());
    assert_eq!(verdict(&forged, HS256), Err(JoseError::BadSignature));
    assert!(VerifyingKey::from_secret(&[7; 31]).is_err());
}
