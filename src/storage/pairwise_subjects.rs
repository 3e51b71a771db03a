//! The names by which clients with pairwise subjects know people (OpenID Connect Core §8.1).

use super::schema::pairwise_subjects::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// One name of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairwiseSubject {
    pub subject: String,
    pub user_id: String,
    pub sector: String,
}

/// Keeps a name; what is known stays as it is.
pub fn insert(
    conn: &mut DbConnection,
    new: &PairwiseSubject,
    now: Timestamp,
) -> Result<(), StorageError> {
    let row = (
        dsl::subject.eq(&new.subject),
        dsl::user_id.eq(&new.user_id),
        dsl::sector.eq(&new.sector),
        dsl::created_at.eq(now.as_unix()),
    );
    on!(conn, |c| diesel::insert_into(table::table)
        .values(row)
        .on_conflict(dsl::subject)
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// The user whom a name means.
pub fn user_of(conn: &mut DbConnection, subject: &str) -> Result<Option<String>, StorageError> {
    Ok(dsl::pairwise_subjects.find(subject).select(dsl::user_id).first(conn).optional()?)
}

/// Every name of a user.
pub fn list_of_user(conn: &mut DbConnection, user_id: &str) -> Result<Vec<String>, StorageError> {
    Ok(dsl::pairwise_subjects
        .filter(dsl::user_id.eq(user_id.to_owned()))
        .select(dsl::subject)
        .load(conn)?)
}
