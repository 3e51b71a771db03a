//! "Sign in with …": to another provider, back, and what to do with an account there that belongs to
//! nobody here yet.

use super::flow::{self, Via};
use super::login::{self, Purpose as Way};
use super::{Visitor, see_other};
use crate::domain::federation::{
    self, Answer, Arrived, FederationError, Held, Identity, LinkError, Owner, Purpose,
    RegisteredUpstream, Started,
};
use crate::domain::identity::sessions::{self, BrowserInfo};
use crate::domain::identity::sign_in::{self, Attempt, SignInError};
use crate::domain::identity::users::User;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, QueryParams};
use crate::http::page::Notice;
use crate::http::views::error::ErrorPage;
use crate::http::views::interaction::{LinkAccount, LinkMessage, LoginMessage};
use crate::protocol::authorization_request::Prompt;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use actix_web::HttpResponse;
use actix_web::web::Path;
use std::sync::Arc;

/// Sends somebody to a provider.
pub async fn start(
    visitor: Visitor,
    slug: Path<String>,
    query: Result<QueryParams, JsonError>,
) -> HttpResponse {
    let query = query.map(|QueryParams(query)| query).unwrap_or_default();
    let Some(upstream) = visitor.state.provider.upstreams.find(&slug) else {
        return ErrorPage::not_found(visitor.page()).respond();
    };
    let txn = query.one("txn").ok().flatten();
    let txn = txn.map_or_else(|| login::own_txn("/account"), str::to_owned);
    let fresh = match login::purpose(&visitor, &txn) {
        Ok(way) => wants_proof(&visitor, &way),
        Err(error) => return login::not_opened(&visitor, error).await,
    };
    match away(&visitor, &upstream, Purpose::SignIn { txn: txn.clone() }, fresh).await {
        Ok((url, held)) => visitor.mark(visitor.hold(see_other(&url), &held)),
        Err(error) => failed(&visitor, &upstream, &txn, &error).await,
    }
}

/// Whoever is here already, or whose app asks for a fresh sign-in, proves anew who they are.
fn wants_proof(visitor: &Visitor, way: &Way) -> bool {
    let asked = match way {
        Way::Page(_) => false,
        Way::App(interaction) => {
            let request = &interaction.request;
            request.prompts(Prompt::Login) || request.max_age.is_some()
        }
    };
    asked || visitor.session.is_some()
}

/// The address of the provider, and what the browser holds meanwhile.
pub async fn away(
    visitor: &Visitor,
    upstream: &RegisteredUpstream,
    purpose: Purpose,
    fresh: bool,
) -> Result<(String, String), FederationError> {
    let provider = &visitor.state.provider;
    let (url, held) = federation::start(provider, upstream, purpose, fresh).await?;
    let random = provider.random.as_ref();
    Ok((url, provider.upstreams.hold(random, &visitor.browser, &held)))
}

/// The provider sends somebody back.
pub async fn callback(
    visitor: Visitor,
    slug: Path<String>,
    query: Result<QueryParams, JsonError>,
) -> HttpResponse {
    let (Ok(QueryParams(query)), Some(upstream)) =
        (query, visitor.state.provider.upstreams.find(&slug))
    else {
        return ErrorPage::not_found(visitor.page()).respond();
    };
    let started = match visitor.held(&slug) {
        Ok(Held::Started(started)) => started,
        Ok(Held::Arrived(_)) | Err(_) => {
            return ErrorPage::start_again(visitor.page()).respond();
        }
    };
    let one = |name| query.one(name).ok().flatten().map(str::to_owned);
    let answer =
        Answer { code: one("code"), state: one("state"), iss: one("iss"), error: one("error") };
    let provider = visitor.state.provider.clone();
    match started.finish(&provider, &upstream, &answer).await {
        // Whoever brings an answer to nothing of this browser does not end what is under way in it.
        Err(FederationError::Foreign) => ErrorPage::start_again(visitor.page()).respond(),
        Err(error) => match &started.purpose {
            Purpose::SignIn { txn } => failed(&visitor, &upstream, txn, &error).await,
            Purpose::Link { .. } => {
                note(&upstream, &error);
                visitor.done("/account/security", Notice::LinkFailed)
            }
        },
        Ok(identity) => arrived(visitor, &upstream, started, identity).await,
    }
}

