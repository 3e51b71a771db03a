//! Tests of encryption, and of the gate before decryption.

use super::*;
use crate::jose::encrypt::EncryptionKey;
use crate::jose::testing::base64url;
use ContentEncryption::{A128Gcm, A256Gcm};
use KeyManagement::{A256Kw, Dir, EcdhEs, EcdhEsA256Kw, RsaOaep256};
use josekit::jwe::JweHeader;
use serde_json::json;

const SECRET: &[u8; 32] = &[9; 32];
const INNER: &str = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln";

/// RSA keys take long to make, so each algorithm has one for all tests.
fn private(algorithm: KeyManagement) -> &'static DecryptionKey {
    static KEYS: LazyLock<Vec<DecryptionKey>> = LazyLock::new(|| {
        KeyManagement::PUBLIC.map(|algorithm| DecryptionKey::generate(algorithm).unwrap()).into()
    });
    KEYS.iter().find(|key| key.algorithm() == algorithm).unwrap()
}

fn public(algorithm: KeyManagement, encryption: ContentEncryption) -> EncryptionKey {
    let jwk = PublicJwk::from_value(&private(algorithm).public_jwk()).unwrap();
    EncryptionKey::from_jwk(&jwk, algorithm, encryption).unwrap()
}

fn nested(algorithm: KeyManagement) -> String {
    public(algorithm, A256Gcm).encrypt_jwt(INNER, Some("at+jwt")).unwrap()
}

fn with_part(token: &str, index: usize, part: &str) -> String {
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[index] = part;
    parts.join(".")
}

