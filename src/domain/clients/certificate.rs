//! Mutual TLS as client authentication (RFC 8705 §2): a certificate that an authority vouches for and
//! that has the registered name, or one of the client's own.

use super::{RegisteredClient, jwks};
use crate::domain::provider::Provider;
use crate::jose::Certificate;
use crate::protocol::client::AuthMethod;

/// Whether a certificate proves who the client is, by the method that it registered.
pub async fn proves(
    provider: &Provider,
    client: &RegisteredClient,
    certificate: &Certificate,
) -> bool {
    let now = provider.now();
    match client.metadata.token_endpoint_auth_method {
        AuthMethod::TlsClientAuth => {
            let Some(anchors) = &provider.mtls.anchors else { return false };
            let name = client.metadata.sender.certificate_name();
            name.is_some_and(|name| certificate.is_called(&name))
                && anchors.vouch_for(certificate, now)
        }
        AuthMethod::SelfSignedTlsClientAuth => {
            certificate.is_good_at(now) && jwks::hold(provider, client, certificate).await
        }
        _ => false,
    }
}
