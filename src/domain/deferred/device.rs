//! Device authorization (RFC 8628): a device without a browser shows a code, and somebody types it
//! where they can sign in.

use super::{INTERVAL, KEPT, request};
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::digest;
use crate::domain::identity::sessions::BrowserInfo;
use crate::domain::identity::throttle::{Limit, TooMany, address_name};
use crate::domain::provider::Provider;
use crate::protocol::authorization_request::{AuthorizationRequest, ElsewhereRequest, Errand};
use crate::protocol::client::GrantType;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::protocol::user_code::UserCode;
use crate::storage::StorageError;
use crate::storage::deferred_requests::{self, DeferredRequest, Kind};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// How long a code is good.
const LIFETIME: Lifetime = Lifetime::minutes(10);
/// How many requests one client may make in a minute, and one address in the name of a public one.
const REQUESTS: Limit = Limit { attempts: 300, window: Lifetime::seconds(60) };
const REQUESTS_OF_PUBLIC: Limit = Limit { attempts: 30, window: Lifetime::seconds(60) };
/// How many wrong codes may come from one address: with 20^8 codes, who guesses for an hour finds
/// one with a chance under 2^-32.
const WRONG_CODES: Limit = Limit { attempts: 5, window: Lifetime::hours(1) };
/// How often a code that is taken is drawn anew.
const ATTEMPTS: usize = 4;
/// A request that says more than this is none that a device makes, in bytes.
const MAX_BYTES: usize = 32 * 1024;

/// What a device gets (RFC 8628 §3.2).
#[derive(Debug, Serialize)]
pub struct Receipt {
    pub device_code: String,
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: String,
    pub expires_in: Lifetime,
    pub interval: u32,
}

/// What is kept of a request.
#[derive(Serialize, Deserialize)]
struct Asked {
    request: AuthorizationRequest,
    address: Option<String>,
    user_agent: Option<String>,
}

/// Why a code that was typed leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// Unknown, decided, expired, or none at all: the four read the same.
    #[error("the code is not right")]
    Wrong,
    #[error(transparent)]
    SlowDown(#[from] TooMany),
    #[error(transparent)]
    Fault(#[from] OAuthError),
}

/// Takes the request of a device whose client has authenticated.
///
/// # Errors
///
/// `unauthorized_client`, `invalid_scope`, `invalid_target` and others of an authorization request;
/// `temporarily_unavailable` when there are too many.
pub async fn start(
    provider: &Provider,
    client: &RegisteredClient,
    form: &Params,
    from: &BrowserInfo,
) -> Result<Receipt, OAuthError> {
    if !client.may_use(GrantType::DeviceCode) {
        let why = "the client is not registered for the device grant";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, why));
    }
    limit(provider, client, from.actor.ip.as_deref()).await?;
    let scope = scope(client, form)?;
    let asked = Asked {
        request: request::check(provider, client, form, scope).await?,
        address: from.actor.ip.clone(),
        user_agent: from.user_agent.clone(),
    };
    let asked = serde_json::to_string(&asked).map_err(OAuthError::server_error)?;
    if asked.len() > MAX_BYTES {
        return Err(OAuthError::invalid_request("the request is longer than 32 KiB"));
    }
    let device_code = provider.random.secret();
    let user_code = keep(provider, client, digest(&device_code), asked).await?;
    let verification_uri = format!("{}/device", provider.issuer.trim_end_matches('/'));
    Ok(Receipt {
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        verification_uri,
        device_code,
        user_code: user_code.to_string(),
        expires_in: LIFETIME,
        interval: INTERVAL,
    })
}

