//! The signed feed of revocations, and verifiers that live by it.

use crate::support::command::run;
use crate::support::crypto::{claims, header};
use crate::support::{Reply, Store, TestServer, WebApp, both};
use countersign::config::Config;
use countersign::jose::{Expected, JwkSet, SigningAlgorithm, VerifyingKey, gate};
use countersign::protocol::time::SystemClock;
use countersign::protocol::time::monotonic;
use countersign::verifier::{StalenessPolicy, Verifier, VerifyError};
use diesel::connection::{Connection, SimpleConnection};
use diesel::sqlite::SqliteConnection;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

async fn ask(server: &TestServer, query: &str) -> Reply {
    let answer = reqwest::get(server.url(&format!("/revocations{query}"))).await;
    Reply::read(answer.expect("it answers")).await
}

async fn page(server: &TestServer, query: &str) -> Value {
    let reply = ask(server, query).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    claims(&reply.text)
}

/// What a reader that has read `page` asks next.
fn after(page: &Value, wait: u32) -> String {
    let epoch = page["epoch"].as_str().expect("an epoch");
    format!("?epoch={epoch}&since={}&wait={wait}", page["seq"])
}

fn has(page: &Value, kind: &str, key: &str) -> bool {
    let entries = page["entries"].as_array().expect("entries");
    entries.iter().any(|entry| entry["kind"] == kind && entry["key"] == key)
}

