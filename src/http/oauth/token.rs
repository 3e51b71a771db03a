//! `POST /token` (RFC 6749 §3.2).

use super::proof;
use crate::domain::audit::Actor;
use crate::domain::clients;
use crate::domain::clients::authentication::refused;
use crate::domain::grants::Redemption;
use crate::domain::sender;
use crate::domain::tokens::{Issued, TokenResponse, issue};
use crate::http::State;
use crate::http::edge::headers::no_store;
use crate::http::edge::{FormParams, JsonError, RequestInfo};
use crate::protocol::error::OAuthError;
use actix_web::{HttpRequest, HttpResponse, web};

/// How often a grant is read again because tokens like those it gives were ended meanwhile.
const ATTEMPTS: usize = 6;

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
    let mut since = provider.revocation.last_seq();
    let mut client = super::client_of(&request, &state, &info, &form).await?;
    let sender = sender::prove(provider, &proof::evidence(&request, &state), None)?;
    let actor = info.actor(Actor::client(&client.id).name);
    for attempt in 0..ATTEMPTS {
        let grant = provider.grants.find(form.required("grant_type")?, &client)?;
        let confirmation = sender.confirmation(&client)?;
        let redemption = grant.redeem(provider, &client, &form, &actor).await?;
        sender.answers(&redemption.bound_to).map_err(|error| redemption.refused(error))?;
        if attempt == 0 {
            sender.use_up(provider).await?;
        }
        // What comes of something bound is bound as that was.
        let confirmation = confirmation.and(&redemption.bound_to);
        let redemption = Redemption { confirmation, ..redemption };
        match issue(provider, &client, redemption, &actor, since).await? {
            Issued::Tokens(tokens) => {
                let mut response = answer(&tokens);
                proof::next_nonce(&state, &sender, &mut response);
                return Ok(response);
            }
            Issued::Overtaken => {
                provider.revocation.committed(&provider.db).await?;
                since = provider.revocation.last_seq();
                client = clients::find_anew(provider, &client.id).await?.ok_or_else(refused)?;
            }
        }
    }
    Err(OAuthError::unavailable("tokens were revoked while these were issued").into())
}

/// Token responses must not be cached (RFC 6749 §5.1).
fn answer(tokens: &TokenResponse) -> HttpResponse {
    let mut response = HttpResponse::Ok().json(tokens);
    no_store(response.headers_mut());
    response
}
