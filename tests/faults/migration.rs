//! The first start, which makes the schema and the keys, is interrupted; so is an upgrade.

use super::report::{measured, time};
use super::stage::Stage;
use super::support::Store;
use super::witness_facts::count;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::{Connection, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use std::path::Path;
use std::time::Duration;

async fn interrupted(store: Store, rounds: u64) {
    // How long it takes when nobody interrupts it.
    let whole = Stage::new(store);
    let mut serving = whole.spawn(whole.port, &[]);
    let whole = serving.ready(Duration::from_secs(30)).await;
    measured("K-05", &format!("the first start on {store:?}"), time(whole));

    for round in 0..rounds {
        let stage = Stage::new(store);
        let mut serving = stage.spawn(stage.port, &[]);
        tokio::time::sleep(whole * u32::try_from(round).expect("a few") / 10).await;
        serving.kill();
        let _serving = stage.serve().await;
        stage.expect_well(&[]).await;
    }
    let stage = Stage::new(store);
    let mut serving = stage.spawn(stage.port, &[("FAILPOINT", "before_migrated=abort")]);
    serving.end(Duration::from_secs(20)).await;
    stage.people(1).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    app.tokens("ada0", "openid email").await;
}

#[tokio::test]
async fn k_05_a_kill_in_the_migration_is_made_good_by_the_next_start_on_sqlite() {
    interrupted(Store::Sqlite, 10).await;
}

#[tokio::test]
async fn k_05_a_kill_in_the_migration_is_made_good_by_the_next_start_on_postgres() {
    interrupted(Store::Postgres, 6).await;
}

/// A database as an older release left it.
fn of_an_older_release(stage: &Stage, store: Store) -> usize {
    let kept = |all: usize| all - 4;
    match store {
        Store::Sqlite => {
            let path = stage.database_url.trim_start_matches("sqlite://");
            let mut conn = SqliteConnection::establish(path).expect("the database opens");
            conn.batch_execute("PRAGMA journal_mode=WAL").expect("it is new");
            migrate(&mut conn, "sqlite", kept)
        }
        Store::Postgres => {
            let conn = PgConnection::establish(&stage.database_url);
            migrate(&mut conn.expect("the database answers"), "postgres", kept)
        }
    }
}

fn migrate<C, B>(conn: &mut C, of: &str, kept: impl Fn(usize) -> usize) -> usize
where
    B: diesel::backend::Backend,
    C: MigrationHarness<B>,
{
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(of);
    let source = FileBasedMigrations::from_path(path).expect("they are there");
    let mut all = MigrationSource::<B>::migrations(&source).expect("they can be read");
    all.sort_by_key(|one| one.name().version().as_owned());
    let kept = kept(all.len());
    conn.applied_migrations().expect("the table of them can be made");
    for migration in all.iter().take(kept) {
        conn.run_migration(migration).expect("it is right");
    }
    kept
}

async fn dies_at_each_statement(store: Store, step: usize) {
    let stage = Stage::new(store);
    let (seen, url) = (of_an_older_release(&stage, store), stage.database_url.clone());
    let applied = || count(&url, "SELECT count(*) AS n FROM __diesel_schema_migrations");
    let mut statement = 1;
    loop {
        let order = format!("migrating=abort@{statement}");
        let mut serving = stage.spawn(stage.port, &[("FAILPOINT", &order)]);
        let http = super::load::http(Duration::from_secs(2));
        while serving.ended().is_none() && !super::stage::is_ready(&http, &serving.base).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if serving.ended().is_none() {
            break;
        }
        // What the older release knows is what is there: it could start.
        assert_eq!(applied(), seen, "after a death at statement {statement}");
        statement += step;
    }
    assert!(statement > 8, "{statement}");
    assert_eq!(applied(), seen + 4);
    measured("K-05", &format!("an upgrade on {store:?} dies at each statement"), statement - 1);
    stage.people(1).await;
    let app = stage.app().await;
    let _serving = stage.serve().await;
    app.tokens("ada0", "openid email").await;
    stage.expect_well(&[]).await;
}

#[tokio::test]
async fn k_05_an_upgrade_that_dies_at_any_statement_changes_nothing_on_sqlite() {
    dies_at_each_statement(Store::Sqlite, 1).await;
}

#[tokio::test]
async fn k_05_an_upgrade_that_dies_at_any_statement_changes_nothing_on_postgres() {
    dies_at_each_statement(Store::Postgres, 2).await;
}
