//! What a client of a protected service sees.

use super::*;
use crate::jose::{SigningAlgorithm, SigningKey};
use crate::protocol::time::{Clock, SystemClock};
use crate::verifier::SetupError;
use crate::verifier::testing::{AUDIENCE, ISSUER, jwk_set, signing_key, token};
use crate::verifier::{LocalList, StalenessPolicy, VerifierBuilder};
use actix_web::{App, test};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::sync::Arc;

async fn who(token: AccessToken) -> Result<String, VerifyError> {
    token.require_scope("orders:read")?;
    Ok(token.subject)
}

async fn maybe(token: Option<AccessToken>) -> String {
    token.map_or("nobody".into(), |token| token.subject)
}

fn builder() -> VerifierBuilder {
    Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]))
}

struct Answer {
    status: u16,
    challenge: Option<String>,
    retry_after: bool,
    body: String,
}

async fn ask(builder: VerifierBuilder, path: &str, authorization: &[&str]) -> Answer {
    let app = App::new()
        .app_data(web::Data::new(builder.build_lazily().unwrap()))
        .route("/", web::get().to(who))
        .route("/maybe", web::get().to(maybe));
    let app = test::init_service(app).await;
    let mut request = test::TestRequest::get().uri(path);
    for value in authorization {
        request = request.append_header((AUTHORIZATION, *value));
    }
    let response = test::call_service(&app, request.to_request()).await;
    let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Answer {
        status: response.status().as_u16(),
        challenge: text(WWW_AUTHENTICATE),
        retry_after: text(RETRY_AFTER).is_some(),
        body: String::from_utf8(test::read_body(response).await.to_vec()).unwrap(),
    }
}

fn bearer(changes: &serde_json::Value) -> String {
    format!("Bearer {}", token(changes))
}

#[actix_web::test]
async fn ui_01_without_a_token_the_challenge_has_no_error_code() {
    for authorization in [&[][..], &["Basic YTpi"], &["Bearerx abc"]] {
        let answer = ask(builder(), "/", authorization).await;
        assert_eq!(answer.status, 401, "{authorization:?}");
        let challenge = answer.challenge.unwrap();
        assert!(challenge.starts_with("Bearer") && !challenge.contains("error"), "{challenge}");
        assert!(answer.body.is_empty());
    }
}

