//! R: attacks that need more than one client, server or browser (RFC 9700 §4).

use crate::support::crypto::{claims, header};
use crate::support::dpop::Prover;
use crate::support::fapi::Fapi;
use crate::support::requests::{open, pushed, reference};
use crate::support::{Agent, Code, Reply, TestServer, VERIFIER, WebApp, both, challenge};
use serde_json::{Value, json};

fn code_of(answer: &crate::support::Answer) -> Code {
    Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() }
}

both! {
    async fn ec_01_an_answer_names_the_server_that_it_is_of(server: TestServer) {
        let other = TestServer::start().await;
        for server in [&server, &other] {
            server.user("ada").await;
        }
        let honest = WebApp::register(&server).await;
        let evil = WebApp::register(&other).await;
        for (app, server) in [(&honest, &server), (&evil, &other)] {
            let answer = app.pass("ada", &[]).await;
            assert_eq!(answer.get("iss"), server.issuer());
            let refusal = app.authorize(&[("scope", "nonsense\u{e9}")]).await;
            assert_eq!(refusal.expect_refusal("invalid_scope").get("iss"), server.issuer());
        }
        assert_ne!(server.issuer(), other.issuer());
        // Who sends it to the wrong server all the same gets nothing there, and it stays good here.
        let code = honest.code("ada", &[]).await;
        evil.redeem(&code).await.expect(400, "invalid_grant");
        honest.redeem(&code).await.expect_tokens();
    }

    async fn ec_02_a_code_is_of_no_use_in_another_session(server: TestServer) {
        server.user("ada").await;
        server.user("mallory").await;
        let app = WebApp::register(&server).await;
        let attacker = app.in_another_browser();
        let of_attacker = "attackers-verifier-0123456789-0123456789-0123456789";
        let theirs = challenge(of_attacker);
        let victims = app.code("ada", &[]).await;
        let attackers = attacker.code("mallory", &[("code_challenge", &theirs)]).await;
        // The app redeems with the verifier of the session that the code was put into.
        let injected = Code { verifier: of_attacker.into(), ..victims.clone() };
        app.redeem(&injected).await.expect(400, "invalid_grant");
        app.redeem(&attackers).await.expect(400, "invalid_grant");
        let own = Code { verifier: of_attacker.into(), ..attackers };
        let subject = |reply: &Reply| claims(&reply.expect_tokens().id_token)["sub"].clone();
        assert_ne!(subject(&app.redeem(&own).await), subject(&app.redeem(&victims).await));
    }

    async fn ec_03_what_a_victim_completes_is_for_the_holder_of_the_key_alone(server: TestServer) {
        server.user("ada").await;
        let fapi = Fapi::register(&server).await;
        let started = reference(&fapi.push(&server, &[]).await);
        let victim = Fapi { app: fapi.app.in_another_browser(), ..fapi.clone() };
        let code = code_of(&victim.finish(&started).await);
        // The attacker knows the code and the verifier, and has a registration of their own.
        let attacker = Fapi::register(&server).await;
        attacker.redeem(&server, &code).await.expect(400, "invalid_grant");
        let form = fapi.redemption(&code);
        let foreign = Fapi { key: attacker.key.clone(), ..fapi.clone() };
        foreign.token(&server, &form).await.expect(401, "invalid_client");
        fapi.app.call("/token", &form).await.expect(401, "invalid_client");
        let tokens = fapi.redeem(&server, &code).await.expect_dpop();
        let theirs = attacker.prover.for_userinfo(&server, &tokens.access_token);
        let authorization = format!("DPoP {}", tokens.access_token);
        let refused = fapi.app.userinfo_with(&authorization, &[&theirs]).await;
        refused.expect(401, "invalid_token");
    }

    async fn ec_04_a_code_that_is_bound_needs_its_key(server: TestServer) {
        server.user("ada").await;
        let (app, own) = (WebApp::register_public(&server).await, Prover::new());
        let code = app.code("ada", &[("dpop_jkt", own.jkt())]).await;
        app.redeem(&code).await.expect(400, "invalid_dpop_proof");
        let stolen = Prover::new().for_token(&server);
        app.redeem_with(&code, &stolen).await.expect(400, "invalid_grant");
        app.redeem_with(&code, &own.for_token(&server)).await.expect_dpop();
    }

    async fn ec_10_a_silent_request_leads_to_registered_addresses_alone(server: TestServer) {
        server.user("ada").await;
        let shop = WebApp::register(&server).await;
        shop.agent.sign_in("ada").await;
        let evil = WebApp::register_as(&server, |draft| {
            draft.metadata.redirect_uris = vec!["https://evil.example/cb".into()];
        })
        .await
        .in_browser_of(&shop);
        let answer = evil.authorize(&[("prompt", "none")]).await;
        let answer = answer.expect_refusal("consent_required");
        assert_eq!(answer.to, "https://evil.example/cb");
        for uri in ["https://evil.example/phish", "https://app.example/cb", "https://evil.example/cb?a=b"] {
            let page = evil.authorize(&[("prompt", "none"), ("redirect_uri", uri)]).await;
            page.expect_error_page();
        }
        let pushed = pushed(&evil, &[("prompt", "none")]).await;
        assert_eq!(open(&evil, &pushed).await.expect_answer().to, "https://evil.example/cb");
    }

    async fn ec_11_an_access_token_is_no_other_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid orders:read").await;
        let head = header(&tokens.access_token);
        assert_eq!((&head["typ"], &head["alg"]), (&json!("at+jwt"), &json!("ES256")));
        let told = claims(&tokens.access_token);
        for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
            assert!(told.get(name).is_some_and(|value| !value.is_null()), "{name}: {told}");
        }
        assert_eq!(told["aud"], server.issuer());
        assert_ne!(header(&tokens.id_token)["typ"], "at+jwt");
        app.userinfo(&tokens.id_token).await.expect(401, "invalid_token");
        assert_eq!(app.introspect(&tokens.id_token).await, json!({ "active": false }));
    }

    async fn ec_12_no_page_speaks_to_other_pages(server: TestServer) {
        let agent = Agent::new(&server);
        let document = agent.get("/.well-known/openid-configuration").await.body;
        let document: Value = serde_json::from_str(&document).expect("JSON");
        assert_eq!(document.get("check_session_iframe"), None);
        let modes = document["response_modes_supported"].as_array().expect("modes");
        assert!(modes.iter().all(|mode| mode != "web_message"));
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("response_mode", "web_message")]).await;
        page.expect_refusal("invalid_request");
        let login = app.authorize(&[]).await;
        let scripts = login.body.split("<script").skip(1);
        let sources = scripts.filter_map(|script| script.split("src=\"").nth(1)?.split('"').next());
        let sources: Vec<String> = sources.map(str::to_owned).collect();
        assert!(!sources.is_empty());
        for source in sources {
            let script = agent.get(&source).await.body;
            assert!(!script.contains("postMessage"), "{source}");
        }
    }
}
