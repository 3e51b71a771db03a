//! From one page to the next, and from the last one back to the app.

use super::{Visitor, see_other};
use crate::domain::authorize::answer::{self, AnswerError};
use crate::domain::authorize::interaction::{Interaction, InteractionError};
use crate::domain::authorize::jarm;
use crate::domain::authorize::progress::{self, Situation};
use crate::domain::authorize::reply::{Reply, Sent};
use crate::domain::authorize::request::{PageRefusal, is_still_allowed};
use crate::domain::authorize::step::Step;
use crate::domain::clients::{self, RegisteredClient, logo};
use crate::domain::logout::session_state;
use crate::http::page::Notice;
use crate::http::views::difference::Difference;
use crate::http::views::error::ErrorPage;
use crate::http::views::interaction::{DeviceEnd, FormPost, Returning};
use crate::http::views::{App, Errors};
use crate::protocol::authorization_request::{Errand, Prompt};
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use actix_web::HttpResponse;
use std::sync::Arc;

/// How the browser came to where it is. It decides how it can be sent on: what follows a form post
/// falls under `form-action` in every hop, so a post ends on a page that leads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    Get,
    Post,
}

/// A sealed request that is longer than this does not fit into an address.
pub const MAX_TXN_IN_ADDRESS: usize = 6000;

/// Does what comes next for an interaction.
pub async fn advance(visitor: &Visitor, interaction: Interaction, via: Via) -> HttpResponse {
    let response = match client_of(visitor, &interaction).await {
        Ok(Some(client)) => go_on(visitor, &client, interaction, via).await,
        Ok(None) => ErrorPage::unknown_client(visitor.page()).respond(),
        Err(error) => fault(visitor, &error),
    };
    visitor.mark(response)
}

/// The client of an interaction; `None` when it was disabled or removed meanwhile, or may not ask for
/// this any more.
///
/// # Errors
///
/// Those of the database.
pub async fn client_of(
    visitor: &Visitor,
    interaction: &Interaction,
) -> Result<Option<Arc<RegisteredClient>>, OAuthError> {
    let request = &interaction.request;
    let found = clients::find(&visitor.state.provider, &request.client_id).await?;
    Ok(found.filter(|client| is_still_allowed(client, request)))
}

async fn go_on(
    visitor: &Visitor,
    client: &RegisteredClient,
    interaction: Interaction,
    via: Via,
) -> HttpResponse {
    let provider = &visitor.state.provider;
    let misread = provider.clock_misread();
    let assessed = progress::assess(provider, client, &interaction, visitor.session.as_deref());
    // Whoever seems signed out is so by a clock that is right.
    let assessed = assessed.await.and_then(|situation| {
        provider.expect_right_clock_since(misread)?;
        Ok(situation)
    });
    let situation = match assessed {
        Ok(situation) => situation,
        Err(error) => return fault(visitor, &error),
    };
    match situation.step {
        Step::SignUp => to_page(visitor, client, interaction, situation, "/sign-up").await,
        Step::LogIn => to_page(visitor, client, interaction, situation, "/login").await,
        Step::SelectAccount => to_page(visitor, client, interaction, situation, "/select").await,
        Step::Consent => to_page(visitor, client, interaction, situation, "/consent").await,
        Step::Answer => grant(visitor, client, &interaction, situation, via).await,
        Step::Refuse(code) => {
            let why = match code {
                ErrorCode::UnmetAuthenticationRequirements => "the essential acr was not reached",
                _ => "the request needs a page, and prompt=none allows none",
            };
            let error = OAuthError::new(code, why);
            reply(visitor, client, answer::refuse(provider, &interaction, &error), via).await
        }
    }
}

async fn to_page(
    visitor: &Visitor,
    client: &RegisteredClient,
    interaction: Interaction,
    situation: Situation,
    path: &str,
) -> HttpResponse {
    let txn = visitor.seal(&interaction);
    if txn.len() <= MAX_TXN_IN_ADDRESS {
        return see_other(&format!("{path}?txn={txn}"));
    }
    match situation.step {
        Step::Consent => super::consent::show(visitor, client, interaction, &situation).await,
        Step::SelectAccount => super::select::show(visitor, client, &interaction, &situation),
        Step::SignUp => {
            super::sign_up::show(visitor, Some(client), txn, &Params::default(), Errors::default())
        }
        _ => super::login::show(visitor, Some(client), &interaction, None),
    }
}