/// What the device asks for; without a scope, what its client is registered for, as long as somebody
/// is there to use it.
fn scope(client: &RegisteredClient, form: &Params) -> Result<Scope, OAuthError> {
    let registered = &client.metadata.scope;
    let asked: Scope = match form.one("scope")? {
        Some(asked) => asked.parse()?,
        None => registered.without("offline_access"),
    };
    if !asked.is_within(registered) {
        return Err(OAuthError::invalid_scope("scope has a value that the client may not ask for"));
    }
    match asked.is_empty() && !form.has("authorization_details") {
        true => Err(OAuthError::invalid_scope("scope has no value")),
        false => Ok(asked),
    }
}

/// The table of requests must not be filled by one client, or by whoever takes the name of one.
async fn limit(
    provider: &Provider,
    client: &RegisteredClient,
    address: Option<&str>,
) -> Result<(), OAuthError> {
    let taken = match client.is_public() {
        true => {
            let name = format!("device {} {}", address_name(address), client.id);
            provider.throttle.take(&name, REQUESTS_OF_PUBLIC).await
        }
        false => provider.throttle.take(&format!("device {}", client.id), REQUESTS).await,
    };
    taken.map_err(|wait: TooMany| wait.refused("too many device requests, try again later"))
}

/// Stores a request under a code that nobody else has.
async fn keep(
    provider: &Provider,
    client: &RegisteredClient,
    code_hash: String,
    request: String,
) -> Result<UserCode, OAuthError> {
    let now = provider.now();
    for _ in 0..ATTEMPTS {
        let user_code = UserCode::generate(provider.random.as_ref());
        let row = DeferredRequest {
            code_hash: code_hash.clone(),
            kind: deferred_requests::kind_name(Kind::Device),
            client_id: client.id.clone(),
            user_id: None,
            user_code: Some(keyed(provider, &user_code)),
            request: request.clone(),
            poll_interval: INTERVAL.into(),
            poll_after: now.as_unix(),
            created_at: now.as_unix(),
            usable_until: (now + LIFETIME).as_unix(),
            expires_at: (now + LIFETIME + KEPT).as_unix(),
            decided_at: None,
            authorization_id: None,
            spent_at: None,
        };
        match provider.db.write(move |conn| deferred_requests::insert(conn, &row)).await {
            Ok(()) => return Ok(user_code),
            Err(StorageError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(OAuthError::unavailable(StorageError::Conflict))
}

/// As a code is stored: eight letters are too few for a hash that anybody can compute.
fn keyed(provider: &Provider, code: &UserCode) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(provider.user_codes.mac(code.letters().as_bytes()))
}

/// The request behind a code that somebody typed, to be decided by them.
///
/// # Errors
///
/// See [`CodeError`]. A wrong code is counted for its address, before it is looked up.
pub async fn find(
    provider: &Provider,
    typed: &str,
    address: Option<&str>,
) -> Result<AuthorizationRequest, CodeError> {
    let name = format!("user code {}", address_name(address));
    provider.throttle.take(&name, WRONG_CODES).await?;
    let Some(code) = UserCode::parse(typed) else {
        // No guess: this cannot be a code.
        provider.throttle.give_back(&name);
        return Err(CodeError::Wrong);
    };
    let (user_code, now) = (keyed(provider, &code), provider.now());
    let found = provider
        .db
        .read(move |conn| deferred_requests::find_by_user_code(conn, &user_code, now))
        .await
        .map_err(OAuthError::from)?;
    let row = found.ok_or(CodeError::Wrong)?;
    provider.throttle.give_back(&name);
    Ok(opened(row, &code)?)
}

fn opened(row: DeferredRequest, code: &UserCode) -> Result<AuthorizationRequest, OAuthError> {
    let asked: Asked = serde_json::from_str(&row.request).map_err(OAuthError::server_error)?;
    let elsewhere = ElsewhereRequest {
        errand: Errand::Device,
        code_hash: row.code_hash,
        shown: code.to_string(),
        asked_at: Timestamp::from_unix(row.created_at),
        address: asked.address,
        user_agent: asked.user_agent,
    };
    Ok(AuthorizationRequest { elsewhere: Some(elsewhere), ..asked.request })
}
