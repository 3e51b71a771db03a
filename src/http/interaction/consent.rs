//! The consent page (OpenID Connect Core §3.1.2.4).

use super::Visitor;
use super::flow::{self, Via};
use crate::domain::authorize::answer;
use crate::domain::authorize::interaction::Interaction;
use crate::domain::authorize::progress::{self, CLAIM, Situation, wanted};
use crate::domain::authorize::reply::is_on_device;
use crate::domain::authorize::step::Step;
use crate::domain::clients::RegisteredClient;
use crate::domain::identity::sessions::SignedIn;
use crate::domain::resources::details::{self, Words};
use crate::domain::resources::words;
use crate::domain::tokens::userinfo;
use crate::http::edge::{FormParams, JsonError, QueryParams};
use crate::http::text::Text;
use crate::http::views::device::describe;
use crate::http::views::error::ErrorPage;
use crate::http::views::interaction::{Consent, DetailLine, DeviceHint, ScopeLine};
use crate::http::views::{Person, web_link};
use crate::protocol::authorization_request::{ElsewhereRequest, Errand};
use crate::protocol::client::ClientOrigin;
use crate::protocol::params::Params;
use actix_web::HttpResponse;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An interaction that stands before its decision.
struct Asked {
    interaction: Interaction,
    client: Arc<RegisteredClient>,
    situation: Situation,
}

/// Shows the page.
pub async fn get(visitor: Visitor, query: Result<QueryParams, JsonError>) -> HttpResponse {
    let query = query.map(|QueryParams(query)| query).unwrap_or_default();
    match open(&visitor, query.one("txn").ok().flatten().unwrap_or_default()).await {
        Ok(asked) if asked.situation.step == Step::Consent => {
            let visitor = visitor.speaking(asked.interaction.request.ui_locales.as_deref());
            show(&visitor, &asked.client, asked.interaction, &asked.situation).await
        }
        Ok(asked) => flow::advance(&visitor, asked.interaction, Via::Get).await,
        Err(response) => response,
    }
}

async fn open(visitor: &Visitor, txn: &str) -> Result<Asked, HttpResponse> {
    let interaction = visitor.open(txn).map_err(|error| flow::not_opened(visitor, &error))?;
    let client = flow::client_of(visitor, &interaction).await;
    let client = client
        .map_err(|error| flow::fault(visitor, &error))?
        .ok_or_else(|| ErrorPage::unknown_client(visitor.page()).respond())?;
    let provider = &visitor.state.provider;
    let session = visitor.session.as_deref();
    let situation = progress::assess(provider, &client, &interaction, session)
        .await
        .map_err(|error| flow::fault(visitor, &error))?;
    Ok(Asked { interaction, client, situation })
}

/// The page. It is sealed for the session it was shown to, so nobody allows in another's name.
pub async fn show(
    visitor: &Visitor,
    client: &RegisteredClient,
    mut interaction: Interaction,
    situation: &Situation,
) -> HttpResponse {
    let Some(signed_in) = &situation.signed_in else {
        return ErrorPage::start_again(visitor.page()).respond();
    };
    interaction.asked_sid = Some(signed_in.session.sid.clone());
    let page = visitor.page();
    let request = &interaction.request;
    let wanted = wanted(request);
    // Whoever was sent a link with a code in it must see all that would be given away by it.
    let folds = request.elsewhere.is_none();
    let (already, asked): (Vec<&str>, Vec<&str>) =
        wanted.iter().partition(|scope| folds && situation.allowed_before.contains(scope));
    let (provider, language) = (&visitor.state.provider, page.text.language().tag());
    let words = words::of_scopes(provider, &wanted, &request.resources, language).await;
    let words = match words {
        Ok(words) => words,
        Err(error) => return flow::fault(visitor, &error),
    };
    let details = match details::in_words(provider, &request.details, language).await {
        Ok(details) => details,
        Err(error) => return flow::fault(visitor, &error),
    };
    let mut scopes = lines(page.text, signed_in, &words, asked);
    if scopes.is_empty() && details.is_empty() {
        scopes.push(ScopeLine::sign_in(page.text));
    }
    let detail = |words: Words| DetailLine { sentence: words.sentence, rest: words.rest };
    let person = &signed_in.user;
    let view = Consent {
        app: flow::app(client),
        // Whoever serves the document of an app has its domain.
        verified: (client.policy.origin == ClientOrigin::Document).then_some(true),
        registered_itself: !client.policy.origin.is_administrator(),
        account: Person::new(&person.id, person.name.as_deref(), &person.email),
        details: details.into_iter().map(detail).collect(),
        scopes,
        already: lines(page.text, signed_in, &words, already),
        elsewhere: request.elsewhere.as_ref().map(|asked| hint(visitor, asked)),
        destination: destination(&request.redirect_uri),
        on_device: is_on_device(&request.redirect_uri),
        privacy_url: client.metadata.policy_uri.as_deref().and_then(web_link),
        terms_url: client.metadata.tos_uri.as_deref().and_then(web_link),
        txn: visitor.seal(&interaction),
        page,
    };
    visitor.mark(view.respond())
}

