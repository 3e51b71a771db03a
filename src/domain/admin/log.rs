//! The audit log, a part at a time.

use super::{Event, MAX_PAGE};
use crate::domain::ground::Ground;
use crate::protocol::time::Timestamp;
use crate::storage::audit::{self, EventQuery, Wanted};
use crate::storage::{DbConnection, StorageError, clients, users};
use std::collections::{BTreeSet, HashMap};

/// The most entries of one file.
const EXPORT_ROWS: i64 = 10_000;
/// The longest text that is searched for, in characters.
const MAX_SEARCH: usize = 200;
/// Before the id of a person, as the log writes it, and before that of a client.
const USER: &str = "user:";
const CLIENT: &str = "client:";
/// Those who act and have no name but this.
const NAMELESS: [&str; 4] = ["browser", "cli", "setup", "system"];

/// Which entries are wanted. What is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    pub from: Option<Timestamp>,
    /// Up to, but without this moment.
    pub to: Option<Timestamp>,
    /// As it is written (`user:ID`, `cli`), or an id, an email address, a user name; or a part of one,
    /// or of the name of a client.
    pub actor: Option<String>,
    /// A part of the action, or with its dot how it starts (`user.`).
    pub action: Option<String>,
    /// As [`LogQuery::actor`].
    pub target: Option<String>,
    /// The id of the person it is about, who may be gone.
    pub user_id: Option<String>,
    /// `ok`, `denied` for what was refused, or `failed` for what did not work.
    pub result: Option<String>,
    pub ip: Option<String>,
    pub code: Option<String>,
    /// Only those before this number.
    pub before: Option<i64>,
}

impl LogQuery {
    /// The query as it is stored, with the ids of those who are named.
    fn stored(self, conn: &mut DbConnection, limit: i64) -> Result<EventQuery, StorageError> {
        let actor = self.actor.map(|typed| wanted(conn, &typed)).transpose()?;
        let named = self.target.map(|typed| wanted(conn, &typed)).transpose()?;
        // The log of a person is what was done to the account, by whatever name it is stored.
        let (target, user_id) = match (named, self.user_id) {
            (Some(Wanted::Exactly(written)), None) if written.starts_with(USER) => {
                (None, Some(written[USER.len()..].to_owned()))
            }
            (named, user_id) => (named, user_id),
        };
        Ok(EventQuery {
            from: self.from,
            to: self.to,
            actor,
            action: self.action.map(|typed| Wanted::Part(cut(&typed))),
            target,
            user_id,
            result: self.result,
            ip: self.ip,
            request_code: self.code,
            before: self.before,
            limit,
        })
    }
}

/// How the log writes who was typed in full: a person by id, email address or user name, a client by
/// its id. What is neither is a part of something.
fn wanted(conn: &mut DbConnection, typed: &str) -> Result<Wanted, StorageError> {
    let id = typed.strip_prefix(USER).unwrap_or(typed);
    let user = match users::find(conn, id)? {
        Some(user) => Some(user),
        None => users::find_by_login_name(conn, typed)?,
    };
    if let Some(user) = user {
        return Ok(Wanted::Exactly(format!("{USER}{}", user.id)));
    }
    let id = typed.strip_prefix(CLIENT).unwrap_or(typed);
    if let Some(client) = clients::find(conn, id)? {
        return Ok(Wanted::Exactly(format!("{CLIENT}{}", client.id)));
    }
    Ok(match NAMELESS.contains(&typed) {
        true => Wanted::Exactly(typed.to_owned()),
        false => Wanted::Part(cut(typed)),
    })
}

fn cut(typed: &str) -> String {
    typed.chars().take(MAX_SEARCH).collect()
}

/// The names of people and clients, by how the log writes them (`user:ID`).
pub type Names = HashMap<String, String>;

