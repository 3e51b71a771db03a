//! Client-initiated backchannel authentication (OpenID Connect CIBA 1.0): a client asks somebody who
//! is elsewhere, and they decide on their account.

use super::{INTERVAL, KEPT, person, ping, request};
use crate::domain::authorize::request::check_scope_of_people;
use crate::domain::authorize::request_object;
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::digest;
use crate::domain::form::is_line;
use crate::domain::identity::sessions::BrowserInfo;
use crate::domain::identity::throttle::{Limit, TooMany};
use crate::domain::provider::Provider;
use crate::domain::subject;
use crate::protocol::authorization_request::{
    AuthorizationRequest, ElsewhereRequest, Errand, Once,
};
use crate::protocol::client::GrantType;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::time::{Lifetime, Timestamp};
use crate::storage::deferred_requests::{self, DeferredRequest, Kind};
use crate::storage::seen_jtis;
use serde::{Deserialize, Serialize};

/// How long somebody has to decide, unless the client says otherwise, and at most.
const LIFETIME: Lifetime = Lifetime::minutes(5);
const LONGEST: Lifetime = Lifetime::minutes(10);
/// How many requests one client may make in a minute.
const REQUESTS: Limit = Limit { attempts: 300, window: Lifetime::seconds(60) };
/// How many requests may be made of one person by one client in ten minutes: nobody is to be worn
/// down.
const REQUESTS_OF_PERSON: Limit = Limit { attempts: 60, window: Lifetime::minutes(10) };
/// The longest message that is shown to people, in characters.
const MAX_MESSAGE_CHARS: usize = 100;
/// The longest token for the notification, in characters (§7.1).
const MAX_TOKEN_CHARS: usize = 1024;
/// A request that says more than this is none that anybody reads, in bytes.
const MAX_BYTES: usize = 32 * 1024;

/// What the client gets (§7.3).
#[derive(Debug, Serialize)]
pub struct Receipt {
    pub auth_req_id: String,
    pub expires_in: Lifetime,
    pub interval: u32,
}

/// What is kept of a request.
#[derive(Serialize, Deserialize)]
struct Asked {
    request: AuthorizationRequest,
    address: Option<String>,
    binding_message: Option<String>,
}

/// Takes the request of a client that has authenticated.
///
/// # Errors
///
/// Those of CIBA §13.
pub async fn start(
    provider: &Provider,
    client: &RegisteredClient,
    form: &Params,
    from: &BrowserInfo,
) -> Result<Receipt, OAuthError> {
    if !client.may_use(GrantType::Ciba) || client.is_public() {
        let why = "the client is not registered for CIBA";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, why));
    }
    limit(provider, &format!("ciba {}", client.id), REQUESTS).await?;
    let (params, once) = said(provider, client, form).await?;
    let scope = check_scope_of_people(client, &params)?;
    if !scope.contains("openid") {
        return Err(OAuthError::invalid_scope("scope must have the value openid"));
    }
    let message = message(&params)?;
    let lifetime = lifetime(&params)?;
    let token = notification_token(client, &params)?;
    let user = person::find(provider, client, &params).await?;
    limit(provider, &format!("ciba {} of {}", client.id, user.id), REQUESTS_OF_PERSON).await?;
    let request = request::check(provider, client, &params.without(&["login_hint"]), scope).await?;
    let auth_req_id = provider.random.secret();
    let code_hash = digest(&auth_req_id);
    let asked = Asked {
        request: AuthorizationRequest {
            hinted_subject: Some(subject::of(provider, client, &user.id).into_owned()),
            ..request
        },
        address: from.actor.ip.clone(),
        binding_message: message,
    };
    let ping = token.map(|token| ping::seal(provider, &code_hash, &auth_req_id, token));
    let row = row(provider, client, &user.id, code_hash, &asked, lifetime)?;
    keep(provider, row, ping, once).await?;
    Ok(Receipt { auth_req_id, expires_in: lifetime, interval: INTERVAL })
}

async fn limit(provider: &Provider, name: &str, limit: Limit) -> Result<(), OAuthError> {
    let taken = provider.throttle.take(name, limit).await;
    taken.map_err(|wait: TooMany| wait.refused("too many requests, try again later"))
}

/// The parameters that count: those of a signed request and none beside it (§7.1.1).
async fn said(
    provider: &Provider,
    client: &RegisteredClient,
    form: &Params,
) -> Result<(Params, Option<Once>), OAuthError> {
    let own = &client.metadata.backchannel;
    let must_sign = own.backchannel_authentication_request_signing_alg.is_some()
        || client.policy.profile.is_fapi();
    match form.one("request")? {
        Some(object) => {
            let read = request_object::read_backchannel(provider, client, object).await?;
            Ok((read.params, read.once))
        }
        None if must_sign => Err(OAuthError::invalid_request("the request must be signed")),
        None => Ok((form.clone(), None)),
    }
}

/// What ties the page to what the person sees elsewhere (§7.1).
fn message(params: &Params) -> Result<Option<String>, OAuthError> {
    match params.one("binding_message")? {
        Some(text) if !is_line(text, MAX_MESSAGE_CHARS) => Err(OAuthError::new(
            ErrorCode::InvalidBindingMessage,
            "binding_message must be 1 to 100 characters that can be seen, in one line",
        )),
        text => Ok(text.map(str::to_owned)),
    }
}

