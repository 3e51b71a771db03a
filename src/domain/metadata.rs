//! The discovery document (OpenID Connect Discovery §3, RFC 8414 §2): derived from what works.

mod requests;
pub mod resource;

use super::authorize::{request_object, response};
use super::clients::assertion;
use super::identity::sessions::REACHABLE;
use super::keys::ALGORITHMS;
use super::provider::Provider;
use crate::jose::{ContentEncryption, KeyManagement, SigningAlgorithm, dpop};
use crate::protocol::authorization_request::{Prompt, ResponseMode};
use crate::protocol::claims::SCOPE_CLAIMS;
use crate::protocol::client::backchannel::DeliveryMode;
use crate::protocol::client::{AuthMethod, GrantType, SubjectType};
use crate::protocol::response_type::ResponseType;
use crate::protocol::revocation_feed;
use serde_json::{Value, json};

/// The document. It does not change while the server runs.
pub fn document(provider: &Provider) -> Value {
    let issuer = &provider.issuer;
    let at = |path: &str| format!("{issuer}{path}");
    let offered = AuthMethod::ALL.iter().filter(|method| provider.mtls.offers(**method));
    let auth_methods: Vec<_> = offered.map(|method| method.as_str()).collect();
    let with_proof: Vec<_> =
        auth_methods.iter().filter(|method| **method != "none").copied().collect();
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks"),
        "device_authorization_endpoint": at("/device_authorization"),
        "introspection_endpoint": at("/introspect"),
        "revocation_endpoint": at("/revoke"),
        "end_session_endpoint": at("/logout"),
        "status_list_aggregation_endpoint": at(super::tokens::status::AGGREGATION_PATH),
        "scopes_supported": scopes(),
        "response_types_supported": response::supported(provider).map(ResponseType::as_str).collect::<Vec<_>>(),
        "response_modes_supported": ResponseMode::SUPPORTED,
        "grant_types_supported": grant_types(provider),
        "acr_values_supported": REACHABLE.iter().map(|level| level.as_str()).collect::<Vec<_>>(),
        "subject_types_supported":
            SubjectType::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
        "id_token_signing_alg_values_supported": names(&ALGORITHMS),
        "id_token_encryption_alg_values_supported": KeyManagement::PUBLIC,
        "id_token_encryption_enc_values_supported": ContentEncryption::ALL,
        "userinfo_signing_alg_values_supported": names(&ALGORITHMS),
        "userinfo_encryption_alg_values_supported": KeyManagement::PUBLIC,
        "userinfo_encryption_enc_values_supported": ContentEncryption::ALL,
        "token_endpoint_auth_methods_supported": auth_methods,
        "token_endpoint_auth_signing_alg_values_supported": names(&assertion::ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": with_proof,
        "introspection_endpoint_auth_signing_alg_values_supported": names(&assertion::ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": auth_methods,
        "revocation_endpoint_auth_signing_alg_values_supported": names(&assertion::ALGORITHMS),
        "dpop_signing_alg_values_supported": names(&dpop::ALGORITHMS),
        "claim_types_supported": ["normal"],
        "claims_supported": claims(),
        "claims_parameter_supported": true,
        "prompt_values_supported": prompts(provider),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "ui_locales_supported": ["en", "de"],
    });
    add(&mut document, requests::members(provider));
    requests::add_token_modes(&mut document);
    add(&mut document, of_people_elsewhere(provider));
    add(&mut document, of_introspection());
    add(&mut document, of_logout(provider));
    add(&mut document, with_certificates(provider));
    if !provider.registration.document_hosts.is_empty() {
        add(&mut document, json!({ "client_id_metadata_document_supported": true }));
    }
    if provider.registration.is_on() {
        add(&mut document, json!({ "registration_endpoint": at("/register") }));
    }
    document
}

