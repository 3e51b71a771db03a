//! What a response carries and how it travels: `response_type` and `response_mode`.

use crate::domain::clients::RegisteredClient;
use crate::domain::provider::Provider;
use crate::protocol::authorization_request::{ResponseMode, split_response_mode};
use crate::protocol::client::GrantType;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::response_type::ResponseType;

/// The response that a request asks for, when the server offers it and the client registered it.
///
/// # Errors
///
/// `invalid_request`, `unsupported_response_type`, or `unauthorized_client` for what the client did
/// not register (OpenID Connect Registration §2).
pub fn asked(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
) -> Result<(ResponseType, ResponseMode), OAuthError> {
    let response_type = ResponseType::from_request(params.one("response_type")?)?;
    let carrier = split_response_mode(params.one("response_mode")?).0;
    let response_mode = ResponseMode::from_request(carrier, response_type)?;
    if !supported(provider).any(|offered| offered == response_type) {
        return Err(ResponseType::unsupported());
    }
    if response_type.has_token() && client.metadata.sender.dpop_bound_access_tokens {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "tokens that are bound to a key do not come through the browser",
        ));
    }
    // FAPI 2.0 Security Profile §5.3.2.2: nothing but a code comes through the browser.
    let is_held_back = response_type.is_front_channel() && client.policy.profile.is_fapi();
    match is_registered(client, response_type) && !is_held_back {
        true => Ok((response_type, response_mode)),
        false => Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "the client is not registered for this response_type",
        )),
    }
}

fn is_registered(client: &RegisteredClient, response_type: ResponseType) -> bool {
    let grant = |has: bool, grant| !has || client.may_use(grant);
    client.registers(response_type)
        && grant(response_type.has_code(), GrantType::AuthorizationCode)
        && grant(response_type.is_front_channel(), GrantType::Implicit)
}

/// The response types that this server offers: those with tokens in the address only when it is
/// told to.
pub fn supported(provider: &Provider) -> impl Iterator<Item = ResponseType> + use<> {
    let legacy = provider.features.legacy_response_types;
    ResponseType::ALL.into_iter().filter(move |one| legacy || !one.is_front_channel())
}

/// How an error travels, whatever is wrong with the request: as it says, else as a response of its
/// type would, and without tokens in the query.
pub fn mode_of_error(params: &Params) -> ResponseMode {
    let named = |name| params.one(name).ok().flatten();
    let asked = named("response_type").unwrap_or_default();
    let carries_tokens = asked.split(' ').any(|word| matches!(word, "token" | "id_token"));
    let unknown = if carries_tokens { ResponseType::IdToken } else { ResponseType::Code };
    let response_type = ResponseType::parse(asked).unwrap_or(unknown);
    ResponseMode::from_request(split_response_mode(named("response_mode")).0, response_type)
        .unwrap_or(ResponseMode::usual(response_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(query: &str) -> ResponseMode {
        mode_of_error(&Params::parse(query.as_bytes()).unwrap())
    }

    #[test]
    fn h1_an_error_travels_as_the_response_would() {
        for (query, expected) in [
            ("", ResponseMode::Query),
            ("response_type=code", ResponseMode::Query),
            ("response_type=foo", ResponseMode::Query),
            ("response_type=code&response_mode=foo", ResponseMode::Query),
            ("response_type=code&response_mode=fragment", ResponseMode::Fragment),
            ("response_type=id_token", ResponseMode::Fragment),
            ("response_type=token", ResponseMode::Fragment),
            ("response_type=id_token+code+foo", ResponseMode::Fragment),
            ("response_type=code+id_token&response_mode=query", ResponseMode::Fragment),
            ("response_type=code+id_token&response_mode=form_post", ResponseMode::FormPost),
        ] {
            assert_eq!(mode(query), expected, "{query}");
        }
    }
}
