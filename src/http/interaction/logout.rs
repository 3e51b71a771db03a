//! Sign-out (OpenID Connect RP-Initiated Logout 1.0).

use super::flow;
use super::{Visitor, see_other};
use crate::domain::clients;
use crate::domain::identity::sessions::{self, SignedIn};
use crate::domain::logout::front_channel::{self, Frame};
use crate::domain::logout::{self, LogoutRequest};
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, QueryParams};
use crate::http::views::error::ErrorPage;
use crate::http::views::interaction::{
    CheckSession, LogoutConfirm, Returning, SignedOut, SigningOut,
};
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use actix_web::HttpResponse;

/// What a request to sign out may carry, to be carried on.
const PARAMETERS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// An app sends somebody here to be signed out.
pub async fn get(visitor: Visitor, query: Result<QueryParams, JsonError>) -> HttpResponse {
    let Ok(QueryParams(query)) = query else { return refused(&visitor, None) };
    let request = match logout::check(&visitor.state.provider, &query).await {
        Ok(request) => request,
        Err(error) => return refused(&visitor, Some(&error)),
    };
    let signed_in = match visitor.signed_in().await {
        Ok(signed_in) => signed_in,
        Err(error) => return flow::fault(&visitor, &error),
    };
    let Some(signed_in) = signed_in else { return done(&visitor, &request) };
    let provider = &visitor.state.provider;
    match logout::is_sure(provider, &request, &signed_in).await {
        Ok(true) => match sign_out(&visitor, &signed_in).await {
            Ok(frames) if frames.is_empty() => visitor.leave(done(&visitor, &request)),
            Ok(frames) => visitor.leave(told_here(&visitor, &request, frames)),
            Err(error) => flow::fault(&visitor, &error),
        },
        Ok(false) => ask(&visitor, &query, &request).await,
        Err(error) => flow::fault(&visitor, &error),
    }
}

/// The person decides, or an app posts its request.
pub async fn post(visitor: Visitor, form: Result<FormParams, JsonError>) -> HttpResponse {
    let Ok(FormParams(form)) = form else { return refused(&visitor, None) };
    if !visitor.posted_from_our_page(&form) {
        // From an app's page the session cookie does not come along; it does with a plain request.
        return match form.has("csrf") {
            true => ErrorPage::form(visitor.page()).respond(),
            false => see_other(&format!("/logout?{}", carried_query(&form))),
        };
    }
    if form.one("decision").ok().flatten() == Some("stay") {
        return see_other("/account");
    }
    let request = match logout::check(&visitor.state.provider, &form).await {
        Ok(request) => request,
        Err(error) => return refused(&visitor, Some(&error)),
    };
    let frames = match end(&visitor).await {
        Ok(frames) => frames,
        Err(error) => return flow::fault(&visitor, &error),
    };
    if !frames.is_empty() {
        return visitor.leave(told_here(&visitor, &request, frames));
    }
    let page = visitor.page();
    let response = match request.return_to {
        None => SignedOut { page }.respond(),
        Some(url) => {
            let app = app_name(&visitor, &form, request.hint.as_ref().map(|hint| &*hint.client_id));
            let sent = Returning { page, app: app.await, url }.respond();
            sent.unwrap_or_else(|error| flow::fault(&visitor, &OAuthError::server_error(error)))
        }
    };
    visitor.leave(response)
}

async fn end(visitor: &Visitor) -> Result<Vec<Frame>, OAuthError> {
    match visitor.signed_in().await? {
        Some(signed_in) => sign_out(visitor, &signed_in).await,
        None => Ok(Vec::new()),
    }
}

/// Signs the person out, and gives the pages by which the browser tells apps.
async fn sign_out(visitor: &Visitor, signed_in: &SignedIn) -> Result<Vec<Frame>, OAuthError> {
    let provider = &visitor.state.provider;
    let actor = visitor.actor(format!("user:{}", signed_in.user.id));
    logout::sign_out(provider, signed_in, &actor).await?;
    front_channel::frames(provider, &signed_in.user.id, &signed_in.session.sid).await
}

/// The page that loads those pages, and then leads on.
fn told_here(visitor: &Visitor, request: &LogoutRequest, frames: Vec<Frame>) -> HttpResponse {
    let (frames, mut origins): (Vec<_>, Vec<_>) =
        frames.into_iter().map(|frame| (frame.uri, frame.origin)).unzip();
    origins.sort_unstable();
    origins.dedup();
    let (page, url) = (visitor.page(), request.return_to.clone());
    let told = SigningOut { page, frames, origins, url }.respond();
    told.unwrap_or_else(|error| flow::fault(visitor, &OAuthError::server_error(error)))
}

/// The frame in which apps see whether somebody is signed in.
pub async fn check_session(visitor: Visitor) -> HttpResponse {
    match visitor.state.provider.features.session_management {
        true => CheckSession { page: visitor.page() }.respond(),
        false => ErrorPage::not_found(visitor.page()).respond(),
    }
}

/// Takes the browser's state away when its session has ended elsewhere, so that the frame sees it. No
/// page waits for the answer.
pub async fn session_state(visitor: Visitor) -> HttpResponse {
    let provider = &visitor.state.provider;
    if !provider.features.session_management {
        return ErrorPage::not_found(visitor.page()).respond();
    }
    let live = match visitor.session_state.as_deref() {
        Some(state) => sessions::is_live(provider, state).await,
        None => Ok(true),
    };
    let mut response = HttpResponse::NoContent().finish();
    no_store(response.headers_mut());
    match live {
        Ok(true) => response,
        Ok(false) => visitor.leave_state(response),
        Err(error) => flow::fault(&visitor, &error),
    }
}

fn done(visitor: &Visitor, request: &LogoutRequest) -> HttpResponse {
    match &request.return_to {
        Some(url) => see_other(url),
        None => SignedOut { page: visitor.page() }.respond(),
    }
}

async fn ask(visitor: &Visitor, query: &Params, request: &LogoutRequest) -> HttpResponse {
    let named = request.hint.as_ref().map(|hint| hint.client_id.as_str());
    let has_app = named.is_some() || query.has("client_id");
    let app = match has_app {
        true => Some(app_name(visitor, query, named).await).filter(|name| !name.is_empty()),
        false => None,
    };
    let view = LogoutConfirm { page: visitor.page(), app, fields: carried(query) };
    visitor.mark(view.respond())
}

async fn app_name(visitor: &Visitor, params: &Params, hinted: Option<&str>) -> String {
    let named = params.one("client_id").ok().flatten();
    let Some(client_id) = hinted.or(named) else { return String::new() };
    match clients::find(&visitor.state.provider, client_id).await {
        Ok(Some(client)) => client.name.clone(),
        _ => String::new(),
    }
}

fn carried(params: &Params) -> Vec<(String, String)> {
    let value = |name| params.one(name).ok().flatten().map(str::to_owned);
    PARAMETERS.into_iter().filter_map(|name| Some((name.to_owned(), value(name)?))).collect()
}

fn carried_query(params: &Params) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(carried(params)).finish()
}

fn refused(visitor: &Visitor, error: Option<&OAuthError>) -> HttpResponse {
    let mut shown = ErrorPage::logout(visitor.page());
    if let Some(error) = error {
        if error.source.is_some() {
            return flow::fault(visitor, error);
        }
        shown = shown.because(error.code.as_str(), &error.description);
    }
    visitor.mark(shown.respond())
}
