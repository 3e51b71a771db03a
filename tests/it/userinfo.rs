//! Claims about a person (OpenID Connect Core §5).

use crate::support::crypto::claims;
use crate::support::people::{complete, every_claim};
use crate::support::{Reply, TestServer, WebApp, both};
use serde_json::Value;

const PROFILE: [&str; 14] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
];

fn names(about: &Value) -> Vec<&str> {
    about.as_object().expect("an object").keys().map(String::as_str).collect()
}

both! {
    async fn u4_every_claim_comes_with_its_scope(server: TestServer) {
        server.user_with("ada", complete).await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid profile email address phone").await;
        let reply = app.userinfo(&tokens.access_token).await;
        assert!(reply.header("content-type").starts_with("application/json"));
        let about = reply.json;
        for name in PROFILE {
            assert!(about.get(name).is_some(), "{name} is missing: {about}");
        }
        for (name, value) in every_claim() {
            assert_eq!(about[&name], value, "{name}");
        }
        assert_eq!(about["name"], "Ada Lovelace");
        assert_eq!(about["preferred_username"], "ada");
        assert_eq!(about["email"], "ada@example.org");
        assert_eq!(about["email_verified"], true);
        let updated_at = about["updated_at"].as_i64().expect("a number of seconds");
        assert!((updated_at - server.provider.now().as_unix()).abs() < 100);
        assert_eq!(names(&about).len(), PROFILE.len() + 2 + 1 + 2 + 1);
    }

    async fn u5_a_scope_brings_its_own_claims_only(server: TestServer) {
        server.user_with("ada", complete).await;
        let app = WebApp::register(&server).await;
        for (scope, expected) in [
            ("openid", vec!["sub"]),
            ("openid email", vec!["email", "email_verified", "sub"]),
            ("openid phone", vec!["phone_number", "phone_number_verified", "sub"]),
            ("openid address", vec!["address", "sub"]),
        ] {
            let tokens = app.tokens("ada", scope).await;
            let about = app.userinfo(&tokens.access_token).await.json;
            let mut own = names(&about);
            own.sort_unstable();
            assert_eq!(own, expected, "{scope}");
        }
    }

    async fn u2_the_subject_is_that_of_the_id_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        let about = app.userinfo(&tokens.access_token).await.json;
        assert_eq!(about["sub"], claims(&tokens.id_token)["sub"]);
    }

    async fn u3_what_is_not_known_is_left_out(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid profile phone address").await;
        let about = app.userinfo(&tokens.access_token).await.json;
        let mut own = names(&about);
        own.sort_unstable();
        assert_eq!(own, ["name", "preferred_username", "sub", "updated_at"]);
    }

    async fn u1_the_token_may_be_posted(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid email").await;
        let url = server.url("/userinfo");
        let in_header = app.http.post(&url).bearer_auth(&tokens.access_token);
        let in_form = app.http.post(&url).form(&[("access_token", &tokens.access_token)]);
        for request in [in_header, in_form] {
            let reply = Reply::read(request.send().await.expect("an answer")).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            assert_eq!(reply.json["email"], "ada@example.org");
        }
    }

    async fn a_client_credentials_token_is_about_nobody(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let tokens = service.token(&[("grant_type", "client_credentials")]).await.expect_tokens();
        let status = service.userinfo(&tokens.access_token).await.status;
        assert!((401..=403).contains(&status), "{status}");
    }
}
