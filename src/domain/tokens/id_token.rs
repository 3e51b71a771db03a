//! ID tokens (OpenID Connect Core §2): who signed in, when and how; for the client alone.

use super::userinfo;
use crate::domain::clients::{RegisteredClient, jwks};
use crate::domain::fault::signing;
use crate::domain::grants::Person;
use crate::domain::keys::ALGORITHMS;
use crate::domain::private_claims;
use crate::domain::provider::Provider;
use crate::domain::subject;
use crate::jose::{Expected, JoseError, Typ, gate, left_half_hash};
use crate::protocol::claims;
use crate::protocol::error::OAuthError;
use crate::protocol::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    at_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    /// What `claims.id_token` asked for (§5.5), or the scope when there is no userinfo (§5.4).
    #[serde(flatten)]
    about_the_person: Map<String, Value>,
}

/// What goes out together with an ID token, and is tied to it by a hash (§3.1.3.6, §3.3.2.11;
/// `s_hash` as FAPI 1.0 Advanced §5.1.1).
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    pub access_token: Option<&'a str>,
    pub code: Option<&'a str>,
    pub state: Option<&'a str>,
    /// No access token will ever come of the request, so what the scope asks for goes in here.
    pub alone: bool,
}

/// Makes an ID token, encrypted to the client when it is registered for that.
///
/// # Errors
///
/// `server_error` when signing fails, `invalid_request` when the client has no key to encrypt to.
pub async fn make(
    provider: &Provider,
    client: &RegisteredClient,
    person: &Person,
    beside: Beside<'_>,
    iat: Timestamp,
) -> Result<String, OAuthError> {
    let signed = sign(provider, client, person, beside, iat)?;
    match client.id_token_encryption {
        None => Ok(signed),
        Some(algorithms) => {
            let key = jwks::recipient_key(provider, client, algorithms).await?;
            key.encrypt_jwt(&signed, None).map_err(signing)
        }
    }
}

fn sign(
    provider: &Provider,
    client: &RegisteredClient,
    person: &Person,
    beside: Beside<'_>,
    iat: Timestamp,
) -> Result<String, OAuthError> {
    let authorization = &person.authorization;
    let hash = |value: Option<&str>| value.map(|value| left_half_hash(client.id_token_alg, value));
    let sid = authorization.sid.as_deref().map(|sid| subject::sid(provider, client, sid));
    let claims = Claims {
        iss: &provider.issuer,
        sub: &subject::of(provider, client, &person.user.id),
        aud: &client.id,
        exp: iat + provider.tokens.id_token,
        iat,
        auth_time: authorization.auth_time,
        nonce: authorization.nonce.as_deref(),
        acr: &authorization.acr,
        amr: authorization.amr.split(' ').collect(),
        at_hash: hash(beside.access_token),
        c_hash: hash(beside.code),
        s_hash: hash(beside.state),
        sid: sid.as_deref(),
        about_the_person: about(client, person, beside.alone),
    };
    provider
        .keys
        .current()
        .signing(client.id_token_alg)?
        .sign(Typ::IdToken, &claims)
        .map_err(signing)
}

fn about(client: &RegisteredClient, person: &Person, alone: bool) -> Map<String, Value> {
    let authorization = &person.authorization;
    let asked = authorization.claims.id_token.keys().map(String::as_str);
    let of_scope =
        claims::of_scope(&authorization.scope).filter(|_| alone).map(|name| name as &str);
    let mut about = userinfo::select(&person.user, asked.chain(of_scope));
    about.extend(private_claims::of(&client.policy.id_token_claims, Some(person)));
    about
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
    let opened = opened(provider, hint).map_err(refused)?;
    let token = gate(&opened, &Expected::new(&["JWT"], &ALGORITHMS)).map_err(refused)?;
    let keys = provider.keys.current();
    let key = token.kid().and_then(|kid| keys.verifying(kid));
    let unknown = || OAuthError::invalid_request("id_token_hint is not an ID token of ours");
    let claims = token.verify(key.ok_or_else(unknown)?).map_err(refused)?;
    claims.expect_str("iss", &provider.issuer).map_err(refused)?;
    // Signed userinfo has the same type, and whoever holds an access token can get it.
    for time in ["exp", "iat", "auth_time"] {
        claims.required_time(time).map_err(refused)?;
    }
    Ok(Hint {
        subject: claims.required_str("sub").map_err(refused)?.to_owned(),
        client_id: claims.required_str("aud").map_err(refused)?.to_owned(),
        sid: claims.str("sid").map_err(refused)?.map(str::to_owned),
    })
}

/// An ID token that was encrypted to its client comes decrypted, or encrypted anew to our own key
/// (§3.1.2.1).
fn opened<'a>(provider: &Provider, hint: &'a str) -> Result<Cow<'a, str>, JoseError> {
    if hint.bytes().filter(|byte| *byte == b'.').count() != 4 {
        return Ok(Cow::Borrowed(hint));
    }
    let decrypted = provider.keys.current().decrypt(hint)?;
    Ok(Cow::Owned(decrypted.jwt()?.to_owned()))
}
