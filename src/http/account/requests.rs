//! What apps ask of a person who is elsewhere (OpenID Connect CIBA §8): a list, and for each request
//! the page that asks for consent.

use super::here::{Answer, Here, Instead, Posted};
use crate::domain::authorize::answer;
use crate::domain::authorize::interaction::Interaction;
use crate::domain::clients::{self, RegisteredClient};
use crate::domain::deferred::ciba::{self, Waiting};
use crate::http::interaction::{Via, advance, reply};
use crate::http::page::Nav;
use crate::http::views::account::{AppRequest, AppRequests};
use crate::http::views::initials;
use std::sync::Arc;

/// Shows what waits.
pub async fn get(here: Here) -> Answer {
    let page = here.page(Nav::Requests);
    let now = here.provider().now();
    let mut requests = Vec::new();
    for (client, waiting) in waiting(&here).await? {
        let Some(asked) = &waiting.request.elsewhere else { continue };
        requests.push(AppRequest {
            id: waiting.id.clone(),
            name: client.name.clone(),
            initials: initials(&client.name),
            domain: client.domain().unwrap_or_default(),
            message: asked.shown.clone(),
            asked: page.text.ago(asked.asked_at, now),
            address: asked.address.clone().unwrap_or_default(),
        });
    }
    Ok(here.show(AppRequests { page, requests }.respond()))
}

/// Goes on to the page that asks, or refuses at once. Somebody else's request is none.
pub async fn post(posted: Posted) -> Answer {
    let here = &posted.here;
    let id = posted.field("request");
    let found = waiting(here).await?.into_iter().find(|(_, waiting)| waiting.id == id);
    let (client, waiting) = found.ok_or_else(|| here.not_found())?;
    let provider = here.provider();
    let interaction = Interaction::start(waiting.request, provider.random.as_ref(), provider.now());
    if posted.field("decision") != "deny" {
        return Ok(advance(&here.visitor, interaction, Via::Post).await);
    }
    let signed_in = &here.signed_in;
    let denied = answer::deny(provider, &client, &interaction, signed_in, &here.actor()).await;
    match denied {
        Ok(ending) => Ok(reply(&here.visitor, &client, ending, Via::Post).await),
        Err(_) => Err(here.not_found()),
    }
}

/// What waits for the person, with whoever asked; a client that is gone asks for nothing.
pub async fn waiting(here: &Here) -> Result<Vec<(Arc<RegisteredClient>, Waiting)>, Instead> {
    let all = ciba::list(here.provider(), here.user_id()).await;
    let mut found = Vec::new();
    for waiting in all.map_err(|error| here.fault(&error))? {
        let client = clients::find(here.provider(), &waiting.request.client_id).await;
        if let Some(client) = client.map_err(|error| here.fault(&error))? {
            found.push((client, waiting));
        }
    }
    Ok(found)
}
