//! What a client asks to be (RFC 7591 §2, OpenID Connect Registration §2), read member by member.
//!
//! The members are those of [`ClientMetadata`], so one that is added there can be registered; what
//! is not known is left out, and so is what may not be had: scopes, grants and response types are
//! narrowed to what is offered, and the answer tells.

use super::{invalid_metadata, invalid_redirect_uri, policy_of};
use crate::domain::authorize::{request_object, response};
use crate::domain::clients::management::ClientDraft;
use crate::domain::provider::Provider;
use crate::protocol::client::{
    ApplicationType, AuthMethod, ClientMetadata, ClientOrigin, GrantType,
};
use crate::protocol::error::OAuthError;
use crate::protocol::response_type::ResponseType;
use crate::protocol::scope::Scope;
use serde_json::{Map, Value, json};
use url::Url;

/// The most members that are looked at.
const MAX_MEMBERS: usize = 200;

/// Reads what a client sent.
///
/// # Errors
///
/// `invalid_redirect_uri` or `invalid_client_metadata` for a member of another kind than it must be,
/// or when nothing is left that could be used.
pub fn read(
    provider: &Provider,
    mut members: Map<String, Value>,
    origin: ClientOrigin,
) -> Result<ClientDraft, OAuthError> {
    if members.len() > MAX_MEMBERS {
        return Err(invalid_metadata("there are more than 200 members"));
    }
    let name = text(&mut members, "client_name")?;
    let asked_scope = text(&mut members, "scope")?;
    narrow(provider, &mut members)?;
    if members.get("userinfo_signed_response_alg") == Some(&json!("none")) {
        // As when it is left out.
        members.remove("userinfo_signed_response_alg");
    }
    let says_kind = members.contains_key("application_type");
    let mut metadata = typed(members)?;
    if !provider.mtls.offers(metadata.token_endpoint_auth_method) {
        return Err(invalid_metadata("token_endpoint_auth_method: not offered here"));
    }
    if !says_kind && metadata.redirect_uris.iter().any(|uri| is_of_a_device(uri)) {
        metadata.application_type = ApplicationType::Native;
    }
    leave_out_unused(&mut metadata);
    metadata.scope = scope(provider, &metadata, asked_scope.as_deref())?;
    let name = name.unwrap_or_else(|| known_as(&metadata));
    let mut draft = ClientDraft { id: None, name, metadata, ..ClientDraft::default() };
    policy_of(&mut draft, origin);
    Ok(draft)
}

/// Takes a member that is a text, if it says anything.
fn text(
    members: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, OAuthError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
        Some(_) => Err(invalid_metadata(format!("{name}: must be a string"))),
    }
}

