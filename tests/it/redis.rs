//! The revocation list in Redis, as verifiers find it, while Redis comes and goes.

use crate::support::crypto::{claims, jwks, key as key_of, sign};
use crate::support::dpop::Prover;
use crate::support::redis::Redis;
use crate::support::{Store, TestServer, Tokens, WebApp};
use countersign::jose::{SigningAlgorithm, Typ};
use countersign::protocol::client::{AuthMethod, GrantType};
use serde_json::{Value, json};
use std::time::Duration;

const SCOPE: &str = "openid offline_access";

async fn server_on(store: Store, redis: &Redis) -> TestServer {
    let url = redis.url();
    TestServer::with_on(store, |config| config.redis_url = Some(url)).await
}

fn key(kind: &str, name: &Value) -> String {
    format!("{{countersign}}:revoked:{kind}:{}", name.as_str().expect("text"))
}

/// Asks until something is true, for as long as a promise allows.
async fn within(seconds: u64, what: &str, is_true: impl Fn() -> bool) {
    for _ in 0..seconds * 20 {
        if is_true() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within {seconds} s: {what}");
}

/// Both entries of a blocked user are there, and stay as long as the tokens could live.
async fn expect_entries(redis: &Redis, tokens: &[Tokens], seconds: u64) {
    for tokens in tokens {
        let claims = claims(&tokens.access_token);
        let (jti, sub) = (key("jti", &claims["jti"]), key("sub", &claims["sub"]));
        let there = |key: &str| redis.call(&format!("EXISTS {key}")) == ":1";
        within(seconds, "the entries are in Redis", || there(&jti) && there(&sub)).await;
        let life = |key: &str| -> i64 {
            redis.call(&format!("TTL {key}")).trim_start_matches(':').parse().expect("a number")
        };
        // As long as the tokens could live, and a minute more for clocks that differ.
        assert!((300..=365).contains(&life(&jti)), "{}", life(&jti));
        assert!((3600..=3665).contains(&life(&sub)), "{}", life(&sub));
    }
}

async fn a_block_is_in_redis_within_a_second(store: Store) {
    let redis = Redis::start();
    let server = server_on(store, &redis).await;
    let ada = server.user("ada").await;
    let app = WebApp::register(&server).await;
    let first = app.tokens("ada", SCOPE).await;
    let second = app.refresh(&first.refresh_token).await.expect_tokens();
    server.block(&ada).await;
    expect_entries(&redis, &[first, second], 1).await;
    assert_eq!(redis.call("EXISTS {countersign}:head"), ":1");
}

#[tokio::test]
async fn a_block_on_sqlite_is_in_redis_within_a_second() {
    a_block_is_in_redis_within_a_second(Store::Sqlite).await;
}

#[tokio::test]
async fn a_block_on_postgres_is_in_redis_within_a_second() {
    a_block_is_in_redis_within_a_second(Store::Postgres).await;
}

#[tokio::test]
async fn r_04_a_flushed_redis_un_revokes_nothing() {
    let redis = Redis::start();
    let server = server_on(Store::Sqlite, &redis).await;
    let ada = server.user("ada").await;
    server.user("grace").await;
    let app = WebApp::register(&server).await;
    let grace = app.in_another_browser();
    let kept = grace.tokens("grace", SCOPE).await;
    let ended = app.tokens("ada", SCOPE).await;
    server.block(&ada).await;
    expect_entries(&redis, std::slice::from_ref(&ended), 1).await;

    redis.flush();

    assert!(!app.is_active(&ended.access_token).await);
    assert!(app.is_active(&kept.access_token).await);
    expect_entries(&redis, &[ended], 5).await;
    assert!(grace.authorize(&[("prompt", "none")]).await.expect_answer().has("code"));
}

#[tokio::test]
async fn r_03_a_restarted_redis_gets_the_list_again() {
    let mut redis = Redis::start();
    let server = server_on(Store::Sqlite, &redis).await;
    let ada = server.user("ada").await;
    let app = WebApp::register(&server).await;
    let ended = app.tokens("ada", SCOPE).await;
    server.block(&ada).await;
    expect_entries(&redis, std::slice::from_ref(&ended), 1).await;

    redis.restart_empty();

    assert!(!app.is_active(&ended.access_token).await);
    expect_entries(&redis, &[ended], 5).await;
}

/// RV-05: nothing fails, and what was revoked meanwhile is not lost.
#[tokio::test]
async fn r_02_rv_05_without_redis_everything_goes_on_and_the_list_catches_up() {
    let mut redis = Redis::start();
    let server = server_on(Store::Sqlite, &redis).await;
    let ada = server.user("ada").await;
    server.user("grace").await;
    let app = WebApp::register(&server).await;
    let grace = app.in_another_browser();
    let kept = grace.tokens("grace", SCOPE).await;
    let ended = app.tokens("ada", SCOPE).await;

    redis.stop();

    server.block(&ada).await;
    assert!(!app.is_active(&ended.access_token).await);
    let kept = grace.refresh(&kept.refresh_token).await.expect_tokens();
    assert_eq!(grace.userinfo(&kept.access_token).await.status, 200);
    assert!(grace.authorize(&[("prompt", "none")]).await.expect_answer().has("code"));
    assert_eq!(grace.revoke(&kept.access_token).await.status, 200);
    assert!(!app.is_active(&kept.access_token).await);

    redis.restart_empty();
    expect_entries(&redis, &[ended], 5).await;
    let jti = key("jti", &claims(&kept.access_token)["jti"]);
    within(5, "the list catches up", || redis.call(&format!("EXISTS {jti}")) == ":1").await;
}

#[tokio::test]
async fn r_01_a_provider_starts_while_redis_is_away() {
    let mut redis = Redis::start();
    redis.stop();
    let server = server_on(Store::Sqlite, &redis).await;
    let ada = server.user("ada").await;
    let app = WebApp::register(&server).await;
    let ended = app.tokens("ada", SCOPE).await;
    server.block(&ada).await;
    redis.restart_empty();
    expect_entries(&redis, &[ended], 5).await;
}

/// Each is used, Redis is emptied, and each is used again.
async fn replays_after_a_flush(store: Store) {
    let redis = Redis::start();
    let server = server_on(store, &redis).await;
    let key = key_of(SigningAlgorithm::ES256);
    let keys = jwks(&[&key]);
    let app = WebApp::register_as(&server, |draft| {
        draft.metadata.grant_types = vec![GrantType::ClientCredentials];
        draft.metadata.redirect_uris.clear();
        draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        draft.metadata.jwks = Some(keys);
    })
    .await;
    let assertion = |jti: &str| {
        let now = server.provider.now().as_unix();
        let claims = json!({
            "iss": app.id, "sub": app.id, "aud": server.issuer(), "jti": jti,
            "iat": now, "exp": now + 60,
        });
        sign(&key, Typ::ClientAssertion, &claims)
    };
    let ask = async |assertion: &str, proof: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion", assertion),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ];
        app.token_with(&form, &[proof]).await
    };
    let prover = Prover::new();
    let (first, proof) = (assertion("1"), prover.for_token(&server));
    ask(&first, &proof).await.expect_dpop();
    redis.flush();
    ask(&first, &prover.for_token(&server)).await.expect(401, "invalid_client");
    ask(&assertion("2"), &proof).await.expect(400, "invalid_dpop_proof");
    ask(&assertion("3"), &prover.for_token(&server)).await.expect_dpop();
}

#[tokio::test]
async fn r_12_a_flush_lets_no_proof_and_no_assertion_be_used_again_on_sqlite() {
    replays_after_a_flush(Store::Sqlite).await;
}

#[tokio::test]
async fn r_12_a_flush_lets_no_proof_and_no_assertion_be_used_again_on_postgres() {
    replays_after_a_flush(Store::Postgres).await;
}
