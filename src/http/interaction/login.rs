//! The sign-in page.

use super::flow::{self, Via};
use super::{Visitor, see_other};
use crate::domain::authorize::answer;
use crate::domain::authorize::interaction::{Interaction, InteractionError, LIFETIME};
use crate::domain::clients::RegisteredClient;
use crate::domain::federation::RegisteredUpstream;
use crate::domain::identity::sessions;
use crate::domain::identity::sign_in::{self, Attempt, SignInError};
use crate::http::edge::{FormParams, JsonError, QueryParams};
use crate::http::page::Page;
use crate::http::views::error::ErrorPage;
use crate::http::views::interaction::{Login, LoginMessage};
use crate::http::views::{Link, web_link};
use crate::protocol::params::Params;
use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use std::sync::Arc;

/// Where a sign-in leads.
pub(super) enum Purpose {
    /// Back to an app.
    App(Box<Interaction>),
    /// To a page of ours.
    Page(String),
}

/// The pages of ours that a sign-in may lead to: a path of these areas, never an address.
const AREAS: [&str; 2] = ["/account", "/admin"];

/// How the purpose of a sign-in without an app is written in `txn`.
const OWN_PAGE: &str = "next:";

/// How the address says that the first administrator was made.
const SET_UP: &str = "set-up";

/// Where the first administrator signs in.
pub const AFTER_SET_UP: &str = "/login?next=/admin&made=set-up";

/// Shows the page.
pub async fn get(visitor: Visitor, query: Result<QueryParams, JsonError>) -> HttpResponse {
    let query = query.map(|QueryParams(query)| query).unwrap_or_default();
    let has = |name| query.one(name).ok().flatten().is_some();
    let again = has("again");
    let made = query.one("made").ok().flatten().map(|what| match what {
        SET_UP => LoginMessage::SetUp,
        _ => LoginMessage::SignedUp,
    });
    let txn = match (query.one("txn").ok().flatten(), query.one("next").ok().flatten()) {
        (Some(txn), _) => txn.to_owned(),
        (None, next) => format!("{OWN_PAGE}{}", next.unwrap_or("/account")),
    };
    match purpose(&visitor, &txn) {
        Ok(Purpose::App(interaction)) => {
            let visitor = visitor.speaking(interaction.request.ui_locales.as_deref());
            show_for_app(&visitor, &interaction, made).await
        }
        Ok(Purpose::Page(next)) => {
            let message = made.or(again.then_some(LoginMessage::Again));
            show_own(&visitor, &next, String::new(), message)
        }
        Err(error) => not_opened(&visitor, error).await,
    }
}

/// Takes what was typed.
pub async fn post(visitor: Visitor, form: Result<FormParams, JsonError>) -> HttpResponse {
    let Ok(FormParams(form)) = form else {
        return ErrorPage::request(visitor.page()).respond();
    };
    let txn = form.one("txn").ok().flatten().unwrap_or_default();
    if !visitor.browser_is_known {
        return show_own(&visitor, "/account", String::new(), Some(LoginMessage::CookiesOff));
    }
    if !visitor.posted_from_our_page(&form) {
        return ErrorPage::form(visitor.page()).respond();
    }
    let purpose = match purpose(&visitor, txn) {
        Ok(purpose) => purpose,
        Err(error) => return not_opened(&visitor, error).await,
    };
    if form.one("decision").ok().flatten() == Some("cancel") {
        return cancel(&visitor, purpose).await;
    }
    sign_in(visitor, purpose, &form).await
}

/// How a page of ours is written in `txn`.
pub(super) fn own_txn(next: &str) -> String {
    format!("{OWN_PAGE}{next}")
}

/// What a `txn` means.
pub(super) fn purpose(visitor: &Visitor, txn: &str) -> Result<Purpose, InteractionError> {
    match txn.strip_prefix(OWN_PAGE) {
        None => Ok(Purpose::App(Box::new(visitor.open(txn)?))),
        Some(next) => Ok(own_page(next)),
    }
}