/// Takes a member that is a list of texts.
fn texts(
    members: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<Vec<String>>, OAuthError> {
    let Some(value) = members.remove(name) else { return Ok(None) };
    let texts = serde_json::from_value(value);
    texts.map(Some).map_err(|_| invalid_metadata(format!("{name}: must be an array of strings")))
}

/// Leaves of the grants and response types those that may be used. Without grants they are those of
/// the response types; without response types it is `code` where the grants have a use for it.
fn narrow(provider: &Provider, members: &mut Map<String, Value>) -> Result<(), OAuthError> {
    let offered: Vec<_> = response::supported(provider).collect();
    let responses = texts(members, "response_types")?;
    let asked_responses = responses.is_some();
    let mut responses: Vec<ResponseType> = responses
        .unwrap_or_default()
        .iter()
        .filter_map(|name| ResponseType::parse(name))
        .filter(|response| offered.contains(response))
        .collect();
    let grants = texts(members, "grant_types")?;
    if asked_responses && responses.is_empty() && grants.as_ref().is_none_or(Vec::is_empty) {
        return Err(invalid_metadata("response_types: none of them is offered here"));
    }
    let mut grants = match grants {
        Some(names) => usable(provider, &names)?,
        None if asked_responses => grants_of(&responses),
        None => vec![GrantType::AuthorizationCode],
    };
    if !asked_responses && grants.contains(&GrantType::AuthorizationCode) {
        responses.push(ResponseType::Code);
    }
    if !responses.iter().any(|response| response.is_front_channel()) {
        grants.retain(|grant| *grant != GrantType::Implicit);
    }
    let responses: Vec<_> = responses.into_iter().map(ResponseType::as_str).collect();
    members.insert("grant_types".into(), json!(grants));
    members.insert("response_types".into(), json!(responses));
    Ok(())
}

/// Of the grants that were asked for those that clients may register.
fn usable(provider: &Provider, names: &[String]) -> Result<Vec<GrantType>, OAuthError> {
    let allowed = &provider.registration.grant_types;
    let known = names.iter().filter_map(|name| name.parse::<GrantType>().ok());
    let grants: Vec<_> = known.filter(|grant| allowed.contains(grant)).collect();
    match grants.is_empty() {
        true => Err(invalid_metadata("grant_types: none of them can be registered")),
        false => Ok(grants),
    }
}

/// The grants that response types belong to (RFC 7591 §2.1).
fn grants_of(responses: &[ResponseType]) -> Vec<GrantType> {
    let code = responses.iter().any(|one| one.has_code()).then_some(GrantType::AuthorizationCode);
    let front = responses.iter().any(|one| one.is_front_channel()).then_some(GrantType::Implicit);
    code.into_iter().chain(front).collect()
}

/// The members by their types. A wrong one is named: it is known here, or it would be ignored.
fn typed(members: Map<String, Value>) -> Result<ClientMetadata, OAuthError> {
    for (name, value) in &members {
        let alone = json!({ name.as_str(): value });
        if serde_json::from_value::<ClientMetadata>(alone).is_err() {
            return Err(match name.as_str() {
                "redirect_uris" => {
                    invalid_redirect_uri("redirect_uris: must be an array of strings")
                }
                _ => invalid_metadata(format!("{name}: not a value that it can have here")),
            });
        }
    }
    let all = serde_json::from_value(Value::Object(members));
    all.map_err(|_| invalid_metadata("the members cannot be read together"))
}

/// Libraries name algorithms for what the client then does not do. Of no use, they are left out.
fn leave_out_unused(metadata: &mut ClientMetadata) {
    if !metadata.token_endpoint_auth_method.signs() {
        metadata.token_endpoint_auth_signing_alg = None;
    }
    let has_keys = metadata.jwks.is_some() || metadata.jwks_uri.is_some();
    let requests = &mut metadata.requests;
    let known = |alg: &String| request_object::ALGORITHMS.iter().any(|one| one.as_str() == alg);
    if !has_keys && requests.request_object_signing_alg.as_ref().is_some_and(known) {
        requests.request_object_signing_alg = None;
    }
}

/// The most that the client gets: of what it asked for what may be had; all of that when it asked
/// for nothing.
fn scope(
    provider: &Provider,
    metadata: &ClientMetadata,
    asked: Option<&str>,
) -> Result<Scope, OAuthError> {
    let allowed = &provider.registration.scope;
    let scope = match asked {
        Some(asked) => {
            let asked: Scope = asked.parse().map_err(|error: OAuthError| {
                invalid_metadata(format!("scope: {}", error.description))
            })?;
            let scope = asked.intersection(allowed);
            if scope.is_empty() {
                return Err(invalid_metadata("scope: none of it can be registered"));
            }
            scope
        }
        None => allowed.clone(),
    };
    Ok(match metadata.grant_types.contains(&GrantType::RefreshToken) {
        true => scope,
        false => scope.without("offline_access"),
    })
}

/// Whether an address is of a program on somebody's device: http of this machine, or a scheme of
/// its own. Who registers one without saying what it is (RFC 7591 does not know
/// `application_type`) is a native client.
fn is_of_a_device(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| url.scheme() != "https")
}

/// What to call a client that does not say its name.
fn known_as(metadata: &ClientMetadata) -> String {
    let uris = metadata.client_uri.iter().chain(&metadata.redirect_uris);
    let hosts = uris.filter_map(|uri| Some(Url::parse(uri).ok()?.host_str()?.to_owned()));
    let name: Option<String> = hosts.into_iter().next();
    let unnamed = match metadata.token_endpoint_auth_method {
        AuthMethod::None => "Unnamed app",
        _ => "Unnamed client",
    };
    name.filter(|name| name.len() <= 100).unwrap_or_else(|| unnamed.to_owned())
}