both! {
    async fn the_feed_is_signed_with_a_published_key_and_a_type_of_its_own(server: TestServer) {
        let reply = ask(&server, "").await;
        assert_eq!(header(&reply.text)["typ"], "countersign-revocations+jwt");
        assert_eq!(reply.header("content-type"), "application/jwt");
        let jwks = reqwest::get(server.url("/jwks")).await.expect("keys").bytes().await;
        let keys = JwkSet::parse(&jwks.expect("bytes")).expect("a set");
        let algorithms = [SigningAlgorithm::ES256];
        let expected = Expected::new(&["countersign-revocations+jwt"], &algorithms);
        let token = gate(&reply.text, &expected).expect("it passes the gate");
        let key = keys.keys().iter().find(|key| key.kid() == token.kid()).expect("published");
        let key = VerifyingKey::from_jwk(key, SigningAlgorithm::ES256).expect("a key");
        let page = token.verify(&key).expect("it verifies");
        assert_eq!(page.str("iss").unwrap(), Some(server.issuer()));
        assert_eq!(page.get("iat").and_then(Value::as_i64), Some(server.provider.now().as_unix()));
    }

    async fn a_reader_that_waits_hears_of_a_block_within_a_second(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        let known = page(&server, "").await;
        let url = server.url(&format!("/revocations{}", after(&known, 20)));
        let waiting = tokio::spawn(async move { reqwest::get(url).await?.text().await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waiting.is_finished(), "nothing to tell yet");

        server.block(&ada).await;
        let blocked = monotonic();
        let news = claims(&waiting.await.expect("it ends").expect("an answer"));
        assert!(blocked.elapsed() < Duration::from_secs(1), "{:?}", blocked.elapsed());
        assert!(has(&news, "sub", &ada.user.id), "{news}");
        let jti = claims(&tokens.access_token)["jti"].as_str().expect("jti").to_owned();
        assert!(has(&news, "jti", &jti), "{news}");
        assert_eq!((&news["since"], &news["more"]), (&known["seq"], &false.into()));

        let next = page(&server, &after(&news, 0)).await;
        assert_eq!((&next["entries"], &next["seq"]), (&Value::Array(Vec::new()), &news["seq"]));
    }

    async fn without_news_the_answer_comes_when_the_wait_is_over(server: TestServer) {
        let known = page(&server, "").await;
        let asked = monotonic();
        let next = page(&server, &after(&known, 1)).await;
        assert!(asked.elapsed() >= Duration::from_millis(900), "{:?}", asked.elapsed());
        assert_eq!(next["entries"], Value::Array(Vec::new()));
    }

    async fn a_reader_of_another_history_gets_everything(server: TestServer) {
        let ada = server.user("ada").await;
        server.block(&ada).await;
        server.settle().await;
        let all = page(&server, "?epoch=other&since=99999&wait=20").await;
        assert_eq!(all["since"], 0);
        assert!(has(&all, "sub", &ada.user.id), "{all}");
        let epoch = all["epoch"].as_str().expect("an epoch");
        let ahead = page(&server, &format!("?epoch={epoch}&since=99999")).await;
        assert_eq!(ahead["seq"], all["seq"], "a number that was never given is not confirmed");
    }

    async fn what_has_expired_is_not_told_any_more(server: TestServer) {
        let ada = server.user("ada").await;
        server.block(&ada).await;
        server.settle().await;
        server.clock.advance_seconds(3600 + 61);
        let all = page(&server, "").await;
        assert_eq!(all["entries"], Value::Array(Vec::new()));
        assert!(all["seq"].as_i64() > Some(0));
    }
}

#[tokio::test]
async fn the_same_answer_has_the_same_tag_and_is_not_sent_twice() {
    let server = TestServer::start().await;
    let first = ask(&server, "").await;
    assert_eq!(first.header("cache-control"), "public, max-age=1");
    let client = reqwest::Client::new();
    let again =
        client.get(server.url("/revocations")).header("if-none-match", first.header("etag"));
    let again = Reply::read(again.send().await.expect("it answers")).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    server.clock.advance_seconds(1);
    let later = ask(&server, "").await;
    assert_ne!(later.header("etag"), first.header("etag"), "it vouches for another moment");
    let waited = ask(&server, &after(&claims(&later.text), 1)).await;
    assert_eq!(waited.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_an_invalid_request() {
    let server = TestServer::start().await;
    for query in
        ["?since=-1", "?since=x", "?since=1&since=2", "?wait=soon", "?since=1e3", "?wait=-1"]
    {
        ask(&server, query).await.expect(400, "invalid_request");
    }
    let long = format!("?since=99999999999999999999&epoch={}", "e".repeat(100));
    ask(&server, &long).await.expect(400, "invalid_request");
}

#[tokio::test]
async fn the_feed_is_found_in_its_own_document_and_not_in_the_registered_one() {
    let server = TestServer::start().await;
    let get = async |path: &str| -> Value {
        let answer = reqwest::get(server.url(path)).await.expect("it answers");
        answer.json().await.expect("JSON")
    };
    let own = get("/.well-known/countersign").await;
    assert_eq!(own["issuer"], server.issuer());
    assert_eq!(own["revocations_endpoint"], server.url("/revocations"));
    let discovery = get("/.well-known/openid-configuration").await;
    assert!(!discovery.to_string().contains("revocations"), "{discovery}");
}

#[tokio::test]
async fn a_block_at_one_instance_is_in_the_feed_of_another_within_a_second() {
    let first = TestServer::start_on(Store::Postgres).await;
    let second = first.beside().await;
    let ada = first.user("ada").await;
    let known = page(&second, "").await;
    first.block(&ada).await;
    let blocked = monotonic();
    let news = page(&second, &after(&known, 20)).await;
    assert!(has(&news, "sub", &ada.user.id), "{news}");
    assert!(blocked.elapsed() < Duration::from_secs(1), "{:?}", blocked.elapsed());
}

async fn verifier(server: &TestServer, policy: StalenessPolicy) -> Verifier {
    let builder = Verifier::builder(server.issuer()).audience(server.issuer()).staleness(policy);
    let built = builder.clock(std::sync::Arc::new(SystemClock)).revocation_feed().build();
    let verifier = built.await.expect("a verifier");
    let list = verifier.revocation_list().expect("it follows the feed");
    for _ in 0..100 {
        if !list.is_stale() {
            return verifier;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the list is not fresh within two seconds");
}

#[tokio::test]
async fn a_service_without_redis_refuses_a_blocked_user_within_a_second() {
    let server = TestServer::start().await;
    let (ada, _) = (server.user("ada").await, server.user("grace").await);
    let app = WebApp::register(&server).await;
    let tokens = app.tokens("ada", "openid").await;
    let others = app.in_another_browser().tokens("grace", "openid").await;
    let verifier = verifier(&server, StalenessPolicy::Strict).await;
    assert_eq!(verifier.verify(&tokens.access_token).expect("good").subject, ada.user.id);

    server.block(&ada).await;
    let blocked = monotonic();
    while verifier.verify(&tokens.access_token).is_ok() {
        assert!(blocked.elapsed() < Duration::from_secs(1), "accepted for more than a second");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(verifier.verify(&tokens.access_token).unwrap_err(), VerifyError::Revoked);
    assert!(verifier.verify(&others.access_token).is_ok());
}

#[tokio::test]
async fn r_13_without_the_provider_the_blocked_stays_blocked_and_others_go_on() {
    let server = TestServer::start().await;
    let (ada, _) = (server.user("ada").await, server.user("grace").await);
    let app = WebApp::register(&server).await;
    let tokens = app.tokens("ada", "openid").await;
    let others = app.in_another_browser().tokens("grace", "openid").await;
    let standard = verifier(&server, StalenessPolicy::Standard).await;
    let strict = standard.with_staleness(StalenessPolicy::Strict);
    server.block(&ada).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(server);
    // The last answer counts for five seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(standard.verify(&tokens.access_token).unwrap_err(), VerifyError::Revoked);
    assert!(standard.verify(&others.access_token).is_ok());
    assert_eq!(strict.verify(&tokens.access_token).unwrap_err(), VerifyError::Revoked);
    assert_eq!(strict.verify(&others.access_token).unwrap_err(), VerifyError::Stale);
}

/// P-03: what was revoked in the lost part nobody knows, so everything issued before is refused.
#[tokio::test]
async fn p_03_a_database_that_went_back_begins_a_history_in_which_all_tokens_are_refused() {
    let server = TestServer::start().await;
    let ada = server.user("ada").await;
    server.user("grace").await;
    let app = WebApp::register(&server).await.in_another_browser();
    let tokens = app.tokens("grace", "openid offline_access").await;
    server.block(&ada).await;
    server.settle().await;
    let before = page(&server, "").await;

    let path = server.database_url().trim_start_matches("sqlite://");
    let mut conn = SqliteConnection::establish(path).expect("the database opens");
    let last = "DELETE FROM revocations WHERE seq = (SELECT max(seq) FROM revocations)";
    conn.batch_execute(&format!("PRAGMA busy_timeout = 2000; {last}")).expect("it goes");
    server.settle().await;

    let now = page(&server, &after(&before, 0)).await;
    assert_ne!(now["epoch"], before["epoch"]);
    assert!(has(&now, "all", "*"), "{now}");
    assert!(!app.is_active(&tokens.access_token).await);
    // Nobody is signed out: there is a new token, and it is good.
    let next = app.refresh(&tokens.refresh_token).await.expect_tokens();
    assert!(app.is_active(&next.access_token).await);
}

/// P-03: somebody put an older file in place while the server was stopped, and its numbers come again.
#[tokio::test]
async fn p_03_after_an_older_file_was_put_back_at_a_stop_the_list_is_read_anew() {
    let server = TestServer::start().await;
    let app = WebApp::register(&server).await;
    let (mut people, mut tokens) = (Vec::new(), Vec::new());
    for name in ["ada", "grace", "hedy"] {
        people.push(server.user(name).await);
        tokens.push(app.in_another_browser().tokens(name, "openid").await.access_token);
    }
    let directory = tempfile::tempdir().expect("a directory");
    let copy = directory.path().join("copy.db").display().to_string();
    server.command(&["--json", "backup", "create", &copy]).await.expect_json();
    let verifier = verifier(&server, StalenessPolicy::Standard).await;
    let list = verifier.revocation_list().expect("it follows the feed").clone();
    server.block(&people[0]).await;
    let is_refused = |token: &str| verifier.verify(token).err() == Some(VerifyError::Revoked);
    within(2, "the service knows of ada", || is_refused(&tokens[0])).await;
    within(2, "the service has read all", || {
        list.position().map(|at| at.seq) == Some(server.provider.revocation.position().borrow().seq)
    })
    .await;
    let before = list.position().expect("it knows a list");

    let server = server.restarted(async |config| put_back_and_block(&copy, config).await).await;
    // The entries of grace have the very numbers that those of ada had.
    assert_eq!(server.provider.revocation.position().borrow().seq, before.seq);
    within(5, "the service knows of grace", || is_refused(&tokens[1])).await;
    assert!(is_refused(&tokens[0]), "what was refused before stays so");
    within(5, "the list is complete", || !list.is_stale()).await;
    assert!(verifier.verify(&tokens[2]).is_ok());
    assert_ne!(list.position().expect("it knows a list").epoch, before.epoch);
    assert!(!app.is_active(&tokens[1]).await && app.is_active(&tokens[2]).await);
}

/// Puts a copy of the database in its place, and blocks grace there.
async fn put_back_and_block(copy: &str, config: &Config) {
    let path = config.database_url.trim_start_matches("sqlite://");
    let log = format!("{path}-wal");
    within(5, "the database is closed", || !Path::new(&log).exists()).await;
    std::fs::copy(copy, path).expect("it is put back");
    let variables = [
        ("COUNTERSIGN_DATABASE_URL", config.database_url.as_str()),
        ("COUNTERSIGN_MASTER_KEY", config.master_key.as_deref().expect("a key")),
        ("COUNTERSIGN_ISSUER", config.issuer.as_str()),
    ];
    let block = ["user", "block", "grace@example.org", "--reason", "left"];
    run(&variables, &block).await.expect_done();
}

async fn within(seconds: u64, what: &str, is_true: impl Fn() -> bool) {
    for _ in 0..seconds * 50 {
        if is_true() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within {seconds} s: {what}");
}
