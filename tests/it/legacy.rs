//! The response types that carry tokens through the browser: implicit and hybrid (OpenID Connect
//! Core §3.2, §3.3, OAuth 2.0 Multiple Response Types).

use crate::support::crypto::{claims, header};
use crate::support::{Answer, Place, TestServer, WebApp, both, both_with};
use countersign::jose::{SigningAlgorithm, left_half_hash};
use countersign::protocol::client::GrantType;
use serde_json::{Value, json};

/// The types, and what each brings: code, ID token, access token.
const TYPES: [(&str, bool, bool, bool); 5] = [
    ("id_token", false, true, false),
    ("id_token token", false, true, true),
    ("code id_token", true, true, false),
    ("code token", true, false, true),
    ("code id_token token", true, true, true),
];

fn switched_on(config: &mut countersign::config::Config) {
    config.features.legacy_response_types = true;
}

async fn app_for(server: &TestServer, types: &[&str]) -> WebApp {
    WebApp::register_as(server, |draft| {
        let types = types.iter().map(|one| (*one).to_owned());
        draft.metadata.response_types.extend(types);
        draft.policy.require_pkce = false;
    })
    .await
}

async fn app(server: &TestServer) -> WebApp {
    app_for(server, &TYPES.map(|(name, ..)| name)).await
}

async fn passed(app: &WebApp, response_type: &str, extra: &[(&str, &str)]) -> Answer {
    let asked = [&[("response_type", response_type), ("nonce", "the-nonce")], extra].concat();
    let answer = app.pass("ada", &asked).await;
    assert!(!answer.has("error"), "{answer:?}");
    answer
}

