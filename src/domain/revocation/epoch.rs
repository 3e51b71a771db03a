//! The history that the numbers of the list count in.
//!
//! It has a name, kept in the database. When the numbers go back (a database that failed over to a
//! copy that was behind, or was restored) something revoked may be missing: then a new history begins,
//! and in the same transaction everything issued so far is refused.

use super::{HEARD_OF_BY, Reason, watermark};
use crate::domain::audit::{Actor, EventExt};
use crate::protocol::random::Random;
use crate::protocol::revocation::{ALL_KEY, RevocationKind};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::{Db, DbConnection, StorageError, audit, revocations, settings};

/// The setting with the name.
const EPOCH: &str = "revocation_epoch";

/// The name of the history, if it has one yet.
///
/// # Errors
///
/// Those of the database.
pub fn find(conn: &mut DbConnection) -> Result<Option<String>, StorageError> {
    settings::find(conn, EPOCH)
}

/// The name of the history; the first who asks gives it.
///
/// # Errors
///
/// Those of the database.
pub async fn name(db: &Db, random: &dyn Random) -> Result<String, StorageError> {
    if let Some(epoch) = db.read(find).await? {
        return Ok(epoch);
    }
    let first = random.id();
    db.write(move |conn| settings::insert_if_absent(conn, EPOCH, &first)).await
}

/// Names the history anew, and nothing is lost or refused. For the one server of a database, when it
/// starts: the file may have been put back to an older one while nobody looked, and its numbers would
/// come again. Readers begin at the start, and keep what they know.
///
/// # Errors
///
/// Those of the database.
pub async fn rename(db: &Db, random: &dyn Random) -> Result<(), StorageError> {
    let name = random.id();
    db.write(move |conn| settings::set(conn, EPOCH, &name)).await
}

/// What a new history begins with.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// Its name.
    pub epoch: String,
    pub now: Timestamp,
    /// No living token lives longer than this.
    pub longest_life: Lifetime,
}

/// Begins a new history in the place of `old`, unless another instance has done so.
///
/// # Errors
///
/// Those of the database.
pub async fn begin(db: &Db, old: String, new: Beginning) -> Result<(), StorageError> {
    db.write(move |conn| match settings::take(conn, EPOCH, &old)? {
        true => begin_in(conn, &new),
        false => Ok(()),
    })
    .await
}

/// As [`begin`], in a transaction, whatever the old one was called.
///
/// # Errors
///
/// Those of the database.
pub fn begin_in(conn: &mut DbConnection, new: &Beginning) -> Result<(), StorageError> {
    settings::set(conn, EPOCH, &new.epoch)?;
    let actor = Actor::system();
    let until = new.now + HEARD_OF_BY;
    let everything = watermark(RevocationKind::All, ALL_KEY, until, new.longest_life);
    revocations::insert(conn, &[everything.because(Reason::HistoryLost, &actor)])?;
    audit::insert(conn, &actor.event("revocation.restart", new.now).target("all tokens"))
}
