//! Certificates for tests: an authority, those it issues, and those that people make themselves.

use super::{Store, TestServer, ports};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::config::Config;
use countersign::protocol::time::{Clock, SystemClock};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The subject of every certificate that is not an authority's, as RFC 4514 writes it.
pub const SUBJECT: &str = "CN=orders,O=Example,C=DE";

/// A certificate with its key.
#[derive(Clone)]
pub struct Issued {
    pub x509: X509,
    pub key: PKey<Private>,
}

/// The names in a client's certificate beside its subject.
pub const SAN_DNS: &str = "orders.example.com";
pub const SAN_URI: &str = "spiffe://example.com/orders";
pub const SAN_IP: &str = "192.0.2.7";
pub const SAN_EMAIL: &str = "orders@example.com";

impl Issued {
    /// An authority.
    pub fn authority(name: &str) -> Self {
        issue(&[("O", name)], None, |builder| {
            let basic = BasicConstraints::new().critical().ca().build().expect("an extension");
            builder.append_extension(basic).expect("an extension");
        })
    }

    /// A client's, with every kind of name; by an authority, or by itself.
    pub fn client(issuer: Option<&Self>) -> Self {
        Self::named("orders", issuer)
    }

    /// As [`Issued::client`], under another common name and without other names when it is not
    /// `orders`.
    pub fn named(name: &str, issuer: Option<&Self>) -> Self {
        issue(&[("C", "DE"), ("O", "Example"), ("CN", name)], issuer, |builder| {
            if name != "orders" {
                return;
            }
            let context = builder.x509v3_context(None, None);
            let mut names = SubjectAlternativeName::new();
            names.dns(SAN_DNS).uri(SAN_URI).ip(SAN_IP).email(SAN_EMAIL);
            let names = names.build(&context).expect("an extension");
            builder.append_extension(names).expect("an extension");
        })
    }

    /// A web site's, by itself.
    pub fn host(name: &str) -> Self {
        issue(&[("CN", name)], None, |builder| {
            let context = builder.x509v3_context(None, None);
            let names = SubjectAlternativeName::new().dns(name).build(&context);
            builder.append_extension(names.expect("an extension")).expect("an extension");
        })
    }

    /// For a client that shows it. Whom it talks to is not checked.
    pub fn http(&self) -> reqwest::Client {
        let (cert, key) = (self.pem(), self.key.private_key_to_pem_pkcs8().expect("PEM"));
        let identity = reqwest::Identity::from_pkcs8_pem(&cert, &key).expect("an identity");
        stranger_with(|builder| builder.identity(identity))
    }

    /// The certificate as PEM.
    pub fn pem(&self) -> Vec<u8> {
        self.x509.to_pem().expect("PEM")
    }

    /// The certificate in base64.
    pub fn base64(&self) -> String {
        BASE64_STANDARD.encode(self.x509.to_der().expect("DER"))
    }

    /// `x5t#S256`.
    pub fn thumbprint(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.x509.to_der().expect("DER")))
    }

    /// The public key as a JWK.
    pub fn jwk(&self) -> Value {
        let key = self.key.ec_key().expect("an EC key");
        let mut context = openssl::bn::BigNumContext::new().expect("a context");
        let (mut x, mut y) = (BigNum::new().expect("x"), BigNum::new().expect("y"));
        let point = key.public_key();
        point.affine_coordinates(key.group(), &mut x, &mut y, &mut context).expect("a point");
        let encode = |number: &BigNum| {
            BASE64_URL_SAFE_NO_PAD.encode(number.to_vec_padded(32).expect("32 bytes"))
        };
        json!({ "kty": "EC", "crv": "P-256", "x": encode(&x), "y": encode(&y) })
    }
}

/// A client without a certificate, which trusts everyone.
pub fn stranger() -> reqwest::Client {
    stranger_with(|builder| builder)
}

fn stranger_with(
    change: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true);
    let builder = builder.redirect(reqwest::redirect::Policy::none());
    change(builder).build().expect("a client can be made")
}

/// A server with a listener for client certificates, and the authority that it trusts.
pub struct Mutual {
    pub server: TestServer,
    pub authority: Issued,
    /// The address of the listener.
    pub url: String,
    _files: TempDir,
}

impl Mutual {
    /// Starts one.
    pub async fn start_on(store: Store) -> Self {
        Self::with_on(store, |_| {}).await
    }

    /// Starts one with settings of one's own.
    pub async fn with_on(store: Store, change: impl FnOnce(&mut Config)) -> Self {
        let files = tempfile::tempdir().expect("a directory can be made");
        let path = |name: &str| files.path().join(name);
        let (authority, own) = (Issued::authority("Authority"), Issued::named("localhost", None));
        std::fs::write(path("ca.pem"), authority.pem()).expect("a file");
        std::fs::write(path("cert.pem"), own.pem()).expect("a file");
        let key = own.key.private_key_to_pem_pkcs8().expect("PEM");
        std::fs::write(path("key.pem"), key).expect("a file");
        let port = ports::free_port();
        let url = format!("https://localhost:{port}");
        let server = TestServer::with_on(store, |config| {
            config.mtls.listen = Some(([127, 0, 0, 1], port).into());
            config.mtls.url = Some(url.clone());
            config.mtls.tls_cert = Some(path("cert.pem"));
            config.mtls.tls_key = Some(path("key.pem"));
            config.mtls.trust_anchors = Some(path("ca.pem"));
            change(config);
        })
        .await;
        Self { server, authority, url, _files: files }
    }
}

/// A certificate that is good from an hour ago for another hour.
fn issue(
    name: &[(&str, &str)],
    issuer: Option<&Issued>,
    more: impl FnOnce(&mut X509Builder),
) -> Issued {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let mut subject = X509NameBuilder::new().expect("a name");
    for (kind, value) in name {
        subject.append_entry_by_text(kind, value).expect("a name");
    }
    let subject = subject.build();
    let now = SystemClock.now().as_unix();
    let build = || {
        let mut builder = X509Builder::new()?;
        builder.set_version(2)?;
        let serial = Asn1Integer::from_bn(&*BigNum::from_u32(7)?)?;
        builder.set_serial_number(&serial)?;
        builder.set_subject_name(&subject)?;
        builder.set_issuer_name(issuer.map_or(&*subject, |issuer| issuer.x509.subject_name()))?;
        builder.set_pubkey(&key)?;
        builder.set_not_before(&*Asn1Time::from_unix(now - 3600)?)?;
        builder.set_not_after(&*Asn1Time::from_unix(now + 3600)?)?;
        more(&mut builder);
        builder.sign(issuer.map_or(&*key, |issuer| &*issuer.key), MessageDigest::sha256())?;
        Ok::<_, openssl::error::ErrorStack>(builder.build())
    };
    Issued { x509: build().expect("a certificate can be made"), key }
}
