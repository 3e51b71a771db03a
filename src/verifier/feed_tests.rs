//! The follower of the feed, against a stub that answers what a test says.

use super::*;
use crate::jose::SigningKey;
use crate::protocol::revocation::{RevocationEntry, RevocationKind, TokenFacts};
use crate::protocol::time::TestClock;
use crate::verifier::testing::{StubIssuer, signing_key};
use crate::verifier::{RevocationSource, StalenessPolicy, Verifier};
use std::time::Duration;

struct Stage {
    reader: Reader,
    clock: Arc<TestClock>,
    stub: StubIssuer,
}

impl Stage {
    async fn set() -> Self {
        let stub = StubIssuer::start(&[signing_key()]).await;
        let clock = Arc::new(TestClock::default());
        let source = Source::new(&stub.issuer(), None).unwrap();
        let algorithms = vec![crate::jose::SigningAlgorithm::RS256, FEED_ALGORITHM];
        let keys = Arc::new(KeyRing::new(Some(source.clone()), algorithms, clock.clone()));
        keys.refresh().await.unwrap();
        let list = LocalList::new(clock.clone());
        let (url, pulse, asked_keys_at) = (None, Pulse::default(), None);
        let own = clock.clone();
        let reader = Reader { source, keys, list, clock: own, url, pulse, asked_keys_at };
        Self { reader, clock, stub }
    }

    fn page(&self, epoch: &str, since: i64, seq: i64) -> FeedPage {
        FeedPage {
            iss: self.stub.issuer(),
            iat: self.clock.now(),
            epoch: epoch.into(),
            since,
            seq,
            more: false,
            entries: Vec::new(),
        }
    }

    /// The provider answers so the next time.
    fn answers(&self, page: &FeedPage) {
        self.answers_by(signing_key(), Typ::Revocations, page);
    }

    fn answers_by(&self, key: &SigningKey, typ: Typ, page: &FeedPage) {
        self.stub.set_feed(key.sign(typ, page).unwrap());
    }

    fn refuses(&self, subject: &str) -> Option<bool> {
        let issued_at = self.clock.now() - Lifetime::minutes(1);
        let facts =
            TokenFacts { jti: "j", subject, client_id: "app", sid: None, kid: None, issued_at };
        self.reader.list.is_revoked(&facts).ok()
    }
}

fn block(seq: i64, kind: RevocationKind, key: &str, now: Timestamp) -> RevocationEntry {
    let expires_at = now + Lifetime::minutes(5);
    RevocationEntry { seq, kind, key: key.into(), not_before: Some(now), expires_at }
}

#[tokio::test]
async fn what_the_feed_says_is_refused_and_the_list_is_fresh() {
    let mut stage = Stage::set().await;
    assert_eq!(stage.refuses("bea"), None);
    let entries = vec![block(4, RevocationKind::Subject, "ada", stage.clock.now())];
    stage.answers(&FeedPage { entries, ..stage.page("e1", 0, 4) });
    stage.reader.step().await.unwrap();
    assert_eq!((stage.refuses("ada"), stage.refuses("bea")), (Some(true), Some(false)));
    assert!(stage.stub.last_query().is_empty(), "who knows nothing asks for all");
    stage.clock.advance_seconds(2);
    stage.answers(&stage.page("e1", 4, 4));
    stage.reader.step().await.unwrap();
    assert_eq!(stage.stub.last_query(), "epoch=e1&since=4&wait=2");
}

#[tokio::test]
async fn r_13_a_feed_that_falls_silent_leaves_a_stale_list_that_still_refuses() {
    let mut stage = Stage::set().await;
    let entries = vec![block(4, RevocationKind::Subject, "ada", stage.clock.now())];
    stage.answers(&FeedPage { entries, ..stage.page("e1", 0, 4) });
    stage.reader.step().await.unwrap();
    stage.clock.advance_seconds(6);
    assert_eq!((stage.refuses("ada"), stage.refuses("bea")), (Some(true), None));
    stage.answers(&stage.page("e1", 4, 4));
    stage.reader.step().await.unwrap();
    assert_eq!(stage.refuses("bea"), Some(false));
}

