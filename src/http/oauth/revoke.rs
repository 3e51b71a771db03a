//! `POST /revoke` (RFC 7009 §2).

use crate::domain::audit::Actor;
use crate::domain::tokens::revoke::revoke as revoke_token;
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, RequestInfo};
use actix_web::{HttpRequest, HttpResponse, web};

/// Revokes a token of the client that asks. `token_type_hint` is not needed: every kind is looked
/// for (§2.1).
pub async fn revoke(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    FormParams(form): FormParams,
) -> Result<HttpResponse, JsonError> {
    let client = super::client_of(&request, &state, &info, &form).await?;
    form.one("token_type_hint")?;
    let actor = info.actor(Actor::client(&client.id).name);
    revoke_token(&state.provider, &client, form.required("token")?, &actor).await?;
    let mut response = HttpResponse::Ok().finish();
    no_store(response.headers_mut());
    Ok(response)
}
