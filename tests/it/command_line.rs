//! The command line beside a running server: same database, seen within a second.

use crate::support::{TestServer, WebApp, both, command};
use countersign::jose::SigningAlgorithm::ES256;
use serde_json::{Value, json};
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

const REDIRECT: &str = "https://app.example/cb";

fn ids(list: &Value, member: &str) -> Vec<String> {
    let id = |one: &Value| one[member].as_str().expect("each has one").to_owned();
    list.as_array().expect("a list").iter().map(id).collect()
}

both! {
    async fn ad_10_the_log_is_listed_by_person_and_action(server: TestServer) {
        server.user("ada").await;
        server.user("bea").await;
        server.command(&["user", "block", "ada@example.org", "--reason", "lost phone"]).await;
        let blocks =
            server.command(&["audit", "list", "--action", "user.block", "--json"]).await.expect_json();
        assert_eq!(blocks.as_array().map(Vec::len), Some(1), "{blocks}");
        assert_eq!(blocks[0]["details"], "reason: lost phone");
        let of_bea = ["audit", "list", "--user", "bea@example.org", "--action", "user.block", "--json"];
        assert_eq!(server.command(&of_bea).await.expect_json(), json!([]));
        let text = server.command(&["audit", "list", "--user", "ada", "--limit", "1"]).await;
        assert!(text.stdout.contains("The next page: --cursor "), "{text:?}");
        let wrong = server.command(&["audit", "list", "--result", "maybe"]).await;
        assert_eq!(wrong.code, 2, "{wrong:?}");
    }

    async fn ad_10_the_log_is_searched_by_parts(server: TestServer) {
        let create = ["client", "create", "--client-id", "Shop-1", "--name", "Café Übung", "--redirect-uri", REDIRECT];
        server.command(&create).await.expect_done();
        server.command(&["client", "create", "--client-id", "other", "--name", "B", "--redirect-uri", REDIRECT])
            .await
            .expect_done();
        let found = async |filter: [&str; 2]| {
            let words = [&["audit", "list", "--json", "--action", "client."][..], &filter].concat();
            server.command(&words).await.expect_json().as_array().expect("a list").len()
        };
        for target in ["client:Shop-1", "Shop-1", "shop", "HOP-", "Übung", "CAF"] {
            assert_eq!(found(["--target", target]).await, 1, "{target}");
        }
        for target in ["client:", "t"] {
            assert_eq!(found(["--target", target]).await, 2, "{target}");
        }
        for target in ["sh_p", "s%p", "%", "C:\\", "'"] {
            assert_eq!(found(["--target", target]).await, 0, "{target}");
        }
        assert_eq!(found(["--actor", "cli"]).await, 2);
        assert_eq!(found(["--actor", "client:"]).await, 0, "cli is no client");
        assert_eq!(found(["--target", &"x".repeat(60_000)]).await, 0);
    }

    async fn clients_are_searched_whatever_the_letters(server: TestServer) {
        let create = ["client", "create", "--client-id", "Shop-1", "--name", "Café Übung", "--redirect-uri", REDIRECT];
        server.command(&create).await.expect_done();
        for (search, finds) in [("café", 1), ("CAF", 1), ("Übung", 1), ("shop", 1), ("SHOP-", 1), ("C_f", 0), ("%", 0)] {
            let list = server.command(&["client", "list", "--search", search, "--json"]).await.expect_json();
            assert_eq!(ids(&list, "client_id").len(), finds, "{search}");
        }
    }

    async fn r_11_everybody_whom_a_file_names_is_blocked(server: TestServer) {
        let names: Vec<String> = (0..40).map(|n| format!("ada{n}")).collect();
        for name in &names {
            server.user(name).await;
        }
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada7", "openid offline_access").await;
        server.command(&["user", "block", "ada0"]).await;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("people.txt");
        let text = format!("{}\n\nnobody@example.org\n  ada1@example.org \n", names.join("\n"));
        std::fs::write(&path, text).expect("it is written");
        let path = path.to_str().expect("UTF-8");
        let block = ["user", "block", "--users-file", path, "--reason", "a leak", "--json"];
        let done = server.command(&block).await;
        assert_eq!(done.code, 1, "{done:?}");
        let done: Value = serde_json::from_str(&done.stdout).expect("JSON");
        let counts = [&done["blocked"], &done["blocked_before"]].map(Value::as_u64);
        assert_eq!(counts, [Some(39), Some(2)], "{done}");
        assert_eq!(done["failed"][0]["user"], "nobody@example.org", "{done}");
        assert_eq!(done["failed"][0]["error"], "not_found", "{done}");
        assert_eq!(done["failed"].as_array().map(Vec::len), Some(1), "{done}");
        let refused = app.refresh(&tokens.refresh_token).await.expect_error(400);
        assert_eq!(refused["error"], "invalid_grant");
    }

    async fn r_11_a_file_that_names_nobody_is_refused(server: TestServer) {
        server.user("ada").await;
        for arguments in [
            &["user", "block"][..],
            &["user", "block", "--users-file", "/dev/null"],
            &["user", "block", "--users-file", "/nowhere/people.txt"],
            &["user", "block", "ada", "--users-file", "/dev/null"],
        ] {
            let refused = server.command(arguments).await;
            assert_eq!(refused.code, 2, "{arguments:?}: {refused:?}");
        }
        let shown = server.command(&["user", "show", "ada", "--json"]).await.expect_json();
        assert_eq!(shown["blocked_at"], Value::Null, "{shown}");
    }

    async fn r_11_a_file_without_end_is_not_read_for_ever(server: TestServer) {
        server.user("ada").await;
        let endless = ["user", "block", "--users-file", "/dev/zero"];
        let said = server.command(&endless).await.expect_refusal(2);
        assert_eq!(said, "countersign: --users-file: /dev/zero: more than 268435456 bytes");
        let endless = ["user", "update", "ada", "--claims-file", "/dev/zero"];
        let said = server.command(&endless).await.expect_refusal(2);
        assert_eq!(said, "countersign: --claims-file: /dev/zero: more than 16777216 bytes");
    }

    async fn r_11_names_in_a_file_do_nothing_to_a_terminal(server: TestServer) {
        server.user("ada").await;
        let odd = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m";
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("people.txt");
        std::fs::write(&path, format!("ada\n{odd}nobody\rada blocked\n")).expect("it is written");
        let block = ["user", "block", "--users-file", path.to_str().expect("UTF-8")];
        for (more, shown) in [(None, "\\u001b[2J"), (Some("--json"), "\\u001b[2J")] {
            let words: Vec<&str> = block.iter().copied().chain(more).collect();
            let done = server.command(&words).await;
            let written = format!("{}{}", done.stdout, done.stderr);
            assert_eq!(done.code, 1, "{done:?}");
            assert!(written.contains(shown) && written.contains("\\u009b31mnobody"), "{written:?}");
            let acts = |letter: char| letter.is_control() && letter != '\n';
            assert!(!written.contains(acts), "{written:?}");
        }
        // What is typed comes from elsewhere as well, such as from a list that a script reads.
        for words in [&["user", "show", odd][..], &["user", "list", "--limit", odd], &["user", odd]] {
            let said = server.command(words).await;
            assert!(said.code != 0 && said.stderr.contains("\\u009b31m"), "{said:?}");
            assert!(!said.stderr.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{said:?}");
        }
    }

    async fn one_browser_of_somebody_is_signed_out(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.tokens("ada", "openid").await;
        let shown = server.command(&["user", "show", "ada", "--json"]).await.expect_json();
        let sid = shown["sessions"][0]["sid"].as_str().expect("a session");
        let ended = server.command(&["user", "end-session", "ada", sid]).await;
        assert!(ended.stdout.contains("has ended"), "{ended:?}");
        app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
        let again = server.command(&["user", "end-session", "ada", sid]).await;
        assert!(again.stdout.contains("is over"), "{again:?}");
    }

    async fn one_secret_is_ended_and_the_last_one_stays(server: TestServer) {
        let create = ["client", "create", "--name", "App", "--redirect-uri", REDIRECT, "--json"];
        let made = server.command(&create).await.expect_json();
        let id = made["client_id"].as_str().expect("an id");
        server.command(&["client", "rotate-secret", id]).await;
        let shown = server.command(&["client", "show", id, "--json"]).await.expect_json();
        let secrets = ids(&shown["secrets"], "id");
        assert_eq!(secrets.len(), 2, "{shown}");
        let ended = server.command(&["client", "retire-secret", id, &secrets[0]]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        let last = server.command(&["client", "retire-secret", id, &secrets[1]]).await;
        assert_eq!(last.code, 1, "{last:?}");
    }

    async fn a_rotation_without_names_goes_past_what_was_rotated_before(server: TestServer) {
        let first = server.command(&["key", "rotate", "--algorithm", "ES256", "--json"]).await;
        assert_eq!(first.expect_json().as_array().map(Vec::len), Some(1));

        let rest = server.command(&["key", "rotate", "--json"]).await.expect_json();
        let mut rest: Vec<&str> =
            rest.as_array().expect("a list").iter().filter_map(|key| key["alg"].as_str()).collect();
        rest.sort_unstable();
        assert_eq!(rest, ["ECDH-ES", "EdDSA", "PS256", "RS256", "RSA-OAEP-256"]);

        let none = server.command(&["key", "rotate"]).await;
        assert_eq!(none.code, 0, "{none:?}");
        assert!(none.stdout.contains("waits to sign already"), "{none:?}");
        let named = server.command(&["key", "rotate", "--algorithm", "ES256"]).await;
        assert!(named.expect_refusal(1).contains("is there already"));
    }

    async fn every_member_that_protects_requests_has_its_flag(server: TestServer) {
        let keys = crate::support::crypto::jwks(&[&crate::support::crypto::key(ES256)]).to_string();
        let create = [
            "client", "create", "--name", "Bank", "--redirect-uri", "https://bank.example/cb",
            "--auth-method", "private_key_jwt", "--jwks", &keys,
            "--require-pushed-authorization-requests", "--require-signed-request-object",
            "--request-object-signing-alg", "ES256", "--request-object-encryption-alg", "ECDH-ES",
            "--request-object-encryption-enc", "A256GCM", "--request-uri", "https://bank.example/r",
            "--authorization-signed-response-alg", "PS256", "--profile", "fapi2", "--json",
        ];
        let made = server.command(&create).await.expect_json();
        for (member, value) in [
            ("require_pushed_authorization_requests", json!(true)),
            ("require_signed_request_object", json!(true)),
            ("request_object_signing_alg", json!("ES256")),
            ("request_object_encryption_alg", json!("ECDH-ES")),
            ("request_object_encryption_enc", json!("A256GCM")),
            ("request_uris", json!(["https://bank.example/r"])),
            ("authorization_signed_response_alg", json!("PS256")),
            ("profile", json!("fapi2")),
            ("dpop_bound_access_tokens", json!(true)),
        ] {
            assert_eq!(made[member], value, "{member}");
        }
        let id = made["client_id"].as_str().expect("an id");
        let unset = "request_object_encryption_enc,request_object_encryption_alg,request_uris";
        let off = "--require-signed-request-object=false";
        let update = ["client", "update", id, "--unset", unset, off, "--profile", "none", "--json"];
        let changed = server.command(&update).await.expect_json();
        assert_eq!(changed.get("request_object_encryption_alg"), None);
        assert_eq!(changed.get("request_uris"), None);
        assert_eq!(changed.get("require_signed_request_object"), None);
        assert_eq!(changed["profile"], "none");
        let weak = ["client", "update", id, "--profile", "fapi2", "--id-token-alg", "RS256"];
        server.command(&weak).await.expect_refusal(2);
    }

    async fn clients_that_cannot_work_are_refused_with_the_reason(server: TestServer) {
        let refused: [(&[&str], &str); 6] = [
            (
                &["--grant-type", "client_credentials", "--auth-method", "none"],
                "--grant-type: client_credentials needs a client that proves who it is",
            ),
            (
                &["--redirect-uri", REDIRECT, "--grant-type", "authorization_code", "--scope",
                  "openid offline_access"],
                "--scope: offline_access asks for a refresh token",
            ),
            (
                &["--redirect-uri", REDIRECT, "--public", "--require-pkce", "false"],
                "--require-pkce: a client without a secret always needs PKCE",
            ),
            (
                &["--grant-type", "authorization_code"],
                "--redirect-uri: whoever signs people in needs at least one redirect address",
            ),
            (
                &["--grant-type", "refresh_token", "--redirect-uri", REDIRECT],
                "--grant-type: refresh_token needs a grant that asks people, such as authorization_code",
            ),
            (
                &["--redirect-uri", "http://app.example/cb"],
                "http is allowed only for this machine (localhost, 127.0.0.1, [::1])",
            ),
        ];
        for (flags, says) in refused {
            let arguments = [&["client", "create", "--name", "App"][..], flags].concat();
            let told = server.command(&arguments).await.expect_refusal(2);
            assert!(told.contains(says), "{told}");
        }

        let service = ["client", "create", "--name", "Job", "--grant-type", "client_credentials",
            "--scope", "api:read", "--json"];
        let service = server.command(&service).await.expect_json();
        assert!(service["client_secret"].is_string());
        let web = ["client", "create", "--name", "Shop", "--redirect-uri", REDIRECT, "--scope",
            "openid offline_access", "--json"];
        let web = server.command(&web).await.expect_json();
        assert_eq!(web["grant_types"], serde_json::json!(["authorization_code", "refresh_token"]));

        let id = web["client_id"].as_str().expect("an id");
        let public = ["client", "update", id, "--auth-method", "none", "--require-pkce", "false"];
        let told = server.command(&public).await.expect_refusal(2);
        assert!(told.contains("always needs PKCE"), "{told}");
        let shown = server.command(&["client", "show", id, "--json"]).await.expect_json();
        assert_eq!(shown["token_endpoint_auth_method"], "client_secret_basic");
    }

    async fn lists_are_read_a_page_at_a_time(server: TestServer) {
        for number in 0..5 {
            server.user(&format!("user{number}")).await;
            crate::support::WebApp::register(&server).await;
        }
        for (noun, member) in [("user", "id"), ("client", "client_id")] {
            let all = server.command(&[noun, "list", "--json"]).await.expect_json();
            let all = ids(&all, member);
            assert_eq!(all.len(), 5);
            let mut read = Vec::new();
            while read.len() < 5 {
                let mut arguments = vec![noun, "list", "--limit", "2", "--json"];
                let cursor: Option<String> = read.last().cloned();
                if let Some(cursor) = &cursor {
                    arguments.extend(["--cursor", cursor]);
                }
                let page = ids(&server.command(&arguments).await.expect_json(), member);
                assert!((1..=2).contains(&page.len()), "{page:?}");
                read.extend(page);
            }
            assert_eq!(read, all);
            let last = ["list", "--limit", "2", "--cursor", &all[4], "--json"];
            let last = server.command(&[&[noun][..], &last[..]].concat()).await.expect_json();
            assert_eq!(last, serde_json::json!([]));
            let text = server.command(&[noun, "list", "--limit", "2"]).await.stdout;
            assert!(text.contains(&format!("--cursor {}", all[1])), "{text}");
            let unknown = server.command(&[noun, "list", "--cursor", "nobody"]).await;
            assert!(unknown.expect_refusal(1).contains("nobody"));
        }
    }
}

/// A server of its own process, ended when it is dropped.
struct Serving(std::process::Child);

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn s_08_a_second_server_on_one_sqlite_file_is_refused_and_commands_are_not() {
    let server = TestServer::start().await;
    let port = crate::support::ports::free_port();
    let listen = format!("127.0.0.1:{port}");
    let issuer = format!("http://{listen}");
    let key = server.master_key().expect("it was given").to_owned();
    let variables = [
        ("COUNTERSIGN_DATABASE_URL", server.database_url()),
        ("COUNTERSIGN_MASTER_KEY", &key),
        ("COUNTERSIGN_LISTEN", &listen),
        ("COUNTERSIGN_ISSUER", &issuer),
    ];
    for _ in 0..2 {
        let second = command::run(&variables, &["serve"]).await;
        let told = second.expect_refusal(75);
        assert!(told.contains("another server runs on") && told.contains("PostgreSQL"), "{told}");
    }
    let created = ["user", "create", "--email", "ada@example.org", "--password-stdin", "--json"];
    server.command_with(&created, "correct horse battery").await.expect_json();
    server.command(&["migrate", "--json"]).await.expect_json();
    crate::support::Agent::new(&server).sign_in("ada@example.org").await;

    let path = server.database_url().trim_start_matches("sqlite://").to_owned();
    let copy = format!("{path}.copy");
    std::fs::copy(&path, &copy).expect("it can be copied");
    let mut elsewhere = command::program(&variables);
    elsewhere.env("COUNTERSIGN_DATABASE_URL", format!("sqlite://{copy}")).arg("serve");
    elsewhere.stderr(Stdio::null());
    // The second time shows that a lock ends with its process, however that ended.
    for _ in 0..2 {
        let first = Serving(elsewhere.spawn().expect("it starts"));
        wait_for(port).await;
        drop(first);
    }
}

/// Waits until a server listens.
async fn wait_for(port: u16) {
    for _ in 0..1000 {
        if crate::support::ports::answers(port) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not start");
}

#[tokio::test]
async fn the_demo_refuses_a_database_of_yours() {
    for flags in [["--database-url", "sqlite:///tmp/mine.db"], ["--set", "database_url=sqlite://x"]]
    {
        let told = command::run(&[], &[&["demo"][..], &flags[..]].concat()).await;
        let told = told.expect_refusal(2);
        assert!(told.contains("database of its own") && told.contains("serve"), "{told}");
    }
}

/// What strangers send is no error of ours, whatever it is.
#[tokio::test]
async fn ht_01_malformed_requests_write_no_errors_to_the_log() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let port = crate::support::ports::free_port();
    let listen = format!("127.0.0.1:{port}");
    let (issuer, url) =
        (format!("http://{listen}"), format!("sqlite://{}/a.db", directory.path().display()));
    let variables = [
        ("COUNTERSIGN_DATABASE_URL", url.as_str()),
        ("COUNTERSIGN_LISTEN", &listen),
        ("COUNTERSIGN_ISSUER", &issuer),
    ];
    let mut program = command::program(&variables);
    program.arg("serve").stderr(Stdio::piped());
    let mut serving = Serving(program.spawn().expect("it starts"));
    wait_for(port).await;
    let requests = [
        "\x16\x03\x01\x02\0\x01",
        "GET / HTTP/9.9\r\n\r\n",
        "\r\n\r\n\r\nX\0",
        "POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ];
    for request in requests {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(&listen).await.expect("it listens");
        drop(stream.write_all(request.as_bytes()).await);
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        drop(tokio::time::timeout(Duration::from_secs(2), read).await);
    }
    let pid = serving.0.id().to_string();
    let told = std::process::Command::new("kill").args(["-s", "TERM", &pid]).status();
    assert!(told.expect("kill is there").success());
    assert!(serving.0.wait().expect("it ends").success());
    let mut log = String::new();
    drop(serving.0.stderr.take().expect("it is piped").read_to_string(&mut log));
    assert!(log.contains("serving"), "{log}");
    assert!(!log.contains("ERROR") && !log.contains("actix_http"), "{log}");
}
