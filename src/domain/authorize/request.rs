//! The checks of an authorization request, in order.
//!
//! Until client and redirect URI are proven, an error is a page of ours; after that it goes to the
//! client, which only a [`ReplyAddress`] can do (RFC 6749 §4.1.2.1).

use super::reply::ReplyAddress;
use super::response;
use super::source::{self, Source};
use crate::domain::clients::{self, RegisteredClient};
use crate::domain::identity::sessions::REACHABLE;
use crate::domain::provider::Provider;
use crate::domain::resources::{details, target};
use crate::domain::tokens::id_token;
use crate::protocol::acr::WantedLevels;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::authorization_request::{
    AuthorizationRequest, Prompt, parse_max_age, parse_opaque, split_response_mode,
};
use crate::protocol::claims::{ClaimsRequest, SCOPE_CLAIMS};
use crate::protocol::client::GrantType;
use crate::protocol::confirmation::is_thumbprint;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::redirect_uri;
use crate::protocol::response_type::ResponseType;
use crate::protocol::scope::Scope;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A request that can be answered, with its client.
pub struct Checked {
    pub client: Arc<RegisteredClient>,
    pub request: AuthorizationRequest,
}

/// A request that cannot.
pub enum Refusal {
    /// The browser must stay here: there is no address that we may send it to.
    Page(PageRefusal),
    /// The client is told.
    Reply(Box<Reply>),
}

/// An error with where it goes.
pub struct Reply {
    pub client: Arc<RegisteredClient>,
    pub address: ReplyAddress,
    pub error: OAuthError,
}

impl Refusal {
    /// The error, for a client that asks by itself.
    pub fn into_error(self) -> OAuthError {
        match self {
            Self::Page(refusal) => refusal.error,
            Self::Reply(reply) => reply.error,
        }
    }
}

/// What the error page says to a developer.
pub struct PageRefusal {
    pub error: OAuthError,
    /// The client, when it was found.
    pub client: Option<Arc<RegisteredClient>>,
    /// The redirect URI, when one was sent that is not registered.
    pub sent_redirect_uri: Option<String>,
}

impl From<OAuthError> for PageRefusal {
    fn from(error: OAuthError) -> Self {
        Self { error, client: None, sent_redirect_uri: None }
    }
}

/// Checks a request.
///
/// # Errors
///
/// See [`Refusal`].
pub async fn check(provider: &Provider, params: &Params) -> Result<Checked, Refusal> {
    let client =
        find_client(provider, params).await.map_err(|error| Refusal::Page(error.into()))?;
    let source = source::resolve(provider, &client, params).await?;
    check_source(provider, client, &source).await
}

/// Checks what a request of a known client says.
///
/// # Errors
///
/// See [`Refusal`].
pub async fn check_source(
    provider: &Provider,
    client: Arc<RegisteredClient>,
    source: &Source,
) -> Result<Checked, Refusal> {
    let params = &source.params;
    let address = reply_address(&client, params).map_err(Refusal::Page)?;
    let request = match check_rest(provider, &client, &address, source) {
        Ok(request) => with_target(provider, &client, params, request).await,
        Err(error) => Err(error),
    };
    match request {
        Ok(request) => Ok(Checked { client, request }),
        Err(error) => Err(Refusal::Reply(Box::new(Reply { client, address, error }))),
    }
}

async fn find_client(
    provider: &Provider,
    params: &Params,
) -> Result<Arc<RegisteredClient>, OAuthError> {
    let client_id = params.required("client_id")?;
    let unknown = || OAuthError::invalid_client("no client has this client_id");
    clients::find(provider, client_id).await?.ok_or_else(unknown)
}

fn check_redirect_uri(
    client: &Arc<RegisteredClient>,
    params: &Params,
) -> Result<String, PageRefusal> {
    let refuse = |error: OAuthError, sent: Option<&str>| PageRefusal {
        error,
        client: Some(client.clone()),
        sent_redirect_uri: sent.map(str::to_owned),
    };
    let sent = params.required("redirect_uri").map_err(|error| refuse(error, None))?;
    let metadata = &client.metadata;
    let registered = metadata
        .redirect_uris
        .iter()
        .any(|own| redirect_uri::matches(own, sent, metadata.application_type));
    if !registered {
        let error = OAuthError::invalid_request("redirect_uri is not registered for this client");
        return Err(refuse(error, Some(sent)));
    }
    Ok(sent.to_owned())
}

