//! L: request objects that are encrypted to us (RFC 7516), as nobody honest would send them.

use crate::support::crypto::{encode, header, key, sign};
use crate::support::requests::{Host, Signer};
use crate::support::{Reply, Store, TestServer, both};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::jose::{
    ContentEncryption, EncryptionKey, KeyManagement, PublicJwk, SigningAlgorithm, Typ,
};
use serde_json::{Value, json};

/// A key to encrypt to, as it is published.
async fn ours(signer: &Signer, alg: KeyManagement) -> EncryptionKey {
    let url = format!("{}/jwks", signer.app.base);
    let set = Reply::read(signer.app.http.get(url).send().await.expect("an answer")).await.json;
    let keys = set["keys"].as_array().expect("keys");
    let jwk = keys.iter().find(|key| key["alg"] == alg.as_str()).expect("a key for it");
    let jwk = PublicJwk::from_value(jwk).expect("a public key");
    EncryptionKey::from_jwk(&jwk, alg, ContentEncryption::A256Gcm).expect("it encrypts")
}

async fn encrypted(signer: &Signer, alg: KeyManagement) -> String {
    ours(signer, alg).await.encrypt_jwt(&signer.object(&[]), None).expect("encrypted")
}

/// The token with one part in the place of another.
fn with_part(token: &str, index: usize, part: &str) -> String {
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[index] = part;
    parts.join(".")
}

fn bytes(token: &str, index: usize) -> Vec<u8> {
    let part = token.split('.').nth(index).expect("five parts");
    BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url")
}

fn with_bytes(token: &str, index: usize, bytes: &[u8]) -> String {
    with_part(token, index, &BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// All are refused, and read the same: the answer is no oracle.
async fn refused_alike(signer: &Signer, objects: &[String]) {
    let mut answers = Vec::new();
    for object in objects {
        let reply = signer.push(object).await;
        reply.expect(400, "invalid_request_object");
        answers.push(reply.text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

both! {
    async fn jw_10_a_cut_or_changed_part_is_refused(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        for alg in [KeyManagement::EcdhEs, KeyManagement::RsaOaep256] {
            let good = encrypted(&signer, alg).await;
            assert_eq!(signer.push(&good).await.status, 201);
            let tag = bytes(&good, 4);
            let mut objects: Vec<String> =
                [0, 1, 4, 8, 12, 15].iter().map(|n| with_bytes(&good, 4, &tag[..*n])).collect();
            for index in [2, 3, 4] {
                let mut changed = bytes(&good, index);
                changed[0] ^= 1;
                objects.push(with_bytes(&good, index, &changed));
            }
            for length in [0, 11, 13, 16] {
                objects.push(with_bytes(&good, 2, &vec![0; length]));
            }
            for length in [1, 40, 255, 257] {
                objects.push(with_bytes(&good, 1, &vec![0; length]));
            }
            refused_alike(&signer, &objects).await;
        }
    }

    async fn jw_11_to_jw_15_another_way_to_encrypt_is_refused(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let good = encrypted(&signer, KeyManagement::EcdhEs).await;
        let own = header(&good);
        let other = |name: &str, value: Value| {
            let mut changed = own.clone();
            match value {
                Value::Null => drop(changed.as_object_mut().expect("an object").remove(name)),
                value => changed[name] = value,
            }
            with_part(&good, 0, &encode(&changed.to_string()))
        };
        let small = json!({ "kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ" });
        refused_alike(&signer, &[
            other("zip", json!("DEF")),
            other("alg", json!("PBES2-HS256+A128KW")),
            other("alg", json!("RSA1_5")),
            other("alg", json!("RSA-OAEP")),
            other("alg", json!("dir")),
            other("alg", json!("ECDH-ES+A256KW")),
            other("alg", Value::Null),
            other("enc", json!("A128CBC-HS256")),
            other("enc", json!("none")),
            other("enc", Value::Null),
            other("epk", Value::Null),
            other("epk", small),
            other("kid", json!("another")),
            other("crit", json!(["exp"])),
            other("p2c", json!(2_147_483_647)),
            with_part(&good, 0, &encode("{}")),
            with_part(&good, 0, "AAAA"),
        ])
        .await;
    }

    async fn jw_06_one_layer_is_opened_and_no_second(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let once = encrypted(&signer, KeyManagement::EcdhEs).await;
        let twice = ours(&signer, KeyManagement::EcdhEs).await.encrypt_jwt(&once, None);
        let reply = signer.push(&twice.expect("encrypted")).await;
        reply.expect(400, "invalid_request_object");
    }
}

#[tokio::test]
async fn ca_15_objects_of_unknown_keys_do_not_make_us_fetch() {
    for store in [Store::Sqlite, Store::Postgres] {
        let server = TestServer::with_on(store, |config| {
            config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
        })
        .await;
        let host = Host::start();
        host.answer(r#"{"keys":[]}"#);
        let uri = format!("{}/jwks", host.url);
        let signer = Signer::register(&server, |draft| {
            draft.metadata.jwks = None;
            draft.metadata.jwks_uri = Some(uri);
        })
        .await;
        // Until then the client may be read anew, and its keys with it.
        server.settle().await;
        for _ in 0..20 {
            let stranger = key(SigningAlgorithm::ES256);
            let object = sign(&stranger, Typ::RequestObject, &signer.claims(&[]));
            let page = signer.open_beside(&object).await;
            page.expect_refusal("invalid_request_object");
        }
        assert!(host.asked() <= 1, "{}", host.asked());
        host.answer(&crate::support::crypto::jwks(&[&signer.key]).to_string());
        server.clock.advance_seconds(61);
        assert_eq!(signer.push(&signer.object(&[])).await.status, 201, "a new key is learnt");
    }
}
