//! The Rust of `docs/src/integrate/verify.md`, and of the README, so that it compiles: with the
//! `use` lines that it needs.

mod encrypted;
mod everybody;
mod payments;
mod service;
mod step_up;

use super::testing::{AUDIENCE, ISSUER, jwk_set, signing_key, token};
use super::{AccessToken, Verifier};
use actix_web::http::header::AUTHORIZATION;
use actix_web::test as service_test;
use actix_web::{App, web};
use serde_json::json;

/// The part of a file that is printed.
fn printed(file: &str) -> &str {
    let after = file.split_once("// DOCUMENTED\n").expect("it has a beginning").1;
    after.split_once("// END\n").expect("it has an end").0
}

#[test]
fn the_page_and_the_readme_print_what_compiles() {
    let page = include_str!("../../../docs/src/integrate/verify.md");
    let service = include_str!("service.rs");
    for file in [
        service,
        include_str!("everybody.rs"),
        include_str!("payments.rs"),
        include_str!("encrypted.rs"),
        include_str!("step_up.rs"),
    ] {
        let block = format!("```rust\n{}```\n", printed(file));
        assert!(page.contains(&block), "verify.md has not:\n{block}");
    }
    assert!(include_str!("../../../README.md").contains(printed(service)), "nor the README");
    let blocks = page.matches("```rust").count();
    assert_eq!(blocks, 5, "every block of the page compiles here");
}

async fn optional(caller: Option<AccessToken>) -> String {
    caller.map_or("nobody".into(), |caller| caller.subject)
}

/// What the handlers of the page answer to everybody.
#[actix_web::test]
async fn a_bad_token_is_nobody_for_an_option_and_refused_by_the_way_that_is_documented() {
    let verifier = Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]));
    let app = App::new()
        .app_data(web::Data::new(verifier.build_lazily().expect("the settings are good")))
        .configure(payments::configure)
        .route("/optional", web::get().to(optional))
        .route("/offers", web::get().to(everybody::offers));
    let app = service_test::init_service(app).await;
    let good = format!("Bearer {}", token(&json!({})));
    for (path, sent, status, body) in [
        ("/optional", None, 200, "nobody"),
        ("/optional", Some(&*good), 200, "ada"),
        ("/optional", Some("Bearer nonsense"), 200, "nobody"),
        ("/offers", None, 200, "offers for everybody"),
        ("/offers", Some("Basic YTpi"), 200, "offers for everybody"),
        ("/offers", Some(&*good), 200, "offers for ada"),
        ("/offers", Some("Bearer nonsense"), 401, ""),
        ("/payments", None, 401, ""),
        ("/payments", Some(&*good), 403, ""),
    ] {
        let mut request = service_test::TestRequest::get().uri(path);
        if let Some(sent) = sent {
            request = request.insert_header((AUTHORIZATION, sent));
        }
        let answer = service_test::call_service(&app, request.to_request()).await;
        assert_eq!(answer.status().as_u16(), status, "{path} {sent:?}");
        if status == 200 {
            assert_eq!(service_test::read_body(answer).await, body, "{path} {sent:?}");
        }
    }
}
