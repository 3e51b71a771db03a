//! What a client wants to get encrypted (OpenID Connect Registration §2): its ID tokens, its
//! userinfo, and the answers of introspection (RFC 9701 §6).

use crate::domain::form::FieldProblem;
use crate::jose::{ContentEncryption, JwkSet, KeyManagement};
use crate::protocol::client::ClientMetadata;

/// How content keys may travel to a client.
pub fn key_algorithms() -> Vec<&'static str> {
    KeyManagement::PUBLIC.map(KeyManagement::as_str).into()
}

/// What may encrypt content for a client.
pub fn content_algorithms() -> Vec<&'static str> {
    ContentEncryption::ALL.map(ContentEncryption::as_str).into()
}

/// A member that names how content keys travel, and the one that names what they encrypt.
struct Pair<'a> {
    alg: (&'static str, &'a Option<String>),
    enc: (&'static str, &'a Option<String>),
}

/// Fills in what encrypts the content. OpenID Connect's own default is left out of what is offered
/// here, so the registration says what is used instead.
pub fn complete(metadata: &mut ClientMetadata) {
    for (alg, enc) in [
        (&metadata.id_token_encrypted_response_alg, &mut metadata.id_token_encrypted_response_enc),
        (&metadata.userinfo_encrypted_response_alg, &mut metadata.userinfo_encrypted_response_enc),
        (
            &metadata.introspection.introspection_encrypted_response_alg,
            &mut metadata.introspection.introspection_encrypted_response_enc,
        ),
    ] {
        if alg.is_some() && enc.is_none() {
            *enc = Some(ContentEncryption::A256Gcm.as_str().to_owned());
        }
    }
}

/// What is wrong with it.
pub fn problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let pairs = [
        Pair {
            alg: ("id_token_encrypted_response_alg", &metadata.id_token_encrypted_response_alg),
            enc: ("id_token_encrypted_response_enc", &metadata.id_token_encrypted_response_enc),
        },
        Pair {
            alg: ("userinfo_encrypted_response_alg", &metadata.userinfo_encrypted_response_alg),
            enc: ("userinfo_encrypted_response_enc", &metadata.userinfo_encrypted_response_enc),
        },
    ];
    let own = &metadata.introspection;
    let introspection = Pair {
        alg: ("introspection_encrypted_response_alg", &own.introspection_encrypted_response_alg),
        enc: ("introspection_encrypted_response_enc", &own.introspection_encrypted_response_enc),
    };
    let pairs = pairs.iter().chain([&introspection]);
    pairs.filter_map(|pair| problem(metadata, pair)).collect()
}

fn problem(metadata: &ClientMetadata, pair: &Pair<'_>) -> Option<FieldProblem> {
    let (alg, enc) = (pair.alg.1.as_deref(), pair.enc.1.as_deref());
    let Some(alg) = alg else {
        let says = "it needs the algorithm for the key as well";
        return enc.map(|_| FieldProblem::new(pair.alg.0, "error-enc-alone", says));
    };
    let Some(known) = KeyManagement::PUBLIC.into_iter().find(|one| one.as_str() == alg) else {
        let says = format!("use one of {}", key_algorithms().join(" "));
        return Some(FieldProblem::new(pair.alg.0, "error-algorithm", says));
    };
    let encrypts = |enc: &str| ContentEncryption::ALL.iter().any(|one| one.as_str() == enc);
    if enc.is_some_and(|enc| !encrypts(enc)) {
        let says = format!("use one of {}", content_algorithms().join(" "));
        return Some(FieldProblem::new(pair.enc.0, "error-algorithm", says));
    }
    let set = metadata.jwks.as_ref().map(|jwks| JwkSet::parse(jwks.to_string().as_bytes()));
    match (set, &metadata.jwks_uri) {
        (None, None) => {
            let says = "encryption needs the client's keys: jwks or jwks_uri";
            Some(FieldProblem::new("jwks", "error-encryption-keys", says))
        }
        (Some(Ok(set)), _) if set.recipient(known).is_none() => {
            let says = format!("no key in it can be encrypted to by {alg}");
            Some(FieldProblem::new("jwks", "error-encryption-keys", says))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::DecryptionKey;
    use serde_json::json;

    fn fields(change: impl FnOnce(&mut ClientMetadata)) -> Vec<&'static str> {
        let key = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
        let mut metadata = ClientMetadata {
            jwks: Some(json!({ "keys": [key.public_jwk()] })),
            id_token_encrypted_response_alg: Some("ECDH-ES".into()),
            ..ClientMetadata::default()
        };
        change(&mut metadata);
        complete(&mut metadata);
        problems(&metadata).iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a_client_that_wants_encryption_has_a_key_for_it() {
        assert!(fields(|_| {}).is_empty());
        assert_eq!(fields(|metadata| metadata.jwks = None), ["jwks"]);
        let rsa = |metadata: &mut ClientMetadata| {
            metadata.id_token_encrypted_response_alg = Some("RSA-OAEP-256".into());
        };
        assert_eq!(fields(rsa), ["jwks"]);
        let by_address = |metadata: &mut ClientMetadata| {
            metadata.jwks = None;
            metadata.jwks_uri = Some("https://app.example/jwks".into());
        };
        assert!(fields(by_address).is_empty());
    }

    #[test]
    fn jw_12_jw_13_only_what_is_offered_can_be_registered() {
        for alg in ["RSA1_5", "RSA-OAEP", "dir", "A256KW", "PBES2-HS256+A128KW", ""] {
            let other = |metadata: &mut ClientMetadata| {
                metadata.id_token_encrypted_response_alg = Some(alg.into());
            };
            assert_eq!(fields(other), ["id_token_encrypted_response_alg"], "{alg}");
        }
        let cbc = |metadata: &mut ClientMetadata| {
            metadata.id_token_encrypted_response_enc = Some("A128CBC-HS256".into());
        };
        assert_eq!(fields(cbc), ["id_token_encrypted_response_enc"]);
        let alone = |metadata: &mut ClientMetadata| {
            metadata.userinfo_encrypted_response_enc = Some("A128GCM".into());
        };
        assert_eq!(fields(alone), ["userinfo_encrypted_response_alg"]);
    }
}
