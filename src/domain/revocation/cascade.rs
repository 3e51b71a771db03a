//! What ends together: each function belongs in the transaction of its cause.
//!
//! What ends for a user ends under every name that clients have for them: the id, and the subject of
//! each sector whose clients know them by a pairwise one.

use super::{HEARD_OF_BY, Reason, token, watermark};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::deferred::ping;
use crate::domain::ground::Ground;
use crate::domain::logout::back_channel;
use crate::protocol::revocation::{ALL_KEY, RevocationKind, subject_at_client};
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::issued_tokens::{self, TokensOf};
use crate::storage::pairwise_subjects;
use crate::storage::revocations::{self, NewRevocation};
use crate::storage::{
    DbConnection, StorageError, audit, authorizations, deferred_requests, sessions,
};

/// Why something ends, who ended it, and when.
#[derive(Debug, Clone)]
pub struct Cause {
    pub reason: Reason,
    pub actor: Actor,
    pub now: Timestamp,
    /// No living token lives longer than this.
    pub longest_life: Lifetime,
}

impl Cause {
    fn watermark(&self, kind: RevocationKind, key: &str) -> NewRevocation {
        self.watermark_at(kind, key, self.now)
    }

    fn watermark_at(&self, kind: RevocationKind, key: &str, at: Timestamp) -> NewRevocation {
        watermark(kind, key, at, self.longest_life).because(self.reason, &self.actor)
    }

    /// The living tokens one by one, for services that only look up a `jti`.
    fn listed(
        &self,
        conn: &mut DbConnection,
        of: TokensOf<'_>,
    ) -> Result<Vec<NewRevocation>, StorageError> {
        Ok(self.each(&issued_tokens::list_live(conn, of, self.now)?))
    }

    fn each(&self, tokens: &[(String, i64)]) -> Vec<NewRevocation> {
        let entries = tokens.iter().map(|(jti, expires_at)| {
            token(jti, Timestamp::from_unix(*expires_at), self.now)
                .because(self.reason, &self.actor)
        });
        entries.collect()
    }
}

/// Ends everything of a user: sessions (but `keep_sid`), refresh tokens, codes, access tokens.
///
/// # Errors
///
/// Those of the database.
pub fn end_user(
    conn: &mut DbConnection,
    user_id: &str,
    keep_sid: Option<&str>,
    cause: &Cause,
) -> Result<(), StorageError> {
    let live = sessions::list_live_of_user(conn, user_id, cause.now)?;
    for session in live.iter().filter(|session| Some(session.sid.as_str()) != keep_sid) {
        if sessions::end(conn, user_id, &session.sid, cause.now)? {
            back_channel::announce(conn, user_id, &session.sid, cause.now)?;
        }
    }
    authorizations::revoke_of_user(conn, user_id, cause.reason.as_str(), cause.now)?;
    for denied in deferred_requests::deny_all_of_user(conn, user_id, cause.now)? {
        ping::hasten(conn, &denied, cause.now)?;
    }
    end_tokens_of_user(conn, user_id, cause)
}

/// Ends the access tokens of a user and nothing else: clients get new ones with their refresh
/// tokens, which say what is true now.
///
/// # Errors
///
/// Those of the database.
pub fn end_tokens_of_user(
    conn: &mut DbConnection,
    user_id: &str,
    cause: &Cause,
) -> Result<(), StorageError> {
    authorizations::hold_all(conn, user_id)?;
    let mut entries = vec![cause.watermark(RevocationKind::Subject, user_id)];
    let names = pairwise_subjects::list_of_user(conn, user_id)?;
    entries.extend(names.iter().map(|name| cause.watermark(RevocationKind::Subject, name)));
    entries.extend(cause.listed(conn, TokensOf::User(user_id))?);
    revocations::insert(conn, &entries)
}

