//! `Authlib` on Python: in a Flask app, and its plain session.

use crate::stage::{
    Stage, client_secret_jwt, device, gateway, private, private_key_jwt, public, secret_post,
    service,
};
use crate::support::vouching::Voucher;
use countersign::domain::clients::management::{ClientDraft, Created};
use countersign::jose::SigningAlgorithm;

const SCRIPT: &str = "authlib_flows.py";

/// A flow by a client that is registered so.
async fn play(flow: &str, change: impl FnOnce(&mut ClientDraft)) {
    let stage = Stage::set().await;
    let client = stage.client(change).await;
    stage.python(SCRIPT, flow, &client).await;
}

#[tokio::test]
async fn authlib_signs_a_person_in_to_a_flask_app() {
    play("code", |_| {}).await;
}

#[tokio::test]
async fn authlib_signs_in_with_its_secret_in_the_form() {
    play("client_secret_post", secret_post).await;
}

#[tokio::test]
async fn authlib_signs_in_as_a_public_client() {
    play("public", public).await;
}

#[tokio::test]
async fn authlib_is_told_that_a_person_refused() {
    play("cancel", |_| {}).await;
}

#[tokio::test]
async fn authlib_refreshes() {
    play("refresh", |_| {}).await;
}

#[tokio::test]
async fn authlib_introspects_and_revokes() {
    play("introspect and revoke", |_| {}).await;
}

#[tokio::test]
async fn authlib_gets_tokens_of_its_own() {
    play("client_credentials", service).await;
}

#[tokio::test]
async fn authlib_exchanges_tokens() {
    let stage = Stage::set().await;
    stage.orders().await;
    let client = stage.client(gateway).await;
    stage.python(SCRIPT, "token exchange", &client).await;
}

#[tokio::test]
async fn authlib_brings_what_a_partner_says_of_a_person() {
    let stage = Stage::set().await;
    let voucher = Voucher::build(&stage.server, |_| {}).await;
    let client = Created {
        client: stage.server.stored(&voucher.app.id).await,
        secret: Some(voucher.app.secret.clone()),
    };
    let key = private(&voucher.key);
    stage.python_with_key(SCRIPT, "jwt bearer", (client, key)).await;
}

#[tokio::test]
async fn authlib_authenticates_by_client_secret_jwt() {
    let change = |draft: &mut ClientDraft| {
        service(draft);
        client_secret_jwt(draft);
    };
    play("client_secret_jwt", change).await;
}

#[tokio::test]
async fn authlib_authenticates_by_private_key_jwt_with_every_algorithm() {
    let stage = Stage::set().await;
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let algorithm: SigningAlgorithm = algorithm.parse().expect("an algorithm");
        let change = |draft: &mut ClientDraft| {
            service(draft);
            private_key_jwt(draft);
        };
        let client = stage.client_with_key(algorithm, change).await;
        stage.python_with_key(SCRIPT, "private_key_jwt", client).await;
    }
}

#[tokio::test]
async fn authlib_connects_a_device() {
    play("device", device).await;
}
