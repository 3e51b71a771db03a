//! Accounts as text and as JSON.

use super::{List, find};
use crate::cli::context::Context;
use crate::cli::output::{CliError, date, fields, next_page, table};
use crate::domain::identity::users::{self, Account, Session, UserQuery};
use crate::protocol::time::Timestamp;
use serde_json::{Value, json};

/// `user list`.
pub fn list(context: &Context<'_>, asked: &List) -> Result<(), CliError> {
    let query = asked.query();
    let limit = query.limit;
    let accounts = context.with_ground(|ground, _| async move {
        let after = match &asked.cursor {
            Some(name) => Some(find(&ground, name).await?.user),
            None => None,
        };
        let after = after.map(|user| (user.created_at, user.id));
        Ok(users::list(&ground, UserQuery { after, ..query }).await?)
    })?;
    let next = next_page(&accounts, limit, |account| &account.user.id);
    let document = Value::Array(accounts.iter().map(document).collect());
    context.output.write(&document, || {
        let row = |account: &Account| {
            let user = &account.user;
            vec![
                user.id.clone(),
                user.email.clone(),
                user.name.clone().unwrap_or_default(),
                if user.blocked_at.is_some() { "blocked".into() } else { "active".into() },
                account.roles.join(","),
            ]
        };
        let rows: Vec<_> = accounts.iter().map(row).collect();
        table(&["ID", "EMAIL", "NAME", "STATUS", "ROLES"], &rows) + &next
    });
    Ok(())
}

/// `user show`.
pub fn one(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let (account, sessions) = context.with_ground(|ground, _| async move {
        let account = find(&ground, name).await?;
        let sessions = users::live_sessions(&ground, &account.user.id).await?;
        Ok((account, sessions))
    })?;
    let mut document = document(&account);
    document["sessions"] = Value::Array(sessions.iter().map(session).collect());
    context.output.write(&document, || {
        let row = |session: &Session| {
            vec![
                session.sid.clone(),
                date(session.auth_time),
                date(session.last_seen_at),
                session.ip.clone().unwrap_or_default(),
            ]
        };
        let rows: Vec<_> = sessions.iter().map(row).collect();
        let sessions = match rows.is_empty() {
            true => "No sessions.".to_owned(),
            false => table(&["SESSION", "SIGNED IN", "LAST SEEN", "ADDRESS"], &rows),
        };
        format!("{}\n{sessions}", text(&account))
    });
    Ok(())
}

fn session(session: &Session) -> Value {
    json!({
        "sid": session.sid,
        "auth_time": session.auth_time,
        "amr": session.amr,
        "last_seen_at": session.last_seen_at,
        "expires_at": session.expires_at,
        "ip": session.ip,
        "user_agent": session.user_agent,
    })
}

/// An account as JSON; times are unix seconds.
pub fn document(account: &Account) -> Value {
    let user = &account.user;
    let unix = |time: Option<Timestamp>| time.map(Timestamp::as_unix);
    json!({
        "id": user.id,
        "sub": user.id,
        "email": user.email,
        "email_verified": user.email_verified,
        "username": user.username,
        "name": user.name,
        "claims": user.claims,
        "language": user.language,
        "roles": account.roles,
        "groups": account.groups,
        "has_password": user.password_hash.is_some(),
        "blocked": user.blocked_at.is_some(),
        "blocked_at": unix(user.blocked_at),
        "blocked_reason": user.blocked_reason,
        "created_at": user.created_at.as_unix(),
        "updated_at": user.updated_at.as_unix(),
        "last_sign_in_at": unix(user.last_sign_in_at),
    })
}

/// An account as text.
pub fn text(account: &Account) -> String {
    let user = &account.user;
    let when = |time: Option<Timestamp>| time.map(|time| date(time.as_unix()));
    let names = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
    let claims = (!user.claims.is_empty()).then(|| Value::Object(user.claims.clone()).to_string());
    let verified = if user.email_verified { "" } else { " (not verified)" };
    fields(&[
        ("id", Some(user.id.clone())),
        ("email", Some(format!("{}{verified}", user.email))),
        ("username", user.username.clone()),
        ("name", user.name.clone()),
        ("roles", names(&account.roles)),
        ("groups", names(&account.groups)),
        ("claims", claims),
        ("password", user.password_hash.is_none().then(|| "none".to_owned())),
        ("blocked", when(user.blocked_at)),
        ("reason", user.blocked_reason.clone()),
        ("created", when(Some(user.created_at))),
        ("last sign-in", when(user.last_sign_in_at)),
    ])
}
