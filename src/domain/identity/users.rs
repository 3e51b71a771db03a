//! Accounts: making them, and changing what they are.
//!
//! Every function is one transaction with its entry in the audit log, for the pages and the command
//! line alike. What takes something away from a person (a block, a new password, a lost role) ends
//! the tokens that still say otherwise in the same transaction. A server calls
//! [`Revocation::committed`](crate::domain::revocation::Revocation::committed) afterwards; after a
//! command line, servers find the entries in the table.

mod access;
mod claims;
mod error;
mod membership;
mod password;
mod profile;
#[cfg(test)]
mod tests;

pub use crate::storage::sessions::Session;
pub use crate::storage::users::{User, UserQuery};
pub use access::{block, delete, end_session, revoke_tokens, unblock};
pub use claims::check as check_claims;
pub use error::AccountError;
pub use membership::{ADMIN_ROLE, set_groups, set_roles};
pub(in crate::domain) use membership::{is_admin, take_turns};
pub use password::{change_password_hash, check_password, make_password, set_password};
pub use profile::{Profile, name_taken, update_profile};

use super::passwords;
use crate::domain::audit::{Actor, EventExt};
use crate::domain::form::FieldProblem;
use crate::domain::ground::Ground;
use crate::protocol::time::Timestamp;
use crate::storage::{DbConnection, StorageError, audit, sessions, settings, users};
use serde_json::{Map, Value};

/// The name of the value that says that the set-up page is closed for ever.
pub(in crate::domain) const SETUP_CLOSED: &str = "setup_closed";

/// A person who is to get an account.
#[derive(Clone, Default)]
pub struct NewUser {
    pub email: String,
    pub email_verified: bool,
    pub username: Option<String>,
    pub name: Option<String>,
    /// Without one, the person cannot sign in until one is set.
    pub password: Option<String>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// Standard claims beyond the fields here (OpenID Connect Core §5.1).
    pub claims: Map<String, Value>,
    pub language: Option<String>,
}

impl NewUser {
    fn profile(&self) -> Profile {
        Profile {
            email: self.email.clone(),
            email_verified: self.email_verified,
            username: self.username.clone(),
            name: self.name.clone(),
            claims: self.claims.clone(),
            language: self.language.clone(),
        }
    }

    /// Everything that is wrong with it, but for names that others have.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = self.profile().problems();
        problems.extend(self.password.as_deref().and_then(password::problem));
        problems.extend(membership::problems("roles", &self.roles));
        problems.extend(membership::problems("groups", &self.groups));
        problems
    }
}

/// An account with what it may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub user: User,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
}

/// Makes an account.
///
/// # Errors
///
/// `Invalid` with all that is wrong with it, `Taken` when somebody has the email or user name.
pub async fn create(ground: &Ground, new: NewUser, actor: &Actor) -> Result<Account, AccountError> {
    let prepared = prepare(ground, new).await?;
    let (actor, version) = (actor.clone(), ground.random.id());
    ground
        .transact(move |conn| {
            insert(conn, &prepared, &actor)?;
            settings::bump_cache_version(conn, &version)?;
            Ok(prepared)
        })
        .await
}

/// Checks a new account and hashes its password: all that needs no transaction.
pub(in crate::domain) async fn prepare(
    ground: &Ground,
    new: NewUser,
) -> Result<Account, AccountError> {
    let new = NewUser { email: new.email.trim().to_owned(), ..new };
    AccountError::check(new.problems())?;
    let password_hash = match new.password {
        Some(password) => Some(password::hash(password).await?),
        None => None,
    };
    let now = ground.now();
    let user = User {
        id: ground.random.id(),
        email: new.email,
        email_verified: new.email_verified,
        username: new.username,
        name: new.name,
        claims: new.claims,
        password_changed_at: password_hash.as_ref().map(|_| now),
        password_hash,
        blocked_at: None,
        blocked_reason: None,
        language: new.language,
        created_at: now,
        updated_at: now,
        last_sign_in_at: None,
    };
    let (roles, groups) = (membership::sorted(new.roles), membership::sorted(new.groups));
    Ok(Account { user, roles, groups })
}

/// Inserts a prepared account, in the transaction of the caller.
pub(in crate::domain) fn insert(
    conn: &mut DbConnection,
    account: &Account,
    actor: &Actor,
) -> Result<(), AccountError> {
    let Account { user, roles, groups } = account;
    profile::check_free(conn, user)?;
    users::insert(conn, user)?;
    users::set_roles(conn, &user.id, roles)?;
    users::set_groups(conn, &user.id, groups)?;
    if roles.iter().any(|role| role == ADMIN_ROLE) {
        settings::insert_if_absent(conn, SETUP_CLOSED, "yes")?;
    }
    let event = actor
        .event("user.create", user.created_at)
        .target(format!("user:{}", user.id))
        .user(&user.id)
        .details(format!("roles: {}; groups: {}", roles.join(", "), groups.join(", ")));
    Ok(audit::insert(conn, &event)?)
}

/// Finds an account by its id.
///
/// # Errors
///
/// Those of the database.
pub async fn find(ground: &Ground, id: &str) -> Result<Option<Account>, StorageError> {
    let id = id.to_owned();
    ground
        .db
        .read(move |conn| {
            let user = users::find(conn, &id)?;
            user.map(|user| with_memberships(conn, user)).transpose()
        })
        .await
}

/// Finds an account by its id, email or user name.
///
/// # Errors
///
/// Those of the database.
pub async fn find_by_any_name(
    ground: &Ground,
    name: &str,
) -> Result<Option<Account>, StorageError> {
    let name = name.to_owned();
    ground
        .db
        .read(move |conn| {
            let user = match users::find(conn, &name)? {
                Some(user) => Some(user),
                None => users::find_by_login_name(conn, &name)?,
            };
            user.map(|user| with_memberships(conn, user)).transpose()
        })
        .await
}

/// Lists accounts in the order of their creation.
///
/// # Errors
///
/// Those of the database.
pub async fn list(ground: &Ground, query: UserQuery) -> Result<Vec<Account>, StorageError> {
    ground
        .db
        .read(move |conn| {
            let found = users::list(conn, &query)?;
            found.into_iter().map(|user| with_memberships(conn, user)).collect()
        })
        .await
}

/// The live sessions of a user, the latest first.
///
/// # Errors
///
/// Those of the database.
pub async fn live_sessions(ground: &Ground, id: &str) -> Result<Vec<Session>, StorageError> {
    let (id, now) = (id.to_owned(), ground.now());
    ground.db.read(move |conn| sessions::list_live_of_user(conn, &id, now)).await
}

fn with_memberships(conn: &mut DbConnection, user: User) -> Result<Account, StorageError> {
    let (roles, groups) = users::roles_and_groups(conn, &user.id)?;
    Ok(Account { user, roles, groups })
}

/// A user whom nobody else changes until the transaction ends.
fn existing(conn: &mut DbConnection, id: &str) -> Result<User, AccountError> {
    users::hold(conn, id)?.ok_or(AccountError::NotFound)
}

/// An entry about a user.
fn event(actor: &Actor, action: &str, id: &str, now: Timestamp) -> audit::NewEvent {
    actor.event(action, now).target(format!("user:{id}")).user(id)
}
