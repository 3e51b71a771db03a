//! Mutual TLS as far as this installation has it (RFC 8705): where clients that show certificates
//! come in, and who may vouch for them.

use crate::config::MtlsConfig;
use crate::jose::TrustAnchors;
use crate::protocol::client::AuthMethod;
use url::Url;

/// The endpoints that clients with certificates call, with the metadata members that name them
/// (RFC 8705 §5).
const ENDPOINTS: [(&str, &str); 7] = [
    ("token_endpoint", "/token"),
    ("userinfo_endpoint", "/userinfo"),
    ("introspection_endpoint", "/introspect"),
    ("revocation_endpoint", "/revoke"),
    ("pushed_authorization_request_endpoint", "/par"),
    ("device_authorization_endpoint", "/device_authorization"),
    ("backchannel_authentication_endpoint", "/backchannel_authentication"),
];

/// What there is of it; nothing by default.
#[derive(Default)]
pub struct Mtls {
    /// Where the endpoints have their other addresses.
    pub base: Option<String>,
    pub anchors: Option<TrustAnchors>,
    /// Whether certificates reach us at all: by our own listener, or in a header.
    pub takes_certificates: bool,
}

impl Mtls {
    /// As the settings say. A listener of our own is reached by the issuer's name, unless told
    /// otherwise.
    pub fn new(config: &MtlsConfig, issuer: &str, anchors: Option<TrustAnchors>) -> Self {
        let told = config.url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        let own = config.listen.and_then(|listen| {
            let host = Url::parse(issuer).ok()?.host_str()?.to_owned();
            Some(format!("https://{host}:{}", listen.port()))
        });
        Self {
            base: told.or(own),
            anchors,
            takes_certificates: config.listen.is_some() || config.certificate_header.is_some(),
        }
    }

    /// Whether clients can authenticate by a method here.
    pub fn offers(&self, method: AuthMethod) -> bool {
        match method {
            AuthMethod::TlsClientAuth => self.takes_certificates && self.anchors.is_some(),
            AuthMethod::SelfSignedTlsClientAuth => self.takes_certificates,
            _ => true,
        }
    }

    /// `mtls_endpoint_aliases`.
    pub fn aliases(&self) -> impl Iterator<Item = (&'static str, String)> {
        let base = self.base.as_deref().filter(|_| self.takes_certificates);
        ENDPOINTS.iter().filter_map(move |(name, path)| Some((*name, format!("{}{path}", base?))))
    }
}
