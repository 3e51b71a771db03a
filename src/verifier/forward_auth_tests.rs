//! What a proxy is answered by a verifier alone.

use super::*;
use crate::jose::SigningAlgorithm::ES256;
use crate::jose::SigningKey;
use crate::verifier::testing::{AUDIENCE, ISSUER, jwk_set, signing_key, token};
use actix_web::test::TestRequest;
use serde_json::json;

fn header<'r>(response: &'r HttpResponse, name: &str) -> Option<&'r str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

async fn ask(query: &str, claims: serde_json::Value) -> HttpResponse {
    let request = TestRequest::get()
        .uri(&format!("/auth/verify{query}"))
        .insert_header(("authorization", format!("Bearer {}", token(&claims))));
    answer(&verifier().await, &request.to_http_request(), Told::Original).await
}

async fn verifier() -> Verifier {
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).audience("https://b.example.com");
    builder.keys(jwk_set(&[signing_key()])).build().await.unwrap()
}

#[actix_web::test]
async fn a_good_token_is_told_in_headers() {
    let claims = json!({ "groups": ["shop", "R&D, Berlin"], "email": "ada@example.org" });
    let response = ask("", claims).await;
    assert_eq!(response.status(), 200);
    for (name, value) in [
        ("remote-subject", "ada"),
        ("remote-user", "ada@example.org"),
        ("remote-groups", "shop,R&D%2C Berlin"),
        ("remote-roles", "clerk"),
        ("remote-scope", "orders:read"),
        ("remote-client", "app"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(header(&response, name), Some(value), "{name}");
    }
}

#[actix_web::test]
async fn what_is_not_known_is_not_there() {
    let response = ask("", json!({ "roles": [], "scope": null })).await;
    for name in ["remote-user", "remote-groups", "remote-roles", "remote-scope"] {
        assert_eq!(header(&response, name), None, "{name}");
    }
}

#[test]
fn ht_09_no_value_ends_a_header_or_parts_a_list() {
    let caller = Caller {
        subject: "ada\r\nRemote-Roles: admin".into(),
        email: Some("ä@example.org".into()),
        groups: vec!["a,admin".into(), " x ".into(), "100%".into(), "\0".into()],
        ..Caller::default()
    };
    let response = caller.admitted();
    assert_eq!(header(&response, "remote-subject"), Some("ada%0D%0ARemote-Roles: admin"));
    assert_eq!(header(&response, "remote-user"), Some("%C3%A4@example.org"));
    assert_eq!(header(&response, "remote-groups"), Some("a%2Cadmin,%20x%20,100%25,%00"));
    assert_eq!(header(&response, "remote-roles"), None);
}

#[actix_web::test]
async fn what_the_place_needs_the_query_says() {
    for (query, status) in [
        ("?scope=orders:read", 200),
        ("?scope=orders:read+orders:write", 403),
        ("?role=clerk&role=admin", 200),
        ("?role=admin", 403),
        ("?group=shop", 403),
        ("?aud=https://orders.example.com", 200),
        ("?aud=https://b.example.com", 401),
        ("?aud=%zz", 400),
    ] {
        assert_eq!(ask(query, json!({})).await.status(), status, "{query}");
    }
}

#[actix_web::test]
async fn without_a_good_token_it_is_401_with_a_challenge() {
    let none = TestRequest::get().uri("/auth/verify").to_http_request();
    let response = answer(&verifier().await, &none, Told::Original).await;
    assert_eq!(response.status(), 401);
    assert!(header(&response, "www-authenticate").unwrap().starts_with("Bearer"));
    for claims in [json!({ "exp": 1 }), json!({ "iss": "https://other.example.com" })] {
        assert_eq!(ask("", claims).await.status(), 401);
    }
}

#[actix_web::test]
async fn dp_04_a_proof_is_for_the_request_that_the_proxy_was_asked_for() {
    let key = SigningKey::generate(ES256).unwrap();
    let jkt = crate::jose::PublicJwk::from_value(&key.public_jwk()).unwrap().thumbprint();
    let bound = token(&json!({ "cnf": { "jkt": jkt } }));
    let now = crate::protocol::time::Clock::now(&crate::protocol::time::SystemClock);
    let proof = |jti: &str| {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        use sha2::Digest;
        let ath = BASE64_URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(&bound));
        let claims = json!({
            "jti": jti, "htm": "POST", "htu": "https://orders.example.com/orders",
            "iat": now, "ath": ath,
        });
        key.sign_dpop_proof(&claims).unwrap()
    };
    let verifier = verifier().await;
    let ask = async |jti: &str, method: &str, uri: &str, told: Told| {
        let (own_method, own_uri) = Told::Original.names();
        let request = TestRequest::get()
            .uri("/auth/verify")
            .insert_header(("authorization", format!("DPoP {bound}")))
            .insert_header(("dpop", proof(jti)))
            .insert_header((own_method, method))
            .insert_header((own_uri, uri));
        answer(&verifier, &request.to_http_request(), told).await.status().as_u16()
    };
    assert_eq!(ask("p1", "POST", "/orders?page=2", Told::Original).await, 200);
    assert_eq!(ask("p1", "POST", "/orders", Told::Original).await, 401, "used before");
    assert_eq!(ask("p2", "GET", "/orders", Told::Original).await, 401);
    assert_eq!(ask("p3", "POST", "/admin", Told::Original).await, 401);
    assert_eq!(ask("p4", "POST", "/orders", Told::Forwarded).await, 401, "not the headers to read");
}
