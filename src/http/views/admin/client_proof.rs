//! How a client proves who it is, as a form.

use crate::http::text::Text;
use crate::http::views::choice::Choice;

/// The part of a client's page about who it is: `auth_method`,
/// `token_endpoint_auth_signing_alg`, `jwks`, `jwks_uri`, the five names of a certificate,
/// `dpop_bound_access_tokens`, `tls_client_certificate_bound_access_tokens`.
#[derive(Debug, Clone, Default)]
pub struct ProofForm {
    pub auth_methods: Vec<Choice>,
    pub signing_algs: Vec<Choice>,
    pub jwks: String,
    pub jwks_uri: String,
    pub names: Vec<CertificateName>,
    pub dpop_bound: bool,
    pub certificate_bound: bool,
}

/// One of the names that a certificate may have (RFC 8705 §2.1.2).
#[derive(Debug, Clone)]
pub struct CertificateName {
    /// The metadata member, which is the name of the field.
    pub member: &'static str,
    pub value: String,
}

impl CertificateName {
    /// What the field is called.
    pub fn words(&self, text: Text) -> String {
        let key = match self.member {
            "tls_client_auth_san_dns" => "certificate-dns",
            "tls_client_auth_san_uri" => "certificate-uri",
            "tls_client_auth_san_ip" => "certificate-ip",
            "tls_client_auth_san_email" => "certificate-email",
            _ => "certificate-subject",
        };
        text.t(key).into_owned()
    }
}