/// Ends every access token that was issued until now, whoever's it is. Says until when that is.
/// Sessions and refresh tokens stay.
///
/// # Errors
///
/// Those of the database.
pub async fn end_all_tokens(ground: &Ground, actor: &Actor) -> Result<Timestamp, StorageError> {
    let cause = ground.cause(Reason::TokensRevoked, actor);
    let event = actor.event("revocation.all", cause.now).target("all tokens");
    let until = cause.now + HEARD_OF_BY;
    ground
        .db
        .write(move |conn| {
            revocations::insert(conn, &[cause.watermark_at(RevocationKind::All, ALL_KEY, until)])?;
            audit::insert(conn, &event)
        })
        .await?;
    Ok(until)
}

/// Ends one access token, and what it was exchanged for.
///
/// # Errors
///
/// Those of the database.
pub fn end_token(
    conn: &mut DbConnection,
    jti: &str,
    expires_at: Timestamp,
    cause: &Cause,
) -> Result<(), StorageError> {
    let mut entries = vec![token(jti, expires_at, cause.now).because(cause.reason, &cause.actor)];
    entries.extend(cause.each(&issued_tokens::list_exchanged(conn, jti, cause.now)?));
    revocations::insert(conn, &entries)
}

/// Ends the access tokens of a client: its own, those about it that others got for them, and those
/// of people that others got for its.
///
/// # Errors
///
/// Those of the database.
pub fn end_tokens_of_client(
    conn: &mut DbConnection,
    client_id: &str,
    cause: &Cause,
) -> Result<(), StorageError> {
    let at = cause.now + HEARD_OF_BY;
    let mut entries = vec![
        cause.watermark_at(RevocationKind::Client, client_id, at),
        cause.watermark_at(RevocationKind::Subject, client_id, at),
    ];
    entries
        .extend(cause.each(&issued_tokens::list_exchanged_of_client(conn, client_id, cause.now)?));
    revocations::insert(conn, &entries)
}

/// Ends one session of a user and what lives by it; offline grants stay.
///
/// # Errors
///
/// Those of the database.
pub fn end_session(
    conn: &mut DbConnection,
    user_id: &str,
    sid: &str,
    cause: &Cause,
) -> Result<bool, StorageError> {
    if !sessions::end(conn, user_id, sid, cause.now)? {
        return Ok(false);
    }
    back_channel::announce(conn, user_id, sid, cause.now)?;
    authorizations::hold_all(conn, user_id)?;
    authorizations::revoke_of_session(conn, user_id, sid, cause.reason.as_str(), cause.now)?;
    let mut entries = vec![cause.watermark(RevocationKind::Session, sid)];
    entries.extend(cause.listed(conn, TokensOf::Session(user_id, sid))?);
    revocations::insert(conn, &entries)?;
    Ok(true)
}

/// Takes back one authorization and every token of it.
///
/// # Errors
///
/// Those of the database.
pub fn revoke_authorization(
    conn: &mut DbConnection,
    authorization_id: &str,
    cause: &Cause,
) -> Result<(), StorageError> {
    // Whoever took it back before has listed its tokens, and there can be none since.
    if !authorizations::revoke(conn, authorization_id, cause.reason.as_str(), cause.now)? {
        return Ok(());
    }
    let live = issued_tokens::list_live_of_authorization(conn, authorization_id, cause.now)?;
    revocations::insert(conn, &cause.each(&live))
}

/// Takes back all that a user let one client have.
///
/// # Errors
///
/// Those of the database.
pub fn revoke_user_at_client(
    conn: &mut DbConnection,
    user_id: &str,
    client_id: &str,
    cause: &Cause,
) -> Result<(), StorageError> {
    let by = cause.reason.as_str();
    authorizations::revoke_of_user_and_client(conn, user_id, client_id, by, cause.now)?;
    let mut names = pairwise_subjects::list_of_user(conn, user_id)?;
    names.push(user_id.to_owned());
    let at_client = names.iter().map(|name| subject_at_client(name, client_id));
    let mut entries: Vec<_> =
        at_client.map(|key| cause.watermark(RevocationKind::SubjectAtClient, &key)).collect();
    entries.extend(cause.listed(conn, TokensOf::UserAtClient(user_id, client_id))?);
    revocations::insert(conn, &entries)
}
