//! What a database that gives way to an older copy of itself still has to say: what ended since the copy
//! was made. Nothing that began since is carried over.
//!
//! What a row says (blocked, revoked, spent) counts from any database with that row. That a row is not
//! there says that it was removed only in a database that has gone on from the copy.

use super::connect::{connect, transaction};
use super::{DatabaseUrl, DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

/// What is carried over of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// What it is called when it is one, and when it is more.
    pub name: (&'static str, &'static str),
    pub rows: usize,
}

/// A kind of what ends, and the statement that carries it over. `main` is the copy.
struct Ending {
    name: (&'static str, &'static str),
    sql: &'static str,
}

macro_rules! endings {
    ($($one:literal, $many:literal: $sql:literal;)*) => {
        [$(Ending { name: ($one, $many), sql: $sql }),*]
    };
}

/// What the rows themselves say.
const SAID: [Ending; 13] = endings![
    "block", "blocks":
        "UPDATE main.users AS u SET blocked_at = r.blocked_at, blocked_reason = r.blocked_reason \
         FROM replaced.users AS r \
         WHERE r.id = u.id AND u.blocked_at IS NULL AND r.blocked_at IS NOT NULL";
    "password", "passwords":
        "UPDATE main.users AS u \
         SET password_hash = r.password_hash, password_changed_at = r.password_changed_at \
         FROM replaced.users AS r \
         WHERE r.id = u.id AND r.password_hash IS NOT u.password_hash \
         AND r.password_changed_at >= coalesce(u.password_changed_at, 0)";
    "session", "sessions":
        "UPDATE main.sessions AS s SET ended_at = r.ended_at FROM replaced.sessions AS r \
         WHERE r.sid = s.sid AND s.ended_at IS NULL AND r.ended_at IS NOT NULL";
    "authorization", "authorizations":
        "UPDATE main.authorizations AS a SET revoked_at = r.revoked_at, revoked_by = r.revoked_by \
         FROM replaced.authorizations AS r \
         WHERE r.id = a.id AND a.revoked_at IS NULL AND r.revoked_at IS NOT NULL";
    "used code", "used codes":
        "UPDATE main.authorizations AS a SET redeemed_at = r.redeemed_at \
         FROM replaced.authorizations AS r \
         WHERE r.id = a.id AND a.redeemed_at IS NULL AND r.redeemed_at IS NOT NULL";
    "used refresh token", "used refresh tokens":
        "UPDATE main.refresh_tokens AS t SET spent_at = coalesce(t.spent_at, r.spent_at), \
         successor_hash = coalesce(t.successor_hash, r.successor_hash), \
         retried_at = coalesce(t.retried_at, r.retried_at) \
         FROM replaced.refresh_tokens AS r WHERE r.token_hash = t.token_hash \
         AND (t.spent_at IS NULL AND r.spent_at IS NOT NULL \
              OR t.retried_at IS NULL AND r.retried_at IS NOT NULL)";
    "disabled client", "disabled clients":
        "UPDATE main.clients AS c SET disabled_at = r.disabled_at FROM replaced.clients AS r \
         WHERE r.id = c.id AND c.disabled_at IS NULL AND r.disabled_at IS NOT NULL";
    "client secret with an end", "client secrets with an end":
        "UPDATE main.client_secrets AS s SET expires_at = r.expires_at \
         FROM replaced.client_secrets AS r \
         WHERE r.id = s.id AND r.expires_at < coalesce(s.expires_at, r.expires_at + 1)";
    "key", "keys":
        "UPDATE main.signing_keys AS k SET state = 'retired', retire_at = r.retire_at \
         FROM replaced.signing_keys AS r \
         WHERE r.kid = k.kid AND r.state = 'retired' AND k.state <> 'retired'";
    "entry of the revocation list", "entries of the revocation list":
        "INSERT INTO main.revocations (kind, key, not_before, expires_at, reason, actor, at) \
         SELECT kind, key, not_before, expires_at, reason, actor, at \
         FROM replaced.revocations AS r WHERE r.expires_at > :now AND NOT EXISTS \
         (SELECT 1 FROM main.revocations AS m WHERE m.key = r.key AND m.kind = r.kind \
          AND m.not_before IS r.not_before AND m.expires_at >= r.expires_at) ORDER BY r.seq";
    "assertion seen", "assertions seen":
        "INSERT OR IGNORE INTO main.seen_jtis (hash, expires_at) \
         SELECT hash, expires_at FROM replaced.seen_jtis WHERE expires_at > :now";
    "use of an initial access token", "uses of initial access tokens":
        "UPDATE main.initial_access_tokens AS t SET uses_left = r.uses_left \
         FROM replaced.initial_access_tokens AS r WHERE r.id = t.id AND r.uses_left < t.uses_left";
    "closed set-up", "closed set-ups":
        "INSERT OR IGNORE INTO main.settings (name, value) \
         SELECT name, value FROM replaced.settings WHERE name = 'setup_closed'";
];