#[tokio::test]
async fn the_feed_is_left_alone_for_as_long_as_it_asks_and_no_longer_than_half_a_minute() {
    let mut stage = Stage::set().await;
    stage.answers(&stage.page("e1", 0, 4));
    for (status, says, seconds) in [
        (429, "7", 7),
        (503, " 1", 1),
        (503, "100000", 30),
        (503, "Sun, 22 Nov 2026 21:00:00 GMT", 0),
        (429, "", 0),
        (429, "-1", 0),
        (429, "99999999999999999999999999", 0),
        (500, "7", 0),
    ] {
        stage.stub.refuse_feed_once(status, says);
        let error = stage.reader.step().await.unwrap_err();
        assert_eq!(asked_to_wait(&error), Duration::from_secs(seconds), "{status} {says}: {error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
    stage.reader.step().await.unwrap();
    assert_eq!(stage.refuses("bea"), Some(false));
}

#[tokio::test]
async fn a_reader_that_had_to_wait_goes_on_where_it_was() {
    let stage = Stage::set().await;
    let end = FeedPage {
        entries: vec![block(2001, RevocationKind::Subject, "ada", stage.clock.now())],
        ..stage.page("e1", 2000, 2001)
    };
    stage.answers(&FeedPage { more: true, ..stage.page("e1", 0, 2000) });
    let Stage { mut reader, stub, .. } = stage;
    // What answers the first question is no answer to the second.
    assert!(reader.step().await.is_err());
    stub.refuse_feed_once(429, "1");
    let list = reader.list.clone();
    let running = tokio::spawn(reader.run(Duty::Always));
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(stub.last_query(), "epoch=e1&since=2000");
    stub.set_feed(signing_key().sign(Typ::Revocations, &end).unwrap());
    assert!(list.is_empty(), "it does not ask before the second is over");
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(list.len(), 1);
    running.abort();
}

#[tokio::test]
async fn another_epoch_is_a_new_snapshot_and_forgets_nothing() {
    let mut stage = Stage::set().await;
    let entries = vec![block(9, RevocationKind::Subject, "ada", stage.clock.now())];
    stage.answers(&FeedPage { entries, ..stage.page("e1", 0, 9) });
    stage.reader.step().await.unwrap();
    stage.clock.advance_seconds(1);
    let entries = vec![block(2, RevocationKind::Subject, "bea", stage.clock.now())];
    stage.answers(&FeedPage { entries, ..stage.page("e2", 0, 2) });
    stage.reader.step().await.unwrap();
    assert_eq!((stage.refuses("ada"), stage.refuses("bea")), (Some(true), Some(true)));
    let position = stage.reader.list.position().unwrap();
    assert_eq!((position.epoch.as_str(), position.seq), ("e2", 2));
}

#[tokio::test]
async fn p_03_numbers_that_went_back_are_read_from_the_start_and_forget_nothing() {
    let mut stage = Stage::set().await;
    let entries = vec![block(4, RevocationKind::Subject, "ada", stage.clock.now())];
    stage.answers(&FeedPage { entries, ..stage.page("e1", 0, 4) });
    stage.reader.step().await.unwrap();
    // The database is the one of before, and counts on from there.
    stage.answers(&stage.page("e1", 4, 0));
    assert!(stage.reader.step().await.is_err());
    assert_eq!(stage.reader.list.position(), None);
    stage.clock.advance_seconds(2);
    let entries = vec![block(5, RevocationKind::Subject, "bea", stage.clock.now())];
    stage.answers(&FeedPage { entries, ..stage.page("e1", 0, 5) });
    stage.reader.step().await.unwrap();
    assert!(!stage.stub.last_query().contains("since"), "from the start");
    assert_eq!((stage.refuses("ada"), stage.refuses("bea")), (Some(true), Some(true)));
}

#[tokio::test]
async fn an_answer_that_is_not_the_providers_own_changes_nothing() {
    let mut stage = Stage::set().await;
    let stranger = SigningKey::generate(FEED_ALGORITHM).unwrap();
    let good = stage.page("e1", 0, 4);
    for (what, key, typ, page) in [
        ("another key", &stranger, Typ::Revocations, good.clone()),
        ("an ID token", signing_key(), Typ::IdToken, good.clone()),
        (
            "another issuer",
            signing_key(),
            Typ::Revocations,
            FeedPage { iss: "x".into(), ..good.clone() },
        ),
        ("a gap", signing_key(), Typ::Revocations, FeedPage { since: 3, ..good.clone() }),
        ("back", signing_key(), Typ::Revocations, FeedPage { seq: -1, ..good.clone() }),
    ] {
        stage.answers_by(key, typ, &page);
        assert!(stage.reader.step().await.is_err(), "{what}");
        assert!(stage.reader.list.is_stale() && stage.reader.list.position().is_none(), "{what}");
    }
    stage.stub.set_feed("nonsense".into());
    assert!(stage.reader.step().await.is_err());
}

#[tokio::test]
async fn a_copy_of_an_old_answer_adds_no_time() {
    let mut stage = Stage::set().await;
    let old = stage.page("e1", 0, 4);
    stage.answers(&old);
    stage.reader.step().await.unwrap();
    stage.clock.advance_seconds(4);
    stage.answers(&FeedPage { since: 4, ..old.clone() });
    stage.reader.step().await.unwrap();
    stage.clock.advance_seconds(2);
    assert_eq!(stage.refuses("bea"), None, "the same moment again is no news");
    let behind = FeedPage { since: 4, iat: old.iat - Lifetime::seconds(1), ..old };
    stage.answers(&FeedPage { seq: 5, ..behind.clone() });
    assert!(stage.reader.step().await.unwrap(), "what it brings is followed by more, at once");
    stage.answers(&FeedPage { since: 5, seq: 5, ..behind });
    assert!(!stage.reader.step().await.unwrap());
    assert_eq!(stage.refuses("bea"), None, "an older moment is none either");
}

#[tokio::test]
async fn t_02_a_provider_whose_clock_is_set_back_is_believed_again_in_seconds() {
    let mut stage = Stage::set().await;
    let ahead = |iat: Timestamp| iat + Lifetime::hours(1);
    let first = stage.page("e1", 0, 4);
    stage.answers(&FeedPage { iat: ahead(first.iat), ..first });
    stage.reader.step().await.unwrap();
    for second in 0..5 {
        stage.clock.advance_seconds(1);
        stage.answers(&stage.page("e1", 4, 4));
        let is_news = stage.reader.step().await.unwrap();
        assert_eq!(is_news, second >= 3, "{second}");
    }
    assert_eq!(stage.refuses("bea"), Some(false));
}

#[tokio::test]
async fn the_first_answer_counts_only_when_it_is_young() {
    let mut stage = Stage::set().await;
    let now = stage.clock.now();
    stage.answers(&FeedPage { iat: now - Lifetime::seconds(61), ..stage.page("e1", 0, 4) });
    stage.reader.step().await.unwrap();
    assert_eq!(stage.refuses("bea"), None);
    // A clock that is wrong still moves on.
    stage.answers(&FeedPage { iat: now - Lifetime::seconds(59), ..stage.page("e1", 4, 4) });
    stage.reader.step().await.unwrap();
    assert_eq!(stage.refuses("bea"), Some(false));
}

#[tokio::test]
async fn y_02_a_key_that_the_list_withdraws_does_not_sign_the_feed() {
    let mut stage = Stage::set().await;
    let entries = vec![block(1, RevocationKind::Key, signing_key().kid(), stage.clock.now())];
    stage.answers(&FeedPage { entries, ..stage.page("e1", 0, 1) });
    stage.reader.step().await.unwrap();
    stage.clock.advance_seconds(1);
    stage.answers(&stage.page("e1", 1, 1));
    assert!(stage.reader.step().await.is_err());
}

#[tokio::test]
async fn y_02_a_new_key_is_asked_for() {
    let mut stage = Stage::set().await;
    let next = SigningKey::generate(FEED_ALGORITHM).unwrap();
    let published = crate::verifier::testing::jwk_set(&[&next]).to_json().to_string();
    stage.stub.set_jwks(200, published);
    stage.answers_by(&next, Typ::Revocations, &stage.page("e1", 0, 4));
    stage.reader.step().await.unwrap();
    assert_eq!(stage.refuses("bea"), Some(false));
}

#[tokio::test]
async fn a_verifier_follows_the_feed_and_starts_from_what_was_kept() {
    let stage = Stage::set().await;
    let directory = tempfile::tempdir().unwrap();
    let verifier = |stub: &StubIssuer| {
        let builder = Verifier::builder(&stub.issuer()).audience("https://orders.example.com");
        builder.revocation_feed().keep_in(directory.path()).build()
    };
    let mut page = stage.page("e1", 0, 4);
    page.entries.push(block(4, RevocationKind::Subject, "ada", page.iat));
    stage.answers(&page);
    let first = verifier(&stage.stub).await.unwrap();
    // The list is followed in the background, and kept after a second.
    tokio::time::sleep(Duration::from_millis(1600)).await;
    assert_eq!(first.revocation_list().unwrap().len(), 1);
    drop(first);

    stage.stub.stop();
    let again = verifier(&stage.stub).await.expect("it starts with what was kept");
    let list = again.revocation_list().unwrap();
    assert_eq!((list.len(), list.is_stale()), (1, true));
    let token = signing_key().sign(
        Typ::AccessToken,
        &crate::verifier::testing::claims(&serde_json::json!({ "iss": stage.stub.issuer() })),
    );
    let refused = again.verify(&token.unwrap()).unwrap_err();
    assert_eq!(refused, crate::verifier::VerifyError::Revoked);
}

#[tokio::test]
async fn r_13_who_cannot_read_the_list_is_ready_for_as_long_as_it_accepts_good_tokens() {
    let stage = Stage::set().await;
    stage.answers(&stage.page("e1", 0, 0));
    let builder = Verifier::builder(&stage.stub.issuer()).audience("https://orders.example.com");
    let verifier = builder.revocation_feed().clock(stage.clock.clone()).build().await.unwrap();
    let strict = verifier.with_staleness(StalenessPolicy::Strict);
    let relaxed = verifier.with_staleness(StalenessPolicy::Relaxed);
    let ready = || [&strict, &verifier, &relaxed].map(Verifier::is_ready);
    assert_eq!(ready(), [true; 3]);
    stage.stub.stop();
    stage.clock.advance_seconds(10);
    assert_eq!(ready(), [false, true, true]);
    stage.clock.advance_seconds(60);
    assert_eq!(ready(), [false, false, true]);
}
