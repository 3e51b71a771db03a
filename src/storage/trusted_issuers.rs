//! Issuers whose assertions are taken as a grant, and whom their subjects are (RFC 7523).

use super::schema::trusted_issuers::{self as table, dsl};
use super::schema::trusted_subjects::{self, dsl as subjects};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use crate::protocol::trusted_issuer::TrustedIssuer;
use diesel::prelude::*;

/// Finds an issuer by its id.
pub fn find(conn: &mut DbConnection, id: &str) -> Result<Option<TrustedIssuer>, StorageError> {
    let row: Option<Row> =
        dsl::trusted_issuers.find(id).select(Row::as_select()).first(conn).optional()?;
    row.map(TrustedIssuer::try_from).transpose()
}

/// As [`find`], and nobody else changes the issuer until the transaction ends.
pub fn hold(conn: &mut DbConnection, id: &str) -> Result<Option<TrustedIssuer>, StorageError> {
    if let DbConnection::Postgres(conn) = conn {
        let row = dsl::trusted_issuers.find(id).select(dsl::id).for_no_key_update();
        row.first::<String>(conn).optional()?;
    }
    find(conn, id)
}

/// Finds an issuer by its `iss`, byte for byte.
pub fn find_by_issuer(
    conn: &mut DbConnection,
    issuer: &str,
) -> Result<Option<TrustedIssuer>, StorageError> {
    let row: Option<Row> = dsl::trusted_issuers
        .filter(dsl::issuer.eq(issuer))
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    row.map(TrustedIssuer::try_from).transpose()
}

/// Lists issuers in the order of their names.
pub fn list(conn: &mut DbConnection, limit: i64) -> Result<Vec<TrustedIssuer>, StorageError> {
    let rows: Vec<Row> = dsl::trusted_issuers
        .select(Row::as_select())
        .order((dsl::name.asc(), dsl::id.asc()))
        .limit(limit.clamp(1, 1000))
        .load(conn)?;
    rows.into_iter().map(TrustedIssuer::try_from).collect()
}

/// Inserts an issuer.
///
/// # Errors
///
/// `Conflict` when there is one with this `iss`.
pub fn insert(conn: &mut DbConnection, issuer: &TrustedIssuer) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(Row::try_from(issuer)?).execute(conn)?;
    Ok(())
}

/// Writes an issuer over the old one; its `iss` stays. False when it is gone.
pub fn update(conn: &mut DbConnection, issuer: &TrustedIssuer) -> Result<bool, StorageError> {
    let row = Row::try_from(issuer)?;
    let changed = diesel::update(dsl::trusted_issuers.find(&issuer.id))
        .set((
            dsl::name.eq(row.name),
            dsl::settings.eq(row.settings),
            dsl::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Removes an issuer with its subjects. False when it is gone already.
pub fn delete(conn: &mut DbConnection, id: &str) -> Result<bool, StorageError> {
    diesel::delete(subjects::trusted_subjects.filter(subjects::issuer_id.eq(id))).execute(conn)?;
    Ok(diesel::delete(dsl::trusted_issuers.find(id)).execute(conn)? == 1)
}

/// The id of the user that a subject of an issuer is.
pub fn user_of(
    conn: &mut DbConnection,
    issuer_id: &str,
    subject: &str,
) -> Result<Option<String>, StorageError> {
    Ok(subjects::trusted_subjects
        .find((issuer_id, subject))
        .select(subjects::user_id)
        .first(conn)
        .optional()?)
}

/// Says who a subject is, in place of what was said before.
pub fn map(
    conn: &mut DbConnection,
    issuer_id: &str,
    subject: &str,
    user_id: &str,
) -> Result<(), StorageError> {
    unmap(conn, issuer_id, subject)?;
    let row = (
        subjects::issuer_id.eq(issuer_id),
        subjects::subject.eq(subject),
        subjects::user_id.eq(user_id),
    );
    diesel::insert_into(trusted_subjects::table).values(row).execute(conn)?;
    Ok(())
}

/// Takes back who a subject is. False when nothing was said.
pub fn unmap(
    conn: &mut DbConnection,
    issuer_id: &str,
    subject: &str,
) -> Result<bool, StorageError> {
    let row = subjects::trusted_subjects.find((issuer_id, subject));
    Ok(diesel::delete(row).execute(conn)? == 1)
}

/// The subjects of an issuer with the ids of the users they are.
pub fn subjects(
    conn: &mut DbConnection,
    issuer_id: &str,
    limit: i64,
) -> Result<Vec<(String, String)>, StorageError> {
    Ok(subjects::trusted_subjects
        .filter(subjects::issuer_id.eq(issuer_id))
        .select((subjects::subject, subjects::user_id))
        .order(subjects::subject)
        .limit(limit)
        .load(conn)?)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
struct Row {
    id: String,
    issuer: String,
    name: String,
    settings: String,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<&TrustedIssuer> for Row {
    type Error = StorageError;

    fn try_from(issuer: &TrustedIssuer) -> Result<Self, StorageError> {
        let settings = serde_json::to_string(&issuer.settings);
        Ok(Self {
            id: issuer.id.clone(),
            issuer: issuer.issuer.clone(),
            name: issuer.name.clone(),
            settings: settings.map_err(|_| StorageError::Corrupt("trusted_issuers.settings"))?,
            created_at: issuer.created_at.as_unix(),
            updated_at: issuer.updated_at.as_unix(),
        })
    }
}

impl TryFrom<Row> for TrustedIssuer {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let settings = serde_json::from_str(&row.settings);
        Ok(Self {
            id: row.id,
            issuer: row.issuer,
            name: row.name,
            settings: settings.map_err(|_| StorageError::Corrupt("trusted_issuers.settings"))?,
            created_at: Timestamp::from_unix(row.created_at),
            updated_at: Timestamp::from_unix(row.updated_at),
        })
    }
}
