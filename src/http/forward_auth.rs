//! `/auth/verify`: answers a proxy that asks whether a request may go on (nginx `auth_request`,
//! Traefik `ForwardAuth`). Browsers come with their session, machines with an access token.

use super::State;
use super::edge::BearerError;
use super::edge::headers::no_store;
use super::timely::told_by_a_right_clock;
use crate::domain::tokens::admission::{self, Admitted};
use crate::protocol::params::Params;
use crate::verifier::forward_auth::{Caller, PATH};
use crate::verifier::{Needs, Scheme, VerifyError, sent_token};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};

/// Adds the endpoint.
pub fn configure(config: &mut web::ServiceConfig) {
    let told = web::resource(PATH).wrap(from_fn(told_by_a_right_clock));
    config.service(told.route(web::get().to(verify)).route(web::head().to(verify)));
}

/// What is needed is in the query: `aud`, `scope`, `role`, `group`.
async fn verify(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    match admit(&request, &state).await {
        Ok(caller) => caller.admitted(),
        Err(mut refusal) => {
            no_store(refusal.headers_mut());
            refusal
        }
    }
}

async fn admit(request: &HttpRequest, state: &State) -> Result<Caller, HttpResponse> {
    let refused = |error: VerifyError| error.error_response();
    let params = Params::parse(request.query_string().as_bytes())
        .map_err(|error| BearerError::from(error).error_response())?;
    let needs = Needs::from_params(&params);
    let admitted = find(request, state, &params).await?;
    let has_scope = |scope: &str| admitted.scope.as_ref().is_some_and(|own| own.contains(scope));
    needs.check_scope(has_scope).map_err(refused)?;
    needs.check_person(&admitted.roles, &admitted.groups).map_err(refused)?;
    Ok(Caller {
        subject: admitted.subject,
        email: admitted.email,
        groups: admitted.groups,
        roles: admitted.roles,
        scope: admitted.scope.map(|scope| scope.to_string()),
        client_id: admitted.client_id,
    })
}

/// A token that was sent decides; without one, the session does.
async fn find(
    request: &HttpRequest,
    state: &State,
    params: &Params,
) -> Result<Admitted, HttpResponse> {
    let provider = &state.provider;
    let failed = |error| BearerError::from(error).error_response();
    let missing = || VerifyError::Missing.error_response();
    match sent_token(request) {
        Ok((Scheme::Bearer, token)) => {
            let asked: Vec<&str> = params.all("aud").filter(|aud| !aud.is_empty()).collect();
            let default = [provider.default_audience()];
            let audiences = if asked.is_empty() { &default[..] } else { &asked[..] };
            admission::by_token(provider, token, audiences).await.map_err(failed)
        }
        Ok((Scheme::Dpop, _)) => Err(VerifyError::Bound.error_response()),
        Err(VerifyError::Missing) => {
            let session = state.cookies.session(request).ok_or_else(missing)?;
            let found = admission::by_session(provider, &session).await.map_err(failed)?;
            found.ok_or_else(missing)
        }
        Err(error) => Err(error.error_response()),
    }
}
