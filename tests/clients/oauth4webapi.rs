//! `oauth4webapi` 3 on Node.

use crate::stage::{Stage, device, private_key_jwt, service};
use countersign::jose::SigningAlgorithm;

const SCRIPT: &str = "oauth4webapi.mjs";

#[tokio::test]
async fn oauth4webapi_signs_in_and_a_service_takes_its_token() {
    let stage = Stage::set().await;
    let client = stage.client(|_| {}).await;
    stage.node(SCRIPT, "code", &client).await;
}

#[tokio::test]
async fn oauth4webapi_refreshes() {
    let stage = Stage::set().await;
    let client = stage.client(|_| {}).await;
    stage.node(SCRIPT, "refresh", &client).await;
}

#[tokio::test]
async fn oauth4webapi_introspects_and_revokes_by_private_key_jwt() {
    let stage = Stage::set().await;
    let client = stage.client_with_key(SigningAlgorithm::EdDSA, private_key_jwt).await;
    stage.node_with_key(SCRIPT, "private_key_jwt", client).await;
}

#[tokio::test]
async fn oauth4webapi_introspects_and_is_answered_by_a_token() {
    let stage = Stage::set().await;
    let client = stage.client(|_| {}).await;
    stage.node(SCRIPT, "introspection by a token", &client).await;
}

#[tokio::test]
async fn oauth4webapi_pushes_a_signed_request_and_takes_a_signed_answer() {
    let stage = Stage::set().await;
    let client = stage.client_with_key(SigningAlgorithm::PS256, private_key_jwt).await;
    stage.node_with_key(SCRIPT, "pushed, signed request and signed answer", client).await;
}

#[tokio::test]
async fn oauth4webapi_proves_one_key_from_the_push_to_userinfo() {
    for nonces in [false, true] {
        let stage = Stage::with(|config| config.tokens.require_dpop_nonce = nonces).await;
        let client = stage.client(|_| {}).await;
        stage.node(SCRIPT, "dpop from the push to userinfo", &client).await;
    }
}

#[tokio::test]
async fn oauth4webapi_gets_tokens_of_its_own_that_a_service_takes() {
    let stage = Stage::set().await;
    let client = stage.client(service).await;
    stage.node(SCRIPT, "client_credentials", &client).await;
}

#[tokio::test]
async fn oauth4webapi_reads_every_refusal() {
    let stage = Stage::set().await;
    let client = stage.client(|_| {}).await;
    stage.node(SCRIPT, "errors", &client).await;
}

#[tokio::test]
async fn oauth4webapi_connects_a_device() {
    let stage = Stage::set().await;
    let client = stage.client(device).await;
    stage.node(SCRIPT, "device", &client).await;
}
