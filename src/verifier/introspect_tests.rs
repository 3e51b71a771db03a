//! What the issuer says of opaque tokens, and for how long it counts.

use crate::jose::Typ;
use crate::protocol::revocation_feed::FeedPage;
use crate::protocol::time::{Clock, Lifetime, TestClock};
use crate::verifier::testing::{AUDIENCE, StubIssuer, claims, signing_key};
use crate::verifier::{LocalList, Verifier, VerifierBuilder, VerifyError};
use serde_json::json;
use std::sync::Arc;

struct Stage {
    stub: StubIssuer,
    clock: Arc<TestClock>,
}

impl Stage {
    /// The issuer says that every token is good.
    async fn set() -> Self {
        let stub = StubIssuer::start(&[signing_key()]).await;
        stub.set_introspection(&claims(&json!({ "iss": stub.issuer(), "active": true })));
        Self { stub, clock: Arc::default() }
    }

    fn builder(&self) -> VerifierBuilder {
        let builder = Verifier::builder(&self.stub.issuer()).audience(AUDIENCE);
        builder.clock(self.clock.clone()).introspect_as("orders", "a secret")
    }

    /// One that follows a feed, which is fresh until the clock is moved.
    fn following(&self) -> VerifierBuilder {
        let page = FeedPage {
            iss: self.stub.issuer(),
            iat: self.clock.now(),
            epoch: "first".into(),
            since: 0,
            seq: 0,
            more: false,
            entries: Vec::new(),
        };
        self.stub.set_feed(signing_key().sign(Typ::Revocations, &page).unwrap());
        self.builder().revocation_feed()
    }

    /// From now on the issuer says that no token is good.
    fn ends(&self) {
        self.stub.set_introspection(&json!({ "active": false }));
    }
}

async fn ask(verifier: &Verifier) -> Result<String, VerifyError> {
    verifier.verify_or_refresh("opaque").await.map(|token| token.subject)
}

#[tokio::test]
async fn an_answer_counts_for_ten_seconds() {
    let stage = Stage::set().await;
    let verifier = stage.builder().build().await.unwrap();
    assert_eq!(ask(&verifier).await.as_deref(), Ok("ada"));
    stage.ends();
    stage.clock.advance_seconds(9);
    assert_eq!(ask(&verifier).await.as_deref(), Ok("ada"));
    stage.clock.advance_seconds(1);
    assert_eq!(ask(&verifier).await, Err(VerifyError::Inactive));
}

#[tokio::test]
async fn an_answer_counts_no_longer_than_the_list_is_fresh() {
    let stage = Stage::set().await;
    let verifier = stage.following().build().await.unwrap();
    assert!(verifier.is_ready(), "the list is fresh");
    assert_eq!(ask(&verifier).await.as_deref(), Ok("ada"));
    stage.ends();
    assert_eq!(ask(&verifier).await.as_deref(), Ok("ada"));
    stage.clock.advance_seconds(6);
    assert_eq!(ask(&verifier).await, Err(VerifyError::Inactive));
}

#[tokio::test]
async fn beside_a_list_of_the_services_own_that_is_stale_the_issuer_is_asked_each_time() {
    let stage = Stage::set().await;
    let clock = Arc::new(TestClock::default());
    let own = LocalList::new(clock.clone());
    own.keep_fresh_until(clock.now() + Lifetime::seconds(3));
    let verifier = stage.following().revocations(Arc::new(own)).build().await.unwrap();
    assert!(verifier.is_ready(), "the list that is followed is fresh");
    assert_eq!(ask(&verifier).await.as_deref(), Ok("ada"));
    clock.advance_seconds(100);
    assert_eq!(ask(&verifier).await.as_deref(), Ok("ada"), "the issuer has just said so");
    stage.ends();
    assert_eq!(ask(&verifier).await, Err(VerifyError::Inactive));
}
