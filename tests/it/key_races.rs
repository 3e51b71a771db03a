//! Keys that several change at once: one next and one active key of each algorithm, whatever the order.

use crate::support::test_server::system;
use crate::support::{Store, TestServer, both, rounds};
use countersign::config::Config;
use countersign::domain::ground::Ground;
use countersign::domain::keys::{self, KeyUse};
use countersign::jose::{SealingKey, SigningAlgorithm};
use countersign::protocol::error::OAuthError;
use countersign::storage::signing_keys::{self, StoredKey};
use countersign::storage::{Db, revocations};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// How long a key is published before it signs.
const AHEAD: i64 = 600;
const ALGORITHM: SigningAlgorithm = SigningAlgorithm::ES256;

fn seal(server: &TestServer) -> SealingKey {
    assert_eq!(server.master_key(), Some(&*"07".repeat(32)));
    keys::sealing_key(&[7; 32])
}

/// The ground of the server, and one with connections of its own, as the command line has it.
fn grounds(server: &TestServer) -> [Ground; 2] {
    let ours = server.provider.ground();
    let url = server.database_url().parse().expect("it is a URL");
    let db = Db::open(&url).expect("the database opens");
    [Ground { db, ..ours.clone() }, ours]
}

async fn in_state(server: &TestServer, state: &'static str) -> Vec<StoredKey> {
    let all = server.provider.db.read(signing_keys::list).await.expect("keys");
    all.into_iter().filter(|key| key.state == state).collect()
}

/// Exactly one active key of each algorithm.
async fn expect_one_of_each(server: &TestServer) {
    let mut active: Vec<_> =
        in_state(server, "active").await.into_iter().map(|key| key.algorithm).collect();
    active.sort_unstable();
    let mut wanted = KeyUse::ALL.map(|one| one.as_str().to_owned());
    wanted.sort_unstable();
    assert_eq!(active, wanted);
}

/// Four at once, on two grounds; gives the one key that came of it.
async fn rotate_at_once(grounds: &[Ground; 2], seal: &SealingKey) -> StoredKey {
    let start = Arc::new(Barrier::new(4));
    let racers = grounds.iter().cycle().take(4).cloned().map(|ground| {
        let (start, seal) = (start.clone(), seal.clone());
        async move {
            start.wait().await;
            keys::publish_next(&ground, &seal, ALGORITHM, system()).await
        }
    });
    let done = racers.collect::<JoinSet<_>>().join_all().await;
    let mut made = Vec::new();
    for one in done {
        match one {
            Ok(key) => made.push(key),
            Err(error) => expect(&error, "the next key for this algorithm is there already"),
        }
    }
    assert_eq!(made.len(), 1, "{made:?}");
    made.remove(0)
}

fn expect(error: &OAuthError, description: &str) {
    assert_eq!(error.description, description, "{error:?}");
}

both! {
    async fn x_14_of_four_who_rotate_at_once_one_makes_the_next_key(server: TestServer) {
        let (grounds, seal) = (grounds(&server), seal(&server));
        for _ in rounds(10) {
            let made = rotate_at_once(&grounds, &seal).await;
            let next = in_state(&server, "next").await;
            assert_eq!(next.iter().map(|key| &key.kid).collect::<Vec<_>>(), [&made.kid]);
            let gone = keys::retire(&grounds[0], &seal, &made.kid, system()).await;
            gone.expect("it can be withdrawn");
        }
    }

    /// Whoever is told that a key is withdrawn can rely on it, also when its time came in that moment.
    async fn k_06_a_key_withdrawn_as_it_becomes_active_is_withdrawn(server: TestServer) {
        let other = server.beside_if_possible().await;
        let (grounds, seal) = (grounds(&server), seal(&server));
        for _ in rounds(10) {
            let kid = rotate_at_once(&grounds, &seal).await.kid;
            server.clock.advance_seconds(AHEAD);
            let providers = [Some(&server), other.as_ref()].into_iter().flatten();
            let advancing: JoinSet<_> = providers
                .map(|server| server.provider.clone())
                .map(|provider| async move { keys::advance(&provider).await })
                .collect();
            let [first, second] =
                grounds.each_ref().map(|ground| keys::retire(ground, &seal, &kid, system()));
            let (first, second) = tokio::join!(first, second);
            for advanced in advancing.join_all().await {
                advanced.expect("the database answers");
            }

            let refused = match (first, second) {
                (Ok(()), Err(refused)) | (Err(refused), Ok(())) => refused,
                both => panic!("one of them withdraws it: {both:?}"),
            };
            expect(&refused, "there is no live key with this kid");
            let retired = in_state(&server, "retired").await;
            assert!(retired.iter().any(|key| key.kid == kid), "{kid} goes on");
            let now = server.provider.now();
            let find = move |conn: &mut _| revocations::find(conn, &[&kid], now);
            assert_eq!(server.provider.db.read(find).await.expect("rows").len(), 1);
            expect_one_of_each(&server).await;
        }
    }

    async fn k_06_the_active_key_withdrawn_as_the_next_comes_leaves_one(server: TestServer) {
        let other = server.beside_if_possible().await;
        let (grounds, seal) = (grounds(&server), seal(&server));
        for _ in rounds(10) {
            let active = in_state(&server, "active").await;
            let active = active.iter().find(|key| key.algorithm == ALGORITHM.as_str());
            let old = active.expect("there is one").kid.clone();
            let next = rotate_at_once(&grounds, &seal).await.kid;
            server.clock.advance_seconds(AHEAD);
            let there = other.as_ref().unwrap_or(&server).provider.clone();
            let (here, there, withdrawn) = tokio::join!(
                keys::advance(&server.provider),
                keys::advance(&there),
                keys::retire(&grounds[0], &seal, &old, system()),
            );
            here.expect("the database answers");
            there.expect("the database answers");
            withdrawn.expect("it is live");
            expect_one_of_each(&server).await;
            let active = in_state(&server, "active").await;
            assert!(active.iter().any(|key| key.kid == next), "the next one signs");
        }
    }
}

