//! `POST /testing/ciba`: a test suite decides in the place of people. Only where an operator set
//! `testing.ciba_secret`; elsewhere there is no such address.

use crate::domain::deferred::testing::{self, Decision};
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{JsonError, QueryParams, RequestInfo};
use crate::protocol::error::OAuthError;
use actix_web::{HttpRequest, HttpResponse, web};

/// Adds the endpoint.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource("/testing/ciba").route(web::post().to(ciba)));
}

/// Takes `auth_req_id` and `action` (`allow` or `deny`) from the query. The secret comes as a bearer
/// token, or as `secret` from suites that can be given nothing but an address.
async fn ciba(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    QueryParams(query): QueryParams,
) -> Result<HttpResponse, JsonError> {
    let header = super::authorization(&request)?;
    let bearer = header.and_then(|header| header.strip_prefix("Bearer "));
    let shown = bearer.or(query.one("secret")?).unwrap_or_default();
    if !testing::is_admitted(&state.provider, shown) {
        return Err(OAuthError::invalid_client("the secret of the test suite is missing").into());
    }
    let decision = match query.required("action")? {
        "allow" => Decision::Allow,
        "deny" => Decision::Deny,
        _ => return Err(OAuthError::invalid_request("action must be allow or deny").into()),
    };
    let id = query.required("auth_req_id")?;
    let actor = info.actor("test suite");
    let mut response = match testing::decide(&state.provider, id, decision, &actor).await? {
        true => HttpResponse::NoContent().finish(),
        false => return Err(OAuthError::invalid_request("nothing waits under this id").into()),
    };
    no_store(response.headers_mut());
    Ok(response)
}