fn lifetime(params: &Params) -> Result<Lifetime, OAuthError> {
    let Some(text) = params.one("requested_expiry")? else { return Ok(LIFETIME) };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(seconds) if is_number && seconds > 0 => {
            let most = u64::from(LONGEST.as_seconds());
            Ok(Lifetime::seconds(u32::try_from(seconds.min(most)).unwrap_or(u32::MAX)))
        }
        _ => Err(OAuthError::invalid_request("requested_expiry must be a positive number")),
    }
}

/// The bearer token that the client wants to be told with, in its alphabet (RFC 6750 §2.1).
fn notification_token<'a>(
    client: &RegisteredClient,
    params: &'a Params,
) -> Result<Option<&'a str>, OAuthError> {
    if !client.metadata.backchannel.is_pinged() {
        return Ok(None);
    }
    let token = params.required("client_notification_token")?;
    let plain = token.trim_end_matches('=');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    match !plain.is_empty() && token.len() <= MAX_TOKEN_CHARS && plain.bytes().all(is_plain) {
        true => Ok(Some(token)),
        false => Err(OAuthError::invalid_request("client_notification_token is no bearer token")),
    }
}

fn row(
    provider: &Provider,
    client: &RegisteredClient,
    user_id: &str,
    code_hash: String,
    asked: &Asked,
    lifetime: Lifetime,
) -> Result<DeferredRequest, OAuthError> {
    let now = provider.now();
    let request = serde_json::to_string(asked).map_err(OAuthError::server_error)?;
    if request.len() > MAX_BYTES {
        return Err(OAuthError::invalid_request("the request is longer than 32 KiB"));
    }
    Ok(DeferredRequest {
        code_hash,
        kind: deferred_requests::kind_name(Kind::Ciba),
        client_id: client.id.clone(),
        user_id: Some(user_id.to_owned()),
        user_code: None,
        request,
        poll_interval: INTERVAL.into(),
        poll_after: now.as_unix(),
        created_at: now.as_unix(),
        usable_until: (now + lifetime).as_unix(),
        expires_at: (now + lifetime + KEPT).as_unix(),
        decided_at: None,
        authorization_id: None,
        spent_at: None,
    })
}

/// Stores the request, and uses up what signed it.
async fn keep(
    provider: &Provider,
    row: DeferredRequest,
    ping: Option<ping::Decided>,
    once: Option<Once>,
) -> Result<(), OAuthError> {
    let is_first = provider.db.write(move |conn| {
        if let Some(Once::RequestObject { jti_hash, until }) = once
            && !seen_jtis::insert(conn, &jti_hash, until)?
        {
            return Ok(false);
        }
        if let Some(ping) = &ping {
            ping::prepare(conn, &row, ping)?;
        }
        deferred_requests::insert(conn, &row)?;
        Ok(true)
    });
    match is_first.await? {
        true => Ok(()),
        false => Err(OAuthError::invalid_request("request object: the jti was used before")),
    }
}

/// A request that waits for its person.
pub struct Waiting {
    /// What names it on pages; nobody gets tokens by it.
    pub id: String,
    pub request: AuthorizationRequest,
    pub expires_at: Timestamp,
}

/// What waits for a person, the oldest first.
///
/// # Errors
///
/// Those of the database.
pub async fn list(provider: &Provider, user_id: &str) -> Result<Vec<Waiting>, OAuthError> {
    let (user_id, now) = (user_id.to_owned(), provider.now());
    let rows = provider
        .db
        .read(move |conn| deferred_requests::list_open_of_user(conn, &user_id, now))
        .await?;
    rows.into_iter().map(opened).collect()
}

/// What waits under an `auth_req_id`, and for whom.
///
/// # Errors
///
/// Those of the database.
pub(super) async fn find(
    provider: &Provider,
    auth_req_id: &str,
) -> Result<Option<(String, Waiting)>, OAuthError> {
    let (code_hash, now) = (digest(auth_req_id), provider.now());
    let row = provider
        .db
        .read(move |conn| deferred_requests::find(conn, Kind::Ciba, &code_hash))
        .await?
        .filter(|row| row.decided_at.is_none() && row.usable_until > now.as_unix());
    let Some(row) = row else { return Ok(None) };
    let Some(user_id) = row.user_id.clone() else { return Ok(None) };
    Ok(Some((user_id, opened(row)?)))
}

fn opened(row: DeferredRequest) -> Result<Waiting, OAuthError> {
    let asked: Asked = serde_json::from_str(&row.request).map_err(OAuthError::server_error)?;
    let elsewhere = ElsewhereRequest {
        errand: Errand::Ciba,
        code_hash: row.code_hash.clone(),
        shown: asked.binding_message.unwrap_or_default(),
        asked_at: Timestamp::from_unix(row.created_at),
        address: asked.address,
        user_agent: None,
    };
    Ok(Waiting {
        id: row.code_hash,
        request: AuthorizationRequest { elsewhere: Some(elsewhere), ..asked.request },
        expires_at: Timestamp::from_unix(row.usable_until),
    })
}
