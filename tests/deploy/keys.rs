//! Keys are rotated on two instances under load, and no service refuses a good token.

use crate::support::crypto::header;
use crate::support::test_server::system;
use crate::support::{Store, TestServer, WebApp};
use countersign::domain::keys;
use countersign::jose::{JwkSet, SigningAlgorithm};
use countersign::verifier::Verifier;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// How far the clock goes at once, in seconds: no token grows older on its way.
const STEP: i64 = 30;
/// For how many steps a service may keep `/jwks`: 300 seconds.
const KEPT: usize = 10;

/// A service that keeps the keys for as long as it is told to, and never asks about one.
struct Service {
    verifier: Verifier,
    http: reqwest::Client,
}

impl Service {
    async fn new(server: &TestServer) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let keys = published(&http, server).await;
        let verifier = Verifier::builder(server.issuer())
            .audience(server.issuer())
            .clock(server.clock.clone())
            .keys(keys);
        Self { verifier: verifier.build().await.expect("it has keys"), http }
    }

    async fn fetch_keys(&self, server: &TestServer) {
        let keys = published(&self.http, server).await;
        self.verifier.replace_keys(&keys).expect("there are keys");
    }
}

async fn published(http: &reqwest::Client, server: &TestServer) -> JwkSet {
    let answer = http.get(server.url("/jwks")).send().await.expect("an answer");
    JwkSet::parse(&answer.bytes().await.expect("a body")).expect("a key set")
}

/// Gets tokens and shows them, over and over; gives the keys that signed and how many tokens there were.
async fn work(app: WebApp, service: Arc<Service>, over: Arc<AtomicBool>) -> (HashSet<String>, u32) {
    let (mut kids, mut count) = (HashSet::new(), 0);
    while !over.load(Ordering::SeqCst) {
        let reply = app.token(&[("grant_type", "client_credentials")]).await;
        let token = reply.expect_tokens().access_token;
        let kid = header(&token)["kid"].as_str().expect("it is named").to_owned();
        let verified = service.verifier.verify(&token);
        assert!(verified.is_ok(), "{kid} at {}: {:?}", app.base, verified.err());
        kids.insert(kid);
        count += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (kids, count)
}

#[tokio::test]
async fn y_01_keys_that_are_rotated_under_load_fail_no_verification() {
    let first = TestServer::start_on(Store::Postgres).await;
    let second = first.beside().await;
    let here = WebApp::register_service(&first).await;
    let apps = [here.clone(), here.turned_to(&second), here.clone(), here.turned_to(&second)];
    let service = Arc::new(Service::new(&first).await);
    let over = Arc::<AtomicBool>::default();
    let work = |app: WebApp| work(app, service.clone(), over.clone());
    let load: JoinSet<_> = apps.into_iter().map(work).collect();

    // Both at once, and once more, as impatient people do.
    let rotate = |server: &TestServer| {
        let provider = server.provider.clone();
        async move { keys::rotate(&provider, SigningAlgorithm::ES256, system()).await }
    };
    let racers: JoinSet<_> = [&first, &second].map(rotate).into_iter().collect();
    let rotated = racers.join_all().await;
    assert_eq!(rotated.iter().filter(|done| done.is_ok()).count(), 1, "one makes the key");
    let refused = rotate(&first).await.expect_err("it is there");
    for refused in rotated.iter().filter_map(|done| done.as_ref().err()).chain([&refused]) {
        assert_eq!(refused.description, "the next key for this algorithm is there already");
    }
    for step in 0..40 {
        // Each instance looks after its keys each second.
        tokio::time::sleep(Duration::from_millis(300)).await;
        if step % KEPT == 0 {
            service.fetch_keys(if step % 20 == 0 { &second } else { &first }).await;
        }
        first.clock.advance_seconds(STEP);
    }
    over.store(true, Ordering::SeqCst);
    let seen = load.join_all().await;
    let kids: HashSet<_> = seen.iter().flat_map(|(kids, _)| kids).collect();
    let count: u32 = seen.iter().map(|(_, count)| count).sum();
    println!("{count} tokens of {} keys, all verified", kids.len());
    assert_eq!(kids.len(), 2, "one key followed the other");
    assert!(seen.iter().all(|(kids, _)| kids.len() == 2), "each instance changed");
    assert!(count > 400, "only {count}");
}