/// Where the answer to a request may go, whatever else it says.
///
/// # Errors
///
/// The page to show instead when its redirect URI is not the client's.
pub fn reply_address(
    client: &Arc<RegisteredClient>,
    params: &Params,
) -> Result<ReplyAddress, PageRefusal> {
    let redirect_uri = check_redirect_uri(client, params)?;
    let secured = split_response_mode(params.one("response_mode").ok().flatten()).1;
    Ok(ReplyAddress {
        redirect_uri,
        state: parse_opaque("state", params.one("state").ok().flatten()).ok().flatten(),
        mode: response::mode_of_error(params),
        secured,
    })
}

/// The checks whose errors go to the client.
fn check_rest(
    provider: &Provider,
    client: &RegisteredClient,
    reply: &ReplyAddress,
    source: &Source,
) -> Result<AuthorizationRequest, OAuthError> {
    let params = &source.params;
    let state = parse_opaque("state", params.one("state")?)?;
    let response_is_jwt = split_response_mode(params.one("response_mode")?).1;
    source::check_way(provider, client, source)?;
    let (response_type, response_mode) = response::asked(provider, client, params)?;
    let prompt = Prompt::parse(params.one("prompt")?)?;
    if prompt.contains(&Prompt::Create) && !provider.features.sign_up {
        return Err(OAuthError::invalid_request("prompt=create is not offered"));
    }
    let claims = params.one("claims")?.map(ClaimsRequest::parse).transpose()?.unwrap_or_default();
    let acr = check_acr(client, &claims, params)?;
    let hint = params.one("id_token_hint")?;
    let hinted = hint.map(|hint| id_token::read_hint(provider, &client.id, hint)).transpose()?;
    let max_age = parse_max_age(params.one("max_age")?)?;
    Ok(AuthorizationRequest {
        resources: Vec::new(),
        details: AuthorizationDetails::default(),
        client_id: client.id.clone(),
        redirect_uri: reply.redirect_uri.clone(),
        state,
        response_type,
        response_mode,
        response_is_jwt,
        scope: check_scope(client, response_type, &prompt, params)?,
        nonce: check_nonce(response_type, params)?,
        code_challenge: check_pkce(client, response_type, params)?,
        prompt,
        max_age: max_age.or(client.metadata.default_max_age),
        login_hint: short(params.one("login_hint")?),
        hinted_subject: hinted.map(|hint| hint.subject),
        ui_locales: short(params.one("ui_locales")?),
        claims,
        once: source.once.clone(),
        dpop_jkt: check_dpop_jkt(params)?,
        acr,
        elsewhere: None,
    })
}

/// The checks that look something up: whom the tokens will be for.
pub(in crate::domain) async fn with_target(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
    request: AuthorizationRequest,
) -> Result<AuthorizationRequest, OAuthError> {
    let named = target::asked_at_authorization(provider, client, params).await?;
    let (details, resources) = details::asked(provider, client, params, named).await?;
    Ok(AuthorizationRequest { resources, details, ..request })
}

/// The client may insist on a level (OpenID Connect Core §5.5.1.1). One that nobody can reach here
/// needs no sign-in to be refused.
pub(in crate::domain) fn check_acr(
    client: &RegisteredClient,
    claims: &ClaimsRequest,
    params: &Params,
) -> Result<WantedLevels, OAuthError> {
    let registered = &client.metadata.default_acr_values;
    let wanted = WantedLevels::of_request(claims, params.one("acr_values")?, registered);
    match REACHABLE.iter().any(|level| wanted.are_met_by(*level)) {
        true => Ok(wanted),
        false => Err(OAuthError::new(
            ErrorCode::UnmetAuthenticationRequirements,
            "the essential acr cannot be reached",
        )),
    }
}

/// A `nonce` ties an ID token to the browser that asked; where the ID token comes through that
/// browser it must be there (OpenID Connect Core §3.2.2.1, §3.3.2.11).
fn check_nonce(response_type: ResponseType, params: &Params) -> Result<Option<String>, OAuthError> {
    let nonce = parse_opaque("nonce", params.one("nonce")?)?;
    match response_type.has_id_token() && nonce.is_none() {
        true => Err(OAuthError::invalid_request("nonce is missing")),
        false => Ok(nonce),
    }
}

