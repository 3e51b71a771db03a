//! Q: the HTTP layer.

use crate::support::{Agent, Reply, TestServer, WebApp, raw};
use countersign::config::ForwardedHeader;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(10);

fn get(server: &TestServer, head: &str) -> Vec<u8> {
    format!("GET /jwks HTTP/1.1\r\nHost: {}\r\n{head}\r\n", raw::host(server)).into_bytes()
}

fn post(server: &TestServer, head: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n{head}\r\n{body}",
        raw::host(server)
    )
    .into_bytes()
}

/// Each request is refused, and the server is well afterwards.
async fn refuses(server: &TestServer, requests: &[Vec<u8>]) {
    for request in requests {
        let (status, text) = raw::send(server, request).await;
        let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
        assert!(status == 0 || (400..500).contains(&status), "{shown}\n{text}");
        assert!(raw::is_well(server).await);
    }
}

#[tokio::test]
async fn l_08_ht_01_an_oversized_or_malformed_head_is_refused() {
    let server = TestServer::start().await;
    let host = raw::host(&server);
    let requests = [
        format!("GET /jwks?{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "x".repeat(9 * 1024)).into_bytes(),
        get(&server, &format!("X-Long: {}\r\n", "x".repeat(17 * 1024))),
        get(&server, &"X-Many: x\r\n".repeat(1000)),
        get(&server, &"X-Many: x\r\n".repeat(70)),
        get(&server, "X Space: x\r\n"),
        get(&server, "X-Nul: a\0b\r\n"),
    ];
    refuses(&server, &requests).await;
    assert_eq!(raw::send(&server, &get(&server, "")).await.0, 200);
}

#[tokio::test]
async fn ht_02_a_body_of_two_lengths_is_refused() {
    let server = TestServer::start().await;
    let chunked = "Transfer-Encoding: chunked\r\n";
    let requests = [
        post(&server, "Content-Length: 3\r\nContent-Length: 5\r\n", "a=bcd"),
        post(&server, &format!("Content-Length: 3\r\n{chunked}"), "3\r\na=b\r\n0\r\n\r\n"),
        post(&server, "Transfer-Encoding: xchunked\r\n", "3\r\na=b\r\n0\r\n\r\n"),
        post(&server, "Content-Length: +5\r\n", "a=bcd"),
        post(&server, "Content-Length: -1\r\n", ""),
        post(&server, chunked, "FFFFFFFFFFFFFFFF1\r\na"),
        post(&server, chunked, "zz\r\na=b\r\n0\r\n\r\n"),
    ];
    refuses(&server, &requests).await;
}

#[tokio::test]
async fn ht_03_a_body_without_end_is_not_waited_for_for_ever() {
    let server = TestServer::start().await;
    let request = post(&server, "Content-Length: 100\r\n", "a=b");
    let begun = raw::send(&server, &request);
    let whole = tokio::time::timeout(WAIT, begun).await.expect("an answer or the end");
    assert!(matches!(whole.0, 0 | 400 | 408), "{}", whole.1);
    assert!(raw::is_well(&server).await);
}

#[tokio::test]
async fn ht_04_a_head_that_does_not_end_is_not_waited_for_for_ever() {
    let server = TestServer::start().await;
    let begun = raw::send(&server, b"GET /jwks HTTP/1.1\r\nHost: ");
    let (status, text) = tokio::time::timeout(WAIT, begun).await.expect("an answer or the end");
    assert!(matches!(status, 0 | 408), "{text}");
}

#[tokio::test]
async fn ht_05_a_compressed_body_is_refused() {
    let server = TestServer::start().await;
    let app = WebApp::register_service(&server).await;
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let request = app.http.post(server.url("/token")).basic_auth(&app.id, Some(&app.secret));
        let request = request.form(&[("grant_type", "client_credentials")]);
        let request = request.header("Content-Encoding", encoding);
        let reply = Reply::read(request.send().await.expect("an answer")).await;
        assert_eq!(reply.status, 415, "{}", reply.text);
    }
}

