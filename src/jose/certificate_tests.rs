//! Certificates that authorities issue, that people make for themselves, and that are none.

use super::*;
use base64::prelude::BASE64_STANDARD;
use openssl::asn1::Asn1Integer;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509Builder, X509NameBuilder};
use serde_json::json;

const NOW: i64 = 1_763_765_000;

struct Issued {
    x509: X509,
    key: PKey<Private>,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(NOW + seconds)
}

/// A certificate for a name, good from ten seconds before to an hour after, by `issuer` or itself.
fn issue(
    name: &[(&str, &str)],
    issuer: Option<&Issued>,
    more: impl FnOnce(&mut X509Builder),
) -> Issued {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    for (kind, value) in name {
        subject.append_entry_by_text(kind, value).unwrap();
    }
    let subject = subject.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    let serial = Asn1Integer::from_bn(&BigNum::from_u32(7).unwrap()).unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&subject, |issuer| issuer.x509.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(NOW - 10).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(NOW + 3600).unwrap()).unwrap();
    more(&mut builder);
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Issued { x509: builder.build(), key }
}

fn authority(name: &str) -> Issued {
    issue(&[("O", name)], None, |builder| {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    })
}

fn client(issuer: Option<&Issued>) -> Issued {
    issue(&[("C", "DE"), ("O", "Example, Inc."), ("CN", "orders")], issuer, |builder| {
        let context = builder.x509v3_context(None, None);
        let names = SubjectAlternativeName::new()
            .dns("orders.example.com")
            .uri("spiffe://example.com/orders")
            .ip("192.0.2.7")
            .ip("2001:db8::7")
            .email("Orders@example.com")
            .build(&context)
            .unwrap();
        builder.append_extension(names).unwrap();
    })
}

fn certificate(issued: &Issued) -> Certificate {
    Certificate::from_der(&issued.x509.to_der().unwrap(), &[]).unwrap()
}

fn anchors(of: &[&Issued]) -> TrustAnchors {
    TrustAnchors(of.iter().map(|one| one.x509.clone()).collect())
}

fn named(member: &str, value: &str) -> CertificateName {
    CertificateName::read(&format!("tls_client_auth_{member}"), value).unwrap()
}

#[test]
fn ca_18_an_authority_vouches_for_what_it_signed_while_that_is_good() {
    let (own, other) = (authority("One"), authority("One"));
    let shown = certificate(&client(Some(&own)));
    assert!(anchors(&[&own]).vouch_for(&shown, at(0)));
    assert!(anchors(&[&other, &own]).vouch_for(&shown, at(0)));
    assert!(!anchors(&[&other]).vouch_for(&shown, at(0)), "another key under the same name");
    assert!(!anchors(&[&own]).vouch_for(&shown, at(3601)), "expired");
    assert!(!anchors(&[&own]).vouch_for(&shown, at(-11)), "not good yet");
    assert!(!anchors(&[&own]).vouch_for(&certificate(&client(None)), at(0)), "self-signed");
}

#[test]
fn ca_18_a_chain_leads_over_the_certificates_that_came_along() {
    let root = authority("Root");
    let middle = issue(&[("O", "Root"), ("OU", "Middle")], Some(&root), |builder| {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    });
    let leaf = client(Some(&middle)).x509.to_der().unwrap();
    let alone = Certificate::from_der(&leaf, &[]).unwrap();
    let with = Certificate::from_der(&leaf, &[middle.x509.to_der().unwrap()]).unwrap();
    assert!(!anchors(&[&root]).vouch_for(&alone, at(0)));
    assert!(anchors(&[&root]).vouch_for(&with, at(0)));
    assert!(anchors(&[&middle]).vouch_for(&alone, at(0)), "an anchor need not be a root");
    // Somebody with a certificate cannot issue others.
    let holder = client(Some(&root));
    let forged = client(Some(&holder)).x509.to_der().unwrap();
    let forged = Certificate::from_der(&forged, &[holder.x509.to_der().unwrap()]).unwrap();
    assert!(!anchors(&[&root]).vouch_for(&forged, at(0)));
}

#[test]
fn ca_18_a_certificate_of_a_server_is_none_of_a_client() {
    let root = authority("Root");
    let usage = |is_client: bool| {
        let issued = issue(&[("CN", "orders")], Some(&root), |builder| {
            let mut usage = ExtendedKeyUsage::new();
            let usage = if is_client { usage.client_auth() } else { usage.server_auth() };
            builder.append_extension(usage.build().unwrap()).unwrap();
        });
        anchors(&[&root]).vouch_for(&certificate(&issued), at(0))
    };
    assert!(usage(true));
    assert!(!usage(false));
}

