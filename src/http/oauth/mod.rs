//! The endpoints for machines: JSON, client authentication, no cookies.

mod backchannel_authentication;
mod bearer;
mod cors;
mod device_authorization;
mod discovery;
mod introspect;
mod par;
mod proof;
mod register;
mod revocations;
mod revoke;
mod status;
mod testing;
mod token;
mod userinfo;

use super::State;
use super::edge::{JsonError, RequestInfo, certificate};
use super::timely::{issued_by_a_right_clock, told_by_a_right_clock};
use crate::domain::clients::RegisteredClient;
use crate::domain::clients::authentication::authenticate;
use crate::domain::tokens::status::AGGREGATION_PATH;
use crate::protocol::credentials::Credentials;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::protocol::revocation_feed;
use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, web};
use std::sync::Arc;

/// Adds the endpoints whose paths are plain texts.
pub fn configure(config: &mut web::ServiceConfig, state: &State) {
    config
        .app_data(web::Data::new(discovery::Documents::new(&state.provider)))
        .service(metadata("/.well-known/openid-configuration"))
        .service(metadata("/.well-known/oauth-authorization-server"))
        .service(
            web::resource("/.well-known/oauth-protected-resource/userinfo")
                .route(web::get().to(discovery::userinfo))
                .route(web::head().to(discovery::userinfo))
                .route(web::route().to(discovery::options)),
        )
        .service(
            web::resource("/jwks")
                .route(web::get().to(discovery::jwks))
                .route(web::head().to(discovery::jwks))
                .route(web::route().to(discovery::options)),
        )
        .service(
            web::resource("/token")
                .wrap(from_fn(issued_by_a_right_clock))
                .route(web::post().to(token::token))
                .route(web::route().to(cors::post_only)),
        )
        .service(
            web::resource(revocation_feed::PATH)
                .route(web::get().to(revocations::get))
                .route(web::head().to(revocations::get)),
        )
        .service(
            web::resource(revocation_feed::WELL_KNOWN)
                .route(web::get().to(revocations::well_known))
                .route(web::head().to(revocations::well_known))
                .route(web::route().to(discovery::options)),
        )
        .service(
            web::resource(AGGREGATION_PATH)
                .route(web::get().to(status::aggregation))
                .route(web::head().to(status::aggregation))
                .route(web::route().to(discovery::options)),
        )
        .configure(of_clients);
}

/// Adds the endpoints whose path has a variable. It is matched by a regular expression, and every
/// request for what comes after would pay for it: so these are for the end.
pub fn configure_variable_paths(config: &mut web::ServiceConfig, state: &State) {
    config.service(
        web::resource("/status/{list}")
            .route(web::get().to(status::get))
            .route(web::head().to(status::get))
            .route(web::route().to(discovery::options)),
    );
    if state.provider.testing.ciba_secret.is_some() {
        testing::configure(config);
    }
    if state.provider.registration.is_on() {
        register::configure(config);
    }
}

/// What clients call with a proof of who they are, or with a token.
fn of_clients(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/par")
                .wrap(from_fn(issued_by_a_right_clock))
                .route(web::post().to(par::push))
                .route(web::route().to(cors::post_only)),
        )
        .service(
            web::resource("/device_authorization")
                .wrap(from_fn(issued_by_a_right_clock))
                .route(web::post().to(device_authorization::start))
                .route(web::route().to(cors::post_only)),
        )
        .service(
            web::resource("/backchannel_authentication")
                .wrap(from_fn(issued_by_a_right_clock))
                .route(web::post().to(backchannel_authentication::start)),
        )
        .service(
            web::resource("/revoke")
                .wrap(from_fn(told_by_a_right_clock))
                .route(web::post().to(revoke::revoke))
                .route(web::route().to(cors::post_only)),
        )
        .service(
            web::resource("/introspect")
                .wrap(from_fn(told_by_a_right_clock))
                .route(web::post().to(introspect::introspect)),
        )
        .service(
            web::resource("/userinfo")
                .wrap(from_fn(told_by_a_right_clock))
                .route(web::get().to(userinfo::get))
                .route(web::post().to(userinfo::post))
                .route(web::route().to(cors::get_or_post)),
        );
}

/// The discovery document at one path. Two in one resource would be told apart by a regular
/// expression, which costs more than the rest of the request.
fn metadata(path: &str) -> actix_web::Resource {
    web::resource(path)
        .route(web::get().to(discovery::metadata))
        .route(web::head().to(discovery::metadata))
        .route(web::route().to(discovery::options))
}

/// Authenticates the client of a form request, and lets the scripts of its own pages read the
/// answer.
async fn client_of(
    request: &HttpRequest,
    state: &State,
    info: &RequestInfo,
    form: &Params,
) -> Result<Arc<RegisteredClient>, JsonError> {
    let authorization = authorization(request)?;
    let tried_basic = authorization.is_some();
    let failed = |error: OAuthError| JsonError::from(error).basic(tried_basic);
    let credentials = Credentials::read(authorization, form).map_err(failed)?;
    // What a server asks is not for scripts.
    if !["/introspect", "/backchannel_authentication"].contains(&request.path()) {
        cors::grant_to_claimed(request, state, &credentials).await?;
    }
    let ip = info.ip();
    let shown = certificate::of(request, &state.edge);
    let path = request.path();
    let proven = authenticate(&state.provider, path, &credentials, shown.as_deref(), ip.as_deref());
    proven.await.map_err(failed)
}

/// The `Authorization` header, which may be there once.
fn authorization(request: &HttpRequest) -> Result<Option<&str>, OAuthError> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let first = values.next();
    if values.next().is_some() {
        return Err(OAuthError::invalid_request("more than one Authorization header"));
    }
    let unreadable = |_| OAuthError::invalid_client("the Authorization header cannot be read");
    first.map(|value| value.to_str().map_err(unreadable)).transpose()
}
