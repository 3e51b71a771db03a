//! Which scripts may read the answers of the endpoints (Fetch, CORS protocol).

use crate::domain::clients::{self, RegisteredClient};
use crate::http::State;
use crate::http::edge::headers::{
    cors_allow_origin, grant_origin, is_preflight, origin, preflight,
};
use crate::protocol::credentials::Credentials;
use crate::protocol::error::OAuthError;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// Grants the origin of a request to the client that its credentials claim to be of; proves nothing
/// and reveals nothing: the scripts of a client's own page may know what the client is told.
pub async fn grant_to_claimed(
    request: &HttpRequest,
    state: &State,
    credentials: &Credentials,
) -> Result<(), OAuthError> {
    let (Some(_), Some(client_id)) = (origin(request), credentials.client_id()) else {
        return Ok(());
    };
    if let Some(client) = clients::find(&state.provider, client_id).await? {
        grant_to(request, &client);
    }
    Ok(())
}

/// Grants the origin of a request when it is that of a redirect URI of the client.
pub fn grant_to(request: &HttpRequest, client: &RegisteredClient) {
    let own = client.metadata.redirect_uris.iter().map(String::as_str);
    if origin(request).is_some_and(|origin| cors_allow_origin(origin, own)) {
        grant_origin(request);
    }
}

/// Grants the origin of a request when it is that of a redirect URI of any client: for what says
/// nothing about anybody.
pub async fn grant_to_any(request: &HttpRequest, state: &State) -> Result<(), OAuthError> {
    let known = clients::redirect_origins(&state.provider).await?;
    if origin(request).is_some_and(|origin| known.contains(origin)) {
        grant_origin(request);
    }
    Ok(())
}

/// Answers what is not `POST`: a preflight from a page of some client, or 405.
pub async fn post_only(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, actix_web::Error> {
    other_method(&request, &state, "POST").await
}

/// Answers what is neither `GET` nor `POST`.
pub async fn get_or_post(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, actix_web::Error> {
    other_method(&request, &state, "GET, POST").await
}

async fn other_method(
    request: &HttpRequest,
    state: &State,
    methods: &'static str,
) -> Result<HttpResponse, actix_web::Error> {
    if !is_preflight(request) {
        return Ok(HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, methods))
            .finish());
    }
    grant_to_any(request, state).await.map_err(crate::http::edge::JsonError::from)?;
    Ok(preflight(methods))
}
