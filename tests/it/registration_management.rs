//! A client reads, changes and ends its own registration (RFC 7592).

use crate::support::crypto::{jwks, key};
use crate::support::registration::{open, registered, send, web, web_with};
use crate::support::test_server::system;
use crate::support::{TestServer, both_with};
use countersign::domain::clients::management::{self, ClientDraft};
use countersign::jose::SigningAlgorithm;
use reqwest::Method;
use serde_json::{Value, json};

both_with! { open;
    async fn rfc_7592_an_update_replaces_everything(server: TestServer) {
        server.user("ada").await;
        let first = web_with(&json!({ "tos_uri": "https://shop.example/tos", "default_max_age": 60 }));
        let client = registered(&server, &first).await;
        let mut body = client.body();
        body["client_name"] = json!("Another shop");
        body["redirect_uris"] = json!(["https://shop.example/other"]);
        body.as_object_mut().expect("an object").remove("tos_uri");
        body["default_max_age"] = Value::Null;
        let told = client.write(&body).await;
        assert_eq!(told.status, 200, "{}", told.text);
        assert_eq!(told.json["client_name"], "Another shop");
        assert_eq!(told.json["redirect_uris"], json!(["https://shop.example/other"]));
        assert_eq!((&told.json["tos_uri"], &told.json["default_max_age"]), (&Value::Null, &Value::Null));
        assert_eq!(told.json["registration_access_token"], client.token);
        let mut app = client.app(&server);
        app.authorize(&[]).await.expect_error_page();
        app.redirect_uri = "https://shop.example/other".into();
        // The secret is the one that it was.
        app.tokens("ada", "openid").await;
    }

    async fn rfc_7592_a_client_that_starts_to_use_a_secret_is_told_it(server: TestServer) {
        let public = web_with(&json!({ "token_endpoint_auth_method": "none" }));
        let client = registered(&server, &public).await;
        let mut body = client.body();
        body["token_endpoint_auth_method"] = json!("client_secret_basic");
        let told = client.write(&body).await;
        assert!(told.json["client_secret"].is_string(), "{}", told.text);
        assert_eq!(told.json["client_secret_expires_at"], 0);
        body["token_endpoint_auth_method"] = json!("none");
        let told = client.write(&body).await;
        assert_eq!((told.status, &told.json["client_secret"]), (200, &Value::Null));
    }

    async fn rfc_7592_only_what_is_the_client_own_is_told(server: TestServer) {
        let client = registered(&server, &web()).await;
        let told = client.read().await.json;
        assert_eq!(told["client_secret"], Value::Null);
        for of_the_house in ["kind", "skip_consent", "require_pkce", "origin", "disabled"] {
            assert_eq!(told[of_the_house], Value::Null, "{of_the_house}");
        }
    }

    async fn rg_07_an_update_keeps_to_the_rules_of_a_new_one(server: TestServer) {
        let client = registered(&server, &web()).await;
        let with = |name: &str, value: Value| {
            let mut body = client.body();
            body[name] = value;
            body
        };
        for (body, error) in [
            (with("client_id", json!("another")), "invalid_client_metadata"),
            (with("client_id", Value::Null), "invalid_client_metadata"),
            (with("client_secret", json!("chosen-by-me")), "invalid_client_metadata"),
            (with("client_secret", json!("")), "invalid_client_metadata"),
            (with("redirect_uris", Value::Null), "invalid_redirect_uri"),
            (with("redirect_uris", json!(["http://shop.example/cb"])), "invalid_redirect_uri"),
            (with("redirect_uris", json!(["https://shop.example/#f"])), "invalid_redirect_uri"),
            (with("logo_uri", json!("http://10.0.0.1/")), "invalid_client_metadata"),
            (with("initiate_login_uri", json!("http://x.example/")), "invalid_client_metadata"),
            (with("grant_types", json!(["client_credentials"])), "invalid_client_metadata"),
            (with("sector_identifier_uri", json!("http://127.0.0.1:9/x")), "invalid_client_metadata"),
            (json!({ "client_id": client.id }), "invalid_redirect_uri"),
            (json!({}), "invalid_client_metadata"),
        ] {
            client.write(&body).await.expect(400, error);
        }
        let unchanged = client.read().await.json;
        assert_eq!(unchanged["redirect_uris"], json!(["https://shop.example/cb"]));
        // With its own secret named it is as it should be.
        assert_eq!(client.write(&client.body()).await.status, 200);
    }

    async fn rg_07_what_an_administrator_decided_stays(server: TestServer) {
        let client = registered(&server, &web()).await;
        let ground = server.provider.ground();
        let stored = management::find(&ground, &client.id).await.expect("a database").expect("it");
        let mut draft = ClientDraft {
            id: None, name: stored.name, metadata: stored.metadata, policy: stored.policy,
        };
        draft.policy.require_pkce = true;
        draft.policy.access_token_lifetime = Some(120);
        let updated = management::update(&ground, &client.id, draft, system()).await;
        assert!(updated.is_ok());
        let mut body = client.body();
        body["require_pkce"] = json!(false);
        body["access_token_lifetime"] = json!(3600);
        assert_eq!(client.write(&body).await.status, 200);
        let stored = management::find(&ground, &client.id).await.expect("a database").expect("it");
        assert!(stored.policy.require_pkce);
        assert_eq!(stored.policy.access_token_lifetime, Some(120));
    }

    async fn rg_08_only_the_token_of_the_client_opens_its_registration(server: TestServer) {
        let (one, two) = (registered(&server, &web()).await, registered(&server, &web()).await);
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let body = (method == Method::PUT).then(|| one.body());
            for token in [Some(two.token.as_str()), Some("wrong"), one.json["client_secret"].as_str(), None] {
                let reply = send(method.clone(), &one.uri, token, body.as_ref()).await;
                assert_eq!(reply.status, 401, "{method} {token:?}");
                assert!(reply.header("www-authenticate").starts_with("Bearer"));
                let nobody = format!("{}/register/nobody", server.base);
                let same = send(method.clone(), &nobody, token, body.as_ref()).await;
                assert_eq!((same.status, &same.json), (401, &reply.json));
            }
        }
        assert_eq!(one.read().await.status, 200);
    }

    async fn rg_08_the_token_of_a_client_that_is_gone_is_of_no_use(server: TestServer) {
        server.user("ada").await;
        let client = registered(&server, &web()).await;
        let app = client.app(&server);
        let tokens = app.tokens("ada", "openid").await;
        let other = registered(&server, &web()).await.app(&server);
        assert_eq!(client.delete().await.status, 204);
        client.read().await.expect(401, "invalid_token");
        client.write(&client.body()).await.expect(401, "invalid_token");
        client.delete().await.expect(401, "invalid_token");
        app.authorize(&[]).await.expect_error_page();
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 401);
        other.in_another_browser().tokens("ada", "openid").await;
    }

    async fn rg_08_a_client_that_is_switched_off_manages_nothing(server: TestServer) {
        let client = registered(&server, &web()).await;
        let ground = server.provider.ground();
        management::disable(&ground, &client.id, system()).await.expect("it is switched off");
        client.read().await.expect(401, "invalid_token");
        client.write(&client.body()).await.expect(401, "invalid_token");
        client.delete().await.expect(401, "invalid_token");
    }

    async fn rg_08_an_administrator_made_client_has_no_registration_to_manage(server: TestServer) {
        let app = crate::support::WebApp::register(&server).await;
        let uri = format!("{}/register/{}", server.base, app.id);
        send(Method::GET, &uri, Some(&app.secret), None).await.expect(401, "invalid_token");
        send(Method::GET, &uri, Some(""), None).await.expect_error(401);
    }

    async fn t8_keys_that_are_registered_anew_count_at_once(server: TestServer) {
        let (old, new) = (key(SigningAlgorithm::ES256), key(SigningAlgorithm::ES256));
        let body = web_with(&json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(&[&old]),
        }));
        let client = registered(&server, &body).await;
        let mut body = client.body();
        body["jwks"] = jwks(&[&new]);
        let told = client.write(&body).await;
        assert_eq!(told.json["jwks"]["keys"][0]["kid"], new.public_jwk()["kid"]);
    }
}
