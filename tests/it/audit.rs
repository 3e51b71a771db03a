//! AD-10: the chain over the audit log.

use crate::support::test_server::system;
use crate::support::{Store, TestServer, both};
use countersign::domain::audit_chain::{self, Known};
use countersign::domain::keys;
use countersign::jose::SigningAlgorithm;
use countersign::storage::StorageError;
use diesel::connection::SimpleConnection;
use tokio::task::JoinSet;

/// Somebody with the database in their hands, and without the master key.
async fn tamper(server: &TestServer, sql: &'static str) {
    let done = server.provider.db.write(move |conn| {
        conn.batch_execute(sql)?;
        Ok::<_, StorageError>(())
    });
    done.await.expect("the database does what it is told");
}

async fn verify(server: &TestServer, more: &[&str]) -> (bool, serde_json::Value) {
    let ran = server.command(&[&["audit", "verify", "--json"][..], more].concat()).await;
    assert!(matches!(ran.code, 0 | 1), "{ran:?}");
    let verdict = serde_json::from_str(&ran.stdout).expect("it answers in JSON");
    (ran.code == 0, verdict)
}

/// A log of some length in three seals.
async fn sealed(server: &TestServer) {
    for round in 0..3 {
        for number in 0..4 {
            server.user(&format!("user{round}{number}")).await;
        }
        server.clock.advance_seconds(121);
        audit_chain::seal(&server.provider).await.expect("it can be sealed");
    }
}

