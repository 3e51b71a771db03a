//! Each rule of RFC 9449 §4.3, with a proof that breaks only that one.

use super::*;
use crate::jose::SigningKey;
use crate::jose::testing::{forge, signing_key};
use SigningAlgorithm::{ES256, EdDSA, PS256, RS256};
use serde_json::{Value, json};

const NOW: i64 = 1_763_765_000;
const URI: &str = "https://id.example.com/token";
const ACCESS_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn now() -> Timestamp {
    Timestamp::from_unix(NOW)
}

fn claims(changes: Value) -> Value {
    let mut claims = json!({ "jti": "j1", "htm": "POST", "htu": URI, "iat": NOW });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn read_as(proof: &str, access_token: Option<&str>) -> Result<Proof, JoseError> {
    let uris = [URI.to_owned(), "https://mtls.example.com/token".to_owned()];
    Proof::read(proof, &Target { method: "POST", uris: &uris, access_token })
}

fn read(changes: Value) -> Result<Proof, JoseError> {
    read_as(&signing_key(ES256).sign_dpop_proof(&claims(changes)).unwrap(), None)
}

/// RFC 9449 §4.1 and §6.1.
#[test]
fn the_proof_of_the_rfc_is_read() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0\
                 VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10\
                 NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIj\
                 oiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2f\
                 Q.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3\
                 Lg";
    let uris = ["https://server.example.com/token".to_owned()];
    let target = Target { method: "POST", uris: &uris, access_token: None };
    let proof = Proof::read(proof, &target).unwrap();
    assert_eq!(proof.jkt, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert!(proof.check_age(Timestamp::from_unix(1_562_262_616)).is_ok());
}

/// RFC 9449 §7.1: the token and its hash.
#[test]
fn s19_ath_is_the_hash_of_the_access_token() {
    let with = |ath: Value| {
        let claims = claims(json!({ "ath": ath }));
        read_as(&signing_key(ES256).sign_dpop_proof(&claims).unwrap(), Some(ACCESS_TOKEN))
    };
    assert!(with(json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo")).is_ok());
    for wrong in [Value::Null, json!(""), json!(ACCESS_TOKEN), json!(hash("another")), json!(1)] {
        assert!(with(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn s19_proofs_are_signed_with_ps256_es256_or_eddsa() {
    for alg in [PS256, ES256, EdDSA] {
        let key = SigningKey::generate(alg).unwrap();
        let proof = read_as(&key.sign_dpop_proof(&claims(json!({}))).unwrap(), None).unwrap();
        assert_eq!(proof.jkt, key.kid(), "the kid is the thumbprint");
    }
    let rsa = SigningKey::generate(RS256).unwrap();
    assert!(read_as(&rsa.sign_dpop_proof(&claims(json!({}))).unwrap(), None).is_err());
    for alg in ["none", "HS256", "ES384", ""] {
        let jwk = signing_key(ES256).public_jwk();
        let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": jwk }).to_string();
        let proof = forge(signing_key(ES256), &header, &claims(json!({})).to_string());
        assert!(read_as(&proof, None).is_err(), "{alg}");
    }
}

#[test]
fn dp_02_dp_03_the_header_says_what_it_is_and_brings_a_public_key() {
    let jwk = signing_key(ES256).public_jwk();
    let with = |header: Value| {
        read_as(
            &forge(signing_key(ES256), &header.to_string(), &claims(json!({})).to_string()),
            None,
        )
    };
    for typ in ["dpop+jwt", "DPOP+JWT", "application/dpop+jwt"] {
        assert!(with(json!({ "typ": typ, "alg": "ES256", "jwk": jwk })).is_ok(), "{typ}");
    }
    for typ in [json!("JWT"), json!("at+jwt"), Value::Null, json!(1)] {
        assert!(with(json!({ "typ": typ, "alg": "ES256", "jwk": jwk })).is_err(), "{typ}");
    }
    assert!(with(json!({ "alg": "ES256", "jwk": jwk })).is_err());
    assert!(with(json!({ "typ": "dpop+jwt", "alg": "ES256" })).is_err());
    assert!(with(json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": "key" })).is_err());
    let mut private = jwk.clone();
    private["d"] = json!("AAAA");
    let other = SigningKey::generate(ES256).unwrap().public_jwk();
    for jwk in [private, other, json!({ "kty": "oct", "k": "AAAA" }), json!({})] {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
        assert!(with(header.clone()).is_err(), "{header}");
    }
}

#[test]
fn s19_more_members_in_header_and_claims_do_no_harm() {
    let mut jwk = signing_key(ES256).public_jwk();
    jwk["kid"] = json!("one");
    jwk["x"] = jwk["x"].clone();
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk, "kid": "two", "extra": 1 });
    let more = claims(json!({ "nbf": NOW, "exp": NOW - 500, "extra": { "a": [] } }));
    let proof = forge(signing_key(ES256), &header.to_string(), &more.to_string());
    assert!(read_as(&proof, None).is_ok());
}

#[test]
fn s19_the_method_is_the_one_of_the_request() {
    for htm in [json!("GET"), json!("post"), json!(""), Value::Null, json!(["POST"])] {
        assert!(read(json!({ "htm": htm })).is_err(), "{htm}");
    }
}

#[test]
fn dp_04_addresses_are_compared_after_normalisation() {
    for same in [
        "https://id.example.com/token",
        "https://id.example.com:443/token",
        "HTTPS://ID.EXAMPLE.com/token",
        "https://id.example.com/token?a=b",
        "https://id.example.com/token#part",
        "https://id.example.com/%74oken",
        "https://id.example.com/a/../token",
        "https://mtls.example.com/token",
    ] {
        assert!(read(json!({ "htu": same })).is_ok(), "{same}");
    }
    for other in [
        "https://id.example.com/token/",
        "https://id.example.com/Token",
        "https://id.example.com/%2574oken",
        "https://id.example.com:8443/token",
        "http://id.example.com/token",
        "https://evil.example.com/token",
        "https://user@id.example.com/token",
        "https://id.example.com.evil.example/token",
        " https://id.example.com/token",
        "/token",
        "token",
        "",
        "javascript:https://id.example.com/token",
    ] {
        assert!(read(json!({ "htu": other })).is_err(), "{other}");
    }
    for wrong in [Value::Null, json!(1), json!([URI]), json!(format!("{URI}?{}", "a".repeat(5000)))]
    {
        assert!(read(json!({ "htu": wrong })).is_err());
    }
}

#[test]
fn escapes_have_one_spelling() {
    assert_eq!(with_plain_escapes("a%7Eb%2fc%zz%e4%"), "a~b%2Fc%zz%E4%");
}

#[test]
fn dp_05_a_proof_is_recent() {
    for (ahead, fresh) in
        [(0, true), (10, true), (-10, true), (60, true), (-300, true), (61, false), (-301, false)]
    {
        let proof = read(json!({ "iat": NOW + ahead })).unwrap();
        assert_eq!(proof.check_age(now()).is_ok(), fresh, "{ahead}");
        assert!(!fresh || proof.check_age(proof.remember_until(now())).is_err(), "{ahead}");
    }
    for odd in [
        json!(1_763_765_000_000_i64),
        json!(-1),
        json!(1e300),
        json!(253_402_300_800_i64),
        json!("1763765000"),
        Value::Null,
    ] {
        assert!(read(json!({ "iat": odd })).is_err(), "{odd}");
    }
}

#[test]
fn dp_07_a_jti_is_there_and_not_long_and_belongs_to_its_key() {
    for jti in [Value::Null, json!(""), json!(1), json!("x".repeat(257))] {
        assert!(read(json!({ "jti": jti })).is_err());
    }
    let key = |changes| read(changes).unwrap().replay_key;
    assert_eq!(key(json!({})), key(json!({ "iat": NOW - 5, "htu": format!("{URI}?a") })));
    assert_ne!(key(json!({})), key(json!({ "jti": "j2" })));
    assert_ne!(key(json!({})), key(json!({ "htu": "https://mtls.example.com/token" })));
    let other = SigningKey::generate(ES256).unwrap().sign_dpop_proof(&claims(json!({}))).unwrap();
    assert_ne!(key(json!({})), read_as(&other, None).unwrap().replay_key);
}

#[test]
fn dp_01_what_is_no_token_is_refused() {
    for text in ["", "a", "a.b.c", "....", &"x".repeat(100_000)] {
        assert!(read_as(text, None).is_err());
    }
}
