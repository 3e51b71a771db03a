//! What a client signs that asks without a browser (OpenID Connect CIBA §7.1, §7.1.1): its request,
//! and whom it means.

use super::{RequestObject, check, parameters, remember};
use crate::domain::clients::{RegisteredClient, jwks};
use crate::domain::provider::Provider;
use crate::jose::{Claims, Expected, JoseError, SigningAlgorithm, TimeCheck, gate};
use crate::protocol::authorization_request::Once;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::storage::seen_jtis;

/// What it may be signed with.
pub const BACKCHANNEL_ALGORITHMS: [SigningAlgorithm; 3] =
    [SigningAlgorithm::PS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA];

const EXPECTED: Expected<'static> =
    Expected::new(&["oauth-authz-req+jwt", "JWT"], &BACKCHANNEL_ALGORITHMS).or_absent();

/// Reads a signed request. It says who made it, for whom, when, and until when, for an hour at most.
///
/// # Errors
///
/// `invalid_request`, which says what is wrong with it.
pub async fn read_backchannel(
    provider: &Provider,
    client: &RegisteredClient,
    object: &str,
) -> Result<RequestObject, OAuthError> {
    let registered = &client.metadata.backchannel.backchannel_authentication_request_signing_alg;
    let claims = verify(provider, client, object, registered.as_deref()).await?;
    let once = checked(provider, client, &claims).map_err(refused)?;
    if let Some(Once::RequestObject { jti_hash, .. }) = &once {
        let hash = jti_hash.clone();
        if provider.db.read_by_key(move |conn| seen_jtis::has(conn, &hash)).await? {
            return Err(refused(JoseError::Refused("the jti was used before")));
        }
    }
    Ok(RequestObject { params: parameters(client, &claims).map_err(refused)?, once })
}

fn checked(
    provider: &Provider,
    client: &RegisteredClient,
    claims: &Claims,
) -> Result<Option<Once>, JoseError> {
    claims.required_time("iat")?;
    claims.required_str("jti")?;
    let expires_at = check(provider, client, claims, true)?;
    remember(provider, client, claims, expires_at)
}

/// Reads a token that says whom the client means.
///
/// # Errors
///
/// `expired_login_hint_token`, and `invalid_request` for whatever else is wrong with it.
pub async fn read_hint_token(
    provider: &Provider,
    client: &RegisteredClient,
    token: &str,
) -> Result<Claims, OAuthError> {
    let claims = verify(provider, client, token, None).await?;
    let about = || -> Result<(), JoseError> {
        claims.expect_str("iss", &client.id)?;
        claims.required_time("exp")?;
        match claims.required_audience()?.contains(&provider.issuer) {
            true => Ok(()),
            false => Err(JoseError::Claim { name: "aud", problem: "is not this server" }),
        }
    };
    about().map_err(refused)?;
    match (TimeCheck { now: provider.now(), leeway_seconds: 0 }).require_exp(&claims) {
        Ok(_) => Ok(claims),
        Err(_) => {
            let why = "the login_hint_token has expired";
            Err(OAuthError::new(ErrorCode::ExpiredLoginHintToken, why))
        }
    }
}

async fn verify(
    provider: &Provider,
    client: &RegisteredClient,
    text: &str,
    registered: Option<&str>,
) -> Result<Claims, OAuthError> {
    let token = gate(text, &EXPECTED).map_err(refused)?;
    let algorithm = token.algorithm();
    if registered.is_some_and(|registered| registered != algorithm.as_str()) {
        return Err(refused(JoseError::Refused("not signed by the algorithm of this client")));
    }
    let keys = jwks::candidates(provider, client, token.kid(), algorithm).await?;
    token.verify_with_any(keys.iter().map(AsRef::as_ref)).map_err(refused)
}

/// CIBA has no error of its own for this (§13).
fn refused(cause: JoseError) -> OAuthError {
    tracing::debug!(%cause, "a signed request was refused");
    OAuthError::invalid_request(format!("signed request: {cause}"))
}
