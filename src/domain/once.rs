//! Forms that make something: sent twice, by a reload for one, they make it once.

use super::digest::digest;
use super::ground::Ground;
use crate::protocol::time::Lifetime;
use crate::storage::{StorageError, seen_jtis};

/// How long a form that was sent is remembered; a browser keeps a page open for longer hardly ever.
const REMEMBERED: Lifetime = Lifetime::days(7);

/// Whether the form with this mark is sent for the first time. True for exactly one caller.
///
/// # Errors
///
/// Those of the database.
pub async fn is_first(ground: &Ground, mark: &str) -> Result<bool, StorageError> {
    let hash = digest(&format!("form {mark}"));
    let until = ground.now() + REMEMBERED;
    ground.db.write(move |conn| seen_jtis::insert(conn, &hash, until)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ground::testing;

    #[tokio::test]
    async fn of_all_who_send_a_form_one_is_the_first() {
        let test = testing::ground();
        let mut racers = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let ground = test.ground.clone();
            racers.spawn(async move { is_first(&ground, "a").await.unwrap() });
        }
        let all = racers.join_all().await;
        assert_eq!(all.into_iter().filter(|is_first| *is_first).count(), 1);
        assert!(is_first(&test.ground, "b").await.unwrap());
    }
}
