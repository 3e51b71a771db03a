//! What the feed of revocations costs: little, however somebody asks, and honest readers do not notice.

use crate::support::crypto::{claims, header};
use crate::support::test_server::system;
use crate::support::{Reply, Store, TestServer, both};
use countersign::domain::keys;
use countersign::protocol::revocation::TokenFacts;
use countersign::protocol::time::{Clock, Lifetime, SystemClock};
use countersign::storage::revocations::{self, NewRevocation};
use countersign::storage::{DbConnection, settings};
use countersign::verifier::{LocalList, RevocationSource, Verifier};
use diesel::connection::{Connection, SimpleConnection};
use diesel::pg::PgConnection;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How many pages one address may have made in ten seconds.
const PAGES: i64 = 1000;
const HERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// A reader at an address of its own.
struct Reader<'s> {
    server: &'s TestServer,
    http: reqwest::Client,
    epoch: String,
}

impl<'s> Reader<'s> {
    async fn at(server: &'s TestServer, address: Ipv4Addr) -> Self {
        let http = reqwest::Client::builder().no_proxy().local_address(Some(address.into()));
        let http = http.build().expect("a client");
        let reader = Self { server, http, epoch: String::new() };
        let first = reader.ask(0).await;
        let epoch = claims(&first.text)["epoch"].as_str().expect("an epoch").to_owned();
        Self { epoch, ..reader }
    }

    async fn ask(&self, since: i64) -> Reply {
        let url = self.server.url(&format!("/revocations?epoch={}&since={since}", self.epoch));
        Reply::read(self.http.get(url).send().await.expect("it answers")).await
    }

    /// Has so many pages made that nobody else asks for; says how many were.
    async fn has_made(&self, pages: i64) -> usize {
        let mut made = 0;
        for since in 0..pages {
            made += usize::from(self.ask(10_000_000 + since).await.status == 200);
        }
        made
    }
}

/// Adds so many entries, and waits until the server knows.
async fn fill(server: &TestServer, entries: i64) {
    let now = server.provider.now().as_unix();
    let entry = |n| NewRevocation {
        kind: "sub".into(),
        key: format!("user{n}"),
        not_before: Some(now),
        expires_at: now + 3600,
        reason: "test".into(),
        actor: "test".into(),
        at: now,
    };
    let all: Vec<_> = (0..entries).map(entry).collect();
    let add = move |conn: &mut DbConnection| revocations::insert(conn, &all);
    server.provider.db.write(add).await.expect("a database");
    let mut position = server.provider.revocation.position();
    let read = position.wait_for(|position| position.seq >= entries);
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("in time").expect("a server");
}

#[track_caller]
fn expect_too_many(reply: &Reply) {
    assert_eq!((reply.status, &reply.json["error"]), (429, &"temporarily_unavailable".into()));
    let wait: u64 = reply.header("retry-after").parse().expect("seconds");
    assert!((1..=10).contains(&wait), "{wait}");
    assert_eq!(reply.header("cache-control"), "no-store");
}

both! {
    async fn pages_that_nobody_else_reads_are_made_for_an_address_up_to_a_limit(server: TestServer) {
        fill(&server, 300).await;
        let reader = Reader::at(&server, HERE).await;
        let first = reader.ask(0).await;
        // The first page was one of them.
        assert_eq!(reader.has_made(PAGES).await as i64, PAGES - 1);
        expect_too_many(&reader.ask(20_000_000).await);
        expect_too_many(&reader.ask(100).await);

        let again = reader.ask(0).await;
        assert_eq!((again.status, again.text), (200, first.text), "it is there already");
        for known in [299, 250, 300, 301] {
            assert_eq!(reader.ask(known).await.status, 200, "who follows the list hears of {known}");
        }
        let other = Reader::at(&server, ELSEWHERE).await;
        assert_eq!(other.ask(100).await.status, 200, "another address is not touched");
        assert_eq!(reader.ask(100).await.status, 200, "what was made for others is there as well");

        server.clock.advance_seconds(10);
        assert_eq!(reader.ask(20_000_000).await.status, 200);
    }
}

