//! Two instances behind nginx, without affinity: what one begins the other ends, and the loss of one, or its
//! replacement, signs nobody out.

use crate::load::{self, Load, Seen, Visitor};
use crate::support::cluster::{Cluster, Instance};
use crate::support::crypto::claims;
use crate::support::{Code, TestServer, VERIFIER, WebApp};
use countersign::verifier::{StalenessPolicy, Verifier, VerifyError};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use std::time::Duration;

/// As many as two cores take.
const VISITORS: usize = 6;
/// How often an instance is killed.
const KILLS: usize = 6;

async fn visited() -> (Cluster, Vec<Visitor>) {
    let people = async |server: &TestServer| load::people(server, VISITORS).await;
    let (cluster, apps) = Cluster::start(people).await;
    let visitors = load::sign_in(apps, &cluster.issuer).await;
    (cluster, visitors)
}

/// The same app and browser, at one instance.
fn at(app: &WebApp, instance: &Instance) -> WebApp {
    let mut app = WebApp { base: instance.base(), ..app.clone() };
    app.agent.base = instance.base();
    app
}

/// Nobody was signed out, and no code was good twice.
async fn expect_all_well(visitors: &mut [Visitor]) {
    let quiet = Seen::default();
    for visitor in visitors.iter_mut() {
        assert!(visitor.app.is_active(&visitor.access_token).await, "{}", visitor.name);
        visitor.refresh(&quiet).await;
        visitor.come_back(&quiet).await;
        assert_eq!(visitor.most_taken(), 1, "{}", visitor.name);
    }
    assert_eq!(quiet.broken(), 0);
}

/// A while in which the visitors see something.
async fn a_while(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test]
async fn c_02_a_sign_in_goes_from_instance_to_instance() {
    let prepare = async |server: &TestServer| {
        server.user("ada").await;
        WebApp::register(server).await
    };
    let (mut cluster, app) = Cluster::start(prepare).await;
    let (here, there) = (at(&app, cluster.a()), at(&app, cluster.b()));

    let page = here.authorize(&[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    let page = here.agent.log_in(&page, "ada").await;
    let answer = there.agent.decide(&page, "allow").await.expect_answer();
    assert_eq!(answer.get("iss"), cluster.issuer);
    let code = Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() };
    let tokens = here.redeem(&code).await.expect_tokens();
    assert_eq!(claims(&tokens.access_token)["iss"], *cluster.issuer);
    there.redeem(&code).await.expect(400, "invalid_grant");
    here.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
}

#[tokio::test]
async fn c_01_a_killed_instance_signs_nobody_out_and_no_code_is_good_twice() {
    let (mut cluster, visitors) = visited().await;
    let load = Load::start(visitors);
    a_while(500).await;
    for kill in 0..KILLS {
        cluster.kill_and_restart(kill % 2).await;
    }
    let seen = load.seen.clone();
    let mut visitors = load.stop().await;
    println!("{KILLS} kills: {} answers, {} requests lost", seen.good(), seen.broken());
    assert!(seen.good() > 200, "only {}", seen.good());
    // Only what was in the hands of the one that died: each visitor has one request at a time.
    assert!(seen.broken() as usize <= KILLS * VISITORS, "{} were lost", seen.broken());
    expect_all_well(&mut visitors).await;
    let audit = cluster.command(&["audit", "verify"]).await;
    assert_eq!(audit.code, 0, "{audit:?}");

    // What is blocked now, with instances that have died before, still reaches the services.
    let ended = visitors.remove(0);
    let verifier = verifier(&cluster).await;
    ended_is_refused(&cluster, &ended, &verifier).await;
    assert!(verifier.verify(&visitors[0].access_token).is_ok());
}

async fn verifier(cluster: &Cluster) -> Verifier {
    let verifier = Verifier::builder(&cluster.issuer)
        .audience(&cluster.issuer)
        .redis(cluster.redis.url())
        .staleness(StalenessPolicy::Strict);
    let verifier = verifier.build().await.expect("the issuer answers");
    for _ in 0..100 {
        if verifier.is_ready() {
            return verifier;
        }
        a_while(50).await;
    }
    panic!("the list is not known within five seconds");
}

async fn ended_is_refused(cluster: &Cluster, ended: &Visitor, verifier: &Verifier) {
    assert!(verifier.verify(&ended.access_token).is_ok());
    let email = format!("{}@example.org", ended.name);
    let blocked = cluster.command(&["user", "block", &email, "--reason", "left"]).await;
    assert_eq!(blocked.code, 0, "{blocked:?}");
    for _ in 0..100 {
        match verifier.verify(&ended.access_token) {
            Err(VerifyError::Revoked) => return,
            other => assert!(other.is_ok(), "{other:?}"),
        }
        a_while(10).await;
    }
    panic!("not refused within a second");
}

#[tokio::test]
async fn k_09_a_rolling_restart_fails_no_request() {
    let (mut cluster, visitors) = visited().await;
    let load = Load::start(visitors);
    cluster.restart_each().await;
    let seen = load.seen.clone();
    let mut visitors = load.stop().await;
    println!("rolling restart: {} answers", seen.good());
    assert!(seen.good() > 200, "only {}", seen.good());
    assert_eq!(seen.broken(), 0, "{}", cluster.errors());
    expect_all_well(&mut visitors).await;
}

/// What the next version might bring: a column more in every table, a table, and the note that it did.
const NEXT: &str = "
    SET lock_timeout = '1s';
    DO $$ DECLARE one RECORD; BEGIN
      FOR one IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> '__diesel_schema_migrations' LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN of_the_next_version TEXT', one.tablename);
        EXECUTE format('ALTER TABLE %I ADD COLUMN also_new BIGINT NOT NULL DEFAULT 0', one.tablename);
      END LOOP;
    END $$;
    CREATE TABLE of_the_next_version (id TEXT PRIMARY KEY);
    INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231235959');";

#[tokio::test]
async fn c_05_a_rolling_migration_fails_no_request_and_there_is_a_way_back() {
    let (mut cluster, visitors) = visited().await;
    let load = Load::start(visitors);
    a_while(1000).await;
    let before = load.seen.good();
    let url = cluster.database_url.clone();
    let migrated = tokio::task::spawn_blocking(move || {
        let mut conn = PgConnection::establish(&url).expect("the database answers");
        // All tables at once want all their locks at once: as a migration that is in a hurry.
        (0..50).any(|_| conn.transaction(|conn| conn.batch_execute(NEXT)).is_ok())
    });
    assert!(migrated.await.expect("it ends"), "the migration never got its locks");
    // Those that run know nothing of it, and neither do those that start: that is the way back.
    a_while(1000).await;
    assert!(load.seen.good() > before + 50);
    cluster.restart_each().await;
    let seen = load.seen.clone();
    let mut visitors = load.stop().await;
    println!("rolling migration: {} answers", seen.good());
    assert_eq!(seen.broken(), 0, "{}", cluster.errors());
    expect_all_well(&mut visitors).await;
}
