//! What the sender of a client's tokens must show to hold, and the name of its certificate (RFC 8705,
//! RFC 9449).

use crate::protocol::certificate_name::CertificateName;
use serde::{Deserialize, Serialize};

/// The registered metadata about keys and certificates, by the names of the specifications.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SenderMetadata {
    /// RFC 9449 §5.2.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens: bool,
    /// RFC 8705 §3.4.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// RFC 8705 §2.1.2, as the four below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
}

impl SenderMetadata {
    /// Whether its tokens are of use only to who holds a key.
    pub fn binds_tokens(&self) -> bool {
        self.dpop_bound_access_tokens || self.tls_client_certificate_bound_access_tokens
    }

    /// The members that name a certificate, with what they say.
    pub fn names(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("tls_client_auth_subject_dn", self.tls_client_auth_subject_dn.as_deref()),
            ("tls_client_auth_san_dns", self.tls_client_auth_san_dns.as_deref()),
            ("tls_client_auth_san_uri", self.tls_client_auth_san_uri.as_deref()),
            ("tls_client_auth_san_ip", self.tls_client_auth_san_ip.as_deref()),
            ("tls_client_auth_san_email", self.tls_client_auth_san_email.as_deref()),
        ]
    }

    /// The same, to be written.
    pub fn names_mut(&mut self) -> [(&'static str, &mut Option<String>); 5] {
        [
            ("tls_client_auth_subject_dn", &mut self.tls_client_auth_subject_dn),
            ("tls_client_auth_san_dns", &mut self.tls_client_auth_san_dns),
            ("tls_client_auth_san_uri", &mut self.tls_client_auth_san_uri),
            ("tls_client_auth_san_ip", &mut self.tls_client_auth_san_ip),
            ("tls_client_auth_san_email", &mut self.tls_client_auth_san_email),
        ]
    }

    /// The one name that the certificate must have.
    pub fn certificate_name(&self) -> Option<CertificateName> {
        let mut given = self.names().into_iter().filter_map(|(name, value)| Some((name, value?)));
        let (member, value) = given.next()?;
        // With two of them nobody could say which one counts.
        given.next().is_none().then(|| CertificateName::read(member, value).ok()).flatten()
    }
}
