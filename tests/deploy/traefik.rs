//! The Traefik configuration of the documentation, run by Traefik.

use crate::packages;
use crate::support::dpop::{Prover, ath};
use crate::support::nginx::echo;
use crate::support::process::{self, Service};
use crate::support::sidecar::Sidecar;
use crate::support::{Reply, TestServer, WebApp, ports};
use countersign::protocol::time::monotonic;
use countersign::verifier::forward_auth::HEADERS;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

const CONFIGURATION: &str = include_str!("../../examples/proxy/traefik.yml");
const ORIGIN: &str = "https://orders.example.com";

/// A service behind Traefik, which asks a sidecar.
struct Behind {
    server: TestServer,
    http: reqwest::Client,
    orders: String,
    _sidecar: Sidecar,
    _traefik: Service,
}

impl Behind {
    async fn traefik() -> Self {
        let server = TestServer::start().await;
        let listen = format!("127.0.0.1:{}", ports::free_port());
        let flags = ["--origin", ORIGIN, "--proxy", "traefik"];
        let sidecar = Sidecar::start_at(server.issuer(), &listen, &flags);
        sidecar.ready().await;
        let entry = ports::free_port();
        let service = format!("127.0.0.1:{}", echo());
        let text = [("127.0.0.1:8090", listen), ("127.0.0.1:8084", service)].into_iter().fold(
            CONFIGURATION.to_owned(),
            |text, (from, to)| {
                assert!(text.contains(from), "{from} is not in the configuration");
                text.replace(from, &to)
            },
        );
        let started = tokio::task::spawn_blocking(move || start(&text, entry));
        let traefik = started.await.expect("it starts");
        let orders = format!("{ORIGIN}:{entry}/orders?page=2");
        let at = SocketAddr::from(([127, 0, 0, 1], entry));
        let http = reqwest::Client::builder()
            .no_proxy()
            // Traefik makes a certificate of its own when it is given none.
            .danger_accept_invalid_certs(true)
            .resolve("orders.example.com", at)
            .build();
        let http = http.expect("a client");
        let behind = Self { server, http, orders, _sidecar: sidecar, _traefik: traefik };
        behind.has_read().await;
        behind
    }

    /// Traefik listens before it has its configuration, and a certificate.
    async fn has_read(&self) {
        for _ in 0..200 {
            let answer = self.http.get(&self.orders).send().await;
            if answer.is_ok_and(|answer| answer.status() == 401) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("Traefik does not ask the sidecar");
    }

    async fn order(&self, authorization: Option<&str>, proof: Option<&str>) -> Reply {
        let mut request = self.http.post(&self.orders).body("order");
        for forged in HEADERS.into_iter().chain(["x-forwarded-uri", "x-forwarded-method"]) {
            request = request.header(forged, "/forged");
        }
        for (name, value) in [("authorization", authorization), ("dpop", proof)] {
            request = value.into_iter().fold(request, |request, value| request.header(name, value));
        }
        Reply::read(request.send().await.expect("an answer")).await
    }

    async fn with_token(&self, token: &str) -> Reply {
        self.order(Some(&format!("Bearer {token}")), None).await
    }
}

fn start(configuration: &str, entry: u16) -> Service {
    let directory = process::directory("traefik");
    let path = directory.path().to_owned();
    let file = path.join("dynamic.yml");
    std::fs::write(&file, configuration).expect("it is written");
    let command = [
        packages::program("traefik").display().to_string(),
        format!("--entrypoints.websecure.address=127.0.0.1:{entry}"),
        format!("--providers.file.filename={}", file.display()),
        "--global.checknewversion=false".into(),
        "--global.sendanonymoususage=false".into(),
    ];
    let service = Service::start(directory, "TERM", &command);
    process::wait_until("traefik", &path, || ports::answers(entry));
    service
}

const SCOPED: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "orders:read")];

#[tokio::test]
async fn traefik_lets_machines_through_by_their_token_as_the_sidecar_says() {
    let behind = Behind::traefik().await;
    let service = WebApp::register_service(&behind.server).await;
    let missing = behind.order(None, None).await;
    assert_eq!(missing.status, 401);
    assert!(missing.header("www-authenticate").starts_with("Bearer"), "{:?}", missing.headers);
    assert_eq!(behind.with_token("nonsense").await.status, 401);
    let other = [("grant_type", "client_credentials"), ("scope", "orders:write")];
    let token = service.token(&other).await.expect_tokens();
    assert_eq!(behind.with_token(&token.access_token).await.status, 403, "without the scope");

    let token = service.token(&SCOPED).await.expect_tokens();
    let seen = behind.with_token(&token.access_token).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let text = seen.text.to_ascii_lowercase();
    let client = service.id.to_ascii_lowercase();
    assert!(text.contains(&format!("remote-client: {client}\n")), "{text}");
    assert!(text.contains("remote-scope: orders:read\n"), "{text}");
    // Nobody has said that a machine has an email, a group, or a role.
    for (name, times) in HEADERS.into_iter().zip([1, 0, 0, 0, 1, 1]) {
        assert_eq!(text.matches(&format!("{name}: ")).count(), times, "{name}: {text}");
    }
    assert!(!text.lines().any(|line| line.starts_with("remote-") && line.contains("forged")));
}

#[tokio::test]
async fn traefik_refuses_the_blocked_within_a_second() {
    let behind = Behind::traefik().await;
    let ada = behind.server.user("ada").await;
    let app = WebApp::register(&behind.server).await;
    let tokens = app.tokens("ada", "openid orders:read").await;
    assert_eq!(behind.with_token(&tokens.access_token).await.status, 200);
    behind.server.block(&ada).await;
    let blocked = monotonic();
    while behind.with_token(&tokens.access_token).await.status == 200 {
        assert!(blocked.elapsed() < Duration::from_secs(1), "let through for more than a second");
    }
}

#[tokio::test]
async fn traefik_tells_the_sidecar_what_a_proof_must_be_for() {
    let behind = Behind::traefik().await;
    let service = WebApp::register_service(&behind.server).await;
    let prover = Prover::new();
    let reply = service.token_with(&SCOPED, &[&prover.for_token(&behind.server)]).await;
    let token = reply.expect_dpop().access_token;
    let authorization = format!("DPoP {token}");
    let proof = |method: &str, path: &str| {
        let htu = format!("{ORIGIN}{path}");
        let changes = json!({ "htu": htu, "ath": ath(&token) });
        prover.sign(&Prover::claims(&behind.server, method, path, &changes))
    };
    let show = async |proof: &str| behind.order(Some(&authorization), Some(proof)).await.status;
    assert_eq!(behind.order(Some(&authorization), None).await.status, 401, "without a proof");
    // What the client says in headers of its own about where it asks does not count.
    for (method, path) in [("POST", "/forged"), ("/forged", "/orders"), ("GET", "/orders")] {
        assert_eq!(show(&proof(method, path)).await, 401, "{method} {path}");
    }
    let good = proof("POST", "/orders");
    assert_eq!(show(&good).await, 200);
    assert_eq!(show(&good).await, 401, "a proof is good once");
    assert_eq!(behind.with_token(&token).await.status, 401, "it is bound");
}
