//! Request objects: an authorization request that its client signed, and may have encrypted to us
//! (RFC 9101, OpenID Connect Core §6).
//!
//! What stands in the object counts and nothing beside it (RFC 9101 §6.3). An unsigned object is
//! none, whatever a client registered.

mod backchannel;

pub use backchannel::{BACKCHANNEL_ALGORITHMS, read_backchannel, read_hint_token};

use crate::domain::clients::{RegisteredClient, jwks};
use crate::domain::digest::digest;
use crate::domain::provider::Provider;
use crate::jose::{Claims, Expected, JoseError, SigningAlgorithm, TimeCheck, gate};
use crate::protocol::authorization_request::Once;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::seen_jtis;
use serde_json::Value;

/// The algorithms that request objects may be signed with.
pub const ALGORITHMS: [SigningAlgorithm; 4] = [
    SigningAlgorithm::RS256,
    SigningAlgorithm::PS256,
    SigningAlgorithm::ES256,
    SigningAlgorithm::EdDSA,
];

/// Other kinds of token say what they are; ours may also come as plain `JWT` or without a name, as
/// OpenID Connect Core §6 has it.
const EXPECTED: Expected<'static> =
    Expected::new(&["oauth-authz-req+jwt", "JWT"], &ALGORITHMS).or_absent();

/// Claims about the object, which are no parameters of the request.
const ABOUT_THE_OBJECT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
/// The longest `jti`, in bytes.
const MAX_JTI_BYTES: usize = 256;
/// As many as a form may have.
const MAX_PARAMS: usize = 100;
/// How far the client's clock may be off, in seconds.
const LEEWAY_SECONDS: u32 = 60;
/// As FAPI 2.0 Message Signing §5.3.1 wants it: times are at most so many seconds ahead, and an
/// object is made for this hour.
const FAPI_LEEWAY_SECONDS: u32 = 10;
const FAPI_LONGEST_SECONDS: i64 = 3600;
/// How long a `jti` is remembered at most: an object that lives longer may be seen again.
const REMEMBERED: Lifetime = Lifetime::hours(24);

/// What a request object says.
pub struct RequestObject {
    pub params: Params,
    /// Its `jti`, by which it is answered once.
    pub once: Option<Once>,
}

/// Reads a request object of `client`.
///
/// # Errors
///
/// `invalid_request_object`, which says what is wrong with it.
pub async fn read(
    provider: &Provider,
    client: &RegisteredClient,
    object: &str,
) -> Result<RequestObject, OAuthError> {
    let opened;
    let signed = match object.bytes().filter(|byte| *byte == b'.').count() {
        4 => {
            opened = decrypt(provider, client, object).map_err(refused)?;
            opened.as_str()
        }
        _ => object,
    };
    let claims = verify(provider, client, signed).await?;
    let strict = client.policy.profile.signs_messages();
    let expires_at = check(provider, client, &claims, strict).map_err(refused)?;
    let once = remember(provider, client, &claims, expires_at).map_err(refused)?;
    if let Some(Once::RequestObject { jti_hash, .. }) = &once {
        let hash = jti_hash.clone();
        if provider.db.read_by_key(move |conn| seen_jtis::has(conn, &hash)).await? {
            return Err(refused(JoseError::Refused("the jti was used before")));
        }
    }
    Ok(RequestObject { params: parameters(client, &claims).map_err(refused)?, once })
}

fn refused(cause: JoseError) -> OAuthError {
    tracing::debug!(%cause, "request object refused");
    let description = format!("request object: {cause}");
    OAuthError::new(ErrorCode::InvalidRequestObject, description)
}

fn decrypt(
    provider: &Provider,
    client: &RegisteredClient,
    object: &str,
) -> Result<String, JoseError> {
    let requests = &client.metadata.requests;
    let opened = provider.keys.current().decrypt(object)?;
    let registered = |wanted: &Option<String>, actual: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted == actual)
    };
    if !registered(&requests.request_object_encryption_alg, opened.algorithm.as_str())
        || !registered(&requests.request_object_encryption_enc, opened.encryption.as_str())
    {
        return Err(JoseError::Refused("not encrypted as the client registered"));
    }
    // Many clients leave `cty` out, which RFC 9101 §6.1 does not ask for.
    Ok(opened.jwt_or_unsaid()?.to_owned())
}

async fn verify(
    provider: &Provider,
    client: &RegisteredClient,
    object: &str,
) -> Result<Claims, OAuthError> {
    let token = gate(object, &EXPECTED).map_err(refused)?;
    let algorithm = token.algorithm();
    let registered = client.metadata.requests.request_object_signing_alg.as_deref();
    let too_weak = client.policy.profile.is_fapi() && algorithm == SigningAlgorithm::RS256;
    if too_weak || registered.is_some_and(|registered| registered != algorithm.as_str()) {
        return Err(refused(JoseError::Refused("not signed by an algorithm of this client")));
    }
    let keys = jwks::candidates(provider, client, token.kid(), algorithm).await?;
    token.verify_with_any(keys.iter().map(AsRef::as_ref)).map_err(refused)
}

