//! `/auth/verify` and `countersign verify-proxy`, asked directly and by a real nginx.

use crate::support::nginx::{Nginx, echo};
use crate::support::sidecar::Sidecar;
use crate::support::test_server::system;
use crate::support::{Agent, Reply, Store, TestServer, WebApp, both, ports};
use countersign::domain::identity::users;
use countersign::protocol::time::monotonic;
use countersign::verifier::forward_auth::HEADERS;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::path::Path;
use std::time::Duration;

/// Asks as a proxy does for a request with this token.
async fn with_token(base: &str, query: &str, scheme: &str, token: &str) -> Reply {
    let request = reqwest::Client::new().get(format!("{base}/auth/verify{query}"));
    let request = request.header("authorization", format!("{scheme} {token}"));
    Reply::read(request.send().await.expect("it answers")).await
}

async fn with_session(agent: &Agent, query: &str) -> (u16, String) {
    let page = agent.get(&format!("/auth/verify{query}")).await;
    (page.status, page.header("remote-user").to_owned())
}

async fn signed_in(server: &TestServer, user: &str) -> Agent {
    let agent = Agent::new(server);
    agent.sign_in(user).await;
    agent
}

both! {
    async fn a_browser_is_known_by_its_session(server: TestServer) {
        let ada = server.user_with("ada", |new| new.groups = vec!["shop".into()]).await;
        let agent = signed_in(&server, "ada").await;
        let page = agent.get("/auth/verify").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("remote-user"), "ada@example.org");
        assert_eq!(page.header("remote-subject"), ada.user.id);
        assert_eq!(page.header("remote-groups"), "shop");
        assert_eq!(page.header("cache-control"), "no-store");
        for (query, status) in [
            ("?group=shop", 200),
            ("?group=wiki&group=shop", 200),
            ("?group=wiki", 403),
            ("?role=admin", 403),
            ("?scope=openid", 403),
        ] {
            assert_eq!(with_session(&agent, query).await.0, status, "{query}");
        }
        server.block(&ada).await;
        assert_eq!(with_session(&agent, "").await.0, 401);
    }

    async fn a_token_is_known_by_whose_it_is_and_what_it_may(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid email").await;
        let ask = async |query: &str| {
            with_token(&server.base, query, "Bearer", &tokens.access_token).await
        };
        let reply = ask("").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.header("remote-user"), "ada@example.org");
        assert_eq!(reply.header("remote-subject"), ada.user.id);
        assert_eq!(reply.header("remote-scope"), "email openid");
        assert_eq!(reply.header("remote-client"), app.id);
        for (query, status) in [
            ("?scope=email", 200),
            ("?scope=email+profile", 403),
            ("?role=admin", 403),
            ("?aud=https://orders.example.com", 401),
            ("?role=%zz", 400),
        ] {
            assert_eq!(ask(query).await.status, status, "{query}");
        }
        assert_eq!(app.revoke(&tokens.access_token).await.status, 200);
        let refused = ask("").await;
        assert_eq!(refused.status, 401);
        assert!(refused.header("www-authenticate").contains("invalid_token"));
        assert_eq!(refused.header("remote-user"), "");
    }

    async fn a_machine_has_no_email(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let token = service.token(&[("grant_type", "client_credentials")]).await.expect_tokens();
        let reply = with_token(&server.base, "", "bearer", &token.access_token).await;
        assert_eq!((reply.status, reply.header("remote-subject")), (200, service.id.as_str()));
        assert_eq!(reply.header("remote-user"), "");
    }
}

