//! The account chooser, for `prompt=select_account`.

use super::flow::{self, Via};
use super::{Visitor, see_other};
use crate::domain::authorize::answer;
use crate::domain::authorize::interaction::Interaction;
use crate::domain::authorize::progress::{self, Situation};
use crate::domain::authorize::step::Step;
use crate::domain::clients::RegisteredClient;
use crate::http::edge::{FormParams, JsonError, QueryParams};
use crate::http::views::Person;
use crate::http::views::error::ErrorPage;
use crate::http::views::interaction::SelectAccount;
use crate::protocol::authorization_request::Prompt;
use actix_web::HttpResponse;

/// Shows the page.
pub async fn get(visitor: Visitor, query: Result<QueryParams, JsonError>) -> HttpResponse {
    let query = query.map(|QueryParams(query)| query).unwrap_or_default();
    let interaction = match visitor.open(query.one("txn").ok().flatten().unwrap_or_default()) {
        Ok(interaction) => interaction,
        Err(error) => return flow::not_opened(&visitor, &error),
    };
    let visitor = visitor.speaking(interaction.request.ui_locales.as_deref());
    let client = match flow::client_of(&visitor, &interaction).await {
        Ok(Some(client)) => client,
        Ok(None) => return ErrorPage::unknown_client(visitor.page()).respond(),
        Err(error) => return flow::fault(&visitor, &error),
    };
    let provider = &visitor.state.provider;
    let session = visitor.session.as_deref();
    match progress::assess(provider, &client, &interaction, session).await {
        Ok(situation) if situation.step == Step::SelectAccount => {
            show(&visitor, &client, &interaction, &situation)
        }
        Ok(_) => flow::advance(&visitor, interaction, Via::Get).await,
        Err(error) => flow::fault(&visitor, &error),
    }
}

/// The page.
pub fn show(
    visitor: &Visitor,
    client: &RegisteredClient,
    interaction: &Interaction,
    situation: &Situation,
) -> HttpResponse {
    let account = situation.signed_in.as_ref().map(|signed_in| {
        let user = &signed_in.user;
        Person::new(&user.id, user.name.as_deref(), &user.email)
    });
    let page = SelectAccount {
        page: visitor.page(),
        app: Some(flow::app(client)),
        txn: visitor.seal(interaction),
        accounts: account.into_iter().collect(),
        can_cancel: true,
    };
    visitor.mark(page.respond())
}

/// Takes the choice.
pub async fn post(visitor: Visitor, form: Result<FormParams, JsonError>) -> HttpResponse {
    let Ok(FormParams(form)) = form else {
        return ErrorPage::request(visitor.page()).respond();
    };
    if !visitor.posted_from_our_page(&form) {
        return ErrorPage::form(visitor.page()).respond();
    }
    let field = |name| form.one(name).ok().flatten();
    let mut interaction = match visitor.open(field("txn").unwrap_or_default()) {
        Ok(interaction) => interaction,
        Err(error) => return flow::not_opened(&visitor, &error),
    };
    if field("decision") == Some("cancel") {
        return cancel(&visitor, &interaction).await;
    }
    let signed_in = match visitor.signed_in().await {
        Ok(signed_in) => signed_in,
        Err(error) => return flow::fault(&visitor, &error),
    };
    match signed_in.filter(|signed_in| field("account") == Some(&signed_in.user.id)) {
        Some(signed_in) => {
            interaction.selected_sid = Some(signed_in.session.sid);
            flow::advance(&visitor, interaction, Via::Post).await
        }
        None => switch(&visitor, interaction),
    }
}

/// Lets somebody else sign in, with the app's request kept.
pub fn switch(visitor: &Visitor, mut interaction: Interaction) -> HttpResponse {
    interaction.request.prompt.insert(Prompt::Login);
    interaction.request.login_hint = None;
    interaction.authenticated_sid = None;
    see_other(&format!("/login?txn={}", visitor.seal(&interaction)))
}

async fn cancel(visitor: &Visitor, interaction: &Interaction) -> HttpResponse {
    match flow::client_of(visitor, interaction).await {
        Ok(Some(client)) => {
            let error = answer::denied_by_person();
            let refusal = answer::refuse(&visitor.state.provider, interaction, &error);
            flow::reply(visitor, &client, refusal, Via::Post).await
        }
        Ok(None) => ErrorPage::unknown_client(visitor.page()).respond(),
        Err(error) => flow::fault(visitor, &error),
    }
}
