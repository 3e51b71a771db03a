//! The first start, which makes the schema and the keys, is interrupted.

use super::report::{measured, time};
use super::stage::Stage;
use super::support::Store;
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
