//! The page where people make an account for themselves (Initiating User Registration via OpenID
//! Connect 1.0), where the operator allows it.

use super::flow;
use super::login::{self, Purpose};
use super::{Visitor, see_other};
use crate::domain::clients::RegisteredClient;
use crate::domain::identity::passwords;
use crate::domain::identity::sign_up::{SignUpError, sign_up};
use crate::http::edge::headers::retry_after;
use crate::http::edge::{FormParams, JsonError, QueryParams};
use crate::http::problems;
use crate::http::views::Errors;
use crate::http::views::error::ErrorPage;
use crate::http::views::interaction::{LoginMessage, SignUp};
use crate::http::views::problem::Problem;
use crate::protocol::authorization_request::Prompt;
use crate::protocol::params::Params;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// Shows the page.
pub async fn get(visitor: Visitor, query: Result<QueryParams, JsonError>) -> HttpResponse {
    let query = query.map(|QueryParams(query)| query).unwrap_or_default();
    let txn = query.one("txn").ok().flatten().unwrap_or("next:/account");
    let visitor = match (is_open(&visitor), login::purpose(&visitor, txn)) {
        (false, _) => return ErrorPage::not_found(visitor.page()).respond(),
        (true, Ok(Purpose::App(interaction))) => {
            visitor.speaking(interaction.request.ui_locales.as_deref())
        }
        (true, Ok(Purpose::Page(_))) => visitor,
        (true, Err(error)) => return login::not_opened(&visitor, error).await,
    };
    shown(&visitor, txn, &Params::default(), Errors::default()).await
}

fn is_open(visitor: &Visitor) -> bool {
    visitor.state.provider.features.sign_up
}

/// The page, with what was typed but the password.
async fn shown(visitor: &Visitor, txn: &str, form: &Params, errors: Errors) -> HttpResponse {
    let client = match login::purpose(visitor, txn) {
        Ok(Purpose::App(interaction)) => match flow::client_of(visitor, &interaction).await {
            Ok(client) => client,
            Err(error) => return flow::fault(visitor, &error),
        },
        _ => None,
    };
    show(visitor, client.as_deref(), txn.to_owned(), form, errors)
}

/// The page.
pub fn show(
    visitor: &Visitor,
    client: Option<&RegisteredClient>,
    txn: String,
    form: &Params,
    errors: Errors,
) -> HttpResponse {
    let app = client.map(flow::app);
    let page = SignUp {
        page: visitor.page(),
        can_cancel: app.is_some(),
        app,
        txn,
        errors,
        email: field(form, "email").to_owned(),
        name: field(form, "name").to_owned(),
        minimum: passwords::LENGTH.start().to_string(),
    };
    visitor.mark(page.respond())
}

/// Takes what was typed. The answer is the same whether the address had an account or not.
pub async fn post(visitor: Visitor, form: Result<FormParams, JsonError>) -> HttpResponse {
    let Ok(FormParams(form)) = form else {
        return ErrorPage::request(visitor.page()).respond();
    };
    if !is_open(&visitor) {
        return ErrorPage::not_found(visitor.page()).respond();
    }
    if !visitor.posted_from_our_page(&form) {
        return ErrorPage::form(visitor.page()).respond();
    }
    let txn = field(&form, "txn");
    let purpose = match login::purpose(&visitor, txn) {
        Ok(purpose) => purpose,
        Err(error) => return login::not_opened(&visitor, error).await,
    };
    if field(&form, "decision") == "cancel" {
        return login::cancel(&visitor, purpose).await;
    }
    let text = visitor.page().text;
    let mut errors = Errors::default();
    let (password, again) = (field(&form, "new-password"), field(&form, "new-password-confirm"));
    problems::add_new_password(&mut errors, text, password, again);
    if !errors.is_empty() {
        return shown(&visitor, txn, &form, errors).await;
    }
    let name = Some(field(&form, "name").trim()).filter(|name| !name.is_empty());
    let (email, provider) = (field(&form, "email").trim(), &visitor.state.provider);
    match sign_up(provider, email, name, password, &visitor.stranger()).await {
        Ok(()) => to_sign_in(&visitor, purpose, email).await,
        Err(SignUpError::Invalid(problems)) => {
            problems::add(&mut errors, text, &problems);
            shown(&visitor, txn, &form, errors).await
        }
        Err(SignUpError::SlowDown(wait)) => {
            let seconds = wait.0.as_seconds();
            errors.add("email", text, Problem::TooManyAttempts(seconds));
            let mut response = shown(&visitor, txn, &form, errors).await;
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            retry_after(response.headers_mut(), seconds);
            response
        }
        Err(SignUpError::Fault(error)) => flow::fault(&visitor, &error),
    }
}

/// On to the sign-in page, which says what has happened and takes the new password.
async fn to_sign_in(visitor: &Visitor, purpose: Purpose, email: &str) -> HttpResponse {
    let txn = match purpose {
        Purpose::Page(next) => login::own_txn(&next),
        Purpose::App(mut interaction) => {
            let request = &mut interaction.request;
            request.prompt.remove(&Prompt::Create);
            // Whoever is signed in here is not, or not surely, the one who has just signed up.
            request.prompt.insert(Prompt::Login);
            request.login_hint = Some(email.to_owned());
            let txn = visitor.seal(&interaction);
            if txn.len() > flow::MAX_TXN_IN_ADDRESS {
                let said = Some(LoginMessage::SignedUp);
                return login::show_for_app(visitor, &interaction, said).await;
            }
            txn
        }
    };
    see_other(&format!("/login?txn={txn}&made=1"))
}

fn field<'a>(form: &'a Params, name: &'static str) -> &'a str {
    form.one(name).ok().flatten().unwrap_or_default()
}
