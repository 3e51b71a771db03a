//! Clients that are told when somebody has decided (OpenID Connect CIBA §10.2).

use crate::support::ciba::{GRANT, asked_for, bank, sign_request};
use crate::support::crypto::{jwks, key};
use crate::support::inbox::Inbox;
use crate::support::registration::{register, registered};
use crate::support::{TestServer, WebApp, both_with};
use countersign::domain::clients::management::ClientDraft;
use countersign::jose::SigningAlgorithm;
use countersign::protocol::client::GrantType;
use countersign::protocol::client::backchannel::DeliveryMode;
use serde_json::{Value, json};

/// Whoever asks people may register.
fn by_registration(config: &mut countersign::config::Config) {
    crate::support::registration::open(config);
    config.registration.grant_types = vec![GrantType::Ciba];
}

const TOKEN: &str = "notification-token-0123456789-0123456789";

fn own_machine(config: &mut countersign::config::Config) {
    config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

/// A bank that is told at an inbox.
fn told_at(uri: String) -> impl FnOnce(&mut ClientDraft) {
    move |draft| {
        bank(draft);
        draft.metadata.backchannel.backchannel_token_delivery_mode = Some(DeliveryMode::Ping);
        draft.metadata.backchannel.backchannel_client_notification_endpoint = Some(uri);
    }
}

both_with! { own_machine;
    async fn c3_a_client_is_told_of_each_decision_whatever_it_answers(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        let app = WebApp::register_as(&server, told_at(inbox.url("/told"))).await;
        for (count, status) in [204, 200, 401, 403, 302].into_iter().enumerate() {
            inbox.answer(status);
            let id = app.asked("ada", &[("client_notification_token", TOKEN)]).await;
            match count % 2 {
                0 => drop(app.allow("ada").await),
                _ => drop(app.press(&app.waiting("ada").await, "deny").await),
            }
            let posts = inbox.expect(count + 1).await;
            let last = posts.last().expect("a post");
            assert_eq!(last.path, "/told");
            assert_eq!(last.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
            assert_eq!(last.header("content-type"), Some("application/json"));
            let body: Value = serde_json::from_str(&last.body).expect("JSON");
            assert_eq!(body, json!({ "auth_req_id": id }));
            match count % 2 {
                0 => drop(app.fetch(&id).await.expect_tokens()),
                _ => app.fetch(&id).await.expect(400, "access_denied"),
            }
        }
        server.clock.advance_seconds(3600);
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        assert_eq!(inbox.posts().len(), 5, "nobody is told twice, or follows a redirect");
    }

    async fn c3_a_client_that_is_away_is_told_later_and_nothing_is_lost(server: TestServer) {
        server.user("ada").await;
        let port = crate::support::ports::free_port();
        let uri = format!("http://127.0.0.1:{port}/told");
        let app = WebApp::register_as(&server, told_at(uri)).await;
        let id = app.asked("ada", &[("client_notification_token", TOKEN)]).await;
        app.allow("ada").await;
        // What was decided is there for who asks by itself.
        app.fetch(&id).await.expect_tokens();
        let told = countersign::domain::outbox::list_of_client;
        let ground = server.provider.ground();
        let waits = told(&ground, &app.id).await.expect("the database answers");
        assert_eq!(waits.len(), 1, "the message is in the transaction of the decision");
        assert!(!waits[0].payload.contains(&id) && !waits[0].payload.contains(TOKEN));
        for _ in 0..100 {
            let now = told(&ground, &app.id).await.expect("the database answers");
            if now[0].tried_at.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let inbox = Inbox::open_at(port).await;
        server.clock.advance_seconds(30);
        let posts = inbox.expect(1).await;
        assert!(posts[0].body.contains(&id));
    }

    async fn c3_the_token_of_the_client_is_asked_for_and_checked(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        let app = WebApp::register_as(&server, told_at(inbox.url("/told"))).await;
        let long = "x".repeat(1025);
        for token in ["", "with space", "quote\"", "=", "tab\tb", &*long] {
            let form = [
                ("scope", "openid"), ("login_hint", "ada"), ("client_notification_token", token),
            ];
            app.ask(&form).await.expect(400, "invalid_request");
        }
    }

    async fn c3_a_client_is_told_when_nobody_decides_in_time(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        let app = WebApp::register_as(&server, told_at(inbox.url("/told"))).await;
        let form = [("client_notification_token", TOKEN), ("requested_expiry", "60")];
        let id = app.asked("ada", &form).await;
        server.clock.advance_seconds(59);
        server.settle().await;
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        assert!(inbox.posts().is_empty(), "somebody may still decide");
        server.clock.advance_seconds(1);
        let posts = inbox.expect(1).await;
        assert_eq!(serde_json::from_str::<Value>(&posts[0].body).expect("JSON"), json!({ "auth_req_id": id }));
        app.fetch(&id).await.expect(400, "expired_token");
    }

    async fn c3_x_04_a_client_is_told_when_its_person_is_blocked(server: TestServer) {
        let ada = server.user("ada").await;
        server.user("bob").await;
        let inbox = Inbox::open().await;
        let app = WebApp::register_as(&server, told_at(inbox.url("/told"))).await;
        let told = [("client_notification_token", TOKEN)];
        let theirs = [app.asked("ada", &told).await, app.asked("ada", &told).await];
        let other = app.asked("bob", &told).await;
        server.block(&ada).await;
        let posts = inbox.expect(2).await;
        for id in &theirs {
            assert!(posts.iter().any(|post| post.body.contains(id)));
            app.fetch(id).await.expect(400, "access_denied");
        }
        app.fetch(&other).await.expect(400, "authorization_pending");
        server.clock.advance_seconds(3600);
        let posts = inbox.expect(3).await;
        assert!(posts[2].body.contains(&other), "the others are told once and no more");
    }
}

both_with! { by_registration;
    async fn c4_a_client_registers_itself_to_ask_people(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        let key = key(SigningAlgorithm::PS256);
        let body = json!({
            "client_name": "Bank", "grant_types": [GRANT], "response_types": [],
            "jwks": jwks(&[&key]), "scope": "openid",
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": inbox.url("/told"),
            "backchannel_authentication_request_signing_alg": "PS256",
            "backchannel_user_code_parameter": false,
        });
        let registered = registered(&server, &body).await;
        for name in [
            "grant_types", "response_types", "backchannel_token_delivery_mode",
            "backchannel_client_notification_endpoint",
            "backchannel_authentication_request_signing_alg",
        ] {
            assert_eq!(registered.json[name], body[name], "{name}");
        }
        let app = registered.app(&server);
        let changes = json!({ "client_notification_token": TOKEN });
        let object = sign_request(&key, &asked_for(&server, &app, &changes));
        let reply = app.ask(&[("request", &*object)]).await;
        let id = reply.json["auth_req_id"].as_str().expect("it is taken").to_owned();
        app.allow("ada").await;
        assert!(inbox.expect(1).await[0].body.contains(&id));
        app.fetch(&id).await.expect_tokens();
        for wrong in [
            json!({ "backchannel_token_delivery_mode": "push" }),
            json!({ "backchannel_client_notification_endpoint": "http://bank.example/" }),
            json!({ "backchannel_client_notification_endpoint": null }),
            json!({ "backchannel_authentication_request_signing_alg": "RS256" }),
            json!({ "backchannel_authentication_request_signing_alg": "none" }),
            json!({ "backchannel_user_code_parameter": true }),
            json!({ "token_endpoint_auth_method": "none" }),
        ] {
            let mut body = body.clone();
            for (name, value) in wrong.as_object().expect("an object") {
                body[name.as_str()] = value.clone();
            }
            register(&server, &body).await.expect(400, "invalid_client_metadata");
        }
    }
}
