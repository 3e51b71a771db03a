//! I: token exchange.

use crate::support::crypto::{claims, key, sign};
use crate::support::dpop::Prover;
use crate::support::landscape::{
    ACCESS_TOKEN, BILLS, GATEWAY, JWT, Landscape, ORDERS, SCOPE, resource, service,
};
use crate::support::{TestServer, WebApp, both};
use countersign::jose::{SigningAlgorithm, Typ};
use countersign::protocol::client::{AuthMethod, GrantType};
use serde_json::json;

/// An app that exchanges its own tokens without an actor.
async fn swapper(server: &TestServer) -> WebApp {
    WebApp::register_as(server, |draft| {
        draft.metadata.scope = format!("{SCOPE} offline_access").parse().expect("a scope");
        draft.metadata.grant_types.push(GrantType::TokenExchange);
        draft.policy.exchange.audiences = vec![ORDERS.into()];
        draft.policy.exchange.impersonation = true;
    })
    .await
}

both! {
    async fn tx_01_a_client_that_may_not_exchange_is_refused(server: TestServer) {
        let all = Landscape::build(&server).await;
        let user = all.user_token().await;
        all.bills.exchange(&user, &[]).await.expect(400, "unauthorized_client");
        all.app.exchange(&user, &[("audience", ORDERS)]).await.expect(400, "unauthorized_client");
        let public = WebApp { method: AuthMethod::None, ..all.gateway.clone() };
        public.exchange(&user, &[]).await.expect(401, "invalid_client");
        let wrong = WebApp { secret: "wrong".into(), ..all.gateway.clone() };
        wrong.exchange(&user, &[]).await.expect(401, "invalid_client");
    }

    async fn tx_01_the_token_of_another_client_for_another_service_is_refused(server: TestServer) {
        let all = Landscape::build(&server).await;
        let actor = all.gateway.own_token().await;
        // For the default audience: not sent to the gateway.
        let code = all.app.code("ada", &[("scope", SCOPE)]).await;
        let foreign = all.app.redeem(&code).await.expect_tokens().access_token;
        all.gateway.act_for(&foreign, &actor, &[]).await.expect(400, "invalid_request");
        // For orders: the gateway got it itself, bills did not.
        let at_orders = all.at_orders(&all.user_token().await).await;
        let relay = WebApp::register_as(&server, |draft| {
            service("relay", BILLS, &[ORDERS], "orders:read")(draft);
            draft.policy.exchange.impersonation = true;
        })
        .await;
        relay.exchange(&at_orders, &[]).await.expect(400, "invalid_request");
        // Nor does an actor token count that was meant for somebody else.
        let actor = all.orders.own_token().await;
        let user = all.user_token().await;
        all.gateway.act_for(&user, &actor, &[]).await.expect(400, "invalid_request");
    }

    async fn tx_02_a_token_that_has_ended_is_not_exchanged(server: TestServer) {
        let all = Landscape::build(&server).await;
        let app = swapper(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        app.exchange(&tokens.access_token, &[]).await.expect_tokens();
        assert_eq!(app.revoke(&tokens.access_token).await.status, 200);
        app.exchange(&tokens.access_token, &[]).await.expect(400, "invalid_request");

        let tokens = app.tokens("ada", SCOPE).await;
        server.clock.advance_seconds(301);
        app.exchange(&tokens.access_token, &[]).await.expect(400, "invalid_request");

        let tokens = app.tokens("ada", SCOPE).await;
        server.block(&all.ada).await;
        app.exchange(&tokens.access_token, &[]).await.expect(400, "invalid_request");
        server.unblock(&all.ada).await;
        app.exchange(&tokens.access_token, &[]).await.expect(400, "invalid_request");
    }

    async fn tx_02_only_access_tokens_of_this_server_are_exchanged(server: TestServer) {
        let all = Landscape::build(&server).await;
        let app = swapper(&server).await;
        let tokens = app.tokens("ada", &format!("{SCOPE} offline_access")).await;
        let mut foreign = claims(&tokens.access_token);
        let stranger = key(SigningAlgorithm::ES256);
        let forged = sign(&stranger, Typ::AccessToken, &foreign);
        foreign["iss"] = json!("https://other.example");
        let elsewhere = sign(&stranger, Typ::AccessToken, &foreign);
        for kind in [ACCESS_TOKEN, JWT] {
            for text in [
                &tokens.id_token, &tokens.refresh_token, &forged, &elsewhere, "x", "a.b.c", "a.b.c.d.e",
            ] {
                let extra = [("subject_token_type", kind)];
                app.exchange(text, &extra).await.expect(400, "invalid_request");
            }
        }
        for kind in ["id_token", "refresh_token", "saml1", "saml2", "device-secret", "nothing"] {
            let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
            for parameter in ["subject_token_type", "requested_token_type"] {
                let extra = [(parameter, kind.as_str())];
                app.exchange(&tokens.access_token, &extra).await.expect(400, "invalid_request");
            }
        }
        for missing in ["subject_token", "subject_token_type"] {
            app.exchange(&tokens.access_token, &[(missing, "")]).await.expect(400, "invalid_request");
        }
        let twice = [("subject_token", &*tokens.access_token), ("subject_token", "x")];
        app.exchange("", &twice).await.expect(400, "invalid_request");
        drop(all);
    }

    async fn tx_03_the_scope_is_never_wider(server: TestServer) {
        let all = Landscape::build(&server).await;
        let actor = all.gateway.own_token().await;
        let user = all.user_token().await;
        let exchange = async |scope: &str| all.gateway.act_for(&user, &actor, &[("scope", scope)]).await;
        assert_eq!(exchange("orders:read").await.expect_tokens().scope, "orders:read");
        // Granted to nobody; not for this client; a sign-in.
        for scope in ["orders:write", "bills:read", "orders:read orders:write", "openid", "a\"b"] {
            exchange(scope).await.expect(400, "invalid_scope");
        }
        // What was given up does not come back at the next hop.
        let app = swapper(&server).await;
        let all_of_it = app.tokens("ada", SCOPE).await.access_token;
        let less = WebApp::register_as(&server, |draft| {
            service("less", GATEWAY, &[ORDERS, BILLS], "gateway:use orders:read bills:read")(draft);
            draft.policy.exchange.impersonation = true;
            draft.policy.exchange.scope = "bills:read".parse().expect("a scope");
        })
        .await;
        let narrowed = less.exchange(&user, &[("audience", BILLS)]).await.expect_tokens();
        assert_eq!(narrowed.scope, "bills:read");
        less.exchange(&narrowed.access_token, &[("audience", ORDERS)]).await
            .expect(400, "invalid_scope");
        less.exchange(&user, &[("audience", ORDERS)]).await.expect(400, "invalid_scope");
        assert!(!claims(&all_of_it)["scope"].as_str().expect("a scope").is_empty());
    }

    async fn tx_03_the_audience_is_one_that_the_policy_names(server: TestServer) {
        let all = Landscape::build(&server).await;
        let actor = all.gateway.own_token().await;
        let user = all.user_token().await;
        for parameter in ["audience", "resource"] {
            for other in [BILLS, GATEWAY, server.issuer(), "gateway", "https://orders.example/", " "] {
                let reply = all.gateway.act_for(&user, &actor, &[(parameter, other)]).await;
                reply.expect(400, "invalid_target");
            }
        }
        let both = [("audience", ORDERS), ("resource", BILLS)];
        all.gateway.act_for(&user, &actor, &both).await.expect(400, "invalid_target");
        let open = WebApp::register_as(&server, |draft| {
            service("open", GATEWAY, &[ORDERS, BILLS], "orders:read bills:read")(draft);
            draft.policy.exchange.impersonation = true;
        })
        .await;
        open.exchange(&user, &[]).await.expect(400, "invalid_target");
        let both = [("audience", ORDERS), ("audience", BILLS)];
        let for_both = open.exchange(&user, &both).await.expect_tokens();
        assert_eq!(claims(&for_both.access_token)["aud"], json!([ORDERS, BILLS]));
    }

    async fn tx_03_the_new_token_lives_no_longer(server: TestServer) {
        let all = Landscape::build(&server).await;
        let user = all.user_token().await;
        let ends = claims(&user)["exp"].clone();
        server.clock.advance_seconds(200);
        let actor = all.gateway.own_token().await;
        let tokens = all.gateway.act_for(&user, &actor, &[]).await.expect_tokens();
        assert_eq!(tokens.expires_in, 100);
        assert_eq!(claims(&tokens.access_token)["exp"], ends);
        server.clock.advance_seconds(50);
        let actor = all.orders.own_token().await;
        let next = all.orders.act_for(&tokens.access_token, &actor, &[]).await.expect_tokens();
        assert_eq!(claims(&next.access_token)["exp"], ends);
        server.clock.advance_seconds(51);
        all.orders.act_for(&tokens.access_token, &actor, &[]).await.expect(400, "invalid_request");
    }

    async fn tx_03_a_token_about_to_end_limits_by_the_actor_as_well(server: TestServer) {
        let all = Landscape::build(&server).await;
        let actor = all.gateway.own_token().await;
        server.clock.advance_seconds(250);
        let user = all.user_token().await;
        let tokens = all.gateway.act_for(&user, &actor, &[]).await.expect_tokens();
        assert_eq!(tokens.expires_in, 50);
    }

    async fn tx_04_an_actor_comes_with_its_type(server: TestServer) {
        let all = Landscape::build(&server).await;
        let actor = all.gateway.own_token().await;
        let user = all.user_token().await;
        for extra in [
            &[("actor_token", &*actor)][..],
            &[("actor_token_type", ACCESS_TOKEN)],
            &[("actor_token", "x"), ("actor_token_type", ACCESS_TOKEN)],
            &[("actor_token", &*actor), ("actor_token_type", "jwt")],
            &[],
        ] {
            all.gateway.exchange(&user, extra).await.expect(400, "invalid_request");
        }
        assert_eq!(all.gateway.revoke(&actor).await.status, 200);
        all.gateway.act_for(&user, &actor, &[]).await.expect(400, "invalid_request");
    }

    async fn tx_04_only_actors_of_the_policy_act(server: TestServer) {
        let all = Landscape::build(&server).await;
        let gateway = WebApp::register_as(&server, |draft| {
            service("gateway-2", GATEWAY, &[ORDERS], "orders:read")(draft);
            draft.policy.exchange.actors = vec!["somebody".into()];
        })
        .await;
        let user = all.user_token().await;
        let actor = gateway.own_token().await;
        gateway.act_for(&user, &actor, &[]).await.expect(400, "invalid_request");
        // Nor does the person act for themselves, or somebody who is acted for.
        gateway.act_for(&user, &user, &[]).await.expect(400, "invalid_request");
        let acted = all.at_orders(&user).await;
        all.orders.act_for(&acted, &acted, &[]).await.expect(400, "invalid_request");
    }

    async fn tx_04_may_act_names_who_acts(server: TestServer) {
        let all = Landscape::build_with(&server, |draft| {
            draft.policy.exchange.impersonation = true;
        })
        .await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.scope = SCOPE.parse().expect("a scope");
            draft.policy.exchange.may_act = Some("another".into());
        })
        .await;
        let code = app.code("ada", &[("scope", SCOPE), ("resource", GATEWAY)]).await;
        let user = app.redeem(&code).await.expect_tokens().access_token;
        let actor = all.gateway.own_token().await;
        all.gateway.act_for(&user, &actor, &[]).await.expect(400, "invalid_request");
        all.gateway.exchange(&user, &[]).await.expect(400, "invalid_request");
    }

    async fn tx_04_four_act_one_for_the_other_and_no_fifth(server: TestServer) {
        let all = Landscape::build(&server).await;
        let loops = WebApp::register_as(&server, |draft| {
            service("loop", GATEWAY, &[GATEWAY], "gateway:use")(draft);
        })
        .await;
        let actor = loops.own_token().await;
        let mut token = all.user_token().await;
        for _ in 0..4 {
            token = loops.act_for(&token, &actor, &[]).await.expect_tokens().access_token;
        }
        let act = &claims(&token)["act"];
        assert_eq!(act["act"]["act"]["act"], json!({ "sub": "loop" }), "nobody was dropped");
        loops.act_for(&token, &actor, &[]).await.expect(400, "invalid_request");

        let short = WebApp::register_as(&server, |draft| {
            service("short", GATEWAY, &[GATEWAY], "gateway:use")(draft);
            draft.policy.exchange.max_actors = Some(1);
        })
        .await;
        let actor = short.own_token().await;
        let once = short.act_for(&all.user_token().await, &actor, &[]).await.expect_tokens();
        short.act_for(&once.access_token, &actor, &[]).await.expect(400, "invalid_request");
    }

    async fn tx_05_a_bound_token_is_exchanged_by_who_holds_the_key(server: TestServer) {
        let all = Landscape::build(&server).await;
        let app = swapper(&server).await;
        let (own, other) = (Prover::new(), Prover::new());
        let code = app.log_in_and_consent("ada", SCOPE).await;
        let bound = app.redeem_with(&code, &own.for_token(&server)).await.expect_dpop().access_token;
        app.exchange(&bound, &[]).await.expect(400, "invalid_request");
        let proof = other.for_token(&server);
        app.exchange_with(&bound, &[], &[&proof]).await.expect(400, "invalid_request");
        let proof = own.for_token(&server);
        let swapped = app.exchange_with(&bound, &[], &[&proof]).await.expect_dpop();
        assert_eq!(claims(&swapped.access_token)["cnf"], json!({ "jkt": own.jkt() }));
        drop(all);
    }

    async fn tx_05_a_bound_actor_token_needs_its_key_as_well(server: TestServer) {
        let all = Landscape::build(&server).await;
        let user = all.user_token().await;
        let own = Prover::new();
        let form = [("grant_type", "client_credentials")];
        let proof = own.for_token(&server);
        let actor = all.gateway.token_with(&form, &[&proof]).await.expect_dpop().access_token;
        all.gateway.act_for(&user, &actor, &[]).await.expect(400, "invalid_request");
        let extra = [("actor_token", &*actor), ("actor_token_type", ACCESS_TOKEN)];
        let proof = own.for_token(&server);
        all.gateway.exchange_with(&user, &extra, &[&proof]).await.expect_dpop();
    }

    async fn tx_06_what_a_client_may_not_have_by_other_grants_it_gets_by_none(server: TestServer) {
        let all = Landscape::build(&server).await;
        resource(&server, "https://secret.example", &["secret:read"], |_| {}).await;
        let limited = WebApp::register_as(&server, |draft| {
            service("limited", GATEWAY, &[ORDERS, "https://secret.example"], "orders:read")(draft);
            draft.policy.allowed_resources = vec![BILLS.into()];
            draft.policy.exchange.impersonation = true;
        })
        .await;
        let user = all.user_token().await;
        for target in [ORDERS, "https://secret.example", "https://nowhere.example"] {
            let form = [("grant_type", "client_credentials"), ("resource", target)];
            limited.token(&form).await.expect(400, "invalid_target");
            limited.exchange(&user, &[("resource", target)]).await.expect(400, "invalid_target");
        }
        let bound = WebApp::register_as(&server, |draft| {
            service("bound", GATEWAY, &[ORDERS], "orders:read")(draft);
            draft.metadata.sender.dpop_bound_access_tokens = true;
            draft.policy.exchange.impersonation = true;
        })
        .await;
        bound.token(&[("grant_type", "client_credentials")]).await.expect(400, "invalid_request");
        bound.exchange(&user, &[]).await.expect(400, "invalid_request");
    }
}
