//! ID tokens (OpenID Connect Core §2): who signed in, when and how; for the client alone.

use super::userinfo;
use crate::domain::clients::RegisteredClient;
use crate::domain::fault::signing;
use crate::domain::grants::Person;
use crate::domain::keys::ALGORITHMS;
use crate::domain::provider::Provider;
use crate::jose::{Expected, Typ, gate, left_half_hash};
use crate::protocol::error::OAuthError;
use crate::protocol::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: Timestamp,
    iat: Timestamp,
    auth_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: &'a str,
    amr: Vec<&'a str>,
    at_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    /// What `claims.id_token` asked for (§5.5).
    #[serde(flatten)]
    about_the_person: Map<String, Value>,
}

/// Makes the ID token that goes with an access token.
///
/// # Errors
///
/// `server_error` when signing fails.
pub fn make(
    provider: &Provider,
    client: &RegisteredClient,
    person: &Person,
    access_token: &str,
    iat: Timestamp,
) -> Result<String, OAuthError> {
    let authorization = &person.authorization;
    let asked = authorization.claims.id_token.keys().map(String::as_str);
    let claims = Claims {
        iss: &provider.issuer,
        sub: &person.user.id,
        aud: &client.id,
        exp: iat + provider.tokens.id_token,
        iat,
        auth_time: authorization.auth_time,
        nonce: authorization.nonce.as_deref(),
        acr: &authorization.acr,
        amr: authorization.amr.split(' ').collect(),
        at_hash: left_half_hash(client.id_token_alg, access_token),
        sid: authorization.sid.as_deref(),
        about_the_person: userinfo::select(&person.user, asked),
    };
    provider
        .keys
        .current()
        .signing(client.id_token_alg)?
        .sign(Typ::IdToken, &claims)
        .map_err(signing)
}

/// What an `id_token_hint` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    pub subject: String,
    pub client_id: String,
    pub sid: Option<String>,
}

/// Reads an `id_token_hint` that we issued to `client_id`. It may have expired (OpenID Connect Core
/// §3.1.2.1).
///
/// # Errors
///
/// `invalid_request` when it is not an ID token of ours for this client.
pub fn read_hint(provider: &Provider, client_id: &str, hint: &str) -> Result<Hint, OAuthError> {
    match read_any_hint(provider, hint) {
        Ok(read) if read.client_id == client_id => Ok(read),
        _ => Err(OAuthError::invalid_request("id_token_hint is not an ID token for this client")),
    }
}

/// Reads an `id_token_hint` that we issued to any client.
///
/// # Errors
///
/// `invalid_request` when it is not an ID token of ours.
pub fn read_any_hint(provider: &Provider, hint: &str) -> Result<Hint, OAuthError> {
    let refused = |_| OAuthError::invalid_request("id_token_hint is not an ID token of ours");
    let token = gate(hint, &Expected::new(&["JWT"], &ALGORITHMS)).map_err(refused)?;
    let keys = provider.keys.current();
    let key = token.kid().and_then(|kid| keys.verifying(kid));
    let unknown = || OAuthError::invalid_request("id_token_hint is not an ID token of ours");
    let claims = token.verify(key.ok_or_else(unknown)?).map_err(refused)?;
    claims.expect_str("iss", &provider.issuer).map_err(refused)?;
    Ok(Hint {
        subject: claims.required_str("sub").map_err(refused)?.to_owned(),
        client_id: claims.required_str("aud").map_err(refused)?.to_owned(),
        sid: claims.str("sid").map_err(refused)?.map(str::to_owned),
    })
}
