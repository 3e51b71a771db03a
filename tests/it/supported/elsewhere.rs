//! What is listed about people who are elsewhere (OpenID Connect CIBA).

use super::Stage;
use crate::support::ciba::{self, asked_for, sign_request};
use crate::support::crypto::{jwks, key};
use crate::support::test_server::system;
use crate::support::{Inbox, WebApp, web_app};
use countersign::domain::clients::management::{self, ClientDraft};
use countersign::protocol::client::backchannel::DeliveryMode;
use serde_json::json;

const TOKEN: &str = "notification-token-0123456789";

/// A client that asks people, in the browser where Ada is signed in.
async fn bank(stage: &Stage, change: impl FnOnce(&mut ClientDraft)) -> WebApp {
    let draft = |draft: &mut ClientDraft| {
        ciba::bank(draft);
        change(draft);
    };
    stage.client(draft).await
}

pub async fn mode(stage: &Stage, name: &str) {
    let mode: DeliveryMode = name.parse().expect("a mode");
    let inbox = Inbox::open().await;
    let told_at = (mode == DeliveryMode::Ping).then(|| inbox.url("/told"));
    let app = bank(stage, |draft| {
        let own = &mut draft.metadata.backchannel;
        own.backchannel_token_delivery_mode = Some(mode);
        own.backchannel_client_notification_endpoint = told_at.clone();
    })
    .await;
    let id = app.asked("ada", &[("client_notification_token", TOKEN)]).await;
    app.allow("ada").await;
    if told_at.is_some() {
        assert!(inbox.expect(1).await[0].body.contains(&id));
    }
    app.fetch(&id).await.expect_tokens();
}

pub async fn signed(stage: &Stage, alg: &str) {
    let key = key(alg.parse().expect("an algorithm"));
    let app = bank(stage, |draft| {
        draft.metadata.jwks = Some(jwks(&[&key]));
        let own = &mut draft.metadata.backchannel;
        own.backchannel_authentication_request_signing_alg = Some(alg.to_owned());
    })
    .await;
    let object = sign_request(&key, &asked_for(stage.server(), &app, &json!({})));
    let reply = app.ask(&[("request", &*object)]).await;
    assert_eq!(reply.status, 200, "{alg}: {}", reply.text);
    let id = reply.json["auth_req_id"].as_str().expect("text").to_owned();
    app.allow("ada").await;
    app.fetch(&id).await.expect_tokens();
}

/// Not offered: nobody can register for it.
pub async fn no_user_code(stage: &Stage) {
    let mut draft = web_app::draft();
    ciba::bank(&mut draft);
    draft.metadata.backchannel.backchannel_user_code_parameter = true;
    let made = management::create(&stage.server().provider.ground(), draft, system()).await;
    assert!(made.is_err());
}
