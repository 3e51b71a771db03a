//! Clients on a real database.

use super::*;
use crate::domain::digest::digest;
use crate::domain::ground::testing::{TestGround, ground};
use crate::domain::identity::users::{NewUser, create as create_user};
use crate::protocol::client::{AuthMethod, ClientMetadata, ClientPolicy, GrantType};
use crate::protocol::revocation::TokenFacts;
use crate::protocol::time::Lifetime;
use serde_json::json;

fn web() -> ClientDraft {
    ClientDraft {
        name: "Shop".into(),
        metadata: ClientMetadata {
            redirect_uris: vec!["https://shop.example/cb".into()],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            ..ClientMetadata::default()
        },
        ..ClientDraft::default()
    }
}

fn with(change: impl FnOnce(&mut ClientDraft)) -> ClientDraft {
    let mut draft = web();
    change(&mut draft);
    draft
}

async fn made(test: &TestGround, draft: ClientDraft) -> Created {
    create(&test.ground, draft, &Actor::cli()).await.unwrap()
}

#[tokio::test]
async fn ad_07_a_secret_is_stored_only_as_its_digest() {
    let test = ground();
    let made = made(&test, web()).await;
    let secret = made.secret.unwrap();
    assert_eq!(secret.len(), 43);
    let stored = secrets(&test.ground, &made.client.id).await.unwrap();
    assert_eq!(stored[0].secret_hash, digest(&secret));
    assert_eq!(made.client.metadata.scope.to_string(), "email offline_access openid profile");
}

#[tokio::test]
async fn an_old_secret_works_until_its_overlap_ends() {
    let test = ground();
    let id = made(&test, web()).await.client.id;
    let cli = Actor::cli();
    rotate_secret(&test.ground, &id, Lifetime::hours(24), &cli).await.unwrap();
    let newest = rotate_secret(&test.ground, &id, Lifetime::hours(1), &cli).await.unwrap();
    let mut stored = secrets(&test.ground, &id).await.unwrap();
    stored.sort_by_key(|secret| secret.expires_at);
    assert_eq!(stored.len(), 2);
    assert_eq!((stored[0].secret_hash.as_str(), stored[0].expires_at), (&*digest(&newest), None));
    assert_eq!(stored[1].expires_at, Some(test.ground.now().as_unix() + 3600));

    retire_secret(&test.ground, &id, &stored[1].id, &cli).await.unwrap();
    let last = retire_secret(&test.ground, &id, &stored[0].id, &cli).await;
    assert!(matches!(last, Err(ClientError::LastSecret)));
    let unknown = retire_secret(&test.ground, &id, "x", &cli).await;
    assert!(matches!(unknown, Err(ClientError::SecretNotFound)));
}

#[tokio::test]
async fn a_disabled_client_has_no_tokens_left() {
    let test = ground();
    let id = made(&test, web()).await.client.id;
    assert!(disable(&test.ground, &id, &Actor::cli()).await.unwrap());
    assert!(find(&test.ground, &id).await.unwrap().unwrap().disabled);
    assert!(enable(&test.ground, &id, &Actor::cli()).await.unwrap());
    let now = test.ground.now();
    let ask = move |conn: &mut DbConnection| {
        let facts = TokenFacts {
            jti: "t",
            subject: "ada",
            client_id: &id,
            sid: None,
            kid: None,
            issued_at: now,
        };
        revocation::is_revoked(conn, &facts, now)
    };
    assert!(test.ground.db.read(ask).await.unwrap());
}

#[tokio::test]
async fn a_change_keeps_the_secret_and_tells_other_processes() {
    let test = ground();
    let id = made(&test, web()).await.client.id;
    let version = |conn: &mut DbConnection| settings::find(conn, settings::CACHE_VERSION);
    let before = test.ground.db.read(version).await.unwrap();
    let renamed = with(|draft| draft.name = "Store".into());
    let updated = update(&test.ground, &id, renamed, &Actor::cli()).await.unwrap();
    assert_eq!((updated.client.name.as_str(), updated.secret), ("Store", None));
    assert_ne!(test.ground.db.read(version).await.unwrap(), before);

    let public = with(|draft| draft.metadata.token_endpoint_auth_method = AuthMethod::None);
    update(&test.ground, &id, public, &Actor::cli()).await.unwrap();
    assert!(secrets(&test.ground, &id).await.unwrap().is_empty());
    let refused = rotate_secret(&test.ground, &id, DEFAULT_OVERLAP, &Actor::cli()).await;
    assert!(matches!(refused, Err(ClientError::NoSecret)));
    let confidential = update(&test.ground, &id, web(), &Actor::cli()).await.unwrap();
    assert!(confidential.secret.is_some());
}