#[tokio::test]
async fn a_page_with_more_is_made_once_in_a_minute_however_many_read_it() {
    let server = TestServer::start().await;
    fill(&server, 2100).await;
    let reader = Reader::at(&server, HERE).await;
    let first = reader.ask(0).await;
    assert_eq!(claims(&first.text)["more"], true);
    for _ in 0..2 {
        server.clock.advance_seconds(29);
        assert_eq!(reader.ask(0).await.text, first.text);
    }
    // The end of the list is as of now.
    let end = claims(&reader.ask(2000).await.text);
    assert_eq!(
        (&end["more"], end["iat"].as_i64()),
        (&false.into(), Some(server.provider.now().as_unix()))
    );
    server.clock.advance_seconds(2);
    assert_ne!(reader.ask(0).await.text, first.text);
}

#[tokio::test]
async fn y_02_a_page_that_a_withdrawn_key_signed_is_not_kept() {
    let server = TestServer::start().await;
    fill(&server, 2100).await;
    let reader = Reader::at(&server, HERE).await;
    let first = reader.ask(0).await;
    let kid = header(&first.text)["kid"].as_str().expect("a key").to_owned();
    keys::withdraw(&server.provider, &kid, system()).await.expect("it can be withdrawn");
    let second = reader.ask(0).await;
    assert_ne!(header(&second.text)["kid"], kid.as_str());
}

#[tokio::test]
async fn many_who_have_pages_made_leave_the_database_to_others() {
    let server = TestServer::start_on(Store::Postgres).await;
    fill(&server, 300).await;
    let reader = Reader::at(&server, HERE).await;
    let mut other = PgConnection::establish(server.database_url()).expect("a connection");
    other.batch_execute("BEGIN; LOCK TABLE revocations IN ACCESS EXCLUSIVE MODE").expect("a lock");
    let mut asked = JoinSet::new();
    for n in 0..60 {
        let url =
            server.url(&format!("/revocations?epoch={}&since={}", reader.epoch, 10_000_000 + n));
        let asking = reader.http.get(url).send();
        asked.spawn(async { Reply::read(asking.await.expect("it answers")).await });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let find = |conn: &mut DbConnection| settings::find(conn, "any");
    let found = server.provider.db.read(find);
    let found = tokio::time::timeout(Duration::from_millis(400), found).await;
    found.expect("at once").expect("a connection is free");
    for reply in asked.join_all().await {
        assert_eq!((reply.status, reply.header("retry-after")), (503, "1"), "{}", reply.text);
    }
    other.batch_execute("ROLLBACK").expect("the lock goes");
    server.settle().await;
    assert_eq!(reader.ask(20_000_000).await.status, 200);
}

fn refuses(list: &LocalList, subject: &str) -> bool {
    let issued_at = SystemClock.now() - Lifetime::days(30);
    let facts = TokenFacts { jti: "j", subject, client_id: "app", sid: None, kid: None, issued_at };
    list.is_revoked(&facts) == Ok(true)
}

#[tokio::test]
async fn r_11_a_service_that_has_to_wait_for_a_long_list_reads_on_and_is_current() {
    let server = TestServer::start().await;
    fill(&server, 6500).await;
    let localhost = Reader::at(&server, Ipv4Addr::LOCALHOST).await;
    // Two pages of its four are left to it, and a second until there are more.
    assert_eq!(localhost.has_made(PAGES - 3).await as i64, PAGES - 3);
    server.clock.advance_seconds(9);
    let builder = Verifier::builder(server.issuer()).audience(server.issuer()).revocation_feed();
    let building = builder.clock(Arc::new(SystemClock)).build();
    let verifier = tokio::time::timeout(Duration::from_secs(5), building).await;
    let verifier = verifier.expect("in time").expect("a verifier");
    let list = verifier.revocation_list().expect("it follows the feed");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let read = list.len();
    assert!((1..6500).contains(&read), "{read}");
    server.clock.advance_seconds(1);
    for _ in 0..250 {
        if !list.is_stale() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!list.is_stale() && refuses(list, "user0") && refuses(list, "user6499"));
}
