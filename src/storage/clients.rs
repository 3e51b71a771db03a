//! Registered clients (RFC 7591).

use super::pattern::{self, ESCAPE, lower};
use super::schema::clients::{self as table, dsl};
use super::{DbConnection, StorageError};
use crate::protocol::client::Client;
use crate::protocol::time::Timestamp;
use diesel::prelude::*;

/// Finds a client by its `client_id`, disabled or not.
pub fn find(conn: &mut DbConnection, id: &str) -> Result<Option<Client>, StorageError> {
    dsl::clients
        .find(id)
        .select(Row::as_select())
        .get_result(conn)
        .optional()?
        .map(Client::try_from)
        .transpose()
}

/// As [`find`], and nobody else changes the client until the transaction ends.
pub fn hold(conn: &mut DbConnection, id: &str) -> Result<Option<Client>, StorageError> {
    if let DbConnection::Postgres(conn) = conn {
        let row = dsl::clients.find(id).select(dsl::id).for_no_key_update();
        row.first::<String>(conn).optional()?;
    }
    find(conn, id)
}

/// Lists clients whose name or id contains `search`, in the order of creation.
pub fn list(
    conn: &mut DbConnection,
    search: Option<&str>,
    after: Option<(Timestamp, String)>,
    limit: i64,
) -> Result<Vec<Client>, StorageError> {
    let mut rows = dsl::clients.into_boxed().select(Row::as_select());
    if let Some(search) = search {
        let (small, typed) = (pattern::containing(search), pattern::containing_as_typed(search));
        rows = rows.filter(
            lower(dsl::name)
                .like(small.clone())
                .escape(ESCAPE)
                .or(dsl::name.like(typed).escape(ESCAPE))
                .or(lower(dsl::id).like(small).escape(ESCAPE)),
        );
    }
    in_order!(rows, dsl, after, limit).load(conn)?.into_iter().map(Client::try_from).collect()
}

/// Inserts a client.
///
/// # Errors
///
/// `Conflict` when the `client_id` is taken.
pub fn insert(conn: &mut DbConnection, client: &Client) -> Result<(), StorageError> {
    diesel::insert_into(table::table).values(Row::try_from(client)?).execute(conn)?;
    Ok(())
}

/// Writes a client over the old one, on or off as that is. False when it is gone.
pub fn update(conn: &mut DbConnection, client: &Client) -> Result<bool, StorageError> {
    let row = Row::try_from(client)?;
    let changed = diesel::update(dsl::clients.find(&client.id))
        .set((
            dsl::name.eq(row.name),
            dsl::metadata.eq(row.metadata),
            dsl::policy.eq(row.policy),
            dsl::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Switches a client off or on. False when it is gone.
pub fn set_disabled(
    conn: &mut DbConnection,
    id: &str,
    disabled: bool,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = diesel::update(dsl::clients.find(id))
        .set((
            dsl::disabled_at.eq(disabled.then_some(now.as_unix())),
            dsl::updated_at.eq(now.as_unix()),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Removes a client with its secrets and consents. False when it is gone already.
pub fn delete(conn: &mut DbConnection, id: &str) -> Result<bool, StorageError> {
    Ok(diesel::delete(dsl::clients.find(id)).execute(conn)? == 1)
}

/// How many clients there are.
pub fn count(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(dsl::clients.count().get_result(conn)?)
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
struct Row {
    id: String,
    name: String,
    metadata: String,
    policy: String,
    disabled_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<&Client> for Row {
    type Error = StorageError;

    fn try_from(client: &Client) -> Result<Self, StorageError> {
        let metadata = serde_json::to_string(&client.metadata);
        let policy = serde_json::to_string(&client.policy);
        Ok(Self {
            id: client.id.clone(),
            name: client.name.clone(),
            metadata: metadata.map_err(|_| StorageError::Corrupt("clients.metadata"))?,
            policy: policy.map_err(|_| StorageError::Corrupt("clients.policy"))?,
            disabled_at: client.disabled.then_some(client.updated_at.as_unix()),
            created_at: client.created_at.as_unix(),
            updated_at: client.updated_at.as_unix(),
        })
    }
}

impl TryFrom<Row> for Client {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let metadata = serde_json::from_str(&row.metadata);
        let policy = serde_json::from_str(&row.policy);
        Ok(Self {
            id: row.id,
            name: row.name,
            metadata: metadata.map_err(|_| StorageError::Corrupt("clients.metadata"))?,
            policy: policy.map_err(|_| StorageError::Corrupt("clients.policy"))?,
            disabled: row.disabled_at.is_some(),
            created_at: Timestamp::from_unix(row.created_at),
            updated_at: Timestamp::from_unix(row.updated_at),
        })
    }
}
