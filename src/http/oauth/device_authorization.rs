//! `POST /device_authorization` (RFC 8628 §3.1).

use crate::domain::audit::Actor;
use crate::domain::deferred::device;
use crate::domain::identity::sessions::BrowserInfo;
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, RequestInfo};
use actix_web::{HttpRequest, HttpResponse, web};

/// Gives a device the code that it shows, and the one that it asks with.
pub async fn start(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    FormParams(form): FormParams,
) -> Result<HttpResponse, JsonError> {
    let client = super::client_of(&request, &state, &info, &form).await?;
    let actor = info.actor(Actor::client(&client.id).name);
    let from = BrowserInfo { actor, user_agent: info.user_agent.clone(), upstream: None };
    let receipt = device::start(&state.provider, &client, &form, &from).await?;
    let mut response = HttpResponse::Ok().json(receipt);
    no_store(response.headers_mut());
    Ok(response)
}
