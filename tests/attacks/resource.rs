//! K: userinfo, introspection, revocation.

use crate::support::crypto::{claims, encode, header};
use crate::support::test_server::system;
use crate::support::{Reply, TestServer, WebApp, both};
use countersign::domain::identity::users;
use countersign::protocol::client::AuthMethod;
use serde_json::json;

const SCOPE: &str = "openid offline_access";

async fn get(app: &WebApp, path: &str) -> Reply {
    let request = app.http.get(format!("{}{path}", app.base));
    Reply::read(request.send().await.expect("an answer")).await
}

#[track_caller]
fn expect_invalid_token(reply: &Reply) {
    assert_eq!(reply.status, 401, "{}", reply.text);
    let challenge = reply.header("www-authenticate");
    assert!(challenge.starts_with("Bearer"), "{challenge}");
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

both! {
    async fn ui_01_without_a_token_there_is_a_bare_challenge(server: TestServer) {
        let app = WebApp::register(&server).await;
        let reply = get(&app, "/userinfo").await;
        assert_eq!(reply.status, 401);
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
        assert!(!reply.header("www-authenticate").contains("error"));
    }

    async fn ui_02_a_token_is_sent_in_one_place_and_never_in_the_query(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let in_query = get(&app, &format!("/userinfo?access_token={token}")).await;
        assert_eq!(in_query.status, 401);
        let url = server.url("/userinfo");
        let form = [("access_token", token.as_str())];
        let both = app.http.post(&url).bearer_auth(&token).form(&form);
        let two = app.http.get(&url).bearer_auth(&token).header("Authorization", "Bearer x");
        for request in [both, two] {
            let reply = Reply::read(request.send().await.expect("an answer")).await;
            assert_eq!(reply.status, 400, "{}", reply.text);
        }
        let body_of_get = app.http.get(&url).form(&form);
        let reply = Reply::read(body_of_get.send().await.expect("an answer")).await;
        assert_eq!(reply.status, 401);
    }

    async fn ui_03_only_an_access_token_opens_userinfo(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        for other in [&tokens.id_token, &tokens.refresh_token] {
            expect_invalid_token(&app.userinfo(other).await);
        }
        let without = app.tokens("ada", "orders:read").await;
        let reply = app.userinfo(&without.access_token).await;
        assert_eq!(reply.status, 403);
        assert!(reply.header("www-authenticate").contains("error=\"insufficient_scope\""));
    }

    async fn ui_04_a_token_that_ended_is_refused_at_once(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let ground = server.provider.ground();

        let token = app.tokens("ada", "openid").await.access_token;
        assert_eq!(app.userinfo(&token).await.status, 200);
        let new = crate::support::test_server::PASSWORD.to_owned();
        let set = users::set_password(&ground, &ada.user.id, new, None, system()).await;
        set.expect("it can be set");
        expect_invalid_token(&app.userinfo(&token).await);

        let token = app.tokens("ada", "openid").await.access_token;
        assert_eq!(app.userinfo(&token).await.status, 200);
        server.block(&ada).await;
        expect_invalid_token(&app.userinfo(&token).await);
        server.unblock(&ada).await;

        let token = app.tokens("ada", "openid").await.access_token;
        assert_eq!(app.userinfo(&token).await.status, 200);
        app.revoke(&token).await;
        expect_invalid_token(&app.userinfo(&token).await);

        let token = app.tokens("ada", "openid").await.access_token;
        assert_eq!(app.userinfo(&token).await.status, 200);
        server.clock.advance_seconds(302);
        expect_invalid_token(&app.userinfo(&token).await);
    }

    async fn ui_05_a_changed_token_is_refused(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", "openid").await.access_token;
        let second = app.tokens("ada", "openid email").await;
        let parts: Vec<&str> = first.split('.').collect();
        let other: Vec<&str> = second.access_token.split('.').collect();
        let flipped = if parts[2].starts_with('A') { "B" } else { "A" };
        let mut more = claims(&first);
        more["scope"] = json!("openid email");
        let changed = [
            format!("{}.{}.{flipped}{}", parts[0], parts[1], &parts[2][1..]),
            format!("{}.{}.{}", parts[0], other[1], parts[2]),
            format!("{}.{}.{}", parts[0], encode(&more.to_string()), parts[2]),
            format!("{}.{}.{}", encode(r#"{"alg":"none","typ":"at+jwt"}"#), parts[1], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}", parts[0], parts[1]),
            parts[0].to_owned(),
            format!("{first}.x"),
            format!("{first}.x.y"),
            format!("{first}="),
        ];
        for token in &changed {
            expect_invalid_token(&app.userinfo(token).await);
            assert_eq!(app.introspect(token).await, json!({"active": false}), "{token}");
        }
        assert_eq!(header(&first)["typ"], "at+jwt");
        assert_eq!(app.userinfo(&first).await.status, 200);
    }

    async fn ui_06_userinfo_tells_what_was_granted_and_no_more(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid email").await;
        let about = app.userinfo(&tokens.access_token).await.json;
        assert_eq!(about["sub"], claims(&tokens.id_token)["sub"]);
        assert_eq!(about.get("name"), None);
        assert_eq!(about.get("roles"), None);
    }

    async fn in_01_only_a_client_with_a_proof_may_introspect(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let public = WebApp::register_public(&server).await;
        public.call("/introspect", &[("token", &token)]).await.expect(401, "invalid_client");
        let nobody = app.http.post(server.url("/introspect")).form(&[("token", &token)]);
        Reply::read(nobody.send().await.expect("an answer")).await.expect(401, "invalid_client");
        let other = WebApp::register(&server).await;
        assert_eq!(other.introspect(&token).await, json!({"active": false}));
    }

    async fn in_02_whatever_is_not_good_reads_the_same(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        app.revoke(&tokens.access_token).await;
        let long = "x".repeat(40_000);
        for token in ["unknown", "a.b.c", "' OR 1=1 --", &tokens.access_token, &tokens.id_token, &long] {
            assert_eq!(app.introspect(token).await, json!({"active": false}));
        }
        let reply = app.call("/introspect", &[("token", &"x".repeat(1 << 20))]).await;
        assert_eq!(reply.status, 413);
        app.call("/introspect", &[]).await.expect(400, "invalid_request");
    }

    async fn in_03_a_wrong_hint_hides_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        for (token, hint) in [
            (&tokens.access_token, "refresh_token"),
            (&tokens.refresh_token, "access_token"),
            (&tokens.access_token, "unknown"),
        ] {
            let form = [("token", token.as_str()), ("token_type_hint", hint)];
            let reply = app.call("/introspect", &form).await;
            assert_eq!(reply.json["active"], true, "{hint}");
        }
        let twice = [
            ("token", tokens.access_token.as_str()),
            ("token_type_hint", "access_token"),
            ("token_type_hint", "access_token"),
        ];
        app.call("/introspect", &twice).await.expect(400, "invalid_request");
    }

    async fn in_04_a_token_is_no_proof_and_never_in_an_address(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let request = app.http.post(server.url("/introspect")).bearer_auth(&token);
        let request = request.form(&[("token", &token)]);
        let reply = Reply::read(request.send().await.expect("an answer")).await;
        assert!(matches!(reply.status, 401 | 403), "{}", reply.text);
        assert_eq!(get(&app, &format!("/introspect?token={token}")).await.status, 405);
    }

    async fn rv_01_an_unknown_token_is_revoked_already(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        for token in ["unknown", &tokens.access_token, &tokens.access_token, &tokens.refresh_token,
                      &tokens.refresh_token, "a.b.c"] {
            let reply = app.revoke(token).await;
            assert_eq!((reply.status, &*reply.text), (200, ""));
        }
    }

    async fn rv_02_a_stranger_revokes_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        for other in [WebApp::register(&server).await, WebApp::register_public(&server).await] {
            for token in [&tokens.access_token, &tokens.refresh_token] {
                other.revoke(token).await.expect(400, "invalid_grant");
                assert!(app.is_active(token).await);
            }
        }
    }

    async fn rv_03_a_revoked_refresh_token_ends_the_grant(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        assert_eq!(app.revoke(&second.refresh_token).await.status, 200);
        for token in [&first.access_token, &second.access_token, &second.refresh_token] {
            assert!(!app.is_active(token).await);
        }
    }

    async fn rv_04_revocation_is_a_posted_form_with_a_proof(server: TestServer) {
        let app = WebApp::register(&server).await;
        let without = WebApp { method: AuthMethod::None, ..app.clone() };
        without.revoke("x").await.expect(401, "invalid_client");
        let nobody = app.http.post(server.url("/revoke")).form(&[("token", "x")]);
        let reply = Reply::read(nobody.send().await.expect("an answer")).await;
        assert!(matches!(reply.status, 400 | 401), "{}", reply.text);
        assert_eq!(get(&app, "/revoke?token=x").await.status, 405);
        let reply = app.call("/revoke", &[("token", "x"), ("callback", "evil")]).await;
        assert_eq!((reply.status, &*reply.text), (200, ""));
        app.call("/revoke", &[]).await.expect(400, "invalid_request");
    }

    async fn rv_03_what_cannot_be_stored_is_not_said_to_be_done(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let lock = Lock::take(server.database_url());
        let refused = app.revoke(&tokens.refresh_token).await;
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert!(!refused.header("retry-after").is_empty());
        drop(lock);
        assert_eq!(app.revoke(&tokens.refresh_token).await.status, 200);
        assert!(!app.is_active(&tokens.access_token).await);
    }
}

/// Somebody who keeps everyone else from writing.
enum Lock {
    Sqlite(diesel::SqliteConnection),
    Postgres(diesel::PgConnection),
}

impl Lock {
    fn take(url: &str) -> Self {
        use diesel::Connection;
        use diesel::connection::SimpleConnection;
        match url.strip_prefix("sqlite://") {
            Some(path) => {
                let mut conn = diesel::SqliteConnection::establish(path).expect("it opens");
                conn.batch_execute("BEGIN IMMEDIATE").expect("nobody writes");
                Self::Sqlite(conn)
            }
            None => {
                let mut conn = diesel::PgConnection::establish(url).expect("it opens");
                let lock = "BEGIN; LOCK TABLE authorizations IN EXCLUSIVE MODE";
                conn.batch_execute(lock).expect("nobody writes");
                Self::Postgres(conn)
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        use diesel::connection::SimpleConnection;
        let undone = match self {
            Self::Sqlite(conn) => conn.batch_execute("ROLLBACK"),
            Self::Postgres(conn) => conn.batch_execute("ROLLBACK"),
        };
        undone.expect("the lock was held");
    }
}
