//! The audit log, a part at a time.

use super::{Event, MAX_PAGE};
use crate::domain::ground::Ground;
use crate::protocol::time::Timestamp;
use crate::storage::StorageError;
use crate::storage::audit::{self, EventQuery};

/// The most entries of one file.
const EXPORT_ROWS: i64 = 10_000;

/// Which entries are wanted. What is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    pub from: Option<Timestamp>,
    /// Up to, but without this moment.
    pub to: Option<Timestamp>,
    pub actor: Option<String>,
    /// The action, or with a dot at its end how it starts (`user.`).
    pub action: Option<String>,
    pub target: Option<String>,
    /// `ok`, or `failed` for what did not succeed.
    pub result: Option<String>,
    pub ip: Option<String>,
    pub code: Option<String>,
    /// Only those before this number.
    pub before: Option<i64>,
}

impl LogQuery {
    fn stored(self, limit: i64) -> EventQuery {
        // A refused attempt is stored as `denied`; to whoever looks for failures it is one.
        let result = self.result.map(|result| match result.as_str() {
            "failed" => "denied".to_owned(),
            _ => result,
        });
        // The log of a person is what was done to the account, by whatever name it is stored.
        let (target, user_id) = match self.target.as_deref().and_then(|it| it.strip_prefix("user:"))
        {
            Some(id) => (None, Some(id.to_owned())),
            None => (self.target, None),
        };
        EventQuery {
            from: self.from,
            to: self.to,
            actor: self.actor,
            action: self.action,
            target,
            user_id,
            result,
            ip: self.ip,
            request_code: self.code,
            before: self.before,
            limit,
        }
    }
}

/// Lists entries, the newest first; `limit` counts from 1 to 100 (AD-06). True when there are more.
///
/// # Errors
///
/// Those of the database.
pub async fn events(
    ground: &Ground,
    query: LogQuery,
    limit: i64,
) -> Result<(Vec<Event>, bool), StorageError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let query = query.stored(limit + 1);
    let mut found = ground.db.read(move |conn| audit::list(conn, &query)).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > most;
    found.truncate(most);
    Ok((found, more))
}

/// The entries for a file: as many as one may have.
///
/// # Errors
///
/// Those of the database.
pub async fn export(ground: &Ground, query: LogQuery) -> Result<Vec<Event>, StorageError> {
    let query = query.stored(EXPORT_ROWS);
    ground.db.read(move |conn| audit::list(conn, &query)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Actor, EventExt};
    use crate::domain::ground::testing;

    #[tokio::test]
    async fn entries_are_found_by_what_they_say() {
        let test = testing::ground();
        let now = test.ground.now();
        let events_written = [
            Actor::user("a").event("user.block", now).target("user:u1").user("u1"),
            Actor::cli().event("session.start", now).user("u1").result("denied"),
            Actor::cli().event("key.rotate", now),
        ];
        let write = move |conn: &mut _| {
            events_written.iter().try_for_each(|event| audit::insert(conn, event))
        };
        test.ground.db.write(write).await.unwrap();
        let found = |query: LogQuery| {
            let ground = test.ground.clone();
            async move {
                let (found, _) = events(&ground, query, 50).await.unwrap();
                found.into_iter().map(|event| event.action).collect::<Vec<_>>()
            }
        };
        let some = |text: &str| Some(text.to_owned());
        let all = found(LogQuery::default()).await;
        assert_eq!(all, ["key.rotate", "session.start", "user.block"]);
        let query = LogQuery { target: some("user:u1"), ..LogQuery::default() };
        assert_eq!(found(query).await, ["session.start", "user.block"]);
        let query = LogQuery { result: some("failed"), ..LogQuery::default() };
        assert_eq!(found(query).await, ["session.start"]);
        let query = LogQuery { action: some("user."), ..LogQuery::default() };
        assert_eq!(found(query).await, ["user.block"]);
        let query = LogQuery { actor: some("' OR 1=1 --"), ..LogQuery::default() };
        assert!(found(query).await.is_empty(), "AD-06");
    }

    #[tokio::test]
    async fn ad_06_a_page_of_entries_has_between_1_and_100() {
        let test = testing::ground();
        let now = test.ground.now();
        let write = move |conn: &mut _| {
            (0..120).try_for_each(|_| audit::insert(conn, &Actor::cli().event("key.rotate", now)))
        };
        test.ground.db.write(write).await.unwrap();
        for (limit, shown) in [(0, 1), (-5, 1), (65_535, 100), (1_000_000_000, 100)] {
            let (found, more) = events(&test.ground, LogQuery::default(), limit).await.unwrap();
            assert_eq!((found.len(), more), (shown, true), "{limit}");
        }
        assert_eq!(export(&test.ground, LogQuery::default()).await.unwrap().len(), 120);
    }
}
