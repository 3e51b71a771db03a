//! `POST /token` (RFC 6749 §3.2).

use crate::domain::audit::Actor;
use crate::domain::tokens::{TokenResponse, issue};
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, RequestInfo};
use actix_web::{HttpRequest, HttpResponse, web};

/// Exchanges a grant for tokens.
///
/// Client authentication comes first, so an unknown client never learns whether its code was any
/// good. From there the request only moves forward: client, grant, redemption, tokens.
pub async fn token(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    FormParams(form): FormParams,
) -> Result<HttpResponse, JsonError> {
    let provider = &state.provider;
    let client = super::client_of(&request, &state, &info, &form).await?;
    let grant = provider.grants.find(form.required("grant_type")?, &client)?;
    let redemption = grant.redeem(provider, &client, &form).await?;
    let actor = info.actor(Actor::client(&client.id).name);
    Ok(answer(&issue(provider, &client, redemption, &actor).await?))
}

/// Token responses must not be cached (RFC 6749 §5.1).
fn answer(tokens: &TokenResponse) -> HttpResponse {
    let mut response = HttpResponse::Ok().json(tokens);
    no_store(response.headers_mut());
    response
}
