//! Token exchange (RFC 8693): who calls on whose behalf, and what ends together.

use crate::support::crypto::claims;
use crate::support::dpop::Prover;
use crate::support::landscape::{ACCESS_TOKEN, BILLS, GATEWAY, JWT, Landscape, ORDERS, SCOPE};
use crate::support::landscape::{resource, service};
use crate::support::test_server::system;
use crate::support::{Reply, TestServer, WebApp, both};
use countersign::domain::clients::management;
use countersign::domain::consent;
use countersign::jose::{DecryptionKey, KeyManagement};
use countersign::protocol::client::{AccessTokenFormat, GrantType};
use countersign::storage::revocations;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const RACERS: usize = 200;

/// A gateway that may also leave open who acts.
async fn impersonating(server: &TestServer) -> Landscape {
    Landscape::build_with(server, |draft| draft.policy.exchange.impersonation = true).await
}

/// Exchanges a token, and asks again where the server is too busy to answer.
async fn swap(app: WebApp, token: String) -> Reply {
    loop {
        let reply = app.exchange(&token, &[]).await;
        if reply.status != 503 {
            return reply;
        }
    }
}

both! {
    /// RFC 8693 §4.1: each hop stands around the one before it.
    async fn a_token_names_the_person_and_every_service_that_acted(server: TestServer) {
        let all = Landscape::build(&server).await;
        let user = all.user_token().await;
        let before = claims(&user);
        assert_eq!((&before["aud"], &before["scope"]), (&json!(GATEWAY), &json!("gateway:use")));

        let actor = all.gateway.own_token().await;
        let reply = all.gateway.act_for(&user, &actor, &[("audience", ORDERS)]).await;
        let first = reply.expect_tokens();
        assert_eq!(reply.json["issued_token_type"], ACCESS_TOKEN);
        assert_eq!((first.refresh_token.as_str(), first.id_token.as_str()), ("", ""));
        assert_eq!(first.scope, "orders:read");
        let token = claims(&first.access_token);
        assert_eq!((&token["sub"], &token["sid"]), (&before["sub"], &before["sid"]));
        assert_eq!((&token["aud"], &token["client_id"]), (&json!(ORDERS), &json!("gateway")));
        assert_eq!(token["act"], json!({ "sub": "gateway" }));
        assert_eq!(token["auth_time"], before["auth_time"]);

        let actor = all.orders.own_token().await;
        let second = all.orders.act_for(&first.access_token, &actor, &[("resource", BILLS)]).await;
        let second = second.expect_tokens();
        let token = claims(&second.access_token);
        assert_eq!((&token["aud"], &token["scope"]), (&json!(BILLS), &json!("bills:read")));
        assert_eq!(token["sub"], before["sub"]);
        assert_eq!(token["act"], json!({ "sub": "orders", "act": { "sub": "gateway" } }));
        let about = all.bills.introspect(&second.access_token).await;
        assert_eq!((&about["active"], &about["act"]), (&json!(true), &token["act"]));
        assert_eq!(about["username"], "ada");
    }

    async fn a_service_that_may_leave_open_who_acts_keeps_those_who_did(server: TestServer) {
        let all = Landscape::build(&server).await;
        let relay = WebApp::register_as(&server, |draft| {
            service("relay", ORDERS, &[BILLS], "bills:read")(draft);
            draft.policy.exchange.impersonation = true;
            draft.policy.exchange.actors.clear();
        })
        .await;
        let token = all.at_orders(&all.user_token().await).await;
        let passed = relay.exchange(&token, &[]).await.expect_tokens();
        assert_eq!(claims(&passed.access_token)["act"], json!({ "sub": "gateway" }));
    }

    async fn a_service_is_acted_for_like_a_person(server: TestServer) {
        let all = Landscape::build(&server).await;
        let nightly = WebApp::register_as(&server, |draft| {
            service("nightly", "https://nightly.example", &[], "orders:read")(draft);
            draft.policy.allowed_resources = vec![GATEWAY.into()];
        })
        .await;
        let form = [("grant_type", "client_credentials"), ("resource", GATEWAY)];
        let own = nightly.token(&form).await.expect_tokens().access_token;
        let actor = all.gateway.own_token().await;
        all.gateway.act_for(&own, &actor, &[]).await.expect(400, "invalid_scope");

        // The app token for whoever takes it has the scope of the service.
        let gateway = WebApp::register_as(&server, |draft| {
            service("gateway-2", GATEWAY, &[ORDERS], "orders:read")(draft);
            draft.policy.resource_server_of = vec![GATEWAY.into(), server.issuer().into()];
        })
        .await;
        let own = nightly.own_token().await;
        let actor = gateway.own_token().await;
        let passed = gateway.act_for(&own, &actor, &[]).await.expect_tokens().access_token;
        let token = claims(&passed);
        assert_eq!((&token["sub"], &token["client_id"]), (&json!("nightly"), &json!("gateway-2")));
        assert_eq!(token["act"], json!({ "sub": "gateway-2" }));
        assert!(all.orders.is_active(&passed).await);

        let ground = server.provider.ground();
        management::disable(&ground, "nightly", system()).await.expect("it can be disabled");
        server.settle().await;
        assert!(!all.orders.is_active(&passed).await, "it ends with whom it is about");
        gateway.act_for(&own, &actor, &[]).await.expect(400, "invalid_request");
    }

    async fn each_resource_gets_the_format_it_wants(server: TestServer) {
        let all = impersonating(&server).await;
        let key = DecryptionKey::generate(KeyManagement::EcdhEs).expect("a key");
        let sealed = "https://sealed.example";
        resource(&server, sealed, &["sealed:read"], |settings| {
            settings.token_format = AccessTokenFormat::Jwe;
            settings.token_encryption_jwk = Some(key.public_jwk());
        })
        .await;
        let random = "https://random.example";
        resource(&server, random, &["random:read"], |settings| {
            settings.token_format = AccessTokenFormat::Opaque;
        })
        .await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.scope = "openid sealed:read random:read orders:read".parse().unwrap();
            draft.metadata.grant_types.push(GrantType::TokenExchange);
            draft.policy.exchange.audiences = vec![sealed.into(), random.into(), ORDERS.into()];
            draft.policy.exchange.impersonation = true;
        })
        .await;
        let scope = [("scope", "openid sealed:read random:read orders:read")];
        let user = app.redeem(&app.code("ada", &scope).await).await.expect_tokens().access_token;

        let nested = app.exchange(&user, &[("audience", sealed), ("requested_token_type", JWT)]).await;
        assert_eq!(nested.json["issued_token_type"], JWT);
        let nested = nested.expect_tokens().access_token;
        let opened = key.decrypt(&nested, &KeyManagement::PUBLIC).expect("it opens");
        assert_eq!(claims(opened.jwt().expect("signed"))["aud"], sealed);

        let opaque = app.exchange(&user, &[("audience", random)]).await.expect_tokens().access_token;
        assert!(!opaque.contains('.'));
        assert!(app.is_active(&opaque).await);
        let asked = [("audience", random), ("requested_token_type", JWT)];
        app.exchange(&user, &asked).await.expect(400, "invalid_request");

        // What only we can read is exchanged like any other token.
        for token in [&nested, &opaque] {
            let on = app.exchange(token, &[("audience", ORDERS)]).await.expect_tokens();
            assert_eq!(claims(&on.access_token)["scope"], "orders:read");
        }
        let jwt = [("audience", ORDERS), ("subject_token_type", JWT)];
        app.exchange(&user, &jwt).await.expect_tokens();
        app.exchange(&opaque, &jwt).await.expect(400, "invalid_request");
        drop(all);
    }

    async fn what_came_of_a_token_ends_with_it(server: TestServer) {
        let all = Landscape::build(&server).await;
        let user = all.user_token().await;
        let at_orders = all.at_orders(&user).await;
        let actor = all.orders.own_token().await;
        let at_bills = all.orders.act_for(&at_orders, &actor, &[]).await.expect_tokens();
        let other = all.at_orders(&user).await;
        assert!(all.bills.is_active(&at_bills.access_token).await);

        assert_eq!(all.gateway.revoke(&at_orders).await.status, 200);
        assert!(!all.orders.is_active(&at_orders).await);
        assert!(!all.bills.is_active(&at_bills.access_token).await, "two hops away");
        assert!(all.orders.is_active(&other).await, "this one came of another exchange");
        assert_eq!(all.app.revoke(&user).await.status, 200);
        assert!(!all.orders.is_active(&other).await);
        all.gateway.act_for(&user, &actor, &[]).await.expect(400, "invalid_request");
    }

    async fn what_came_of_a_token_ends_with_the_person_the_session_and_the_consent(server: TestServer) {
        let all = Landscape::build(&server).await;
        let ground = server.provider.ground();

        let user = all.user_token().await;
        let token = all.at_orders(&user).await;
        consent::withdraw(&server.provider, &all.ada.user.id, &all.app.id, system()).await.unwrap();
        assert!(!all.orders.is_active(&token).await, "the app may do nothing any more");

        server.clock.advance_seconds(2);
        let user = all.user_token().await;
        let token = all.at_orders(&user).await;
        let page = all.app.agent.open("/logout").await;
        all.app.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
        assert!(!all.orders.is_active(&token).await, "the session has ended");

        server.clock.advance_seconds(2);
        let user = all.user_token().await;
        let token = all.at_orders(&user).await;
        management::disable(&ground, &all.app.id, system()).await.expect("it can be disabled");
        assert!(!all.orders.is_active(&token).await, "the app is off");
        management::enable(&ground, &all.app.id, system()).await.expect("it can be enabled");
        server.settle().await;

        server.clock.advance_seconds(2);
        let user = all.user_token().await;
        let token = all.at_orders(&user).await;
        let jti = claims(&token)["jti"].as_str().unwrap().to_owned();
        server.block(&all.ada).await;
        assert!(!all.orders.is_active(&token).await, "the person is blocked");
        let now = server.provider.now();
        let listed = server.provider.db.read(move |conn| revocations::find(conn, &[&jti], now));
        assert_eq!(listed.await.unwrap().len(), 1, "by its own jti");
    }

    async fn may_act_goes_into_the_tokens_of_people(server: TestServer) {
        let all = Landscape::build(&server).await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.scope = SCOPE.parse().unwrap();
            draft.policy.exchange.may_act = Some("gateway".into());
        })
        .await;
        let code = app.code("ada", &[("scope", SCOPE), ("resource", GATEWAY)]).await;
        let user = app.redeem(&code).await.expect_tokens().access_token;
        assert_eq!(claims(&user)["may_act"], json!({ "sub": "gateway" }));
        let actor = all.gateway.own_token().await;
        all.gateway.act_for(&user, &actor, &[]).await.expect_tokens();
    }

    async fn a_new_token_is_bound_to_the_key_of_the_request(server: TestServer) {
        let all = impersonating(&server).await;
        let user = all.user_token().await;
        let prover = Prover::new();
        let proof = prover.for_token(&server);
        let tokens = all.gateway.exchange_with(&user, &[], &[&proof]).await.expect_dpop();
        assert_eq!(claims(&tokens.access_token)["cnf"]["jkt"], prover.jkt());
        let again = all.gateway.exchange_with(&user, &[], &[&proof]).await;
        again.expect(400, "invalid_dpop_proof");
    }

    async fn two_hundred_exchanges_beside_a_revocation_leave_nothing_alive(server: TestServer) {
        let all = impersonating(&server).await;
        let user = all.user_token().await;
        let mut tasks = JoinSet::new();
        for _ in 0..RACERS {
            tasks.spawn(swap(all.gateway.clone(), user.clone()));
        }
        let first = tasks.join_next().await.expect("a racer").expect("an answer");
        assert_eq!(all.app.revoke(&user).await.status, 200);
        for reply in tasks.join_all().await.into_iter().chain([first]) {
            match reply.status {
                200 => assert!(!all.orders.is_active(&reply.expect_tokens().access_token).await),
                _ => reply.expect(400, "invalid_request"),
            }
        }
    }

    async fn two_hundred_exchanges_of_one_token_give_as_many(server: TestServer) {
        let all = impersonating(&server).await;
        let user = all.user_token().await;
        let tasks = (0..RACERS).map(|_| swap(all.gateway.clone(), user.clone()));
        let mut seen = std::collections::HashSet::new();
        for reply in tasks.collect::<JoinSet<_>>().join_all().await {
            let token = claims(&reply.expect_tokens().access_token);
            assert!(seen.insert(token["jti"].as_str().unwrap_or_default().to_owned()));
        }
        assert_eq!(seen.len(), RACERS);
    }

    async fn x_04_a_block_among_exchanges_leaves_nothing_alive(server: TestServer) {
        let all = impersonating(&server).await;
        let user = all.user_token().await;
        let mut tasks = JoinSet::new();
        for _ in 0..RACERS {
            tasks.spawn(swap(all.gateway.clone(), user.clone()));
        }
        let first = tasks.join_next().await.expect("a racer").expect("an answer");
        server.block(&all.ada).await;
        for reply in tasks.join_all().await.into_iter().chain([first]) {
            match reply.status {
                200 => assert!(!all.orders.is_active(&reply.expect_tokens().access_token).await),
                _ => reply.expect(400, "invalid_request"),
            }
        }
    }

    async fn discovery_names_the_grant(server: TestServer) {
        let url = server.url("/.well-known/openid-configuration");
        let document: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        let grants = document["grant_types_supported"].as_array().expect("a list");
        assert!(grants.contains(&json!("urn:ietf:params:oauth:grant-type:token-exchange")));
    }
}
