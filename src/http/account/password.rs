//! Changing the password.

use super::here::{Answer, Here, Posted, instead, with_cookie};
use crate::domain::identity::account::{self, ChangeError};
use crate::domain::identity::passwords;
use crate::domain::identity::sign_in::SignInError;
use crate::domain::identity::users::AccountError;
use crate::http::edge::headers::retry_after;
use crate::http::interaction::see_other;
use crate::http::page::{Nav, Notice};
use crate::http::problems;
use crate::http::views::account::ChangePassword;
use crate::http::views::problem::Problem;
use crate::protocol::error::OAuthError;
use crate::protocol::time::{Lifetime, Timestamp};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// Shows the form to somebody who signed in a moment ago.
pub async fn get(here: Here) -> Answer {
    here.demand_recent()?;
    Ok(here.show(form(&here).respond()))
}

/// Changes it. This browser stays signed in, with a new cookie.
pub async fn post(posted: Posted) -> Answer {
    let here = &posted.here;
    here.demand_recent()?;
    let (current, new) = (posted.field("password"), posted.field("new-password"));
    let mut view = form(here);
    let text = view.page.text;
    if view.has_password && current.is_empty() {
        view.errors.add("password", text, Problem::Missing);
    }
    problems::add_new_password(&mut view.errors, text, new, posted.field("new-password-confirm"));
    if view.errors.is_empty() && new == current {
        view.errors.add("new-password", text, Problem::PasswordSame);
    }
    if !view.errors.is_empty() {
        return Ok(here.show(view.respond()));
    }
    let (provider, actor) = (here.provider(), here.actor());
    match account::change_password(provider, &here.signed_in, current, new, &actor).await {
        Ok(cookie) => Ok(changed(here, cookie)),
        Err(error) => refused(here, view, error),
    }
}

fn form(here: &Here) -> ChangePassword {
    let user = &here.signed_in.user;
    ChangePassword {
        page: here.page(Nav::Security),
        username: user.username.clone().unwrap_or_else(|| user.email.clone()),
        has_password: user.password_hash.is_some(),
        minimum: passwords::LENGTH.start().to_string(),
        ..ChangePassword::default()
    }
}

fn changed(here: &Here, cookie: String) -> HttpResponse {
    let session = &here.signed_in.session;
    let left = Timestamp::from_unix(session.expires_at).seconds_since(here.provider().now());
    let left = u32::try_from(left).map_or(Lifetime::seconds(0), Lifetime::seconds);
    let kept = session.remember.then_some(left);
    let cookie = here.visitor.state.cookies.set_session(cookie, kept);
    with_cookie(here.done(Notice::PasswordChanged, "/account/security"), &cookie)
}

fn refused(here: &Here, mut view: ChangePassword, error: ChangeError) -> Answer {
    let text = view.page.text;
    match error {
        ChangeError::Current(SignInError::Wrong) => {
            view.errors.add("password", text, Problem::PasswordWrong);
            Ok(here.show(view.respond()))
        }
        ChangeError::Current(SignInError::SlowDown(wait)) => {
            let seconds = wait.0.as_seconds();
            view.errors.add("password", text, Problem::TooManyAttempts(seconds));
            let mut response = here.show(view.respond());
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            retry_after(response.headers_mut(), seconds);
            Ok(response)
        }
        ChangeError::Current(SignInError::Blocked) => {
            Err(instead("the account is blocked", see_other("/login?next=/account/password")))
        }
        ChangeError::Current(SignInError::Unavailable(error)) | ChangeError::Unavailable(error) => {
            Err(here.fault(&error))
        }
        ChangeError::New(AccountError::Overtaken) => {
            Err(instead("the account was changed meanwhile", see_other("/login?next=/account")))
        }
        ChangeError::New(AccountError::Storage(error)) => Err(here.fault(&error.into())),
        ChangeError::New(refusal) => {
            problems::add(&mut view.errors, text, &refusal.problems());
            match view.errors.is_empty() {
                true => Err(here.fault(&OAuthError::server_error(refusal))),
                false => Ok(here.show(view.respond())),
            }
        }
    }
}
