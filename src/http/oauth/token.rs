//! `POST /token` (RFC 6749 §3.2).

use super::proof;
use crate::domain::audit::Actor;
use crate::domain::grants::Redemption;
use crate::domain::sender;
use crate::domain::tokens::{TokenResponse, issue};
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, RequestInfo};
use actix_web::{HttpRequest, HttpResponse, web};

/// Exchanges a grant for tokens.
///
/// Client authentication comes first, so an unknown client never learns whether its code was any
/// good. From there the request only moves forward: client, grant, key, redemption, tokens.
pub async fn token(
    request: HttpRequest,
    state: web::Data<State>,
    info: RequestInfo,
    FormParams(form): FormParams,
) -> Result<HttpResponse, JsonError> {
    let provider = &state.provider;
    let client = super::client_of(&request, &state, &info, &form).await?;
    let grant = provider.grants.find(form.required("grant_type")?, &client)?;
    let sender = sender::prove(provider, &proof::evidence(&request, &state), None)?;
    let confirmation = sender.confirmation(&client)?;
    let actor = info.actor(Actor::client(&client.id).name);
    let known = provider.revocation.seq();
    let redemption = grant.redeem(provider, &client, &form, &actor).await?;
    sender.answers(&redemption.bound_to).map_err(|error| redemption.refused(error))?;
    sender.use_up(provider).await?;
    // What comes of something bound is bound as that was.
    let confirmation = confirmation.and(&redemption.bound_to);
    let redemption = Redemption { confirmation, ..redemption }.as_of(known);
    let mut response = answer(&issue(provider, &client, redemption, &actor).await?);
    proof::next_nonce(&state, &sender, &mut response);
    Ok(response)
}

/// Token responses must not be cached (RFC 6749 §5.1).
fn answer(tokens: &TokenResponse) -> HttpResponse {
    let mut response = HttpResponse::Ok().json(tokens);
    no_store(response.headers_mut());
    response
}
