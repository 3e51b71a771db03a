//! `GET` and `POST /userinfo` (OpenID Connect Core §5.3).

use super::{bearer, cors, proof};
use crate::domain::clients;
use crate::domain::metadata::resource;
use crate::domain::sender::Scheme;
use crate::domain::tokens::userinfo::UserInfo;
use crate::domain::tokens::{presented, userinfo};
use crate::http::State;
use crate::http::edge::headers::{no_store, origin};
use crate::http::edge::{BearerError, FormParams};
use crate::protocol::params::Params;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};

/// The longest name of a call; a UUID has 36 bytes.
const MAX_INTERACTION_BYTES: usize = 64;

/// With the token in the header.
pub async fn get(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, BearerError> {
    described(&state, answer(&request, &state, None).await)
}

/// A refusal says where userinfo describes itself.
fn described(
    state: &State,
    answer: Result<HttpResponse, BearerError>,
) -> Result<HttpResponse, BearerError> {
    answer.map_err(|error| error.described_at(resource::address(&state.provider)))
}

/// With the token in the header or the form.
pub async fn post(
    request: HttpRequest,
    state: web::Data<State>,
    payload: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let is_form = request.headers().contains_key(header::CONTENT_TYPE);
    if !is_form {
        return Ok(described(&state, answer(&request, &state, None).await)?);
    }
    let FormParams(form) = FormParams::from_request(&request, &mut payload.into_inner()).await?;
    Ok(described(&state, answer(&request, &state, Some(&form)).await)?)
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    form: Option<&Params>,
) -> Result<HttpResponse, BearerError> {
    let sent = bearer::token(request, form);
    if origin(request).is_some() {
        grant(request, state, sent.as_ref().ok().map(|(_, token)| *token)).await?;
    }
    let (scheme, token) = sent?;
    let challenged = |error| BearerError::from(error).to_scheme(scheme);
    let evidence = proof::evidence(request, state);
    let told = userinfo::userinfo(&state.provider, token, scheme, &evidence).await;
    let mut response = match told.map_err(challenged)? {
        UserInfo::Json(claims) => HttpResponse::Ok().json(claims),
        UserInfo::Jwt(jwt) => HttpResponse::Ok().content_type("application/jwt").body(jwt),
    };
    if scheme == Scheme::Dpop {
        proof::add_nonce(state, &mut response);
    }
    no_store(response.headers_mut());
    echo_interaction(request, &mut response);
    Ok(response)
}

/// Who calls by the rules of FAPI gives the call a name, and finds it in the answer.
fn echo_interaction(request: &HttpRequest, response: &mut HttpResponse) {
    let name = header::HeaderName::from_static("x-fapi-interaction-id");
    if let Some(id) = request.headers().get(&name).filter(|id| id.len() <= MAX_INTERACTION_BYTES) {
        response.headers_mut().insert(name, id.clone());
    }
}

/// The scripts of the client that the token was issued to may read the answer.
async fn grant(
    request: &HttpRequest,
    state: &State,
    token: Option<&str>,
) -> Result<(), BearerError> {
    let presented = match token {
        Some(token) => presented::read(&state.provider, token).await?,
        None => None,
    };
    let client = match presented {
        Some(token) => clients::find(&state.provider, &token.client_id).await?,
        None => None,
    };
    match client {
        Some(client) => cors::grant_to(request, &client),
        // No token, or one that is not good, is of nobody; the page of any client may read that.
        None => cors::grant_to_any(request, state).await?,
    }
    Ok(())
}
