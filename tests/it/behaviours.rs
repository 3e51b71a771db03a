//! General rules of HTTP and of the authorization endpoint that every client relies on.

use crate::support::crypto::{claims, header};
use crate::support::{Place, Reply, TestServer, VERIFIER, WebApp, both, challenge};
use serde_json::{Value, json};
use std::collections::HashMap;

async fn get(app: &WebApp, path: &str) -> Reply {
    let url = format!("{}{path}", app.base);
    Reply::read(app.http.get(url).send().await.expect("an answer")).await
}

/// Bits of Shannon entropy of a whole text, by the frequency of its own characters.
fn entropy(text: &str) -> f64 {
    let mut counts: HashMap<char, f64> = HashMap::new();
    text.chars().for_each(|c| *counts.entry(c).or_default() += 1.0);
    let length = text.chars().count() as f64;
    counts.values().map(|count| -count * (count / length).log2()).sum()
}

both! {
    async fn g1_g12_the_issuer_is_the_same_byte_for_byte_everywhere(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let document = app.metadata().await;
        let issuer = document["issuer"].as_str().expect("a text").to_owned();
        assert_eq!(issuer, server.issuer());
        assert!(!issuer.contains(['?', '#']));
        for (name, value) in document.as_object().expect("an object") {
            if name.ends_with("_endpoint") || name == "jwks_uri" {
                let value = value.as_str().expect("an address");
                assert!(value.starts_with(&format!("{issuer}/")), "{name}: {value}");
            }
        }
        let answer = app.pass("ada", &[]).await;
        assert_eq!(answer.get("iss"), issuer);
        let refused = app.authorize(&[("prompt", "none"), ("max_age", "0")]).await;
        assert_eq!(refused.expect_refusal("login_required").get("iss"), issuer);
        let tokens = app.in_another_browser().tokens("ada", "openid").await;
        for token in [&tokens.id_token, &tokens.access_token] {
            assert_eq!(claims(token)["iss"], issuer);
        }
    }

    async fn g2_g3_json_is_called_json_and_tokens_are_not_kept(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid offline_access").await;
        let tokens = app.redeem(&code).await;
        let refreshed = app.refresh(&tokens.expect_tokens().refresh_token).await;
        let about = app.userinfo(&refreshed.expect_tokens().access_token).await;
        for reply in [&tokens, &refreshed] {
            assert!(reply.header("cache-control").contains("no-store"));
        }
        let documents =
            [get(&app, "/.well-known/openid-configuration").await, get(&app, "/jwks").await];
        for reply in [tokens, refreshed, about].iter().chain(&documents) {
            assert!(reply.header("content-type").starts_with("application/json"));
        }
    }

    async fn g4_g5_errors_of_the_token_endpoint_are_plain_and_400(server: TestServer) {
        let app = WebApp::register(&server).await;
        for (form, error) in [
            (vec![("grant_type", "foo\"\\\n\u{fc}")], "unsupported_grant_type"),
            (vec![("code", "x")], "invalid_request"),
            (vec![("grant_type", "authorization_code")], "invalid_request"),
            (vec![("grant_type", "refresh_token"), ("refresh_token", "\u{fc}")], "invalid_grant"),
        ] {
            // The characters of the description are checked there.
            app.token(&form).await.expect(400, error);
        }
        let wrong = WebApp { secret: "wrong".into(), ..app };
        let reply = wrong.token(&[("grant_type", "refresh_token")]).await;
        reply.expect(401, "invalid_client");
        assert!(reply.header("www-authenticate").starts_with("Basic"));
    }

    async fn g6_what_is_not_known_is_ignored_everywhere(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.code("ada", &[("foo", "bar"), ("xyz", "\u{1f600}")]).await;
        let tokens = app
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", &code.value),
                ("redirect_uri", &app.redirect_uri),
                ("code_verifier", VERIFIER),
                ("foo", "bar"),
            ])
            .await
            .expect_tokens();
        let about = get(&app, &format!("/userinfo?foo={}", "bar")).await;
        assert_eq!(about.status, 401);
        let form = [("token", tokens.access_token.as_str()), ("foo", "bar")];
        assert_eq!(app.call("/introspect", &form).await.json["active"], true);
        assert_eq!(app.call("/revoke", &form).await.status, 200);
        let page = app.agent.get("/logout?foo=bar").await;
        assert_eq!(page.status, 200);
    }

    async fn g7_the_order_of_scopes_and_parameters_means_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[("scope", "openid email profile")]).await;
        let url = app.authorize_url(&[("scope", "profile openid email openid"), ("prompt", "none")]);
        let (path, query) = url.split_once('?').expect("a query");
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.reverse();
        let page = app.agent.open(&format!("{path}?{}", pairs.join("&"))).await;
        assert!(page.expect_answer().has("code"));
    }

    async fn g8_the_state_comes_back_as_it_was_or_not_at_all(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for state in ["x".repeat(128), "x".repeat(1000), " %2B+&=#?\u{fc}\u{1f600}".to_owned()] {
            let refused = app.authorize(&[("state", &state), ("prompt", "none")]).await;
            let refused = refused.expect_answer();
            assert_eq!(refused.get("state"), state);
            assert_eq!(app.in_another_browser().pass("ada", &[("state", &state)]).await.get("state"), state);
        }
        let refused = app.authorize(&[("state", ""), ("prompt", "none")]).await.expect_answer();
        assert!(!refused.has("state"));
    }

    async fn g9_secrets_hold_enough_chance(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.policy.access_token_format =
                countersign::protocol::client::AccessTokenFormat::Opaque;
        })
        .await;
        let code = app.log_in_and_consent("ada", "openid offline_access").await;
        let tokens = app.redeem(&code).await.expect_tokens();
        for secret in [&code.value, &tokens.access_token, &tokens.refresh_token, &app.secret] {
            assert!(secret.len() >= 16 && entropy(secret) > 96.0, "{}", entropy(secret));
            assert!(secret.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    async fn g10_the_lifetime_is_a_number_below_a_year(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let reply = app.redeem(&app.log_in_and_consent("ada", "openid").await).await;
        let lifetime = reply.json["expires_in"].as_u64().expect("a number");
        assert!((1..31_536_000).contains(&lifetime), "{lifetime}");
    }

    async fn g11_an_error_brings_nothing_but_itself(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        // What an error may have is checked there.
        app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
        app.authorize(&[("scope", "nonsense")]).await.expect_refusal("invalid_scope");
        app.authorize(&[("max_age", "x")]).await.expect_refusal("invalid_request");
    }

    async fn a1_get_and_post_are_the_same(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        let url = app.authorize_url(&[("prompt", "none"), ("nonce", "n")]);
        let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(a, b)| (&**a, &**b)).collect();
        let posted = app.agent.follow(app.agent.post("/authorize", &form).await).await;
        let got = app.agent.open(&url).await;
        for page in [posted, got] {
            let answer = page.expect_answer();
            assert_eq!((answer.place, answer.has("code")), (Place::Query, true));
            assert_eq!(answer.get("state"), "the-state");
        }
    }

    async fn a2_a_missing_response_type_is_told_to_the_client(server: TestServer) {
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[("response_type", "")]).await;
        let refusal = page.expect_refusal("invalid_request");
        assert_eq!((refusal.place, refusal.get("state")), (Place::Query, "the-state"));
    }

    async fn a3_a4_a_redirect_uri_is_sent_and_is_exactly_one_of_the_registered(server: TestServer) {
        let app = WebApp::register(&server).await;
        for sent in ["", "/more", "?a=b", "#f", "/"] {
            let uri = if sent.is_empty() { String::new() } else { format!("{}{sent}", app.redirect_uri) };
            app.authorize(&[("redirect_uri", &uri)]).await.expect_error_page();
        }
    }

    async fn a8_pkce_is_welcome_and_needed_as_the_policy_says(server: TestServer) {
        server.user("ada").await;
        let free = WebApp::register_as(&server, |draft| draft.policy.require_pkce = false).await;
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        assert!(free.pass("ada", &without).await.has("code"));
        let sent = challenge(VERIFIER);
        let with = free.pass("ada", &[("code_challenge", &sent)]).await;
        assert!(with.has("code"), "{with:?}");
        let strict = WebApp::register(&server).await;
        strict.authorize(&without).await.expect_refusal("invalid_request");
    }

    async fn a9_advice_is_never_an_error(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        for (name, value) in [
            ("display", "page"), ("display", "popup"), ("display", "touch"), ("display", "nonsense"),
            ("ui_locales", "se"), ("ui_locales", "de-AT en"), ("claims_locales", "se"),
            ("login_hint", "nobody@example.org"), ("acr_values", "urn:nonsense"),
        ] {
            let page = app.authorize(&[(name, value), ("prompt", "none")]).await;
            assert!(page.expect_answer().has("code"), "{name}={value}");
        }
    }

    async fn i9_two_apps_of_one_browser_share_the_session(server: TestServer) {
        server.user("ada").await;
        let first = WebApp::register(&server).await;
        let second = WebApp::register(&server).await.in_browser_of(&first);
        let one = claims(&first.tokens("ada", "openid").await.id_token);
        server.clock.advance_seconds(10);
        let page = second.authorize(&[]).await;
        page.expect_consent();
        let answer = second.agent.decide(&page, "allow").await.expect_answer();
        let code = crate::support::Code {
            value: answer.get("code").to_owned(),
            verifier: VERIFIER.to_owned(),
        };
        let two = claims(&second.redeem(&code).await.expect_tokens().id_token);
        assert_eq!((&one["sid"], &one["auth_time"]), (&two["sid"], &two["auth_time"]));
        assert!(first.authorize(&[("prompt", "none")]).await.expect_answer().has("code"));
    }

    async fn d1_an_id_token_is_signed_as_it_was_registered_by_a_published_key(server: TestServer) {
        server.user("ada").await;
        let offered = WebApp::register(&server).await.metadata().await;
        let offered = offered["id_token_signing_alg_values_supported"].clone();
        let offered: Vec<String> = serde_json::from_value(offered).expect("an array");
        assert!(offered.contains(&"RS256".to_owned()));
        let all = offered.into_iter().map(Some).chain([None]);
        for alg in all {
            let app = WebApp::register_as(&server, |draft| {
                draft.metadata.id_token_signed_response_alg.clone_from(&alg);
            })
            .await;
            let head = header(&app.tokens("ada", "openid").await.id_token);
            assert_eq!(head["alg"], *alg.as_deref().unwrap_or("RS256"));
            let keys = get(&app, "/jwks").await.json["keys"].clone();
            let keys = keys.as_array().expect("keys").iter().filter(|key| key["kid"] == head["kid"]);
            let keys: Vec<_> = keys.collect();
            assert_eq!(keys.len(), 1, "{head}");
            assert_eq!((&keys[0]["alg"], &keys[0]["use"]), (&head["alg"], &json!("sig")));
        }
    }

    async fn d2_d9_an_id_token_says_who_for_whom_and_how_long(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let now = server.provider.now().as_unix();
        for nonce in ["n".repeat(43), "n".repeat(64), " \u{fc}%&".to_owned(), "n".repeat(384)] {
            let code = app.code("ada", &[("nonce", &nonce)]).await;
            let told = claims(&app.redeem(&code).await.expect_tokens().id_token);
            assert_eq!((&told["iss"], &told["aud"]), (&json!(server.issuer()), &json!(app.id)));
            assert_eq!((&told["nonce"], &told["sub"]), (&json!(nonce), &json!(ada.user.id)));
            let time = |name: &str| told[name].as_i64().expect("seconds");
            assert!((time("iat") - now).abs() < 300 && time("exp") > time("iat"));
            assert!(time("auth_time") <= time("iat"));
            let sub = told["sub"].as_str().expect("a text");
            assert!(sub.is_ascii() && sub.len() <= 255);
        }
    }

    async fn d8_an_unsigned_id_token_is_not_offered(server: TestServer) {
        let app = WebApp::register(&server).await;
        let document = app.metadata().await;
        assert!(!document["id_token_signing_alg_values_supported"].to_string().contains("none"));
        let mut draft = crate::support::web_app::draft();
        draft.metadata.id_token_signed_response_alg = Some("none".into());
        let ground = server.provider.ground();
        let made = countersign::domain::clients::management::create(
            &ground, draft, crate::support::test_server::system(),
        );
        assert!(made.await.is_err());
    }

    async fn u6_s23_every_claim_that_is_listed_can_be_asked_for_in_both_places(server: TestServer) {
        server
            .user_with("ada", |new| {
                let claims = json!({
                    "given_name": "Ada", "family_name": "Lovelace", "middle_name": "King",
                    "nickname": "Countess", "profile": "https://ada.example/me",
                    "picture": "https://ada.example/me.png", "website": "https://ada.example/",
                    "gender": "female", "birthdate": "1815-12-10", "zoneinfo": "Europe/London",
                    "locale": "en-GB", "phone_number": "+44 20", "phone_number_verified": false,
                    "address": { "country": "GB" },
                });
                new.claims = claims.as_object().cloned().expect("an object");
            })
            .await;
        let app = WebApp::register(&server).await;
        let document = app.metadata().await;
        assert_eq!(document["claims_parameter_supported"], true);
        let listed: Vec<String> =
            serde_json::from_value(document["claims_supported"].clone()).expect("an array");
        let all: serde_json::Map<String, Value> = listed
            .iter()
            .map(|name| (name.clone(), json!({ "essential": true })))
            .chain([("unknown".to_owned(), Value::Null), ("password_hash".to_owned(), Value::Null)])
            .collect();
        let asked = json!({ "id_token": all, "userinfo": all }).to_string();
        let code = app.code("ada", &[("claims", &asked), ("nonce", "n")]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        let told = claims(&tokens.id_token);
        let about = app.userinfo(&tokens.access_token).await.json;
        let of_protocol = ["iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"];
        for name in &listed {
            assert!(!told[name].is_null(), "{name} is not in the ID token");
            let is_about_the_person = !of_protocol.contains(&name.as_str());
            assert!(!about[name].is_null() || !is_about_the_person, "{name} is not in userinfo");
        }
        for odd in ["unknown", "password_hash"] {
            assert!(told[odd].is_null() && about[odd].is_null(), "{odd}");
        }
    }

    async fn u6_a_value_that_is_asked_for_and_not_there_is_no_error(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let asked = r#"{"userinfo":{"email":{"value":"other@example.org"},"gender":{"essential":true},
            "name":{"values":["A","B"]}},"id_token":{"locale":{"values":["se","de"]}}}"#;
        let code = app.code("ada", &[("claims", asked)]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        let about = app.userinfo(&tokens.access_token).await.json;
        assert_eq!(about["gender"], Value::Null);
        assert_eq!(claims(&tokens.id_token)["locale"], Value::Null);
    }

    async fn u3_claims_have_the_types_of_the_specification(server: TestServer) {
        server
            .user_with("ada", |new| {
                let claims = json!({ "phone_number": "+44 20", "phone_number_verified": true,
                    "birthdate": "0000-12-10", "address": { "locality": "London" } });
                new.claims = claims.as_object().cloned().expect("an object");
            })
            .await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid profile email phone address").await;
        let about = app.userinfo(&tokens.access_token).await.json;
        for (name, value) in about.as_object().expect("an object") {
            let fits = match name.as_str() {
                "email_verified" | "phone_number_verified" => value.is_boolean(),
                "updated_at" => value.is_i64(),
                "address" => value.as_object().is_some_and(|parts| parts.values().all(Value::is_string)),
                _ => value.as_str().is_some_and(|text| !text.is_empty()),
            };
            assert!(fits, "{name}: {value}");
        }
    }

    async fn u8_a_token_that_is_not_good_is_challenged(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        let in_query = format!("/userinfo?access_token={}", tokens.access_token);
        assert_eq!(get(&app, &in_query).await.status, 401);
        app.revoke(&tokens.access_token).await;
        for token in ["unknown", &tokens.access_token] {
            let reply = app.userinfo(token).await;
            assert_eq!(reply.status, 401);
            let challenge = reply.header("www-authenticate");
            assert!(challenge.starts_with("Bearer") && challenge.contains("error=\"invalid_token\""));
        }
    }

    async fn f1_f2_the_posted_answer_works_in_any_browser(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        let page = app.authorize(&[("response_mode", "form_post"), ("prompt", "none")]).await;
        assert_eq!(page.status, 200);
        assert!(page.header("cache-control").contains("no-store"));
        let answer = page.expect_answer();
        assert_eq!((answer.place, answer.has("code")), (Place::Form, true));
        assert_eq!(answer.to, app.redirect_uri);
        // A button for browsers that run no script.
        assert!(page.body.contains("<button class=\"btn primary block\" id=\"continue\" type=\"submit\""));
        let script = page.body.split("src=\"").nth(1).and_then(|rest| rest.split('"').next());
        let script = app.agent.get(script.expect("a script")).await.body;
        for modern in ["=>", "`", "const ", "let ", "async ", "import "] {
            assert!(!script.contains(modern), "{modern} is not ES5");
        }
        let refused = app.authorize(&[("response_mode", "form_post"), ("scope", "x")]).await;
        assert_eq!(refused.expect_refusal("invalid_scope").place, Place::Form);
    }
}
