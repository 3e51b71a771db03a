//! The gate of signed and of encrypted tokens: raw, with a good signature, and changed on the way.
#![no_main]

use countersign::jose::{
    ContentEncryption, DecryptionKey, EncryptionKey, Expected, JwkSet, KeyManagement, PublicJwk,
    SigningAlgorithm, TimeCheck, gate,
};
use countersign::protocol::time::Timestamp;
use countersign_fuzz::{encode, forge, key, keys, part};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const ALLOWED: [KeyManagement; 3] =
    [KeyManagement::EcdhEs, KeyManagement::EcdhEsA256Kw, KeyManagement::RsaOaep256];
const FORBIDDEN: [&str; 9] = ["crit", "b64", "zip", "jku", "x5u", "x5c", "p2c", "p2s", "jwk"];

static PAIRS: LazyLock<Vec<(DecryptionKey, EncryptionKey)>> = LazyLock::new(|| {
    ALLOWED
        .into_iter()
        .map(|algorithm| {
            let private = DecryptionKey::generate(algorithm).expect("OpenSSL makes keys");
            let jwk = PublicJwk::from_value(&private.public_jwk()).expect("our own key is good");
            let public = EncryptionKey::from_jwk(&jwk, algorithm, ContentEncryption::A256Gcm);
            (private, public.expect("the key fits"))
        })
        .collect()
});

fuzz_target!(|data: &[u8]| {
    let [way, choice, rest @ ..] = data else { return };
    match way % 5 {
        0 => raw(rest),
        1 => signed(*choice, rest),
        2 => changed(*choice, rest),
        3 => header_of_jwe(*choice, rest),
        _ => {
            let _ = (JwkSet::parse(rest), JwkSet::parse_strict(rest), PublicJwk::parse(rest));
        }
    }
});

fn expected() -> Expected<'static> {
    Expected::new(&["JWT", "at+jwt"], &SigningAlgorithm::ALL).or_absent()
}

/// Whatever somebody sends: nobody but us has the keys, so nothing is good.
fn raw(data: &[u8]) {
    let Ok(token) = std::str::from_utf8(data) else { return };
    for expected in [expected(), expected().with_key_in_header()] {
        let Ok(unverified) = gate(token, &expected) else { continue };
        let _ = unverified.peek_claims();
        let good = keys().iter().any(|key| unverified.verify(&key.verifier()).is_ok());
        assert!(!good, "a signature that nobody made");
        let _ = unverified.verify_with_header_key();
    }
    for (private, _) in PAIRS.iter() {
        assert!(private.decrypt(token, &ALLOWED).is_err(), "a token that nobody encrypted");
    }
}

/// A good signature over any header and any claims.
fn signed(choice: u8, data: &[u8]) {
    let signer = key(choice);
    let Some(token) = std::str::from_utf8(data).ok().and_then(|text| forge(text, signer)) else {
        return;
    };
    let Ok(unverified) = gate(&token, &expected()) else { return };
    for other in keys().iter().filter(|other| other.kid() != signer.kid()) {
        assert!(unverified.verify(&other.verifier()).is_err(), "{token} by another key");
    }
    let Ok(claims) = unverified.verify(&signer.verifier()) else { return };
    let header = part(&token, 0);
    assert_eq!(header["alg"], signer.algorithm().as_str());
    assert!(FORBIDDEN.iter().all(|name| header.get(name).is_none()), "{header}");
    assert!(part(&token, 1).is_object());
    let time = TimeCheck { now: Timestamp::from_unix(1_763_765_000), leeway_seconds: 60 };
    let _ = (claims.audience(), claims.required_audience(), claims.bool("email_verified"));
    let _ = (time.require_exp(&claims), time.require_exp_within(&claims, 300));
    let _ = (time.check_nbf(&claims), time.require_fresh_iat(&claims, 300));
}

/// A token of ours with one character changed: not one may open.
fn changed(choice: u8, data: &[u8]) {
    let [at, by, plaintext @ ..] = data else { return };
    let (private, public) = &PAIRS[usize::from(choice) % PAIRS.len()];
    let token = public.encrypt(plaintext, None).expect("any bytes can be encrypted");
    if token.len() > countersign::jose::MAX_TOKEN_BYTES {
        assert!(private.decrypt(&token, &ALLOWED).is_err());
        return;
    }
    let opened = private.decrypt(&token, &ALLOWED).expect("our own token opens");
    assert_eq!(opened.plaintext, plaintext);
    let mut bytes = token.clone().into_bytes();
    // The head and the tail are where the rules are.
    let at = match at % 2 {
        0 => usize::from(*at) % bytes.len(),
        _ => bytes.len() - 1 - usize::from(*at) % bytes.len(),
    };
    bytes[at] = by & 0x7F;
    let sent = String::from_utf8(bytes).expect("ASCII");
    assert!(sent == token || private.decrypt(&sent, &ALLOWED).is_err(), "{at}: {sent}");
}

/// Any header over parts of the right lengths: this is what josekit gets to see.
fn header_of_jwe(choice: u8, data: &[u8]) {
    let Ok(header) = std::str::from_utf8(data) else { return };
    let (private, _) = &PAIRS[usize::from(choice) % PAIRS.len()];
    let ephemeral = keys()[2].public_jwk();
    let header = header.replace("\"$JWK\"", &ephemeral.to_string());
    for bytes in [0, 24, 40, 256] {
        let parts = [encode(&header), encode(vec![1; bytes]), encode([2; 12])];
        let token = format!("{}.{}.{}", parts.join("."), encode([3; 20]), encode([4; 16]));
        assert!(private.decrypt(&token, &ALLOWED).is_err());
    }
}
