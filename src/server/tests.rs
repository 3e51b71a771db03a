//! The composed server: starts, answers for its health, speaks only good TLS, stops.

use super::*;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509NameBuilder};
use std::net::TcpStream;
use std::path::Path;
use tempfile::TempDir;

fn config(directory: &TempDir) -> Config {
    let mut config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        metrics_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        database_url: format!("sqlite://{}", directory.path().join("test.db").display()),
        master_key: Some("07".repeat(32)),
        ..Config::default()
    };
    config.server.workers = 1;
    config
}

fn quiet() -> ServerParts {
    ServerParts { announce_setup: false, ..ServerParts::default() }
}

async fn get(url: String) -> (u16, String) {
    let request = reqwest::Client::new().get(url).header("Host", "localhost:8080");
    let answer = request.send().await.expect("the server answers");
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn s_05_damage_in_a_file_too_large_to_look_at_is_named_when_the_start_comes_across_it() {
    use std::os::unix::fs::FileExt;
    let directory = TempDir::new().unwrap();
    let (config, path) = (config(&directory), directory.path().join("test.db"));
    start(config.clone(), quiet()).await.unwrap().stop().await;
    backup::settle(path.to_str().unwrap()).unwrap();
    let whole = std::fs::metadata(&path).unwrap().len();
    // The first time every page but the first, then also what says that this is a database.
    for from in [4096, 0] {
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.write_all_at(&vec![0x55; usize::try_from(whole - from).unwrap()], from).unwrap();
        // What follows the last page counts for the size alone, and takes no room.
        file.set_len(CHECKED_BYTES + 4096).unwrap();
        let refused = start(config.clone(), quiet()).await.err();
        let named =
            matches!(&refused, Some(RunError::Damaged { path: of, .. }) if of.ends_with("test.db"));
        assert!(named, "{refused:?}");
    }
}

#[tokio::test]
async fn a_started_server_is_healthy_until_it_stops() {
    let directory = TempDir::new().unwrap();
    let running = start(config(&directory), quiet()).await.unwrap();
    let (address, metrics) = (running.address, running.metrics_address.unwrap());

    assert_eq!(get(format!("http://{address}/livez")).await, (200, "ok".into()));
    assert_eq!(get(format!("http://{address}/readyz")).await, (200, "ready".into()));
    let (status, text) = get(format!("http://{metrics}/metrics")).await;
    assert_eq!(status, 200);
    assert!(text.contains(r#"endpoint="readyz",status="200"} 1"#), "{text}");
    assert_eq!(get(format!("http://{address}/metrics")).await.0, 404);

    let kept = async || {
        let request = reqwest::Client::new().get(format!("http://{address}/jwks"));
        let answer = request.header("Host", "localhost:8080").send().await.unwrap();
        answer.headers().get("connection").is_none_or(|value| value != "close")
    };
    assert!(kept().await);
    running.state.readiness.turn_off();
    assert!(!kept().await, "a connection that is kept has nobody at its end");
    assert_eq!(get(format!("http://{address}/readyz")).await, (503, "stopping".into()));
    running.stop().await;
    assert!(TcpStream::connect(address).is_err(), "the server still listens");
}

#[tokio::test]
async fn a_taken_port_is_said_and_not_waited_for() {
    let directory = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config { listen: taken.local_addr().unwrap(), ..config(&directory) };
    assert!(matches!(start(config, quiet()).await, Err(RunError::Listen(..))));
}

/// Writes a certificate for a name and its key.
fn certify(name: &str, cert: &Path, key: &Path) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let private = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.set_pubkey(&private).unwrap();
    builder.sign(&private, MessageDigest::sha256()).unwrap();
    std::fs::write(cert, builder.build().to_pem().unwrap()).unwrap();
    std::fs::write(key, private.private_key_to_pem_pkcs8().unwrap()).unwrap();
}

/// Shakes hands and tells the version and the name in the certificate.
async fn shake(address: SocketAddr, most: SslVersion) -> Option<(String, String)> {
    shake_with(address, most, "ALL").await
}

/// As [`shake`], with these suites for TLS 1.2.
async fn shake_with(
    address: SocketAddr,
    most: SslVersion,
    suites: &'static str,
) -> Option<(String, String)> {
    let talk = move || {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
        builder.set_verify(SslVerifyMode::NONE);
        builder.set_security_level(0);
        builder.set_min_proto_version(None).unwrap();
        builder.set_max_proto_version(Some(most)).unwrap();
        builder.set_cipher_list(suites).unwrap();
        let socket = TcpStream::connect(address).unwrap();
        let stream = builder.build().connect("id.example.com", socket).ok()?;
        let certificate = stream.ssl().peer_certificate()?;
        let name = certificate.subject_name().entries().next()?.data().to_string().ok()?;
        Some((stream.ssl().version_str().to_owned(), name))
    };
    tokio::task::spawn_blocking(talk).await.unwrap()
}

#[tokio::test]
async fn ht_13_tls_is_1_2_or_better_and_its_certificate_can_be_renewed() {
    let directory = TempDir::new().unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    certify("first", &cert, &key);
    let config =
        Config { tls_cert: Some(cert.clone()), tls_key: Some(key.clone()), ..config(&directory) };
    let running = start(config, quiet()).await.unwrap();
    let address = running.address;

    let hands = |version: &str, name: &str| Some((version.to_owned(), name.to_owned()));
    assert_eq!(shake(address, SslVersion::TLS1_3).await, hands("TLSv1.3", "first"));
    assert_eq!(shake(address, SslVersion::TLS1_2).await, hands("TLSv1.2", "first"));
    assert_eq!(shake(address, SslVersion::TLS1_1).await, None);

    certify("second", &cert, &key);
    running.tls[0].as_ref().unwrap().reload().unwrap();
    assert_eq!(shake(address, SslVersion::TLS1_3).await, hands("TLSv1.3", "second"));
    std::fs::write(&key, "broken").unwrap();
    assert!(running.tls[0].as_ref().unwrap().reload().is_err());
    assert_eq!(shake(address, SslVersion::TLS1_2).await, hands("TLSv1.2", "second"));
    running.stop().await;
}

#[tokio::test]
async fn s1_tls_1_2_has_only_the_suites_of_the_profile() {
    let directory = TempDir::new().unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    certify("id", &cert, &key);
    let config = Config { tls_cert: Some(cert), tls_key: Some(key), ..config(&directory) };
    let running = start(config, quiet()).await.unwrap();
    let hands = |suites| shake_with(running.address, SslVersion::TLS1_2, suites);
    for good in ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"] {
        assert_eq!(hands(good).await, Some(("TLSv1.2".into(), "id".into())), "{good}");
    }
    for bad in [
        "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-ECDSA-AES256-SHA",
        "ECDHE-ECDSA-AES128-CCM",
        "DHE-RSA-AES128-GCM-SHA256",
        "AES128-GCM-SHA256",
        "AES128-SHA",
    ] {
        assert_eq!(hands(bad).await, None, "{bad}");
    }
    assert_eq!(shake(running.address, SslVersion::TLS1).await, None);
    running.stop().await;
}

#[tokio::test]
async fn ht_11_nobody_can_flood_us_by_http_2() {
    let directory = TempDir::new().unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    certify("id", &cert, &key);
    let config = Config { tls_cert: Some(cert), tls_key: Some(key), ..config(&directory) };
    let running = start(config, quiet()).await.unwrap();
    let address = running.address;
    for (offered, chosen) in
        [(&b"\x02h2\x08http/1.1"[..], Some(&b"http/1.1"[..])), (b"\x02h2", None)]
    {
        let (agreed, answer) =
            tokio::task::spawn_blocking(move || begin_http_2(address, offered)).await.unwrap();
        assert_eq!(agreed.as_deref(), chosen);
        let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4");
        assert!(refused, "{}", String::from_utf8_lossy(&answer));
    }
    running.stop().await;
}

/// Offers protocols in the handshake, then speaks HTTP/2 whatever was agreed on (RFC 9113 §3.4).
fn begin_http_2(address: SocketAddr, offered: &[u8]) -> (Option<Vec<u8>>, Vec<u8>) {
    use std::io::{Read, Write};
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_alpn_protos(offered).unwrap();
    let socket = TcpStream::connect(address).unwrap();
    let mut stream = builder.build().connect("id.example.com", socket).unwrap();
    let agreed = stream.ssl().selected_alpn_protocol().map(<[u8]>::to_vec);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut answer = Vec::new();
    // How the connection ends does not matter, only what came before.
    drop(stream.read_to_end(&mut answer));
    (agreed, answer)
}
