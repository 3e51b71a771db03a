//! The token endpoint (RFC 6749 §3.2, OpenID Connect Core §3.1.3) and what it gives.

use crate::support::crypto::{claims, header};
use crate::support::{Code, TestServer, WebApp, both};
use countersign::protocol::client::GrantType;
use serde_json::json;

both! {
    async fn t3_a_code_gives_tokens_that_nobody_may_keep(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid email offline_access").await;
        let reply = app.redeem(&code).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("pragma"), "no-cache");
        let tokens = reply.expect_tokens();
        assert_eq!(tokens.expires_in, 300);
        assert_eq!(tokens.scope, "email offline_access openid");
        assert_eq!(tokens.refresh_token.len(), 51);
        assert_eq!(claims(&tokens.id_token)["aud"], *app.id);
        let names: Vec<&String> = reply.json.as_object().expect("an object").keys().collect();
        assert_eq!(names.len(), 6, "{names:?}");
    }

    async fn t_05_tokens_of_2040_and_2107_are_as_good_as_those_of_today(server: TestServer) {
        for moment in [2_213_956_800, 4_328_121_600] {
            server.clock.advance_seconds(moment - server.provider.now().as_unix());
            let name = format!("ada{moment}");
            let ada = server.user(&name).await;
            let app = WebApp::register(&server).await;
            let first = app.tokens(&name, "openid offline_access").await;
            assert!((claims(&first.access_token)["iat"].as_i64().unwrap_or(0) - moment).abs() < 9);
            let next = app.refresh(&first.refresh_token).await.expect_tokens();
            assert!(app.is_active(&next.access_token).await);
            server.clock.advance_seconds(301);
            assert!(!app.is_active(&next.access_token).await);
            let last = app.refresh(&next.refresh_token).await.expect_tokens();
            assert_eq!(app.userinfo(&last.access_token).await.status, 200);
            server.block(&ada).await;
            assert!(!app.is_active(&last.access_token).await);
        }
    }

    /// RFC 9068 §2.
    async fn an_access_token_says_who_may_do_what_where(server: TestServer) {
        let ada = server
            .user_with("ada", |new| {
                new.roles = vec!["buyer".into(), "admin".into()];
                new.groups = vec!["staff".into()];
            })
            .await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid orders:read").await;
        assert_eq!(header(&tokens.access_token)["typ"], "at+jwt");
        let claims = claims(&tokens.access_token);
        assert_eq!(claims["iss"], server.issuer());
        assert_eq!(claims["aud"], server.issuer());
        assert_eq!(claims["sub"], *ada.user.id);
        assert_eq!(claims["client_id"], *app.id);
        assert_eq!(claims["scope"], "openid orders:read");
        assert_eq!(claims["roles"], json!(["admin", "buyer"]));
        assert_eq!(claims["groups"], json!(["staff"]));
        let time = |name: &str| claims[name].as_i64().unwrap_or_else(|| panic!("{name}"));
        assert_eq!(time("exp"), time("iat") + 300);
        assert_eq!(time("nbf"), time("iat"));
        assert!(time("auth_time") <= time("iat"));
        assert!(claims["jti"].is_string() && claims["sid"].is_string());
    }

    async fn d6_an_id_token_has_claims_of_the_protocol_alone(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let nonce = "n".repeat(64);
        let wanted = [("scope", "openid profile email"), ("nonce", &*nonce)];
        let tokens = app.redeem(&app.code("ada", &wanted).await).await.expect_tokens();
        let claims = claims(&tokens.id_token);
        let mut names: Vec<&String> = claims.as_object().expect("an object").keys().collect();
        names.sort();
        let expected = [
            "acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "nonce", "sid", "sub",
        ];
        assert_eq!(names, expected);
        assert_eq!(claims["nonce"], nonce);
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!(ada.user.id), &json!(app.id)));
        assert_eq!(header(&tokens.id_token)["alg"], "RS256");
    }

    async fn a6_without_a_nonce_none_is_returned(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        assert_eq!(claims(&tokens.id_token).get("nonce"), None);
    }

    async fn without_openid_there_is_no_id_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "orders:read").await;
        assert_eq!(tokens.id_token, "");
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 403);
    }

    /// RFC 6749 §4.1.2.
    async fn a_replayed_code_revokes_the_tokens_it_gave(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid offline_access").await;
        let tokens = app.redeem(&code).await.expect_tokens();
        app.redeem(&code).await.expect(400, "invalid_grant");
        assert!(!app.is_active(&tokens.access_token).await);
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 401);
    }

    async fn a_code_dies_after_its_lifetime(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        server.clock.advance_seconds(61);
        app.redeem(&code).await.expect(400, "invalid_grant");
    }

    async fn an_access_token_dies_after_its_lifetime(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        server.clock.advance_seconds(298);
        assert!(app.is_active(&tokens.access_token).await);
        server.clock.advance_seconds(3);
        assert!(!app.is_active(&tokens.access_token).await);
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 401);
    }

    async fn a_public_client_redeems_with_its_verifier(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_public(&server).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        let wrong = Code { verifier: "w".repeat(43), ..code.clone() };
        app.redeem(&wrong).await.expect(400, "invalid_grant");
        app.redeem(&code).await.expect_tokens();
    }

    async fn a_client_whose_policy_says_so_needs_no_pkce(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| draft.policy.require_pkce = false).await;
        let code = app.code("ada", &[("code_challenge", ""), ("code_challenge_method", "")]).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code.value),
            ("redirect_uri", &*app.redirect_uri),
        ];
        app.token(&form).await.expect_tokens();
    }

    async fn a_service_gets_a_token_about_itself(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let tokens = service.token(&[("grant_type", "client_credentials")]).await.expect_tokens();
        assert_eq!((&*tokens.refresh_token, &*tokens.id_token), ("", ""));
        assert_eq!(tokens.scope, "orders:read orders:write");
        let claims = claims(&tokens.access_token);
        assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(service.id), &json!(service.id)));
        let narrow = [("grant_type", "client_credentials"), ("scope", "orders:read")];
        assert_eq!(service.token(&narrow).await.expect_tokens().scope, "orders:read");
        let wide = [("grant_type", "client_credentials"), ("scope", "orders:delete")];
        service.token(&wide).await.expect(400, "invalid_scope");
    }

    async fn a_service_is_told_which_scope_is_wrong_and_why(server: TestServer) {
        let service = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types.push(GrantType::ClientCredentials);
            draft.metadata.scope = "openid orders:read".parse().expect("a scope");
        })
        .await;
        for (scope, word) in [
            ("openid orders:read", "about a person"),
            ("email", "about a person"),
            ("orders:write", "not registered for"),
        ] {
            let form = [("grant_type", "client_credentials"), ("scope", scope)];
            let error = service.token(&form).await.expect_error(400);
            assert_eq!(error["error"], "invalid_scope", "{scope}");
            let says = error["error_description"].as_str().unwrap_or_default();
            assert!(says.contains(word) && !says.contains("orders:write"), "{says}");
        }
        let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
        assert_eq!(service.token(&form).await.expect_tokens().scope, "orders:read");
    }

    async fn a_client_may_have_a_lifetime_of_its_own(server: TestServer) {
        let service = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types =
                vec![countersign::protocol::client::GrantType::ClientCredentials];
            draft.metadata.redirect_uris.clear();
            draft.policy.access_token_lifetime = Some(60);
        })
        .await;
        let tokens = service.token(&[("grant_type", "client_credentials")]).await.expect_tokens();
        assert_eq!(tokens.expires_in, 60);
    }

    async fn the_default_resource_may_be_named_and_no_other(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let named = [("grant_type", "client_credentials"), ("resource", server.issuer())];
        service.token(&named).await.expect_tokens();
        let other = [("grant_type", "client_credentials"), ("resource", "https://other.example")];
        service.token(&other).await.expect(400, "invalid_target");
    }
}
