//! Resources: APIs that tokens are made for (RFC 8707).

use super::schema::resources::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::resource::Resource;
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// Finds a resource by its id.
pub fn find(conn: &mut DbConnection, id: &str) -> Result<Option<Resource>, StorageError> {
    dsl::resources
        .find(id)
        .select(Row::as_select())
        .first(conn)
        .optional()?
        .map(Resource::try_from)
        .transpose()
}

/// As [`find`], and nobody else changes the resource until the transaction ends.
pub fn hold(conn: &mut DbConnection, id: &str) -> Result<Option<Resource>, StorageError> {
    if let DbConnection::Postgres(conn) = conn {
        let row = dsl::resources.find(id).select(dsl::id).for_no_key_update();
        row.first::<String>(conn).optional()?;
    }
    find(conn, id)
}

/// Finds a resource by its identifier, byte for byte.
pub fn find_by_identifier(
    conn: &mut DbConnection,
    identifier: &str,
) -> Result<Option<Resource>, StorageError> {
    dsl::resources
        .filter(dsl::identifier.eq(identifier))
        .select(Row::as_select())
        .first(conn)
        .optional()?
        .map(Resource::try_from)
        .transpose()
}

/// Lists resources in the order of creation.
pub fn list(
    conn: &mut DbConnection,
    after: Option<(Timestamp, String)>,
    limit: i64,
) -> Result<Vec<Resource>, StorageError> {
    let rows = dsl::resources.into_boxed().select(Row::as_select());
    in_order!(rows, dsl, after, limit).load(conn)?.into_iter().map(Resource::try_from).collect()
}

/// Inserts a resource.
///
/// # Errors
///
/// `Conflict` when the identifier is taken.
pub fn insert(conn: &mut DbConnection, resource: &Resource) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(Row::try_from(resource)?).execute(conn)?;
    Ok(())
}

/// Writes a resource over the old one; its identifier stays. False when it is gone.
pub fn update(conn: &mut DbConnection, resource: &Resource) -> Result<bool, StorageError> {
    let row = Row::try_from(resource)?;
    let changed = diesel::update(dsl::resources.find(&resource.id))
        .set((
            dsl::name.eq(row.name),
            dsl::settings.eq(row.settings),
            dsl::sealed_secret.eq(row.sealed_secret),
            dsl::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Removes a resource. False when it is gone already.
pub fn delete(conn: &mut DbConnection, id: &str) -> Result<bool, StorageError> {
    Ok(diesel::delete(dsl::resources.find(id)).execute(conn)? == 1)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
struct Row {
    id: String,
    identifier: String,
    name: String,
    settings: String,
    sealed_secret: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<&Resource> for Row {
    type Error = StorageError;

    fn try_from(resource: &Resource) -> Result<Self, StorageError> {
        let settings = serde_json::to_string(&resource.settings);
        Ok(Self {
            id: resource.id.clone(),
            identifier: resource.identifier.clone(),
            name: resource.name.clone(),
            settings: settings.map_err(|_| StorageError::Corrupt("resources.settings"))?,
            sealed_secret: resource.sealed_secret.clone(),
            created_at: resource.created_at.as_unix(),
            updated_at: resource.updated_at.as_unix(),
        })
    }
}

impl TryFrom<Row> for Resource {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let settings = serde_json::from_str(&row.settings);
        Ok(Self {
            id: row.id,
            identifier: row.identifier,
            name: row.name,
            settings: settings.map_err(|_| StorageError::Corrupt("resources.settings"))?,
            sealed_secret: row.sealed_secret,
            created_at: Timestamp::from_unix(row.created_at),
            updated_at: Timestamp::from_unix(row.updated_at),
        })
    }
}