async fn arrived(
    visitor: Visitor,
    upstream: &RegisteredUpstream,
    started: Started,
    identity: Identity,
) -> HttpResponse {
    match started.purpose {
        Purpose::Link { user_id, sid } => {
            let linked = link_here(&visitor, upstream, &identity, &user_id, &sid).await;
            let response = linked.unwrap_or_else(|error| flow::fault(&visitor, &error));
            visitor.let_go(response)
        }
        Purpose::SignIn { txn } => {
            let provider = visitor.state.provider.clone();
            match federation::find_user(&provider, &identity).await {
                Ok(Some(user)) => enter(visitor, upstream, &txn, &user, identity).await,
                Ok(None) => unknown_here(&visitor, upstream, txn, identity),
                Err(error) => flow::fault(&visitor, &error.into()),
            }
        }
    }
}

/// Links to the person who is signed in, if it is still the one who asked for it.
async fn link_here(
    visitor: &Visitor,
    upstream: &RegisteredUpstream,
    identity: &Identity,
    user_id: &str,
    sid: &str,
) -> Result<HttpResponse, OAuthError> {
    let here = visitor.signed_in().await?;
    let Some(here) = here.filter(|here| here.user.id == user_id && here.session.sid == sid) else {
        return Ok(ErrorPage::start_again(visitor.page()).respond());
    };
    let (provider, actor) = (&visitor.state.provider, visitor.actor(format!("user:{user_id}")));
    let owner = Owner::Session(&here);
    let linked = federation::link(provider, &upstream.slug, identity, owner, None, &actor).await;
    let notice = match linked {
        Ok(()) => Notice::AccountLinked,
        Err(LinkError::Fault(error)) => return Err(error),
        Err(LinkError::Overtaken) => {
            return Ok(ErrorPage::start_again(visitor.page()).respond());
        }
        Err(_) => Notice::LinkTaken,
    };
    Ok(visitor.done("/account/security", notice))
}

/// Signs somebody in for whom a provider vouches.
async fn enter(
    mut visitor: Visitor,
    upstream: &RegisteredUpstream,
    txn: &str,
    user: &User,
    identity: Identity,
) -> HttpResponse {
    let way = match login::purpose(&visitor, txn) {
        Ok(way) => way,
        Err(error) => return visitor.let_go(login::not_opened(&visitor, error).await),
    };
    let provider = visitor.state.provider.clone();
    if user.blocked_at.is_some() {
        let contact = Some(provider.support_contact.clone());
        let message = LoginMessage::Blocked { contact };
        return visitor.let_go(login::shown_again(&visitor, way, message).await);
    }
    let browser = BrowserInfo { upstream: Some(identity), ..visitor.browser_info() };
    let before = visitor.session.clone();
    let started = sessions::start(&provider, user, false, before.as_deref(), browser).await;
    let (cookie, session) = match started {
        Ok(started) => started,
        Err(error) if error.source.is_some() => return flow::fault(&visitor, &error),
        Err(_) => {
            let message = LoginMessage::Upstream { name: upstream.name.clone() };
            return visitor.let_go(login::shown_again(&visitor, way, message).await);
        }
    };
    let set = visitor.enter(&user.id, cookie, false);
    let response = match way {
        Way::Page(next) => see_other(&next),
        Way::App(mut interaction) => {
            interaction.authenticated_sid = Some(session.sid);
            flow::advance(&visitor, *interaction, Via::Get).await
        }
    };
    visitor.let_go(login::with_cookies(response, &set))
}

