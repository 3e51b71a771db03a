//! What people have allowed clients, until they take it back.

use super::schema::consents::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// How many details are remembered: each payment is another one.
const KEPT_DETAILS: usize = 50;

/// A consent a person gave a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub user_id: String,
    pub client_id: String,
    pub scope: Scope,
    /// Hashes of the details that were allowed (RFC 9396), the latest last.
    pub details: Vec<String>,
    pub granted_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Consent {
    /// Whether it allows all of this.
    pub fn covers(&self, scope: &Scope, details: &[String]) -> bool {
        scope.is_within(&self.scope) && details.iter().all(|hash| self.details.contains(hash))
    }
}

/// Finds what a user has allowed a client.
pub fn find(
    conn: &mut DbConnection,
    user_id: &str,
    client_id: &str,
) -> Result<Option<Consent>, StorageError> {
    let row: Option<Row> = on!(conn, |c| dsl::consents
        .find((user_id, client_id))
        .select(Row::as_select())
        .get_result(c)
        .optional())?;
    row.map(Consent::try_from).transpose()
}

/// Whether a user has allowed a client all of `scope` and `details`, and it stays so until the transaction ends:
/// whoever takes it back waits, and then sees what came of it.
pub fn hold(
    conn: &mut DbConnection,
    user_id: &str,
    client_id: &str,
    scope: &Scope,
    details: &[String],
) -> Result<bool, StorageError> {
    if let DbConnection::Postgres(conn) = conn {
        let row = dsl::consents.find((user_id, client_id)).select(dsl::user_id).for_share();
        row.first::<String>(conn).optional()?;
    }
    let consent = find(conn, user_id, client_id)?;
    Ok(consent.is_some_and(|consent| consent.covers(scope, details)))
}

/// Adds to what a user has allowed a client.
pub fn grant(
    conn: &mut DbConnection,
    user_id: &str,
    client_id: &str,
    scope: &Scope,
    details: &[String],
    now: Timestamp,
) -> Result<(), StorageError> {
    let before = find(conn, user_id, client_id)?;
    let (before, mut known) =
        before.map(|consent| (consent.scope, consent.details)).unwrap_or_default();
    known.retain(|hash| !details.contains(hash));
    known.extend_from_slice(details);
    known.drain(..known.len().saturating_sub(KEPT_DETAILS));
    let row = Row {
        user_id: user_id.to_owned(),
        client_id: client_id.to_owned(),
        scope: before.union(scope).to_string(),
        details: (!known.is_empty()).then(|| known.join(" ")),
        granted_at: now.as_unix(),
        updated_at: now.as_unix(),
    };
    on!(conn, |c| diesel::insert_into(table::table)
        .values(&row)
        .on_conflict((dsl::user_id, dsl::client_id))
        .do_update()
        .set((
            dsl::scope.eq(&row.scope),
            dsl::details.eq(&row.details),
            dsl::updated_at.eq(row.updated_at),
        ))
        .execute(c))?;
    Ok(())
}

/// The consents of a user, the latest first.
pub fn list_of_user(conn: &mut DbConnection, user_id: &str) -> Result<Vec<Consent>, StorageError> {
    dsl::consents
        .filter(dsl::user_id.eq(user_id))
        .order(dsl::updated_at.desc())
        .select(Row::as_select())
        .load(conn)?
        .into_iter()
        .map(Consent::try_from)
        .collect()
}

/// Takes a consent back. False when there is none.
pub fn delete(
    conn: &mut DbConnection,
    user_id: &str,
    client_id: &str,
) -> Result<bool, StorageError> {
    Ok(diesel::delete(dsl::consents.find((user_id, client_id))).execute(conn)? == 1)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
struct Row {
    user_id: String,
    client_id: String,
    scope: String,
    granted_at: i64,
    updated_at: i64,
    details: Option<String>,
}

impl TryFrom<Row> for Consent {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let scope = row.scope.parse();
        Ok(Self {
            user_id: row.user_id,
            client_id: row.client_id,
            scope: scope.map_err(|_| StorageError::Corrupt("consents.scope"))?,
            details: row.details.iter().flat_map(|all| all.split(' ')).map(str::to_owned).collect(),
            granted_at: Timestamp::from_unix(row.granted_at),
            updated_at: Timestamp::from_unix(row.updated_at),
        })
    }
}