both! {
    async fn ad_10_an_untouched_log_verifies_and_young_entries_wait(server: TestServer) {
        let (good, verdict) = verify(&server, &[]).await;
        assert!(good && verdict["seals"] == 0, "{verdict}");
        server.user("ada").await;
        let (good, verdict) = verify(&server, &[]).await;
        assert!(good && verdict["unsealed"] == 1, "{verdict}");
        assert_eq!(audit_chain::seal(&server.provider).await.expect("it can be sealed"), 0);
        sealed(&server).await;
        let (good, verdict) = verify(&server, &[]).await;
        assert!(good && verdict["seals"] == 3 && verdict["broken"].is_null(), "{verdict}");
        assert_eq!((&verdict["entries"], &verdict["unsealed"]), (&13.into(), &0.into()));

        let head = verdict["head"].as_str().expect("a head").to_owned();
        assert!(verify(&server, &["--expect", &head]).await.0);
        assert!(!verify(&server, &["--expect", "00"]).await.0);
        tamper(&server, "DELETE FROM audit WHERE seq > 5; DELETE FROM audit_seals WHERE number > 1")
            .await;
        assert!(!verify(&server, &["--expect", &head]).await.0, "the end was cut off");
    }

    async fn ad_10_a_changed_entry_breaks_its_seal(server: TestServer) {
        sealed(&server).await;
        tamper(&server, "UPDATE audit SET actor = 'user:somebody-else' WHERE seq = 6").await;
        let (good, verdict) = verify(&server, &[]).await;
        assert!(!good, "{verdict}");
        assert_eq!((&verdict["seals"], &verdict["broken"]["seal"]), (&1.into(), &2.into()));
    }

    async fn ad_10_a_removed_entry_breaks_its_seal(server: TestServer) {
        sealed(&server).await;
        tamper(&server, "DELETE FROM audit WHERE seq = 2").await;
        let (good, verdict) = verify(&server, &[]).await;
        assert!(!good && verdict["broken"]["seal"] == 1, "{verdict}");
    }

    async fn ad_10_a_removed_seal_breaks_the_chain(server: TestServer) {
        sealed(&server).await;
        tamper(&server, "DELETE FROM audit_seals WHERE number = 1").await;
        assert!(!verify(&server, &[]).await.0);
    }

    async fn ad_10_entries_gone_from_the_beginning_are_named_and_the_rest_is_verified(server: TestServer) {
        sealed(&server).await;
        tamper(&server, "DELETE FROM audit WHERE seq <= 4").await;
        let (good, verdict) = verify(&server, &[]).await;
        assert!(!good && verdict["gone_up_to"] == 4 && verdict["broken"].is_null(), "{verdict}");
        assert_eq!((&verdict["seals"], &verdict["entries"]), (&2.into(), &8.into()));

        let (good, verdict) = verify(&server, &["--after", "4"]).await;
        assert!(good && verdict["skipped_up_to"] == 4 && verdict["seals"] == 2, "{verdict}");
        let head = verdict["head"].as_str().expect("a head").to_owned();
        assert!(verify(&server, &["--after", "4", "--expect", &head]).await.0);
        assert!(!verify(&server, &["--after", "4", "--expect", "00"]).await.0);

        tamper(&server, "UPDATE audit SET actor = 'user:somebody-else' WHERE seq = 6").await;
        for more in [&[][..], &["--after", "4"]] {
            let (good, verdict) = verify(&server, more).await;
            assert!(!good && verdict["broken"]["seal"] == 2, "{verdict}");
        }
    }

    async fn ad_10_more_than_was_removed_on_purpose_is_found(server: TestServer) {
        sealed(&server).await;
        tamper(&server, "DELETE FROM audit WHERE seq <= 8").await;
        let (good, verdict) = verify(&server, &["--after", "4"]).await;
        assert!(!good && verdict["gone_up_to"] == 8 && verdict["seals"] == 1, "{verdict}");
        tamper(&server, "DELETE FROM audit WHERE seq = 11").await;
        let (good, verdict) = verify(&server, &["--after", "8"]).await;
        assert!(!good && verdict["broken"]["seal"] == 3, "from the middle: {verdict}");
        tamper(&server, "DELETE FROM audit").await;
        let (good, verdict) = verify(&server, &["--after", "8"]).await;
        assert!(!good && verdict["gone_up_to"] == 12, "all of it: {verdict}");
    }

    async fn ad_10_a_cut_within_a_seal_is_found_until_it_is_named(server: TestServer) {
        sealed(&server).await;
        tamper(&server, "DELETE FROM audit WHERE seq <= 6").await;
        let (good, verdict) = verify(&server, &[]).await;
        assert!(!good && verdict["broken"]["seal"] == 2 && verdict["gone_up_to"] == 4, "{verdict}");
        let (good, verdict) = verify(&server, &["--after", "6"]).await;
        assert!(!good && verdict["broken"]["up_to_seq"] == 8, "not more than is named: {verdict}");
        let (good, verdict) = verify(&server, &["--after", "8"]).await;
        assert!(good && verdict["skipped_up_to"] == 8 && verdict["entries"] == 4, "{verdict}");
        tamper(&server, "DELETE FROM audit_seals WHERE number = 1").await;
        assert!(!verify(&server, &["--after", "8"]).await.0, "a seal is gone");
    }

    async fn ad_10_seals_that_are_joined_do_not_hide_more_than_was_named(server: TestServer) {
        sealed(&server).await;
        tamper(&server, "DELETE FROM audit WHERE seq <= 4;
            DELETE FROM audit_seals WHERE number = 1;
            UPDATE audit_seals SET number = 1, entries = 8 WHERE number = 2;
            UPDATE audit_seals SET number = 2 WHERE number = 3").await;
        let (good, verdict) = verify(&server, &["--after", "4"]).await;
        assert!(!good && verdict["broken"]["seal"] == 1, "{verdict}");
        tamper(&server, "DELETE FROM audit WHERE seq <= 8").await;
        let (good, verdict) = verify(&server, &["--after", "4"]).await;
        assert!(!good && verdict["gone_up_to"] == 8, "{verdict}");
    }

    async fn ad_10_the_documented_way_to_shorten_the_log_cuts_between_two_seals(server: TestServer) {
        sealed(&server).await;
        // The second seal is set 121 seconds after the first one.
        tamper(&server, "DELETE FROM audit WHERE seq <= (SELECT max(last_seq) FROM audit_seals
            WHERE sealed_at < (SELECT max(sealed_at) FROM audit_seals WHERE number < 3))").await;
        let (good, verdict) = verify(&server, &["--after", "4"]).await;
        assert!(good && verdict["entries"] == 8, "{verdict}");
        tamper(&server, "DELETE FROM audit WHERE seq <= (SELECT max(last_seq) FROM audit_seals
            WHERE sealed_at < 1)").await;
        assert!(verify(&server, &["--after", "4"]).await.0, "nothing is as old as that");
    }

    async fn ad_10_a_value_that_moves_to_another_column_breaks_its_seal(server: TestServer) {
        sealed(&server).await;
        tamper(&server, "UPDATE audit SET client_id = user_id, user_id = NULL WHERE seq = 3").await;
        assert!(!verify(&server, &[]).await.0);
    }
}

#[tokio::test]
async fn ad_10_instances_that_seal_at_once_make_one_chain() {
    let first = TestServer::start_on(Store::Postgres).await;
    let second = first.beside().await;
    for round in 0..3 {
        for number in 0..10 {
            let server = if number % 2 == 0 { &first } else { &second };
            server.user(&format!("user{round}{number}")).await;
        }
        first.clock.advance_seconds(121);
        let tasks = (0..8).map(|number| {
            let server = if number % 2 == 0 { &first } else { &second };
            let provider = server.provider.clone();
            async move { audit_chain::seal(&provider).await.expect("it can be sealed") }
        });
        let sealed: usize = tasks.collect::<JoinSet<_>>().join_all().await.iter().sum();
        assert!(sealed <= 10, "none twice: {sealed}");
    }
    let (good, verdict) = verify(&second, &[]).await;
    assert!(good && verdict["entries"] == 30, "{verdict}");
}

#[tokio::test]
async fn ad_10_the_server_seals_by_itself_and_whoever_lacks_the_master_key_cannot_check() {
    let server = TestServer::start().await;
    keys::rotate(&server.provider, SigningAlgorithm::ES256, system()).await.expect("it rotates");
    server.clock.advance_seconds(61);
    for _ in 0..100 {
        if verify(&server, &[]).await.1["seals"] == 1 {
            let key = audit_chain::key(&[9; 32]);
            let other = audit_chain::verify(&server.provider.db, &key, &Known::default()).await;
            assert!(!other.expect("it can be read").intact);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("nothing was sealed");
}
