//! Tests of the checks on a public key.

use super::*;
use crate::jose::private_der::{generate_ed25519, generate_p256, generate_rsa};

fn jwk<T: HasPublic>(key: &PKeyRef<T>) -> Value {
    PublicJwk::ours(key, "sig", "any").unwrap().material.members()
}

fn refused(value: &Value) -> bool {
    matches!(PublicJwk::from_value(value), Err(JoseError::Key(_)))
}

fn number(bits: i32) -> BigNum {
    let mut number = BigNum::new().unwrap();
    number.set_bit(bits - 1).unwrap();
    number.set_bit(0).unwrap();
    number
}

#[test]
fn the_thumbprint_of_rfc_7638_matches() {
    let key = PublicJwk::from_value(&json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_B\
              JECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F\
              DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4\
              vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    }))
    .unwrap();
    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(key.kid(), Some("2011-04-29"));
    assert!(key.verifies(SigningAlgorithm::RS256));
    assert!(!key.verifies(SigningAlgorithm::PS256), "alg says RS256");
}

/// RFC 8037 appendix A.3.
#[test]
fn the_thumbprint_of_rfc_8037_matches() {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key = PublicJwk::from_value(&json!({ "kty": "OKP", "crv": "Ed25519", "x": x })).unwrap();
    assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_key_survives_its_own_json() {
    for key in [generate_rsa(), generate_p256(), generate_ed25519()] {
        let ours = PublicJwk::ours(&key.unwrap(), "sig", "X").unwrap();
        let read = PublicJwk::from_value(&ours.to_json()).unwrap();
        assert_eq!(read.to_json(), ours.to_json());
        assert_eq!(read.kid(), Some(read.thumbprint().as_str()));
    }
}

#[test]
fn ca_16_a_private_or_shared_key_is_refused() {
    let public = jwk(&generate_p256().unwrap());
    for name in PRIVATE_MEMBERS {
        let mut private = public.clone();
        private[name] = json!("AAAA");
        assert!(refused(&private), "{name}");
    }
    assert!(refused(&json!({ "kty": "oct", "k": "AAAA" })));
    assert!(refused(&json!({ "kty": "oct" })));
    assert!(refused(&json!({ "kty": "RSA" })));
    assert!(refused(&json!([])));
}

#[test]
fn ca_16_an_rsa_key_is_neither_weak_nor_costly() {
    let rsa = |n: &BigNumRef, e: &BigNumRef| json!({ "kty": "RSA", "n": encode(&n.to_vec()), "e": encode(&e.to_vec()) });
    let f4 = number(17);
    assert!(!refused(&rsa(&number(2048), &f4)));
    assert!(!refused(&rsa(&number(4096), &number(32))));
    for bits in [512, 1024, 2047, 4097, 16_384] {
        assert!(refused(&rsa(&number(bits), &f4)), "{bits} bits");
    }
    for exponent in [1, 2, 3, 17, 65_535, 65_536, 65_538] {
        assert!(refused(&rsa(&number(2048), &BigNum::from_u32(exponent).unwrap())), "{exponent}");
    }
    assert!(refused(&rsa(&number(3072), &number(33))));
    assert!(refused(&rsa(&number(3072), &number(3071))));
    let mut even = number(2048);
    even.clear_bit(0).unwrap();
    assert!(refused(&rsa(&even, &f4)));
}

#[test]
fn ca_16_a_point_lies_on_its_curve() {
    let good = jwk(&generate_p256().unwrap());
    let mut bent = compact::decode(good["y"].as_str().unwrap()).unwrap();
    bent[31] ^= 1;
    let mut off_curve = good.clone();
    off_curve["y"] = json!(encode(&bent));
    assert!(refused(&off_curve));
    let mut other_curve = good.clone();
    other_curve["crv"] = json!("P-384");
    assert!(refused(&other_curve));
    let mut unknown = good.clone();
    unknown["crv"] = json!("secp256k1");
    assert!(refused(&unknown));
    let mut long = good.clone();
    long["x"] = json!(encode(
        &[&[0], compact::decode(good["x"].as_str().unwrap()).unwrap().as_slice()].concat()
    ));
    assert!(refused(&long));
    let zero = encode(&[0; 32]);
    assert!(refused(&json!({ "kty": "EC", "crv": "P-256", "x": zero, "y": zero })));
}

#[test]
fn jw_04_an_ed25519_key_of_small_order_is_refused() {
    let okp = |x: [u8; 32]| json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&x) });
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xFF; 32];
    minus_one[0] = 0xEC;
    let mut prime = [0xFF; 32];
    prime[0] = 0xED;
    let mut prime_and_one = prime;
    prime_and_one[0] = 0xEE;
    let order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    let order_8: Vec<u8> =
        (0..32).map(|i| u8::from_str_radix(&order_8[2 * i..2 * i + 2], 16).unwrap()).collect();
    for mut y in [[0; 32], one, minus_one, prime, prime_and_one, order_8.try_into().unwrap()] {
        for sign in [0, 0x80] {
            y[31] = y[31] & 0x7F | sign;
            assert!(refused(&okp(y)), "{y:02x?}");
        }
    }
    assert!(!refused(&jwk(&generate_ed25519().unwrap())));
    assert!(refused(&json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&[9; 31]) })));
    assert!(refused(&json!({ "kty": "OKP", "crv": "Ed448", "x": encode(&[9; 57]) })));
}

#[test]
fn a_key_serves_only_what_it_is_for() {
    let mut p256 = jwk(&generate_p256().unwrap());
    let key = PublicJwk::from_value(&p256).unwrap();
    assert!(key.verifies(SigningAlgorithm::ES256) && key.encrypts(KeyManagement::EcdhEs));
    for alg in [SigningAlgorithm::RS256, SigningAlgorithm::EdDSA, SigningAlgorithm::HS256] {
        assert!(!key.verifies(alg));
    }
    assert!(!key.encrypts(KeyManagement::RsaOaep256) && !key.encrypts(KeyManagement::Dir));
    p256["key_ops"] = json!(["sign"]);
    assert!(!PublicJwk::from_value(&p256).unwrap().verifies(SigningAlgorithm::ES256));
    p256["key_ops"] = json!(["verify"]);
    assert!(PublicJwk::from_value(&p256).unwrap().verifies(SigningAlgorithm::ES256));
    p256["use"] = json!("enc");
    assert!(!PublicJwk::from_value(&p256).unwrap().verifies(SigningAlgorithm::ES256));
    p256["use"] = json!(["sig"]);
    assert!(refused(&p256));
}
