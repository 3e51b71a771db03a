//! `openid-client` 6 on Node.

use crate::stage::{
    Stage, ciba, client_secret_jwt, device, gateway, private_key_jwt, public, secret_post, service,
};
use crate::support::Store;
use crate::support::certificates::{Issued, Mutual, SUBJECT};
use crate::support::test_server::system;
use countersign::config::RegistrationMode;
use countersign::domain::clients::management::ClientDraft;
use countersign::domain::registration::initial_tokens::{self, NewToken};
use countersign::jose::SigningAlgorithm;
use countersign::protocol::client::{AccessTokenFormat, AuthMethod, Profile};
use countersign::protocol::time::Lifetime;
use serde_json::{Value, json};

const SCRIPT: &str = "openid_client.mjs";

/// A flow by a client that is registered so.
async fn play(flow: &str, change: impl FnOnce(&mut ClientDraft)) {
    let stage = Stage::set().await;
    let client = stage.client(change).await;
    stage.node(SCRIPT, flow, &client).await;
}

/// A flow by a client that has a key as well.
async fn play_with_key(
    flow: &str,
    algorithm: SigningAlgorithm,
    change: impl FnOnce(&mut ClientDraft),
) {
    let stage = Stage::set().await;
    let client = stage.client_with_key(algorithm, change).await;
    stage.node_with_key(SCRIPT, flow, client).await;
}

#[tokio::test]
async fn openid_client_signs_a_person_in_and_reads_userinfo() {
    play("code", |_| {}).await;
}

#[tokio::test]
async fn openid_client_signs_in_with_its_secret_in_the_form() {
    play("client_secret_post", secret_post).await;
}

#[tokio::test]
async fn openid_client_signs_in_as_a_public_client() {
    play("code", public).await;
}

#[tokio::test]
async fn openid_client_takes_id_tokens_of_every_algorithm() {
    let stage = Stage::set().await;
    for algorithm in ["PS256", "ES256", "EdDSA"] {
        let change = |draft: &mut ClientDraft| {
            draft.metadata.id_token_signed_response_alg = Some(algorithm.into());
        };
        let client = stage.client(change).await;
        stage.node(SCRIPT, &format!("code with {algorithm}"), &client).await;
    }
}

#[tokio::test]
async fn openid_client_is_told_that_a_person_refused() {
    play("cancel", |_| {}).await;
}

#[tokio::test]
async fn openid_client_asks_without_a_page_and_is_told_to_ask_with_one() {
    play("prompt none", |_| {}).await;
}

#[tokio::test]
async fn openid_client_asks_for_a_fresh_sign_in_by_max_age() {
    play("max age", |_| {}).await;
}

#[tokio::test]
async fn openid_client_exchanges_tokens() {
    let stage = Stage::set().await;
    stage.orders().await;
    let client = stage.client(gateway).await;
    stage.node(SCRIPT, "token exchange", &client).await;
}