#[tokio::test]
async fn without_anything_or_with_something_wrong_it_is_401() {
    let server = TestServer::start().await;
    let none =
        Reply::read(reqwest::get(server.url("/auth/verify")).await.expect("an answer")).await;
    assert_eq!(none.status, 401);
    assert!(none.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(none.header("cache-control"), "no-store");
    for (scheme, token) in [("Bearer", "nonsense"), ("Bearer", "a.b.c"), ("DPoP", "x")] {
        assert_eq!(
            with_token(&server.base, "", scheme, token).await.status,
            401,
            "{scheme} {token}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_is_not_made_good_by_a_session() {
    let server = TestServer::start().await;
    server.user("ada").await;
    let agent = signed_in(&server, "ada").await;
    let request = agent.http.get(server.url("/auth/verify"));
    let answer = request.header("authorization", "Bearer nonsense").send().await;
    assert_eq!(answer.expect("an answer").status(), 401);
    // What is meant for the service behind the proxy is not for us.
    let request = agent.http.get(server.url("/auth/verify"));
    let answer = request.header("authorization", "Basic YTpi").send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
}

#[tokio::test]
async fn the_sidecar_needs_only_keys_and_list_and_refuses_the_blocked_within_a_second() {
    let server = TestServer::start().await;
    let (ada, _) = (server.user("ada").await, server.user("grace").await);
    let app = WebApp::register(&server).await;
    let ended = app.tokens("ada", "openid").await;
    let kept = app.in_another_browser().tokens("grace", "openid").await;
    let sidecar = Sidecar::start(&server, &["--staleness", "strict"]);
    sidecar.ready().await;
    let ask = async |query: &str, token: &str| {
        with_token(&sidecar.base, query, "Bearer", token).await.status
    };
    assert_eq!(ask("", &ended.access_token).await, 200);
    assert_eq!(ask("?scope=profile", &ended.access_token).await, 403);
    assert_eq!(ask("", &ended.id_token).await, 401);

    server.block(&ada).await;
    let blocked = monotonic();
    while ask("", &ended.access_token).await == 200 {
        assert!(blocked.elapsed() < Duration::from_secs(1), "let through for more than a second");
    }
    assert_eq!(ask("", &kept.access_token).await, 200);
    let metrics = reqwest::get(format!("{}/metrics", sidecar.base)).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    assert!(
        metrics.contains(r#"countersign_verifier_tokens_total{verdict="revoked"}"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn the_sidecar_asks_about_opaque_tokens_when_it_may() {
    use countersign::protocol::client::AccessTokenFormat;
    let server = TestServer::start().await;
    let ada = server.user("ada").await;
    let app = WebApp::register_as(&server, |draft| {
        draft.policy.access_token_format = AccessTokenFormat::Opaque;
    })
    .await;
    let tokens = app.tokens("ada", "openid").await;
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), app.secret.as_bytes()).expect("it is written");
    let path = secret.path().display().to_string();
    let more = ["--introspect-as", &app.id, "--introspect-secret-file", &path];
    let sidecar = Sidecar::start(&server, &more);
    sidecar.ready().await;
    let ask = async || with_token(&sidecar.base, "", "Bearer", &tokens.access_token).await;
    assert_eq!((ask().await.status, ask().await.header("remote-subject")), (200, &*ada.user.id));
    server.block(&ada).await;
    let blocked = monotonic();
    // The answer is remembered, and the list knows better.
    while ask().await.status == 200 {
        assert!(blocked.elapsed() < Duration::from_secs(1), "let through for more than a second");
    }
    let without = Sidecar::start(&server, &[]);
    let reply = with_token(&without.base, "", "Bearer", &tokens.access_token).await;
    assert_eq!(reply.status, 401);
}

/// Under each name that is ours, what a client may not say of itself.
fn forged() -> HeaderMap {
    let value = HeaderValue::from_static("forged");
    HEADERS.map(|name| (HeaderName::from_static(name), value.clone())).into_iter().collect()
}

/// Exactly these of our headers are in what a service has seen.
fn expect_headers(seen: &str, expected: &[(&str, &str)]) {
    let text = seen.to_ascii_lowercase();
    assert!(!text.contains("forged"), "{text}");
    for name in HEADERS {
        let said = text.lines().filter_map(|line| line.split_once(": "));
        let said: Vec<&str> = said.filter(|(key, _)| *key == name).map(|(_, said)| said).collect();
        let known = expected.iter().filter(|(key, _)| *key == name);
        let known: Vec<String> = known.map(|(_, value)| value.to_ascii_lowercase()).collect();
        assert_eq!(said, known, "{name}: {text}");
    }
}

/// A provider behind the nginx of the documentation.
struct Behind {
    server: TestServer,
    issuer: String,
    /// Where the service with access tokens is.
    orders: String,
    /// Where the sidecar is expected.
    sidecar: String,
    _nginx: Nginx,
}

impl Behind {
    async fn nginx() -> Self {
        let ports = [ports::free_port(), ports::free_port()];
        let issuer = format!("http://127.0.0.1:{}", ports[0]);
        let public = issuer.clone();
        let server = TestServer::with_on(Store::Sqlite, |config| config.issuer = public).await;
        let listening = server.base.trim_start_matches("http://").to_owned();
        let sidecar = format!("127.0.0.1:{}", ports::free_port());
        let behind = format!("127.0.0.1:{}", echo());
        let nginx = Nginx::start(
            include_str!("../../examples/proxy/nginx.conf"),
            &[
                ("127.0.0.1:8080", listening),
                ("127.0.0.1:8090", sidecar.clone()),
                ("127.0.0.1:8083", behind.clone()),
                ("127.0.0.1:8084", behind),
                ("127.0.0.1:8443", format!("127.0.0.1:{}", ports[0])),
                ("127.0.0.1:8444", format!("127.0.0.1:{}", ports[1])),
            ],
            ports[0],
        );
        let orders = format!("http://127.0.0.1:{}/orders?page=2", ports[1]);
        Self { server, issuer, orders, sidecar, _nginx: nginx }
    }

    async fn page(&self, agent: &Agent) -> Reply {
        let request = agent.http.get(format!("{}/wiki/page", self.issuer));
        Reply::read(request.headers(forged()).send().await.expect("an answer")).await
    }

    async fn order(&self, token: Option<&str>) -> Reply {
        let request = reqwest::Client::new().post(&self.orders).headers(forged());
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        Reply::read(request.body("order").send().await.expect("an answer")).await
    }
}

#[tokio::test]
async fn nginx_lets_browsers_through_by_their_session_and_says_who_it_is() {
    let behind = Behind::nginx().await;
    let ada = behind.server.user_with("ada", |new| new.groups = vec!["wiki".into()]).await;
    behind.server.user("grace").await;
    let agent = Agent::at(&behind.issuer);
    let nobody = behind.page(&agent).await;
    assert_eq!((nobody.status, nobody.header("location").is_empty()), (303, false));

    agent.sign_in("ada").await;
    let seen = behind.page(&agent).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let known = [
        ("remote-subject", ada.user.id.as_str()),
        ("remote-user", "ada@example.org"),
        ("remote-groups", "wiki"),
    ];
    expect_headers(&seen.text, &known);
    let text = seen.text.to_ascii_lowercase();
    assert!(!text.contains("cookie:"), "the session is not for the app: {text}");

    let other = Agent::at(&behind.issuer);
    other.sign_in("grace").await;
    assert_eq!(behind.page(&other).await.status, 403, "not of the group");
    behind.server.block(&ada).await;
    assert_eq!(behind.page(&agent).await.status, 303);
    let inside = reqwest::get(format!("{}/internal/session", behind.issuer)).await;
    assert_eq!(inside.expect("an answer").status(), 404);
}

#[tokio::test]
async fn nginx_lets_machines_through_by_their_token_as_the_sidecar_says() {
    let behind = Behind::nginx().await;
    let service = WebApp::register_service(&behind.server).await;
    let sidecar = Sidecar::start_at(&behind.issuer, &behind.sidecar, &[]);
    sidecar.ready().await;
    let missing = behind.order(None).await;
    assert_eq!(missing.status, 401);
    assert!(missing.header("www-authenticate").starts_with("Bearer"), "{:?}", missing.headers);
    assert_eq!(behind.order(Some("nonsense")).await.status, 401);
    let other = [("grant_type", "client_credentials"), ("scope", "orders:write")];
    let token = service.token(&other).await.expect_tokens();
    assert_eq!(behind.order(Some(&token.access_token)).await.status, 403, "without the scope");
    let scoped = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let token = service.token(&scoped).await.expect_tokens();
    let seen = behind.order(Some(&token.access_token)).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let id = service.id.as_str();
    let known = [("remote-subject", id), ("remote-scope", "orders:read"), ("remote-client", id)];
    expect_headers(&seen.text, &known);
}

#[test]
fn every_configuration_of_a_proxy_sets_every_header_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut guarded = 0;
    for directory in ["examples/proxy", "examples/landscape", "deploy"] {
        for file in std::fs::read_dir(root.join(directory)).expect("it is there").flatten() {
            if !file.file_type().expect("it has one").is_file() {
                continue;
            }
            let text = std::fs::read_to_string(file.path()).expect("text").to_ascii_lowercase();
            let of_nginx = text.split("location ").filter(|part| part.contains("auth_request /"));
            let of_nginx = of_nginx.map(|part| (part, "proxy_set_header {} "));
            let of_traefik = text.split("forwardauth:").skip(1);
            for (part, line) in of_nginx.chain(of_traefik.map(|part| (part, "- {}\n"))) {
                guarded += 1;
                for name in HEADERS {
                    let path = file.path();
                    assert!(part.contains(&line.replace("{}", name)), "{}: {name}", path.display());
                }
            }
        }
    }
    assert_eq!(guarded, 4, "two in our nginx, one in our Traefik, one in the landscape");
}

#[tokio::test]
async fn nginx_says_503_and_when_to_come_back_while_nobody_can_tell() {
    let behind = Behind::nginx().await;
    let service = WebApp::register_service(&behind.server).await;
    let scoped = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let token = service.token(&scoped).await.expect_tokens().access_token;
    let told = async || {
        let reply = behind.order(Some(&token)).await;
        (reply.status, reply.header("retry-after").to_owned())
    };
    assert_eq!(told().await, (503, "1".into()), "there is no sidecar");
    {
        let nowhere = format!("http://127.0.0.1:{}", ports::free_port());
        let _sidecar = Sidecar::start_at(&nowhere, &behind.sidecar, &[]);
        assert_eq!(told().await, (503, "1".into()), "it has no keys");
    }
    let sidecar = Sidecar::start_at(&behind.issuer, &behind.sidecar, &[]);
    sidecar.ready().await;
    assert_eq!(told().await, (200, String::new()));
}

#[tokio::test]
async fn nginx_says_400_of_a_request_that_cannot_be_read() {
    let behind = Behind::nginx().await;
    let sidecar = Sidecar::start_at(&behind.issuer, &behind.sidecar, &[]);
    sidecar.ready().await;
    for address in [&behind.orders, &format!("{}/wiki/page", behind.issuer)] {
        let request = reqwest::Client::new().get(address).header("authorization", "Bearer");
        let reply = Reply::read(request.send().await.expect("an answer")).await;
        assert_eq!((reply.status, reply.header("retry-after")), (400, ""), "{address}");
    }
}

#[tokio::test]
async fn a_role_that_is_taken_away_does_not_let_in_any_more() {
    let server = TestServer::start().await;
    let ada = server.user_with("ada", |new| new.roles = vec!["clerk".into()]).await;
    let agent = signed_in(&server, "ada").await;
    assert_eq!(with_session(&agent, "?role=clerk").await, (200, "ada@example.org".into()));
    let ground = server.provider.ground();
    users::set_roles(&ground, &ada.user.id, Vec::new(), system()).await.expect("they are set");
    assert_eq!(with_session(&agent, "?role=clerk").await.0, 403);
}
