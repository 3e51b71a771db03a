//! Roles and groups. They are in access tokens, so losing one ends those that still name it.

use super::{AccountError, SETUP_CLOSED, event, existing};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::form::{FieldProblem, is_line};
use crate::domain::ground::Ground;
use crate::domain::revocation::{self, Cause, Reason};
use crate::storage::{DbConnection, StorageError, audit, settings, users};

/// The role of those who administer Countersign.
pub const ADMIN_ROLE: &str = "admin";
/// The value that transactions which take an administrator away write, and those in which an
/// administrator acts, so that they take turns.
const ADMIN_CHANGE: &str = "admin_change";
const MAX_COUNT: usize = 100;
const MAX_CHARS: usize = 100;

/// Which of the two lists is meant.
#[derive(Clone, Copy)]
enum Kind {
    Roles,
    Groups,
}

pub(super) fn problems(field: &'static str, names: &[String]) -> Vec<FieldProblem> {
    let says = "use 1 to 100 characters that can be seen, without commas";
    let fits = |name: &String| is_line(name, MAX_CHARS) && !name.contains(',');
    let wrong = names.iter().enumerate().filter(|(_, name)| !fits(name));
    let mut problems: Vec<_> = wrong
        .map(|(index, _)| FieldProblem::new(field, "error-membership", says).at(index))
        .collect();
    if names.len() > MAX_COUNT {
        problems.push(FieldProblem::new(field, "error-membership-count", "at most 100"));
    }
    problems
}

pub(super) fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

/// Refuses to take the last active administrator away, or one's own account (AD-08). To be called
/// in the transaction that blocks, deletes or demotes, before it holds the account; `unique` is any
/// fresh value.
pub(super) fn keep_an_admin(
    conn: &mut DbConnection,
    id: &str,
    actor: &Actor,
    unique: &str,
) -> Result<(), AccountError> {
    if actor.name == format!("user:{id}") {
        return Err(AccountError::Yourself);
    }
    take_turns(conn, unique)?;
    if !is_admin(conn, id)? {
        return Ok(());
    }
    let is_active = users::find(conn, id)?.is_some_and(|user| user.blocked_at.is_none());
    if is_active && users::count_active_with_role(conn, ADMIN_ROLE)? <= 1 {
        return Err(AccountError::LastAdmin);
    }
    Ok(())
}

/// On PostgreSQL the row lock makes those who change or use the power of administrators take turns:
/// two who take one away would each leave one, and together none. It is the first lock of all that
/// a transaction takes, so that none waits for another in a circle.
pub(in crate::domain) fn take_turns(
    conn: &mut DbConnection,
    unique: &str,
) -> Result<(), StorageError> {
    settings::set(conn, ADMIN_CHANGE, unique)
}

/// Whether somebody has the role of administrators.
pub(in crate::domain) fn is_admin(conn: &mut DbConnection, id: &str) -> Result<bool, StorageError> {
    Ok(users::roles(conn, id)?.iter().any(|role| role == ADMIN_ROLE))
}

/// Gives a user exactly these roles.
///
/// # Errors
///
/// `LastAdmin`, `Yourself`, `NotFound`, `Invalid` for names that are no roles.
pub async fn set_roles(
    ground: &Ground,
    id: &str,
    roles: Vec<String>,
    actor: &Actor,
) -> Result<(), AccountError> {
    AccountError::check(problems("roles", &roles))?;
    set(ground, id, Kind::Roles, sorted(roles), actor).await
}

/// Puts a user into exactly these groups.
///
/// # Errors
///
/// `NotFound`, `Invalid` for names that are no groups.
pub async fn set_groups(
    ground: &Ground,
    id: &str,
    groups: Vec<String>,
    actor: &Actor,
) -> Result<(), AccountError> {
    AccountError::check(problems("groups", &groups))?;
    set(ground, id, Kind::Groups, sorted(groups), actor).await
}

async fn set(
    ground: &Ground,
    id: &str,
    kind: Kind,
    names: Vec<String>,
    actor: &Actor,
) -> Result<(), AccountError> {
    let cause = ground.cause(Reason::RolesChanged, actor);
    let (id, version) = (id.to_owned(), ground.random.id());
    ground
        .transact(move |conn| {
            if matches!(kind, Kind::Roles) {
                take_turns(conn, &version)?;
                if is_admin(conn, &id)? && !names.iter().any(|name| name == ADMIN_ROLE) {
                    keep_an_admin(conn, &id, &cause.actor, &version)?;
                }
            }
            existing(conn, &id)?;
            let before = match kind {
                Kind::Roles => users::roles(conn, &id)?,
                Kind::Groups => users::groups(conn, &id)?,
            };
            write(conn, &id, kind, &before, &names, &cause)?;
            Ok(settings::bump_cache_version(conn, &version)?)
        })
        .await
}

fn write(
    conn: &mut DbConnection,
    id: &str,
    kind: Kind,
    before: &[String],
    names: &[String],
    cause: &Cause,
) -> Result<(), StorageError> {
    let action = match kind {
        Kind::Roles => {
            users::set_roles(conn, id, names)?;
            if names.iter().any(|name| name == ADMIN_ROLE) {
                settings::insert_if_absent(conn, SETUP_CLOSED, "yes")?;
            }
            "user.set_roles"
        }
        Kind::Groups => {
            users::set_groups(conn, id, names)?;
            "user.set_groups"
        }
    };
    if before.iter().any(|old| !names.contains(old)) {
        revocation::end_tokens_of_user(conn, id, cause)?;
    }
    let details = format!("before: {}; after: {}", before.join(", "), names.join(", "));
    audit::insert(conn, &event(&cause.actor, action, id, cause.now).details(details))
}
