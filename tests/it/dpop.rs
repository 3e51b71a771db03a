//! DPoP (RFC 9449): tokens that only the holder of a key can use.

use crate::support::crypto::claims;
use crate::support::dpop::{Prover, ath};
use crate::support::{Code, Reply, Store, TestServer, VERIFIER, WebApp, both, challenge};
use countersign::domain::clients::management::ClientDraft;
use countersign::jose::SigningAlgorithm;
use countersign::protocol::client::{AuthMethod, GrantType};
use serde_json::json;

const OFFLINE: &str = "openid offline_access";

async fn with_nonces(store: Store) -> TestServer {
    TestServer::with_on(store, |config| config.tokens.require_dpop_nonce = true).await
}

/// Pushes a request with these `DPoP` headers.
async fn push(app: &WebApp, more: &[(&str, &str)], proofs: &[&str]) -> Reply {
    let challenge = challenge(VERIFIER);
    let mut form = vec![
        ("response_type", "code"),
        ("redirect_uri", &*app.redirect_uri),
        ("scope", "openid"),
        ("code_challenge", &*challenge),
        ("code_challenge_method", "S256"),
    ];
    form.extend_from_slice(more);
    let headers: Vec<_> = proofs.iter().map(|proof| ("dpop", *proof)).collect();
    app.call_with("/par", &form, &headers).await
}

/// Takes Ada's browser to us with the reference of a pushed request.
async fn code_of(app: &WebApp, pushed: &Reply) -> Code {
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    let request_uri = pushed.json["request_uri"].as_str().expect("a request_uri");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([("client_id", &*app.id), ("request_uri", request_uri)]);
    let mut page = app.agent.open(&format!("/authorize?{}", query.finish())).await;
    if page.has_id("login-submit") {
        page = app.agent.log_in(&page, "ada").await;
    }
    if page.has_id("consent-allow") {
        page = app.agent.decide(&page, "allow").await;
    }
    Code { value: page.expect_answer().get("code").to_owned(), verifier: VERIFIER.into() }
}

fn bound(draft: &mut ClientDraft) {
    draft.metadata.sender.dpop_bound_access_tokens = true;
}

fn service(draft: &mut ClientDraft) {
    draft.metadata.grant_types = vec![GrantType::ClientCredentials];
    draft.metadata.redirect_uris.clear();
}