async fn grant(
    visitor: &Visitor,
    client: &RegisteredClient,
    interaction: &Interaction,
    situation: Situation,
    via: Via,
) -> HttpResponse {
    let Some(signed_in) = situation.signed_in else {
        return fault(visitor, &OAuthError::server_error("an answer for nobody"));
    };
    let provider = &visitor.state.provider;
    let actor = visitor.actor(format!("user:{}", signed_in.user.id));
    match answer::grant(provider, client, interaction, &signed_in, false, &actor).await {
        Ok(answer) => reply(visitor, client, answer, via).await,
        Err(AnswerError::ConsentWithdrawn) if interaction.request.prompts(Prompt::None) => {
            let code = ErrorCode::ConsentRequired;
            let error = OAuthError::new(code, "the consent has just been withdrawn");
            reply(visitor, client, answer::refuse(provider, interaction, &error), via).await
        }
        Err(AnswerError::SignedOut) if interaction.request.prompts(Prompt::None) => {
            let error = OAuthError::new(ErrorCode::LoginRequired, "the session has just ended");
            reply(visitor, client, answer::refuse(provider, interaction, &error), via).await
        }
        Err(error) => not_answered(visitor, &error),
    }
}

/// Takes an answer to the client.
pub async fn reply(
    visitor: &Visitor,
    client: &RegisteredClient,
    answer: Reply,
    via: Via,
) -> HttpResponse {
    let provider = &visitor.state.provider;
    let here = visitor.session_state.as_deref();
    let goes_to = answer.redirect_uri();
    let state = goes_to.and_then(|uri| session_state::of(provider, &client.id, uri, here));
    let answer = match state {
        Some(state) => answer.and("session_state", state),
        None => answer,
    };
    let answer = match jarm::seal(provider, client, answer).await {
        Ok(answer) => answer,
        Err(error) => return fault(visitor, &error),
    };
    let (page, app) = (visitor.page(), client.name.clone());
    let sent = match (answer, via) {
        (Sent::Here(Errand::Device, ending), _) => {
            return DeviceEnd { page, app, ending }.respond();
        }
        (Sent::Here(Errand::Ciba, ending), _) => {
            return visitor.done("/account/requests", Notice::of_request(ending));
        }
        (Sent::Redirect(url), Via::Get) => return see_other(&url),
        (Sent::Redirect(url), Via::Post) => Returning { page, app, url }.respond(),
        (Sent::FormPost { action, fields }, _) => {
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            FormPost { page, app, action, fields }.respond()
        }
    };
    sent.unwrap_or_else(|error| fault(visitor, &OAuthError::server_error(error)))
}

/// The page for a decision that could not be taken.
pub fn not_answered(visitor: &Visitor, error: &AnswerError) -> HttpResponse {
    match error {
        AnswerError::AnsweredBefore | AnswerError::SignedOut | AnswerError::ConsentWithdrawn => {
            ErrorPage::start_again(visitor.page()).respond()
        }
        AnswerError::Fault(error) => fault(visitor, error),
    }
}

/// The page for a sealed request that cannot be opened.
pub fn not_opened(visitor: &Visitor, error: &InteractionError) -> HttpResponse {
    tracing::debug!(%error, "an interaction was refused");
    visitor.mark(ErrorPage::start_again(visitor.page()).respond())
}

/// The page for a request that has no client to be told.
pub fn refused(visitor: &Visitor, refusal: &PageRefusal) -> HttpResponse {
    let page = visitor.page();
    let (code, description) = (refusal.error.code.as_str(), &*refusal.error.description);
    let response = match (refusal.error.code, &refusal.client, &refusal.sent_redirect_uri) {
        (ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable, ..) => {
            return fault(visitor, &refusal.error);
        }
        (ErrorCode::InvalidClient, ..) => {
            ErrorPage::unknown_client(page).because(code, description).respond()
        }
        (_, Some(client), Some(sent)) => {
            let mut shown = ErrorPage::redirect_mismatch(page, &client.name)
                .because(code, description)
                .sent(sent);
            let registered = &client.metadata.redirect_uris;
            if let Some((nearest, difference)) = Difference::closest(sent, registered) {
                shown = shown.closest(nearest, difference);
            }
            shown.respond()
        }
        _ => ErrorPage::request(page).because(code, description).respond(),
    };
    visitor.mark(response)
}

/// The page for a fault of ours.
pub fn fault(visitor: &Visitor, error: &OAuthError) -> HttpResponse {
    visitor.fault(error)
}

/// The app as pages show it.
pub fn app(client: &RegisteredClient) -> App {
    App { logo: logo::path(client), ..App::new(&client.name, client.domain()) }
}
