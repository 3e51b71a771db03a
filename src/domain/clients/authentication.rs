//! Client authentication (RFC 6749 §2.3): only by the method a client registered.

use super::RegisteredClient;
use super::assertion;

use crate::domain::digest::digest;
use crate::domain::identity::throttle::{TooMany, address_name};
use crate::domain::provider::Provider;
use crate::jose::Certificate;
use crate::protocol::client::AuthMethod;
use crate::protocol::credentials::Credentials;
use crate::protocol::error::OAuthError;
use crate::protocol::time::Lifetime;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Failures of one address for one client in [`WINDOW`] after which it has to wait.
const MAX_FAILURES: u32 = 20;
/// Failures of one address for all clients together.
const MAX_FAILURES_OF_ADDRESS: u32 = 300;
const WINDOW: Lifetime = Lifetime::seconds(60);
/// As long as the hash of a secret, and the hash of none.
const NOBODY: &str = "-------------------------------------------";

/// Proves who the client is.
///
/// # Errors
///
/// `invalid_client`, the same for an unknown client, a wrong secret and another method than the
/// registered one. `temporarily_unavailable` after too many of those from one address.
pub async fn authenticate(
    provider: &Provider,
    path: &str,
    credentials: &Credentials,
    certificate: Option<&Certificate>,
    address: Option<&str>,
) -> Result<Arc<RegisteredClient>, OAuthError> {
    let claimed = match credentials {
        Credentials::Assertion { client_id, assertion } => {
            assertion::claimed_client(client_id.as_deref(), assertion)?
        }
        other => other.client_id().unwrap_or_default().to_owned(),
    };
    let address = address_name(address);
    let of_address = format!("clients {address}");
    let attempts = format!("client {address} {}", digest(&claimed));
    let wait = provider.throttle.exhausted(&attempts, MAX_FAILURES);
    let wait = wait.or_else(|| provider.throttle.exhausted(&of_address, MAX_FAILURES_OF_ADDRESS));
    if let Some(wait) = wait {
        return Err(TooMany(wait).refused("too many failed attempts, try again later"));
    }
    let client = super::find(provider, &claimed).await?;
    let proven = prove(provider, client, path, credentials, certificate).await;
    if let Err(error) = &proven {
        provider.throttle.count(&attempts, WINDOW);
        provider.throttle.count(&of_address, WINDOW);
        tracing::debug!(%error, "client authentication failed");
    }
    proven
}

async fn prove(
    provider: &Provider,
    client: Option<Arc<RegisteredClient>>,
    path: &str,
    credentials: &Credentials,
    certificate: Option<&Certificate>,
) -> Result<Arc<RegisteredClient>, OAuthError> {
    let method = client.as_ref().map(|client| client.metadata.token_endpoint_auth_method);
    let secret_is_right = |secret: &str| has_secret(provider, client.as_deref(), secret);
    let proven = match credentials {
        Credentials::Basic { secret, .. } => {
            secret_is_right(secret) && method == Some(AuthMethod::ClientSecretBasic)
        }
        Credentials::Post { secret, .. } => {
            secret_is_right(secret) && method == Some(AuthMethod::ClientSecretPost)
        }
        // Only a name in the request itself: a public client, or one with a certificate.
        Credentials::Public { .. } => match (&client, certificate) {
            (Some(client), Some(shown)) if method.is_some_and(AuthMethod::shows_certificate) => {
                super::certificate::proves(provider, client, shown).await
            }
            _ => method == Some(AuthMethod::None),
        },
        Credentials::Assertion { assertion, .. } => match &client {
            Some(client) if method.is_some_and(AuthMethod::signs) => {
                assertion::verify(provider, client, path, assertion).await?;
                true
            }
            _ => false,
        },
    };
    client.filter(|_| proven).ok_or_else(refused)
}

/// One answer for every cause, so that nobody learns which clients exist.
pub fn refused() -> OAuthError {
    OAuthError::invalid_client("client authentication failed")
}

fn has_secret(provider: &Provider, client: Option<&RegisteredClient>, secret: &str) -> bool {
    let live = client.into_iter().flat_map(|client| client.live_secret_hashes(provider.now()));
    is_one_of(live, secret).0
}

/// Whether a secret has one of these hashes, and how many were compared: each to its end, whatever
/// differs, and one where there is none, so that no client costs what an unknown one costs.
fn is_one_of<'a>(live: impl Iterator<Item = &'a str>, secret: &str) -> (bool, usize) {
    let hash = digest(secret);
    let mut matches = subtle::Choice::from(0);
    let mut compared = 0;
    for live in live {
        matches |= live.as_bytes().ct_eq(hash.as_bytes());
        compared += 1;
    }
    if compared == 0 {
        // Compared and not counted as a match: nobody's hash.
        std::hint::black_box(NOBODY.as_bytes().ct_eq(hash.as_bytes()));
        compared = 1;
    }
    (bool::from(matches), compared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ca_06_an_unknown_client_costs_the_work_of_a_wrong_secret() {
        let own = digest("the secret");
        let known = |secret: &str| is_one_of([own.as_str()].into_iter(), secret);
        assert_eq!(known("the secret"), (true, 1));
        assert_eq!(known("the secre"), (false, 1));
        assert_eq!(known("another"), (false, 1));
        assert_eq!(is_one_of(std::iter::empty(), "the secret"), (false, 1));
        assert_eq!(NOBODY.len(), own.len());
        let none = is_one_of(std::iter::empty(), "");
        assert_eq!(none, (false, 1));
    }
}
