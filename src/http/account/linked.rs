//! Accounts at other providers: linking one to the account here, and taking it off again.

use super::here::{Answer, Here, Instead, Posted, instead};
use crate::domain::federation::{self, LinkedAccount, Purpose, UnlinkError};
use crate::http::interaction::{away, see_other};
use crate::http::page::{Nav, Notice, Page};
use crate::http::views::Link;
use crate::http::views::account::LinkedLine;
use crate::http::views::confirm::{Act, Confirm};
use crate::http::views::error::ErrorPage;
use crate::http::views::interaction::Returning;
use crate::protocol::time::Timestamp;
use actix_web::web;

const PAGE: &str = "/account/security";

/// What the security page shows of them, and the providers that are not linked yet.
pub async fn lines(here: &Here, page: &Page) -> Result<(Vec<LinkedLine>, Vec<Link>), Instead> {
    let links = linked(here).await?;
    let offered = here.provider().upstreams.offered();
    let name = |slug: &str| {
        let own = offered.iter().find(|one| one.slug == slug);
        own.map_or_else(|| slug.to_owned(), |one| one.name.clone())
    };
    let now = here.provider().now();
    let line = |link: &LinkedAccount| LinkedLine {
        name: name(&link.slug),
        label: link.label.clone(),
        used: page.text.ago(Timestamp::from_unix(link.last_used_at), now),
        remove_url: format!("/account/linked/{}/remove", link.id),
    };
    let new = offered.iter().filter(|one| links.iter().all(|link| link.slug != one.slug));
    let new = new.map(|one| Link {
        label: one.name.clone(),
        href: format!("/account/linked/new/{}", one.slug),
    });
    Ok((links.iter().map(line).collect(), new.collect()))
}

async fn linked(here: &Here) -> Result<Vec<LinkedAccount>, Instead> {
    let links = federation::linked_accounts(here.provider(), here.user_id()).await;
    links.map_err(|error| here.fault(&error.into()))
}

/// Sends the person to a provider, to prove an account there. Who can sign in is sensitive.
pub async fn start(posted: Posted, slug: web::Path<String>) -> Answer {
    let here = &posted.here;
    here.demand_recent()?;
    let upstream = here.provider().upstreams.find(&slug).ok_or_else(|| here.not_found())?;
    let purpose = Purpose::Link {
        user_id: here.user_id().to_owned(),
        sid: here.signed_in.session.sid.clone(),
    };
    let visitor = &here.visitor;
    let Ok((url, held)) = away(visitor, &upstream, purpose, true).await else {
        return Ok(here.done(Notice::LinkFailed, PAGE));
    };
    // What follows a form post falls under `form-action`, so a page leads on.
    let sent = Returning { page: visitor.page(), app: upstream.name.clone(), url }.respond();
    match sent {
        Ok(response) => Ok(visitor.hold(response, &held)),
        Err(_) => Ok(here.done(Notice::LinkFailed, PAGE)),
    }
}

/// Whoever comes by an address has to come by the page.
pub async fn to_page(_: Here) -> Answer {
    Ok(see_other(PAGE))
}

/// Asks before one is taken off.
pub async fn ask(here: Here, id: web::Path<String>) -> Answer {
    let links = linked(&here).await?;
    let link = links.iter().find(|link| link.id == *id).ok_or_else(|| here.not_found())?;
    let act = Act::Unlink { account: &link.label };
    let action = format!("/account/linked/{}/remove", link.id);
    let view = Confirm::new(here.page(Nav::Security), act, &action, PAGE);
    Ok(here.show(view.respond()))
}

/// Takes it off.
pub async fn remove(posted: Posted, id: web::Path<String>) -> Answer {
    let here = &posted.here;
    here.demand_recent()?;
    let gone = federation::unlink(here.provider(), &here.signed_in, &id, &here.actor()).await;
    match gone {
        Ok(()) => Ok(here.done(Notice::AccountUnlinked, PAGE)),
        Err(UnlinkError::NotFound) => Err(here.not_found()),
        Err(UnlinkError::LastWayIn) => {
            let page = here.page(Nav::Security);
            let response = ErrorPage::conflict(page, "error-last-way-in").respond();
            Err(instead("the last way in", response))
        }
        Err(UnlinkError::Storage(error)) => Err(here.fault(&error.into())),
    }
}
