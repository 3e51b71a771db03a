//! Pairwise subjects (OpenID Connect Core §8.1, Registration §5).

use crate::support::crypto::claims;
use crate::support::test_server::system;
use crate::support::{Site, TestServer, Tokens, WebApp, both_with};
use countersign::domain::clients::management::{self, ClientDraft, ClientError};
use countersign::protocol::client::{AccessTokenFormat, SubjectType};
use countersign::protocol::revocation::TokenFacts;
use countersign::protocol::time::Timestamp;
use serde_json::{Value, json};

fn own_machine(config: &mut countersign::config::Config) {
    config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

async fn app_at(server: &TestServer, host: &str) -> WebApp {
    WebApp::register_as(server, |draft| pairwise_at(draft, host)).await
}

fn pairwise_at(draft: &mut ClientDraft, host: &str) {
    draft.metadata.subject_type = SubjectType::Pairwise;
    draft.metadata.redirect_uris = vec![format!("https://{host}/cb")];
}

fn sub(token: &str) -> String {
    claims(token)["sub"].as_str().expect("a text").to_owned()
}

/// Whether the list would refuse a token of which it knows nothing but the subject.
fn is_listed(server: &TestServer, client_id: &str, subject: &str, issued_at: i64) -> bool {
    let list = server.provider.revocation.list();
    let facts = TokenFacts {
        jti: "unknown",
        subject,
        client_id,
        sid: None,
        kid: None,
        issued_at: Timestamp::from_unix(issued_at),
    };
    let list = list.read().expect("no one panics with the lock");
    list.is_revoked(&facts)
}

both_with! { own_machine;
    async fn d9_each_sector_knows_a_person_by_another_name(server: TestServer) {
        let ada = server.user("ada").await;
        server.user("bob").await;
        let one = app_at(&server, "one.example").await;
        let two = app_at(&server, "two.example").await;
        let public = WebApp::register(&server).await;
        let of_one = sub(&one.tokens("ada", "openid").await.id_token);
        let of_two = sub(&two.tokens("ada", "openid").await.id_token);
        assert_eq!(sub(&public.tokens("ada", "openid").await.id_token), ada.user.id);
        assert_ne!(of_one, of_two);
        assert_ne!(of_one, ada.user.id);
        assert!(of_one.is_ascii() && of_one.len() <= 255);
        assert_ne!(of_one, sub(&one.in_another_browser().tokens("bob", "openid").await.id_token));
        // The same for ever, and for every client of the sector.
        let again = one.in_another_browser();
        assert_eq!(sub(&again.tokens("ada", "openid").await.id_token), of_one);
        let sibling = app_at(&server, "one.example").await;
        assert_eq!(sub(&sibling.tokens("ada", "openid").await.id_token), of_one);
    }

    async fn u2_the_name_is_the_same_wherever_the_client_sees_it(server: TestServer) {
        let ada = server.user("ada").await;
        let formats = [AccessTokenFormat::Jwt, AccessTokenFormat::Jwe, AccessTokenFormat::Opaque];
        for format in formats {
            let app = WebApp::register_as(&server, |draft| {
                pairwise_at(draft, "one.example");
                draft.policy.access_token_format = format;
            })
            .await;
            let tokens = app.tokens("ada", "openid email offline_access").await;
            let name = sub(&tokens.id_token);
            let about = app.userinfo(&tokens.access_token).await.json;
            assert_eq!((&about["sub"], &about["email"]), (&json!(name), &json!(ada.user.email)));
            let told = app.introspect(&tokens.access_token).await;
            assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(name)));
            assert_eq!(told["username"], Value::Null);
            assert_eq!(app.introspect(&tokens.refresh_token).await["sub"], name);
            let renewed = app.refresh(&tokens.refresh_token).await.expect_tokens();
            assert_eq!(sub(&renewed.id_token), name);
            for text in [about.to_string(), told.to_string(), claims(&renewed.id_token).to_string()] {
                assert!(!text.contains(&ada.user.id), "{text}");
            }
        }
    }

    async fn a_session_has_another_name_in_each_sector(server: TestServer) {
        server.user("ada").await;
        let one = app_at(&server, "one.example").await;
        let two = app_at(&server, "two.example").await.in_browser_of(&one);
        let (of_one, of_two) = (one.tokens("ada", "openid").await, two.tokens("ada", "openid").await);
        let sid = |tokens: &Tokens| claims(&tokens.id_token)["sid"].clone();
        assert_ne!(sid(&of_one), sid(&of_two));
        assert_eq!(sid(&of_one), claims(&of_one.access_token)["sid"]);
        one.agent.open("/logout").await;
        let page = one.agent.get("/logout").await;
        one.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
        assert!(!one.is_active(&of_one.access_token).await);
        assert!(!two.is_active(&of_two.access_token).await);
    }

    async fn i5_a_hint_names_the_person_as_its_client_does(server: TestServer) {
        server.user("ada").await;
        server.user("bob").await;
        let app = app_at(&server, "one.example").await;
        let hint = app.tokens("ada", "openid").await.id_token;
        let asked = [("prompt", "none"), ("id_token_hint", hint.as_str())];
        assert!(app.authorize(&asked).await.expect_answer().has("code"));
        let bobs = app.in_another_browser();
        bobs.tokens("bob", "openid").await;
        bobs.authorize(&asked).await.expect_refusal("login_required");
    }

    async fn a_named_subject_is_the_pairwise_one(server: TestServer) {
        let ada = server.user("ada").await;
        let app = app_at(&server, "one.example").await;
        let name = sub(&app.tokens("ada", "openid").await.id_token);
        let asked = |sub: &str| json!({ "id_token": { "sub": { "value": sub } } }).to_string();
        let right = asked(&name);
        let page = app.authorize(&[("prompt", "none"), ("claims", &right)]).await;
        assert!(page.expect_answer().has("code"));
        // The id itself is no name that this client may know.
        let wrong = asked(&ada.user.id);
        let page = app.authorize(&[("prompt", "none"), ("claims", &wrong)]).await;
        page.expect_refusal("login_required");
    }

    async fn l2_a_hint_with_a_pairwise_name_signs_out_without_a_question(server: TestServer) {
        server.user("ada").await;
        let app = app_at(&server, "one.example").await;
        let hint = app.tokens("ada", "openid").await.id_token;
        let uri = "https://app.example/out";
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", uri)]);
        let page = app.agent.get(&format!("/logout?{}", query.finish())).await;
        assert_eq!(page.location(), Some(uri), "{}", page.body);
        app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
    }

    async fn a_block_reaches_services_that_know_only_the_pairwise_name(server: TestServer) {
        let ada = server.user("ada").await;
        let app = app_at(&server, "one.example").await;
        let tokens = app.tokens("ada", "openid offline_access").await;
        let token = claims(&tokens.access_token);
        let (name, iat) = (sub(&tokens.access_token), token["iat"].as_i64().expect("a number"));
        assert!(!is_listed(&server, &app.id, &name, iat));
        server.block(&ada).await;
        server.settle().await;
        assert!(is_listed(&server, &app.id, &name, iat));
        assert!(!app.is_active(&tokens.access_token).await);
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 401);
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
        // After it is lifted a new token is good again, under the same name.
        server.unblock(&ada).await;
        server.clock.advance_seconds(2);
        let later = app.in_another_browser().tokens("ada", "openid").await;
        assert_eq!(sub(&later.access_token), name);
        assert!(app.is_active(&later.access_token).await);
    }

    async fn a_withdrawn_consent_reaches_services_that_know_only_the_pairwise_name(
        server: TestServer
    ) {
        let ada = server.user("ada").await;
        let (app, other) = (app_at(&server, "a.example").await, app_at(&server, "a.example").await);
        let tokens = app.tokens("ada", "openid").await;
        let name = sub(&tokens.access_token);
        let iat = claims(&tokens.access_token)["iat"].as_i64().expect("a number");
        let done = countersign::domain::consent::withdraw(
            &server.provider, &ada.user.id, &app.id, system(),
        );
        done.await.expect("it can be withdrawn");
        assert!(is_listed(&server, &app.id, &name, iat));
        assert!(!is_listed(&server, &other.id, &name, iat));
        assert!(!app.is_active(&tokens.access_token).await);
    }

    async fn n5_a_document_joins_addresses_of_several_hosts_in_one_sector(server: TestServer) {
        server.user("ada").await;
        let site = Site::start().await;
        let uris = ["https://a.example/cb", "https://b.example/cb", "https://c.example/cb"];
        let sector = site.put_json("/sector", &json!(uris));
        let with = |own: &[&str]| {
            let own: Vec<String> = own.iter().map(|uri| (*uri).to_owned()).collect();
            let sector = sector.clone();
            move |draft: &mut ClientDraft| {
                pairwise_at(draft, "x");
                draft.metadata.redirect_uris = own;
                draft.metadata.sector_identifier_uri = Some(sector);
            }
        };
        let first = WebApp::register_as(&server, with(&uris[..2])).await;
        let second = WebApp::register_as(&server, with(&uris[2..])).await;
        let name = sub(&first.tokens("ada", "openid").await.id_token);
        assert_eq!(sub(&second.tokens("ada", "openid").await.id_token), name);
    }

    async fn n5_a_document_that_does_not_name_every_address_is_refused(server: TestServer) {
        let site = Site::start().await;
        let good = site.put_json("/good", &json!(["https://a.example/cb"]));
        let documents = [
            site.put_json("/other", &json!(["https://b.example/cb"])),
            site.put_json("/object", &json!({ "redirect_uris": ["https://a.example/cb"] })),
            site.put_json("/numbers", &json!([1])),
            site.put("/text", "application/json", "nonsense"),
            site.put("/large", "application/json", vec![b' '; 70_000]),
            format!("{}/missing", site.base),
            "https://10.0.0.1/private".to_owned(),
            "http://a.example/plain".to_owned(),
        ];
        let ground = server.provider.ground();
        let draft = |uri: &str| {
            let mut draft = crate::support::web_app::draft();
            pairwise_at(&mut draft, "a.example");
            draft.metadata.sector_identifier_uri = Some(uri.to_owned());
            draft
        };
        for uri in documents {
            let made = management::create(&ground, draft(&uri), system()).await;
            let Err(ClientError::Invalid(problems)) = made.map(|made| made.client.id) else {
                panic!("{uri} was taken")
            };
            assert!(problems.iter().all(|one| one.field == "sector_identifier_uri"), "{uri}");
        }
        assert!(management::create(&ground, draft(&good), system()).await.is_ok());
    }

    async fn t7_a_client_that_comes_to_call_people_otherwise_starts_anew(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid offline_access").await;
        let mut draft = crate::support::web_app::draft();
        draft.metadata.subject_type = SubjectType::Pairwise;
        let ground = server.provider.ground();
        management::update(&ground, &app.id, draft, system()).await.expect("it can be changed");
        server.provider.clients.forget();
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
        assert!(!app.is_active(&tokens.access_token).await);
        server.clock.advance_seconds(2);
        let later = app.in_another_browser().tokens("ada", "openid").await;
        assert_ne!(sub(&later.id_token), sub(&tokens.id_token));
    }
}
