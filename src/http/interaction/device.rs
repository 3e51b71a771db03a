//! `/device`: where people type the code that their device shows (RFC 8628 §3.3).
//!
//! A right code starts an interaction like any other: sign-in, then the consent page, which names
//! app, code and origin of the request and is never skipped. Nothing is looked up by GET, so an
//! address with a code in it tells nobody whether the code is good.

use super::Visitor;
use super::flow::{self, Via};
use crate::domain::authorize::interaction::Interaction;
use crate::domain::deferred::device::{self, CodeError};
use crate::http::edge::{FormParams, JsonError, QueryParams};
use crate::http::views::error::ErrorPage;
use crate::http::views::interaction::DeviceCode;
use crate::http::views::problem::Problem;
use crate::protocol::user_code::UserCode;
use actix_web::HttpResponse;

/// Shows the page. A code in the address is filled in, for the person to compare and send.
pub async fn get(visitor: Visitor, query: Result<QueryParams, JsonError>) -> HttpResponse {
    let query = query.map(|QueryParams(query)| query).unwrap_or_default();
    let sent = query.one("user_code").ok().flatten().and_then(UserCode::parse);
    let is_complete = sent.is_some();
    let user_code = sent.map(|code| code.to_string()).unwrap_or_default();
    let view = DeviceCode::new(visitor.page(), user_code, is_complete, None);
    visitor.mark(view.respond())
}

/// Takes the code.
pub async fn post(visitor: Visitor, form: Result<FormParams, JsonError>) -> HttpResponse {
    let Ok(FormParams(form)) = form else {
        return ErrorPage::request(visitor.page()).respond();
    };
    if !visitor.posted_from_our_page(&form) {
        return ErrorPage::form(visitor.page()).respond();
    }
    let typed = form.one("user_code").ok().flatten().unwrap_or_default();
    let provider = visitor.state.provider.clone();
    match device::find(&provider, typed, visitor.info.ip().as_deref()).await {
        Ok(request) => {
            let interaction = Interaction::start(request, provider.random.as_ref(), provider.now());
            flow::advance(&visitor, interaction, Via::Post).await
        }
        Err(error) => refused(&visitor, typed, &error),
    }
}

/// The page again, with what was typed.
fn refused(visitor: &Visitor, typed: &str, error: &CodeError) -> HttpResponse {
    let typed = UserCode::parse(typed).map_or_else(|| typed.to_owned(), |code| code.to_string());
    let page = visitor.page();
    let view = match error {
        CodeError::Wrong => DeviceCode::new(page, typed, false, Some(Problem::UserCodeWrong)),
        CodeError::SlowDown(wait) => DeviceCode::slow_down(page, typed, wait.0.as_seconds()),
        CodeError::Fault(error) => return flow::fault(visitor, error),
    };
    visitor.mark(view.respond())
}