fn header_of(token: &str) -> Value {
    serde_json::from_slice(&compact::decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

fn with_header(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut header = header_of(token);
    change(&mut header);
    with_part(token, 0, &base64url(header.to_string()))
}

/// Whether the gate stops the token, before any key is used.
fn stopped(algorithm: KeyManagement, token: &str) -> bool {
    private(algorithm).gate(token).is_err() && refused(algorithm, token)
}

fn refused(algorithm: KeyManagement, token: &str) -> bool {
    let verdict = private(algorithm).decrypt(token, &KeyManagement::ALL);
    verdict == Err(JoseError::Undecryptable)
}

#[test]
fn a_nested_token_comes_out_as_it_went_in() {
    for algorithm in KeyManagement::PUBLIC {
        for encryption in ContentEncryption::ALL {
            let token = public(algorithm, encryption).encrypt_jwt(INNER, Some("at+jwt")).unwrap();
            let opened = private(algorithm).decrypt(&token, &[algorithm]).unwrap();
            assert_eq!(opened.jwt().unwrap(), INNER);
            assert_eq!(opened.typ.as_deref(), Some("at+jwt"));
            let header = header_of(&token);
            assert_eq!(header["cty"], "JWT");
            assert_eq!(header["alg"], algorithm.as_str());
            assert_eq!(header["enc"], encryption.as_str());
            assert_eq!(header["kid"], private(algorithm).kid());
        }
    }
}

#[test]
fn a_shared_secret_encrypts_and_decrypts() {
    for algorithm in [Dir, A256Kw] {
        for encryption in ContentEncryption::ALL {
            let sender = EncryptionKey::from_secret(SECRET, algorithm, encryption).unwrap();
            let receiver = DecryptionKey::from_secret(SECRET, algorithm, encryption).unwrap();
            let token = sender.encrypt_jwt(INNER, None).unwrap();
            assert_eq!(receiver.decrypt(&token, &[algorithm]).unwrap().jwt().unwrap(), INNER);
            let other = DecryptionKey::from_secret(&[8; 32], algorithm, encryption).unwrap();
            assert_eq!(other.decrypt(&token, &[algorithm]), Err(JoseError::Undecryptable));
        }
        assert!(EncryptionKey::from_secret(&[9; 31], algorithm, A256Gcm).is_err());
        assert!(DecryptionKey::generate(algorithm).is_err());
    }
    assert!(EncryptionKey::from_secret(SECRET, RsaOaep256, A256Gcm).is_err());
}

#[test]
fn a_key_is_the_same_after_storage() {
    for algorithm in KeyManagement::PUBLIC {
        let key = private(algorithm);
        let der = key.to_private_der().unwrap();
        let read = DecryptionKey::from_private_der(algorithm, &der).unwrap();
        assert_eq!(read.public_jwk(), key.public_jwk());
        assert_eq!(read.public_jwk()["use"], "enc");
        assert!(read.decrypt(&nested(algorithm), &[algorithm]).is_ok());
    }
    let ec = private(EcdhEs).to_private_der().unwrap();
    assert!(DecryptionKey::from_private_der(RsaOaep256, &ec).is_err());
}

#[test]
fn a_key_for_signatures_is_not_encrypted_to() {
    let mut jwk = private(EcdhEs).public_jwk();
    jwk["use"] = json!("sig");
    let jwk = PublicJwk::from_value(&jwk).unwrap();
    assert!(EncryptionKey::from_jwk(&jwk, EcdhEs, A256Gcm).is_err());
}

#[test]
fn jw_10_a_cut_tag_or_iv_is_refused() {
    for algorithm in KeyManagement::PUBLIC {
        let token = nested(algorithm);
        let parts: Vec<&str> = token.split('.').collect();
        let tag = compact::decode(parts[4]).unwrap();
        for length in [0, 1, 4, 8, 12, 15] {
            assert!(stopped(algorithm, &with_part(&token, 4, &base64url(&tag[..length]))));
        }
        let long = [&tag[..], &[0]].concat();
        assert!(stopped(algorithm, &with_part(&token, 4, &base64url(long))));
        for length in [0, 1, 11, 13, 16] {
            assert!(stopped(algorithm, &with_part(&token, 2, &base64url(vec![0; length]))));
        }
    }
}

#[test]
fn jw_14_every_change_gives_the_same_error() {
    for algorithm in KeyManagement::PUBLIC {
        let token = nested(algorithm);
        let parts: Vec<&str> = token.split('.').collect();
        for (index, part) in parts.iter().enumerate().skip(1).filter(|(_, part)| !part.is_empty()) {
            let mut bytes = compact::decode(part).unwrap();
            bytes[0] ^= 1;
            assert!(refused(algorithm, &with_part(&token, index, &base64url(bytes))));
        }
        assert!(refused(algorithm, &with_header(&token, |header| header["x"] = json!(1))));
        assert!(refused(algorithm, &format!("{token}.")));
        assert!(refused(algorithm, &format!("{token}=")));
        assert!(refused(algorithm, INNER));
        assert!(refused(algorithm, ""));
        assert!(refused(algorithm, "...."));
    }
}

#[test]
fn jw_03_jw_11_jw_12_members_that_josekit_would_follow_are_refused() {
    for algorithm in KeyManagement::PUBLIC {
        let token = nested(algorithm);
        assert!(private(algorithm).gate(&token).is_ok());
        for (name, value) in [
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("p2c", json!(1_000_000)),
            ("jku", json!("https://example.com")),
            ("jwk", json!({})),
            ("kid", json!("other")),
            ("kid", json!(1)),
            ("cty", json!(1)),
        ] {
            let changed = with_header(&token, |header| header[name] = value.clone());
            assert!(stopped(algorithm, &changed), "{name}: {value}");
        }
    }
}

#[test]
fn jw_03_an_honestly_encrypted_crit_is_refused() {
    let jwk = josekit::jwk::Jwk::from_bytes(private(EcdhEs).public_jwk().to_string()).unwrap();
    let encrypter = jwe::ECDH_ES.encrypter_from_jwk(&jwk).unwrap();
    let mut header = JweHeader::new();
    header.set_content_encryption("A256GCM");
    let token = jwe::serialize_compact(b"x", &header, &encrypter).unwrap();
    assert!(private(EcdhEs).decrypt(&token, &[EcdhEs]).is_ok());
    header.set_critical(&vec!["exp"]);
    let token = jwe::serialize_compact(b"x", &header, &encrypter).unwrap();
    assert!(CONTEXT.deserialize_compact(&token, &*private(EcdhEs).decrypter).is_ok());
    assert!(stopped(EcdhEs, &token));
}

#[test]
fn jw_11_a_compressed_token_is_not_inflated() {
    let jwk = josekit::jwk::Jwk::from_bytes(private(EcdhEs).public_jwk().to_string()).unwrap();
    let encrypter = jwe::ECDH_ES.encrypter_from_jwk(&jwk).unwrap();
    let mut header = JweHeader::new();
    header.set_content_encryption("A256GCM");
    header.set_compression("DEF");
    let bomb = jwe::serialize_compact(&vec![0; 8 << 20], &header, &encrypter).unwrap();
    assert!(bomb.len() < compact::MAX_TOKEN_BYTES, "short enough to reach the header check");
    assert!(stopped(EcdhEs, &bomb));
    assert!(CONTEXT.get_compression("DEF").is_none());
}

#[test]
fn jw_12_jw_13_only_this_keys_algorithm_is_taken() {
    let token = nested(RsaOaep256);
    for alg in ["RSA1_5", "RSA-OAEP", "dir", "ECDH-ES", "PBES2-HS256+A128KW", "none", ""] {
        assert!(stopped(RsaOaep256, &with_header(&token, |header| header["alg"] = json!(alg))));
    }
    let other = private(RsaOaep256).decrypt(&token, &[EcdhEs, EcdhEsA256Kw]);
    assert_eq!(other, Err(JoseError::Undecryptable), "not allowed here");
    let size = private(RsaOaep256).pair.as_ref().unwrap().private.size();
    for key in [vec![0; size], vec![0xFF; size], vec![1; size - 1], Vec::new()] {
        assert!(refused(RsaOaep256, &with_part(&token, 1, &base64url(key))));
    }
}

#[test]
fn jw_14_cbc_with_hmac_is_refused() {
    let jwk = josekit::jwk::Jwk::from_bytes(private(EcdhEs).public_jwk().to_string()).unwrap();
    let encrypter = jwe::ECDH_ES.encrypter_from_jwk(&jwk).unwrap();
    for encryption in ["A128CBC-HS256", "A256CBC-HS512", "A192GCM"] {
        let mut header = JweHeader::new();
        header.set_content_encryption(encryption);
        let token = jwe::serialize_compact(b"x", &header, &encrypter).unwrap();
        assert!(stopped(EcdhEs, &token), "{encryption}");
    }
}

#[test]
fn jw_15_a_bad_wrapped_or_ephemeral_key_is_refused_without_panic() {
    let token = nested(EcdhEsA256Kw);
    for length in [0, 1, 7, 8, 16, 24, 41, 48] {
        let key = base64url(vec![1; length]);
        assert!(stopped(EcdhEsA256Kw, &with_part(&token, 1, &key)), "{length}");
    }
    assert!(stopped(EcdhEs, &with_part(&nested(EcdhEs), 1, "AAAA")));
    for algorithm in [EcdhEs, EcdhEsA256Kw] {
        let token = nested(algorithm);
        let zero = base64url([0; 32]);
        let p384 = base64url([1; 48]);
        for epk in [
            json!({ "kty": "EC", "crv": "P-256", "x": zero, "y": zero }),
            json!({ "kty": "EC", "crv": "P-384", "x": p384, "y": p384 }),
            json!({ "kty": "OKP", "crv": "X25519", "x": zero }),
            json!({}),
            json!("epk"),
            Value::Null,
        ] {
            let changed = with_header(&token, |header| header["epk"] = epk.clone());
            assert!(stopped(algorithm, &changed), "{epk}");
        }
        for name in ["epk", "enc", "alg"] {
            let without = with_header(&token, |header| {
                header.as_object_mut().unwrap().remove(name);
            });
            assert!(stopped(algorithm, &without), "{name}");
        }
    }
    let strange = with_header(&nested(RsaOaep256), |header| header["epk"] = json!({}));
    assert!(stopped(RsaOaep256, &strange));
}

#[test]
fn jw_13_only_content_that_says_so_is_a_token() {
    let key = public(EcdhEs, A128Gcm);
    for cty in [None, Some("JSON"), Some("application/json")] {
        let token = key.encrypt(INNER.as_bytes(), cty).unwrap();
        let opened = private(EcdhEs).decrypt(&token, &[EcdhEs]).unwrap();
        assert_eq!(opened.plaintext, INNER.as_bytes());
        assert_eq!(opened.jwt(), Err(JoseError::Undecryptable));
        assert_eq!(opened.jwt_or_unsaid().is_ok(), cty.is_none(), "{cty:?}");
    }
    for content in ["{}", "a.b", "a.b.c.d.e", "a.b.c d", "a.b.\u{e9}"] {
        let token = key.encrypt(content.as_bytes(), None).unwrap();
        let opened = private(EcdhEs).decrypt(&token, &[EcdhEs]).unwrap();
        assert_eq!(opened.jwt_or_unsaid(), Err(JoseError::Undecryptable), "{content}");
    }
    let binary = key.encrypt(&[0xFF], Some("JWT")).unwrap();
    assert!(private(EcdhEs).decrypt(&binary, &[EcdhEs]).unwrap().jwt().is_err());
}

#[test]
fn debug_shows_no_key() {
    let sender = EncryptionKey::from_secret(SECRET, A256Kw, A128Gcm).unwrap();
    assert_eq!(format!("{sender:?}"), "EncryptionKey(A256KW, A128GCM)");
    let receiver = DecryptionKey::from_secret(SECRET, A256Kw, A128Gcm).unwrap();
    assert_eq!(format!("{receiver:?}"), "DecryptionKey(A256KW, )");
}
