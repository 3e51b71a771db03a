//! Hostile registrations (RFC 7591 §5, OpenID Connect Registration §9).

use crate::support::crypto::claims;
use crate::support::registration::{open, open_and_guarded, register, registered, web, web_with};
use crate::support::{Site, TestServer, both_with};
use countersign::domain::clients::management;
use countersign::protocol::client::{ClientOrigin, ClientPolicy};
use serde_json::{Value, json};

both_with! { open_and_guarded;
    async fn rg_02_addresses_that_lead_inside_are_refused(server: TestServer) {
        let site = Site::start().await;
        let port = site.base.rsplit(':').next().expect("a port").to_owned();
        let addresses = [
            site.base.clone(),
            format!("https://127.0.0.1:{port}/"),
            format!("https://localhost:{port}/"),
            "http://127.0.0.1:6379/".into(),
            "http://[::1]/".into(),
            "https://[::1]/".into(),
            "http://169.254.169.254/".into(),
            "https://169.254.169.254/".into(),
            "http://0/".into(),
            "https://0/".into(),
            "http://2130706433/".into(),
            "https://2130706433/".into(),
            "https://0x7f.1/".into(),
            "https://[::ffff:10.0.0.1]/".into(),
            "https://10.1.2.3/".into(),
            "https://100.64.0.1/".into(),
            "https://[fc00::1]/".into(),
            "http://shop.example/".into(),
            "file:///etc/passwd".into(),
            "gopher://shop.example/".into(),
            "ftp://shop.example/".into(),
            "javascript:alert(1)".into(),
            "//shop.example/".into(),
            "https://u:p@shop.example/".into(),
        ];
        for name in [
            "jwks_uri",
            "logo_uri",
            "sector_identifier_uri",
            "backchannel_logout_uri",
            "client_uri",
            "policy_uri",
            "tos_uri",
            "initiate_login_uri",
        ] {
            for uri in &addresses {
                // Pages of the client are only linked to; a name is not looked up for that.
                let is_linked = ["client_uri", "policy_uri", "tos_uri", "initiate_login_uri"].contains(&name);
                if is_linked && uri.starts_with("https://localhost") {
                    continue;
                }
                let reply = register(&server, &web_with(&json!({ name: uri }))).await;
                assert_eq!(reply.status, 400, "{name} {uri}: {}", reply.text);
                assert_eq!(reply.json["error"], "invalid_client_metadata", "{name} {uri}");
            }
        }
        let reply = register(&server, &web_with(&json!({ "request_uris": [site.base] }))).await;
        reply.expect(400, "invalid_client_metadata");
        assert_eq!(site.asked(), 0, "nothing was called");
    }
}

