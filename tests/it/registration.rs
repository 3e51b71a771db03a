//! Clients that register themselves (RFC 7591, OpenID Connect Dynamic Registration).

use crate::support::crypto::{claims, jwks, key};
use crate::support::registration::{Registered, open, register, registered, send, web, web_with};
use crate::support::{Site, TestServer, WebApp, both, both_with};
use countersign::jose::SigningAlgorithm;
use reqwest::Method;
use serde_json::{Value, json};

both! {
    async fn n1_nobody_registers_unless_it_is_switched_on(server: TestServer) {
        assert_eq!(register(&server, &web()).await.status, 404);
        let document = server.document().await;
        assert_eq!(document["registration_endpoint"], Value::Null);
    }
}

both_with! { open;
    async fn n1_a_registration_is_answered_with_all_that_is_registered(server: TestServer) {
        let reply = register(&server, &web()).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        assert_eq!(reply.header("content-type"), "application/json");
        assert!(reply.header("cache-control").contains("no-store"));
        let json = &reply.json;
        assert_eq!(json["client_name"], "Shop");
        assert_eq!(json["redirect_uris"], json!(["https://shop.example/cb"]));
        assert_eq!(json["token_endpoint_auth_method"], "client_secret_basic");
        assert_eq!(json["grant_types"], json!(["authorization_code"]));
        assert_eq!(json["response_types"], json!(["code"]));
        assert_eq!(json["application_type"], "web");
        assert_eq!(json["subject_type"], "public");
        assert_eq!(json["id_token_signed_response_alg"], "RS256");
        assert_eq!(json["scope"], "address email openid phone profile");
        assert_eq!(json["client_secret_expires_at"], 0);
        assert_eq!(json["client_id_issued_at"], server.provider.now().as_unix());
        for name in ["client_id", "client_secret", "registration_access_token"] {
            assert!(json[name].as_str().is_some_and(|text| text.len() > 20), "{name}: {json}");
        }
        let endpoint = &server.document().await["registration_endpoint"];
        assert_eq!(*endpoint, format!("{}/register", server.issuer()));
    }

    async fn n1_a_registered_client_signs_people_in(server: TestServer) {
        server.user("ada").await;
        let app = registered(&server, &web()).await.app(&server);
        let tokens = app.tokens("ada", "openid email").await;
        assert_eq!(claims(&tokens.id_token)["aud"], app.id);
        let post = json!({ "token_endpoint_auth_method": "client_secret_post" });
        let app = registered(&server, &web_with(&post)).await.app(&server);
        app.tokens("ada", "openid").await;
    }

    async fn n1_people_are_told_that_an_app_registered_itself(server: TestServer) {
        server.user("ada").await;
        let words = "This app registered itself. Nobody here has checked who runs it.";
        let known = WebApp::register(&server).await;
        let page = known.authorize(&[]).await;
        let page = known.agent.log_in(&page, "ada").await;
        page.expect_consent();
        assert!(!page.body.contains(words));
        let unknown = registered(&server, &web()).await.app(&server).in_browser_of(&known);
        let page = unknown.authorize(&[]).await;
        page.expect_consent();
        assert!(page.body.contains(words), "{}", page.body);
        assert!(!page.body.contains("Verified domain"));
    }

    async fn n1_a_public_client_gets_no_secret(server: TestServer) {
        let body = web_with(&json!({ "token_endpoint_auth_method": "none" }));
        let reply = register(&server, &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        assert_eq!(reply.json["client_secret"], Value::Null);
        assert_eq!(reply.json["client_secret_expires_at"], Value::Null);
    }

    async fn n2_what_manages_a_registration_comes_with_it(server: TestServer) {
        let client = registered(&server, &web()).await;
        assert_eq!(client.uri, format!("{}/register/{}", server.issuer(), client.id));
        let found = client.read().await;
        assert_eq!(found.status, 200, "{}", found.text);
        assert_eq!(found.header("content-type"), "application/json");
        assert_eq!(found.json["redirect_uris"], client.json["redirect_uris"]);
        let gone = client.delete().await;
        assert_eq!((gone.status, &*gone.text), (204, ""));
        assert_eq!(client.read().await.status, 401);
    }

    async fn n3_every_member_is_taken_and_told(server: TestServer) {
        let own = key(SigningAlgorithm::ES256);
        let body = json!({
            "client_name": "Everything",
            "client_uri": "https://shop.example/",
            "redirect_uris": ["https://shop.example/cb?from=op&x=1", "https://shop.example/two"],
            "contacts": ["ops@shop.example"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "jwks": jwks(&[&own]),
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "id_token_signed_response_alg": "ES256",
            "userinfo_signed_response_alg": "PS256",
            "request_object_signing_alg": "ES256",
            "logo_uri": "https://shop.example/logo.png",
            "policy_uri": "https://shop.example/policy",
            "tos_uri": "https://shop.example/tos",
            "subject_type": "pairwise",
            "initiate_login_uri": "https://shop.example/start",
            "post_logout_redirect_uris": ["https://shop.example/out"],
            "backchannel_logout_uri": "https://shop.example/ended",
            "backchannel_logout_session_required": true,
            "frontchannel_logout_uri": "https://shop.example/out-frame",
            "frontchannel_logout_session_required": true,
            "default_max_age": 600,
            "require_auth_time": true,
            "default_acr_values": ["1"],
            "request_uris": ["https://shop.example/request#1"],
            "application_type": "web",
            "software_id": "4NRB1-0XZABZI9E6-5SM3R",
            "software_version": "2.1",
        });
        let told = registered(&server, &body).await.json;
        for (name, value) in body.as_object().expect("an object") {
            assert_eq!(told[name], *value, "{name}");
        }
    }

    async fn n3_a_query_of_a_redirect_address_is_kept(server: TestServer) {
        server.user("ada").await;
        let uri = "https://shop.example/cb?dummy1=lorem&dummy2=ipsum";
        let client = registered(&server, &json!({ "redirect_uris": [uri] })).await;
        assert_eq!(client.json["redirect_uris"], json!([uri]));
        let answer = client.app(&server).pass("ada", &[]).await;
        assert_eq!((answer.get("dummy1"), answer.get("dummy2")), ("lorem", "ipsum"));
        assert!(answer.has("code"));
    }

    async fn n3_unknown_members_are_left_out(server: TestServer) {
        let body = web_with(&json!({ "colour": "red", "client_name#de": "Laden", "x": { "y": [] } }));
        let told = registered(&server, &body).await.json;
        assert_eq!((&told["colour"], &told["x"]), (&Value::Null, &Value::Null));
    }

    async fn n3_algorithms_for_what_the_client_does_not_do_are_left_out(server: TestServer) {
        let body = web_with(&json!({
            "token_endpoint_auth_signing_alg": "RS256", "request_object_signing_alg": "RS256",
        }));
        let told = registered(&server, &body).await.json;
        assert_eq!(told["token_endpoint_auth_signing_alg"], Value::Null);
        assert_eq!(told["request_object_signing_alg"], Value::Null);
    }

    async fn n3_null_is_as_good_as_nothing(server: TestServer) {
        let body = web_with(&json!({ "grant_types": null, "logo_uri": null, "jwks": null }));
        let told = registered(&server, &body).await.json;
        assert_eq!(told["grant_types"], json!(["authorization_code"]));
    }

    async fn n3_grants_and_response_types_go_together(server: TestServer) {
        let told = |body: Value| {
            let server = &server;
            async move {
                let reply = register(server, &web_with(&body)).await;
                (reply.json["grant_types"].clone(), reply.json["response_types"].clone())
            }
        };
        let (code, both) = (json!(["authorization_code"]), json!(["authorization_code", "refresh_token"]));
        // What is not offered is left out, and told.
        let device = "urn:ietf:params:oauth:grant-type:unheard-of";
        let asked = json!({ "grant_types": ["authorization_code", "refresh_token", device] });
        assert_eq!(told(asked).await, (both, json!(["code"])));
        let asked = json!({ "grant_types": ["authorization_code", "implicit"] });
        assert_eq!(told(asked).await, (code.clone(), json!(["code"])));
        let asked = json!({ "response_types": ["code", "code id_token"] });
        assert_eq!(told(asked).await, (code, json!(["code"])));
        for refused in [
            json!({ "response_types": ["id_token"] }),
            json!({ "response_types": ["code"], "grant_types": ["client_credentials"] }),
            json!({ "grant_types": ["refresh_token"] }),
            json!({ "grant_types": ["password"] }),
            json!({ "grant_types": [] }),
        ] {
            register(&server, &web_with(&refused)).await.expect(400, "invalid_client_metadata");
        }
    }

    async fn n3_a_client_of_a_device_need_not_say_what_it_is(server: TestServer) {
        for uri in ["http://127.0.0.1:33418/", "http://localhost:8080/cb", "com.example.app:/cb"] {
            let body = json!({ "redirect_uris": [uri], "token_endpoint_auth_method": "none" });
            let told = registered(&server, &body).await.json;
            assert_eq!(told["application_type"], "native", "{uri}");
            let web = json!({ "redirect_uris": [uri], "application_type": "web" });
            register(&server, &web).await.expect(400, "invalid_redirect_uri");
        }
    }

    async fn n4_a_redirect_address_with_a_fragment_is_refused(server: TestServer) {
        let body = json!({ "redirect_uris": ["https://shop.example/cb#fragment"] });
        register(&server, &body).await.expect(400, "invalid_redirect_uri");
    }

    async fn n4_redirect_addresses_must_be_there_and_be_texts(server: TestServer) {
        for uris in [json!(null), json!([]), json!("https://shop.example/cb"), json!([1]), json!([null])] {
            let body = web_with(&json!({ "redirect_uris": uris }));
            register(&server, &body).await.expect(400, "invalid_redirect_uri");
        }
    }

    async fn n5_the_document_of_a_sector_must_name_every_redirect_address(server: TestServer) {
        server.user("ada").await;
        let site = Site::start().await;
        let uris = ["https://one.example/cb", "https://two.example/cb"];
        let sector = site.put_json("/sector.json", &json!([uris[0], uris[1], "https://x.example/"]));
        let body = json!({
            "redirect_uris": uris, "subject_type": "pairwise", "sector_identifier_uri": sector,
        });
        let client = registered(&server, &body).await;
        assert_eq!(client.json["sector_identifier_uri"], sector);
        let ada = server.user("other").await.user.id;
        let sub = claims(&client.app(&server).tokens("ada", "openid").await.id_token)["sub"].clone();
        assert_ne!(sub, ada);

        for wrong in [json!([uris[0]]), json!({ "redirect_uris": uris }), json!("no"), json!([1])] {
            site.put_json("/sector.json", &wrong);
            register(&server, &body).await.expect(400, "invalid_client_metadata");
        }
        let lost = web_with(&json!({ "sector_identifier_uri": format!("{sector}.gone") }));
        register(&server, &lost).await.expect(400, "invalid_client_metadata");
        let none = json!({ "redirect_uris": uris, "subject_type": "pairwise" });
        register(&server, &none).await.expect(400, "invalid_client_metadata");
    }

    async fn n6_where_a_sign_in_may_start_is_https(server: TestServer) {
        let start = "https://shop.example/start";
        let client = registered(&server, &web_with(&json!({ "initiate_login_uri": start }))).await;
        assert_eq!(client.json["initiate_login_uri"], start);
        assert_eq!(client.read().await.json["initiate_login_uri"], start);
        for other in ["http://shop.example/start", "http://localhost/start", "http://127.0.0.1/", "x"] {
            let body = web_with(&json!({ "initiate_login_uri": other }));
            register(&server, &body).await.expect(400, "invalid_client_metadata");
        }
    }

    async fn n7_the_keys_of_an_address_are_fetched_when_they_are_needed(server: TestServer) {
        let site = Site::start().await;
        let body = web_with(&json!({
            "jwks_uri": format!("{}/jwks.json", site.base),
            "token_endpoint_auth_method": "private_key_jwt",
        }));
        let client = registered(&server, &body).await;
        assert_eq!(site.asked(), 0);
        let own = key(SigningAlgorithm::ES256);
        site.put_json("/jwks.json", &jwks(&[&own]));
        let now = server.provider.now().as_unix();
        let assertion = own
            .sign(countersign::jose::Typ::ClientAssertion, &json!({
                "iss": client.id, "sub": client.id, "aud": server.issuer(), "jti": "1",
                "iat": now, "exp": now + 60,
            }))
            .expect("it can be signed");
        let app = client.app(&server);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", "x"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &*assertion),
        ];
        let reply = app.http.post(server.url("/token")).form(&form).send().await.expect("an answer");
        // It has proved who it is; the code is none.
        assert_eq!(crate::support::Reply::read(reply).await.expect_error(400)["error"], "invalid_request");
        assert_eq!(site.asked(), 1);
    }

    async fn n8_what_is_wrong_is_told_in_the_words_of_the_specification(server: TestServer) {
        for (name, value) in [
            ("client_name", json!(1)),
            ("client_name", json!("a\u{202e}b")),
            ("contacts", json!("ops@shop.example")),
            ("response_types", json!("code")),
            ("grant_types", json!([1])),
            ("token_endpoint_auth_method", json!("password")),
            ("token_endpoint_auth_method", json!("tls_client_auth")),
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("id_token_signed_response_alg", json!("none")),
            ("id_token_signed_response_alg", json!("XS256")),
            ("request_object_signing_alg", json!("none")),
            ("subject_type", json!("secret")),
            ("default_max_age", json!(-1)),
            ("default_max_age", json!("600")),
            ("require_auth_time", json!("true")),
            ("application_type", json!("toaster")),
            ("scope", json!(["openid"])),
            ("scope", json!("\"openid\"")),
            ("jwks", json!("{}")),
            ("jwks", json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })),
            ("post_logout_redirect_uris", json!(["http://shop.example/out"])),
            ("id_token_encrypted_response_alg", json!("RSA1_5")),
        ] {
            let reply = register(&server, &web_with(&json!({ name: value }))).await;
            assert_eq!(reply.expect_error(400)["error"], "invalid_client_metadata", "{name}");
            assert!(!reply.text.contains("XS256"), "nothing that was sent is repeated");
        }
        let both = json!({ "jwks": { "keys": [] }, "jwks_uri": "https://shop.example/jwks" });
        register(&server, &web_with(&both)).await.expect(400, "invalid_client_metadata");
    }

    async fn n8_a_body_is_one_json_object(server: TestServer) {
        let json = "application/json";
        for (kind, body) in [
            (json, ""),
            (json, "{"),
            (json, "[]"),
            (json, "\"x\""),
            (json, r#"{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}"#),
            ("application/x-www-form-urlencoded", "redirect_uris=https://a.example/"),
            ("text/plain", r#"{"redirect_uris":["https://a.example/"]}"#),
        ] {
            let request = reqwest::Client::builder().no_proxy().build().expect("a client");
            let request = request.post(server.url("/register")).header("content-type", kind);
            let reply = request.body(body).send().await.expect("an answer");
            let reply = crate::support::Reply::read(reply).await;
            reply.expect(400, "invalid_client_metadata");
        }
        let form = send(Method::GET, &server.url("/register"), None, None).await;
        assert_eq!((form.status, form.header("allow")), (405, "POST"));
    }

    async fn a8_a_registered_openid_client_may_do_without_pkce(server: TestServer) {
        server.user("ada").await;
        let app = registered(&server, &web()).await.app(&server);
        let without = [("code_challenge", ""), ("code_challenge_method", ""), ("nonce", "n")];
        assert!(app.pass("ada", &without).await.has("code"));
        // Without an ID token there is no nonce, and nothing else that ties the code to the browser.
        let plain = [("scope", "profile"), ("code_challenge", ""), ("code_challenge_method", "")];
        app.authorize(&plain).await.expect_refusal("invalid_request");
        let public = web_with(&json!({ "token_endpoint_auth_method": "none" }));
        let app = registered(&server, &public).await.app(&server);
        app.authorize(&without).await.expect_refusal("invalid_request");
    }

    async fn a_script_of_any_page_may_register(server: TestServer) {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let asked = http
            .request(Method::OPTIONS, server.url("/register"))
            .header("origin", "https://tool.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .send()
            .await
            .expect("an answer");
        assert_eq!(asked.status(), 204);
        assert_eq!(asked.headers()["access-control-allow-origin"], "*");
        let made = http.post(server.url("/register")).header("origin", "https://tool.example");
        let made = made.json(&web()).send().await.expect("an answer");
        assert_eq!(made.headers()["access-control-allow-origin"], "*");
        let client = Registered::of(&crate::support::Reply::read(made).await);
        assert_eq!(client.read().await.header("access-control-allow-origin"), "*");
    }
}

fn open_with_older_responses(config: &mut countersign::config::Config) {
    open(config);
    config.features.legacy_response_types = true;
}

both_with! { open_with_older_responses;
    async fn m3_older_response_types_bring_their_grant(server: TestServer) {
        let body = web_with(&json!({ "response_types": ["code id_token"] }));
        let told = registered(&server, &body).await.json;
        assert_eq!(told["grant_types"], json!(["authorization_code", "implicit"]));
        let body = web_with(&json!({ "response_types": ["id_token token"], "grant_types": ["implicit"] }));
        let told = registered(&server, &body).await.json;
        assert_eq!(told["response_types"], json!(["id_token token"]));
        let body = web_with(&json!({ "response_types": ["id_token"], "grant_types": ["authorization_code"] }));
        register(&server, &body).await.expect(400, "invalid_client_metadata");
    }
}
