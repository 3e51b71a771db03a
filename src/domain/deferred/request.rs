//! What a client asks for without a browser: the parameters of an authorization request that do not
//! need one.

use crate::domain::authorize::request::{check_acr, short, with_target};
use crate::domain::clients::RegisteredClient;
use crate::domain::provider::Provider;
use crate::protocol::authorization_request::{AuthorizationRequest, parse_max_age};
use crate::protocol::claims::ClaimsRequest;
use crate::protocol::client::GrantType;
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;

/// Checks a request: `scope` as it was granted already, `resource` (RFC 8707),
/// `authorization_details` (RFC 9396), `claims`, `acr_values`, `max_age`, `login_hint` and
/// `ui_locales`.
///
/// # Errors
///
/// Those of an authorization request.
pub async fn check(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
    scope: Scope,
) -> Result<AuthorizationRequest, OAuthError> {
    let claims = params.one("claims")?.map(ClaimsRequest::parse).transpose()?.unwrap_or_default();
    let acr = check_acr(client, &claims, params)?;
    let max_age = parse_max_age(params.one("max_age")?)?;
    let request = AuthorizationRequest {
        client_id: client.id.clone(),
        scope: match client.may_use(GrantType::RefreshToken) {
            true => scope,
            false => scope.without("offline_access"),
        },
        max_age: max_age.or(client.metadata.default_max_age),
        login_hint: short(params.one("login_hint")?),
        ui_locales: short(params.one("ui_locales")?),
        claims,
        acr,
        ..AuthorizationRequest::default()
    };
    with_target(provider, client, params, request).await
}