both_with! { switched_on;
    async fn h1_h3_each_type_brings_its_own_in_the_fragment(server: TestServer) {
        let ada = server.user("ada").await;
        let app = app(&server).await;
        for (response_type, code, id_token, token) in TYPES {
            let answer = passed(&app, response_type, &[]).await;
            assert_eq!(answer.place, Place::Fragment, "{response_type}");
            assert_eq!(answer.to, app.redirect_uri);
            assert_eq!(answer.has("code"), code, "{response_type}");
            assert_eq!(answer.has("id_token"), id_token, "{response_type}");
            assert_eq!(answer.has("access_token"), token, "{response_type}");
            assert_eq!(answer.get("state"), "the-state");
            assert_eq!(answer.get("iss"), server.issuer());
            assert_eq!(answer.has("token_type"), token);
            if token {
                assert_eq!(answer.get("token_type"), "Bearer");
                assert_eq!(answer.get("expires_in"), "300");
                let about = app.userinfo(answer.get("access_token")).await.json;
                assert_eq!(about["sub"], ada.user.id);
            }
        }
    }

    async fn h2_the_words_of_a_type_stand_in_any_order(server: TestServer) {
        server.user("ada").await;
        let app = app_for(&server, &["token id_token"]).await;
        assert!(passed(&app, "token id_token", &[]).await.has("access_token"));
        assert!(passed(&app, "id_token token", &[]).await.has("access_token"));
    }

    async fn d4_an_id_token_is_tied_to_what_came_with_it(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        for (response_type, _, id_token, _) in TYPES.into_iter().filter(|one| one.2) {
            assert!(id_token);
            let answer = passed(&app, response_type, &[]).await;
            let told = claims(answer.get("id_token"));
            let hash = |name: &str| match answer.has(name) {
                true => json!(left_half_hash(SigningAlgorithm::RS256, answer.get(name))),
                false => Value::Null,
            };
            assert_eq!(told["at_hash"], hash("access_token"), "{response_type}");
            assert_eq!(told["c_hash"], hash("code"), "{response_type}");
            assert_eq!(told["s_hash"], hash("state"), "{response_type}");
            assert_eq!(told["nonce"], "the-nonce");
            assert_eq!(header(answer.get("id_token"))["alg"], "RS256");
        }
    }

    async fn d5_both_id_tokens_of_a_hybrid_flow_name_the_same_person(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        for response_type in ["code id_token", "code id_token token"] {
            let verifier = crate::support::VERIFIER;
            let answer = passed(&app, response_type, &[]).await;
            let code = crate::support::Code {
                value: answer.get("code").to_owned(),
                verifier: verifier.to_owned(),
            };
            let tokens = app.redeem(&code).await.expect_tokens();
            let (front, back) = (claims(answer.get("id_token")), claims(&tokens.id_token));
            for name in ["iss", "sub", "aud", "nonce", "auth_time", "sid"] {
                assert_eq!(front[name], back[name], "{name}");
            }
            assert!(app.is_active(&tokens.access_token).await);
        }
    }

    async fn d6_d7_only_an_id_token_that_comes_alone_has_claims_of_the_scope(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        let nick = r#"{"id_token":{"name":null}}"#;
        for (response_type, ..) in TYPES.into_iter().filter(|one| one.2) {
            let answer = passed(&app, response_type, &[("scope", "openid email")]).await;
            let told = claims(answer.get("id_token"));
            let alone = response_type == "id_token";
            assert_eq!(told["email"].is_string(), alone, "{response_type}: {told}");
            assert_eq!(told["name"], Value::Null);
            let asked = [("scope", "openid email"), ("claims", nick)];
            let told = claims(passed(&app, response_type, &asked).await.get("id_token"));
            assert_eq!(told["name"], "The ada", "{response_type}");
        }
    }

    async fn a7_without_a_nonce_no_id_token_goes_through_the_browser(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        for (response_type, _, id_token, _) in TYPES {
            for (mode, place) in [("", Place::Fragment), ("form_post", Place::Form)] {
                let asked = [("response_type", response_type), ("response_mode", mode)];
                if id_token {
                    let refusal = app.authorize(&asked).await.expect_refusal("invalid_request");
                    assert_eq!(refusal.place, place, "{response_type}");
                    assert_eq!(refusal.get("state"), "the-state");
                } else {
                    let answer = app.pass("ada", &asked).await;
                    assert!(answer.has("access_token"), "{answer:?}");
                }
            }
        }
    }

    async fn f1_every_type_can_be_posted(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        for (response_type, code, id_token, token) in TYPES {
            let answer = passed(&app, response_type, &[("response_mode", "form_post")]).await;
            assert_eq!((answer.place, &*answer.to), (Place::Form, &*app.redirect_uri));
            let has = ["code", "id_token", "access_token"].map(|name| answer.has(name));
            assert_eq!(has, [code, id_token, token], "{response_type}");
        }
    }

    async fn az_06_no_token_travels_in_a_query(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        for (response_type, ..) in TYPES {
            for mode in ["query", "foo"] {
                let asked = [
                    ("response_type", response_type), ("response_mode", mode), ("nonce", "n"),
                ];
                let refusal = app.authorize(&asked).await.expect_refusal("invalid_request");
                assert_eq!(refusal.place, Place::Fragment, "{response_type}");
            }
        }
    }

    async fn h1_errors_travel_as_the_answer_would(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        for (response_type, ..) in TYPES {
            let asked = [("response_type", response_type), ("nonce", "n"), ("prompt", "none")];
            let refusal = app.authorize(&asked).await.expect_refusal("login_required");
            assert_eq!(refusal.place, Place::Fragment, "{response_type}");
            let page = app.authorize(&[("response_type", response_type), ("nonce", "n")]).await;
            let page = app.agent.submit(&page, "/login", &[("decision", "cancel")]).await;
            assert_eq!(page.expect_refusal("access_denied").place, Place::Fragment);
        }
        let refusal = app.authorize(&[("response_type", "token")]).await;
        let refusal = refusal.expect_refusal("unsupported_response_type");
        assert_eq!(refusal.place, Place::Fragment);
    }

    async fn h4_the_rules_of_the_code_flow_hold_for_every_type(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        for (response_type, _, id_token, _) in TYPES {
            let first = passed(&app, response_type, &[]).await;
            let asked = [("response_type", response_type), ("nonce", "n")];
            // A3: another redirect URI is an error page.
            let other = [("redirect_uri", "https://evil.example/cb")];
            app.authorize(&[&asked[..], &other].concat()).await.expect_error_page();
            // I2: prompt=none tells of the same sign-in.
            let silent = app.authorize(&[&asked[..], &[("prompt", "none")]].concat()).await;
            let silent = silent.expect_answer();
            // I4: a sign-in that is too old is made anew.
            server.clock.advance_seconds(3);
            let old = [&asked[..], &[("prompt", "none"), ("max_age", "1")]].concat();
            app.authorize(&old).await.expect_refusal("login_required");
            if id_token {
                let (one, two) = (claims(first.get("id_token")), claims(silent.get("id_token")));
                assert_eq!(one["auth_time"], two["auth_time"]);
                let page = app.authorize(&[&asked[..], &[("prompt", "login")]].concat()).await;
                let answer = app.agent.log_in(&page, "ada").await.expect_answer();
                let again = claims(answer.get("id_token"))["auth_time"].as_i64();
                assert!(again > one["auth_time"].as_i64(), "{response_type}");
            }
        }
    }

    async fn h5_az_05_a_client_uses_only_what_it_registered(server: TestServer) {
        let app = app_for(&server, &["code id_token"]).await;
        for other in ["id_token", "id_token token", "code token", "code id_token token"] {
            let page = app.authorize(&[("response_type", other), ("nonce", "n")]).await;
            let refusal = page.expect_refusal("unauthorized_client");
            assert_eq!(refusal.place, Place::Fragment, "{other}");
        }
        let implicit = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types = vec![GrantType::Implicit];
            draft.metadata.response_types = vec!["id_token".into()];
        })
        .await;
        implicit.authorize(&[]).await.expect_refusal("unauthorized_client");
        implicit.token(&[("grant_type", "implicit")]).await.expect(400, "unsupported_grant_type");
    }

    async fn tokens_of_the_fragment_end_with_what_they_came_from(server: TestServer) {
        let ada = server.user("ada").await;
        let app = app(&server).await;
        let answer = passed(&app, "id_token token", &[]).await;
        assert!(app.is_active(answer.get("access_token")).await);
        server.block(&ada).await;
        assert!(!app.is_active(answer.get("access_token")).await);
        assert_eq!(app.userinfo(answer.get("access_token")).await.status, 401);
    }

    async fn t4_a_replayed_code_takes_the_tokens_of_the_fragment_back(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        let answer = passed(&app, "code token", &[]).await;
        let code = crate::support::Code {
            value: answer.get("code").to_owned(),
            verifier: crate::support::VERIFIER.to_owned(),
        };
        app.redeem(&code).await.expect_tokens();
        app.redeem(&code).await.expect(400, "invalid_grant");
        assert!(!app.is_active(answer.get("access_token")).await);
    }

    async fn offline_access_means_nothing_without_a_code(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        let asked = [("scope", "openid offline_access"), ("prompt", "consent")];
        let answer = passed(&app, "id_token token", &asked).await;
        assert_eq!(answer.get("scope"), "openid");
        assert!(!answer.has("refresh_token"));
    }

    async fn an_id_token_needs_the_scope_openid(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        for (response_type, ..) in TYPES.into_iter().filter(|one| one.2) {
            let asked =
                [("response_type", response_type), ("nonce", "n"), ("scope", "orders:read")];
            app.authorize(&asked).await.expect_refusal("invalid_scope");
        }
    }

    async fn pk_01_a_public_client_needs_a_challenge_where_there_is_a_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.token_endpoint_auth_method =
                countersign::protocol::client::AuthMethod::None;
            draft.metadata.response_types =
                vec!["code id_token".into(), "id_token".into(), "code".into()];
        })
        .await;
        let plain = [("nonce", "n"), ("code_challenge", ""), ("code_challenge_method", "")];
        let hybrid = [&plain[..], &[("response_type", "code id_token")]].concat();
        app.authorize(&hybrid).await.expect_refusal("invalid_request");
        let implicit = [&plain[..], &[("response_type", "id_token")]].concat();
        assert!(app.pass("ada", &implicit).await.has("id_token"));
    }

    async fn dp_11_no_bearer_token_for_a_client_whose_tokens_are_bound(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.response_types.extend(TYPES.map(|(name, ..)| name.to_owned()));
            draft.metadata.sender.dpop_bound_access_tokens = true;
            draft.policy.require_pkce = false;
        })
        .await;
        for (response_type, _, _, token) in TYPES {
            let asked = [("response_type", response_type), ("nonce", "n")];
            if token {
                app.authorize(&asked).await.expect_refusal("unauthorized_client");
            } else {
                assert!(app.pass("ada", &asked).await.has("id_token"));
            }
        }
    }

    async fn m2_m3_what_is_switched_on_is_listed(server: TestServer) {
        let document = app(&server).await.metadata().await;
        let expected = [
            "code", "id_token", "id_token token", "code id_token", "code token",
            "code id_token token",
        ];
        assert_eq!(document["response_types_supported"], json!(expected));
        let grants = document["grant_types_supported"].as_array().expect("an array").clone();
        assert!(grants.contains(&json!("implicit")));
    }
}

