//! `POST /par`: pushed authorization requests (RFC 9126 §2).

use super::proof;
use crate::domain::authorize::pushed;
use crate::domain::sender;
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, RequestInfo};
use actix_web::{HttpRequest, HttpResponse, web};

/// Takes a request from its client, and gives the reference that the browser will bring.
pub async fn push(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    FormParams(form): FormParams,
) -> Result<HttpResponse, JsonError> {
    let client = super::client_of(&request, &state, &info, &form).await?;
    let ip = info.ip();
    let sender = sender::prove(&state.provider, &proof::evidence(&request, &state), None)?;
    let receipt = pushed::push(&state.provider, &client, &form, &sender, ip.as_deref()).await?;
    let mut response = HttpResponse::Created().json(receipt);
    proof::next_nonce(&state, &sender, &mut response);
    no_store(response.headers_mut());
    Ok(response)
}