/// The account there belongs to nobody here: its owner says what to do.
fn unknown_here(
    visitor: &Visitor,
    upstream: &RegisteredUpstream,
    txn: String,
    identity: Identity,
) -> HttpResponse {
    let provider = &visitor.state.provider;
    let arrived = Arrived {
        id: provider.random.id(),
        slug: upstream.slug.clone(),
        identity,
        txn,
        at: provider.now(),
    };
    let random = provider.random.as_ref();
    let held = provider.upstreams.hold(random, &visitor.browser, &Held::Arrived(arrived));
    visitor.hold(see_other(&link_path(&upstream.slug)), &held)
}

fn link_path(slug: &str) -> String {
    format!("/login/upstream/{slug}/link")
}

fn held_arrival(visitor: &Visitor, slug: &str) -> Option<(Arc<RegisteredUpstream>, Arrived)> {
    let upstream = visitor.state.provider.upstreams.find(slug)?;
    match visitor.held(slug) {
        Ok(Held::Arrived(arrived)) => Some((upstream, arrived)),
        _ => None,
    }
}

/// Asks what to do with an account that belongs to nobody here.
pub async fn ask(visitor: Visitor, slug: Path<String>) -> HttpResponse {
    match held_arrival(&visitor, &slug) {
        Some((upstream, arrived)) => {
            visitor.mark(view(&visitor, &upstream, &arrived, "", None).respond())
        }
        None => ErrorPage::start_again(visitor.page()).respond(),
    }
}

fn view(
    visitor: &Visitor,
    upstream: &RegisteredUpstream,
    arrived: &Arrived,
    username: &str,
    message: Option<LinkMessage>,
) -> LinkAccount {
    let identity = &arrived.identity;
    LinkAccount {
        page: visitor.page(),
        action: link_path(&upstream.slug),
        name: upstream.name.clone(),
        label: identity.label().to_owned(),
        username: username.to_owned(),
        may_create: upstream.settings.allow_sign_up && identity.email_verified,
        message,
    }
}

/// The owner proves the account here, or makes a new one.
pub async fn link(
    visitor: Visitor,
    slug: Path<String>,
    form: Result<FormParams, JsonError>,
) -> HttpResponse {
    let Ok(FormParams(form)) = form else {
        return ErrorPage::request(visitor.page()).respond();
    };
    if !visitor.posted_from_our_page(&form) {
        return ErrorPage::form(visitor.page()).respond();
    }
    let Some((upstream, arrived)) = held_arrival(&visitor, &slug) else {
        return ErrorPage::start_again(visitor.page()).respond();
    };
    match form.one("decision").ok().flatten() {
        Some("cancel") => visitor.let_go(see_other(&login_again(&arrived.txn))),
        Some("create") => create(visitor, &upstream, arrived).await,
        _ => prove(visitor, &upstream, arrived, &form).await,
    }
}

fn login_again(txn: &str) -> String {
    let txn: String = url::form_urlencoded::byte_serialize(txn.as_bytes()).collect();
    format!("/login?txn={txn}")
}

