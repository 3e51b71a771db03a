//! The client certificate of a request (RFC 8705): of its own TLS connection, or in a header of a
//! proxy that we trust (RFC 9440). In a header of anyone else it is ignored.

use super::policy::EdgePolicy;
use crate::config::CertificateFormat;
use crate::domain::sender::Certificate;
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName};
use std::sync::Arc;

const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// Where a proxy puts the certificate, and how.
#[derive(Debug, Clone)]
pub struct CertificateHeader {
    pub name: HeaderName,
    pub format: CertificateFormat,
}

/// The certificate of a request, if its sender showed one that can be read.
pub fn of(request: &HttpRequest, policy: &EdgePolicy) -> Option<Arc<Certificate>> {
    if let Some(own) = request.conn_data::<Arc<Certificate>>() {
        return Some(own.clone());
    }
    let header = policy.certificate_header.as_ref()?;
    let peer = request.peer_addr()?.ip().to_canonical();
    if !policy.trusted_proxies.iter().any(|net| net.contains(&peer)) {
        return None;
    }
    header.read(request.headers()).map(Arc::new)
}

impl CertificateHeader {
    fn read(&self, headers: &HeaderMap) -> Option<Certificate> {
        let value = one(headers, &self.name)?;
        let read = match self.format {
            CertificateFormat::Rfc9440 => {
                Certificate::from_client_cert(value, one(headers, &CLIENT_CERT_CHAIN))
            }
            CertificateFormat::Pem => Certificate::from_escaped_pem(value),
        };
        read.inspect_err(|error| tracing::debug!(%error, "certificate header not taken")).ok()
    }
}

/// A header that comes once: of two nobody could say which one the proxy wrote.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    values.next().is_none().then(|| first.to_str().ok()).flatten().filter(|text| !text.is_empty())
}
