//! Keys and certificates of a client, as flags.

use crate::protocol::client::sender::SenderMetadata;
use clap::Args;

/// Flags that `create` and `update` share.
#[derive(Args)]
pub struct SenderMembers {
    /// Every token request of the client must come with a DPoP proof (RFC 9449)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    dpop_bound_access_tokens: Option<bool>,
    /// Bind access tokens to the certificate of the client (RFC 8705)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    tls_client_certificate_bound_access_tokens: Option<bool>,
    /// For tls_client_auth: the subject of the certificate, such as CN=orders,O=Example,C=DE
    #[arg(long, value_name = "DN")]
    tls_client_auth_subject_dn: Option<String>,
    /// For tls_client_auth: the DNS name in the certificate
    #[arg(long, value_name = "NAME")]
    tls_client_auth_san_dns: Option<String>,
    /// For tls_client_auth: the URI in the certificate
    #[arg(long, value_name = "URI")]
    tls_client_auth_san_uri: Option<String>,
    /// For tls_client_auth: the IP address in the certificate
    #[arg(long, value_name = "ADDRESS")]
    tls_client_auth_san_ip: Option<String>,
    /// For tls_client_auth: the email address in the certificate
    #[arg(long, value_name = "EMAIL")]
    tls_client_auth_san_email: Option<String>,
}

impl SenderMembers {
    /// Writes what was given into the members. A name of the certificate takes the place of another.
    pub fn apply(&self, sender: &mut SenderMetadata) {
        if let Some(required) = self.dpop_bound_access_tokens {
            sender.dpop_bound_access_tokens = required;
        }
        if let Some(bound) = self.tls_client_certificate_bound_access_tokens {
            sender.tls_client_certificate_bound_access_tokens = bound;
        }
        let given = [
            &self.tls_client_auth_subject_dn,
            &self.tls_client_auth_san_dns,
            &self.tls_client_auth_san_uri,
            &self.tls_client_auth_san_ip,
            &self.tls_client_auth_san_email,
        ];
        if given.iter().any(|value| value.is_some()) {
            for ((_, member), value) in sender.names_mut().into_iter().zip(given) {
                member.clone_from(value);
            }
        }
    }
}
