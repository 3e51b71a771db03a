//! The audit log: who did what to whom, written in the transaction that did it.

use super::pattern::{self, ESCAPE, lower};
use super::schema::audit::{self as table, dsl};
use super::schema::{clients, login_names};
use super::{DbConnection, StorageError};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// An entry to write. Never holds a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct NewEvent {
    pub at: i64,
    /// `user:ID`, `client:ID`, `cli`, `setup` or `system`.
    pub actor: String,
    /// What was done, as `noun.verb`.
    pub action: String,
    pub target: Option<String>,
    pub client_id: Option<String>,
    pub user_id: Option<String>,
    /// `ok`, `denied` or `failed`.
    pub result: String,
    pub ip: Option<String>,
    pub request_code: Option<String>,
    pub details: Option<String>,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = table)]
pub struct Event {
    pub seq: i64,
    pub at: i64,
    pub actor: String,
    pub action: String,
    pub target: Option<String>,
    pub client_id: Option<String>,
    pub user_id: Option<String>,
    pub result: String,
    pub ip: Option<String>,
    pub request_code: Option<String>,
    pub details: Option<String>,
}

/// How an entry has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Written just so.
    Exactly(String),
    /// With this in it, or about people and clients who have it in a name. An action that is given
    /// with its dot begins so: `user.`.
    Part(String),
}

/// Which entries to list; what is absent does not matter.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub actor: Option<Wanted>,
    pub action: Option<Wanted>,
    pub target: Option<Wanted>,
    pub user_id: Option<String>,
    pub result: Option<String>,
    pub ip: Option<String>,
    pub request_code: Option<String>,
    /// Only those before this number.
    pub before: Option<i64>,
    pub limit: i64,
}

/// Writes an entry.
pub fn insert(conn: &mut DbConnection, event: &NewEvent) -> Result<(), StorageError> {
    on!(conn, |c| diesel::insert_into(table::table).values(event).execute(c))?;
    Ok(())
}

/// Lists entries, the newest first.
pub fn list(conn: &mut DbConnection, query: &EventQuery) -> Result<Vec<Event>, StorageError> {
    let query = query.clone();
    let mut rows = named(dsl::audit.into_boxed(), &query).select(Event::as_select());
    if let Some(from) = query.from {
        rows = rows.filter(dsl::at.ge(from.as_unix()));
    }
    if let Some(to) = query.to {
        rows = rows.filter(dsl::at.lt(to.as_unix()));
    }
    if let Some(user_id) = query.user_id {
        rows = rows.filter(dsl::user_id.eq(user_id));
    }
    if let Some(result) = query.result {
        rows = rows.filter(dsl::result.eq(result));
    }
    if let Some(ip) = query.ip {
        rows = rows.filter(dsl::ip.eq(ip));
    }
    if let Some(request_code) = query.request_code {
        rows = rows.filter(dsl::request_code.eq(request_code));
    }
    if let Some(before) = query.before {
        rows = rows.filter(dsl::seq.lt(before));
    }
    Ok(rows.order(dsl::seq.desc()).limit(query.limit.clamp(1, 10_000)).load(conn)?)
}

type Rows = table::BoxedQuery<'static, <DbConnection as Connection>::Backend>;

/// The entries with the actor, the action and the target that are wanted.
fn named(rows: Rows, query: &EventQuery) -> Rows {
    // People by what they sign in with, clients by their name.
    let people = |part: &str| {
        let pattern = pattern::containing(part);
        login_names::table.filter(login_names::canonical.like(pattern).escape(ESCAPE))
    };
    let apps = |part: &str| {
        let small = lower(clients::name).like(pattern::containing(part)).escape(ESCAPE);
        let typed = clients::name.like(pattern::containing_as_typed(part)).escape(ESCAPE);
        let written = "client:".into_sql::<Text>().concat(clients::id);
        clients::table.filter(small.or(typed)).select(written)
    };
    let rows = match query.actor.clone() {
        Some(Wanted::Exactly(actor)) => rows.filter(dsl::actor.eq(actor)),
        Some(Wanted::Part(part)) => {
            let written = "user:".into_sql::<Text>().concat(login_names::user_id);
            let actor = lower(dsl::actor).like(pattern::containing(&part)).escape(ESCAPE);
            let somebody = dsl::actor.eq_any(people(&part).select(written));
            rows.filter(actor.or(somebody).or(dsl::actor.eq_any(apps(&part))))
        }
        None => rows,
    };
    let rows = match query.action.clone() {
        Some(Wanted::Exactly(action)) => rows.filter(dsl::action.eq(action)),
        Some(Wanted::Part(part)) => {
            let pattern = match part.contains('.') {
                true => pattern::beginning(&part),
                false => pattern::containing(&part),
            };
            rows.filter(dsl::action.like(pattern).escape(ESCAPE))
        }
        None => rows,
    };
    match query.target.clone() {
        Some(Wanted::Exactly(target)) => rows.filter(dsl::target.eq(target)),
        Some(Wanted::Part(part)) => {
            let (target, user_id) = (dsl::target.assume_not_null(), dsl::user_id.assume_not_null());
            let written = lower(target).like(pattern::containing(&part)).escape(ESCAPE);
            let somebody = user_id.eq_any(people(&part).select(login_names::user_id));
            rows.filter(written.or(somebody).or(target.eq_any(apps(&part))))
        }
        None => rows,
    }
}

/// How often an action ended in a result since `from`.
pub fn count_since(
    conn: &mut DbConnection,
    action: &str,
    result: &str,
    from: Timestamp,
) -> Result<i64, StorageError> {
    Ok(dsl::audit
        .filter(dsl::at.ge(from.as_unix()))
        .filter(dsl::action.eq(action))
        .filter(dsl::result.eq(result))
        .count()
        .get_result(conn)?)
}

/// How often an action ended in each result between two moments.
pub fn count_results(
    conn: &mut DbConnection,
    action: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(String, i64)>, StorageError> {
    Ok(dsl::audit
        .filter(dsl::at.ge(from.as_unix()))
        .filter(dsl::at.lt(to.as_unix()))
        .filter(dsl::action.eq(action))
        .group_by(dsl::result)
        .select((dsl::result, diesel::dsl::count_star()))
        .load(conn)?)
}

/// The number of the newest entry; 0 when there is none.
pub fn head(conn: &mut DbConnection) -> Result<i64, StorageError> {
    let max: Option<i64> = dsl::audit.select(diesel::dsl::max(dsl::seq)).get_result(conn)?;
    Ok(max.unwrap_or(0))
}

/// When each client last did `action` (unix seconds), among the entries after `seq`.
pub fn last_by_client(
    conn: &mut DbConnection,
    action: &str,
    seq: i64,
) -> Result<Vec<(String, i64)>, StorageError> {
    let rows: Vec<(Option<String>, Option<i64>)> = dsl::audit
        .filter(dsl::seq.gt(seq))
        .filter(dsl::action.eq(action))
        .filter(dsl::client_id.is_not_null())
        .group_by(dsl::client_id)
        .select((dsl::client_id, diesel::dsl::max(dsl::at)))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(client, at)| client.zip(at)).collect())
}
