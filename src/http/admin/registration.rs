//! How clients may register themselves, and the tokens that let them.

use super::guard::{Admin, Answer, Posted, Stop};
use crate::config::RegistrationMode;
use crate::domain::registration::initial_tokens::{self, InitialAccessToken, NewToken, TokenError};
use crate::http::page::{Nav, Notice, Page};
use crate::http::problems;
use crate::http::views::Errors;
use crate::http::views::admin::{Registration, TokenRow};
use crate::http::views::confirm::{Act, Confirm};
use crate::protocol::error::OAuthError;
use crate::protocol::time::{Lifetime, Timestamp};
use actix_web::web::Path;

const HERE: &str = "/admin/registration";
const HOUR: u32 = 3600;

/// Shows the tokens, and the form for another.
pub async fn get(admin: Admin) -> Answer {
    Ok(shown(&admin).await?.respond())
}

async fn shown(admin: &Admin) -> Result<Registration, Stop> {
    let tokens = admin.read(initial_tokens::list(&admin.ground()).await)?;
    let page = admin.page(Nav::Registration);
    let mode = match admin.provider().registration.mode {
        RegistrationMode::Off => page.t("registration-off"),
        RegistrationMode::Token => page.t("registration-token"),
        RegistrationMode::Open => page.t("registration-open"),
    };
    Ok(Registration {
        mode: mode.into_owned(),
        rows: tokens.iter().map(|token| row(&page, token)).collect(),
        uses: "1".into(),
        hours: "24".into(),
        once: admin.mark(),
        page,
        ..Registration::default()
    })
}

fn row(page: &Page, token: &InitialAccessToken) -> TokenRow {
    TokenRow {
        label: token.label.clone(),
        left: format!("{} / {}", token.uses_left, token.uses),
        made_by: token.created_by.clone(),
        ends: page.text.date_time(Timestamp::from_unix(token.expires_at)),
        revoke_url: format!("{HERE}/{}/revoke", token.id),
    }
}

/// Makes a token, and shows it this once.
pub async fn create(admin: Admin, posted: Posted) -> Answer {
    admin.recent()?;
    let text = admin.page(Nav::Registration).text;
    let mut errors = Errors::default();
    let uses = posted.field("uses").parse().unwrap_or(0);
    let hours: u32 = posted.field("hours").parse().unwrap_or(0);
    let lifetime = Lifetime::seconds(hours.saturating_mul(HOUR));
    let new = NewToken { label: posted.field("label"), uses, lifetime };
    if new.problems().is_empty() && !admin.first(&posted).await? {
        return Ok(admin.done(HERE, Notice::SentBefore));
    }
    match initial_tokens::create(&admin.ground(), new, &admin.actor()).await {
        Err(TokenError::Invalid(found)) => {
            problems::add(&mut errors, text, &found);
            let view = Registration {
                errors,
                label: posted.field("label"),
                uses: posted.field("uses"),
                hours: posted.field("hours"),
                ..shown(&admin).await?
            };
            Ok(view.respond())
        }
        made => {
            let (value, _) = made_or_not(&admin, made)?;
            Ok(Registration { new_token: Some(value), ..shown(&admin).await? }.respond())
        }
    }
}

/// Asks before a token is taken back.
pub async fn ask_revoke(admin: Admin, id: Path<String>) -> Answer {
    let tokens = admin.read(initial_tokens::list(&admin.ground()).await)?;
    let token = admin.found(tokens.into_iter().find(|token| token.id == *id))?;
    admin.recent()?;
    let action = format!("{HERE}/{}/revoke", token.id);
    let act = Act::RevokeInitialToken { name: &token.label };
    Ok(Confirm::new(admin.page(Nav::Registration), act, &action, HERE).respond())
}

/// Takes a token back.
pub async fn revoke(admin: Admin, id: Path<String>, _posted: Posted) -> Answer {
    admin.recent()?;
    let done = initial_tokens::revoke(&admin.ground(), &id, &admin.actor()).await;
    made_or_not(&admin, done)?;
    Ok(admin.done(HERE, Notice::InitialTokenRevoked))
}

fn made_or_not<T>(admin: &Admin, done: Result<T, TokenError>) -> Result<T, Stop> {
    match done {
        Ok(done) => Ok(done),
        Err(TokenError::Storage(error)) => admin.read(Err(error)),
        Err(TokenError::NotFound) => admin.found(None),
        Err(error @ TokenError::Invalid(_)) => admin.read(Err(OAuthError::server_error(error))),
    }
}
