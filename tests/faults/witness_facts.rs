//! What the database says about what a witness has seen.

use super::stage::Stage;
use super::witness::{Answer, Event, Witness};
use countersign::domain::digest::{authorization_of_code, refresh_key};
use countersign::protocol::time::{Clock, Lifetime, SystemClock, Timestamp};
use countersign::storage::{
    DbConnection, StorageError, authorization_codes, issued_tokens, refresh_tokens, revocations,
    users,
};
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use std::collections::BTreeSet;

/// Of everything that a witness has seen, what the database knows.
#[derive(Debug, Default, Clone)]
pub struct Stored {
    /// What has expired by then may be gone: unix seconds, a minute after it was asked.
    pub until: i64,
    pub spent_codes: BTreeSet<String>,
    pub refresh_tokens: BTreeSet<String>,
    pub spent_refresh_tokens: BTreeSet<String>,
    /// By their `jti`.
    pub tokens: BTreeSet<String>,
    /// By their login names.
    pub blocked: BTreeSet<String>,
    /// By their login names.
    pub ended: BTreeSet<String>,
    /// By their `jti`.
    pub revoked: BTreeSet<String>,
    /// How many tokens were recorded, and how many entries about that the log has.
    pub issued_and_audited: Option<(usize, usize)>,
    /// How many entries about blocks the log has.
    pub blocks_audited: Option<usize>,
}

/// Expired rows are looked at too.
const LONG_AGO: Timestamp = Timestamp::from_unix(0);

impl Stored {
    /// Asks the database of a stage.
    pub async fn of(stage: &Stage, witness: &Witness) -> Self {
        let events = witness.events();
        let read = move |conn: &mut DbConnection| {
            let until = (SystemClock.now() + Lifetime::minutes(1)).as_unix();
            let mut stored = Self { until, ..Self::default() };
            for event in &events {
                stored.look_up(conn, event)?;
            }
            Ok(stored)
        };
        let mut stored = stage.db().await.read(read).await.expect("the database can be read");
        let url = stage.database_url.clone();
        let counted = move || (issued_and_audited(&url), count(&url, BLOCKS));
        let counted = tokio::task::spawn_blocking(counted).await.expect("no panic");
        (stored.issued_and_audited, stored.blocks_audited) = (Some(counted.0), Some(counted.1));
        stored
    }

    fn look_up(&mut self, conn: &mut DbConnection, event: &Event) -> Result<(), StorageError> {
        match event {
            Event::Redeemed { code, answer, .. } => {
                self.answer(conn, answer)?;
                let id = authorization_of_code(code).unwrap_or_default();
                if authorization_codes::is_spent(conn, id)? {
                    self.spent_codes.insert(code.clone());
                }
            }
            Event::Refreshed { token, answer, .. } => {
                self.answer(conn, answer)?;
                self.refresh_token(conn, token)?;
            }
            Event::Blocked { user, .. } => {
                let found = users::find_by_login_name(conn, user)?;
                if found.is_some_and(|user| user.blocked_at.is_some()) {
                    self.blocked.insert(user.clone());
                }
            }
            Event::Ended { user, keys, .. } => {
                let keys = keys.each_ref().map(String::as_str);
                if !revocations::find(conn, &keys, LONG_AGO)?.is_empty() {
                    self.ended.insert(user.clone());
                }
            }
            Event::Revoked { jti, .. } => {
                if !revocations::find(conn, &[jti], LONG_AGO)?.is_empty() {
                    self.revoked.insert(jti.clone());
                }
            }
            Event::Code { .. }
            | Event::Accepted { .. }
            | Event::Denied { .. }
            | Event::SignedOut { .. }
            | Event::Ending { .. }
            | Event::Asked { .. } => {}
        }
        Ok(())
    }

    fn answer(&mut self, conn: &mut DbConnection, answer: &Answer) -> Result<(), StorageError> {
        let Answer::Given(grant) = answer else { return Ok(()) };
        let expires_at = Timestamp::from_unix(grant.expires_at);
        if issued_tokens::find(conn, &grant.jti, expires_at)?.is_some() {
            self.tokens.insert(grant.jti.clone());
        }
        self.refresh_token(conn, &grant.refresh_token)
    }

    fn refresh_token(&mut self, conn: &mut DbConnection, token: &str) -> Result<(), StorageError> {
        if let Some(found) = refresh_tokens::find(conn, &refresh_key(token), LONG_AGO)? {
            self.refresh_tokens.insert(token.to_owned());
            if found.spent_at.is_some() {
                self.spent_refresh_tokens.insert(token.to_owned());
            }
        }
        Ok(())
    }
}

const BLOCKS: &str =
    "SELECT count(*) AS n FROM audit WHERE action = 'user.block' AND result = 'ok'";

/// Counted beside the code of the product. The log has an entry for each recorded token (I6).
fn issued_and_audited(database_url: &str) -> (usize, usize) {
    let issued = count(database_url, "SELECT count(*) AS n FROM issued_tokens");
    let audited = "SELECT count(*) AS n FROM audit WHERE action = 'token.issue' AND result = 'ok'";
    (issued, count(database_url, audited))
}

/// What a query that counts says.
pub fn count(database_url: &str, query: &str) -> usize {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }

    let counted = match database_url.strip_prefix("sqlite://") {
        Some(path) => {
            let mut conn = SqliteConnection::establish(path).expect("the database opens");
            conn.batch_execute("PRAGMA busy_timeout = 5000").expect("it is one word");
            sql_query(query).get_result::<Count>(&mut conn)
        }
        None => {
            let mut conn = PgConnection::establish(database_url).expect("the database answers");
            sql_query(query).get_result::<Count>(&mut conn)
        }
    };
    usize::try_from(counted.expect("it can be counted").n).expect("a count")
}

/// Changes something beside the provider.
pub fn run(database_url: &str, statement: &str) {
    let done = match database_url.strip_prefix("sqlite://") {
        Some(path) => {
            let mut conn = SqliteConnection::establish(path).expect("the database opens");
            conn.batch_execute("PRAGMA busy_timeout = 5000").expect("it is one word");
            sql_query(statement).execute(&mut conn)
        }
        None => {
            let mut conn = PgConnection::establish(database_url).expect("the database answers");
            sql_query(statement).execute(&mut conn)
        }
    };
    done.expect("the statement is right");
}
