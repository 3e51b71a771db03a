//! What a signature, a verification, an encryption and a seal cost.

use countersign::jose::{
    ContentEncryption, DecryptionKey, EncryptionKey, Expected, KeyManagement, PublicJwk, Sealer,
    SigningAlgorithm, SigningKey, Typ, gate,
};
use countersign::protocol::random::SystemRandom;
use criterion::{Criterion, criterion_group, criterion_main};
use serde::Serialize;
use std::hint::black_box;

/// An access token of the usual size (RFC 9068 §2.2).
#[derive(Serialize)]
struct AccessClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    scope: &'a str,
    jti: &'a str,
    sid: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
}

const CLAIMS: AccessClaims<'static> = AccessClaims {
    iss: "https://id.example.com",
    sub: "7f2b1c9e4a5d4c0f8e6b3a2d1c0b9a8f",
    aud: "https://orders.example.com",
    client_id: "c0ffee00c0ffee00c0ffee00c0ffee00",
    scope: "openid orders:read orders:write",
    jti: "0123456789abcdef0123456789abcdef",
    sid: "fedcba9876543210fedcba9876543210",
    iat: 1_763_765_000,
    nbf: 1_763_765_000,
    exp: 1_763_765_300,
};

const ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::ES256,
    SigningAlgorithm::EdDSA,
    SigningAlgorithm::RS256,
    SigningAlgorithm::HS256,
];

fn key(algorithm: SigningAlgorithm) -> SigningKey {
    match algorithm {
        SigningAlgorithm::HS256 => SigningKey::from_secret(algorithm, &[7; 32]),
        _ => SigningKey::generate(algorithm),
    }
    .expect("a key of a known algorithm")
}

fn signatures(criterion: &mut Criterion) {
    let expected = Expected::new(&["at+jwt"], &ALGORITHMS);
    for algorithm in ALGORITHMS {
        let key = key(algorithm);
        criterion.bench_function(&format!("sign {algorithm}"), |bencher| {
            bencher.iter(|| key.sign(Typ::AccessToken, black_box(&CLAIMS)));
        });
        let token = key.sign(Typ::AccessToken, &CLAIMS).expect("claims are an object");
        let verifier = key.verifier();
        criterion.bench_function(&format!("gate and verify {algorithm}"), |bencher| {
            bencher.iter(|| gate(black_box(&token), &expected)?.verify(&verifier));
        });
        if algorithm == SigningAlgorithm::ES256 {
            criterion.bench_function("gate alone", |bencher| {
                bencher.iter(|| gate(black_box(&token), &expected).is_ok());
            });
        }
    }
}

fn encryption(criterion: &mut Criterion) {
    let signing = key(SigningAlgorithm::ES256);
    let verifier = signing.verifier();
    let expected = Expected::new(&["at+jwt"], &[SigningAlgorithm::ES256]);
    for algorithm in [KeyManagement::EcdhEs, KeyManagement::EcdhEsA256Kw] {
        let private = DecryptionKey::generate(algorithm).expect("a key for key agreement");
        let jwk = PublicJwk::from_value(&private.public_jwk()).expect("our own key is good");
        let public = EncryptionKey::from_jwk(&jwk, algorithm, ContentEncryption::A256Gcm)
            .expect("the key fits");
        let make = || {
            let signed = signing.sign(Typ::AccessToken, black_box(&CLAIMS))?;
            public.encrypt_jwt(&signed, Some("at+jwt"))
        };
        criterion.bench_function(&format!("nested ES256 in {algorithm}, make"), |bencher| {
            bencher.iter(make);
        });
        let token = make().expect("claims are an object");
        criterion.bench_function(&format!("nested ES256 in {algorithm}, open"), |bencher| {
            bencher.iter(|| {
                let opened = private.decrypt(black_box(&token), &[algorithm])?;
                gate(opened.jwt()?, &expected)?.verify(&verifier)
            });
        });
    }
}

fn seals(criterion: &mut Criterion) {
    let key = Sealer::new(&[1; 32]).purpose("bench");
    let plaintext = [b'x'; 600];
    criterion.bench_function("seal 600 bytes", |bencher| {
        bencher.iter(|| key.seal(&SystemRandom, black_box(&plaintext), b"aad"));
    });
    let sealed = key.seal(&SystemRandom, &plaintext, b"aad");
    criterion.bench_function("open 600 bytes", |bencher| {
        bencher.iter(|| key.open(black_box(&sealed), b"aad"));
    });
    criterion.bench_function("mac 64 bytes", |bencher| {
        bencher.iter(|| key.mac(black_box(&[b'x'; 64])));
    });
}

criterion_group!(benches, signatures, encryption, seals);
criterion_main!(benches);
