//! What our own API says of itself (RFC 9728): userinfo, which takes access tokens.

use super::{names, with_certificates};
use crate::domain::provider::Provider;
use crate::jose::dpop;
use crate::protocol::claims::SCOPE_CLAIMS;
use serde_json::{Value, json};
use url::Url;

/// What the address of a resource becomes the address of its metadata by (RFC 9728 §3.1).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The name of userinfo as a resource: where it is.
pub fn userinfo(provider: &Provider) -> String {
    format!("{}/userinfo", provider.issuer)
}

/// Where [`document`] is served: the well-known path stands before that of the resource.
pub fn address(provider: &Provider) -> String {
    let resource = userinfo(provider);
    match Url::parse(&resource) {
        Ok(url) => format!("{}{WELL_KNOWN}{}", url.origin().ascii_serialization(), url.path()),
        Err(_) => resource,
    }
}

/// The document. It does not change while the server runs.
pub fn document(provider: &Provider) -> Value {
    let scopes: Vec<_> =
        std::iter::once("openid").chain(SCOPE_CLAIMS.iter().map(|(scope, _)| *scope)).collect();
    let mut document = json!({
        "resource": userinfo(provider),
        "authorization_servers": [provider.issuer],
        "scopes_supported": scopes,
        "bearer_methods_supported": ["header", "body"],
        "dpop_signing_alg_values_supported": names(&dpop::ALGORITHMS),
        "resource_name": "Countersign userinfo",
    });
    if let Some(bound) =
        with_certificates(provider).get("tls_client_certificate_bound_access_tokens")
    {
        document["tls_client_certificate_bound_access_tokens"] = bound.clone();
    }
    document
}
