//! Pushed authorization requests (RFC 9126).

use crate::support::crypto::claims;
use crate::support::requests::{URN, address, open, push, pushed};
use crate::support::test_server::system;
use crate::support::{Page, Reply, Store, TestServer, VERIFIER, WebApp, both, challenge};
use countersign::domain::clients::management::{self, ClientDraft};
use countersign::storage::housekeeping;
use tokio::task::JoinSet;

fn required(draft: &mut ClientDraft) {
    draft.metadata.requests.require_pushed_authorization_requests = true;
}

async fn refused(app: &WebApp, request_uri: &str) {
    let page = open(app, request_uri).await;
    page.expect_error_page();
    assert!(page.body.contains("invalid_request_uri"), "{}", page.body);
}

both! {
    async fn s4_a_push_gives_a_reference_and_its_lifetime(server: TestServer) {
        let app = WebApp::register(&server).await;
        let first = push(&app, &[]).await;
        assert_eq!(first.status, 201, "{}", first.text);
        assert!(first.header("content-type").starts_with("application/json"));
        assert_eq!(first.header("cache-control"), "no-store");
        assert_eq!(first.json["expires_in"], 90);
        let value = first.json["request_uri"].as_str().and_then(|uri| uri.strip_prefix(URN));
        assert_eq!(value.map(str::len), Some(43), "{}", first.text);
        assert_ne!(first.json["request_uri"], push(&app, &[]).await.json["request_uri"]);
    }

    async fn s5_pa_06_the_reference_alone_suffices_and_what_stands_beside_it_does_not_count(
        server: TestServer
    ) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, required).await;
        let extra = [("state", "inner"), ("nonce", "inner-nonce"), ("scope", "openid")];
        let uri = pushed(&app, &extra).await;
        let beside = [
            ("state", "outer"), ("nonce", "outer"), ("scope", "openid email phone"),
            ("redirect_uri", "https://evil.example/cb"), ("response_type", "token"),
            ("response_mode", "form_post"), ("prompt", "none"), ("code_challenge", "x"),
        ];
        let page = app.agent.open(&address(&[&[("client_id", &*app.id), ("request_uri", &*uri)], &beside[..]].concat())).await;
        let page = app.agent.log_in(&page, "ada").await;
        let answer = app.agent.decide(&page, "allow").await.expect_answer();
        assert_eq!((answer.get("state"), &*answer.to), ("inner", "https://app.example/cb"));
        let code = crate::support::Code {
            value: answer.get("code").to_owned(),
            verifier: VERIFIER.into(),
        };
        let tokens = app.redeem(&code).await.expect_tokens();
        assert_eq!(tokens.scope, "openid");
        assert_eq!(claims(&tokens.id_token)["nonce"], "inner-nonce");
    }

    async fn s5_pa_07_a_request_that_was_not_pushed_is_refused_where_it_must_be(server: TestServer) {
        let app = WebApp::register_as(&server, required).await;
        app.authorize(&[]).await.expect_refusal("invalid_request");
        app.authorize(&[("redirect_uri", "https://evil.example/")]).await.expect_error_page();
        let free = WebApp::register(&server).await;
        free.authorize(&[]).await.expect_login();
    }

    async fn s6_pa_04_a_reference_is_bound_to_its_client(server: TestServer) {
        let app = WebApp::register(&server).await;
        let other = WebApp::register(&server).await;
        let uri = pushed(&app, &[]).await;
        let page = app.agent.open(&address(&[("client_id", &other.id), ("request_uri", &uri)])).await;
        page.expect_error_page();
        app.agent.open(&address(&[("request_uri", &uri)])).await.expect_error_page();
        open(&app, &uri).await.expect_login();
    }

    async fn s6_a_reference_expires(server: TestServer) {
        let app = WebApp::register(&server).await;
        let uri = pushed(&app, &[]).await;
        server.clock.advance_seconds(89);
        open(&app, &uri).await.expect_login();
        server.clock.advance_seconds(1);
        refused(&app, &uri).await;
    }

    async fn s6_the_page_may_be_loaded_again_until_it_was_answered(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let uri = pushed(&app, &[]).await;
        open(&app, &uri).await.expect_login();
        let page = open(&app, &uri).await;
        let page = app.agent.log_in(&page, "ada").await;
        page.expect_consent();
        open(&app, &uri).await.expect_consent();
        assert!(app.agent.decide(&page, "allow").await.expect_answer().has("code"));
        refused(&app, &uri).await;
    }

    async fn s6_whoever_takes_longer_than_the_reference_lives_is_answered(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let page = open(&app, &pushed(&app, &[]).await).await;
        server.clock.advance_seconds(29 * 60);
        let now = server.provider.now();
        let swept = server.provider.db.write(move |conn| housekeeping::delete_expired(conn, now));
        swept.await.expect("it can be swept");
        let page = app.agent.log_in(&page, "ada").await;
        assert!(app.agent.decide(&page, "allow").await.expect_answer().has("code"));
    }

    async fn pa_05_of_two_pages_of_one_reference_one_is_answered(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let uri = pushed(&app, &[]).await;
        let page = open(&app, &uri).await;
        let first = app.agent.log_in(&page, "ada").await;
        let second = open(&app, &uri).await;
        assert!(app.agent.decide(&first, "allow").await.expect_answer().has("code"));
        app.agent.decide(&second, "allow").await.expect_error_page();
        app.agent.decide(&second, "deny").await.expect_error_page();
    }

    async fn c_04_pa_05_of_fifty_who_race_with_one_reference_one_gets_a_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        let uri = pushed(&app, &[]).await;
        let racers = (0..50).map(|_| {
            let (app, uri) = (app.clone(), uri.clone());
            async move { open(&app, &uri).await }
        });
        let pages = racers.collect::<JoinSet<_>>().join_all().await;
        let codes = pages.iter().filter_map(Page::answer).filter(|answer| answer.has("code"));
        assert_eq!(codes.count(), 1);
    }

    async fn pa_05_who_said_no_has_used_the_reference(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let uri = pushed(&app, &[]).await;
        let page = open(&app, &uri).await;
        let page = app.agent.log_in(&page, "ada").await;
        app.agent.decide(&page, "deny").await.expect_refusal("access_denied");
        refused(&app, &uri).await;
    }

    async fn s8_the_redirect_address_is_checked_at_the_push(server: TestServer) {
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.redirect_uris.push("https://app.example/cb?a=%2F+b".into());
        })
        .await;
        push(&app, &[("redirect_uri", "")]).await.expect(400, "invalid_request");
        for other in ["https://app.example/cb/", "https://evil.example/cb", "javascript:alert(1)"] {
            push(&app, &[("redirect_uri", other)]).await.expect(400, "invalid_request");
        }
        server.user("ada").await;
        let own = "https://app.example/cb?a=%2F+b";
        let page = open(&app, &pushed(&app, &[("redirect_uri", own)]).await).await;
        let page = app.agent.log_in(&page, "ada").await;
        let page = app.agent.decide(&page, "allow").await;
        assert!(page.header("refresh").contains("https://app.example/cb?a=%2F+b&code="));
    }

    async fn s9_only_the_code_response_type_can_be_pushed(server: TestServer) {
        let app = WebApp::register(&server).await;
        push(&app, &[("response_type", "")]).await.expect(400, "invalid_request");
        for other in ["token", "code id_token", "foo"] {
            let reply = push(&app, &[("response_type", other)]).await;
            reply.expect(400, "unsupported_response_type");
        }
    }

    async fn s10_pkce_is_checked_at_the_push(server: TestServer) {
        let app = WebApp::register(&server).await;
        push(&app, &[("code_challenge", "")]).await.expect(400, "invalid_request");
        push(&app, &[("code_challenge_method", "plain")]).await.expect(400, "invalid_request");
        push(&app, &[("code_challenge_method", "")]).await.expect(400, "invalid_request");
        let short = &challenge(VERIFIER)[..42];
        push(&app, &[("code_challenge", short)]).await.expect(400, "invalid_request");
    }

    async fn every_check_of_the_authorization_endpoint_runs_at_the_push(server: TestServer) {
        let app = WebApp::register(&server).await;
        let long = "s".repeat(1025);
        for (extra, error) in [
            ([("prompt", "none login")], "invalid_request"),
            ([("max_age", "-1")], "invalid_request"),
            ([("state", &*long)], "invalid_request"),
            ([("scope", "admin")], "invalid_scope"),
            ([("claims", "no json")], "invalid_request"),
            ([("response_mode", "foo")], "invalid_request"),
            ([("resource", "https://nowhere.example")], "invalid_target"),
            ([("registration", "{}")], "registration_not_supported"),
        ] {
            push(&app, &extra).await.expect(400, error);
        }
    }

    async fn a_request_is_checked_again_when_the_browser_brings_it(server: TestServer) {
        let app = WebApp::register(&server).await;
        let uri = pushed(&app, &[]).await;
        let ground = server.provider.ground();
        management::disable(&ground, &app.id, system()).await.expect("it can be disabled");
        server.settle().await;
        open(&app, &uri).await.expect_error_page();
    }

    async fn pa_01_a_push_needs_the_client_to_prove_itself(server: TestServer) {
        let app = WebApp::register(&server).await;
        let wrong = WebApp { secret: "wrong".into(), ..app.clone() };
        let refused = push(&wrong, &[]).await;
        refused.expect(401, "invalid_client");
        assert!(refused.header("www-authenticate").starts_with("Basic"));
        let public = WebApp {
            method: countersign::protocol::client::AuthMethod::None,
            ..app.clone()
        };
        push(&public, &[]).await.expect(401, "invalid_client");
        let public = WebApp::register_public(&server).await;
        assert_eq!(push(&public, &[]).await.status, 201);
    }

    async fn pa_02_a_reference_cannot_be_pushed(server: TestServer) {
        let app = WebApp::register(&server).await;
        let uri = pushed(&app, &[]).await;
        for uri in [&*uri, "https://app.example/request", "urn:x"] {
            push(&app, &[("request_uri", uri)]).await.expect(400, "invalid_request");
        }
    }

    async fn pa_03_a_client_id_beside_the_proof_must_be_the_same(server: TestServer) {
        let app = WebApp::register(&server).await;
        let other = WebApp::register(&server).await;
        app.call("/par", &[("client_id", &other.id)]).await.expect(400, "invalid_request");
    }

    async fn pa_05_what_is_no_reference_of_ours_is_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        let long = format!("{URN}{}", "x".repeat(5000));
        for uri in [URN, &format!("{URN}x"), &format!("{URN}' OR 1=1 --"), &long] {
            refused(&app, uri).await;
        }
        let uri = pushed(&app, &[]).await;
        let twice = format!("{}&request_uri=x", address(&[("client_id", &app.id), ("request_uri", &uri)]));
        app.agent.open(&twice).await.expect_error_page();
    }

    async fn az_02_a_request_or_reference_that_comes_twice_is_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        for name in ["request", "request_uri"] {
            let url = app.authorize_url(&[(name, "x")]);
            let page = app.agent.open(&format!("{url}&{name}=y")).await;
            page.expect_refusal("invalid_request");
        }
    }

    async fn pa_08_only_a_small_form_can_be_pushed(server: TestServer) {
        let app = WebApp::register(&server).await;
        let url = server.url("/par");
        for method in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::DELETE] {
            let sent = app.http.request(method, &url).send().await.expect("an answer");
            assert_eq!(sent.status(), 405);
        }
        let json = app.http.post(&url).header("content-type", "application/json").body("{}");
        let json = Reply::read(json.send().await.expect("an answer")).await;
        json.expect(400, "invalid_request");
        let long = "x".repeat(40 * 1024);
        push(&app, &[("ignored", &long)]).await.expect(400, "invalid_request");
        let longer = "x".repeat(70 * 1024);
        assert_eq!(push(&app, &[("ignored", &longer)]).await.status, 413);
    }

    async fn pa_08_what_was_pushed_is_removed_when_it_is_of_no_more_use(server: TestServer) {
        let app = WebApp::register(&server).await;
        pushed(&app, &[]).await;
        server.clock.advance_seconds(90 + 1800 + 301);
        let now = server.provider.now();
        let swept = server.provider.db.write(move |conn| housekeeping::delete_expired(conn, now));
        assert!(swept.await.expect("it can be swept") >= 1);
    }

    async fn pa_09_only_the_reference_leaves_the_server(server: TestServer) {
        let app = WebApp::register(&server).await;
        let extra = [("login_hint", "secret-hint"), ("state", "secret-state")];
        let reply = push(&app, &extra).await;
        assert!(!reply.text.contains("secret"), "{}", reply.text);
        let uri = reply.json["request_uri"].as_str().expect("a reference").to_owned();
        let page = app.agent.get(&address(&[("client_id", &app.id), ("request_uri", &uri)])).await;
        assert!(!page.location().expect("a redirect").contains("secret"));
        assert!(!page.header("set-cookie").contains("secret"));
    }
}

