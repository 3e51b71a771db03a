//! E: the token endpoint and the authorization code.

use crate::support::crypto::claims;
use crate::support::raw;
use crate::support::test_server::system;
use crate::support::{Code, Reply, TestServer, WebApp, both};
use countersign::domain::clients::management;
use countersign::protocol::client::GrantType;
use serde_json::json;

const SCOPE: &str = "openid offline_access";

async fn logout(app: &WebApp) {
    let page = app.agent.open("/logout").await;
    app.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
}

both! {
    async fn tk_01_only_a_posted_form_asks_for_tokens(server: TestServer) {
        let app = WebApp::register(&server).await;
        let url = server.url("/token");
        let get = Reply::read(app.http.get(&url).send().await.expect("an answer")).await;
        assert_eq!(get.status, 405);
        let form = "grant_type=client_credentials";
        for content_type in
            ["application/json", "multipart/form-data; boundary=x", "text/plain",
             "application/x-www-form-urlencoded; charset=utf-16", ""]
        {
            let request = app.http.post(&url).basic_auth(&app.id, Some(&app.secret)).body(form);
            let request = match content_type {
                "" => request,
                named => request.header("Content-Type", named),
            };
            Reply::read(request.send().await.expect("an answer")).await.expect(400, "invalid_request");
        }
        app.token(&[]).await.expect(400, "invalid_request");
        let in_query = format!("{url}?grant_type=authorization_code&code=x");
        let request = app.http.post(in_query).basic_auth(&app.id, Some(&app.secret));
        let request = request.form(&[("a", "b")]);
        Reply::read(request.send().await.expect("an answer")).await.expect(400, "invalid_request");
    }

    async fn tk_02_no_other_grant_exists(server: TestServer) {
        let app = WebApp::register(&server).await;
        app.token(&[("code", "x")]).await.expect(400, "invalid_request");
        for grant in ["implicit", "password", "unknown", "AUTHORIZATION_CODE"] {
            let form = [("grant_type", grant), ("username", "ada"), ("password", "x")];
            app.token(&form).await.expect(400, "unsupported_grant_type");
        }
        let twice = [("grant_type", "refresh_token"), ("grant_type", "refresh_token")];
        app.token(&twice).await.expect(400, "invalid_request");
    }

    async fn tk_03_a_grant_that_is_not_registered_is_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        let grant = [("grant_type", "client_credentials")];
        app.token(&grant).await.expect(400, "unauthorized_client");
        let service = WebApp::register_service(&server).await;
        let code = Code { value: "x".into(), verifier: "v".repeat(43) };
        service.redeem(&code).await.expect(400, "unauthorized_client");
    }

    async fn tk_04_a_code_that_is_none_is_answered_as_a_used_one(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        let redeem = async |value: &str| {
            app.redeem(&Code { value: value.to_owned(), ..code.clone() }).await
        };
        let value = &*code.value;
        let swapped: String = value
            .chars()
            .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        let newline = format!("{value}\n");
        for wrong in ["random", &value[1..], &swapped, &newline, "' OR 1=1 --"] {
            redeem(wrong).await.expect(400, "invalid_grant");
        }
        assert_eq!(redeem(&"x".repeat(1 << 20)).await.status, 413);
        redeem(value).await.expect_tokens();
        app.redeem(&code).await.expect(400, "invalid_grant");
        let (used, unknown) = (redeem(value).await.json, redeem("random").await.json);
        assert_eq!(used, unknown);
    }

    async fn t5_tk_05_a_code_of_another_client_is_refused_and_stays_good(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        for other in [WebApp::register(&server).await, WebApp::register_public(&server).await] {
            other.redeem(&code).await.expect(400, "invalid_grant");
        }
        app.redeem(&code).await.expect_tokens();
    }

    async fn tk_06_a_code_dies_after_a_minute(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let young = app.log_in_and_consent("ada", "openid").await;
        server.clock.advance_seconds(57);
        app.redeem(&young).await.expect_tokens();
        let old = app.log_in_and_consent("ada", "openid").await;
        server.clock.advance_seconds(60);
        app.redeem(&old).await.expect(400, "invalid_grant");
    }

    async fn tk_07_a_code_used_twice_revokes_what_it_gave(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", SCOPE).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        let next = app.refresh(&tokens.refresh_token).await.expect_tokens();
        app.redeem(&code).await.expect(400, "invalid_grant");
        for token in [&tokens.access_token, &next.access_token, &next.refresh_token] {
            assert!(!app.is_active(token).await);
        }
        server.settle().await;
        let list = server.provider.revocation.list();
        assert!(!list.read().expect("no one panics with the lock").is_empty());
    }

    async fn tk_07_a_replay_without_the_verifier_revokes_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", SCOPE).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        let guess = Code { verifier: "w".repeat(43), ..code };
        app.redeem(&guess).await.expect(400, "invalid_grant");
        assert!(app.is_active(&tokens.access_token).await);
    }

    async fn tk_09_a_code_ends_with_what_it_came_from(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;

        let code = app.log_in_and_consent("ada", "openid").await;
        logout(&app).await;
        app.redeem(&code).await.expect(400, "invalid_grant");

        let code = app.log_in_and_consent("ada", "openid").await;
        server.block(&ada).await;
        app.redeem(&code).await.expect(400, "invalid_grant");
        server.unblock(&ada).await;

        let code = app.log_in_and_consent("ada", "openid").await;
        let ground = server.provider.ground();
        management::disable(&ground, &app.id, system()).await.expect("it can be disabled");
        server.settle().await;
        app.redeem(&code).await.expect(401, "invalid_client");
    }

    async fn tk_10_a_value_of_another_kind_is_no_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let page = app.authorize(&[("prompt", "login")]).await;
        for value in [&tokens.refresh_token, &tokens.access_token, &page.hidden("txn")] {
            let code = Code { value: value.clone(), verifier: crate::support::VERIFIER.into() };
            app.redeem(&code).await.expect(400, "invalid_grant");
        }
        app.refresh(&tokens.refresh_token).await.expect_tokens();
    }

    async fn tk_11_a_code_gives_no_more_than_was_granted(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        let wider = [
            ("grant_type", "authorization_code"),
            ("code", &*code.value),
            ("redirect_uri", &*app.redirect_uri),
            ("code_verifier", &*code.verifier),
            ("scope", "openid email"),
        ];
        app.token(&wider).await.expect(400, "invalid_scope");
        assert_eq!(app.redeem(&code).await.expect_tokens().scope, "openid");
    }

    async fn tk_12_a_code_is_for_the_resource_that_was_asked_for(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        let other = [
            ("grant_type", "authorization_code"),
            ("code", &*code.value),
            ("redirect_uri", &*app.redirect_uri),
            ("code_verifier", &*code.verifier),
            ("resource", "https://other.example"),
        ];
        app.token(&other).await.expect(400, "invalid_target");
    }

    async fn tk_13_a_client_id_beside_another_proof_is_refused(server: TestServer) {
        let app = WebApp::register_service(&server).await;
        let form = [("grant_type", "client_credentials"), ("client_id", "another")];
        app.token(&form).await.expect(400, "invalid_request");
    }

    async fn tk_14_no_answer_may_be_kept(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let good = service.token(&[("grant_type", "client_credentials")]).await;
        let bad = service.token(&[("grant_type", "none")]).await;
        for reply in [good, bad] {
            assert_eq!(reply.header("cache-control"), "no-store");
            assert_eq!(reply.header("pragma"), "no-cache");
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            assert!(reply.header("set-cookie").is_empty());
        }
    }

    async fn tk_15_only_the_clients_own_pages_may_read_the_answer(server: TestServer) {
        let app = WebApp::register_public(&server).await;
        for (origin, allowed) in [
            ("https://app.example", "https://app.example"),
            ("https://evil.example", ""),
            ("http://app.example", ""),
            ("https://app.example:8443", ""),
            ("null", ""),
        ] {
            let form = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", &app.id)];
            let request = app.http.post(server.url("/token")).form(&form);
            let request = request.header("Origin", origin);
            let reply = Reply::read(request.send().await.expect("an answer")).await;
            assert_eq!(reply.header("access-control-allow-origin"), allowed, "{origin}");
            assert!(reply.header("access-control-allow-credentials").is_empty());
        }
    }

    async fn tk_16_an_id_token_is_exact(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let nonce = "n-0S6_WzA2Mj+/ \"\\\u{fc}";
        let code = app.code("ada", &[("nonce", nonce)]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        let id_token = claims(&tokens.id_token);
        assert_eq!(id_token["nonce"], nonce);
        assert_eq!((&id_token["aud"], &id_token["sub"]), (&json!(app.id), &json!(ada.user.id)));
        let hash = crate::support::challenge(&tokens.access_token);
        let left_half = {
            use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
            let whole = BASE64_URL_SAFE_NO_PAD.decode(hash).expect("base64url");
            BASE64_URL_SAFE_NO_PAD.encode(&whole[..16])
        };
        assert_eq!(id_token["at_hash"], left_half);
    }

    async fn tk_03_a_grant_that_was_taken_away_is_refused(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let ground = server.provider.ground();
        let mut draft = crate::support::web_app::draft();
        draft.metadata.grant_types = vec![GrantType::AuthorizationCode];
        draft.metadata.scope = "openid".parse().expect("a scope");
        let changed = management::update(&ground, &app.id, draft, system()).await;
        changed.expect("the client can be changed");
        server.settle().await;
        app.refresh(&tokens.refresh_token).await.expect(400, "unauthorized_client");
    }

    async fn tk_17_an_answer_that_was_lost_is_not_given_again(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_public(&server).await;
        let code = app.log_in_and_consent("ada", SCOPE).await;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code").append_pair("client_id", &app.id);
        form.append_pair("code", &code.value).append_pair("redirect_uri", &app.redirect_uri);
        let form = form.append_pair("code_verifier", &code.verifier).finish();
        let request = format!(
            "POST /token HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
            raw::host(&server),
            form.len(),
        );
        // It is answered, and the connection breaks before the client has read that.
        let (status, lost) = raw::send(&server, request.as_bytes()).await;
        assert_eq!(status, 200, "{lost}");
        let lost = lost.split_once("\r\n\r\n").expect("a body").1;
        let lost: serde_json::Value = serde_json::from_str(lost).expect("JSON");

        app.redeem(&code).await.expect(400, "invalid_grant");
        let kept = lost["refresh_token"].as_str().expect("a refresh token");
        app.refresh(kept).await.expect(400, "invalid_grant");
        let access = lost["access_token"].as_str().expect("an access token");
        app.userinfo(access).await.expect(401, "invalid_token");
        // The client begins anew, and nobody has to sign in for that.
        let code = app.code("ada", &[("scope", "openid"), ("prompt", "none")]).await;
        app.redeem(&code).await.expect_tokens();
    }
}
