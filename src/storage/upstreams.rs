//! Providers at which people may sign in.

use super::schema::upstreams::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use crate::protocol::upstream::Upstream;
use diesel::prelude::*;

/// Finds a provider.
pub fn find(conn: &mut DbConnection, slug: &str) -> Result<Option<Upstream>, StorageError> {
    let row: Option<Row> =
        dsl::upstreams.find(slug).select(Row::as_select()).first(conn).optional()?;
    row.map(Upstream::try_from).transpose()
}

/// As [`find`], and nobody else changes the provider until the transaction ends.
pub fn hold(conn: &mut DbConnection, slug: &str) -> Result<Option<Upstream>, StorageError> {
    if let DbConnection::Postgres(conn) = conn {
        let row = dsl::upstreams.find(slug).select(dsl::slug).for_no_key_update();
        row.first::<String>(conn).optional()?;
    }
    find(conn, slug)
}

/// Lists all of them, in the order of creation.
pub fn list(conn: &mut DbConnection) -> Result<Vec<Upstream>, StorageError> {
    let rows: Vec<Row> = dsl::upstreams
        .order((dsl::created_at.asc(), dsl::slug.asc()))
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter().map(Upstream::try_from).collect()
}

/// Inserts a provider.
///
/// # Errors
///
/// `Conflict` when the slug is taken.
pub fn insert(conn: &mut DbConnection, upstream: &Upstream) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(Row::try_from(upstream)?).execute(conn)?;
    Ok(())
}

/// Writes a provider over the old one. False when it is gone.
pub fn update(conn: &mut DbConnection, upstream: &Upstream) -> Result<bool, StorageError> {
    let row = Row::try_from(upstream)?;
    let changed = diesel::update(dsl::upstreams.find(&upstream.slug))
        .set((
            dsl::name.eq(row.name),
            dsl::settings.eq(row.settings),
            dsl::sealed_secret.eq(row.sealed_secret),
            dsl::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Removes a provider. False when it is gone already.
pub fn delete(conn: &mut DbConnection, slug: &str) -> Result<bool, StorageError> {
    Ok(diesel::delete(dsl::upstreams.find(slug)).execute(conn)? == 1)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
struct Row {
    slug: String,
    name: String,
    settings: String,
    sealed_secret: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<&Upstream> for Row {
    type Error = StorageError;

    fn try_from(upstream: &Upstream) -> Result<Self, StorageError> {
        let settings = serde_json::to_string(&upstream.settings);
        Ok(Self {
            slug: upstream.slug.clone(),
            name: upstream.name.clone(),
            settings: settings.map_err(|_| StorageError::Corrupt("upstreams.settings"))?,
            sealed_secret: upstream.sealed_secret.clone(),
            created_at: upstream.created_at.as_unix(),
            updated_at: upstream.updated_at.as_unix(),
        })
    }
}

impl TryFrom<Row> for Upstream {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let settings = serde_json::from_str(&row.settings);
        Ok(Self {
            slug: row.slug,
            name: row.name,
            settings: settings.map_err(|_| StorageError::Corrupt("upstreams.settings"))?,
            sealed_secret: row.sealed_secret,
            created_at: Timestamp::from_unix(row.created_at),
            updated_at: Timestamp::from_unix(row.updated_at),
        })
    }
}
