//! Signing one browser of a person out.

use super::account_acts::mistake;
use super::guard::{Admin, Answer, Posted, Stop};
use super::list::below;
use crate::domain::identity::users::{self, Session};
use crate::http::page::{Nav, Notice};
use crate::http::views::confirm::{Act, Confirm};
use crate::http::views::device;
use actix_web::web::Path;

/// The address of the page that asks.
pub fn address(user_id: &str, sid: &str) -> String {
    let sessions = format!("{}/sessions", below("/admin/users", user_id));
    format!("{}/sign-out", below(&sessions, sid))
}

/// Asks.
pub async fn ask(admin: Admin, path: Path<(String, String)>) -> Answer {
    let session = found(&admin, &path).await?;
    admin.recent()?;
    Ok(page(&admin, &session).respond())
}

/// Does it.
pub async fn end(admin: Admin, path: Path<(String, String)>, posted: Posted) -> Answer {
    let session = found(&admin, &path).await?;
    admin.recent()?;
    let reason = posted.field("reason");
    if let Some(problem) = mistake(&reason) {
        return Ok(page(&admin, &session).refused(&reason, problem).respond());
    }
    let (id, sid) = (&session.user_id, &session.sid);
    let actor = admin.actor().because(&reason);
    admin.account(users::end_session(&admin.ground(), id, sid, &actor).await)?;
    admin.changed().await?;
    Ok(admin.done(&below("/admin/users", id), Notice::SessionEnded))
}

/// A live session of this person; that of another is not there.
async fn found(admin: &Admin, (id, sid): &(String, String)) -> Result<Session, Stop> {
    let live = admin.read(users::live_sessions(&admin.ground(), id).await)?;
    admin.found(live.into_iter().find(|session| session.sid == *sid))
}

fn page(admin: &Admin, session: &Session) -> Confirm {
    let page = admin.page(Nav::Users);
    let agent = session.user_agent.as_deref().unwrap_or_default();
    let device = device::describe(page.text, agent);
    let action = address(&session.user_id, &session.sid);
    let back = below("/admin/users", &session.user_id);
    Confirm::new(page, Act::EndUserSession { device: &device }, &action, &back)
}