/// What those in the entries are called now. Who is gone has no name any more.
///
/// # Errors
///
/// Those of the database.
pub async fn names(ground: &Ground, events: &[Event]) -> Result<Names, StorageError> {
    let mentioned = events.iter().flat_map(|event| {
        let user = event.user_id.as_ref().map(|id| format!("user:{id}"));
        let client = event.client_id.as_ref().map(|id| format!("client:{id}"));
        [Some(event.actor.clone()), event.target.clone(), user, client].into_iter().flatten()
    });
    let mentioned: BTreeSet<String> = mentioned.collect();
    ground
        .db
        .read(move |conn| {
            let mut names = Names::new();
            for written in mentioned {
                let name = match written.split_once(':') {
                    Some(("user", id)) => {
                        users::find(conn, id)?.map(|user| user.display_name().to_owned())
                    }
                    Some(("client", id)) => clients::find(conn, id)?.map(|client| client.name),
                    _ => None,
                };
                names.extend(name.map(|name| (written, name)));
            }
            Ok(names)
        })
        .await
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
    let mut found = listed(ground, query, limit + 1).await?;
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
    listed(ground, query, EXPORT_ROWS).await
}

async fn listed(ground: &Ground, query: LogQuery, limit: i64) -> Result<Vec<Event>, StorageError> {
    let read = move |conn: &mut DbConnection| {
        let query = query.stored(conn, limit)?;
        audit::list(conn, &query)
    };
    ground.db.read(read).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Actor, EventExt};
    use crate::domain::ground::testing;
    use crate::domain::identity::users::{self as accounts, NewUser};

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
        assert_eq!(found(query).await, ["user.block"]);
        let query = LogQuery { result: some("denied"), ..LogQuery::default() };
        assert_eq!(found(query).await, ["session.start"]);
        let query = LogQuery { result: some("failed"), ..LogQuery::default() };
        assert!(found(query).await.is_empty(), "what was refused has not failed");
        let query = LogQuery { action: some("user."), ..LogQuery::default() };
        assert_eq!(found(query).await, ["user.block"]);
        for (part, finds) in
            [("BLOCK", 1), ("sta", 1), ("s", 2), ("er.bl", 0), ("r%b", 0), ("_", 0)]
        {
            let query = LogQuery { action: some(part), ..LogQuery::default() };
            assert_eq!(found(query).await.len(), finds, "{part}");
        }
        let query = LogQuery { actor: some("cl"), ..LogQuery::default() };
        assert_eq!(found(query).await, ["key.rotate", "session.start"]);
        let query = LogQuery { target: some("SER:U"), ..LogQuery::default() };
        assert_eq!(found(query).await, ["user.block"]);
        let query = LogQuery { user_id: some("u1"), ..LogQuery::default() };
        assert_eq!(found(query).await, ["session.start", "user.block"]);
        let query = LogQuery { actor: some("' OR 1=1 --"), ..LogQuery::default() };
        assert!(found(query).await.is_empty(), "AD-06");
    }

    #[tokio::test]
    async fn people_are_found_and_shown_by_their_names() {
        let test = testing::ground();
        let new = |name: &str| NewUser {
            email: format!("{name}@a.example"),
            username: Some(name.to_owned()),
            ..NewUser::default()
        };
        let ada = accounts::create(&test.ground, new("ada"), &Actor::cli()).await.unwrap().user.id;
        accounts::create(&test.ground, new("bob"), &Actor::user(&ada)).await.unwrap();
        let about = |actor: Option<&str>, target: Option<&str>| {
            let query = LogQuery {
                actor: actor.map(str::to_owned),
                target: target.map(str::to_owned),
                ..LogQuery::default()
            };
            let ground = test.ground.clone();
            async move { events(&ground, query, 50).await.unwrap().0 }
        };
        let written = format!("user:{ada}");
        for named in ["ada", "ADA@a.example", &ada, &written] {
            assert_eq!(about(Some(named), None).await.len(), 1, "{named}");
            assert_eq!(about(None, Some(named)).await.len(), 1, "{named}");
        }
        for part in ["ad", "DA@A.EX", &ada[..20], &written[..20]] {
            assert_eq!(about(Some(part), None).await.len(), 1, "{part}");
            assert_eq!(about(None, Some(part)).await.len(), 1, "{part}");
        }
        for stranger in ["carol", "a%a", "%", "a_a@a.example"] {
            assert!(about(Some(stranger), None).await.is_empty(), "{stranger}");
            assert!(about(None, Some(stranger)).await.is_empty(), "{stranger}");
        }
        let all = events(&test.ground, LogQuery::default(), 50).await.unwrap().0;
        let names = names(&test.ground, &all).await.unwrap();
        assert_eq!(names.get(&written).map(String::as_str), Some("ada"));
        assert_eq!(names.len(), 2, "the command line has no name");
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
