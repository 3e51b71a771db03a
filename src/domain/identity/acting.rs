//! Whoever acts by a browser, looked at again in the transaction that writes: a request may have
//! taken its time since the session was read.

use super::sessions::SignedIn;
use super::users::{is_admin, take_turns};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::{DbConnection, StorageError, sessions, users};

/// A person at a browser, with what they must still be when they act.
#[derive(Debug, Clone)]
pub struct Acting {
    user_id: String,
    sid: String,
    idle: Lifetime,
    as_administrator: bool,
}

impl Acting {
    /// Somebody who changes what is theirs.
    pub fn person(signed_in: &SignedIn, idle: Lifetime) -> Self {
        Self {
            user_id: signed_in.user.id.clone(),
            sid: signed_in.session.sid.clone(),
            idle,
            as_administrator: false,
        }
    }

    /// Somebody who changes what is the house's.
    pub fn administrator(signed_in: &SignedIn, idle: Lifetime) -> Self {
        Self { as_administrator: true, ..Self::person(signed_in, idle) }
    }

    /// Refuses when the person was blocked, signed out, deleted or, as an administrator, demoted.
    /// To be called first in a transaction; `unique` is any fresh value.
    ///
    /// # Errors
    ///
    /// `Refused`, and the faults of the database.
    pub fn check(
        &self,
        conn: &mut DbConnection,
        now: Timestamp,
        unique: &str,
    ) -> Result<(), StorageError> {
        if self.as_administrator {
            // Whoever takes the role away, or blocks, comes before this or after it.
            take_turns(conn, unique)?;
        }
        let user = users::find(conn, &self.user_id)?;
        let may = user.is_some_and(|user| user.blocked_at.is_none())
            && sessions::is_live(conn, &self.sid, now, self.idle)?
            && (!self.as_administrator || is_admin(conn, &self.user_id)?);
        match may {
            true => Ok(()),
            false => Err(StorageError::Refused),
        }
    }
}
