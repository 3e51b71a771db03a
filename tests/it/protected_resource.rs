//! What our own API says of itself (RFC 9728), and the way that leads to a token for it.

use crate::resources::resource;
use crate::support::crypto::claims;
use crate::support::{Reply, TestServer, WebApp, both};
use serde_json::json;

const PATH: &str = "/.well-known/oauth-protected-resource/userinfo";

async fn get(server: &TestServer, path: &str) -> Reply {
    Reply::read(reqwest::get(server.url(path)).await.expect("an answer")).await
}

both! {
    async fn rfc_9728_userinfo_describes_itself(server: TestServer) {
        let reply = get(&server, PATH).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert!(!reply.header("etag").is_empty());
        // RFC 9728 §3.3: what it says it is, is where the path was put in.
        assert_eq!(reply.json["resource"], format!("{}/userinfo", server.issuer()));
        assert_eq!(reply.json["authorization_servers"], json!([server.issuer()]));
        assert_eq!(reply.json["bearer_methods_supported"], json!(["header", "body"]));
        assert_eq!(reply.json["scopes_supported"][0], "openid");
        for other in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/token"] {
            assert_eq!(get(&server, other).await.status, 404, "{other}");
        }
    }

    async fn rfc_9728_a_challenge_leads_to_the_description(server: TestServer) {
        let app = WebApp::register(&server).await;
        let address = format!(r#"resource_metadata="{}{PATH}""#, server.issuer());
        let without = get(&server, "/userinfo").await;
        for reply in [without, app.userinfo("unknown").await] {
            assert_eq!(reply.status, 401);
            let challenges: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(challenges.len(), 2);
            for challenge in challenges {
                let challenge = challenge.to_str().expect("text");
                assert!(challenge.contains(&address), "{challenge}");
            }
        }
    }

    async fn rfc_6749_without_a_scope_an_api_means_all_that_the_client_may_have_there(server: TestServer) {
        server.user("ada").await;
        let api = "https://tools.example/mcp";
        resource(&server, api, &["orders:read", "tools:call"], |_| {}).await;
        let app = WebApp::register(&server).await;
        let code = app.code("ada", &[("scope", ""), ("resource", api)]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        assert_eq!(tokens.scope, "orders:read");
        let other = app.in_another_browser();
        other.authorize(&[("scope", "")]).await.expect_refusal("invalid_scope");
        let no_api = WebApp::register_as(&server, |draft| {
            draft.metadata.scope = "openid email".parse().expect("a scope");
        });
        let asked = [("scope", ""), ("resource", api)];
        no_api.await.authorize(&asked).await.expect_refusal("invalid_scope");
    }

    async fn rfc_9728_tokens_for_the_resource_as_it_calls_itself_are_good_there(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let resource = get(&server, PATH).await.json["resource"].as_str().expect("a text").to_owned();
        let code = app.code("ada", &[("resource", &resource)]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        assert_eq!(claims(&tokens.access_token)["aud"], server.issuer());
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 200);
        let other = format!("{resource}/");
        app.in_another_browser()
            .authorize(&[("resource", &other)])
            .await
            .expect_refusal("invalid_target");
    }
}