#[tokio::test]
async fn ht_06_too_many_parameters_are_refused() {
    let server = TestServer::start().await;
    let app = WebApp::register_service(&server).await;
    let names: Vec<String> = (0..5000).map(|n| format!("p{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    app.token(&many).await.expect(400, "invalid_request");
    let page = Agent::new(&server).get(&format!("/authorize?{}", "a=1&".repeat(200))).await;
    assert_eq!(page.status, 400);
    let request = app.http.post(server.url("/token")).basic_auth(&app.id, Some(&app.secret));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let reply = request.body("&".repeat(64 * 1024)).send().await.expect("an answer");
    assert_eq!(reply.status(), 400);
}

#[tokio::test]
async fn ht_07_only_our_own_host_is_served() {
    let server = TestServer::start().await;
    let host = raw::host(&server);
    let line = "GET /.well-known/openid-configuration HTTP/1.1\r\n";
    for head in [
        String::new(),
        "Host: evil.example\r\n".into(),
        format!("Host: {host}\r\nHost: evil.example\r\n"),
        format!("Host: {host}\r\nHost: {host}\r\n"),
        format!("Host: x@{host}\r\n"),
        "Host: \r\n".into(),
    ] {
        let (status, text) = raw::send(&server, format!("{line}{head}\r\n").as_bytes()).await;
        assert!(matches!(status, 400 | 421), "{head}: {text}");
        assert!(!text.contains("evil"), "{text}");
    }
    let absolute = format!("GET http://evil.example/jwks HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let (status, _) = raw::send(&server, absolute.as_bytes()).await;
    assert!(matches!(status, 400 | 421));
}

#[tokio::test]
async fn ht_08_a_strangers_forwarded_address_does_not_count() {
    let server = TestServer::start().await;
    let app = WebApp::register_service(&server).await;
    let mut statuses = Vec::new();
    for n in 0..40 {
        let request = app.http.post(server.url("/token")).basic_auth(&app.id, Some("guess"));
        let request = request
            .header("X-Forwarded-For", format!("203.0.113.{n}"))
            .header("X-Real-IP", format!("203.0.113.{n}"))
            .header("Forwarded", format!("for=203.0.113.{n}"))
            .form(&[("grant_type", "client_credentials")]);
        statuses.push(request.send().await.expect("an answer").status().as_u16());
    }
    assert_eq!(statuses.last(), Some(&429), "one address, however it calls itself");
}

#[tokio::test]
async fn ht_08_nobody_hides_behind_a_header_that_cannot_be_read() {
    for (header, written) in [
        (ForwardedHeader::XForwardedFor, "x-forwarded-for"),
        (ForwardedHeader::Forwarded, "forwarded"),
    ] {
        let server = TestServer::with(|config| {
            config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
            config.forwarded_header = header;
        });
        let server = server.await;
        let app = WebApp::register_service(&server).await;
        let for_ = if written == "forwarded" { "for=" } else { "" };
        // The proxy adds whom it sees to whatever it was sent.
        let guess = async |sent: &str, seen: Option<&str>| {
            let request = app.http.post(server.url("/token")).basic_auth(&app.id, Some("guess"));
            let request = request.form(&[("grant_type", "client_credentials")]);
            let request = match seen {
                Some(seen) => request.header(written, format!("{sent}{for_}{seen}")),
                None => request,
            };
            request.send().await.expect("an answer").status().as_u16()
        };
        let (many, mut last) = ("127.0.0.1, ".repeat(40), 0);
        for sent in ["garbage, ", "for=\", ", many.as_str(), "unknown, "].iter().cycle().take(40) {
            last = guess(sent, Some("203.0.113.9")).await;
        }
        assert_eq!(last, 429, "{written}: one address, whatever it sends");
        assert_eq!(guess("", Some("203.0.113.10")).await, 401, "{written}: another client");
        assert_eq!(guess("", None).await, 401, "{written}: the host of the proxy");
    }
}

#[tokio::test]
async fn ht_09_no_path_leads_out_of_the_assets() {
    let server = TestServer::start().await;
    for path in [
        "/static/..%2f..%2fetc/passwd",
        "/static/../../etc/passwd",
        "/static/..\\..\\etc",
        "/static/%252e%252e/x",
        "/static/a%00.css",
        "/static//etc/passwd",
        "/static/%2e%2e/Cargo.toml",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", raw::host(&server));
        let (status, text) = raw::send(&server, request.as_bytes()).await;
        assert!(matches!(status, 400 | 404), "{path}: {text}");
    }
}

#[tokio::test]
async fn ht_12_errors_and_pages_are_not_kept() {
    let server = TestServer::start().await;
    let agent = Agent::new(&server);
    for path in ["/login", "/authorize", "/userinfo", "/userinfo/x.css", "/nothing", "/logout"] {
        let page = agent.get(path).await;
        assert!(page.header("cache-control").contains("no-store"), "{path}: {:?}", page.headers);
    }
    assert_eq!(agent.get("/userinfo/x.css").await.status, 404);
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        assert!(agent.get(path).await.header("set-cookie").is_empty());
    }
}

#[tokio::test]
async fn ht_14_nothing_inline_runs_on_a_page() {
    let server = TestServer::start().await;
    for path in ["/login", "/authorize", "/logout"] {
        let page = Agent::new(&server).get(path).await;
        let policy = page.header("content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test]
async fn ht_15_text_that_a_database_refuses_is_refused_before() {
    for store in [crate::support::Store::Sqlite, crate::support::Store::Postgres] {
        let server = TestServer::start_on(store).await;
        let app = WebApp::register(&server).await;
        let odd = "\u{1f600}\u{10ffff}\u{200b}";
        app.refresh(odd).await.expect(400, "invalid_grant");
        for value in ["%00", "a%00b", "%ed%a0%80"] {
            let request =
                app.http.post(server.url("/token")).basic_auth(&app.id, Some(&app.secret));
            let request = request.header("Content-Type", "application/x-www-form-urlencoded");
            let body = format!("grant_type=refresh_token&refresh_token={value}");
            let reply = Reply::read(request.body(body).send().await.expect("an answer")).await;
            reply.expect(400, "invalid_request");
        }
        let page = app.authorize(&[]).await;
        let form = [("username", odd), ("password", odd)];
        app.agent.submit(&page, "/login", &form).await.expect_login();
    }
}
