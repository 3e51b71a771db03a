//! `private_key_jwt` and `client_secret_jwt`: a signed assertion as client authentication (RFC 7523
//! §3, OpenID Connect Core §9).

use super::RegisteredClient;
use super::authentication::refused;
use crate::domain::digest::digest;
use crate::domain::provider::Provider;
use crate::jose::{Claims, Expected, JoseError, SigningAlgorithm, TimeCheck, gate};
use crate::protocol::client::AuthMethod;
use crate::protocol::error::OAuthError;
use crate::protocol::time::{Lifetime, Timestamp};
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

/// How far the client's clock may be off, in seconds.
const LEEWAY_SECONDS: u32 = 60;
/// How far ahead an assertion may expire by the client's clock, in seconds. Common libraries say an
/// hour unless told otherwise. So long, and twice the leeway, its `jti` is remembered.
const MAX_LIFE_SECONDS: u32 = 3600;
/// The longest `jti`, in bytes.
const MAX_JTI_BYTES: usize = 256;

const fn expected(algorithms: &'static [SigningAlgorithm]) -> Expected<'static> {
    Expected::new(&["JWT", "client-authentication+jwt"], algorithms).or_absent()
}

/// The client that an assertion claims to be of; proves nothing.
///
/// # Errors
///
/// `invalid_client` when it is no assertion, or not of the client that the form names.
pub fn claimed_client(client_id: Option<&str>, assertion: &str) -> Result<String, OAuthError> {
    let claims = gate(assertion, &expected(&ALGORITHMS)).and_then(|token| token.peek_claims());
    let claims = claims.map_err(refused_because)?;
    let subject = claims.required_str("sub").map_err(refused_because)?;
    if client_id.is_some_and(|client_id| client_id != subject) {
        return Err(refused());
    }
    Ok(subject.to_owned())
}

/// Checks an assertion of `client` and uses up its `jti`.
///
/// # Errors
///
/// `invalid_client` whatever is wrong; the log says what.
pub async fn verify(
    provider: &Provider,
    client: &RegisteredClient,
    assertion: &str,
) -> Result<(), OAuthError> {
    let method = client.metadata.token_endpoint_auth_method;
    let token = gate(assertion, &expected(algorithms(method))).map_err(refused_because)?;
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
    let (jti, expires_at) = check_claims(provider, client, &claims).map_err(refused_because)?;
    // Remembered by hash, together with the client: another client may use the same jti.
    let hash = digest(&format!("{}\n{jti}", client.id));
    match provider.db.write(move |conn| seen_jtis::insert(conn, &hash, expires_at)).await? {
        true => Ok(()),
        false => Err(refused_because(JoseError::Refused("the jti was used before"))),
    }
}

/// Gives the `jti`, and until when it must be remembered.
fn check_claims(
    provider: &Provider,
    client: &RegisteredClient,
    claims: &Claims,
) -> Result<(String, Timestamp), JoseError> {
    let time = TimeCheck { now: provider.now(), leeway_seconds: LEEWAY_SECONDS };
    claims.expect_str("iss", &client.id)?;
    claims.expect_str("sub", &client.id)?;
    let token_endpoint = format!("{}/token", provider.issuer);
    if client.policy.profile.is_fapi() {
        // One string and no list: FAPI 2.0 Security Profile §5.3.2.1.
        claims.expect_str("aud", &provider.issuer)?;
    }
    match &claims.required_audience()?[..] {
        [aud] if *aud == provider.issuer || *aud == token_endpoint => {}
        _ => return Err(JoseError::Claim { name: "aud", problem: "is not this server" }),
    }
    let expires_at = time.require_exp_within(claims, MAX_LIFE_SECONDS)?;
    time.check_nbf(claims)?;
    if let Some(issued_at) = time.check_iat(claims)?
        && time.now.seconds_since(issued_at) > i64::from(MAX_LIFE_SECONDS)
    {
        return Err(JoseError::Claim { name: "iat", problem: "is too long ago" });
    }
    let jti = claims.required_str("jti")?;
    if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
        return Err(JoseError::Claim { name: "jti", problem: "is empty or too long" });
    }
    Ok((jti.to_owned(), expires_at + Lifetime::seconds(LEEWAY_SECONDS)))
}

fn refused_because(cause: JoseError) -> OAuthError {
    tracing::debug!(%cause, "client assertion refused");
    OAuthError { source: Some(Box::new(cause)), ..refused() }
}
