//! Initial access tokens (RFC 7591 §3), and what becomes of clients that never come.

use crate::support::registration::{
    Registered, by_token, open, register, register_with, registered, web, web_with,
};
use crate::support::test_server::system;
use crate::support::{TestServer, both_with};
use countersign::domain::clients::management;
use countersign::domain::housekeeping;
use countersign::domain::registration::initial_tokens::{self, NewToken};
use countersign::protocol::time::Lifetime;
use serde_json::json;

async fn token(server: &TestServer, uses: u32) -> (String, String) {
    let new = NewToken { label: "the shop".into(), uses, lifetime: Lifetime::hours(1) };
    let made = initial_tokens::create(&server.provider.ground(), new, system()).await;
    let (value, token) = made.expect("a token can be made");
    (value, token.id)
}

async fn is_there(server: &TestServer, id: &str) -> bool {
    management::find(&server.provider.ground(), id).await.expect("a database").is_some()
}

both_with! { by_token;
    async fn rg_01_a_good_token_lets_a_client_in(server: TestServer) {
        let (value, _) = token(&server, 1).await;
        let client = Registered::of(&register_with(&server, &value, &web()).await);
        assert!(is_there(&server, &client.id).await);
    }

    async fn rg_01_without_a_good_token_nobody_comes_in(server: TestServer) {
        let reply = register(&server, &web()).await;
        assert_eq!(reply.status, 401, "{}", reply.text);
        assert_eq!(reply.header("www-authenticate"), r#"Bearer realm="countersign""#);
        for wrong in ["wrong", "\u{20}", "a.b.c"] {
            register_with(&server, wrong, &web()).await.expect_error(401);
        }
        let (value, _) = token(&server, 1).await;
        let client = Registered::of(&register_with(&server, &value, &web()).await);
        // What manages a registration lets nobody else in.
        register_with(&server, &client.token, &web()).await.expect(401, "invalid_token");
    }

    async fn rg_01_a_token_is_good_as_often_as_it_says(server: TestServer) {
        let (value, _) = token(&server, 2).await;
        for _ in 0..2 {
            Registered::of(&register_with(&server, &value, &web()).await);
        }
        register_with(&server, &value, &web()).await.expect(401, "invalid_token");
    }

    async fn rg_01_a_refused_registration_uses_nothing_up(server: TestServer) {
        let (value, _) = token(&server, 1).await;
        let wrong = json!({ "redirect_uris": ["http://shop.example/cb"] });
        register_with(&server, &value, &wrong).await.expect(400, "invalid_redirect_uri");
        let late = web_with(&json!({ "id_token_signed_response_alg": "none" }));
        register_with(&server, &value, &late).await.expect(400, "invalid_client_metadata");
        Registered::of(&register_with(&server, &value, &web()).await);
    }

    async fn rg_01_a_token_ends_with_its_time(server: TestServer) {
        let (value, _) = token(&server, 5).await;
        server.clock.advance_seconds(3600);
        register_with(&server, &value, &web()).await.expect(401, "invalid_token");
    }

    async fn rg_01_a_token_that_is_taken_back_is_none(server: TestServer) {
        let (value, id) = token(&server, 5).await;
        let client = Registered::of(&register_with(&server, &value, &web()).await);
        let ground = server.provider.ground();
        initial_tokens::revoke(&ground, &id, system()).await.expect("it is there");
        register_with(&server, &value, &web()).await.expect(401, "invalid_token");
        assert!(initial_tokens::revoke(&ground, &id, system()).await.is_err());
        assert_eq!(client.read().await.status, 200);
    }

    async fn rg_01_of_many_at_once_so_many_come_in_as_the_token_allows(server: TestServer) {
        let (value, _) = token(&server, 3).await;
        let racers = (0..40).map(|_| {
            let (server, value) = (server.url("/register"), value.clone());
            tokio::spawn(async move {
                let body = web();
                crate::support::registration::send(
                    reqwest::Method::POST, &server, Some(&value), Some(&body),
                )
                .await
                .status
            })
        });
        let mut statuses = Vec::new();
        for racer in racers.collect::<Vec<_>>() {
            statuses.push(racer.await.expect("it ends"));
        }
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 3, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 37, "{statuses:?}");
    }

    async fn rg_01_only_the_digest_of_a_token_is_kept(server: TestServer) {
        let (value, _) = token(&server, 1).await;
        let client = Registered::of(&register_with(&server, &value, &web()).await);
        let stored = initial_tokens::list(&server.provider.ground()).await.expect("a database");
        assert_eq!(stored[0].uses_left, 0);
        assert!(stored.iter().all(|token| token.token_hash != value));
        let id = client.id.clone();
        let kept = server.provider.db.read(move |conn| {
            countersign::storage::registrations::find(conn, &id)
        });
        let kept = kept.await.expect("a database").expect("a registration");
        assert_ne!(kept.token_hash, client.token);
    }

    async fn rg_01_the_command_line_makes_and_takes_back(server: TestServer) {
        let made = ["registration", "create-token", "--label", "ci", "--uses", "2", "--json"];
        let made = server.command(&made).await.expect_json();
        let value = made["initial_access_token"].as_str().expect("a token");
        Registered::of(&register_with(&server, value, &web()).await);
        let listed = server.command(&["registration", "list-tokens", "--json"]).await.expect_json();
        assert_eq!((&listed[0]["label"], &listed[0]["uses_left"]), (&json!("ci"), &json!(1)));
        assert!(!listed.to_string().contains(value));
        let id = made["id"].as_str().expect("an id");
        server.command(&["registration", "revoke-token", id, "--json"]).await.expect_json();
        register_with(&server, value, &web()).await.expect(401, "invalid_token");
        server.command(&["registration", "revoke-token", id]).await.expect_refusal(1);
        for wrong in [["--uses", "0"], ["--expires-in", "1"], ["--label", ""]] {
            let mut line = vec!["registration", "create-token"];
            if wrong[0] != "--label" {
                line.extend(["--label", "x"]);
            }
            line.extend(wrong);
            server.command(&line).await.expect_refusal(2);
        }
    }
}

