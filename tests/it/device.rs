//! Device authorization (RFC 8628), from the request of the device to its tokens.

use crate::authorization_details::{order_type, parsed, tea};
use crate::resources::{ORDERS, resource};
use crate::support::certificates::{Issued, Mutual};
use crate::support::crypto::claims;
use crate::support::device::{GRANT, set_top_box, television};
use crate::support::dpop::Prover;
use crate::support::{Store, TestServer, WebApp, both};
use countersign::domain::consent;
use serde_json::json;

both! {
    async fn rfc_8628_3_2_a_device_gets_its_codes(server: TestServer) {
        let app = WebApp::register_device(&server).await;
        let reply = app.begin(&[("scope", "openid")]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(reply.header("content-type").starts_with("application/json"));
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!((&reply.json["expires_in"], &reply.json["interval"]), (&json!(600), &json!(5)));
        let page = format!("{}/device", server.issuer());
        assert_eq!(reply.json["verification_uri"], page);
        let code = reply.json["user_code"].as_str().expect("text");
        assert_eq!(reply.json["verification_uri_complete"], format!("{page}?user_code={code}"));
        assert_eq!(reply.json["device_code"].as_str().map(str::len), Some(43));
    }

    async fn rfc_8628_3_5_the_device_gets_the_tokens_of_whoever_let_it_in(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid email offline_access").await;
        app.let_in("ada", &device).await;
        let reply = app.poll(&device).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        let tokens = reply.expect_tokens();
        let (access, id) = (claims(&tokens.access_token), claims(&tokens.id_token));
        assert_eq!((&access["sub"], &id["sub"]), (&json!(ada.user.id), &json!(ada.user.id)));
        assert_eq!((&access["client_id"], &id["aud"]), (&json!(app.id), &json!(app.id)));
        assert_eq!(access["scope"], "email offline_access openid");
        assert!(id["auth_time"].is_i64() && id.get("sid").is_none(), "{id}");
        assert_eq!(app.userinfo(&tokens.access_token).await.json["email"], "ada@example.org");
        let refreshed = app.refresh(&tokens.refresh_token).await.expect_tokens();
        assert_eq!(claims(&refreshed.access_token)["sub"], *ada.user.id);
    }

    async fn rfc_8628_6_1_a_code_may_be_typed_in_any_case_with_or_without_dashes(
        server: TestServer
    ) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let plain = device.user_code.replace('-', "");
        for typed in [plain.to_lowercase(), format!(" {} ", device.user_code), plain.replace("", " ")] {
            app.type_code(&typed).await.expect_login();
        }
    }

    async fn without_offline_access_there_is_no_refresh_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        app.let_in("ada", &device).await;
        assert_eq!(app.poll(&device).await.expect_tokens().refresh_token, "");
        let no_refresh = WebApp::register_as(&server, |draft| {
            television(draft);
            draft.metadata.grant_types.truncate(1);
            draft.metadata.scope = "openid".parse().expect("a scope");
        })
        .await;
        let device = no_refresh.device("openid").await;
        no_refresh.let_in("ada", &device).await;
        assert_eq!(no_refresh.poll(&device).await.expect_tokens().refresh_token, "");
    }

    async fn rfc_8628_5_4_what_was_allowed_before_is_as_plain_to_see_as_the_rest(
        server: TestServer
    ) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let scope = "openid email orders:read offline_access";
        app.let_in("ada", &app.device(scope).await).await;
        let page = app.meet("ada", &app.device(scope).await).await;
        for words in ["<br><span class=\"small muted\">ada@", "orders:read", "Stay connected"] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        for words in ["<details", "Already allowed", "Know that it is you"] {
            assert!(!page.body.contains(words), "{words}: {}", page.body);
        }
    }

    async fn a_request_without_a_scope_asks_for_what_the_client_may_have(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device_with(&[]).await;
        app.let_in("ada", &device).await;
        let tokens = app.poll(&device).await.expect_tokens();
        assert!(tokens.scope.contains("orders:read") && !tokens.scope.contains("offline_access"));
    }

    async fn a_device_stays_when_the_browser_that_let_it_in_is_signed_out(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, set_top_box).await;
        let device = app.device("openid offline_access").await;
        app.let_in("ada", &device).await;
        let page = app.agent.open("/logout").await;
        app.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
        let tokens = app.poll(&device).await.expect_tokens();
        assert!(app.is_active(&tokens.access_token).await);
        app.refresh(&tokens.refresh_token).await.expect_tokens();
    }

    async fn whoever_signed_out_meanwhile_lets_nobody_in(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let page = app.meet("ada", &device).await;
        let out = app.agent.open("/logout").await;
        app.agent.submit(&out, "/logout", &[("decision", "logout")]).await;
        let page = app.agent.decide(&page, "allow").await;
        assert!(!page.body.contains("Your device is connected"), "{}", page.body);
        app.poll(&device).await.expect(400, "authorization_pending");
    }

    async fn x_04_a_block_ends_what_was_allowed_and_not_yet_fetched(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register_as(&server, set_top_box).await;
        let (first, second) = (app.device("openid").await, app.device("openid").await);
        app.let_in("ada", &first).await;
        let page = app.meet("ada", &second).await;
        server.block(&ada).await;
        app.poll(&first).await.expect(400, "access_denied");
        let page = app.agent.decide(&page, "allow").await;
        assert!(!page.body.contains("Your device is connected"), "{}", page.body);
        app.poll(&second).await.expect(400, "authorization_pending");
    }

    async fn access_that_is_taken_back_before_it_is_fetched_is_gone(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        app.let_in("ada", &device).await;
        let actor = crate::support::test_server::system();
        let gone = consent::withdraw(&server.provider, &ada.user.id, &app.id, actor).await;
        assert!(gone.expect("it can be withdrawn"));
        app.poll(&device).await.expect(400, "access_denied");
    }

    async fn the_account_shows_the_app_of_a_device(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        app.let_in("ada", &device).await;
        let page = app.agent.get("/account/apps").await;
        assert!(page.body.contains("Television"), "{}", page.body);
    }

    async fn who_cancels_at_the_sign_in_has_decided_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let page = app.type_code(&device.user_code).await;
        page.expect_login();
        assert!(page.body.contains("Sign in to Television"), "{}", page.body);
        let page = app.agent.submit(&page, "/login", &[("decision", "cancel")]).await;
        assert!(page.body.contains("Nothing happened"), "{}", page.body);
        app.let_in("ada", &device).await;
        app.poll(&device).await.expect_tokens();
    }

    async fn rfc_8707_a_device_asks_for_a_resource(server: TestServer) {
        server.user("ada").await;
        resource(&server, ORDERS, &["orders:read"], |_| {}).await;
        let app = WebApp::register_device(&server).await;
        let form = [("scope", "openid orders:read"), ("resource", ORDERS)];
        let device = app.device_with(&form).await;
        app.let_in("ada", &device).await;
        let other = [
            ("grant_type", GRANT), ("device_code", &*device.device_code),
            ("resource", "https://other.example"),
        ];
        app.token(&other).await.expect(400, "invalid_target");
        let tokens = app.poll(&device).await.expect_tokens();
        assert_eq!(claims(&tokens.access_token)["aud"], ORDERS);
        assert_eq!(tokens.scope, "orders:read");
    }

    async fn rfc_9396_a_device_asks_in_detail(server: TestServer) {
        server.user("ada").await;
        resource(&server, ORDERS, &["orders:read"], |settings| {
            settings.authorization_details_types = vec![order_type("order")];
        })
        .await;
        let app = WebApp::register_as(&server, |draft| {
            television(draft);
            draft.metadata.authorization_details_types = vec!["order".into()];
        })
        .await;
        let form = [("scope", "openid"), ("authorization_details", &*tea(2))];
        let device = app.device_with(&form).await;
        let page = app.meet("ada", &device).await;
        assert!(page.body.contains("Order 2 of tea"), "{}", page.body);
        app.agent.decide(&page, "allow").await;
        let reply = app.poll(&device).await;
        assert_eq!(reply.json["authorization_details"], parsed(&tea(2)));
    }

    async fn rfc_9449_the_tokens_of_a_device_are_bound_to_its_key(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            television(draft);
            draft.metadata.sender.dpop_bound_access_tokens = true;
        })
        .await;
        let device = app.device("openid offline_access").await;
        app.let_in("ada", &device).await;
        app.poll(&device).await.expect(400, "invalid_request");
        let prover = Prover::new();
        let form = [("grant_type", GRANT), ("device_code", &*device.device_code)];
        let tokens = app.token_with(&form, &[&prover.for_token(&server)]).await.expect_dpop();
        assert_eq!(claims(&tokens.access_token)["cnf"]["jkt"], prover.jkt());
        let other = Prover::new().for_token(&server);
        let stolen = app.refresh_with(&tokens.refresh_token, &[&other]).await;
        stolen.expect(400, "invalid_grant");
        let own = prover.for_token(&server);
        app.refresh_with(&tokens.refresh_token, &[&own]).await.expect_dpop();
    }

    async fn rfc_9449_a_proof_is_not_used_up_by_a_question_that_comes_too_early(
        server: TestServer
    ) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let proof = Prover::new().for_token(&server);
        let form = [("grant_type", GRANT), ("device_code", &*device.device_code)];
        app.token_with(&form, &[&proof]).await.expect(400, "authorization_pending");
        app.let_in("ada", &device).await;
        app.token_with(&form, &[&proof]).await.expect_dpop();
    }

    async fn m1_discovery_names_the_endpoint_and_the_grant(server: TestServer) {
        let app = WebApp::register_device(&server).await;
        let url = server.url("/.well-known/openid-configuration");
        let document: serde_json::Value =
            app.http.get(url).send().await.expect("an answer").json().await.expect("JSON");
        let endpoint = format!("{}/device_authorization", server.issuer());
        assert_eq!(document["device_authorization_endpoint"], endpoint);
        let grants = document["grant_types_supported"].as_array().expect("a list");
        assert!(grants.contains(&json!(GRANT)), "{grants:?}");
    }

    async fn the_command_line_registers_a_client_for_devices(server: TestServer) {
        let arguments = [
            "client", "create", "--name", "Television", "--public", "--grant-type", GRANT,
            "--grant-type", "refresh_token", "--json",
        ];
        let made = server.command(&arguments).await.expect_json();
        assert_eq!(made["grant_types"], json!([GRANT, "refresh_token"]));
        let app = WebApp::register_device(&server).await;
        let id = made["client_id"].as_str().expect("an id").to_owned();
        WebApp { id, ..app }.device("openid offline_access").await;
    }

    async fn the_pages_speak_the_language_that_the_device_asked_for(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device_with(&[("scope", "openid"), ("ui_locales", "de")]).await;
        let page = app.meet("ada", &device).await;
        assert!(page.body.contains("Ein Gerät fragt danach"), "{}", page.body);
    }

    async fn i6_a_device_may_ask_for_a_fresh_sign_in(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        app.agent.sign_in("ada").await;
        server.clock.advance_seconds(100);
        let device = app.device_with(&[("scope", "openid"), ("max_age", "60")]).await;
        app.type_code(&device.user_code).await.expect_login();
        app.let_in("ada", &device).await;
        let tokens = app.poll(&device).await.expect_tokens();
        let auth_time = claims(&tokens.id_token)["auth_time"].as_i64().expect("a number");
        assert!(server.provider.now().as_unix() - auth_time < 60);
    }
}

mod rfc_8705_the_tokens_of_a_device_are_bound_to_its_certificate {
    use super::*;

    async fn rule(mutual: Mutual) {
        mutual.server.user("ada").await;
        let app = WebApp::register_as(&mutual.server, |draft| {
            television(draft);
            draft.metadata.sender.tls_client_certificate_bound_access_tokens = true;
        })
        .await;
        let shown = Issued::client(None);
        let there = WebApp { http: shown.http(), base: mutual.url.clone(), ..app.clone() };
        let device = there.device("openid").await;
        app.let_in("ada", &device).await;
        app.poll(&device).await.expect(400, "invalid_request");
        let tokens = there.poll(&device).await.expect_tokens();
        assert_eq!(claims(&tokens.access_token)["cnf"]["x5t#S256"], shown.thumbprint());
    }

    #[tokio::test]
    async fn on_sqlite() {
        rule(Mutual::start_on(Store::Sqlite).await).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        rule(Mutual::start_on(Store::Postgres).await).await;
    }
}
