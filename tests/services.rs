//! The example of services that call each other, from end to end.

// As it is run; what only its `main` uses is unused here.
#[allow(dead_code)]
#[path = "../examples/services.rs"]
mod services;

use countersign::domain::audit::Actor;
use countersign::domain::clients::management;
use countersign::domain::identity::users;
use serde_json::{Value, json};
use services::Landscape;

/// Each service on the way in, from the first to the last that answered.
fn chain(answer: &Value) -> Vec<&Value> {
    let inner = std::iter::successors(Some(answer), |one| Some(&one["next"]));
    inner.take_while(|one| one["service"].is_string()).collect()
}

#[actix_web::test]
async fn every_service_knows_for_whom_it_works_and_who_called() {
    let landscape = Landscape::start().await.unwrap();
    let (status, answer) = landscape.call(&landscape.user_token().await.unwrap()).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let chain = chain(&answer);
    let names: Vec<_> = chain.iter().map(|one| one["service"].as_str().unwrap()).collect();
    assert_eq!(names, ["gateway", "orders", "billing", "ledger"], "{answer:#}");
    for one in &chain {
        assert_eq!(one["works_for"], landscape.ada.id, "{one}");
    }
    let called_by: Vec<_> = chain.iter().map(|one| &one["called_by"]).collect();
    let expected = [
        json!([]),
        json!(["gateway"]),
        json!(["orders", "gateway"]),
        json!(["billing", "orders", "gateway"]),
    ];
    assert_eq!(called_by, expected.iter().collect::<Vec<_>>());
    landscape.provider.stop().await;
}

#[actix_web::test]
async fn an_app_token_works_for_nobody_but_its_service() {
    let landscape = Landscape::start().await.unwrap();
    let (status, answer) = landscape.call(&landscape.app_token().await.unwrap()).await.unwrap();
    assert_eq!((status, &answer["works_for"]), (200, &json!("nightly")));
    // It was given nothing that is for orders.
    assert!(answer["next"]["error"].as_str().unwrap().contains("invalid_scope"), "{answer}");
    landscape.provider.stop().await;
}

#[actix_web::test]
async fn a_token_for_one_service_is_of_no_use_at_another_and_a_block_reaches_all() {
    let landscape = Landscape::start().await.unwrap();
    let token = landscape.user_token().await.unwrap();
    for wrong in ["", "x", &format!("{token}x")] {
        assert_eq!(landscape.call(wrong).await.unwrap().0, 401, "{wrong}");
    }
    let provider = landscape.provider.provider.clone();
    let own = landscape.nightly.own_token(None).await.unwrap();
    assert_eq!(landscape.call(&own).await.unwrap().0, 401, "it is for the default audience");

    // With a service on the way switched off, those before it say so.
    let (ground, actor) = (provider.ground(), Actor::system());
    management::disable(&ground, "billing", &actor).await.unwrap();
    provider.forget();
    let (_, answer) = landscape.call(&token).await.unwrap();
    let last = chain(&answer).pop().cloned().unwrap();
    assert_eq!(last["service"], "billing", "{answer:#}");
    assert!(last["next"]["error"].is_string(), "{last}");

    users::block(&ground, &landscape.ada.id, "left", &actor).await.unwrap();
    provider.revocation.committed(&provider.db).await.unwrap();
    assert_eq!(landscape.call(&token).await.unwrap().0, 401);
    landscape.provider.stop().await;
}
