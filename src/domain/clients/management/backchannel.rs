//! The rules for clients that ask people who are elsewhere (OpenID Connect CIBA §4).

use super::draft::broken;
use crate::domain::authorize::request_object::BACKCHANNEL_ALGORITHMS;
use crate::domain::form::{FieldProblem, is_safe_url};
use crate::protocol::client::backchannel::DeliveryMode;
use crate::protocol::client::{AuthMethod, ClientMetadata, GrantType};

/// Without a mode, the client asks.
pub fn complete(metadata: &mut ClientMetadata) {
    if metadata.grant_types.contains(&GrantType::Ciba) {
        let mode = &mut metadata.backchannel.backchannel_token_delivery_mode;
        mode.get_or_insert(DeliveryMode::Poll);
    }
}

/// What is wrong.
pub fn problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let own = &metadata.backchannel;
    let asks = metadata.grant_types.contains(&GrantType::Ciba);
    let endpoint = own.backchannel_client_notification_endpoint.as_deref();
    let has_keys = metadata.jwks.is_some() || metadata.jwks_uri.is_some();
    let alg = own.backchannel_authentication_request_signing_alg.as_deref();
    let is_known = |alg: &str| BACKCHANNEL_ALGORITHMS.iter().any(|known| known.as_str() == alg);
    broken([
        (
            asks && metadata.token_endpoint_auth_method == AuthMethod::None,
            (
                "grant_types",
                "error-grant-public",
                "urn:openid:params:grant-type:ciba needs a client that proves who it is",
            ),
        ),
        (
            own.is_pinged() && endpoint.is_none(),
            (
                "backchannel_client_notification_endpoint",
                "error-uri",
                "a client that is told by ping needs an address for that",
            ),
        ),
        (
            endpoint.is_some_and(|uri| !is_safe_url(uri) || uri.contains('#')),
            (
                "backchannel_client_notification_endpoint",
                "error-uri",
                "use an https address without fragment, or http of this machine",
            ),
        ),
        (
            alg.is_some_and(|alg| !is_known(alg)),
            (
                "backchannel_authentication_request_signing_alg",
                "error-algorithm",
                "use one of PS256 ES256 EdDSA",
            ),
        ),
        (
            alg.is_some() && !has_keys,
            (
                "jwks",
                "error-request-keys",
                "signed requests need jwks or jwks_uri to be checked with",
            ),
        ),
        (
            own.backchannel_user_code_parameter,
            (
                "backchannel_user_code_parameter",
                "error-algorithm",
                "codes of people are not offered: leave it out, or say false",
            ),
        ),
    ])
}
