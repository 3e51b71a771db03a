//! Accounts at other providers that belong to users here. The key is (issuer, subject) and nothing
//! else: an email address can change hands (OpenID Connect Core §5.7).

use super::schema::linked_accounts::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// An account elsewhere and whose it is here.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct LinkedAccount {
    pub id: String,
    pub issuer: String,
    pub subject: String,
    pub user_id: String,
    /// The provider that it was linked through.
    pub slug: String,
    /// What the person recognises it by; proves nothing.
    pub label: String,
    /// Unix seconds, as the next.
    pub created_at: i64,
    pub last_used_at: i64,
}

/// Finds the link of an account elsewhere.
pub fn find(
    conn: &mut DbConnection,
    issuer: &str,
    subject: &str,
) -> Result<Option<LinkedAccount>, StorageError> {
    Ok(dsl::linked_accounts
        .filter(dsl::issuer.eq(issuer))
        .filter(dsl::subject.eq(subject))
        .select(LinkedAccount::as_select())
        .first(conn)
        .optional()?)
}

/// Inserts a link.
///
/// # Errors
///
/// `Conflict` when the account belongs to somebody already.
pub fn insert(conn: &mut DbConnection, link: &LinkedAccount) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(link.clone()).execute(conn)?;
    Ok(())
}

/// Remembers that a link was used, and what the account is called now.
pub fn touch(
    conn: &mut DbConnection,
    id: &str,
    label: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    diesel::update(dsl::linked_accounts.find(id))
        .set((dsl::last_used_at.eq(now.as_unix()), dsl::label.eq(label)))
        .execute(conn)?;
    Ok(())
}

/// The links of a user, the oldest first.
pub fn list_of_user(
    conn: &mut DbConnection,
    user_id: &str,
) -> Result<Vec<LinkedAccount>, StorageError> {
    Ok(dsl::linked_accounts
        .filter(dsl::user_id.eq(user_id))
        .order((dsl::created_at.asc(), dsl::id.asc()))
        .select(LinkedAccount::as_select())
        .load(conn)?)
}

/// Removes a link of a user. False when it is gone, or not theirs.
pub fn delete(conn: &mut DbConnection, user_id: &str, id: &str) -> Result<bool, StorageError> {
    let gone = diesel::delete(dsl::linked_accounts.find(id))
        .filter(dsl::user_id.eq(user_id))
        .execute(conn)?;
    Ok(gone == 1)
}