/// Checks what the object says about itself, and gives its end when it has one.
fn check(
    provider: &Provider,
    client: &RegisteredClient,
    claims: &Claims,
    strict: bool,
) -> Result<Option<Timestamp>, JoseError> {
    if strict || claims.get("iss").is_some() {
        claims.expect_str("iss", &client.id)?;
    }
    // A client assertion has both; it is no request (RFC 9101 §10.8).
    if claims.str("sub")? == Some(&client.id) {
        return Err(JoseError::Claim { name: "sub", problem: "makes it a client assertion" });
    }
    if claims.get("client_id").is_some() {
        claims.expect_str("client_id", &client.id)?;
    }
    if !claims.required_audience()?.contains(&provider.issuer) {
        return Err(JoseError::Claim { name: "aud", problem: "is not this server" });
    }
    for name in ["request", "request_uri"] {
        if claims.get(name).is_some() {
            return Err(JoseError::Claim { name, problem: "cannot stand in a request object" });
        }
    }
    check_times(provider.now(), strict, claims)
}

fn check_times(
    now: Timestamp,
    strict: bool,
    claims: &Claims,
) -> Result<Option<Timestamp>, JoseError> {
    let leeway_seconds = if strict { FAPI_LEEWAY_SECONDS } else { LEEWAY_SECONDS };
    let time = TimeCheck { now, leeway_seconds };
    time.check_iat(claims)?;
    let not_before = time.check_nbf(claims)?;
    let has_exp = claims.get("exp").is_some();
    let expires_at = (strict || has_exp).then(|| time.require_exp(claims)).transpose()?;
    if let (true, Some(expires_at)) = (strict, expires_at) {
        let missing = JoseError::Claim { name: "nbf", problem: "is missing" };
        let not_before = not_before.ok_or(missing)?;
        if now.seconds_since(not_before) > FAPI_LONGEST_SECONDS {
            return Err(JoseError::Claim { name: "nbf", problem: "is over an hour ago" });
        }
        if expires_at.seconds_since(not_before) > FAPI_LONGEST_SECONDS {
            return Err(JoseError::Claim { name: "exp", problem: "is over an hour after nbf" });
        }
    }
    Ok(expires_at)
}

/// What is kept of an object that has a name of its own, and an end.
fn remember(
    provider: &Provider,
    client: &RegisteredClient,
    claims: &Claims,
    expires_at: Option<Timestamp>,
) -> Result<Option<Once>, JoseError> {
    let (Some(jti), Some(expires_at)) = (claims.str("jti")?, expires_at) else { return Ok(None) };
    if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
        return Err(JoseError::Claim { name: "jti", problem: "is empty or too long" });
    }
    let latest = provider.now() + REMEMBERED;
    let until = (expires_at + Lifetime::seconds(LEEWAY_SECONDS)).min(latest);
    Ok(Some(Once::RequestObject {
        jti_hash: digest(&format!("request object\n{}\n{jti}", client.id)),
        until,
    }))
}

/// The claims as the parameters they stand for.
fn parameters(client: &RegisteredClient, claims: &Claims) -> Result<Params, JoseError> {
    let mut pairs = vec![("client_id".to_owned(), client.id.clone())];
    for (name, value) in claims.as_map() {
        if name == "client_id" || ABOUT_THE_OBJECT.contains(&name.as_str()) {
            continue;
        }
        pairs.extend(values(name, value)?.into_iter().map(|value| (name.clone(), value)));
    }
    let has_nul = pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0'));
    if has_nul || pairs.len() > MAX_PARAMS {
        return Err(JoseError::Refused("it has a NUL, or more than 100 parameters"));
    }
    Ok(Params::from_pairs(pairs))
}

/// The values of one claim: text, or JSON where a parameter is JSON (OpenID Connect Core §6.1).
fn values(name: &str, value: &Value) -> Result<Vec<String>, JoseError> {
    let one = match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        // `resource` may come more than once (RFC 8707 §2).
        Value::Array(items) if name == "resource" => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            return texts.ok_or(JoseError::Claim { name: "resource", problem: "is not strings" });
        }
        Value::Object(_) | Value::Array(_) => value.to_string(),
        Value::Number(_) | Value::Null => {
            return Err(JoseError::Refused("a parameter is null or not a whole number"));
        }
    };
    Ok(vec![one])
}