/// What there is beside the standards, under `/.well-known/countersign`: the discovery document has
/// registered members alone.
pub fn product(provider: &Provider) -> Value {
    let at = |path: &str| format!("{}{path}", provider.issuer);
    json!({
        "issuer": provider.issuer,
        "revocations_endpoint": at(revocation_feed::PATH),
        "status_list_prefix": at(super::tokens::status::PATH),
        "forward_auth_endpoint": at("/auth/verify"),
        "revocations_max_wait_seconds": revocation_feed::MAX_WAIT_SECONDS,
    })
}

/// How clients ask people who are elsewhere (OpenID Connect CIBA §4).
fn of_people_elsewhere(provider: &Provider) -> Value {
    let modes: Vec<_> = DeliveryMode::ALL.iter().map(|mode| mode.as_str()).collect();
    json!({
        "backchannel_authentication_endpoint":
            format!("{}/backchannel_authentication", provider.issuer),
        "backchannel_token_delivery_modes_supported": modes,
        "backchannel_authentication_request_signing_alg_values_supported":
            names(&request_object::BACKCHANNEL_ALGORITHMS),
        "backchannel_user_code_parameter_supported": false,
    })
}

/// How answers of introspection come that are asked for as a token (RFC 9701 §7).
fn of_introspection() -> Value {
    json!({
        "introspection_signing_alg_values_supported": names(&ALGORITHMS),
        "introspection_encryption_alg_values_supported": KeyManagement::PUBLIC,
        "introspection_encryption_enc_values_supported": ContentEncryption::ALL,
    })
}

/// How clients hear that a session has ended (OpenID Connect Back-Channel Logout 1.0 §2.1,
/// Front-Channel Logout 1.0 §3, Session Management 1.0 §3.3).
fn of_logout(provider: &Provider) -> Value {
    let mut members = json!({
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
    });
    if provider.features.session_management {
        members["check_session_iframe"] = format!("{}/session/check", provider.issuer).into();
    }
    members
}

/// What there is of mutual TLS (RFC 8705 §3.3, §5).
fn with_certificates(provider: &Provider) -> Value {
    let mut members = serde_json::Map::new();
    if provider.mtls.takes_certificates {
        members.insert("tls_client_certificate_bound_access_tokens".into(), true.into());
    }
    let aliases: serde_json::Map<_, _> =
        provider.mtls.aliases().map(|(name, uri)| (name.to_owned(), uri.into())).collect();
    if !aliases.is_empty() {
        members.insert("mtls_endpoint_aliases".into(), aliases.into());
    }
    Value::Object(members)
}

/// Adds the members of a part.
fn add(document: &mut Value, part: Value) {
    if let (Value::Object(document), Value::Object(part)) = (document, part) {
        document.extend(part);
    }
}

fn prompts(provider: &Provider) -> Vec<&'static str> {
    let create = provider.features.sign_up.then_some("create");
    Prompt::SUPPORTED.iter().copied().chain(create).collect()
}

/// Those of the token endpoint, and tokens from the authorization endpoint when they are offered.
fn grant_types(provider: &Provider) -> Vec<&'static str> {
    let implicit = response::supported(provider).any(ResponseType::is_front_channel);
    let implicit = implicit.then_some(GrantType::Implicit.as_str());
    provider.grants.supported().chain(implicit).collect()
}

fn names(algorithms: &[SigningAlgorithm]) -> Vec<&'static str> {
    algorithms.iter().map(|algorithm| algorithm.as_str()).collect()
}

fn scopes() -> Vec<&'static str> {
    let of_people = SCOPE_CLAIMS.iter().map(|(scope, _)| *scope);
    ["openid", "offline_access"].into_iter().chain(of_people).collect()
}

fn claims() -> Vec<&'static str> {
    let about_sign_in =
        ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"];
    let about_people = SCOPE_CLAIMS.iter().flat_map(|(_, claims)| claims.iter().copied());
    about_sign_in.into_iter().chain(about_people).collect()
}
