//! What a client of a protected service sees.

use super::*;
use crate::jose::{SigningAlgorithm, SigningKey};
use crate::protocol::time::{Clock, SystemClock, TestClock};
use crate::verifier::SetupError;
use crate::verifier::testing::{AUDIENCE, ISSUER, jwk_set, signing_key, token};
use crate::verifier::{LocalList, Protect, StalenessPolicy, VerifierBuilder};
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

/// The status of a request with these headers to a handler that names an `AccessToken`, in a scope with
/// the verifier `inner`, below a scope that `by` protects with the verifier `outer`.
async fn ask_below(
    by: Protect,
    (outer, inner): (Verifier, Verifier),
    headers: &[(&str, &str)],
) -> u16 {
    let place = web::scope("/place").app_data(web::Data::new(inner));
    let place = place.route("", web::get().to(who));
    let app = App::new()
        .app_data(web::Data::new(outer))
        .service(web::scope("/below").wrap(by).service(place));
    let app = test::init_service(app).await;
    let request = test::TestRequest::get().uri("/below/place");
    let request = headers.iter().fold(request, |request, header| request.append_header(*header));
    test::call_service(&app, request.to_request()).await.status().as_u16()
}

/// A verifier whose list has been out of date for so many seconds.
fn out_of_date(seconds: i64) -> Verifier {
    let clock = Arc::new(TestClock::default());
    let list = LocalList::new(clock.clone());
    list.keep_fresh_until(clock.now());
    clock.advance_seconds(seconds);
    builder().revocations(Arc::new(list)).clock(clock).build_lazily().unwrap()
}

#[actix_web::test]
async fn a_token_that_another_verifier_let_through_is_checked_by_the_one_of_the_place() {
    let other = "https://payments.example.com";
    let payments = || Verifier::builder(ISSUER).audience(other).keys(jwk_set(&[signing_key()]));
    let both = || (builder().build_lazily().unwrap(), payments().build_lazily().unwrap());
    for (audience, status) in
        [(json!(AUDIENCE), 401), (json!([AUDIENCE, other]), 200), (json!(other), 401)]
    {
        let sent = bearer(&json!({ "aud": audience }));
        let sent = [("authorization", &*sent)];
        assert_eq!(ask_below(Protect::default(), both(), &sent).await, status, "{audience}");
    }
    // The list of the place counts as well.
    let inner = payments().revocations(Arc::new(LocalList::new(Arc::new(SystemClock))));
    let inner = inner.build_lazily().unwrap();
    let sent = bearer(&json!({ "aud": [AUDIENCE, other] }));
    let sent = [("authorization", &*sent)];
    assert_eq!(ask_below(Protect::default(), (both().0, inner), &sent).await, 503);
}

#[actix_web::test]
async fn a_stricter_place_below_a_patient_one_is_strict() {
    let sent = bearer(&json!({}));
    let sent = [("authorization", &*sent)];
    let patient = out_of_date(10);
    let strict = || patient.with_staleness(StalenessPolicy::Strict);
    let ask = |verifiers| ask_below(Protect::default(), verifiers, &sent);
    assert_eq!(ask((patient.clone(), strict())).await, 503);
    assert_eq!(ask((strict(), patient.clone())).await, 503);
    assert_eq!(ask((patient.clone(), patient.clone())).await, 200);
}

#[actix_web::test]
async fn what_a_protected_scope_lets_through_by_a_policy_of_its_own_its_handlers_take() {
    let sent = bearer(&json!({}));
    let sent = [("authorization", &*sent)];
    let verifier = out_of_date(100);
    let same = || (verifier.clone(), verifier.clone());
    assert_eq!(ask_below(Protect::default(), same(), &sent).await, 503);
    let relaxed = Protect::default().staleness(StalenessPolicy::Relaxed);
    assert_eq!(ask_below(relaxed, same(), &sent).await, 200);
}

#[actix_web::test]
async fn dp_06_each_verifier_takes_a_proof_once() {
    let key = SigningKey::generate(SigningAlgorithm::ES256).unwrap();
    let bound = token(&json!({ "cnf": { "jkt": key.kid() } }));
    let ath = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&bound));
    let claims = json!({
        "jti": "1", "htm": "GET", "htu": "https://orders.example.com/below/place", "ath": ath,
        "iat": SystemClock.now().as_unix(),
    });
    let proof = key.sign_dpop_proof(&claims).unwrap();
    let authorization = format!("DPoP {bound}");
    let sent = [("authorization", &*authorization), ("dpop", &*proof)];
    let (outer, inner) = (builder().build_lazily().unwrap(), builder().build_lazily().unwrap());
    let ask = |outer: &Verifier, inner: &Verifier| {
        ask_below(Protect::default(), (outer.clone(), inner.clone()), &sent)
    };
    assert_eq!(ask(&outer, &inner).await, 200);
    assert_eq!(ask(&outer, &outer).await, 401);
    let new = builder().build_lazily().unwrap();
    assert_eq!(ask(&new, &inner).await, 401, "the inner one has seen it");
    let newer = builder().build_lazily().unwrap();
    assert_eq!(ask(&newer, &newer).await, 200, "one verifier takes it once a request");
}
