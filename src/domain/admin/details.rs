//! Accounts, clients and keys with what belongs to them.

use super::{Event, MAX_PAGE};
use crate::domain::ground::Ground;
use crate::domain::identity::users::{Account, Session, UserQuery};
use crate::protocol::client::Client;
use crate::protocol::time::Timestamp;
use crate::storage::audit::{self, EventQuery};
use crate::storage::signing_keys::StoredKey;
use crate::storage::{
    DbConnection, StorageError, client_secrets, clients as stored_clients, consents, sessions,
    signing_keys as stored_keys, users as stored_users,
};
use std::collections::HashMap;

/// How many entries of the audit log stand on the page of an account.
const EVENTS: i64 = 10;
/// How many roles are offered as a filter.
const ROLES: i64 = 100;
/// How far back the log is searched for the last use of clients, in entries.
const LOOK_BACK: i64 = 50_000;

/// A page of the list of accounts.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPage {
    pub accounts: Vec<Account>,
    /// Whether there are more after these.
    pub more: bool,
    /// How many accounts there are in all.
    pub total: i64,
    /// The roles that anybody has.
    pub roles: Vec<String>,
}

/// Lists accounts; `limit` counts from 1 to 100 (AD-06).
///
/// # Errors
///
/// Those of the database.
pub async fn users(ground: &Ground, query: UserQuery) -> Result<UserPage, StorageError> {
    let limit = query.limit.clamp(1, MAX_PAGE);
    ground
        .db
        .read(move |conn| {
            let mut found = stored_users::list(conn, &UserQuery { limit: limit + 1, ..query })?;
            let more = cut(&mut found, limit);
            let accounts = found.into_iter().map(|user| {
                let roles = stored_users::roles(conn, &user.id)?;
                Ok(Account { user, roles, groups: Vec::new() })
            });
            let accounts = accounts.collect::<Result<_, StorageError>>()?;
            let roles = stored_users::all_roles(conn, ROLES)?;
            Ok(UserPage { accounts, more, total: stored_users::count(conn)?, roles })
        })
        .await
}

/// Whether there were more than `limit`; the rest is dropped.
fn cut<T>(rows: &mut Vec<T>, limit: i64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}

/// An account with all that its page shows.
#[derive(Debug, Clone)]
pub struct UserDetails {
    pub account: Account,
    /// The latest first.
    pub sessions: Vec<Session>,
    /// What the person lets apps have: `client_id`, name, scope, since when.
    pub apps: Vec<(String, String, String, Timestamp)>,
    /// The newest entries about the person.
    pub events: Vec<Event>,
}

/// Reads an account with all that its page shows.
///
/// # Errors
///
/// Those of the database.
pub async fn user(ground: &Ground, id: &str) -> Result<Option<UserDetails>, StorageError> {
    let (id, now) = (id.to_owned(), ground.now());
    ground
        .db
        .read(move |conn| {
            let Some(user) = stored_users::find(conn, &id)? else { return Ok(None) };
            let (roles, groups) = stored_users::roles_and_groups(conn, &id)?;
            let about =
                EventQuery { user_id: Some(id.clone()), limit: EVENTS, ..EventQuery::default() };
            Ok(Some(UserDetails {
                account: Account { user, roles, groups },
                sessions: sessions::list_live_of_user(conn, &id, now)?,
                apps: apps(conn, &id)?,
                events: audit::list(conn, &about)?,
            }))
        })
        .await
}

fn apps(
    conn: &mut DbConnection,
    user_id: &str,
) -> Result<Vec<(String, String, String, Timestamp)>, StorageError> {
    let given = consents::list_of_user(conn, user_id)?.into_iter().map(|consent| {
        let client = stored_clients::find(conn, &consent.client_id)?;
        let name = client.map_or_else(|| consent.client_id.clone(), |client| client.name);
        Ok((consent.client_id, name, consent.scope.to_string(), consent.granted_at))
    });
    given.collect()
}

