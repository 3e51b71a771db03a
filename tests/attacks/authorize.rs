//! A: the authorization endpoint, its parameters.

use crate::support::crypto::{claims, encode, unsigned};
use crate::support::{TestServer, WebApp, both};
use serde_json::json;

both! {
    async fn az_01_an_unknown_client_is_an_error_page(server: TestServer) {
        let app = WebApp::register(&server).await;
        let long = "c".repeat(5000);
        for id in ["", "unknown", &long, "a\r\nSet-Cookie: x=y"] {
            let page = app.authorize(&[("client_id", id)]).await;
            page.expect_error_page();
        }
        let url = app.authorize_url(&[("client_id", "")]);
        app.agent.open(&format!("{url}&client_id=a%00b")).await.expect_error_page();
    }

    async fn az_01_a_disabled_client_looks_like_an_unknown_one(server: TestServer) {
        use crate::support::test_server::system;
        use countersign::domain::clients::management;
        let app = WebApp::register(&server).await;
        let ground = server.provider.ground();
        management::disable(&ground, &app.id, system()).await.expect("it can be disabled");
        server.settle().await;
        let disabled = app.authorize(&[]).await;
        let unknown = app.authorize(&[("client_id", "unknown")]).await;
        let stable = |body: &str| {
            body.split("<details>").nth(1).unwrap_or_default().split("</dl>").next().map(str::to_owned)
        };
        disabled.expect_error_page();
        assert_eq!(stable(&disabled.body), stable(&unknown.body));
    }

    async fn az_02_a_repeated_parameter_is_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        let url = app.authorize_url(&[("nonce", "n"), ("prompt", "login")]);
        for name in ["client_id", "redirect_uri"] {
            app.agent.open(&format!("{url}&{name}=x")).await.expect_error_page();
        }
        for name in
            ["state", "scope", "response_type", "nonce", "code_challenge", "prompt", "code_challenge_method"]
        {
            let page = app.agent.open(&format!("{url}&{name}=x")).await;
            assert_eq!(page.status, 303, "{name}");
            page.expect_refusal("invalid_request");
        }
    }

    async fn az_03_a_posted_request_takes_nothing_from_the_query(server: TestServer) {
        let app = WebApp::register(&server).await;
        let url = app.authorize_url(&[]);
        let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(a, b)| (&**a, &**b)).collect();
        let without: Vec<_> = form.iter().copied().filter(|(name, _)| *name != "scope").collect();
        let page = app.agent.post("/authorize?scope=openid", &without).await;
        page.expect_refusal("invalid_scope");
        let page = app.agent.post("/authorize?state=other", &form).await;
        page.expect_refusal("invalid_request");
        app.agent.post("/authorize?client_id=other", &form).await.expect_error_page();
    }

    async fn az_04_no_other_response_type_exists(server: TestServer) {
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("response_type", "")]).await;
        page.expect_refusal("invalid_request");
        for other in ["token", "id_token token", "code token", "foo", "CODE", "code code"] {
            let page = app.authorize(&[("response_type", other)]).await;
            page.expect_refusal("unsupported_response_type");
        }
    }

    async fn az_05_a_response_type_that_is_not_registered_gives_nothing(server: TestServer) {
        let app = WebApp::register(&server).await;
        for other in ["code id_token", "id_token"] {
            let page = app.authorize(&[("response_type", other), ("nonce", "n")]).await;
            page.expect_refusal("unsupported_response_type");
        }
    }

    async fn az_06_no_other_response_mode_exists(server: TestServer) {
        let app = WebApp::register(&server).await;
        for mode in ["foo", "web_message"] {
            app.authorize(&[("response_mode", mode)]).await.expect_refusal("invalid_request");
        }
    }

    async fn az_07_a_posted_state_cannot_break_out_of_its_attribute(server: TestServer) {
        let app = WebApp::register(&server).await;
        let state = "\"><script>alert(1)</script>";
        let request = [("response_mode", "form_post"), ("state", state), ("prompt", "none")];
        let page = app.authorize(&request).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.expect_refusal("login_required").get("state"), state);
    }

    async fn az_08_a_state_comes_back_byte_for_byte_and_adds_nothing(server: TestServer) {
        let app = WebApp::register(&server).await;
        let limit = "s".repeat(1024);
        for state in ["a\r\nSet-Cookie: x=y", "\u{fc}\u{1f600}", "#f", "a&code=evil", &limit] {
            let page = app.authorize(&[("state", state), ("prompt", "none")]).await;
            assert_eq!(page.expect_refusal("login_required").get("state"), state);
            assert!(!page.header("set-cookie").contains("x=y"));
        }
        let long = "s".repeat(1025);
        let page = app.authorize(&[("state", &long), ("prompt", "none")]).await;
        assert!(!page.expect_refusal("invalid_request").has("state"));
    }

    async fn az_09_prompt_none_never_shows_a_page(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
        app.agent.sign_in("ada").await;
        app.authorize(&[("prompt", "none")]).await.expect_refusal("consent_required");
        app.code("ada", &[]).await;
        server.clock.advance_seconds(3);
        let page = app.authorize(&[("prompt", "none"), ("max_age", "1")]).await;
        page.expect_refusal("login_required");
    }

    async fn az_10_contradicting_prompts_are_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        for prompt in ["none login", "none consent", "bogus", "NONE"] {
            app.authorize(&[("prompt", prompt)]).await.expect_refusal("invalid_request");
        }
    }

    async fn az_12_a_max_age_that_is_no_number_is_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        for max_age in ["-1", "abc", "1.5", "99999999999999999999"] {
            app.authorize(&[("max_age", max_age)]).await.expect_refusal("invalid_request");
        }
    }

    async fn az_13_a_hint_of_another_user_gives_no_code_for_this_one(server: TestServer) {
        server.user("ada").await;
        server.user("grace").await;
        let app = WebApp::register(&server).await;
        let hint = app.in_another_browser().tokens("grace", "openid").await.id_token;
        app.code("ada", &[]).await;
        let page = app.authorize(&[("prompt", "none"), ("id_token_hint", &hint)]).await;
        page.expect_refusal("login_required");
    }

    async fn az_14_only_an_id_token_of_ours_for_this_client_is_a_hint(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let other = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        let of_other = other.tokens("ada", "openid").await.id_token;
        let payload = claims(&tokens.id_token).to_string();
        let none = unsigned(r#"{"alg":"none","typ":"JWT"}"#, &payload, "");
        let foreign = crate::support::crypto::key(countersign::jose::SigningAlgorithm::RS256);
        let claims = claims(&tokens.id_token);
        let foreign = foreign.sign(countersign::jose::Typ::IdToken, &claims).expect("signed");
        let swapped = format!("{}x", tokens.id_token);
        let parts: Vec<&str> = tokens.id_token.split('.').collect();
        let mut changed = claims.clone();
        changed["sub"] = json!("somebody");
        let changed = format!("{}.{}.{}", parts[0], encode(&changed.to_string()), parts[2]);
        for hint in
            [&none, &foreign, &swapped, &changed, &of_other, &tokens.access_token, "garbage", "a.b.c.d.e"]
        {
            let page = app.authorize(&[("prompt", "none"), ("id_token_hint", hint)]).await;
            page.expect_refusal("invalid_request");
        }
        server.clock.advance_seconds(3 * 3600);
        let expired = [("prompt", "none"), ("id_token_hint", &*tokens.id_token)];
        assert!(app.authorize(&expired).await.expect_answer().has("code"));
    }

    async fn az_15_a_claims_parameter_brings_only_standard_claims(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let deep = format!("{{\"userinfo\":{}1{}}}", "{\"a\":".repeat(400), "}".repeat(400));
        for broken in ["nonsense", "[]", "{\"userinfo\":1}", &deep] {
            app.authorize(&[("claims", broken)]).await.expect_refusal("invalid_request");
        }
        let greedy = r#"{"userinfo":{"password_hash":null,"roles":null,"id":null}}"#;
        let code = app.code("ada", &[("claims", greedy)]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        let about = app.userinfo(&tokens.access_token).await.json;
        assert_eq!(about.as_object().map(serde_json::Map::len), Some(1), "{about}");
    }

    async fn az_15_a_named_subject_that_is_another_gets_no_answer(server: TestServer) {
        server.user("ada").await;
        let grace = server.user("grace").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        let other = format!(r#"{{"id_token":{{"sub":{{"value":"{}"}}}}}}"#, grace.user.id);
        let page = app.authorize(&[("prompt", "none"), ("claims", &other)]).await;
        page.expect_refusal("login_required");
    }

    async fn az_16_a_scope_with_forbidden_characters_is_refused(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let many = (0..200).map(|n| format!("s{n} ")).collect::<String>();
        for scope in ["open\"id", "openid \u{e9}", "openid\topenid", "openid \\", &many] {
            app.authorize(&[("scope", scope)]).await.expect_refusal("invalid_scope");
        }
        let twice = app.code("ada", &[("scope", "openid  openid email openid")]).await;
        assert_eq!(app.redeem(&twice).await.expect_tokens().scope, "email openid");
    }

    async fn az_17_a_scope_that_is_not_the_clients_is_refused(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.scope = "openid email".parse().expect("a scope");
        })
        .await;
        app.authorize(&[("scope", "openid phone")]).await.expect_refusal("invalid_scope");
        let code = app.code("ada", &[("scope", "openid unknown:thing")]).await;
        assert_eq!(app.redeem(&code).await.expect_tokens().scope, "openid");
    }

    async fn az_18_hints_are_shown_escaped_at_most(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("login_hint", "\"><script>alert(1)</script>")]).await;
        assert!(!page.expect_login().body.contains("<script>alert"));
        app.authorize(&[("ui_locales", "../../etc/passwd")]).await.expect_login();
        let known = app.authorize(&[("login_hint", "ada@example.org")]).await;
        let unknown = app.authorize(&[("login_hint", "bob@example.org")]).await;
        assert_eq!(known.body.len(), unknown.body.len(), "it tells nothing of the account");
    }

    async fn az_20_a_resource_that_is_not_there_is_no_target(server: TestServer) {
        let app = WebApp::register(&server).await;
        for resource in ["relative", "https://other.example", "https://other.example/#f"] {
            app.authorize(&[("resource", resource)]).await.expect_refusal("invalid_target");
        }
    }

    async fn az_32_other_spellings_are_other_parameters(server: TestServer) {
        let app = WebApp::register(&server).await;
        let url = app.authorize_url(&[("redirect_uri", "")]);
        for name in ["redirect_uri%5b%5d", "Redirect_Uri", "redirect_uri%20"] {
            let with = format!("{url}&{name}=https%3A%2F%2Fapp.example%2Fcb");
            app.agent.open(&with).await.expect_error_page();
        }
    }

    async fn az_33_text_that_is_not_utf_8_is_refused(server: TestServer) {
        let app = WebApp::register(&server).await;
        let url = app.authorize_url(&[("state", "")]);
        for state in ["%ff%fe", "%c0%af", "%ed%a0%80", "%00", "%zz"] {
            let page = app.agent.get(&format!("{url}&state={state}")).await;
            assert_eq!(page.status, 400, "{state}");
        }
    }
}
