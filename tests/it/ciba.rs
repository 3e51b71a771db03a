//! Client-initiated backchannel authentication (OpenID Connect CIBA, and its FAPI profile).

use crate::support::ciba::{GRANT, asked_for, bank, sign_request};
use crate::support::crypto::{claims, jwks, key};
use crate::support::dpop::Prover;
use crate::support::test_server::system;
use crate::support::{Page, Reply, TestServer, WebApp, both};
use countersign::domain::clients::management::{self, ClientDraft};
use countersign::jose::{SigningAlgorithm, SigningKey};
use countersign::protocol::client::backchannel::DeliveryMode;
use countersign::protocol::client::{AuthMethod, GrantType, SubjectType};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A bank that signs its requests, and its key.
async fn signing_bank(server: &TestServer, alg: Option<&str>) -> (WebApp, SigningKey) {
    let key = key(SigningAlgorithm::PS256);
    let set = jwks(&[&key]);
    let alg = alg.map(str::to_owned);
    let app = WebApp::register_as(server, |draft| {
        bank(draft);
        draft.metadata.jwks = Some(set);
        draft.metadata.backchannel.backchannel_authentication_request_signing_alg = alg;
    })
    .await;
    (app, key)
}

both! {
    async fn c2_somebody_allows_on_their_account_and_the_client_gets_tokens(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let form = [("scope", "openid email offline_access"), ("login_hint", "ada@example.org")];
        let reply = app.ask(&form).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(reply.header("content-type").starts_with("application/json"));
        assert_eq!((&reply.json["expires_in"], &reply.json["interval"]), (&json!(300), &json!(5)));
        let id = reply.json["auth_req_id"].as_str().expect("text").to_owned();
        assert_eq!(id.len(), 43);
        app.fetch(&id).await.expect(400, "authorization_pending");
        app.allow("ada").await;
        let tokens = app.fetch(&id).await.expect_tokens();
        let (access, id_token) = (claims(&tokens.access_token), claims(&tokens.id_token));
        assert_eq!((&access["sub"], &id_token["sub"]), (&json!(ada.user.id), &json!(ada.user.id)));
        assert_eq!(id_token["aud"], json!(app.id));
        assert_eq!(app.userinfo(&tokens.access_token).await.json["email"], "ada@example.org");
        app.refresh(&tokens.refresh_token).await.expect_tokens();
        app.fetch(&id).await.expect(400, "invalid_grant");
        assert!(app.agent.get("/account/apps").await.body.contains("Bank"));
    }

    async fn c2_what_was_allowed_before_is_as_plain_to_see_as_the_rest(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        for asked in [1, 2] {
            app.asked("ada", &[("scope", "openid email orders:read")]).await;
            let page = app.press(&app.waiting("ada").await, "review").await;
            for words in ["<br><span class=\"small muted\">ada@", "orders:read"] {
                assert!(page.body.contains(words), "{asked}, {words}: {}", page.body);
            }
            assert!(!page.body.contains("<details"), "{asked}: {}", page.body);
            assert!(!page.body.contains("Your device"), "{asked}: {}", page.body);
            app.agent.decide(&page, "allow").await;
        }
    }

    async fn c2_the_account_says_how_many_requests_wait_while_any_do(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let none = app.waiting("ada").await;
        assert!(none.body.contains("Nothing waits for you."), "{}", none.body);
        let link = |page: &Page| page.has_id("requests-waiting");
        assert!(!link(&app.agent.get("/account").await));
        for words in ["1 request of an app waits", "2 requests of apps wait"] {
            app.asked("ada", &[]).await;
            let page = app.agent.get("/account").await;
            assert!(link(&page) && page.body.contains(words), "{words}: {}", page.body);
        }
        server.clock.advance_seconds(300);
        assert!(!link(&app.agent.get("/account").await));
    }

    async fn c2_each_state_has_its_answer(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let denied = app.asked("ada", &[]).await;
        app.fetch(&denied).await.expect(400, "authorization_pending");
        app.fetch(&denied).await.expect(400, "slow_down");
        let page = app.waiting("ada").await;
        let page = app.press(&page, "deny").await;
        assert!(page.body.contains("You refused."), "{}", page.body);
        app.fetch(&denied).await.expect(400, "access_denied");

        let late = app.asked("ada", &[("requested_expiry", "30")]).await;
        server.clock.advance_seconds(30);
        app.fetch(&late).await.expect(400, "expired_token");
        assert!(app.waiting("ada").await.body.contains("Nothing waits for you."));
    }

    async fn c2_an_id_is_bound_to_its_client(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let other = WebApp::register_bank(&server).await;
        let id = app.asked("ada", &[]).await;
        app.allow("ada").await;
        other.fetch(&id).await.expect(400, "invalid_grant");
        app.fetch("random").await.expect(400, "invalid_grant");
        app.fetch(&id).await.expect_tokens();
    }

    async fn c2_tk_10_a_device_code_is_no_request_and_a_request_no_device_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            bank(draft);
            draft.metadata.grant_types.push(GrantType::DeviceCode);
        })
        .await;
        let device = app.device("openid").await;
        let id = app.asked("ada", &[]).await;
        app.fetch(&device.device_code).await.expect(400, "invalid_grant");
        app.poll_by(&id).await.expect(400, "invalid_grant");
    }

    async fn c2_of_two_hundred_who_fetch_at_once_one_gets_tokens(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let id = app.asked("ada", &[]).await;
        app.allow("ada").await;
        let tasks = (0..200).map(|_| {
            let (app, id) = (app.clone(), id.clone());
            async move { app.fetch(&id).await }
        });
        let replies = tasks.collect::<JoinSet<_>>().join_all().await;
        let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
        lost.iter().for_each(|reply| reply.expect(400, "invalid_grant"));
        assert_eq!(won.len(), 1);
    }

    async fn c1_exactly_one_hint_says_who_is_meant(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let none = [("scope", "openid")];
        app.ask(&none).await.expect(400, "invalid_request");
        let two = [("scope", "openid"), ("login_hint", "ada"), ("id_token_hint", "x")];
        app.ask(&two).await.expect(400, "invalid_request");
        let bad = [("scope", "openid"), ("id_token_hint", "x.y.z")];
        app.ask(&bad).await.expect(400, "invalid_request");
        let bad = [("scope", "openid"), ("login_hint_token", "x.y.z")];
        app.ask(&bad).await.expect(400, "invalid_request");
        for unknown in ["nobody", "' OR 1=1 --"] {
            let form = [("scope", "openid"), ("login_hint", unknown)];
            app.ask(&form).await.expect(400, "unknown_user_id");
        }
    }

    async fn c1_an_id_token_says_who_is_meant(server: TestServer) {
        server.user("ada").await;
        for pairwise in [false, true] {
            let app = WebApp::register_as(&server, |draft| {
                bank(draft);
                if pairwise {
                    draft.metadata.subject_type = SubjectType::Pairwise;
                }
            })
            .await;
            let first = app.asked("ada", &[]).await;
            app.allow("ada").await;
            let id_token = app.fetch(&first).await.expect_tokens().id_token;
            let form = [("scope", "openid"), ("id_token_hint", &*id_token)];
            assert_eq!(app.ask(&form).await.status, 200);
            let page = app.waiting("ada").await;
            assert!(page.body.contains("Bank"));
            app.press(&page, "deny").await;
            let other = WebApp::register_bank(&server).await;
            other.ask(&form).await.expect(400, "invalid_request");
        }
    }

    async fn c1_a_token_of_the_client_says_who_is_meant(server: TestServer) {
        let ada = server.user("ada").await;
        let (app, key) = signing_bank(&server, None).await;
        let now = server.provider.now().as_unix();
        let token = |sub_id: Value, exp: i64| {
            let claims = json!({
                "iss": app.id, "aud": server.issuer(), "exp": exp, "sub_id": sub_id,
            });
            sign_request(&key, &claims)
        };
        let email = json!({ "format": "email", "email": "ada@example.org" });
        let sub = json!({ "format": "iss_sub", "iss": server.issuer(), "sub": ada.user.id });
        for sub_id in [&email, &sub] {
            let hint = token(sub_id.clone(), now + 60);
            let form = [("scope", "openid"), ("login_hint_token", &*hint)];
            assert_eq!(app.ask(&form).await.status, 200);
        }
        let old = token(email, now - 1);
        let form = [("scope", "openid"), ("login_hint_token", &*old)];
        app.ask(&form).await.expect(400, "expired_login_hint_token");
        let unknown = token(json!({ "format": "email", "email": "nobody@example.org" }), now + 60);
        let form = [("scope", "openid"), ("login_hint_token", &*unknown)];
        app.ask(&form).await.expect(400, "unknown_user_id");
        let other = token(json!({ "format": "phone_number" }), now + 60);
        let form = [("scope", "openid"), ("login_hint_token", &*other)];
        app.ask(&form).await.expect(400, "invalid_request");
    }

    async fn c1_the_scope_must_be_the_clients_and_have_openid(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            bank(draft);
            draft.metadata.scope = "openid orders:read".parse().expect("a scope");
        })
        .await;
        for scope in ["", "orders:read", "openid email"] {
            let form = [("scope", scope), ("login_hint", "ada")];
            app.ask(&form).await.expect(400, "invalid_scope");
        }
    }

    async fn c1_the_message_is_shown_and_an_unsuitable_one_refused(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        app.asked("ada", &[("binding_message", "Pay 12 to <b>Bob</b> W4SCT")]).await;
        let page = app.waiting("ada").await;
        assert!(page.body.contains("Pay 12 to &#60;b&#62;Bob"), "{}", page.body);
        let page = app.press(&page, "review").await;
        page.expect_consent();
        assert!(page.body.contains("Bob&#60;/b&#62; W4SCT"), "{}", page.body);
        for message in ["a\nb", "a\u{202e}b", &*"x".repeat(101)] {
            let form = [("scope", "openid"), ("login_hint", "ada"), ("binding_message", message)];
            app.ask(&form).await.expect(400, "invalid_binding_message");
        }
    }

    async fn c1_the_client_says_how_long_it_waits(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let ask = async |expiry: &str| {
            app.ask(&[("scope", "openid"), ("login_hint", "ada"), ("requested_expiry", expiry)]).await
        };
        assert_eq!(ask("42").await.json["expires_in"], 42);
        assert_eq!(ask("99999999").await.json["expires_in"], 600);
        for wrong in ["0", "-1", "1.5", "soon", "+5"] {
            ask(wrong).await.expect(400, "invalid_request");
        }
    }

    async fn c1_a_signed_request_counts_alone(server: TestServer) {
        server.user("ada").await;
        server.user("bob").await;
        let (app, key) = signing_bank(&server, Some("PS256")).await;
        for expiry in [json!("120"), json!(120)] {
            let changes = json!({ "requested_expiry": expiry, "binding_message": "inside" });
            let object = sign_request(&key, &asked_for(&server, &app, &changes));
            let form = [("request", &*object), ("login_hint", "bob"), ("binding_message", "outside")];
            let reply = app.ask(&form).await;
            assert_eq!((reply.status, &reply.json["expires_in"]), (200, &json!(120)), "{}", reply.text);
            app.ask(&form).await.expect(400, "invalid_request");
        }
        let page = app.waiting("ada").await;
        assert!(page.body.contains("inside") && !page.body.contains("outside"), "{}", page.body);
        app.allow("ada").await;
    }

    async fn c1_a_request_that_is_not_signed_as_it_must_be_is_refused(server: TestServer) {
        server.user("ada").await;
        let (app, key) = signing_bank(&server, Some("PS256")).await;
        let refused = async |object: &str| {
            app.ask(&[("request", object)]).await.expect(400, "invalid_request");
        };
        app.ask(&[("scope", "openid"), ("login_hint", "ada")]).await.expect(400, "invalid_request");
        let now = server.provider.now().as_unix();
        for changes in [
            json!({ "iss": null }), json!({ "iss": "another" }), json!({ "aud": null }),
            json!({ "aud": "https://other.example" }), json!({ "exp": null }),
            json!({ "iat": null }), json!({ "nbf": null }), json!({ "jti": null }),
            json!({ "exp": now - 100 }), json!({ "exp": now + 3700 }),
            json!({ "nbf": now + 100 }), json!({ "nbf": now - 3700, "exp": now + 10 }),
            json!({ "request": "x" }),
        ] {
            refused(&sign_request(&key, &asked_for(&server, &app, &changes))).await;
        }
        let good = asked_for(&server, &app, &json!({}));
        let other = crate::support::crypto::key(SigningAlgorithm::PS256);
        refused(&sign_request(&other, &good)).await;
        let weak = crate::support::crypto::key(SigningAlgorithm::RS256);
        refused(&sign_request(&weak, &good)).await;
        let header = crate::support::crypto::encode(r#"{"alg":"none"}"#);
        refused(&format!("{header}.{}.", crate::support::crypto::encode(&good.to_string()))).await;
        assert_eq!(app.ask(&[("request", &*sign_request(&key, &good))]).await.status, 200);
    }

    async fn a_blocked_person_decides_nothing_and_what_waited_for_them_dies(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let (id, allowed) = (app.asked("ada", &[]).await, app.asked("ada", &[]).await);
        let page = app.waiting("ada").await;
        let page = app.press(&page, "review").await;
        server.block(&ada).await;
        let page = app.agent.decide(&page, "allow").await;
        assert!(!page.body.contains("You allowed it."), "{}", page.body);
        app.fetch(&id).await.expect(400, "access_denied");
        app.fetch(&allowed).await.expect(400, "access_denied");
        app.ask(&[("scope", "openid"), ("login_hint", "ada")]).await.expect(400, "unknown_user_id");
    }

    async fn lg_18_nobody_sees_or_decides_what_waits_for_another(server: TestServer) {
        server.user("ada").await;
        server.user("bob").await;
        let app = WebApp::register_bank(&server).await;
        let id = app.asked("ada", &[]).await;
        let request = app.waiting("ada").await.hidden("request");
        let theirs = app.in_another_browser();
        let page = theirs.waiting("bob").await;
        assert!(page.body.contains("Nothing waits for you."), "{}", page.body);
        let csrf = theirs.agent.get("/account/profile").await.hidden("csrf");
        for decision in ["review", "deny"] {
            let form = [("csrf", &*csrf), ("request", &*request), ("decision", decision)];
            assert_eq!(theirs.agent.post("/account/requests", &form).await.status, 404);
        }
        app.fetch(&id).await.expect(400, "authorization_pending");
        app.allow("ada").await;
    }

    async fn the_first_decision_on_a_request_stands(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let id = app.asked("ada", &[]).await;
        let list = app.waiting("ada").await;
        let page = app.press(&list, "review").await;
        app.press(&list, "deny").await;
        let page = app.agent.decide(&page, "allow").await;
        assert!(page.body.contains("This request was decided before"), "{}", page.body);
        app.fetch(&id).await.expect(400, "access_denied");
    }

    async fn i6_a_client_may_ask_for_a_fresh_sign_in(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        app.agent.sign_in("ada").await;
        server.clock.advance_seconds(100);
        app.asked("ada", &[("max_age", "60")]).await;
        let page = app.waiting("ada").await;
        let page = app.press(&page, "review").await;
        let page = app.agent.log_in(&page, "ada").await;
        page.expect_consent();
    }

    async fn c4_tokens_are_bound_as_those_of_other_grants(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            bank(draft);
            draft.metadata.sender.dpop_bound_access_tokens = true;
        })
        .await;
        let id = app.asked("ada", &[]).await;
        app.allow("ada").await;
        app.fetch(&id).await.expect(400, "invalid_request");
        let prover = Prover::new();
        let form = [("grant_type", GRANT), ("auth_req_id", &*id)];
        let tokens = app.token_with(&form, &[&prover.for_token(&server)]).await.expect_dpop();
        assert_eq!(claims(&tokens.access_token)["cnf"]["jkt"], prover.jkt());
    }

    async fn c4_only_a_client_that_proves_who_it_is_asks_people(server: TestServer) {
        let ground = server.provider.ground();
        let refused = async |change: fn(&mut ClientDraft)| {
            let mut draft = crate::support::web_app::draft();
            bank(&mut draft);
            change(&mut draft);
            let made = management::create(&ground, draft, system()).await;
            assert!(made.is_err());
        };
        refused(|draft| draft.metadata.token_endpoint_auth_method = AuthMethod::None).await;
        refused(|draft| draft.metadata.backchannel.backchannel_user_code_parameter = true).await;
        refused(|draft| {
            let own = &mut draft.metadata.backchannel;
            own.backchannel_token_delivery_mode = Some(DeliveryMode::Ping);
        })
        .await;
        refused(|draft| {
            let own = &mut draft.metadata.backchannel;
            own.backchannel_client_notification_endpoint = Some("http://app.example/".into());
        })
        .await;
        refused(|draft| {
            let own = &mut draft.metadata.backchannel;
            own.backchannel_authentication_request_signing_alg = Some("RS256".into());
        })
        .await;
        let web = WebApp::register(&server).await;
        let form = [("scope", "openid"), ("login_hint", "ada")];
        web.ask(&form).await.expect(400, "unauthorized_client");
        let app = WebApp::register_bank(&server).await;
        let wrong = WebApp { secret: "wrong".into(), ..app.clone() };
        wrong.ask(&form).await.expect(401, "invalid_client");
        let url = server.url("/backchannel_authentication");
        let nobody = app.http.post(url).form(&form).send().await.expect("an answer");
        Reply::read(nobody).await.expect(401, "invalid_client");
    }

    async fn c4_discovery_says_what_there_is(server: TestServer) {
        let app = WebApp::register_bank(&server).await;
        let url = server.url("/.well-known/openid-configuration");
        let document: Value = app.http.get(url).send().await.expect("an answer").json().await.expect("JSON");
        let endpoint = format!("{}/backchannel_authentication", server.issuer());
        assert_eq!(document["backchannel_authentication_endpoint"], endpoint);
        assert_eq!(document["backchannel_token_delivery_modes_supported"], json!(["poll", "ping"]));
        assert_eq!(
            document["backchannel_authentication_request_signing_alg_values_supported"],
            json!(["PS256", "ES256", "EdDSA"])
        );
        assert_eq!(document["backchannel_user_code_parameter_supported"], false);
        assert!(document["grant_types_supported"].as_array().expect("a list").contains(&json!(GRANT)));
    }

    async fn c4_the_command_line_registers_a_client_that_asks_people(server: TestServer) {
        let arguments = [
            "client", "create", "--name", "Bank", "--grant-type", GRANT,
            "--backchannel-token-delivery-mode", "ping",
            "--backchannel-client-notification-endpoint", "https://bank.example/told", "--json",
        ];
        let made = server.command(&arguments).await.expect_json();
        assert_eq!(made["backchannel_token_delivery_mode"], "ping");
        assert_eq!(made["backchannel_client_notification_endpoint"], "https://bank.example/told");
    }
}
