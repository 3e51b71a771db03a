//! The apps that use the account, and taking their access away.

use super::here::{Answer, Here, Instead, Posted};
use crate::domain::clients::initiate;
use crate::domain::consent;
use crate::domain::identity::account::{self, ConnectedApp};
use crate::domain::resources::words;
use crate::http::page::{Nav, Notice, Page};
use crate::http::views::account::{ConnectedApp as AppLine, ConnectedApps};
use crate::http::views::confirm::{Act, Confirm};
use crate::http::views::initials;
use crate::http::views::interaction::ScopeLine;
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use actix_web::web;
use std::collections::BTreeMap;

const PAGE: &str = "/account/apps";

/// Shows the apps.
pub async fn get(here: Here) -> Answer {
    let (page, now) = (here.page(Nav::Apps), here.provider().now());
    let apps = apps(&here).await?;
    let allowed = apps.iter().fold(Scope::default(), |all, app| all.union(&app.scope));
    let words = words::of_scopes(here.provider(), &allowed, &[], page.text.language().tag()).await;
    let words = words.map_err(|error| here.fault(&error))?;
    let issuer = &here.provider().issuer;
    let apps = apps.iter().map(|app| line(&page, issuer, &words, app, now)).collect();
    Ok(here.show(ConnectedApps { page, apps }.respond()))
}

/// Asks before one loses its access.
pub async fn ask(here: Here, client_id: web::Path<String>) -> Answer {
    let mut apps = apps(&here).await?.into_iter();
    let app = apps.find(|app| app.client.id == *client_id).ok_or_else(|| here.not_found())?;
    let act = Act::RemoveAccess { app: &app.client.name };
    let view = Confirm::new(here.page(Nav::Apps), act, &remove_url(&app.client.id), PAGE);
    Ok(here.show(view.respond()))
}

/// Takes the access of one away.
pub async fn remove(posted: Posted, client_id: web::Path<String>) -> Answer {
    let here = &posted.here;
    let gone = consent::withdraw(here.provider(), here.user_id(), &client_id, &here.actor()).await;
    match gone.map_err(|error| here.fault(&error))? {
        true => Ok(here.done(Notice::AccessRemoved, PAGE)),
        false => Err(here.not_found()),
    }
}

async fn apps(here: &Here) -> Result<Vec<ConnectedApp>, Instead> {
    let apps = account::connected_apps(here.provider(), here.user_id()).await;
    apps.map_err(|error| here.fault(&error))
}

/// An app, with what it may do in the words of the consent page.
fn line(
    page: &Page,
    issuer: &str,
    words: &BTreeMap<String, String>,
    app: &ConnectedApp,
    now: Timestamp,
) -> AppLine {
    let lines = app.scope.iter().filter_map(|scope| ScopeLine::of(page.text, words, scope, ""));
    AppLine {
        name: app.client.name.clone(),
        initials: initials(&app.client.name),
        domain: app.client.domain().unwrap_or_default(),
        access: lines.map(|line| line.meaning).collect(),
        since: page.text.date(app.since),
        last_used: app.last_used.map(|at| page.text.ago(at, now)),
        remove_url: remove_url(&app.client.id),
        open_url: initiate::start_url(&app.client, issuer),
    }
}

/// A `client_id` has only characters that need no escape in a path.
fn remove_url(client_id: &str) -> String {
    format!("{PAGE}/{client_id}/remove")
}
