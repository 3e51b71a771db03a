//! `POST /backchannel_authentication` (OpenID Connect CIBA §7).

use crate::domain::audit::Actor;
use crate::domain::deferred::ciba;
use crate::domain::identity::sessions::BrowserInfo;
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, RequestInfo};
use actix_web::{HttpRequest, HttpResponse, web};

/// Takes a request for somebody who is elsewhere.
pub async fn start(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    FormParams(form): FormParams,
) -> Result<HttpResponse, JsonError> {
    let client = super::client_of(&request, &state, &info, &form).await?;
    let actor = info.actor(Actor::client(&client.id).name);
    let from = BrowserInfo { actor, user_agent: info.user_agent.clone(), upstream: None };
    let receipt = ciba::start(&state.provider, &client, &form, &from).await?;
    let mut response = HttpResponse::Ok().json(receipt);
    no_store(response.headers_mut());
    Ok(response)
}