/// When a client last got a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastUse {
    At(Timestamp),
    /// It never did.
    Never,
    /// Longer ago than the log is searched.
    LongAgo,
}

/// A client in the list.
#[derive(Debug, Clone)]
pub struct ClientSummary {
    pub client: Client,
    pub last_use: LastUse,
    /// When its newest secret was made.
    pub secret_since: Option<Timestamp>,
}

/// Lists clients; `limit` counts from 1 to 100 (AD-06). True when there are more.
///
/// # Errors
///
/// Those of the database.
pub async fn clients(
    ground: &Ground,
    after: Option<(Timestamp, String)>,
    limit: i64,
) -> Result<(Vec<ClientSummary>, bool), StorageError> {
    let limit = limit.clamp(1, MAX_PAGE);
    ground
        .db
        .read(move |conn| {
            let mut found = stored_clients::list(conn, None, after, limit + 1)?;
            let more = cut(&mut found, limit);
            let start = audit::head(conn)? - LOOK_BACK;
            let uses: HashMap<String, i64> =
                audit::last_by_client(conn, "token.issue", start)?.into_iter().collect();
            let missing = if start > 0 { LastUse::LongAgo } else { LastUse::Never };
            let rows = found.into_iter().map(|client| {
                let secrets = client_secrets::list(conn, &client.id)?;
                let used = uses.get(&client.id).map(|at| LastUse::At(Timestamp::from_unix(*at)));
                Ok(ClientSummary {
                    last_use: used.unwrap_or(missing),
                    secret_since: secrets.first().map(|key| Timestamp::from_unix(key.created_at)),
                    client,
                })
            });
            Ok((rows.collect::<Result<_, StorageError>>()?, more))
        })
        .await
}

/// All keys of ours, the newest first.
///
/// # Errors
///
/// Those of the database.
pub async fn signing_keys(ground: &Ground) -> Result<Vec<StoredKey>, StorageError> {
    ground.db.read(stored_keys::list).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Actor, EventExt};
    use crate::domain::clients::management::{self, ClientDraft};
    use crate::domain::ground::testing;
    use crate::domain::identity::users::{self as accounts, NewUser};
    use crate::protocol::client::ClientMetadata;

    #[tokio::test]
    async fn ad_06_a_page_of_accounts_has_between_1_and_100() {
        let test = testing::ground();
        for number in 0..3 {
            let new = NewUser { email: format!("u{number}@a.example"), ..NewUser::default() };
            accounts::create(&test.ground, new, &Actor::cli()).await.unwrap();
        }
        for (limit, shown, more) in
            [(0, 1, true), (-1, 1, true), (2, 2, true), (3, 3, false), (1_000_000_000, 3, false)]
        {
            let query = UserQuery { limit, ..UserQuery::default() };
            let page = users(&test.ground, query).await.unwrap();
            assert_eq!((page.accounts.len(), page.more, page.total), (shown, more, 3), "{limit}");
        }
    }

    #[tokio::test]
    async fn the_last_use_of_a_client_is_its_last_token() {
        let test = testing::ground();
        let draft = ClientDraft {
            name: "Shop".into(),
            metadata: ClientMetadata {
                redirect_uris: vec!["https://shop.example/cb".into()],
                ..ClientMetadata::default()
            },
            ..ClientDraft::default()
        };
        let id = management::create(&test.ground, draft, &Actor::cli()).await.unwrap().client.id;
        let (rows, _) = clients(&test.ground, None, 10).await.unwrap();
        assert_eq!(rows[0].last_use, LastUse::Never);
        assert!(rows[0].secret_since.is_some());
        let now = test.ground.now();
        let event = Actor::client(&id).event("token.issue", now).client(&id);
        test.ground.db.write(move |conn| audit::insert(conn, &event)).await.unwrap();
        let (rows, more) = clients(&test.ground, None, 10).await.unwrap();
        assert_eq!((rows[0].last_use, more), (LastUse::At(now), false));
    }
}
