//! What is listed about requests: their challenges, objects, details, and the switches.

use super::{Stage, code};
use crate::support::crypto::claims;
use crate::support::requests::{Host, Signer};
use crate::support::{Code, Inbox, Page, Reply, WebApp};
use countersign::jose::{EncryptionKey, KeyManagement, PublicJwk, SigningAlgorithm};
use serde_json::json;

/// A client that signs its requests, in the browser where Ada is signed in.
async fn signer(stage: &Stage, alg: SigningAlgorithm) -> Signer {
    let mut signer = Signer::with_key(stage.server(), alg, |_| {}).await;
    signer.app = signer.app.in_browser_of(&stage.app);
    signer
}

/// Allows what is asked for, and gives the answer's code.
async fn allowed(signer: &Signer, page: Page) -> Code {
    let page = signer.app.agent.decide(&page, "allow").await;
    code(page.expect_answer().get("code"))
}

pub async fn challenge(stage: &Stage, method: &str) {
    let app = &stage.app;
    let answer = app.pass("ada", &[("code_challenge_method", method)]).await;
    let good = code(answer.get("code"));
    let wrong = Code { verifier: "w".repeat(43), ..good.clone() };
    app.redeem(&wrong).await.expect(400, "invalid_grant");
    app.redeem(&good).await.expect_tokens();
}

pub async fn signed(stage: &Stage, alg: &str) {
    let signer = signer(stage, alg.parse().expect("an algorithm")).await;
    let page = signer.open(&signer.object(&[])).await;
    signer.app.redeem(&allowed(&signer, page).await).await.expect_tokens();
}

pub async fn encrypted(stage: &Stage, alg: &str, enc: &str) {
    let signer = signer(stage, SigningAlgorithm::ES256).await;
    let url = stage.server().url("/jwks");
    let set = Reply::read(signer.app.http.get(url).send().await.expect("an answer")).await.json;
    let keys = set["keys"].as_array().expect("keys");
    let jwk = keys.iter().find(|key| key["alg"] == alg && key["use"] == "enc");
    let jwk = PublicJwk::from_value(jwk.expect("a key that is published")).expect("a public key");
    let alg: KeyManagement = alg.parse().expect("an algorithm");
    let key = EncryptionKey::from_jwk(&jwk, alg, enc.parse().expect("an algorithm"));
    let sealed = key.expect("it encrypts").encrypt_jwt(&signer.object(&[]), None);
    let page = signer.open(&sealed.expect("encrypted")).await;
    signer.app.redeem(&allowed(&signer, page).await).await.expect_tokens();
}

pub async fn details(stage: &Stage, kind: &str) {
    let app = stage
        .client(|draft| draft.metadata.authorization_details_types = vec![kind.to_owned()])
        .await;
    let asked = json!([{ "type": kind, "item": "tea" }]);
    let text = asked.to_string();
    let answer = app.pass("ada", &[("authorization_details", &text)]).await;
    let reply = app.redeem(&code(answer.get("code"))).await;
    assert_eq!(reply.json["authorization_details"], asked);
}

/// A member that says that something is supported at all.
pub async fn switch(stage: &Stage, member: &str) {
    match member {
        "claims_parameter_supported" => super::people::claim(stage, "nickname").await,
        "request_parameter_supported" => signed(stage, "ES256").await,
        "authorization_response_iss_parameter_supported" => {
            let answer = stage.app.pass("ada", &[]).await;
            assert_eq!(answer.get("iss"), stage.server().issuer());
            let refused = stage.app.authorize(&[("prompt", "bogus")]).await;
            assert_eq!(refused.expect_answer().get("iss"), stage.server().issuer());
        }
        "request_uri_parameter_supported" => {
            let signer = signer(stage, SigningAlgorithm::ES256).await;
            let host = Host::start();
            host.answer(&signer.object(&[]));
            let uri = format!("{}/object", host.url);
            let page = signer.app.authorize(&[("request_uri", &uri)]).await;
            signer.app.redeem(&allowed(&signer, page).await).await.expect_tokens();
        }
        "backchannel_logout_supported" | "backchannel_logout_session_supported" => {
            told_of_sign_out(stage).await;
        }
        "frontchannel_logout_supported" | "frontchannel_logout_session_supported" => {
            framed_at_sign_out(stage).await;
        }
        "backchannel_user_code_parameter_supported" => {
            super::elsewhere::no_user_code(stage).await;
        }
        "client_id_metadata_document_supported" => super::clients::described(stage).await,
        other => panic!("no case covers {other}"),
    }
}

/// The page after a sign-out loads the address of the client, which is told issuer and `sid`.
async fn framed_at_sign_out(stage: &Stage) {
    let app = WebApp::register_as(stage.server(), |draft| {
        draft.metadata.logout.frontchannel_logout_uri = Some("https://app.example/frame".into());
    })
    .await;
    let id_token = app.tokens("ada", "openid").await.id_token;
    let sid = claims(&id_token)["sid"].as_str().expect("a sid").to_owned();
    let page = app.agent.open(&format!("/logout?id_token_hint={id_token}")).await;
    assert!(page.body.contains("https://app.example/frame?iss="), "{}", page.body);
    assert!(page.body.contains(&format!("sid={sid}")), "{}", page.body);
}

/// A client hears of the end of a session, by the name that its ID token has for it.
async fn told_of_sign_out(stage: &Stage) {
    let inbox = Inbox::open().await;
    let uri = inbox.url("/out");
    let app = WebApp::register_as(stage.server(), |draft| {
        draft.metadata.logout.backchannel_logout_uri = Some(uri);
    })
    .await;
    let id_token = app.tokens("ada", "openid").await.id_token;
    let parameters =
        [("id_token_hint", &*id_token), ("post_logout_redirect_uri", "https://app.example/out")];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(parameters).finish();
    app.agent.open(&format!("/logout?{query}")).await.expect_answer();
    let told = inbox.expect(1).await[0].form();
    assert_eq!(told[0].0, "logout_token");
    assert_eq!(claims(&told[0].1)["sid"], claims(&id_token)["sid"]);
}
