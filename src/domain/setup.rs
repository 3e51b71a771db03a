//! The first administrator, by a link that is printed once.
//!
//! There is no default password. While nobody administers Countersign, each start makes a new link
//! that is good for 30 minutes; the first administrator, however made, closes it for ever.

use super::audit::Actor;
use super::digest::digest;
use super::form::FieldProblem;
use super::ground::Ground;
use super::identity::users::{self, ADMIN_ROLE, Account, AccountError, NewUser, SETUP_CLOSED};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::users::{UserQuery, list};
use crate::storage::{DbConnection, StorageError, settings};

/// How long a link is good.
pub const LINK_LIFETIME: Lifetime = Lifetime::minutes(30);
/// The value that holds the digest of the link's token and its end.
const LINK: &str = "setup_link";

/// Makes a new link when nobody administers Countersign, and gives its token: to print, once. The
/// link before it is void.
///
/// # Errors
///
/// Those of the database.
pub async fn prepare(ground: &Ground) -> Result<Option<String>, StorageError> {
    let token = ground.random.secret();
    let expires_at = ground.now() + LINK_LIFETIME;
    let value = format!("{} {}", digest(&token), expires_at.as_unix());
    let made = ground
        .db
        .write(move |conn| {
            if is_closed(conn)? {
                return Ok(false);
            }
            settings::set(conn, LINK, &value)?;
            Ok(true)
        })
        .await?;
    Ok(made.then_some(token))
}

/// Whether the link with this token is good now.
///
/// # Errors
///
/// Those of the database.
pub async fn is_open(ground: &Ground, token: &str) -> Result<bool, StorageError> {
    let (token, now) = (token.to_owned(), ground.now());
    ground.db.read(move |conn| Ok(good_link(conn, &token, now)?.is_some())).await
}

/// Makes the first administrator and closes the link, both or neither.
///
/// # Errors
///
/// `SetupClosed` when the link is not good, `Invalid` with all that is wrong with the account.
pub async fn complete(
    ground: &Ground,
    token: &str,
    new: NewUser,
    actor: &Actor,
) -> Result<Account, AccountError> {
    if !is_open(ground, token).await? {
        return Err(AccountError::SetupClosed);
    }
    if new.password.is_none() {
        let problem = FieldProblem::new("password", "error-password-length", "use 8 to 512 bytes");
        return Err(AccountError::Invalid(vec![problem]));
    }
    let administrator = NewUser { roles: vec![ADMIN_ROLE.to_owned()], ..new };
    let account = users::prepare(ground, administrator).await?;
    let actor = actor.acting_as("setup".into());
    let (token, now, version) = (token.to_owned(), ground.now(), ground.random.id());
    ground
        .transact(move |conn| {
            let link = good_link(conn, &token, now)?.ok_or(AccountError::SetupClosed)?;
            // Of many who come with the same link, one takes it.
            if !settings::take(conn, LINK, &link)? {
                return Err(AccountError::SetupClosed);
            }
            users::insert(conn, &account, &actor)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(account)
        })
        .await
}

/// The stored link, when it is this one, in time, and nobody administers Countersign.
fn good_link(
    conn: &mut DbConnection,
    token: &str,
    now: Timestamp,
) -> Result<Option<String>, StorageError> {
    if is_closed(conn)? {
        return Ok(None);
    }
    let stored = settings::find(conn, LINK)?;
    Ok(stored.filter(|link| {
        let parts = link.split_once(' ');
        parts.is_some_and(|(hash, expires_at)| {
            let in_time = expires_at.parse().is_ok_and(|at: i64| now.as_unix() < at);
            in_time && hash == digest(token)
        })
    }))
}

fn is_closed(conn: &mut DbConnection) -> Result<bool, StorageError> {
    if settings::find(conn, SETUP_CLOSED)?.is_some() {
        return Ok(true);
    }
    let query = UserQuery { role: Some(ADMIN_ROLE.into()), limit: 1, ..UserQuery::default() };
    Ok(!list(conn, &query)?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ground::testing::ground;

    fn ada() -> NewUser {
        NewUser {
            email: "ada@example.com".into(),
            password: Some("correct horse".into()),
            ..NewUser::default()
        }
    }

    #[tokio::test]
    async fn ad_11_the_link_makes_one_administrator_and_is_closed_for_ever() {
        let test = ground();
        let ground = &test.ground;
        let token = prepare(ground).await.unwrap().unwrap();
        let actor = Actor::default();
        let wrong = complete(ground, "wrong", ada(), &actor).await;
        assert!(matches!(wrong, Err(AccountError::SetupClosed)));
        let account = complete(ground, &token, ada(), &actor).await.unwrap();
        assert_eq!(account.roles, [ADMIN_ROLE]);
        let bob = NewUser { email: "bob@example.com".into(), ..ada() };
        let again = complete(ground, &token, bob, &actor).await;
        assert!(matches!(again, Err(AccountError::SetupClosed)));
        assert_eq!(prepare(ground).await.unwrap(), None);
        assert!(!is_open(ground, &token).await.unwrap());
    }

    #[tokio::test]
    async fn ad_11_the_link_dies_after_30_minutes_and_by_a_newer_one() {
        let test = ground();
        let first = prepare(&test.ground).await.unwrap().unwrap();
        let second = prepare(&test.ground).await.unwrap().unwrap();
        assert!(!is_open(&test.ground, &first).await.unwrap());
        assert!(is_open(&test.ground, &second).await.unwrap());
        test.clock.advance_seconds(1801);
        assert!(!is_open(&test.ground, &second).await.unwrap());
    }

    #[tokio::test]
    async fn ad_11_an_administrator_of_the_command_line_closes_the_link() {
        let test = ground();
        let token = prepare(&test.ground).await.unwrap().unwrap();
        let admin = NewUser { roles: vec![ADMIN_ROLE.into()], ..ada() };
        users::create(&test.ground, admin, &Actor::cli()).await.unwrap();
        assert!(!is_open(&test.ground, &token).await.unwrap());
        assert_eq!(prepare(&test.ground).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_refused_account_leaves_the_link_open() {
        let test = ground();
        let token = prepare(&test.ground).await.unwrap().unwrap();
        let short = NewUser { password: Some("short".into()), ..ada() };
        let refused = complete(&test.ground, &token, short, &Actor::default()).await;
        assert!(matches!(refused, Err(AccountError::Invalid(_))));
        assert!(is_open(&test.ground, &token).await.unwrap());
    }
}