/// What tells a person their own device from that of somebody who sent them a code.
fn hint(visitor: &Visitor, asked: &ElsewhereRequest) -> DeviceHint {
    let text = visitor.page().text;
    let agent = asked.user_agent.as_deref().unwrap_or_default();
    DeviceHint {
        is_device: asked.errand == Errand::Device,
        shown: asked.shown.clone(),
        asked: text.ago(asked.asked_at, visitor.state.provider.now()),
        kind: describe(text, agent),
        address: asked.address.clone().unwrap_or_default(),
    }
}

/// The lines, those that may change something last.
fn lines(
    text: Text,
    signed_in: &SignedIn,
    words: &BTreeMap<String, String>,
    scopes: Vec<&str>,
) -> Vec<ScopeLine> {
    let line = |scope| ScopeLine::of(text, words, scope, &value_of(signed_in, scope));
    let mut lines: Vec<ScopeLine> = scopes.into_iter().filter_map(line).collect();
    lines.sort_by_key(|line| line.danger);
    lines
}

/// What a scope would show of this person.
fn value_of(signed_in: &SignedIn, scope: &str) -> String {
    if let Some(claim) = scope.strip_prefix(CLAIM) {
        return shown(signed_in, claim);
    }
    match scope {
        "profile" => signed_in.user.display_name().to_owned(),
        "email" => signed_in.user.email.clone(),
        "address" => shown(signed_in, "address"),
        "phone" => shown(signed_in, "phone_number"),
        _ => String::new(),
    }
}

fn shown(signed_in: &SignedIn, claim: &str) -> String {
    match userinfo::value(&signed_in.user, claim) {
        Some(Value::String(text)) => text,
        Some(Value::Object(address)) => {
            let text = |name: &str| address.get(name)?.as_str().map(str::to_owned);
            text("formatted").or_else(|| text("locality")).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The host that the answer goes to, or the scheme of an app.
fn destination(redirect_uri: &str) -> String {
    match url::Url::parse(redirect_uri) {
        Ok(url) => url.host_str().map_or_else(|| url.scheme().to_owned(), str::to_owned),
        Err(_) => redirect_uri.to_owned(),
    }
}

/// Takes the decision.
pub async fn post(visitor: Visitor, form: Result<FormParams, JsonError>) -> HttpResponse {
    let form = match posted(&visitor, form) {
        Ok(form) => form,
        Err(response) => return response,
    };
    let asked = match open(&visitor, field(&form, "txn")).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let Some(signed_in) = &asked.situation.signed_in else {
        return flow::advance(&visitor, asked.interaction, Via::Post).await;
    };
    let is_who_was_asked = asked.interaction.asked_sid.as_ref() == Some(&signed_in.session.sid);
    let provider = &visitor.state.provider;
    let actor = visitor.actor(format!("user:{}", signed_in.user.id));
    let (client, interaction) = (&asked.client, &asked.interaction);
    let answered = match (field(&form, "decision"), asked.situation.step) {
        _ if !is_who_was_asked => {
            return flow::advance(&visitor, asked.interaction, Via::Post).await;
        }
        ("allow", Step::Consent | Step::Answer) => {
            answer::grant(provider, client, interaction, signed_in, true, &actor).await
        }
        ("allow", _) => return flow::advance(&visitor, asked.interaction, Via::Post).await,
        ("deny", _) => answer::deny(provider, client, interaction, signed_in, &actor).await,
        _ => return ErrorPage::request(visitor.page()).respond(),
    };
    match answered {
        Ok(reply) => flow::reply(&visitor, client, reply, Via::Post).await,
        Err(error) => flow::not_answered(&visitor, &error),
    }
}

/// "Not you?": somebody else signs in, the app's request is kept.
pub async fn switch(visitor: Visitor, form: Result<FormParams, JsonError>) -> HttpResponse {
    let form = match posted(&visitor, form) {
        Ok(form) => form,
        Err(response) => return response,
    };
    match visitor.open(field(&form, "txn")) {
        Ok(interaction) => super::select::switch(&visitor, interaction),
        Err(error) => flow::not_opened(&visitor, &error),
    }
}

fn posted(visitor: &Visitor, form: Result<FormParams, JsonError>) -> Result<Params, HttpResponse> {
    let FormParams(form) = form.map_err(|_| ErrorPage::request(visitor.page()).respond())?;
    match visitor.posted_from_our_page(&form) {
        true => Ok(form),
        false => Err(ErrorPage::form(visitor.page()).respond()),
    }
}

fn field<'a>(form: &'a Params, name: &'static str) -> &'a str {
    form.one(name).ok().flatten().unwrap_or_default()
}