#[tokio::test]
async fn a_client_id_is_nobody_elses() {
    let test = ground();
    let new = NewUser { email: "ada@example.com".into(), ..NewUser::default() };
    let ada = create_user(&test.ground, new, &Actor::cli()).await.unwrap().user.id;
    made(&test, with(|draft| draft.id = Some("shop".into()))).await;
    for id in ["shop".to_owned(), ada] {
        let draft = with(|draft| draft.id = Some(id));
        let refused = create(&test.ground, draft, &Actor::cli()).await;
        assert!(matches!(refused, Err(ClientError::Taken)));
    }
    delete(&test.ground, "shop", &Actor::cli()).await.unwrap();
    assert!(find(&test.ground, "shop").await.unwrap().is_none());
    let gone = delete(&test.ground, "shop", &Actor::cli()).await;
    assert!(matches!(gone, Err(ClientError::NotFound)));
}

#[test]
fn what_a_client_must_not_be_is_named_with_its_line() {
    let draft = with(|draft| {
        draft.name = "Our\u{202E}Bank".into();
        draft.id = Some("-x".into());
        draft.metadata.redirect_uris.push("http://shop.example/cb".into());
        draft.metadata.client_uri = Some("javascript:alert(1)".into());
        draft.metadata.response_types = vec!["token".into()];
        draft.metadata.id_token_signed_response_alg = Some("none".into());
        draft.policy.access_token_lifetime = Some(3601);
    });
    let Err(ClientError::Invalid(problems)) = draft.checked() else { panic!("it was taken") };
    let found: Vec<_> = problems.iter().map(|problem| (problem.field, problem.line)).collect();
    assert_eq!(
        found,
        [
            ("client_name", None),
            ("client_id", None),
            ("redirect_uris", Some(2)),
            ("client_uri", None),
            ("response_types", None),
            ("id_token_signed_response_alg", None),
            ("access_token_lifetime", None),
        ]
    );
}

#[test]
fn grants_and_proofs_must_fit_together() {
    let only = |grant| with(move |draft| draft.metadata.grant_types = vec![grant]);
    let mut machine = only(GrantType::ClientCredentials);
    machine.metadata.redirect_uris.clear();
    let machine = machine.checked().unwrap();
    assert!(machine.metadata.response_types.is_empty());
    assert!(machine.metadata.scope.is_empty());

    let mut public = only(GrantType::ClientCredentials);
    public.metadata.token_endpoint_auth_method = AuthMethod::None;
    for wrong in [
        only(GrantType::RefreshToken),
        public,
        with(|draft| draft.metadata.redirect_uris.clear()),
        with(|draft| draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt),
        with(|draft| draft.metadata.token_endpoint_auth_signing_alg = Some("ES256".into())),
        with(|draft| draft.metadata.jwks_uri = Some("http://10.0.0.1/jwks".into())),
        with(|draft| draft.metadata.jwks = Some(json!({"keys": [{"kty": "oct", "k": "AA"}]}))),
        with(|draft| {
            draft.policy = ClientPolicy {
                access_token_encryption_jwk: Some(json!({"kty": "EC"})),
                ..ClientPolicy::default()
            }
        }),
    ] {
        assert!(wrong.clone().checked().is_err(), "{wrong:?}");
    }
}

#[test]
fn loopback_addresses_are_for_clients_that_an_administrator_makes() {
    let local = with(|draft| {
        draft.metadata.redirect_uris = vec!["http://localhost:3000/cb".into()];
        draft.metadata.jwks_uri = Some("http://127.0.0.1:3000/jwks".into());
        draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    });
    assert!(local.checked().is_ok());
}
