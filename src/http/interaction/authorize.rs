//! `GET` and `POST /authorize` (OpenID Connect Core §3.1.2.1).

use super::flow::{self, Via};
use super::{Visitor, see_other};
use crate::domain::authorize::interaction::Interaction;
use crate::domain::authorize::request::{self, Refusal};
use crate::http::edge::{FormParams, JsonError};
use crate::http::views::error::ErrorPage;
use crate::protocol::params::Params;
use actix_web::{HttpRequest, HttpResponse};

/// The request in the query.
pub async fn get(request: HttpRequest, visitor: Visitor) -> HttpResponse {
    match Params::parse(request.query_string().as_bytes()) {
        Ok(params) => start(visitor, &params, Via::Get).await,
        Err(error) => flow::refused(&visitor, &error.into()),
    }
}

/// The request in the body; what is in the query as well does not count, and a parameter in both
/// places is one too many.
pub async fn post(
    request: HttpRequest,
    visitor: Visitor,
    form: Result<FormParams, JsonError>,
) -> HttpResponse {
    let FormParams(form) = match form {
        Ok(form) => form,
        Err(_) => return visitor.mark(ErrorPage::request(visitor.page()).respond()),
    };
    let query = Params::parse(request.query_string().as_bytes()).unwrap_or_default();
    let both = form.joined_where_repeated(&query);
    start(visitor, &both, Via::Post).await
}

async fn start(visitor: Visitor, params: &Params, via: Via) -> HttpResponse {
    let provider = visitor.state.provider.clone();
    if let Err(error) = provider.expect_right_clock() {
        return flow::fault(&visitor, &error);
    }
    match request::check(&provider, params).await {
        Ok(checked) => {
            let mut visitor = visitor.speaking(checked.request.ui_locales.as_deref());
            let random = provider.random.as_ref();
            let interaction = Interaction::start(checked.request, random, provider.now());
            match via {
                Via::Get => flow::advance(&visitor, interaction, via).await,
                // A form on another site's page: cookies come only with the next, plain request.
                Via::Post => later(&mut visitor, interaction).await,
            }
        }
        Err(Refusal::Page(refusal)) => flow::refused(&visitor, &refusal),
        Err(Refusal::Reply(refused)) => {
            tracing::debug!(error = %refused.error, "authorization request refused");
            let answer = refused.address.error(&refused.error, &provider.issuer);
            flow::reply(&visitor, &refused.client, answer, Via::Get).await
        }
    }
}

async fn later(visitor: &mut Visitor, interaction: Interaction) -> HttpResponse {
    let txn = visitor.seal_unbound(&interaction);
    if txn.len() > flow::MAX_TXN_IN_ADDRESS {
        visitor.may_mark = true;
        return flow::advance(visitor, interaction, Via::Get).await;
    }
    see_other(&format!("/authorize/resume?txn={txn}"))
}

/// Goes on with a request that was posted.
pub async fn resume(request: HttpRequest, visitor: Visitor) -> HttpResponse {
    let query = Params::parse(request.query_string().as_bytes()).unwrap_or_default();
    let sealed = query.one("txn").ok().flatten().unwrap_or_default();
    match visitor.open_unbound(sealed).or_else(|_| visitor.open(sealed)) {
        Ok(interaction) => flow::advance(&visitor, interaction, Via::Get).await,
        Err(error) => flow::not_opened(&visitor, &error),
    }
}
