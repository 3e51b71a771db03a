//! What a check of an access token costs in a service, against its bare signature.

use countersign::jose::{
    ContentEncryption, DecryptionKey, EncryptionKey, Expected, JwkSet, KeyManagement, PublicJwk,
    SigningAlgorithm, SigningKey, Typ, gate,
};
use countersign::protocol::revocation::{RevocationEntry, RevocationKind};
use countersign::protocol::time::{Clock, Lifetime, SystemClock};
use countersign::verifier::{LocalList, Verifier};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://orders.example.com";
/// How many revocations live while the checks run.
const REVOKED: i64 = 1_000_000;

fn claims() -> Value {
    let now = SystemClock.now().as_unix();
    json!({
        "iss": ISSUER, "sub": "7f2b1c9e4a5d4c0f8e6b3a2d1c0b9a8f", "aud": AUDIENCE,
        "client_id": "c0ffee00c0ffee00c0ffee00c0ffee00", "scope": "openid orders:read orders:write",
        "jti": "0123456789abcdef0123456789abcdef", "sid": "fedcba9876543210fedcba9876543210",
        "iat": now, "nbf": now, "exp": now + 86_400, "auth_time": now, "acr": "1", "amr": ["pwd"],
    })
}

/// A list that is fresh, with a million entries for others.
fn list() -> LocalList {
    let list = LocalList::new(Arc::new(SystemClock));
    let now = SystemClock.now();
    for seq in 0..REVOKED {
        list.insert(&[RevocationEntry {
            seq,
            kind: if seq % 2 == 0 { RevocationKind::Token } else { RevocationKind::Subject },
            key: format!("{seq:032x}"),
            not_before: (seq % 2 != 0).then_some(now),
            expires_at: now + Lifetime::days(2),
        }]);
    }
    list.keep_fresh_until(now + Lifetime::days(1));
    list
}

async fn verifier(key: &SigningKey, list: &LocalList, opens: Option<DecryptionKey>) -> Verifier {
    let keys = JwkSet::new(vec![PublicJwk::from_value(&key.public_jwk()).expect("a public key")]);
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(keys);
    let builder = builder.revocations(Arc::new(list.clone()));
    let builder = match opens {
        Some(opens) => builder.decryption_key(opens),
        None => builder,
    };
    builder.build().await.expect("a verifier")
}

fn checks(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let list = list();
    for algorithm in [SigningAlgorithm::ES256, SigningAlgorithm::EdDSA, SigningAlgorithm::RS256] {
        let key = SigningKey::generate(algorithm).expect("a key");
        let token = key.sign(Typ::AccessToken, &claims()).expect("a token");
        let (bare, signature) = bare(&key, &token);
        criterion.bench_function(&format!("bare {algorithm}"), |bencher| {
            bencher.iter(|| {
                assert!(bare.verify(black_box(signature.0.as_bytes()), &signature.1).is_ok())
            });
        });
        let verifier = runtime.block_on(verifier(&key, &list, None));
        criterion.bench_function(&format!("check {algorithm}"), |bencher| {
            bencher.iter(|| verifier.verify(black_box(&token)).expect("it is good"));
        });
    }
    nested(criterion, &runtime, &list);
}

/// The signature check of josekit alone, with what it checks.
fn bare(key: &SigningKey, token: &str) -> (Box<dyn josekit::jws::JwsVerifier>, (String, Vec<u8>)) {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use josekit::jws;
    let jwk = josekit::jwk::Jwk::from_bytes(key.public_jwk().to_string()).expect("a JWK");
    let verifier: Box<dyn jws::JwsVerifier> = match key.algorithm() {
        SigningAlgorithm::ES256 => Box::new(jws::ES256.verifier_from_jwk(&jwk).expect("a key")),
        SigningAlgorithm::EdDSA => Box::new(jws::EdDSA.verifier_from_jwk(&jwk).expect("a key")),
        _ => Box::new(jws::RS256.verifier_from_jwk(&jwk).expect("a key")),
    };
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    (verifier, (signed.to_owned(), signature))
}

/// ES256 in ECDH-ES with A256GCM.
fn nested(criterion: &mut Criterion, runtime: &tokio::runtime::Runtime, list: &LocalList) {
    let key = SigningKey::generate(SigningAlgorithm::ES256).expect("a key");
    let signed = key.sign(Typ::AccessToken, &claims()).expect("a token");
    let opens = DecryptionKey::generate(KeyManagement::EcdhEs).expect("a key");
    let public = PublicJwk::from_value(&opens.public_jwk()).expect("a public key");
    let to = EncryptionKey::from_jwk(&public, KeyManagement::EcdhEs, ContentEncryption::A256Gcm);
    let token = to.expect("a key").encrypt_jwt(&signed, Some("at+jwt")).expect("a token");
    let algorithms = [SigningAlgorithm::ES256];
    let expected = Expected::new(&["at+jwt"], &algorithms);
    criterion.bench_function("bare nested ES256 in ECDH-ES", |bencher| {
        bencher.iter(|| {
            let opened =
                opens.decrypt(black_box(&token), &[KeyManagement::EcdhEs]).expect("it opens");
            let inner = gate(opened.jwt().expect("a JWT"), &expected).expect("it passes");
            inner.verify(&key.verifier()).expect("it verifies")
        });
    });
    let again = opens.to_private_der().expect("a key");
    let again = DecryptionKey::from_private_der(KeyManagement::EcdhEs, &again).expect("a key");
    let verifier = runtime.block_on(verifier(&key, list, Some(again)));
    criterion.bench_function("check nested ES256 in ECDH-ES", |bencher| {
        bencher.iter(|| verifier.verify(black_box(&token)).expect("it is good"));
    });
}

criterion_group!(benches, checks);
criterion_main!(benches);
