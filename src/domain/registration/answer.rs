//! What a client is told of its registration (RFC 7591 §3.2.1, RFC 7592 §3).

use crate::protocol::client::Client;
use crate::storage::registrations::Registration;
use serde_json::{Map, Value, json};

/// A registration as its client sees it.
pub struct Answer {
    pub client: Client,
    /// Only when it was made just now: we keep no secret that we could show again.
    pub secret: Option<String>,
    pub registration: Registration,
    /// What manages it.
    pub access_token: String,
    pub issuer: String,
}

/// What holds for a client that says nothing of it (OpenID Connect Registration §2).
fn defaults() -> Map<String, Value> {
    let defaults = json!({
        "subject_type": "public",
        "id_token_signed_response_alg": "RS256",
        "require_auth_time": false,
        "backchannel_logout_session_required": false,
        "frontchannel_logout_session_required": false,
        "require_signed_request_object": false,
        "require_pushed_authorization_requests": false,
        "dpop_bound_access_tokens": false,
        "tls_client_certificate_bound_access_tokens": false,
    });
    match defaults {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    }
}

impl Answer {
    /// All that is registered, what was left out included.
    pub fn document(&self) -> Value {
        let Self { client, registration, .. } = self;
        let mut members = defaults();
        if let Ok(Value::Object(own)) = serde_json::to_value(&client.metadata) {
            members.extend(own);
        }
        if client.metadata.scope.is_empty() {
            members.remove("scope");
        }
        members.insert("client_id".into(), json!(client.id));
        members.insert("client_name".into(), json!(client.name));
        members.insert("client_id_issued_at".into(), json!(client.created_at.as_unix()));
        if let Some(secret) = &self.secret {
            members.insert("client_secret".into(), json!(secret));
        }
        if client.metadata.token_endpoint_auth_method.uses_secret() {
            // Never.
            members.insert("client_secret_expires_at".into(), json!(0));
        }
        if let Some(statement) = &registration.software_statement {
            members.insert("software_statement".into(), json!(statement));
        }
        members.insert("registration_access_token".into(), json!(self.access_token));
        let uri = format!("{}/register/{}", self.issuer.trim_end_matches('/'), client.id);
        members.insert("registration_client_uri".into(), json!(uri));
        Value::Object(members)
    }
}
