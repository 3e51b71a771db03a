//! The edge, spoken to over a raw socket.

use super::headers::grant_origin;
use super::{Edge, EdgePolicy, FormParams, RequestInfo};
use crate::config::Config;
use crate::protocol::error::OAuthError;
use crate::protocol::random::SystemRandom;
use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

struct Site {
    address: SocketAddr,
    policy: Arc<EdgePolicy>,
    handle: ServerHandle,
}

impl Site {
    fn start() -> Self {
        let config = Config {
            issuer: "http://id.example.com".into(),
            trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()],
            ..Config::default()
        };
        let deadline = Duration::from_millis(300);
        let policy = EdgePolicy { deadline, ..EdgePolicy::new(&config, &SystemRandom) };
        let policy = Arc::new(policy);
        let shared = policy.clone();
        let server =
            HttpServer::new(move || App::new().wrap(Edge::new(shared.clone())).configure(routes));
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, policy, handle }
    }

    /// Sends bytes and reads until the server closes the connection or falls silent.
    async fn send(&self, request: impl Into<Vec<u8>>) -> String {
        let (address, request) = (self.address, request.into());
        let talk = move || {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            // The server may refuse and close before it has read everything.
            drop(socket.write_all(&request));
            let mut answer = Vec::new();
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = socket.read(&mut chunk) {
                answer.extend_from_slice(&chunk[..read]);
            }
            String::from_utf8_lossy(&answer).into_owned()
        };
        tokio::task::spawn_blocking(talk).await.unwrap()
    }

    async fn get(&self, path: &str, headers: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nHost: id.example.com\r\nConnection: close\r\n");
        self.send(format!("{head}{headers}\r\n")).await
    }
}

fn routes(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/").get(async || "hello"))
        .route("/livez", web::get().to(async || "ok"))
        .route("/form", web::post().to(async |_: FormParams| "taken"))
        .route("/panic", web::get().to(panics))
        .route("/slow", web::get().to(slow))
        .route("/fault", web::get().to(fault))
        .route("/granted", web::get().to(granted))
        .route("/who", web::get().to(async |who: RequestInfo| who.ip().unwrap_or_default()));
}

async fn panics() -> HttpResponse {
    panic!("the secret ingredient")
}

async fn slow() -> HttpResponse {
    tokio::time::sleep(Duration::from_secs(30)).await;
    HttpResponse::Ok().finish()
}

async fn fault() -> Result<HttpResponse, super::JsonError> {
    Err(OAuthError::server_error("the disk is on fire").into())
}

async fn granted(request: HttpRequest) -> Result<HttpResponse, super::JsonError> {
    grant_origin(&request);
    Err(OAuthError::invalid_request("no").into())
}

fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no status: {answer:?}"));
    code.parse().unwrap()
}

#[tokio::test]
async fn ht_01_oversized_and_malformed_heads_are_refused() {
    let site = Site::start();
    let line = format!("/?{}", "a".repeat(9 * 1024));
    assert_eq!(status(&site.get(&line, "").await), 414);
    let header = format!("X: {}\r\n", "a".repeat(17 * 1024));
    assert_eq!(status(&site.get("/", &header).await), 431);
    assert_eq!(status(&site.get("/", &"X: 1\r\n".repeat(70)).await), 431);
    assert_eq!(status(&site.get("/", &"X: 1\r\n".repeat(1000)).await), 431);
    for header in ["X : 1\r\n", "X: 1\r\n folded\r\n", "X: a\0b\r\n"] {
        assert_eq!(status(&site.get("/", header).await), 400, "{header:?}");
    }
    assert_eq!(status(&site.get("/", "").await), 200);
}

#[tokio::test]
async fn ht_02_ambiguous_lengths_are_refused() {
    let site = Site::start();
    for framing in [
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length: +5\r\n",
    ] {
        let head = "POST /form HTTP/1.1\r\nHost: id.example.com\r\nContent-Type: \
                    application/x-www-form-urlencoded\r\n";
        let answer = site.send(format!("{head}{framing}\r\na=1\r\n0\r\n\r\n")).await;
        assert_eq!(status(&answer), 400, "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{framing}: {answer}");
    }
}

#[tokio::test]
async fn ht_03_a_body_that_does_not_end_is_not_waited_for() {
    let site = Site::start();
    let head = "POST /form HTTP/1.1\r\nHost: id.example.com\r\nTransfer-Encoding: chunked\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\n";
    assert_eq!(status(&site.send(format!("{head}3\r\na=1\r\n")).await), 503);
    let huge = site.send(format!("{head}FFFFFFFFFFFFFFFF\r\na=1\r\n")).await;
    assert!(matches!(status(&huge), 400 | 413 | 503), "{huge}");
    let sized = format!("{head}11000\r\n{}\r\n0\r\n\r\n", "&".repeat(0x11000));
    assert_eq!(status(&site.send(sized).await), 413);
}

