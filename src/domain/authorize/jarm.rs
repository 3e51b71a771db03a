//! Authorization responses as signed, and encrypted, tokens (JWT Secured Authorization Response
//! Mode, JARM).

use super::reply::{Fields, Reply, Sent};
use crate::domain::clients::RegisteredClient;
use crate::domain::clients::jwks::recipient_key;
use crate::domain::fault::signing;
use crate::domain::keys::ALGORITHMS;
use crate::domain::provider::Provider;
use crate::jose::{ContentEncryption, KeyManagement, SigningAlgorithm, Typ};
use crate::protocol::error::OAuthError;
use crate::protocol::time::Lifetime;
use serde_json::{Map, Value};

/// The algorithms that responses may be signed with.
pub const SIGNING: [SigningAlgorithm; 4] = ALGORITHMS;
/// How long a response is good; its code is not good for longer (JARM §2.1).
const LIFETIME: Lifetime = Lifetime::minutes(5);

/// Sends a response on its way: as it is, or as a token.
///
/// # Errors
///
/// `server_error` when signing fails, `invalid_request` when the client has no key to encrypt to.
pub async fn seal(
    provider: &Provider,
    client: &RegisteredClient,
    reply: Reply,
) -> Result<Sent, OAuthError> {
    let told = match reply {
        Reply::Here(errand, ending) => return Ok(Sent::Here(errand, ending)),
        Reply::ToClient(told) if !told.is_secured() => return Ok(told.carry()),
        Reply::ToClient(told) => told,
    };
    let token = sign(provider, client, &told)?;
    let token = match encryption(client) {
        None => token,
        Some(algorithms) => {
            let key = recipient_key(provider, client, algorithms).await?;
            key.encrypt_jwt(&token, None).map_err(signing)?
        }
    };
    Ok(told.carry_token(token))
}

fn sign(
    provider: &Provider,
    client: &RegisteredClient,
    told: &Fields,
) -> Result<String, OAuthError> {
    let registered = client.metadata.requests.authorization_signed_response_alg.as_deref();
    let named = registered.and_then(|name| name.parse().ok());
    let algorithm = named.unwrap_or(SigningAlgorithm::RS256);
    let mut claims: Map<String, Value> =
        told.fields.iter().map(|(name, value)| ((*name).to_owned(), claim(name, value))).collect();
    claims.insert("iss".into(), provider.issuer.clone().into());
    claims.insert("aud".into(), client.id.clone().into());
    claims.insert("exp".into(), (provider.now() + LIFETIME).as_unix().into());
    let keys = provider.keys.current();
    keys.signing(algorithm)?.sign(Typ::AuthorizationResponse, &claims).map_err(signing)
}

/// A number stays a number (RFC 6749 §4.2.2).
fn claim(name: &str, value: &str) -> Value {
    match (name, value.parse::<u64>()) {
        ("expires_in", Ok(seconds)) => seconds.into(),
        _ => value.into(),
    }
}

fn encryption(client: &RegisteredClient) -> Option<(KeyManagement, ContentEncryption)> {
    let requests = &client.metadata.requests;
    let alg = requests.authorization_encrypted_response_alg.as_deref()?.parse().ok()?;
    let enc = requests.authorization_encrypted_response_enc.as_deref();
    Some((alg, enc.and_then(|enc| enc.parse().ok()).unwrap_or(ContentEncryption::A256Gcm)))
}
