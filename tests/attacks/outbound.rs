//! Calls to addresses that strangers gave us: what answers there may be anything.

use crate::support::registration::{open, register, web_with};
use crate::support::tls_site::TlsSite;
use crate::support::{Reply, Site, Store, TestServer, both_with, ports};
use serde_json::json;
use std::future::Future;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const GOOD: &str = r#"["https://shop.example/cb"]"#;
/// [`GOOD`], compressed.
const GZIPPED: [u8; 47] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 139, 86, 202, 40, 41, 41, 40, 182, 210, 215, 47, 206, 200, 47,
    208, 75, 173, 72, 204, 45, 200, 73, 213, 79, 78, 82, 138, 5, 0, 120, 142, 208, 189, 27, 0, 0,
    0,
];

/// Registers a client whose sector is described at an address, which is fetched for that.
async fn fetched_from(server: &TestServer, uri: &str) -> Reply {
    register(server, &web_with(&json!({ "sector_identifier_uri": uri }))).await
}

async fn refused(server: &TestServer, uri: &str) {
    fetched_from(server, uri).await.expect(400, "invalid_client_metadata");
}

/// Answers each call with a conversation of one's own; gives the address.
async fn talk<F, T>(conversation: F) -> String
where
    F: Fn(TcpStream) -> T + Send + 'static,
    T: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let port = ports::free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 8192];
            drop(stream.read(&mut head).await);
            // A caller that hangs up has heard enough.
            let told = conversation(stream);
            tokio::spawn(async move { drop(told.await) });
        }
    });
    format!("http://127.0.0.1:{port}/")
}

async fn trusting(site: &TlsSite, store: Store, allow: &'static [&'static str]) -> TestServer {
    TestServer::with_on(store, |config| {
        open(config);
        config.outbound.allow = allow.iter().map(|net| net.parse().expect("a network")).collect();
        config.outbound.ca = Some(site.ca.path().to_owned());
    })
    .await
}

const HERE: &[&str] = &["127.0.0.0/8", "::1/128"];

async fn rg_03_a_name_is_judged_by_where_it_leads(store: Store) {
    let site = TlsSite::start();
    let uri = site.answer("/sector", 200, "", GOOD);
    // The name is public by its looks, and its address is not.
    let guarded = trusting(&site, store, &["192.0.2.0/24"]).await;
    refused(&guarded, &uri).await;
    assert_eq!(site.asked(), 0, "a connection was made");
    assert_eq!(fetched_from(&trusting(&site, store, HERE).await, &uri).await.status, 201);
}

async fn rg_04_no_redirect_is_followed(store: Store) {
    let (site, inside) = (TlsSite::start(), Site::start().await);
    let server = trusting(&site, store, HERE).await;
    let good = site.answer("/good", 200, "", GOOD);
    let plain = inside.put("/good", "application/json", GOOD);
    let around = format!("{}/around", site.base);
    for to in [good.as_str(), &around, &plain, "http://169.254.169.254/", "file:///etc/passwd"] {
        for status in [301, 302, 303, 307, 308] {
            let before = site.asked();
            site.answer("/around", status, &format!("Location: {to}\r\n"), GOOD);
            refused(&server, &around).await;
            assert_eq!(site.asked(), before + 1, "{status} to {to}");
        }
    }
    assert_eq!(inside.asked(), 0);
}

async fn rg_05_a_host_proves_its_name(store: Store) {
    let site = TlsSite::start();
    let uri = site.answer("/sector", 200, "", GOOD);
    let of_another_name = uri.replace("localhost", "127.0.0.1");
    refused(&trusting(&site, store, HERE).await, &of_another_name).await;
    let unknown_to_us = TestServer::with_on(store, |config| {
        open(config);
        config.outbound.allow = HERE.iter().map(|net| net.parse().expect("a network")).collect();
    })
    .await;
    refused(&unknown_to_us, &uri).await;
    assert_eq!(site.asked(), 0, "something was asked of a host that did not prove its name");
}

macro_rules! on_both {
    ($($name:ident,)+) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn on_sqlite() {
                $name(Store::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                $name(Store::Postgres).await;
            }
        }
    )+};
}

on_both! {
    rg_03_a_name_is_judged_by_where_it_leads,
    rg_04_no_redirect_is_followed,
    rg_05_a_host_proves_its_name,
}

both_with! { open;
    async fn rg_05_an_answer_that_is_no_small_document_is_refused(server: TestServer) {
        let site = Site::start().await;
        assert_eq!(fetched_from(&server, &site.put("/good", "application/json", GOOD)).await.status, 201);
        let padded = |bytes: usize| format!("{GOOD}{}", " ".repeat(bytes - GOOD.len()));
        let most = site.put("/most", "application/json", padded(64 * 1024));
        assert_eq!(fetched_from(&server, &most).await.status, 201);
        refused(&server, &site.put("/more", "application/json", padded(64 * 1024 + 1))).await;
        refused(&server, &site.put("/page", "text/html", "<!doctype html><p>App</p>")).await;
        refused(&server, &site.put("/none", "application/json", "")).await;
        refused(&server, &format!("{}/nothing", site.base)).await;
        // Nothing is unpacked, so nothing can grow.
        let packed = talk(|mut stream| async move {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n";
            let head = format!("{head}Content-Length: {}\r\n\r\n", GZIPPED.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&GZIPPED).await
        })
        .await;
        refused(&server, &packed).await;
    }

    async fn rg_05_an_answer_without_end_ends(server: TestServer) {
        let bodies = talk(|mut stream| async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[").await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        })
        .await;
        let headers = talk(|mut stream| async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"X-More: of the same\r\n").await?;
            }
        })
        .await;
        let drops = talk(|mut stream| async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n").await?;
            for byte in GOOD.bytes() {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        })
        .await;
        let silence = talk(|mut stream| async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            stream.shutdown().await
        })
        .await;
        for uri in [bodies, headers, drops, silence] {
            let began = tokio::time::Instant::now();
            refused(&server, &uri).await;
            assert!(began.elapsed() < Duration::from_secs(8), "{uri}: {:?}", began.elapsed());
            let alive = reqwest::Client::builder().no_proxy().build().expect("a client");
            assert_eq!(alive.get(server.url("/livez")).send().await.expect("an answer").status(), 200);
        }
    }
}