/// A path below one of our areas, in letters that can mean nothing else to a browser.
fn own_page(next: &str) -> Purpose {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.?=&%".contains(&byte);
    let area = AREAS.into_iter().find(|area| {
        let rest = next.strip_prefix(area);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    });
    match area {
        Some(_) if next.bytes().all(plain) && !next.contains("//") => {
            Purpose::Page(next.to_owned())
        }
        _ => Purpose::Page("/account".to_owned()),
    }
}

pub(super) async fn show_for_app(
    visitor: &Visitor,
    interaction: &Interaction,
    message: Option<LoginMessage>,
) -> HttpResponse {
    match flow::client_of(visitor, interaction).await {
        Ok(Some(client)) => show(visitor, Some(&client), interaction, message),
        Ok(None) => ErrorPage::unknown_client(visitor.page()).respond(),
        Err(error) => flow::fault(visitor, &error),
    }
}

/// The page for an app.
pub fn show(
    visitor: &Visitor,
    client: Option<&RegisteredClient>,
    interaction: &Interaction,
    message: Option<LoginMessage>,
) -> HttpResponse {
    let txn = visitor.seal(interaction);
    let link = |uri: Option<&String>| uri.map(String::as_str).and_then(web_link);
    let page = Login {
        page: page(visitor, &txn),
        app: client.map(flow::app),
        register_url: register_url(visitor, &txn),
        upstreams: upstreams(visitor, &txn),
        privacy_url: link(client.and_then(|client| client.metadata.policy_uri.as_ref())),
        terms_url: link(client.and_then(|client| client.metadata.tos_uri.as_ref())),
        txn,
        username: interaction.request.login_hint.clone().unwrap_or_default(),
        message,
        can_cancel: true,
        ..Login::default()
    };
    visitor.mark(page.respond())
}

fn show_own(
    visitor: &Visitor,
    next: &str,
    username: String,
    message: Option<LoginMessage>,
) -> HttpResponse {
    let txn = own_txn(next);
    let page = Login {
        page: page(visitor, &txn),
        register_url: register_url(visitor, &txn),
        upstreams: upstreams(visitor, &txn),
        txn,
        username,
        message,
        ..Login::default()
    };
    visitor.mark(page.respond())
}

/// The frame. The answer to a form can be shown again as well, in another language for one: by what
/// the form carries.
fn page(visitor: &Visitor, txn: &str) -> Page {
    let mut page = visitor.page();
    if page.here.is_none() && txn.len() <= flow::MAX_TXN_IN_ADDRESS {
        let txn: String = url::form_urlencoded::byte_serialize(txn.as_bytes()).collect();
        page.here = Some(format!("/login?txn={txn}"));
    }
    page
}

/// Where people make an account, when they may.
fn register_url(visitor: &Visitor, txn: &str) -> Option<String> {
    let is_open = visitor.state.provider.features.sign_up;
    is_open.then(|| format!("/sign-up?txn={txn}"))
}

/// The other providers at which people may sign in.
fn upstreams(visitor: &Visitor, txn: &str) -> Vec<Link> {
    let offered = visitor.state.provider.upstreams.offered();
    let txn: String = url::form_urlencoded::byte_serialize(txn.as_bytes()).collect();
    let link = |one: &Arc<RegisteredUpstream>| Link {
        label: one.name.clone(),
        href: format!("/login/upstream/{}?txn={txn}", one.slug),
    };
    offered.iter().map(link).collect()
}

/// The page again with a word about what happened at another provider.
pub(super) async fn shown_again(
    visitor: &Visitor,
    purpose: Purpose,
    message: LoginMessage,
) -> HttpResponse {
    match purpose {
        Purpose::Page(next) => show_own(visitor, &next, String::new(), Some(message)),
        Purpose::App(interaction) => show_for_app(visitor, &interaction, Some(message)).await,
    }
}

/// A page that is too old keeps the app's request and asks again; one that is not of this browser
/// leads nowhere.
pub(super) async fn not_opened(visitor: &Visitor, error: InteractionError) -> HttpResponse {
    match error {
        InteractionError::Expired(request) => {
            let provider = &visitor.state.provider;
            let fresh = Interaction::start(*request, provider.random.as_ref(), provider.now());
            let minutes = LIFETIME.as_seconds() / 60;
            show_for_app(visitor, &fresh, Some(LoginMessage::TooOld { minutes })).await
        }
        foreign @ InteractionError::Foreign => flow::not_opened(visitor, &foreign),
    }
}