#[actix_web::test]
async fn ui_02_a_token_in_the_query_is_not_read_and_two_headers_are_a_bad_request() {
    let good = bearer(&json!({}));
    let query = format!("/?access_token={}", token(&json!({})));
    assert_eq!(ask(builder(), &query, &[]).await.status, 401);
    let twice = ask(builder(), "/", &[&good, &good]).await;
    assert_eq!(twice.status, 400);
    assert!(twice.challenge.unwrap().contains(r#"error="invalid_request""#));
    assert_eq!(ask(builder(), "/", &["Bearer"]).await.status, 400);
}

#[actix_web::test]
async fn ui_03_a_bad_token_is_invalid_token_and_a_narrow_one_insufficient_scope() {
    let expired = json!({ "exp": 1_763_765_000 });
    for bad in ["Bearer nonsense".to_owned(), "Bearer ".into(), bearer(&expired)] {
        let answer = ask(builder(), "/", &[&bad]).await;
        assert_eq!(answer.status, 401, "{bad}");
        assert!(answer.challenge.unwrap().contains(r#"error="invalid_token""#));
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["error"], "invalid_token");
    }
    let narrow = ask(builder(), "/", &[&bearer(&json!({ "scope": "orders:write" }))]).await;
    assert_eq!(narrow.status, 403);
    let challenge = narrow.challenge.unwrap();
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
    assert!(challenge.contains(r#"scope="orders:read""#), "{challenge}");
}

#[actix_web::test]
async fn ec_05_a_bound_token_is_no_bearer_token() {
    let bound = bearer(&json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }));
    assert_eq!(ask(builder(), "/", &[&bound]).await.status, 401);
}

#[actix_web::test]
async fn s20_dp_09_a_bound_token_is_sent_with_a_proof() {
    let key = SigningKey::generate(SigningAlgorithm::ES256).unwrap();
    let bound = token(&json!({ "cnf": { "jkt": key.kid() } }));
    let ath = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&bound));
    let claims = json!({
        "jti": "1", "htm": "GET", "htu": "https://orders.example.com/", "ath": ath,
        "iat": SystemClock.now().as_unix(),
    });
    let proof = key.sign_dpop_proof(&claims).unwrap();
    let app = App::new()
        .app_data(web::Data::new(builder().build_lazily().unwrap()))
        .route("/", web::get().to(who));
    let app = test::init_service(app).await;
    let request = |proofs: &[&str]| {
        let mut request = test::TestRequest::get().uri("/");
        request = request.insert_header((AUTHORIZATION, format!("dpop {bound}")));
        for proof in proofs {
            request = request.append_header(("DPoP", *proof));
        }
        request.to_request()
    };
    for proofs in [&[][..], &["nonsense"], &[&proof, &proof]] {
        let refused = test::call_service(&app, request(proofs)).await;
        assert_eq!(refused.status().as_u16(), 401);
        let challenge = refused.headers().get(WWW_AUTHENTICATE).unwrap().to_str().unwrap();
        assert!(challenge.starts_with("DPoP"), "{challenge}");
        assert!(challenge.contains(r#"error="invalid_dpop_proof""#), "{challenge}");
        assert!(challenge.contains(r#"algs="ES256 PS256 EdDSA""#), "{challenge}");
    }
    assert_eq!(test::call_service(&app, request(&[&proof])).await.status().as_u16(), 200);
    assert_eq!(test::call_service(&app, request(&[&proof])).await.status().as_u16(), 401);
}

#[actix_web::test]
async fn a_good_token_lets_in_whatever_the_case_of_the_scheme() {
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer "] {
        let answer = ask(builder(), "/", &[&format!("{scheme} {}", token(&json!({})))]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ada"), "{scheme}");
    }
}

#[actix_web::test]
async fn a_public_handler_takes_who_comes() {
    assert_eq!(ask(builder(), "/maybe", &[]).await.body, "nobody");
    assert_eq!(ask(builder(), "/maybe", &[&bearer(&json!({}))]).await.body, "ada");
}

#[actix_web::test]
async fn r_13_a_strict_place_says_come_back_while_the_list_is_stale() {
    let stale = LocalList::new(Arc::new(SystemClock));
    let strict = builder().revocations(Arc::new(stale)).staleness(StalenessPolicy::Strict);
    let answer = ask(strict, "/", &[&bearer(&json!({}))]).await;
    assert_eq!((answer.status, answer.retry_after), (503, true));
    assert_eq!(answer.challenge, None);
}

#[actix_web::test]
async fn a_service_without_a_verifier_lets_nobody_in() {
    let app = test::init_service(App::new().route("/", web::get().to(who))).await;
    let request = test::TestRequest::get().insert_header((AUTHORIZATION, bearer(&json!({}))));
    let response = test::call_service(&app, request.to_request()).await;
    assert_eq!(response.status().as_u16(), 500);
}

#[actix_web::test]
async fn rfc_9728_a_challenge_names_where_the_service_describes_itself() {
    let address = "https://orders.example/.well-known/oauth-protected-resource";
    let described = || builder().resource_metadata(address);
    let expired = bearer(&json!({ "exp": 1_763_765_000 }));
    for authorization in [&[][..], &["Bearer nonsense"], &[&*expired]] {
        let challenge = ask(described(), "/", authorization).await.challenge.unwrap();
        assert!(challenge.ends_with(&format!(r#"resource_metadata="{address}""#)), "{challenge}");
        let plain = ask(builder(), "/", authorization).await.challenge.unwrap();
        assert!(!plain.contains("resource_metadata"), "{plain}");
    }
    for broken in ["https://a\"b/", "https://a b/", "https://a\\b/", "a\r\nb"] {
        let refused = builder().resource_metadata(broken).build_lazily();
        assert!(matches!(refused, Err(SetupError::ResourceMetadata)), "{broken}");
    }
}