#[tokio::test]
async fn ht_07_a_request_for_another_host_is_misdirected() {
    let site = Site::start();
    let ask = async |host: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        status(&site.send(request).await)
    };
    assert_eq!(ask("Host: id.example.com\r\n", "/").await, 200);
    assert_eq!(ask("Host: evil.example\r\n", "/").await, 421);
    assert_eq!(ask("Host: evil.example\r\n", "/livez").await, 200);
    assert_eq!(ask("Host: id.example.com\r\n", "http://evil.example/").await, 421);
    for host in
        ["", "Host: id.example.com\r\nHost: id.example.com\r\n", "Host: x@id.example.com\r\n"]
    {
        assert_eq!(ask(host, "/").await, 400, "{host:?}");
    }
}

#[tokio::test]
async fn md_02_another_spelling_of_a_path_is_another_path() {
    let site = Site::start();
    for path in ["//who", "/who/", "/./who", "/x/../who", "/%2e/who", "/nothing"] {
        let answer = site.get(path, "").await;
        assert_eq!(status(&answer), 404, "{path}");
        assert!(answer.contains("request-code: "), "{answer}");
    }
}

#[tokio::test]
async fn unknown_methods_are_refused_and_head_is_get_without_a_body() {
    let site = Site::start();
    let ask = async |method: &str| {
        let head = "HTTP/1.1\r\nHost: id.example.com\r\nConnection: close\r\n\r\n";
        site.send(format!("{method} / {head}")).await
    };
    for method in ["TRACE", "BREW", "DELETE"] {
        assert_eq!(status(&ask(method).await), 405, "{method}");
    }
    let head = ask("HEAD").await;
    assert_eq!(status(&head), 200);
    assert!(head.contains("content-length: 5") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn a_panic_costs_one_request_and_tells_nothing() {
    let site = Site::start();
    let answer = site.get("/panic", "Accept: text/html\r\n").await;
    assert_eq!(status(&answer), 500);
    assert!(answer.contains("text/html") && answer.contains("Request code"), "{answer}");
    assert!(!answer.contains("ingredient"), "{answer}");
    assert!(answer.contains("x-content-type-options: nosniff"), "{answer}");
    let answer = site.get("/panic", "").await;
    assert!(answer.contains(r#""error":"server_error""#), "{answer}");
    assert_eq!(site.policy.metrics.panics.get(), 2);
    assert_eq!(status(&site.get("/", "").await), 200);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_503() {
    let site = Site::start();
    let answer = site.get("/slow", "").await;
    assert_eq!(status(&answer), 503);
    assert!(answer.contains("retry-after: 1"), "{answer}");
    assert_eq!(site.policy.metrics.deadlines.get(), 1);
}

#[tokio::test]
async fn a_fault_is_counted_and_its_cause_stays_here() {
    let site = Site::start();
    let answer = site.get("/fault", "").await;
    assert_eq!(status(&answer), 500);
    assert!(!answer.contains("fire"), "{answer}");
    assert_eq!(site.policy.metrics.faults.get(), 1);
    let counted = r#"requests_total{endpoint="other",status="500"} 1"#;
    assert!(site.policy.metrics.text().contains(counted));
}

#[tokio::test]
async fn every_answer_wears_the_headers_that_keep_browsers_in_line() {
    let site = Site::start();
    for path in ["/", "/nothing"] {
        let answer = site.get(path, "").await;
        assert!(answer.contains("x-content-type-options: nosniff"), "{answer}");
        assert!(answer.contains("frame-ancestors 'none'"), "{answer}");
        assert!(!answer.contains("strict-transport-security"), "{answer}");
    }
    assert!(site.get("/nothing", "").await.contains("cache-control: no-store"));
}

#[tokio::test]
async fn tk_15_a_granted_origin_may_read_errors_too() {
    let site = Site::start();
    let origin = "Origin: https://app.example.com\r\n";
    let answer = site.get("/granted", origin).await;
    assert!(answer.contains("access-control-allow-origin: https://app.example.com"), "{answer}");
    assert!(!answer.contains("allow-credentials"), "{answer}");
    assert!(!site.get("/", origin).await.contains("access-control"));
}

#[tokio::test]
async fn ht_08_a_stranger_cannot_choose_the_address() {
    let site = Site::start();
    let answer = site.get("/who", "X-Forwarded-For: 203.0.113.1\r\n").await;
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_server_stops() {
    let site = Site::start();
    let handle = site.handle.clone();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        handle.stop(true).await;
    };
    let (answer, ()) = tokio::join!(site.get("/slow", ""), stop);
    assert_eq!(status(&answer), 503);
    assert!(TcpStream::connect(site.address).is_err(), "the server still listens");
}