async fn prove(
    visitor: Visitor,
    upstream: &RegisteredUpstream,
    arrived: Arrived,
    form: &Params,
) -> HttpResponse {
    let field = |name| form.one(name).ok().flatten().unwrap_or_default();
    let (provider, actor) = (visitor.state.provider.clone(), visitor.stranger());
    let attempt = Attempt {
        login_name: field("username"),
        password: field("password"),
        known_user: visitor.known_user.as_deref(),
        actor: &actor,
    };
    let checked = sign_in::check_password(&provider, &attempt).await;
    let again =
        |message| view(&visitor, upstream, &arrived, attempt.login_name, Some(message)).respond();
    let user = match checked {
        Ok(user) => user,
        Err(SignInError::Wrong) => return again(LinkMessage::Wrong),
        Err(SignInError::SlowDown(wait)) => {
            return again(LinkMessage::SlowDown { seconds: wait.0.as_seconds() });
        }
        Err(SignInError::Blocked) => return again(LinkMessage::Blocked),
        Err(SignInError::Unavailable(error)) => return flow::fault(&visitor, &error),
    };
    let actor = visitor.actor(format!("user:{}", user.id));
    let linked = federation::link(
        &provider,
        &upstream.slug,
        &arrived.identity,
        Owner::Password(&user),
        Some(&arrived),
        &actor,
    );
    match linked.await {
        Ok(()) => enter(visitor, upstream, &arrived.txn, &user, arrived.identity).await,
        Err(LinkError::Fault(error)) => flow::fault(&visitor, &error),
        Err(LinkError::Used) => ErrorPage::start_again(visitor.page()).respond(),
        Err(LinkError::Overtaken) => again(LinkMessage::Wrong),
        Err(_) => again(LinkMessage::Taken),
    }
}

async fn create(visitor: Visitor, upstream: &RegisteredUpstream, arrived: Arrived) -> HttpResponse {
    let provider = visitor.state.provider.clone();
    match federation::create_account(&provider, &arrived, &visitor.stranger()).await {
        Ok(user) => enter(visitor, upstream, &arrived.txn, &user, arrived.identity).await,
        Err(LinkError::Fault(error)) => flow::fault(&visitor, &error),
        Err(LinkError::Used) => ErrorPage::start_again(visitor.page()).respond(),
        Err(LinkError::NoSignUp) => ErrorPage::request(visitor.page()).respond(),
        Err(LinkError::EmailTaken | LinkError::Taken | LinkError::Overtaken) => {
            let message = Some(LinkMessage::EmailTaken);
            view(&visitor, upstream, &arrived, "", message).respond()
        }
    }
}

/// The sign-in page again, with a word that it did not work there.
async fn failed(
    visitor: &Visitor,
    upstream: &RegisteredUpstream,
    txn: &str,
    error: &FederationError,
) -> HttpResponse {
    note(upstream, error);
    if let FederationError::Storage(_) = error {
        return flow::fault(visitor, &OAuthError::unavailable("the database is out of reach"));
    }
    let message = LoginMessage::Upstream { name: upstream.name.clone() };
    let response = match login::purpose(visitor, txn) {
        Ok(way) => login::shown_again(visitor, way, message).await,
        Err(error) => login::not_opened(visitor, error).await,
    };
    visitor.let_go(response)
}

fn note(upstream: &RegisteredUpstream, error: &FederationError) {
    tracing::warn!(upstream = %upstream.slug, %error, "a sign-in at another provider failed");
}

/// `POST …/backchannel-logout` (OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8).
pub async fn back_channel_logout(
    visitor: Visitor,
    slug: Path<String>,
    form: Result<FormParams, JsonError>,
) -> HttpResponse {
    let provider = &visitor.state.provider;
    let mut response = match (form, provider.upstreams.find(&slug)) {
        (Ok(FormParams(form)), Some(upstream)) => {
            let token = form.one("logout_token").ok().flatten().unwrap_or_default();
            let actor = visitor.actor(format!("upstream:{}", upstream.slug));
            match federation::end_sessions(provider, &upstream, token, &actor).await {
                Ok(_) => HttpResponse::Ok().finish(),
                Err(FederationError::Storage(error)) => {
                    tracing::error!(%error, "a sign-out of another provider was not taken");
                    HttpResponse::ServiceUnavailable().finish()
                }
                Err(error) => {
                    tracing::debug!(upstream = %upstream.slug, %error, "a logout token was refused");
                    invalid_request()
                }
            }
        }
        _ => invalid_request(),
    };
    no_store(response.headers_mut());
    response
}

fn invalid_request() -> HttpResponse {
    let error = ErrorCode::InvalidRequest.as_str();
    HttpResponse::BadRequest().json(serde_json::json!({ "error": error }))
}