#[tokio::test]
async fn x_14_two_instances_whose_keys_grow_old_make_one_key_of_each_kind() {
    let first = TestServer::start_on(Store::Postgres).await;
    let second = first.beside().await;
    first.clock.advance_seconds(91 * 86_400);
    let (here, there) =
        tokio::join!(keys::advance(&first.provider), keys::advance(&second.provider));
    here.expect("the database answers");
    there.expect("the database answers");
    assert_eq!(in_state(&first, "next").await.len(), KeyUse::ALL.len());
    expect_one_of_each(&first).await;
    first.clock.advance_seconds(AHEAD);
    let (here, there) =
        tokio::join!(keys::advance(&first.provider), keys::advance(&second.provider));
    here.expect("the database answers");
    there.expect("the database answers");
    assert_eq!(in_state(&first, "retiring").await.len(), KeyUse::ALL.len());
    expect_one_of_each(&first).await;
}

const UNGUARDED: [&str; 2] = [
    include_str!("../../migrations/sqlite/2026-11-22-000190_one_key_of_a_kind/down.sql"),
    include_str!("../../migrations/postgres/2026-11-22-000190_one_key_of_a_kind/down.sql"),
];

both! {
    /// Older releases could leave two; the upgrade keeps the one that signs, and what the other signed.
    async fn x_14_of_two_keys_from_an_older_release_the_youngest_stays(server: TestServer) {
        let (grounds, seal) = (grounds(&server), seal(&server));
        for _ in 0..3 {
            rotate_at_once(&grounds, &seal).await;
            server.clock.advance_seconds(AHEAD);
            keys::advance(&server.provider).await.expect("the database answers");
        }
        let next = rotate_at_once(&grounds, &seal).await.kid;
        drop(grounds);
        let mut all = server.provider.db.read(signing_keys::list).await.expect("keys");
        all.retain(|key| key.algorithm == ALGORITHM.as_str());
        all.reverse();
        let kids: Vec<_> = all.into_iter().map(|key| key.kid).collect();

        let server = server.restarted(async |config| doubled(config, &kids).await).await;

        let one = |keys: Vec<StoredKey>| {
            keys.into_iter().filter(|key| key.algorithm == ALGORITHM.as_str()).map(|key| key.kid)
                .collect::<Vec<_>>()
        };
        assert_eq!(one(in_state(&server, "next").await), [next]);
        assert_eq!(one(in_state(&server, "active").await), [&*kids[3]]);
        assert!(one(in_state(&server, "retiring").await).contains(&kids[2]));
        assert_eq!(one(in_state(&server, "retired").await), [&*kids[0]]);
        expect_one_of_each(&server).await;
    }
}

/// Makes the oldest key a second next one and the last but one a second active one, where the database did
/// not look yet.
async fn doubled(config: &Config, kids: &[String]) {
    let url = config.database_url.clone();
    let down = UNGUARDED[usize::from(url.starts_with("postgres"))];
    let script = format!(
        "{down}
        UPDATE signing_keys SET state = 'next' WHERE kid = '{}';
        UPDATE signing_keys SET state = 'active' WHERE kid = '{}';
        DELETE FROM __diesel_schema_migrations WHERE version = '20261122000190';",
        kids[0], kids[2],
    );
    // The last connections of the server may be about to close.
    let patient = format!("PRAGMA busy_timeout = 5000; {script}");
    let run = move || match url.strip_prefix("sqlite://") {
        Some(path) => SqliteConnection::establish(path).expect("it opens").batch_execute(&patient),
        None => PgConnection::establish(&url).expect("it answers").batch_execute(&script),
    };
    tokio::task::spawn_blocking(run).await.expect("no panic").expect("it is right");
}
