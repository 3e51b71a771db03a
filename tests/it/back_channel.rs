//! Telling clients that a session has ended (OpenID Connect Back-Channel Logout 1.0).

use crate::support::crypto::{claims, header};
use crate::support::test_server::system;
use crate::support::{Inbox, TestServer, WebApp, both_with};
use countersign::domain::clients::management::ClientDraft;
use countersign::domain::identity::users;
use countersign::jose::{DecryptionKey, KeyManagement};
use countersign::protocol::client::SubjectType;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const BACK: (&str, &str) = ("post_logout_redirect_uri", "https://app.example/out");

fn own_machine(config: &mut countersign::config::Config) {
    config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

fn told_at(uri: String) -> impl FnOnce(&mut ClientDraft) {
    |draft| draft.metadata.logout.backchannel_logout_uri = Some(uri)
}

async fn app_told_at(server: &TestServer, inbox: &Inbox) -> WebApp {
    WebApp::register_as(server, told_at(inbox.url("/out"))).await
}

async fn sign_out(app: &WebApp, id_token: &str) {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs([("id_token_hint", id_token), BACK]).finish();
    app.agent.open(&format!("/logout?{query}")).await.expect_answer();
}

fn logout_token(posted: &crate::support::inbox::Posted) -> String {
    let [(name, token)] = &posted.form()[..] else { panic!("one parameter: {posted:?}") };
    assert_eq!(name, "logout_token");
    token.clone()
}

/// Nothing more comes, also not a while later.
async fn expect_quiet(inbox: &Inbox, count: usize) {
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(inbox.posts().len(), count, "{:?}", inbox.posts());
}

/// The message was tried so often, and nothing is under way.
async fn expect_attempts(server: &TestServer, client_id: &str, count: i32) {
    for _ in 0..200 {
        let found = messages(server, client_id).await;
        if found.iter().all(|message| message.attempts == count && message.tried_at.is_some())
            && found.iter().all(|message| message.due_at.is_none_or(|due| due != lease(message)))
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", messages(server, client_id).await);
}

fn lease(message: &countersign::storage::outbox::Message) -> i64 {
    message.tried_at.unwrap_or(message.created_at) + 15
}

async fn messages(
    server: &TestServer,
    client_id: &str,
) -> Vec<countersign::storage::outbox::Message> {
    countersign::domain::outbox::list_of_client(&server.provider.ground(), client_id)
        .await
        .expect("the database answers")
}

both_with! { own_machine;
    async fn l7_a_client_is_told_that_the_session_ended(server: TestServer) {
        let ada = server.user("ada").await;
        let inbox = Inbox::open().await;
        let app = app_told_at(&server, &inbox).await;
        let id_token = app.tokens("ada", "openid").await.id_token;
        sign_out(&app, &id_token).await;
        let posts = inbox.expect(1).await;
        assert_eq!(posts[0].path, "/out");
        assert_eq!(posts[0].header("content-type"), Some("application/x-www-form-urlencoded"));
        let token = logout_token(&posts[0]);
        let (told, of_sign_in) = (claims(&token), claims(&id_token));
        assert_eq!(header(&token)["typ"], "logout+jwt");
        assert_eq!(header(&token)["alg"], header(&id_token)["alg"]);
        assert_eq!(told["iss"], server.issuer());
        assert_eq!(told["aud"], *app.id);
        assert_eq!(told["sub"], *ada.user.id);
        assert_eq!(told["sid"], of_sign_in["sid"]);
        assert!(of_sign_in["sid"].is_string());
        assert!(told["jti"].as_str().is_some_and(|jti| jti.len() > 20));
        let events = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
        assert_eq!(told["events"], events);
        assert!(told.get("nonce").is_none());
        expect_quiet(&inbox, 1).await;
    }

    async fn lo_06_a_logout_token_is_short_lived_and_no_id_token(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        let app = app_told_at(&server, &inbox).await;
        let id_token = app.tokens("ada", "openid").await.id_token;
        sign_out(&app, &id_token).await;
        let token = logout_token(&inbox.expect(1).await[0]);
        let told = claims(&token);
        let life = told["exp"].as_i64().expect("exp") - told["iat"].as_i64().expect("iat");
        assert!((1..=120).contains(&life), "{life}");
        // It has the signature of an ID token, and is none.
        app.tokens("ada", "openid").await;
        let query = format!("/logout?id_token_hint={token}&post_logout_redirect_uri={}", BACK.1);
        assert!(app.agent.open(&query).await.answer().is_none());
        assert_eq!(app.userinfo(&token).await.status, 401);
        assert!(!app.is_active(&token).await);
    }

    async fn l7_each_client_of_the_session_and_no_other_is_told(server: TestServer) {
        server.user("ada").await;
        let (one, two, three) = (Inbox::open().await, Inbox::open().await, Inbox::open().await);
        let first = app_told_at(&server, &one).await;
        let second = app_told_at(&server, &two).await.in_browser_of(&first);
        // Ada is there as well, in another browser.
        let elsewhere = app_told_at(&server, &three).await;
        elsewhere.tokens("ada", "openid").await;
        let id_token = first.tokens("ada", "openid").await.id_token;
        second.tokens("ada", "openid").await;
        second.tokens("ada", "openid").await;
        sign_out(&first, &id_token).await;
        let told = claims(&logout_token(&one.expect(1).await[0]));
        let also = claims(&logout_token(&two.expect(1).await[0]));
        assert_eq!((&told["aud"], &also["aud"]), (&json!(first.id), &json!(second.id)));
        assert_eq!(told["sid"], also["sid"]);
        assert_ne!(told["jti"], also["jti"]);
        expect_quiet(&three, 0).await;
        expect_quiet(&two, 1).await;
    }

    async fn l7_a_session_is_told_of_long_after_its_tokens_are_gone(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        let app = app_told_at(&server, &inbox).await;
        let id_token = app.tokens("ada", "openid").await.id_token;
        server.clock.advance_seconds(10 * 3600);
        countersign::domain::housekeeping::run_once(&server.provider).await.expect("it sweeps");
        sign_out(&app, &id_token).await;
        inbox.expect(1).await;
    }

    async fn l7_a_client_that_says_later_where_it_is_told_hears_of_sessions_before(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        for hours in [0, 5] {
            let app = WebApp::register(&server).await;
            let id_token = app.tokens("ada", "openid").await.id_token;
            // Its authorization goes, and the session stays.
            server.clock.advance_seconds(hours * 3600);
            countersign::domain::housekeeping::run_once(&server.provider).await.expect("it sweeps");
            let before = inbox.posts().len();
            let uri = inbox.url("/out");
            let arguments = ["client", "update", &app.id, "--backchannel-logout-uri", &uri, "--json"];
            server.command(&arguments).await.expect_json();
            server.provider.forget();
            sign_out(&app, &id_token).await;
            let told = claims(&logout_token(&inbox.expect(before + 1).await[before]));
            assert_eq!(told["aud"], *app.id);
            assert_eq!(told["sid"], claims(&id_token)["sid"]);
        }
    }

    async fn l7_whoever_was_refused_is_not_told(server: TestServer) {
        server.user("ada").await;
        let (one, two) = (Inbox::open().await, Inbox::open().await);
        let app = app_told_at(&server, &one).await;
        let refused = app_told_at(&server, &two).await.in_browser_of(&app);
        let id_token = app.tokens("ada", "openid").await.id_token;
        let page = refused.authorize(&[]).await;
        let answer = refused.agent.decide(&page, "deny").await.expect_answer();
        assert_eq!(answer.get("error"), "access_denied");
        server.clock.advance_seconds(5 * 3600);
        countersign::domain::housekeeping::run_once(&server.provider).await.expect("it sweeps");
        sign_out(&app, &id_token).await;
        one.expect(1).await;
        expect_quiet(&two, 0).await;
    }

    async fn l7_every_way_in_which_a_session_ends_is_told_of(server: TestServer) {
        let ground = server.provider.ground();
        let inbox = Inbox::open().await;
        let app = app_told_at(&server, &inbox).await;
        for (index, cause) in ["block", "password", "revoke", "end", "delete"].iter().enumerate() {
            let name = format!("user{index}");
            let user = server.user(&name).await;
            let id = &user.user.id;
            let id_token = app.in_another_browser().tokens(&name, "openid").await.id_token;
            let sid = claims(&id_token)["sid"].as_str().expect("a session").to_owned();
            match *cause {
                "block" => server.block(&user).await,
                "password" => {
                    let new = "another horse battery".to_owned();
                    users::set_password(&ground, id, new, None, system()).await.expect("set");
                }
                "revoke" => users::revoke_tokens(&ground, id, system()).await.expect("revoked"),
                "end" => {
                    let ended = users::end_session(&ground, id, &sid, system()).await;
                    assert!(ended.expect("ended"));
                }
                _ => users::delete(&ground, id, system()).await.expect("deleted"),
            }
            let posts = inbox.expect(index + 1).await;
            let told = claims(&logout_token(&posts[index]));
            assert_eq!((&told["sub"], &told["sid"]), (&json!(id), &json!(sid)), "{cause}");
        }
        expect_quiet(&inbox, 5).await;
    }

    async fn l7_a_session_that_stays_is_not_told_of(server: TestServer) {
        let ada = server.user("ada").await;
        let inbox = Inbox::open().await;
        let app = app_told_at(&server, &inbox).await;
        let here = app.tokens("ada", "openid").await.id_token;
        app.in_another_browser().tokens("ada", "openid").await;
        let keep = claims(&here)["sid"].as_str().expect("a session").to_owned();
        let new = "another horse battery".to_owned();
        let ground = server.provider.ground();
        users::set_password(&ground, &ada.user.id, new, Some(&keep), system()).await.expect("set");
        let told = claims(&logout_token(&inbox.expect(1).await[0]));
        assert_ne!(told["sid"], *keep);
        expect_quiet(&inbox, 1).await;
    }

    async fn l7_a_pairwise_client_is_told_by_its_own_names(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        let uri = inbox.url("/out");
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.subject_type = SubjectType::Pairwise;
            told_at(uri)(draft);
        })
        .await;
        let id_token = app.tokens("ada", "openid").await.id_token;
        sign_out(&app, &id_token).await;
        let told = claims(&logout_token(&inbox.expect(1).await[0]));
        assert_eq!(told["sub"], claims(&id_token)["sub"]);
        assert_eq!(told["sid"], claims(&id_token)["sid"]);
    }

    async fn l7_a_logout_token_is_signed_and_encrypted_as_id_tokens_are(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        let key = DecryptionKey::generate(KeyManagement::EcdhEs).expect("a key can be made");
        let (set, uri) = (json!({ "keys": [key.public_jwk()] }), inbox.url("/out"));
        let app = WebApp::register_as(&server, |draft| {
            told_at(uri)(draft);
            draft.metadata.jwks = Some(set);
            draft.metadata.id_token_signed_response_alg = Some("ES256".into());
            draft.metadata.id_token_encrypted_response_alg = Some("ECDH-ES".into());
        })
        .await;
        app.tokens("ada", "openid").await;
        let page = app.agent.open("/logout").await;
        app.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
        let token = logout_token(&inbox.expect(1).await[0]);
        let outer = header(&token);
        assert_eq!((&outer["cty"], &outer["alg"]), (&json!("JWT"), &json!("ECDH-ES")));
        let opened = key.decrypt(&token, &KeyManagement::PUBLIC).expect("it opens");
        let inner = opened.jwt().expect("a token is inside").to_owned();
        assert_eq!(header(&inner)["alg"], "ES256");
        assert_eq!(header(&inner)["typ"], "logout+jwt");
        assert_eq!(claims(&inner)["aud"], *app.id);
    }

    async fn lo_05_a_client_that_fails_is_tried_three_times_again(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        inbox.answer(500);
        let app = app_told_at(&server, &inbox).await;
        let id_token = app.tokens("ada", "openid").await.id_token;
        sign_out(&app, &id_token).await;
        let mut jtis = BTreeSet::new();
        for (tried, pause) in [(1, 11), (2, 121), (3, 901), (4, 3600)] {
            let posts = inbox.expect(tried).await;
            let told = claims(&logout_token(&posts[tried - 1]));
            assert!(jtis.insert(told["jti"].to_string()), "a token of its own each time");
            assert_eq!(told["iat"], server.provider.now().as_unix(), "and a young one");
            expect_attempts(&server, &app.id, i32::try_from(tried).expect("small")).await;
            expect_quiet(&inbox, tried).await;
            server.clock.advance_seconds(pause);
        }
        expect_quiet(&inbox, 4).await;
        let given_up = &messages(&server, &app.id).await[0];
        assert!(!given_up.delivered && given_up.due_at.is_none(), "{given_up:?}");
    }

    async fn lo_05_a_client_that_comes_back_is_told(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        inbox.answer(302);
        let app = app_told_at(&server, &inbox).await;
        let id_token = app.tokens("ada", "openid").await.id_token;
        sign_out(&app, &id_token).await;
        inbox.expect(1).await;
        expect_attempts(&server, &app.id, 1).await;
        inbox.answer(204);
        server.clock.advance_seconds(11);
        let posts = inbox.expect(2).await;
        assert!(posts.iter().all(|posted| posted.path == "/out"), "no redirect is followed");
        server.clock.advance_seconds(3600);
        expect_quiet(&inbox, 2).await;
        assert!(messages(&server, &app.id).await[0].delivered);
    }

    async fn lo_05_nobody_waits_for_a_slow_client(server: TestServer) {
        server.user("ada").await;
        let (slow, quick) = (Inbox::open().await, Inbox::open().await);
        slow.be_slow(Duration::from_secs(30));
        let app = app_told_at(&server, &slow).await;
        let other = app_told_at(&server, &quick).await.in_browser_of(&app);
        let id_token = app.tokens("ada", "openid").await.id_token;
        other.tokens("ada", "openid").await;
        let soon = Duration::from_secs(2);
        let out = tokio::time::timeout(soon, sign_out(&app, &id_token)).await;
        out.expect("the person is not kept waiting");
        let told = tokio::time::timeout(soon, quick.expect(1)).await;
        told.expect("nor is the other client");
    }

    async fn what_a_dead_worker_had_taken_is_delivered_by_another(server: TestServer) {
        use countersign::storage::outbox;
        let ada = server.user("ada").await;
        let inbox = Inbox::open().await;
        let app = app_told_at(&server, &inbox).await;
        let id_token = app.tokens("ada", "openid").await.id_token;
        let sid = claims(&id_token)["sid"].as_str().expect("a session").to_owned();
        // Taken in the moment of its cause, by somebody who is never heard of again.
        let (now, cause) = (
            server.provider.now(),
            server.provider.cause(countersign::domain::revocation::Reason::SignedOut, system()),
        );
        let taken = server.provider.db.write(move |conn| {
            countersign::domain::revocation::end_session(conn, &ada.user.id, &sid, &cause)?;
            let due = outbox::list_due(conn, now, &[], 10)?;
            outbox::take(conn, &due[0], now + countersign::protocol::time::Lifetime::seconds(15))
        });
        assert!(taken.await.expect("the database answers"));
        expect_quiet(&inbox, 0).await;
        server.clock.advance_seconds(16);
        inbox.expect(1).await;
        expect_quiet(&inbox, 1).await;
    }

    async fn two_hundred_messages_are_delivered_once_each_by_racing_workers(server: TestServer) {
        let ada = server.user("ada").await;
        let other = server.beside_if_possible().await;
        let inbox = Inbox::open().await;
        let mut clients = Vec::new();
        for _ in 0..40 {
            clients.push(app_told_at(&server, &inbox).await);
        }
        for _ in 0..5 {
            let browser = clients[0].in_another_browser();
            for client in &clients {
                client.in_browser_of(&browser).code("ada", &[]).await;
            }
        }
        server.block(&ada).await;
        let posts = inbox.expect(200).await;
        expect_quiet(&inbox, 200).await;
        let told: BTreeSet<String> = posts
            .iter()
            .map(|posted| claims(&logout_token(posted)))
            .map(|told| format!("{} {}", told["aud"], told["sid"]))
            .collect();
        assert_eq!(told.len(), 200, "each client of each session once");
        drop(other);
    }

    async fn the_members_of_sign_out_are_flags_and_are_checked(server: TestServer) {
        let app = WebApp::register(&server).await;
        let update = async |flags: &[&str]| {
            let all = [&["client", "update", app.id.as_str()], flags, &["--json"]].concat();
            server.command(&all).await
        };
        for (flag, bad) in [
            ("--backchannel-logout-uri", "http://app.example/out"),
            ("--backchannel-logout-uri", "https://app.example/out#x"),
            ("--frontchannel-logout-uri", "https://elsewhere.example/out"),
        ] {
            update(&[flag, bad]).await.expect_refusal(2);
        }
        let made = update(&[
            "--backchannel-logout-uri", "https://app.example/out",
            "--backchannel-logout-session-required",
            "--frontchannel-logout-uri", "https://app.example/frame",
            "--frontchannel-logout-session-required",
        ])
        .await
        .expect_json();
        for (member, value) in [
            ("backchannel_logout_uri", json!("https://app.example/out")),
            ("backchannel_logout_session_required", json!(true)),
            ("frontchannel_logout_uri", json!("https://app.example/frame")),
            ("frontchannel_logout_session_required", json!(true)),
        ] {
            assert_eq!(made[member], value, "{member}");
        }
        let unset = "backchannel_logout_uri,frontchannel_logout_uri,\
                     backchannel_logout_session_required,frontchannel_logout_session_required";
        let gone = update(&["--unset", unset]).await.expect_json();
        assert!(gone.as_object().expect("an object").keys().all(|name| !name.contains("channel")));
    }

    async fn whoever_wants_no_word_gets_none_and_costs_nothing(server: TestServer) {
        server.user("ada").await;
        let inbox = Inbox::open().await;
        let app = WebApp::register(&server).await;
        let gone = app_told_at(&server, &inbox).await.in_browser_of(&app);
        let id_token = app.tokens("ada", "openid").await.id_token;
        gone.tokens("ada", "openid").await;
        let ground = server.provider.ground();
        countersign::domain::clients::management::disable(&ground, &gone.id, system())
            .await
            .expect("it can be disabled");
        sign_out(&app, &id_token).await;
        expect_quiet(&inbox, 0).await;
        assert!(messages(&server, &app.id).await.is_empty());
        assert!(messages(&server, &gone.id).await.is_empty());
    }
}

/// LO-05: RG-02 holds for these calls, too.
#[tokio::test]
async fn lo_05_an_address_inside_is_not_called() {
    let server = TestServer::start().await;
    server.user("ada").await;
    let inbox = Inbox::open().await;
    let app = app_told_at(&server, &inbox).await;
    let id_token = app.tokens("ada", "openid").await.id_token;
    sign_out(&app, &id_token).await;
    expect_attempts(&server, &app.id, 1).await;
    expect_quiet(&inbox, 0).await;
    let problem = messages(&server, &app.id).await[0].problem.clone();
    assert_eq!(problem.as_deref(), Some("the address is not one that may be called"));
}

/// L7: what is announced is there.
#[tokio::test]
async fn l7_the_document_says_that_clients_are_told() {
    let server = TestServer::start().await;
    let app = WebApp::register(&server).await;
    let url = server.url("/.well-known/openid-configuration");
    let document: Value =
        crate::support::Reply::read(app.http.get(url).send().await.expect("an answer")).await.json;
    assert_eq!(document["backchannel_logout_supported"], true);
    assert_eq!(document["backchannel_logout_session_supported"], true);
}
