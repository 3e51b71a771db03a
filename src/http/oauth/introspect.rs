//! `POST /introspect` (RFC 7662 §2).

use crate::domain::tokens::introspection;
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, RequestInfo};
use actix_web::{HttpRequest, HttpResponse, web};

/// Says whether a token is good. `token_type_hint` is not needed: every kind is looked for (§2.1).
pub async fn introspect(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    FormParams(form): FormParams,
) -> Result<HttpResponse, JsonError> {
    let client = super::client_of(&request, &state, &info, &form).await?;
    form.one("token_type_hint")?;
    let token = form.required("token")?;
    let answer = introspection::introspect(&state.provider, &client, token).await?;
    let mut response = HttpResponse::Ok().json(answer);
    no_store(response.headers_mut());
    Ok(response)
}