/// What rows say that are gone. People and clients that were deleted come back blocked and disabled:
/// nothing works, and whoever was deleted by mistake is not lost.
const GONE: [Ending; 11] = endings![
    "deleted user", "deleted users":
        "UPDATE main.users SET blocked_at = :now, blocked_reason = 'deleted after the back-up' \
         WHERE blocked_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM replaced.users AS r WHERE r.id = main.users.id)";
    "deleted client", "deleted clients":
        "UPDATE main.clients SET disabled_at = :now WHERE disabled_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM replaced.clients AS r WHERE r.id = main.clients.id)";
    "session", "sessions":
        "UPDATE main.sessions SET ended_at = :now \
         WHERE ended_at IS NULL AND expires_at > :now AND NOT EXISTS \
         (SELECT 1 FROM replaced.sessions AS r WHERE r.id_hash = main.sessions.id_hash)";
    "authorization", "authorizations":
        "UPDATE main.authorizations SET revoked_at = :now, revoked_by = 'history_lost' \
         WHERE revoked_at IS NULL AND expires_at > :now AND \
         (user_id NOT IN (SELECT id FROM replaced.users) \
          OR client_id NOT IN (SELECT id FROM replaced.clients))";
    "consent", "consents":
        "DELETE FROM main.consents WHERE NOT EXISTS \
         (SELECT 1 FROM replaced.consents AS r WHERE r.user_id = main.consents.user_id \
          AND r.client_id = main.consents.client_id AND r.granted_at = main.consents.granted_at)";
    "client secret", "client secrets":
        "DELETE FROM main.client_secrets WHERE id NOT IN (SELECT id FROM replaced.client_secrets)";
    "role", "roles":
        "DELETE FROM main.user_roles WHERE user_id IN (SELECT id FROM replaced.users) AND NOT EXISTS \
         (SELECT 1 FROM replaced.user_roles AS r \
          WHERE r.user_id = main.user_roles.user_id AND r.role = main.user_roles.role)";
    "group", "groups":
        "DELETE FROM main.user_groups WHERE user_id IN (SELECT id FROM replaced.users) AND NOT EXISTS \
         (SELECT 1 FROM replaced.user_groups AS r WHERE r.user_id = main.user_groups.user_id \
          AND r.group_name = main.user_groups.group_name)";
    "linked account", "linked accounts":
        "DELETE FROM main.linked_accounts WHERE id NOT IN (SELECT id FROM replaced.linked_accounts)";
    "subject of a trusted issuer", "subjects of trusted issuers":
        "DELETE FROM main.trusted_subjects WHERE NOT EXISTS \
         (SELECT 1 FROM replaced.trusted_subjects AS r \
          WHERE r.issuer_id = main.trusted_subjects.issuer_id \
          AND r.subject = main.trusted_subjects.subject \
          AND r.user_id = main.trusted_subjects.user_id)";
    "initial access token", "initial access tokens":
        "DELETE FROM main.initial_access_tokens \
         WHERE id NOT IN (SELECT id FROM replaced.initial_access_tokens)";
];