/// With settings of its own: on each database.
async fn with(store: Store, change: fn(&mut countersign::config::Config)) -> TestServer {
    TestServer::with_on(store, change).await
}

#[tokio::test]
async fn pa_08_a_client_that_pushes_too_much_has_to_wait() {
    for store in [Store::Sqlite, Store::Postgres] {
        let server = with(store, |config| config.requests.pushed_per_minute = 3).await;
        let app = WebApp::register(&server).await;
        for _ in 0..3 {
            assert_eq!(push(&app, &[]).await.status, 201);
        }
        let refused = push(&app, &[]).await;
        refused.expect(429, "temporarily_unavailable");
        assert!(!refused.header("retry-after").is_empty());
        let other = WebApp::register(&server).await;
        assert_eq!(push(&other, &[]).await.status, 201, "another client has its own count");
        server.clock.advance_seconds(61);
        assert_eq!(push(&app, &[]).await.status, 201);
    }
}

#[tokio::test]
async fn the_server_may_ask_every_client_to_push() {
    for store in [Store::Sqlite, Store::Postgres] {
        let server = with(store, |config| config.requests.require_pushed = true).await;
        let app = WebApp::register(&server).await;
        app.authorize(&[]).await.expect_refusal("invalid_request");
        open(&app, &pushed(&app, &[]).await).await.expect_login();
        let url = server.url("/.well-known/openid-configuration");
        let document = Reply::read(app.http.get(url).send().await.expect("an answer")).await.json;
        assert_eq!(document["require_pushed_authorization_requests"], true);
        assert_eq!(document["pushed_authorization_request_endpoint"], server.url("/par"));
    }
}