both_with! { open;
    async fn ru_04_schemes_that_run_or_read_something_are_refused(server: TestServer) {
        for uri in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://shop.example/x",
            "about:blank",
            "ws://x",
            " https://shop.example/cb",
            "\thttps://shop.example/cb",
            "https://shop.example/cb\n",
        ] {
            for kind in ["web", "native"] {
                let body = json!({ "redirect_uris": [uri], "application_type": kind });
                register(&server, &body).await.expect(400, "invalid_redirect_uri");
            }
            let body = json!({ "redirect_uris": [uri] });
            register(&server, &body).await.expect(400, "invalid_redirect_uri");
        }
    }

    async fn ru_05_wildcards_are_refused(server: TestServer) {
        for uri in ["https://*.shop.example/cb", "https://shop.example/*", "*", "https://a/.*"] {
            let body = json!({ "redirect_uris": [uri] });
            register(&server, &body).await.expect(400, "invalid_redirect_uri");
        }
    }

    async fn ru_06_fragment_user_information_relative_and_long_are_refused(server: TestServer) {
        let long = format!("https://shop.example/{}", "a".repeat(3000));
        for uri in [
            "https://shop.example/cb#f",
            "https://shop.example/cb#",
            "https://u@shop.example/cb",
            "https://@shop.example/cb",
            "https://",
            "https:///cb",
            "/cb",
            "//shop.example/cb",
            "",
            &long,
        ] {
            let body = json!({ "redirect_uris": [uri] });
            register(&server, &body).await.expect(400, "invalid_redirect_uri");
        }
        let many: Vec<_> = (0..101).map(|n| format!("https://shop.example/{n}")).collect();
        let body = json!({ "redirect_uris": many });
        register(&server, &body).await.expect(400, "invalid_redirect_uri");
    }

    async fn ru_09_a_scheme_of_ones_own_is_a_reversed_domain_name(server: TestServer) {
        for uri in ["myapp:/cb", "myapp://cb", "com.example.app"] {
            let body = json!({ "redirect_uris": [uri], "application_type": "native" });
            register(&server, &body).await.expect(400, "invalid_redirect_uri");
        }
    }

    async fn rg_06_nothing_that_is_the_house_own_can_be_registered(server: TestServer) {
        let body = web_with(&json!({
            "kind": "machine",
            "origin": "administrator",
            "profile": "fapi2",
            "require_pkce": false,
            "skip_consent": true,
            "always_refresh_token": true,
            "access_token_lifetime": 3600,
            "access_token_format": "opaque",
            "allowed_resources": ["https://api.example"],
            "resource_server_of": ["https://api.example"],
            "token_exchange_allowed": true,
            "trusted": true,
            "disabled": false,
            "id": "chosen",
            "client_id": "chosen",
            "client_secret": "chosen-secret-chosen-secret-chosen-secret",
            "scope": "openid admin countersign:admin",
        }));
        let client = registered(&server, &body).await;
        assert_ne!(client.id, "chosen");
        assert_ne!(client.json["client_secret"], body["client_secret"]);
        assert_eq!(client.json["scope"], "openid");
        let stored = management::find(&server.provider.ground(), &client.id).await;
        let policy = stored.expect("a database").expect("it").policy;
        let given = ClientPolicy {
            origin: ClientOrigin::Registration,
            require_pkce: false,
            ..ClientPolicy::default()
        };
        assert_eq!(policy, given);
        // Public, so that PKCE is the only thing that protects it.
        let public = web_with(&json!({ "token_endpoint_auth_method": "none", "require_pkce": false }));
        let client = registered(&server, &public).await;
        let stored = management::find(&server.provider.ground(), &client.id).await;
        assert!(stored.expect("a database").expect("it").policy.require_pkce);
    }

    async fn rg_06_grants_without_a_person_are_not_for_strangers(server: TestServer) {
        for grant in [
            "client_credentials",
            "password",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ] {
            let alone = web_with(&json!({ "grant_types": [grant] }));
            register(&server, &alone).await.expect(400, "invalid_client_metadata");
            let beside = web_with(&json!({ "grant_types": ["authorization_code", grant] }));
            let told = registered(&server, &beside).await;
            assert_eq!(told.json["grant_types"], json!(["authorization_code"]), "{grant}");
            let app = told.app(&server);
            let reply = app.call("/token", &[("grant_type", grant)]).await;
            assert!(reply.status == 400, "{grant}: {}", reply.text);
        }
        let admin = web_with(&json!({ "scope": "admin" }));
        register(&server, &admin).await.expect(400, "invalid_client_metadata");
    }

    async fn rg_09_a_name_shows_what_it_is_and_is_never_markup(server: TestServer) {
        server.user("ada").await;
        for name in ["a\u{202e}b", "a\u{200b}b", "a\u{2066}b", "a\nb", &"x".repeat(101)] {
            let body = web_with(&json!({ "client_name": name }));
            register(&server, &body).await.expect(400, "invalid_client_metadata");
        }
        let huge = web_with(&json!({ "client_name": "x".repeat(1024 * 1024) }));
        assert_eq!(register(&server, &huge).await.status, 413);
        let body = web_with(&json!({ "client_name": "<img src=x onerror=alert(1)>" }));
        let app = registered(&server, &body).await.app(&server);
        let login = app.authorize(&[]).await;
        let page = app.agent.log_in(&login, "ada").await;
        for shown in [&login.body, &page.expect_consent().body] {
            assert!(!shown.contains("<img src=x"), "{shown}");
        }
        assert!(page.body.contains("shop.example"), "the page names the host");
    }

    async fn rg_10_sectors_are_not_merged(server: TestServer) {
        server.user("ada").await;
        let site = Site::start().await;
        let foreign = json!(["https://shop.example/cb"]);
        let sector = site.put_json("/sector.json", &foreign);
        let thief = json!({
            "redirect_uris": ["https://evil.example/cb"],
            "subject_type": "pairwise",
            "sector_identifier_uri": sector,
        });
        register(&server, &thief).await.expect(400, "invalid_client_metadata");
        let pairwise = |host: &str| json!({
            "redirect_uris": [format!("https://{host}/cb")], "subject_type": "pairwise",
        });
        let one = registered(&server, &pairwise("one.example")).await.app(&server);
        let two = registered(&server, &pairwise("two.example")).await.app(&server);
        let sub = |token: &str| claims(token)["sub"].clone();
        let of_one = sub(&one.tokens("ada", "openid").await.id_token);
        assert_ne!(of_one, sub(&two.tokens("ada", "openid").await.id_token));
        let spread = json!({
            "redirect_uris": ["https://one.example/cb", "https://two.example/cb"],
            "subject_type": "pairwise",
        });
        register(&server, &spread).await.expect(400, "invalid_client_metadata");
    }

    async fn ca_16_keys_that_are_no_good_are_refused(server: TestServer) {
        let key = |jwk: Value| web_with(&json!({
            "jwks": { "keys": [jwk] }, "token_endpoint_auth_method": "private_key_jwt",
        }));
        for jwk in [
            json!({ "kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA" }),
            json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
            json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" }),
            json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "d": "AAAA" }),
            json!("key"),
        ] {
            register(&server, &key(jwk)).await.expect(400, "invalid_client_metadata");
        }
        let many: Vec<_> = (0..1000).map(|_| json!({ "kty": "OKP", "crv": "X448", "x": "AA" })).collect();
        let body = web_with(&json!({ "jwks": { "keys": many } }));
        register(&server, &body).await.expect(400, "invalid_client_metadata");
    }

    async fn ht_05_a_registration_is_not_decompressed_and_not_huge(server: TestServer) {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = http.post(server.url("/register")).header("content-type", "application/json");
        let gzip = request.header("content-encoding", "gzip").body("x").send().await;
        assert_eq!(gzip.expect("an answer").status(), 415);
        let mut deep = "[".repeat(2000);
        deep.push_str(&"]".repeat(2000));
        let request = http.post(server.url("/register")).header("content-type", "application/json");
        let nested = request.body(format!(r#"{{"x":{deep}}}"#)).send().await.expect("an answer");
        assert_eq!(nested.status(), 400);
        assert_eq!(register(&server, &web()).await.status, 201);
    }
}