both! {
    async fn az_04_what_is_switched_off_is_unlisted_and_refused(server: TestServer) {
        server.user("ada").await;
        let app = app(&server).await;
        let document = app.metadata().await;
        assert_eq!(document["response_types_supported"], json!(["code"]));
        for mode in ["query", "fragment", "form_post"] {
            let modes = document["response_modes_supported"].as_array().expect("an array");
            assert!(modes.contains(&json!(mode)), "{mode}");
        }
        assert!(!document["grant_types_supported"].to_string().contains("implicit"));
        for (response_type, ..) in TYPES {
            let asked = [("response_type", response_type), ("nonce", "n")];
            let refusal = app.authorize(&asked).await.expect_refusal("unsupported_response_type");
            assert_eq!(refusal.place, Place::Fragment, "{response_type}");
        }
        // What the client may do beside goes on.
        assert!(app.pass("ada", &[]).await.has("code"));
    }

    async fn f3_a_code_may_be_asked_for_in_the_fragment(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let answer = app.pass("ada", &[("response_mode", "fragment")]).await;
        assert_eq!((answer.place, answer.has("code")), (Place::Fragment, true));
        let refusal = app.authorize(&[("response_mode", "fragment"), ("scope", "nonsense")]).await;
        assert_eq!(refusal.expect_refusal("invalid_scope").place, Place::Fragment);
    }
}