#[tokio::test]
async fn openid_client_is_told_of_a_sign_out_by_a_logout_token_that_jose_takes() {
    let stage = Stage::with(|config| {
        config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    let uri = format!("http://127.0.0.1:{}/backchannel", crate::support::ports::free_port());
    for algorithm in ["RS256", "ES256", "PS256", "EdDSA"] {
        let client = stage.client(|draft| {
            draft.metadata.logout.backchannel_logout_uri = Some(uri.clone());
            draft.metadata.id_token_signed_response_alg = Some(algorithm.into());
        });
        stage.node(SCRIPT, &format!("back-channel logout by {algorithm}"), &client.await).await;
    }
}

#[tokio::test]
async fn openid_client_refreshes() {
    play("refresh", |_| {}).await;
}

#[tokio::test]
async fn openid_client_refreshes_as_a_public_client_and_reuse_is_refused() {
    play("rotation", public).await;
}

#[tokio::test]
async fn openid_client_takes_an_answer_that_is_posted() {
    play("form_post", |_| {}).await;
}

#[tokio::test]
async fn openid_client_authenticates_by_private_key_jwt_with_every_algorithm() {
    let stage = Stage::set().await;
    for algorithm in SigningAlgorithm::ALL {
        if algorithm == SigningAlgorithm::HS256 {
            continue;
        }
        let client = stage.client_with_key(algorithm, private_key_jwt).await;
        stage.node_with_key(SCRIPT, "private_key_jwt", client).await;
    }
}

#[tokio::test]
async fn openid_client_authenticates_by_client_secret_jwt() {
    play("client_secret_jwt", client_secret_jwt).await;
}

#[tokio::test]
async fn openid_client_authenticates_by_a_certificate_and_its_tokens_are_bound_to_it() {
    let mutual = Mutual::start_on(Store::Sqlite).await;
    let shown = Issued::client(Some(&mutual.authority));
    let stage = Stage::of(mutual.server).await;
    let by_certificate = |draft: &mut ClientDraft| {
        draft.metadata.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
        draft.metadata.sender.tls_client_auth_subject_dn = Some(SUBJECT.into());
        draft.metadata.sender.tls_client_certificate_bound_access_tokens = true;
    };
    let client = stage.client(by_certificate).await;
    stage.node_with_certificate(SCRIPT, "mtls", (&client, &shown)).await;
}

#[tokio::test]
async fn openid_client_authenticates_by_a_certificate_of_its_own() {
    let mutual = Mutual::start_on(Store::Sqlite).await;
    let stage = Stage::of(mutual.server).await;
    let shown = Issued::client(None);
    let set = json!({ "keys": [shown.jwk()] });
    let by_certificate = |draft: &mut ClientDraft| {
        draft.metadata.token_endpoint_auth_method = AuthMethod::SelfSignedTlsClientAuth;
        draft.metadata.sender.tls_client_certificate_bound_access_tokens = true;
        draft.metadata.jwks = Some(set);
    };
    let client = stage.client(by_certificate).await;
    stage.node_with_certificate(SCRIPT, "mtls", (&client, &shown)).await;
}

/// The public key of a certificate, to encrypt to.
fn encryption_key(own: &Issued, alg: &str) -> Value {
    let mut jwk = own.jwk();
    jwk["use"] = "enc".into();
    jwk["alg"] = alg.into();
    jwk
}

#[tokio::test]
async fn openid_client_opens_answers_and_userinfo_that_are_encrypted_to_it() {
    let stage = Stage::set().await;
    let own = Issued::client(None);
    let jwk = encryption_key(&own, "ECDH-ES+A256KW");
    let encrypted = |draft: &mut ClientDraft| {
        let (alg, enc) = (Some("ECDH-ES+A256KW".to_owned()), Some("A256GCM".to_owned()));
        draft.metadata.jwks = Some(json!({ "keys": [jwk] }));
        draft.metadata.userinfo_signed_response_alg = Some("ES256".into());
        draft.metadata.userinfo_encrypted_response_alg = alg.clone();
        draft.metadata.userinfo_encrypted_response_enc = enc.clone();
        draft.metadata.requests.authorization_encrypted_response_alg = alg;
        draft.metadata.requests.authorization_encrypted_response_enc = enc;
    };
    let client = stage.client(encrypted).await;
    let flow = "encrypted answer and userinfo";
    stage.node_with_certificate(SCRIPT, flow, (&client, &own)).await;
}

#[tokio::test]
async fn a_service_opens_an_access_token_that_is_encrypted_to_it() {
    let stage = Stage::set().await;
    let own = Issued::client(None);
    let jwk = encryption_key(&own, "ECDH-ES");
    let encrypted = |draft: &mut ClientDraft| {
        draft.policy.access_token_format = AccessTokenFormat::Jwe;
        draft.policy.access_token_encryption_jwk = Some(jwk);
    };
    let client = stage.client(encrypted).await;
    stage.node_with_certificate(SCRIPT, "encrypted access token", (&client, &own)).await;
}

#[tokio::test]
async fn openid_client_opens_what_is_encrypted_to_it() {
    let stage = Stage::set().await;
    let own = Issued::client(None);
    let jwk = encryption_key(&own, "ECDH-ES+A256KW");
    let encrypted = |draft: &mut ClientDraft| {
        draft.metadata.jwks = Some(json!({ "keys": [jwk] }));
        draft.metadata.id_token_encrypted_response_alg = Some("ECDH-ES+A256KW".into());
        draft.metadata.id_token_encrypted_response_enc = Some("A256GCM".into());
    };
    let client = stage.client(encrypted).await;
    stage.node_with_certificate(SCRIPT, "encrypted id token", (&client, &own)).await;
}

#[tokio::test]
async fn openid_client_pushes_its_request() {
    let pushes = |draft: &mut ClientDraft| {
        draft.metadata.requests.require_pushed_authorization_requests = true;
    };
    play("par", pushes).await;
}

#[tokio::test]
async fn openid_client_signs_its_request() {
    let signs = |draft: &mut ClientDraft| {
        draft.metadata.requests.require_signed_request_object = true;
    };
    play_with_key("jar", SigningAlgorithm::ES256, signs).await;
}

#[tokio::test]
async fn openid_client_encrypts_its_request() {
    let encrypts = |draft: &mut ClientDraft| {
        draft.metadata.requests.require_signed_request_object = true;
        draft.metadata.requests.request_object_encryption_alg = Some("RSA-OAEP-256".into());
        draft.metadata.requests.request_object_encryption_enc = Some("A256GCM".into());
    };
    play_with_key("jar encrypted", SigningAlgorithm::PS256, encrypts).await;
}

#[tokio::test]
async fn openid_client_takes_an_answer_that_is_signed() {
    play("jarm", |_| {}).await;
}

#[tokio::test]
async fn openid_client_takes_an_answer_that_is_signed_and_posted() {
    play("jarm form_post", |_| {}).await;
}

#[tokio::test]
async fn openid_client_binds_its_tokens_to_a_key() {
    let bound = |draft: &mut ClientDraft| draft.metadata.sender.dpop_bound_access_tokens = true;
    play("dpop", bound).await;
}

#[tokio::test]
async fn openid_client_binds_its_tokens_with_nonces() {
    let stage = Stage::with(|config| config.tokens.require_dpop_nonce = true).await;
    let client = stage.client(|_| {}).await;
    stage.node(SCRIPT, "dpop", &client).await;
}

/// A flow by a client that registers itself.
async fn play_registering(flow: &str, mode: RegistrationMode) {
    let stage = Stage::with(|config| config.registration.mode = mode).await;
    let new = NewToken { label: "one".into(), uses: 1, lifetime: Lifetime::hours(1) };
    let ground = stage.server.provider.ground();
    let made = initial_tokens::create(&ground, new, system()).await;
    let (token, _) = made.expect("a token can be made");
    let client = stage.client(|_| {}).await;
    let mut brief = stage.brief(&client);
    brief["initial_access_token"] = token.into();
    stage.node_briefed(SCRIPT, flow, brief).await;
}

#[tokio::test]
async fn openid_client_registers_and_signs_a_person_in() {
    play_registering("registration", RegistrationMode::Open).await;
}

#[tokio::test]
async fn openid_client_registers_with_an_initial_access_token() {
    play_registering("registration with a token", RegistrationMode::Token).await;
}

#[tokio::test]
async fn openid_client_registers_as_a_public_client() {
    play_registering("registration without a secret", RegistrationMode::Open).await;
}

#[tokio::test]
async fn openid_client_is_told_why_it_was_not_registered() {
    play_registering("registration refused", RegistrationMode::Open).await;
}

#[tokio::test]
async fn openid_client_gets_tokens_of_its_own() {
    play("client_credentials", service).await;
}

#[tokio::test]
async fn openid_client_introspects_and_revokes() {
    play("introspect and revoke", |_| {}).await;
}

#[tokio::test]
async fn openid_client_signs_a_person_out() {
    play("logout", |_| {}).await;
}

#[tokio::test]
async fn openid_client_keeps_the_fapi_2_security_profile() {
    let fapi = |draft: &mut ClientDraft| {
        draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        draft.policy.profile = Profile::Fapi2;
    };
    play_with_key("fapi", SigningAlgorithm::PS256, fapi).await;
}

#[tokio::test]
async fn openid_client_keeps_the_fapi_2_message_signing_profile() {
    let fapi = |draft: &mut ClientDraft| {
        draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        draft.policy.profile = Profile::Fapi2MessageSigning;
    };
    play_with_key("fapi message signing", SigningAlgorithm::ES256, fapi).await;
}

#[tokio::test]
async fn openid_client_connects_a_device() {
    play("device", device).await;
}

#[tokio::test]
async fn openid_client_connects_a_device_without_a_secret() {
    let television = |draft: &mut ClientDraft| {
        device(draft);
        public(draft);
    };
    play("device", television).await;
}

#[tokio::test]
async fn openid_client_is_told_that_a_device_was_refused() {
    play("device refused", device).await;
}

#[tokio::test]
async fn openid_client_asks_a_person_who_is_elsewhere() {
    play("ciba", ciba).await;
}

#[tokio::test]
async fn openid_client_is_told_that_a_person_elsewhere_refused() {
    play("ciba refused", ciba).await;
}