both! {
    async fn s19_a_token_with_a_proof_is_bound_to_its_key_with_every_algorithm(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for algorithm in [SigningAlgorithm::ES256, SigningAlgorithm::PS256, SigningAlgorithm::EdDSA] {
            let prover = Prover::with(algorithm);
            let code = app.log_in_and_consent("ada", "openid email").await;
            let tokens = app.redeem_with(&code, &prover.for_token(&server)).await.expect_dpop();
            assert_eq!(claims(&tokens.access_token)["cnf"], json!({ "jkt": prover.jkt() }));
            let proof = prover.for_userinfo(&server, &tokens.access_token);
            let authorization = format!("DPoP {}", tokens.access_token);
            let reply = app.userinfo_with(&authorization, &[&proof]).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            assert_eq!(reply.json["email"], "ada@example.org");
            assert!(!reply.header("date").is_empty());
        }
    }

    async fn s14_a_client_whose_tokens_must_be_bound_sends_a_proof_always(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, bound).await;
        let code = app.log_in_and_consent("ada", OFFLINE).await;
        app.redeem(&code).await.expect(400, "invalid_request");
        let prover = Prover::new();
        let tokens = app.redeem_with(&code, &prover.for_token(&server)).await.expect_dpop();
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_request");
        let proof = prover.for_token(&server);
        app.refresh_with(&tokens.refresh_token, &[&proof]).await.expect_dpop();
    }

    async fn s15_a_confidential_client_refreshes_with_a_fresh_key(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", OFFLINE).await;
        let (first, second) = (Prover::new(), Prover::new());
        let tokens = app.redeem_with(&code, &first.for_token(&server)).await.expect_dpop();
        let proof = second.for_token(&server);
        let tokens = app.refresh_with(&tokens.refresh_token, &[&proof]).await.expect_dpop();
        assert_eq!(claims(&tokens.access_token)["cnf"]["jkt"], second.jkt());
    }

    async fn dp_10_rt_01_the_refresh_token_of_a_public_client_is_bound_to_its_key(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_public(&server).await;
        let code = app.log_in_and_consent("ada", OFFLINE).await;
        let (own, other) = (Prover::new(), Prover::new());
        let tokens = app.redeem_with(&code, &own.for_token(&server)).await.expect_dpop();
        let refresh = tokens.refresh_token;
        let foreign = other.for_token(&server);
        app.refresh_with(&refresh, &[&foreign]).await.expect(400, "invalid_grant");
        app.refresh(&refresh).await.expect(400, "invalid_dpop_proof");
        let next = app.refresh_with(&refresh, &[&own.for_token(&server)]).await.expect_dpop();
        let again = next.refresh_token;
        app.refresh_with(&again, &[&other.for_token(&server)]).await.expect(400, "invalid_grant");
        app.refresh_with(&again, &[&own.for_token(&server)]).await.expect_dpop();
    }

    async fn s21_az_22_dpop_jkt_binds_the_code_to_a_key(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let (own, other) = (Prover::new(), Prover::new());
        let code = app.code("ada", &[("dpop_jkt", own.jkt())]).await;
        let foreign = other.for_token(&server);
        app.redeem_with(&code, &foreign).await.expect(400, "invalid_grant");
        app.redeem(&code).await.expect(400, "invalid_dpop_proof");
        app.redeem_with(&code, &own.for_token(&server)).await.expect_dpop();
    }

    async fn s21_dpop_jkt_in_a_pushed_request_binds_the_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let (own, other) = (Prover::new(), Prover::new());
        let code = code_of(&app, &push(&app, &[("dpop_jkt", own.jkt())], &[]).await).await;
        app.redeem_with(&code, &other.for_token(&server)).await.expect(400, "invalid_grant");
        app.redeem_with(&code, &own.for_token(&server)).await.expect_dpop();
    }

    async fn s21_the_key_of_a_proof_at_par_binds_the_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let (own, other) = (Prover::new(), Prover::new());
        let proof = || own.sign(&Prover::claims(&server, "POST", "/par", &json!({})));
        let once = proof();
        let code = code_of(&app, &push(&app, &[], &[&once]).await).await;
        app.redeem_with(&code, &other.for_token(&server)).await.expect(400, "invalid_grant");
        app.redeem(&code).await.expect(400, "invalid_dpop_proof");
        app.redeem_with(&code, &own.for_token(&server)).await.expect_dpop();
        // What is wrong with a proof is wrong here too.
        push(&app, &[], &[&once]).await.expect(400, "invalid_dpop_proof");
        push(&app, &[], &[&own.for_token(&server)]).await.expect(400, "invalid_dpop_proof");
        push(&app, &[], &[&proof(), &proof()]).await.expect(400, "invalid_dpop_proof");
        let differs = push(&app, &[("dpop_jkt", other.jkt())], &[&proof()]).await;
        differs.expect(400, "invalid_dpop_proof");
        let agrees = push(&app, &[("dpop_jkt", own.jkt())], &[&proof()]).await;
        assert_eq!(agrees.status, 201, "{}", agrees.text);
    }

    async fn s21_az_22_a_dpop_jkt_that_is_no_thumbprint_is_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        for jkt in ["x", &"A".repeat(44), &"=".repeat(43)] {
            app.authorize(&[("dpop_jkt", jkt)]).await.expect_refusal("invalid_request");
        }
    }

    async fn s20_introspection_says_what_a_token_is_bound_to(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let prover = Prover::new();
        let code = app.log_in_and_consent("ada", "openid").await;
        let tokens = app.redeem_with(&code, &prover.for_token(&server)).await.expect_dpop();
        let answer = app.introspect(&tokens.access_token).await;
        assert_eq!(answer["token_type"], "DPoP");
        assert_eq!(answer["cnf"], json!({ "jkt": prover.jkt() }));
        let bearer = app.tokens("ada", "openid").await.access_token;
        let answer = app.introspect(&bearer).await;
        assert_eq!((&answer["token_type"], answer.get("cnf")), (&json!("Bearer"), None));
    }

    async fn s19_tokens_of_every_format_are_bound(server: TestServer) {
        use countersign::protocol::client::AccessTokenFormat;
        server.user("ada").await;
        for format in [AccessTokenFormat::Opaque, AccessTokenFormat::Jwe] {
            let app = WebApp::register_as(&server, |draft| {
                draft.policy.access_token_format = format;
            })
            .await;
            let prover = Prover::new();
            let code = app.log_in_and_consent("ada", "openid").await;
            let tokens = app.redeem_with(&code, &prover.for_token(&server)).await.expect_dpop();
            assert_eq!(app.introspect(&tokens.access_token).await["cnf"]["jkt"], prover.jkt());
            app.userinfo(&tokens.access_token).await.expect_error(401);
            let proof = prover.for_userinfo(&server, &tokens.access_token);
            let authorization = format!("dpop {}", tokens.access_token);
            assert_eq!(app.userinfo_with(&authorization, &[&proof]).await.status, 200);
        }
    }

    async fn s19_a_machine_gets_a_bound_token_too(server: TestServer) {
        let app = WebApp::register_as(&server, service).await;
        let form = [("grant_type", "client_credentials")];
        let prover = Prover::new();
        let proof = prover.for_token(&server);
        let tokens = app.token_with(&form, &[&proof]).await.expect_dpop();
        assert_eq!(claims(&tokens.access_token)["cnf"]["jkt"], prover.jkt());
        app.token(&form).await.expect_tokens();
    }

    async fn s18_a_bearer_token_is_not_sent_as_dpop(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let proof = Prover::new().for_userinfo(&server, &token);
        let reply = app.userinfo_with(&format!("DPoP {token}"), &[&proof]).await;
        reply.expect(401, "invalid_token");
        assert!(reply.header("www-authenticate").starts_with("DPoP"));
    }

    async fn m4_the_metadata_name_the_algorithms_of_proofs(server: TestServer) {
        let url = server.url("/.well-known/openid-configuration");
        let document = reqwest::get(url).await.expect("an answer").text().await.expect("text");
        let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        assert_eq!(document["dpop_signing_alg_values_supported"], json!(["ES256", "PS256", "EdDSA"]));
    }

    async fn tk_15_scripts_may_send_proofs_and_read_nonces(server: TestServer) {
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.token_endpoint_auth_method = AuthMethod::None;
        })
        .await;
        let origin = "https://app.example";
        let preflight = app
            .http
            .request(reqwest::Method::OPTIONS, server.url("/token"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "dpop");
        let answer = preflight.send().await.expect("an answer");
        let allowed = answer.headers()["access-control-allow-headers"].to_str().expect("text");
        assert!(allowed.split(", ").any(|name| name == "dpop"), "{allowed}");
        let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
        let answer = app.call_with("/token", &form, &[("origin", origin)]).await;
        let exposed = answer.header("access-control-expose-headers");
        assert!(exposed.split(", ").any(|name| name == "dpop-nonce"), "{exposed}");
    }
}

