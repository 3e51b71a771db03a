//! Client certificates (RFC 8705): what they say, whose they are, and who vouches for them.

use super::error::JoseError;
use super::jwk::PublicJwk;
use crate::protocol::certificate_name::{CertificateName, DistinguishedName};
use crate::protocol::time::Timestamp;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openssl::asn1::Asn1Time;
use openssl::sha::sha256;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509NameRef, X509PurposeId, X509StoreContext};
use std::fmt;
use std::net::IpAddr;

/// The largest certificate that is looked at, and the most of a chain.
const MAX_BYTES: usize = 16 * 1024;
const MAX_CHAIN: usize = 8;

/// A certificate that somebody showed who holds its key, with what came along to vouch for it.
#[derive(Clone)]
pub struct Certificate {
    x509: X509,
    chain: Vec<X509>,
    thumbprint: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.thumbprint)
    }
}

impl Certificate {
    /// Reads a certificate from DER, and further ones that came with it.
    ///
    /// # Errors
    ///
    /// `Malformed` when one of them is none, or they are too many or too large.
    pub fn from_der(der: &[u8], chain: &[Vec<u8>]) -> Result<Self, JoseError> {
        let read = |der: &[u8]| match der.len() {
            0..=MAX_BYTES => X509::from_der(der).map_err(|_| JoseError::Malformed),
            _ => Err(JoseError::Malformed),
        };
        if chain.len() > MAX_CHAIN {
            return Err(JoseError::Malformed);
        }
        Ok(Self {
            x509: read(der)?,
            chain: chain.iter().map(|der| read(der)).collect::<Result<_, _>>()?,
            thumbprint: thumbprint(der),
        })
    }

    /// The base64url of the SHA-256 of the DER: `x5t#S256` (RFC 8705 §3.1).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Whether a moment is within the dates of the certificate.
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        Asn1Time::from_unix(now.as_unix())
            .is_ok_and(|now| self.x509.not_before() <= now && now < self.x509.not_after())
    }

    /// Whether its key is this one. With a certificate of its own, the key must be shown with that
    /// one (RFC 8705 §2.2.2).
    pub fn is_of(&self, jwk: &PublicJwk) -> bool {
        match jwk.certificate() {
            Some(own) => own == self.thumbprint,
            None => self.x509.public_key().is_ok_and(|key| jwk.is_public_half_of(&key)),
        }
    }

    /// Whether its subject or one of its alternative names is the expected one (RFC 8705 §2.1.2).
    pub fn is_called(&self, name: &CertificateName) -> bool {
        match name {
            CertificateName::Subject(expected) => is_subject(self.x509.subject_name(), expected),
            other => self.x509.subject_alt_names().is_some_and(|names| {
                names.iter().any(|name| match other {
                    CertificateName::Dns(expected) => {
                        name.dnsname().is_some_and(|own| own.eq_ignore_ascii_case(expected))
                    }
                    CertificateName::Uri(expected) => name.uri() == Some(expected),
                    CertificateName::Ip(expected) => {
                        name.ipaddress().and_then(address) == Some(*expected)
                    }
                    CertificateName::Email(expected) => {
                        name.email().is_some_and(|own| is_same_mailbox(own, expected))
                    }
                    CertificateName::Subject(_) => false,
                })
            }),
        }
    }
}

fn thumbprint(der: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(sha256(der))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// The part before the at sign is compared as it is (RFC 5280 §7.5).
fn is_same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((local, host)), Some((other_local, other_host))) => {
            local == other_local && host.eq_ignore_ascii_case(other_host)
        }
        _ => false,
    }
}

/// A certificate lists its names from the widest to the narrowest, RFC 4514 the other way round.
fn is_subject(subject: &X509NameRef, expected: &DistinguishedName) -> bool {
    let mut entries = Vec::new();
    for entry in subject.entries() {
        let Ok(value) = entry.data().to_string() else { return false };
        let object = entry.object();
        let mut names = vec![object.to_string()];
        names.extend(object.nid().short_name().map(str::to_owned));
        entries.push((names, value));
    }
    entries.reverse();
    expected.is_made_of(&entries)
}

/// Who may vouch for client certificates.
pub struct TrustAnchors(Vec<X509>);

impl TrustAnchors {
    /// Reads certificates from PEM.
    ///
    /// # Errors
    ///
    /// `Malformed` when there is none, or one cannot be read.
    pub fn from_pem(pem: &[u8]) -> Result<Self, JoseError> {
        match X509::stack_from_pem(pem) {
            Ok(all) if !all.is_empty() => Ok(Self(all)),
            _ => Err(JoseError::Malformed),
        }
    }

    /// Whether a chain leads from one of the anchors to a certificate that is for clients, all of it
    /// good at this moment (RFC 5280 §6). Each anchor is tried alone: of two with one name, as after
    /// a renewal, OpenSSL would look at the first only.
    pub fn vouch_for(&self, certificate: &Certificate, now: Timestamp) -> bool {
        self.0.iter().any(|anchor| vouches_for(anchor, certificate, now))
    }
}

fn vouches_for(anchor: &X509, certificate: &Certificate, now: Timestamp) -> bool {
    let verdict = store(anchor, now).and_then(|store| {
        let mut chain = Stack::new()?;
        for link in &certificate.chain {
            chain.push(link.clone())?;
        }
        let mut context = X509StoreContext::new()?;
        context.init(&store, &certificate.x509, &chain, |context| context.verify_cert())
    });
    verdict.unwrap_or(false)
}

fn store(anchor: &X509, now: Timestamp) -> Result<X509Store, openssl::error::ErrorStack> {
    let mut param = X509VerifyParam::new()?;
    param.set_time(now.as_unix());
    param.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    param.set_purpose(X509PurposeId::SSL_CLIENT)?;
    let mut builder = X509StoreBuilder::new()?;
    builder.add_cert(anchor.clone())?;
    builder.set_param(&param)?;
    Ok(builder.build())
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