#[test]
fn ca_18_a_certificate_has_the_registered_name_or_not() {
    let shown = certificate(&client(None));
    for (member, value) in [
        ("subject_dn", r"CN=orders,O=Example\, Inc.,C=DE"),
        ("san_dns", "Orders.example.com"),
        ("san_uri", "spiffe://example.com/orders"),
        ("san_ip", "192.0.2.7"),
        ("san_ip", "2001:db8::7"),
        ("san_email", "Orders@EXAMPLE.com"),
    ] {
        assert!(shown.is_called(&named(member, value)), "{member} {value}");
    }
    for (member, value) in [
        ("subject_dn", "CN=orders"),
        ("subject_dn", r"C=DE,O=Example\, Inc.,CN=orders"),
        ("subject_dn", r"CN=orders,O=Example\, Inc.,C=AT"),
        ("san_dns", "example.com"),
        ("san_dns", "orders.example.com.evil.example"),
        ("san_uri", "spiffe://example.com/Orders"),
        ("san_ip", "192.0.2.8"),
        ("san_email", "orders@example.com"),
        ("san_email", "Orders@example.org"),
    ] {
        assert!(!shown.is_called(&named(member, value)), "{member} {value}");
    }
}

#[test]
fn a_certificate_is_that_of_a_key_or_of_an_x5c() {
    let issued = client(None);
    let shown = certificate(&issued);
    let key = issued.key.ec_key().unwrap();
    let jwk = PublicJwk::ours(&PKey::from_ec_key(key).unwrap(), "sig", "ES256").unwrap().to_json();
    assert!(shown.is_of(&PublicJwk::from_value(&jwk).unwrap()));
    let with = |x5c: serde_json::Value| {
        let mut jwk = jwk.clone();
        jwk["x5c"] = x5c;
        PublicJwk::from_value(&jwk)
    };
    let own = BASE64_STANDARD.encode(issued.x509.to_der().unwrap());
    assert!(shown.is_of(&with(json!([own])).unwrap()));
    let other = BASE64_STANDARD.encode(client(None).x509.to_der().unwrap());
    for wrong in [json!([other]), json!([]), json!("x"), json!([1]), json!(["AAAA"]), json!(null)] {
        assert!(with(wrong.clone()).is_err(), "{wrong}");
    }
    let stranger = PublicJwk::ours(&client(None).key, "sig", "ES256").unwrap();
    assert!(!shown.is_of(&stranger));
}

#[test]
fn mt_01_the_thumbprint_is_that_of_the_whole_certificate() {
    let issued = client(None);
    let der = issued.x509.to_der().unwrap();
    let expected = BASE64_URL_SAFE_NO_PAD.encode(sha256(&der));
    assert_eq!(certificate(&issued).thumbprint(), expected);
    assert!(certificate(&issued).is_good_at(at(0)));
    assert!(!certificate(&issued).is_good_at(at(3600)));
    assert!(!certificate(&issued).is_good_at(at(-11)));
}

#[test]
fn mt_02_what_is_no_certificate_is_malformed() {
    let der = client(None).x509.to_der().unwrap();
    let long = vec![0x30; MAX_BYTES + 1];
    for bad in [&b""[..], b"certificate", &der[..der.len() - 1], &long] {
        assert!(Certificate::from_der(bad, &[]).is_err());
    }
    assert!(Certificate::from_der(&der, &vec![der.clone(); MAX_CHAIN + 1]).is_err());
    assert!(TrustAnchors::from_pem(b"").is_err());
}

#[test]
fn rfc_9440_and_escaped_pem_are_read_from_a_header() {
    let issued = client(None);
    let der = issued.x509.to_der().unwrap();
    let base64 = BASE64_STANDARD.encode(&der);
    let expected = certificate(&issued).thumbprint().to_owned();
    let chain = format!(":{base64}: , :{base64}:");
    let read = Certificate::from_client_cert(&format!(":{base64}:"), Some(&chain)).unwrap();
    assert_eq!((read.thumbprint(), read.chain.len()), (expected.as_str(), 2));
    for bad in ["", "::", &base64, ":***:", &format!(":{base64}"), &format!(":{base64}:;a=b")] {
        assert!(Certificate::from_client_cert(bad, None).is_err(), "{bad}");
    }
    let pem = String::from_utf8(issued.x509.to_pem().unwrap()).unwrap();
    let escaped: String = url::form_urlencoded::byte_serialize(pem.as_bytes()).collect();
    let escaped = escaped.replace('+', "%20");
    let joined = pem.replace('\n', " ");
    for text in [&escaped, &joined, &base64, &format!("{escaped}{escaped}")] {
        assert_eq!(Certificate::from_escaped_pem(text).unwrap().thumbprint(), expected, "{text}");
    }
    for bad in ["", "%", "%zz", "-----BEGIN CERTIFICATE-----", "certificate", &base64[..99]] {
        assert!(Certificate::from_escaped_pem(bad).is_err(), "{bad}");
    }
}