/// Whether a request that was checked before would still be let through: an address, or a scope, that
/// was taken from the client since then must not be answered to.
pub fn is_still_allowed(client: &RegisteredClient, request: &AuthorizationRequest) -> bool {
    let metadata = &client.metadata;
    let of_now =
        |own: &String| redirect_uri::matches(own, &request.redirect_uri, metadata.application_type);
    let is_answered_here = request.elsewhere.is_some();
    (is_answered_here || metadata.redirect_uris.iter().any(of_now))
        && request.scope.is_within(&metadata.scope)
}

/// As [`check_scope_of_people`]; and `offline_access` counts only where consent is asked for, or the
/// house decided (§11).
fn check_scope(
    client: &RegisteredClient,
    response_type: ResponseType,
    prompt: &BTreeSet<Prompt>,
    params: &Params,
) -> Result<Scope, OAuthError> {
    let granted = check_scope_of_people(client, params)?;
    if response_type.has_id_token() && !granted.contains("openid") {
        return Err(OAuthError::invalid_scope("an ID token needs the scope openid"));
    }
    let may_stay = (prompt.contains(&Prompt::Consent) || client.policy.skip_consent)
        && client.may_use(GrantType::RefreshToken)
        && response_type.has_code();
    Ok(if may_stay { granted } else { granted.without("offline_access") })
}

/// Known scopes must be the client's; unknown ones are left out (OpenID Connect Core §3.1.2.1).
pub(in crate::domain) fn check_scope_of_people(
    client: &RegisteredClient,
    params: &Params,
) -> Result<Scope, OAuthError> {
    let allowed = &client.metadata.scope;
    let is_known = |token: &str| {
        matches!(token, "openid" | "offline_access")
            || SCOPE_CLAIMS.iter().any(|(known, _)| *known == token)
    };
    let asked: Scope = match params.one("scope")? {
        // For an API without a scope: all that the client may have of APIs (RFC 6749 §3.3).
        None if params.has("resource") => allowed
            .iter()
            .filter(|token| !is_known(token))
            .fold(Scope::default(), |all, token| all.union(&token.parse().unwrap_or_default())),
        asked => asked.unwrap_or_default().parse()?,
    };
    if asked.iter().any(|token| is_known(token) && !allowed.contains(token)) {
        return Err(OAuthError::invalid_scope("the client may not ask for one of these scopes"));
    }
    let granted = asked.intersection(allowed);
    if granted.is_empty() && !params.has("authorization_details") {
        return Err(OAuthError::invalid_scope("scope has no value that is known here"));
    }
    Ok(granted)
}

fn check_pkce(
    client: &RegisteredClient,
    response_type: ResponseType,
    params: &Params,
) -> Result<Option<CodeChallenge>, OAuthError> {
    if !response_type.has_code() {
        return Ok(None);
    }
    let method = params.one("code_challenge_method")?;
    let challenge = CodeChallenge::from_request(params.one("code_challenge")?, method)?;
    let policy = &client.policy;
    // A confidential client that registered itself may rely on the nonce, where there is one.
    let scope = params.one("scope")?.unwrap_or_default();
    let by_nonce = policy.origin.is_administrator() || scope.split(' ').any(|one| one == "openid");
    let required =
        client.is_public() || policy.require_pkce || policy.profile.is_fapi() || !by_nonce;
    if challenge.is_none() && required {
        return Err(OAuthError::invalid_request("code_challenge is missing"));
    }
    Ok(challenge)
}

/// The thumbprint of the key that the code is to be bound to (RFC 9449 §10).
fn check_dpop_jkt(params: &Params) -> Result<Option<String>, OAuthError> {
    match params.one("dpop_jkt")? {
        Some(jkt) if !is_thumbprint(jkt) => {
            Err(OAuthError::invalid_request("dpop_jkt is not the SHA-256 thumbprint of a key"))
        }
        jkt => Ok(jkt.map(str::to_owned)),
    }
}

/// A hint that is too long to be one is none.
pub(in crate::domain) fn short(text: Option<&str>) -> Option<String> {
    text.filter(|text| text.len() <= 256).map(str::to_owned)
}