pub(super) async fn cancel(visitor: &Visitor, purpose: Purpose) -> HttpResponse {
    let Purpose::App(interaction) = purpose else { return see_other("/") };
    match flow::client_of(visitor, &interaction).await {
        Ok(Some(client)) => {
            let error = answer::denied_by_person();
            let refusal = answer::refuse(&visitor.state.provider, &interaction, &error);
            flow::reply(visitor, &client, refusal, Via::Post).await
        }
        Ok(None) => ErrorPage::unknown_client(visitor.page()).respond(),
        Err(error) => flow::fault(visitor, &error),
    }
}

async fn sign_in(visitor: Visitor, purpose: Purpose, form: &Params) -> HttpResponse {
    let field = |name| form.one(name).ok().flatten().unwrap_or_default();
    let login_name = field("username");
    let actor = visitor.stranger();
    let attempt = Attempt {
        login_name,
        password: field("password"),
        known_user: visitor.known_user.as_deref(),
        actor: &actor,
    };
    let provider = visitor.state.provider.clone();
    let user = match sign_in::check_password(&provider, &attempt).await {
        Ok(user) => user,
        Err(error) => return refused(&visitor, purpose, login_name, error).await,
    };
    let remember = field("remember") == "1";
    let before = visitor.session.as_deref();
    let started = sessions::start(&provider, &user, remember, before, visitor.browser_info()).await;
    let (cookie, session) = match started {
        Ok(started) => started,
        Err(error) if error.source.is_some() => return flow::fault(&visitor, &error),
        Err(_) => return refused(&visitor, purpose, login_name, SignInError::Wrong).await,
    };
    let mut visitor = visitor;
    let set = visitor.enter(&user.id, cookie, remember);
    let response = match purpose {
        Purpose::Page(next) => see_other(&next),
        Purpose::App(mut interaction) => {
            interaction.authenticated_sid = Some(session.sid);
            flow::advance(&visitor, *interaction, Via::Post).await
        }
    };
    with_cookies(response, &set)
}

pub(super) fn with_cookies(mut response: HttpResponse, cookies: &[Cookie<'_>]) -> HttpResponse {
    for cookie in cookies {
        if let Err(error) = response.add_cookie(cookie) {
            tracing::error!(%error, "a cookie could not be set");
        }
    }
    response
}

/// The page again, with the name that was typed and never the password.
async fn refused(
    visitor: &Visitor,
    purpose: Purpose,
    login_name: &str,
    error: SignInError,
) -> HttpResponse {
    let message = match error {
        SignInError::Wrong => LoginMessage::Wrong,
        SignInError::SlowDown(wait) => LoginMessage::SlowDown { seconds: wait.0.as_seconds() },
        SignInError::Blocked => {
            LoginMessage::Blocked { contact: Some(visitor.state.provider.support_contact.clone()) }
        }
        SignInError::Unavailable(error) => {
            let busy = error.code == crate::protocol::error::ErrorCode::TemporarilyUnavailable;
            if !busy {
                return flow::fault(visitor, &error);
            }
            LoginMessage::SlowDown { seconds: 5 }
        }
    };
    match purpose {
        Purpose::Page(next) => show_own(visitor, &next, login_name.to_owned(), Some(message)),
        Purpose::App(mut interaction) => {
            interaction.request.login_hint = Some(login_name.to_owned());
            show_for_app(visitor, &interaction, Some(message)).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads_to(next: &str) -> String {
        match own_page(next) {
            Purpose::Page(next) => next,
            Purpose::App(_) => unreachable!("no app was named"),
        }
    }

    #[test]
    fn ru_13_a_sign_in_leads_only_to_our_own_areas() {
        for next in [
            "//evil.example",
            "/\\evil",
            "https://evil.example/account",
            "/account//evil.example",
            "/accounting",
            "/account\r\nSet-Cookie:x",
            "/logout",
            "%2f%2fevil",
        ] {
            assert_eq!(leads_to(next), "/account", "{next}");
        }
        assert_eq!(leads_to("/admin/users?q=a"), "/admin/users?q=a");
    }
}
