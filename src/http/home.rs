//! The front page, and the page that makes the first administrator.

use super::edge::{FormParams, JsonError, QueryParams};
use super::interaction::{AFTER_SET_UP, Visitor, fault, see_other};
use super::problems;
use super::views::error::ErrorPage;
use super::views::home::{Home, Setup};
use crate::domain::identity::passwords;
use crate::domain::identity::users::{AccountError, NewUser};
use crate::domain::setup;
use crate::protocol::error::OAuthError;
use actix_web::{HttpResponse, web};

/// Adds the pages.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource("/").route(web::get().to(home))).service(
        web::resource("/setup").route(web::get().to(show_setup)).route(web::post().to(set_up)),
    );
}

async fn home(visitor: Visitor) -> HttpResponse {
    let signed_in = visitor.signed_in().await.ok().flatten();
    let mut page = visitor.page();
    page.is_admin = signed_in.as_ref().is_some_and(|signed_in| signed_in.is_admin());
    page.email = signed_in.map(|signed_in| signed_in.user.email);
    Home { page, issuer: visitor.state.provider.issuer.clone() }.respond()
}

/// The form, for whoever has the link.
async fn show_setup(visitor: Visitor, query: Result<QueryParams, JsonError>) -> HttpResponse {
    let query = query.map(|QueryParams(query)| query).unwrap_or_default();
    let token = query.one("token").ok().flatten().unwrap_or_default();
    let response = match setup::is_open(&visitor.state.provider.ground(), token).await {
        Ok(true) => form(&visitor, token).respond(),
        Ok(false) => ErrorPage::setup(visitor.page()).respond(),
        Err(error) => fault(&visitor, &error.into()),
    };
    visitor.mark(response)
}

/// Makes the first administrator, who signs in next.
async fn set_up(visitor: Visitor, form: Result<FormParams, JsonError>) -> HttpResponse {
    let Ok(FormParams(params)) = form else {
        return ErrorPage::request(visitor.page()).respond();
    };
    if !visitor.posted_from_our_page(&params) {
        return visitor.mark(ErrorPage::form(visitor.page()).respond());
    }
    let field = |name| params.one(name).ok().flatten().unwrap_or_default();
    let (token, password) = (field("token"), field("new-password"));
    let mut view = Setup {
        email: field("email").trim().to_owned(),
        name: field("name").trim().to_owned(),
        ..self::form(&visitor, token)
    };
    let new = NewUser {
        email: view.email.clone(),
        name: Some(view.name.clone()).filter(|name| !name.is_empty()),
        password: Some(password.to_owned()),
        ..NewUser::default()
    };
    let (text, ground) = (view.page.text, visitor.state.provider.ground());
    let confirm = field("new-password-confirm");
    let profile = NewUser { password: None, ..new.clone() };
    problems::add(&mut view.errors, text, &profile.problems());
    problems::add_new_password(&mut view.errors, text, password, confirm);
    if view.errors.is_empty() {
        match setup::complete(&ground, token, new, &visitor.stranger()).await {
            Ok(_) => return see_other(AFTER_SET_UP),
            Err(error) => return refused(&visitor, view, error),
        }
    }
    match setup::is_open(&ground, token).await {
        Ok(true) => view.respond(),
        Ok(false) => ErrorPage::setup(visitor.page()).respond(),
        Err(error) => fault(&visitor, &error.into()),
    }
}

fn form(visitor: &Visitor, token: &str) -> Setup {
    Setup {
        page: visitor.page(),
        token: token.to_owned(),
        minimum: passwords::LENGTH.start().to_string(),
        ..Setup::default()
    }
}

fn refused(visitor: &Visitor, mut view: Setup, error: AccountError) -> HttpResponse {
    match error {
        AccountError::SetupClosed => ErrorPage::setup(visitor.page()).respond(),
        AccountError::Storage(error) => fault(visitor, &error.into()),
        refusal => {
            problems::add(&mut view.errors, view.page.text, &refusal.problems());
            match view.errors.is_empty() {
                true => fault(visitor, &OAuthError::server_error(refusal)),
                false => view.respond(),
            }
        }
    }
}
