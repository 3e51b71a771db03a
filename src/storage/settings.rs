//! Named values of the whole installation.

use super::schema::settings::dsl;
use super::{DbConnection, StorageError};
use diesel::prelude::*;

/// The version that changes whenever something that processes cache has changed.
pub const CACHE_VERSION: &str = "cache_version";

/// Reads a value.
pub fn find(conn: &mut DbConnection, name: &str) -> Result<Option<String>, StorageError> {
    Ok(dsl::settings.find(name).select(dsl::value).get_result(conn).optional()?)
}

/// Writes a value over the old one.
pub fn set(conn: &mut DbConnection, name: &str, value: &str) -> Result<(), StorageError> {
    on!(conn, |c| diesel::insert_into(dsl::settings)
        .values((dsl::name.eq(name), dsl::value.eq(value)))
        .on_conflict(dsl::name)
        .do_update()
        .set(dsl::value.eq(value))
        .execute(c))?;
    Ok(())
}

/// Writes a value unless there is one, and returns the one that is there then.
pub fn insert_if_absent(
    conn: &mut DbConnection,
    name: &str,
    value: &str,
) -> Result<String, StorageError> {
    on!(conn, |c| diesel::insert_into(dsl::settings)
        .values((dsl::name.eq(name), dsl::value.eq(value)))
        .on_conflict(dsl::name)
        .do_nothing()
        .execute(c))?;
    Ok(dsl::settings.find(name).select(dsl::value).get_result(conn)?)
}

/// Removes a value. True when it was there: one of many racers wins.
pub fn take(conn: &mut DbConnection, name: &str, value: &str) -> Result<bool, StorageError> {
    let row = dsl::settings.filter(dsl::name.eq(name)).filter(dsl::value.eq(value));
    Ok(diesel::delete(row).execute(conn)? == 1)
}

/// Tells every process to drop what it has cached of clients, keys and settings.
pub fn bump_cache_version(conn: &mut DbConnection, unique: &str) -> Result<(), StorageError> {
    set(conn, CACHE_VERSION, unique)
}