/// So that what lives in both goes on: the last visit of a session, and the successors of refresh tokens,
/// which nobody holds who did not hold the token before.
const GOES_ON: &str = "\
    UPDATE main.sessions AS s SET last_seen_at = max(s.last_seen_at, r.last_seen_at) \
    FROM replaced.sessions AS r WHERE r.id_hash = s.id_hash AND s.ended_at IS NULL; \
    UPDATE main.authorizations AS a SET expires_at = max(a.expires_at, r.expires_at) \
    FROM replaced.authorizations AS r WHERE r.id = a.id AND a.revoked_at IS NULL; \
    INSERT OR IGNORE INTO main.refresh_tokens (token_hash, authorization_id, client_id, scope, \
    created_at, expires_at, spent_at, successor_hash, retried_at, confirmation) \
    SELECT r.token_hash, r.authorization_id, r.client_id, r.scope, r.created_at, r.expires_at, \
    r.spent_at, r.successor_hash, r.retried_at, r.confirmation FROM replaced.refresh_tokens AS r \
    JOIN main.authorizations AS a ON a.id = r.authorization_id WHERE a.revoked_at IS NULL;";

/// Whether the last that the audit log of the copy tells stands in that of the other: or, when the
/// latter was shortened, the last seal.
const GOES_ON_FROM: &str = "\
    SELECT EXISTS (SELECT 1 FROM main.audit AS m JOIN replaced.audit AS r ON r.seq = m.seq \
        WHERE m.seq = (SELECT max(seq) FROM main.audit) AND r.at = m.at AND r.actor = m.actor \
        AND r.action = m.action AND r.target IS m.target AND r.user_id IS m.user_id) \
    OR ((SELECT min(seq) FROM replaced.audit) > coalesce((SELECT max(seq) FROM main.audit), 0) \
        AND EXISTS (SELECT 1 FROM main.audit_seals AS m \
        JOIN replaced.audit_seals AS r ON r.number = m.number AND r.tag = m.tag \
        WHERE m.number = (SELECT max(number) FROM main.audit_seals))) AS found";

/// Runs `work` in one transaction, however long it takes, with another SQLite database attached as
/// `replaced`. For a database that nobody else uses.
///
/// # Errors
///
/// When one of them cannot be opened, and those of `work`; then nothing of it has happened.
pub fn transact<T>(
    url: &DatabaseUrl,
    replaced: Option<&str>,
    work: impl FnOnce(&mut DbConnection) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let mut conn = connect(url)?;
    match (&mut conn, replaced) {
        (DbConnection::Sqlite(conn), Some(path)) => {
            diesel::sql_query("ATTACH DATABASE ? AS replaced")
                .bind::<Text, _>(path)
                .execute(conn)?;
        }
        (DbConnection::Postgres(conn), _) => conn.batch_execute("SET statement_timeout=0")?,
        (DbConnection::Sqlite(_), None) => {}
    }
    transaction(&mut conn, work)
}

/// Whether the database that is attached has gone on from this copy.
///
/// # Errors
///
/// Those of the databases.
pub fn goes_on_from(conn: &mut DbConnection) -> Result<bool, StorageError> {
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Bool)]
        found: bool,
    }
    let DbConnection::Sqlite(conn) = conn else { return Ok(false) };
    Ok(diesel::sql_query(GOES_ON_FROM).get_result::<Answer>(conn)?.found)
}

/// Carries over from the database that is attached what ended since this copy was made: with `whole`,
/// which is for one that has gone on from the copy, also what its missing rows say, and then what
/// lives in both goes on.
///
/// # Errors
///
/// Those of the databases.
pub fn carry(
    conn: &mut DbConnection,
    whole: bool,
    now: Timestamp,
) -> Result<Vec<Carried>, StorageError> {
    let DbConnection::Sqlite(conn) = conn else { return Ok(Vec::new()) };
    let gone: &[Ending] = if whole { &GONE } else { &[] };
    let mut carried: Vec<Carried> = Vec::new();
    for ending in SAID.iter().chain(gone) {
        let sql = ending.sql.replace(":now", &now.as_unix().to_string());
        let rows = diesel::sql_query(sql).execute(conn)?;
        match carried.iter_mut().find(|known| known.name == ending.name) {
            Some(known) => known.rows += rows,
            None => carried.push(Carried { name: ending.name, rows }),
        }
    }
    if whole {
        conn.batch_execute(GOES_ON)?;
    }
    carried.retain(|kind| kind.rows > 0);
    Ok(carried)
}
