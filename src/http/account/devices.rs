//! Where the person is signed in, and signing out there.

use super::here::{Answer, Here, Instead, Posted};
use crate::domain::identity::account::{self, Session};
use crate::domain::logout;
use crate::http::interaction::see_other;
use crate::http::page::{Nav, Notice, Page};
use crate::http::views::account::{Devices, Session as SessionLine};
use crate::http::views::confirm::{Act, Confirm};
use crate::http::views::device::describe;
use crate::protocol::time::Timestamp;
use actix_web::web;

const PAGE: &str = "/account/devices";
const OTHERS: &str = "/account/devices/others/sign-out";

/// Shows the sessions, this one first.
pub async fn get(here: Here) -> Answer {
    let mut sessions = sessions(&here).await?;
    sessions.sort_by_key(|session| session.sid != here.signed_in.session.sid);
    let page = here.page(Nav::Devices);
    let sessions = sessions.iter().map(|session| line(&here, &page, session)).collect();
    Ok(here.show(Devices { page, sessions }.respond()))
}

/// Asks before one of them ends.
pub async fn ask(here: Here, sid: web::Path<String>) -> Answer {
    let session = find(&here, &sid).await?;
    let page = here.page(Nav::Devices);
    let device = device(&page, &session);
    let view = Confirm::new(page, Act::EndSession { device: &device }, &end_url(&sid), PAGE);
    Ok(here.show(view.respond()))
}

/// Ends one of them.
pub async fn end(posted: Posted, sid: web::Path<String>) -> Answer {
    let here = &posted.here;
    let ended = logout::end_session(here.provider(), here.user_id(), &sid, &here.actor()).await;
    if !ended.map_err(|error| here.fault(&error))? {
        return Err(here.not_found());
    }
    if *sid == here.signed_in.session.sid {
        return Ok(here.visitor.leave(see_other("/login?next=/account")));
    }
    Ok(here.done(Notice::SessionEnded, PAGE))
}

/// Asks before all others end.
pub async fn ask_for_others(here: Here) -> Answer {
    let view = Confirm::new(here.page(Nav::Devices), Act::EndOtherSessions, OTHERS, PAGE);
    Ok(here.show(view.respond()))
}

/// Ends all but this one.
pub async fn end_others(posted: Posted) -> Answer {
    let here = &posted.here;
    let ended = account::end_other_sessions(here.provider(), &here.signed_in, &here.actor()).await;
    ended.map_err(|error| here.fault(&error))?;
    Ok(here.done(Notice::OtherSessionsEnded, PAGE))
}

async fn sessions(here: &Here) -> Result<Vec<Session>, Instead> {
    let live = account::live_sessions(here.provider(), here.user_id()).await;
    live.map_err(|error| here.fault(&error))
}

/// A session of this person; that of another is not there.
async fn find(here: &Here, sid: &str) -> Result<Session, Instead> {
    let own = sessions(here).await?.into_iter().find(|session| session.sid == sid);
    own.ok_or_else(|| here.not_found())
}

fn line(here: &Here, page: &Page, session: &Session) -> SessionLine {
    let now = here.provider().now();
    let ago = |at| page.text.ago(Timestamp::from_unix(at), now);
    SessionLine {
        device: device(page, session),
        ip: session.ip.clone().unwrap_or_default(),
        signed_in: ago(session.created_at),
        last_seen: ago(session.last_seen_at),
        current: session.sid == here.signed_in.session.sid,
        end_url: end_url(&session.sid),
    }
}

fn device(page: &Page, session: &Session) -> String {
    describe(page.text, session.user_agent.as_deref().unwrap_or_default())
}

fn end_url(sid: &str) -> String {
    format!("{PAGE}/{sid}/sign-out")
}