both_with! { open;
    async fn rg_11_who_never_comes_is_gone_after_a_day(server: TestServer) {
        server.user("ada").await;
        let (idle, used) = (registered(&server, &web()).await, registered(&server, &web()).await);
        let by_house = crate::support::WebApp::register(&server).await;
        used.app(&server).tokens("ada", "openid").await;
        server.clock.advance_seconds(86_399);
        housekeeping::run_once(&server.provider).await.expect("a database");
        assert!(is_there(&server, &idle.id).await);
        server.clock.advance_seconds(1);
        housekeeping::run_once(&server.provider).await.expect("a database");
        assert!(!is_there(&server, &idle.id).await);
        idle.read().await.expect(401, "invalid_token");
        assert!(is_there(&server, &used.id).await && is_there(&server, &by_house.id).await);
        assert_eq!(used.read().await.status, 200);
    }
}

fn open_for_two(config: &mut countersign::config::Config) {
    open(config);
    config.registration.per_hour = 5;
    config.registration.max_unused = 2;
}

both_with! { open_for_two;
    async fn rg_11_so_many_wait_and_so_many_come_from_one_address(server: TestServer) {
        server.user("ada").await;
        let first = registered(&server, &web()).await;
        registered(&server, &web()).await;
        let full = register(&server, &web()).await;
        full.expect(503, "temporarily_unavailable");
        assert!(!full.header("retry-after").is_empty());
        first.app(&server).tokens("ada", "openid").await;
        registered(&server, &web()).await;
        register(&server, &json!({})).await.expect_error(400);
        let hasty = register(&server, &web()).await;
        hasty.expect(429, "temporarily_unavailable");
        assert!(!hasty.header("retry-after").is_empty());
        server.clock.advance_seconds(3600);
        register(&server, &json!({})).await.expect_error(400);
    }
}
