//! Several instances on one database: any of them serves any browser and any client.

use crate::support::crypto::claims;
use crate::support::test_server::system;
use crate::support::{Code, Store, TestServer, VERIFIER, WebApp};
use countersign::domain::clients::management;
use countersign::domain::keys;
use countersign::jose::SigningAlgorithm;
use std::time::Duration;
use tokio::task::JoinSet;

async fn two() -> (TestServer, TestServer) {
    let first = TestServer::start_on(Store::Postgres).await;
    let second = first.beside().await;
    (first, second)
}

#[tokio::test]
async fn c_02_a_person_may_sign_in_here_and_allow_there() {
    let (first, second) = two().await;
    let ada = first.user("ada").await;
    let here = WebApp::register(&first).await;
    let there = here.turned_to(&second);

    let page = here.authorize(&[("scope", "openid email")]).await;
    let page = here.agent.log_in(&page, "ada").await;
    let answer = there.agent.decide(&page, "allow").await.expect_answer();
    assert_eq!(answer.get("iss"), first.issuer());
    let code = Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() };
    let tokens = here.redeem(&code).await.expect_tokens();

    assert_eq!(claims(&tokens.access_token)["sub"], *ada.user.id);
    assert!(there.is_active(&tokens.access_token).await);
    assert_eq!(there.userinfo(&tokens.access_token).await.status, 200);
    assert!(there.authorize(&[("prompt", "none")]).await.expect_answer().has("code"));
}

#[tokio::test]
async fn c_04_a_code_is_spent_once_on_all_instances() {
    let (first, second) = two().await;
    first.user("ada").await;
    let here = WebApp::register(&first).await;
    let there = here.turned_to(&second);
    let code = here.log_in_and_consent("ada", "openid").await;

    let tasks = (0..200).map(|n| {
        let (app, code) = (if n % 2 == 0 { here.clone() } else { there.clone() }, code.clone());
        async move { app.redeem(&code).await.status }
    });
    let statuses = tasks.collect::<JoinSet<_>>().join_all().await;

    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert!(statuses.iter().all(|status| matches!(status, 200 | 400)), "{statuses:?}");
}

#[tokio::test]
async fn a_block_here_bites_there_at_once() {
    let (first, second) = two().await;
    let ada = first.user("ada").await;
    let here = WebApp::register(&first).await;
    let there = here.turned_to(&second);
    let tokens = here.tokens("ada", "openid offline_access").await;
    assert!(there.is_active(&tokens.access_token).await);

    first.block(&ada).await;

    assert!(!there.is_active(&tokens.access_token).await);
    assert_eq!(there.userinfo(&tokens.access_token).await.status, 401);
    there.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
    there.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
}

#[tokio::test]
async fn c_07_a_client_that_is_disabled_here_is_refused_there_within_a_second() {
    let (first, second) = two().await;
    let service = WebApp::register_service(&first).await.turned_to(&second);
    let grant = [("grant_type", "client_credentials")];
    let token = service.token(&grant).await.expect_tokens().access_token;
    let ground = first.provider.ground();
    management::disable(&ground, &service.id, system()).await.expect("it can be disabled");
    tokio::time::sleep(Duration::from_secs(1)).await;
    service.token(&grant).await.expect(401, "invalid_client");
    let other = WebApp::register_service(&first).await.turned_to(&second);
    assert!(!other.is_active(&token).await);
}

#[tokio::test]
async fn y_01_a_key_that_is_rotated_here_is_published_there_within_a_second() {
    let (first, second) = two().await;
    let app = WebApp::register(&first).await.turned_to(&second);
    let next = keys::rotate(&first.provider, SigningAlgorithm::ES256, system());
    let next = next.await.expect("the key can be rotated").kid;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let jwks = app.http.get(second.url("/jwks")).send().await.expect("an answer");
    assert!(jwks.text().await.expect("text").contains(&next));
}
