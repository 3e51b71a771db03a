//! `private_key_jwt` and `client_secret_jwt`: a signed assertion as client authentication (RFC 7523
//! §3, OpenID Connect Core §9).

use super::RegisteredClient;
use super::authentication::refused;
use crate::domain::digest::digest;
use crate::domain::provider::Provider;
use crate::jose::assertion::{self, Terms};
use crate::jose::{JoseError, SigningAlgorithm, gate};
use crate::protocol::client::AuthMethod;
use crate::protocol::error::OAuthError;
use crate::storage::seen_jtis;

/// The algorithms that clients may sign with, by key and by secret.
pub const ALGORITHMS: [SigningAlgorithm; 5] = [
    SigningAlgorithm::RS256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::ES256,
    SigningAlgorithm::EdDSA,
    SigningAlgorithm::HS256,
];

/// The algorithms of one method. A key that others may know never verifies as a shared secret.
pub const fn algorithms(method: AuthMethod) -> &'static [SigningAlgorithm] {
    match method {
        AuthMethod::PrivateKeyJwt => ALGORITHMS.split_at(4).0,
        AuthMethod::ClientSecretJwt => ALGORITHMS.split_at(4).1,
        _ => &[],
    }
}

/// The client that an assertion claims to be of; proves nothing.
///
/// # Errors
///
/// `invalid_client` when it is no assertion, or not of the client that the form names.
pub fn claimed_client(client_id: Option<&str>, assertion: &str) -> Result<String, OAuthError> {
    let subject = assertion::claimed_client(assertion, &ALGORITHMS).map_err(refused_because)?;
    match client_id.is_some_and(|client_id| client_id != subject) {
        true => Err(refused()),
        false => Ok(subject),
    }
}

/// Checks an assertion of `client` that was sent to the endpoint at `path`, and uses up its `jti`.
///
/// # Errors
///
/// `invalid_client` whatever is wrong; the log says what.
pub async fn verify(
    provider: &Provider,
    client: &RegisteredClient,
    path: &str,
    assertion: &str,
) -> Result<(), OAuthError> {
    let method = client.metadata.token_endpoint_auth_method;
    let token =
        gate(assertion, &assertion::expected(algorithms(method))).map_err(refused_because)?;
    let registered = client.metadata.token_endpoint_auth_signing_alg.as_deref();
    let too_weak = client.policy.profile.is_fapi() && token.algorithm() == SigningAlgorithm::RS256;
    if too_weak || registered.is_some_and(|alg| alg != token.algorithm().as_str()) {
        return Err(refused_because(JoseError::Refused("not the registered algorithm")));
    }
    let claims = match method {
        AuthMethod::ClientSecretJwt => {
            let keys: Vec<_> = client.live_secret_keys(provider.now()).collect();
            // A shared secret has no name.
            token.verify_with_any(keys)
        }
        _ => {
            let (kid, alg) = (token.kid(), token.algorithm());
            let keys = super::jwks::candidates(provider, client, kid, alg).await?;
            token.verify_with_any(keys.iter().map(AsRef::as_ref))
        }
    };
    let claims = claims.map_err(refused_because)?;
    let mut endpoints = provider.addresses("/token");
    endpoints.extend(provider.addresses(path));
    let terms = Terms {
        client_id: &client.id,
        issuer: &provider.issuer,
        endpoints: &endpoints,
        issuer_only: client.policy.profile.is_fapi(),
        now: provider.now(),
    };
    let (jti, expires_at) = terms.check(&claims).map_err(refused_because)?;
    // Remembered by hash, together with the client: another client may use the same jti.
    let hash = digest(&format!("{}\n{jti}", client.id));
    match provider.db.write(move |conn| seen_jtis::insert(conn, &hash, expires_at)).await? {
        true => Ok(()),
        false => Err(refused_because(JoseError::Refused("the jti was used before"))),
    }
}

fn refused_because(cause: JoseError) -> OAuthError {
    tracing::debug!(%cause, "client assertion refused");
    OAuthError { source: Some(Box::new(cause)), ..refused() }
}