mod s22_dp_08_t_04_nonces_are_asked_for_and_then_accepted_from_any_clock {
    use super::*;

    async fn rule(store: Store) {
        let server = with_nonces(store).await;
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let prover = Prover::new();
        let plain = prover.sign(&Prover::claims(&server, "POST", "/par", &json!({})));
        let refused = push(&app, &[], &[&plain]).await;
        refused.expect(400, "use_dpop_nonce");
        assert!(!refused.header("dpop-nonce").is_empty());
        let code = app.log_in_and_consent("ada", OFFLINE).await;
        let refused = app.redeem_with(&code, &prover.for_token(&server)).await;
        refused.expect(400, "use_dpop_nonce");
        let with = |nonce: &str| json!({ "nonce": nonce, "iat": 1_000_000_000 });
        let proof =
            |nonce: &str| prover.sign(&Prover::claims(&server, "POST", "/token", &with(nonce)));
        let reply = app.redeem_with(&code, &proof(refused.header("dpop-nonce"))).await;
        let tokens = reply.expect_dpop();
        // The nonce of a success is for the next request, and another instance takes it.
        let next = reply.header("dpop-nonce").to_owned();
        let beside = server.beside_if_possible().await;
        let refreshed = app
            .turned_to_other(beside.as_ref())
            .refresh_with(&tokens.refresh_token, &[&proof(&next)])
            .await;
        let token = refreshed.expect_dpop().access_token;

        let authorization = format!("DPoP {token}");
        let plain =
            app.userinfo_with(&authorization, &[&prover.for_userinfo(&server, &token)]).await;
        plain.expect(401, "use_dpop_nonce");
        let challenge = plain.header("www-authenticate");
        assert!(challenge.starts_with("DPoP "), "{challenge}");
        assert!(challenge.contains(r#"error="use_dpop_nonce""#), "{challenge}");
        let more = json!({ "nonce": plain.header("dpop-nonce"), "ath": ath(&token) });
        let good = prover.sign(&Prover::claims(&server, "GET", "/userinfo", &more));
        let reply = app.userinfo_with(&authorization, &[&good]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(!reply.header("dpop-nonce").is_empty());

        let late = proof(&next);
        server.clock.advance_seconds(301);
        app.refresh_with("x", &[&late]).await.expect(400, "use_dpop_nonce");
        for forged in ["", "nonce", &next[1..], &format!("{next}A")] {
            app.refresh_with("x", &[&proof(forged)]).await.expect(400, "use_dpop_nonce");
        }
    }

    #[tokio::test]
    async fn on_sqlite() {
        rule(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        rule(Store::Postgres).await;
    }
}
