//! Who the person is, and how they want to read.

use super::here::{Answer, Here, Posted, with_cookie};
use crate::domain::identity::account::{self, ProfileError};
use crate::domain::identity::throttle::TooMany;
use crate::domain::identity::users::{AccountError, Profile as Account, User};
use crate::http::edge::headers::retry_after;
use crate::http::page::{LANGUAGE_COOKIE, Nav, Notice, THEME_COOKIE, Theme};
use crate::http::problems;
use crate::http::text::Language;
use crate::http::views::Errors;
use crate::http::views::account::Profile;
use crate::http::views::problem::Problem;
use crate::protocol::error::OAuthError;
use actix_web::http::StatusCode;
use serde_json::{Map, Value};

/// Shows the form with what is kept.
pub async fn get(here: Here) -> Answer {
    let user = &here.signed_in.user;
    let view = Profile {
        name: user.name.clone().unwrap_or_default(),
        given_name: claim(user, "given_name"),
        family_name: claim(user, "family_name"),
        language: user.language.as_deref().and_then(Language::from_tag),
        ..form(&here)
    };
    Ok(here.show(view.respond()))
}

/// Keeps what was typed.
pub async fn post(posted: Posted) -> Answer {
    let here = &posted.here;
    let language = posted.field("language");
    let mut view = Profile {
        name: posted.field("name").trim().to_owned(),
        given_name: posted.field("given_name").trim().to_owned(),
        family_name: posted.field("family_name").trim().to_owned(),
        language: Language::ALL.into_iter().find(|own| own.tag() == language),
        theme: Theme::from_name(posted.field("theme")),
        ..form(here)
    };
    view.errors = choices_problem(&view, language, posted.field("theme"));
    if !view.errors.is_empty() {
        return Ok(here.show(view.respond()));
    }
    let changed = changed(&here.signed_in.user, &view);
    let (provider, actor) = (here.provider(), here.actor());
    if let Err(error) = account::update_profile(provider, &here.signed_in, changed, &actor).await {
        return refused(here, view, error);
    }
    let cookies = here.visitor.state.cookies;
    let language = cookies.set_choice(LANGUAGE_COOKIE, view.language.map(Language::tag));
    let theme = cookies.set_choice(THEME_COOKIE, view.theme.map(Theme::name));
    let done = here.done(Notice::ProfileSaved, "/account/profile");
    Ok(with_cookie(with_cookie(done, &language), &theme))
}

fn refused(here: &Here, mut view: Profile, error: ProfileError) -> Answer {
    match error {
        ProfileError::SlowDown(TooMany(wait)) => {
            let seconds = wait.as_seconds();
            view.errors.add("name", view.page.text, Problem::TooManyAttempts(seconds));
            let mut response = here.show(view.respond());
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            retry_after(response.headers_mut(), seconds);
            Ok(response)
        }
        ProfileError::Account(AccountError::Storage(error)) => Err(here.fault(&error.into())),
        ProfileError::Account(AccountError::NotFound) => Err(here.not_found()),
        ProfileError::Account(refusal) => {
            problems::add(&mut view.errors, view.page.text, &refusal.problems());
            match view.errors.is_empty() {
                true => Err(here.fault(&OAuthError::server_error(refusal))),
                false => Ok(here.show(view.respond())),
            }
        }
    }
}

/// The form with what a person cannot change here.
fn form(here: &Here) -> Profile {
    let (page, user) = (here.page(Nav::Profile), &here.signed_in.user);
    Profile {
        email: user.email.clone(),
        email_verified: user.email_verified,
        theme: page.theme,
        page,
        ..Profile::default()
    }
}

fn choices_problem(view: &Profile, language: &str, theme: &str) -> Errors {
    let mut errors = Errors::default();
    if view.language.is_none() && !language.is_empty() {
        errors.add("language", view.page.text, Problem::ChoiceInvalid);
    }
    if view.theme.is_none() && !theme.is_empty() {
        errors.add("theme", view.page.text, Problem::ChoiceInvalid);
    }
    errors
}

fn changed(user: &User, view: &Profile) -> Account {
    let mut profile = Account::of(user);
    profile.name = Some(view.name.clone()).filter(|name| !name.is_empty());
    profile.language = view.language.map(|language| language.tag().to_owned());
    set(&mut profile.claims, "given_name", &view.given_name);
    set(&mut profile.claims, "family_name", &view.family_name);
    profile
}

fn set(claims: &mut Map<String, Value>, name: &str, text: &str) {
    match text.is_empty() {
        true => claims.remove(name),
        false => claims.insert(name.to_owned(), text.into()),
    };
}

fn claim(user: &User, name: &str) -> String {
    user.claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
