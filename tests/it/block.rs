//! A block, and what is like it, bites before the tokens expire (OpenID Connect Core §16.18 leaves
//! it to us; our promise is: at once at the provider).

use crate::support::crypto::claims;
use crate::support::test_server::{PASSWORD, system};
use crate::support::{Agent, TestServer, Tokens, WebApp, both};
use countersign::domain::identity::users;
use countersign::protocol::revocation::{RevocationKind, TokenFacts};
use countersign::protocol::time::{Lifetime, Timestamp};

const SCOPE: &str = "openid email offline_access";

/// Nothing of these tokens works at the provider any more.
async fn expect_dead(app: &WebApp, tokens: &Tokens) {
    assert_eq!(app.introspect(&tokens.access_token).await, serde_json::json!({"active": false}));
    assert_eq!(app.introspect(&tokens.refresh_token).await, serde_json::json!({"active": false}));
    let refused = app.userinfo(&tokens.access_token).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
    app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
}

/// The browser is signed in to nothing.
async fn expect_signed_out(app: &WebApp) {
    let silent = app.authorize(&[("prompt", "none")]).await;
    silent.expect_refusal("login_required");
}

/// The list that verifiers read has the token by its `jti`, and the watermark of its user.
async fn expect_listed(server: &TestServer, tokens: &Tokens) {
    server.settle().await;
    let claims = claims(&tokens.access_token);
    let text = |name: &str| claims[name].as_str().expect("text").to_owned();
    let (jti, sub) = (text("jti"), text("sub"));
    let list = server.provider.revocation.list();
    let list = list.read().expect("no one panics with the lock");
    let by_jti = TokenFacts {
        jti: &jti,
        subject: "another",
        client_id: "another",
        sid: None,
        kid: None,
        issued_at: Timestamp::from_unix(i64::MAX),
    };
    assert!(list.is_revoked(&by_jti), "the jti is listed");
    let issued_at = claims["iat"].as_i64().expect("a number");
    let mark = list.not_before(RevocationKind::Subject, &sub).expect("a watermark");
    assert!(mark.as_unix() >= issued_at, "the watermark covers it");
}

both! {
    async fn all_access_tokens_end_at_once_and_nobody_is_signed_out(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let done = server.command(&["token", "revoke-all", "--yes"]).await;
        assert_eq!(done.code, 0, "{done:?}");
        server.settle().await;
        assert_eq!(app.introspect(&tokens.access_token).await["active"], false);
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 401);
        let fresh = app.refresh(&tokens.refresh_token).await.expect_tokens();
        assert!(app.is_active(&fresh.access_token).await);
        app.authorize(&[("prompt", "none")]).await.expect_answer().get("code");
    }

    async fn what_an_instance_issues_before_it_has_heard_ends_with_the_rest(server: TestServer) {
        server.command(&["token", "revoke-all", "--yes"]).await.expect_done();
        server.settle().await;
        let list = server.provider.revocation.list();
        let refused = |ahead| {
            let issued_at = server.provider.now() + Lifetime::seconds(ahead);
            let (jti, subject, client_id) = ("j", "service", "service");
            let facts = TokenFacts { jti, subject, client_id, sid: None, kid: None, issued_at };
            list.read().expect("no panic").is_revoked(&facts)
        };
        // Tokens of services alone are in no list, and are made without asking the database.
        assert!(refused(0) && refused(1));
        assert!(!refused(10));
    }

    async fn a_block_ends_tokens_and_sessions_at_once(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        assert!(app.is_active(&tokens.access_token).await);

        server.block(&ada).await;

        expect_dead(&app, &tokens).await;
        expect_signed_out(&app).await;
        expect_listed(&server, &tokens).await;
    }

    async fn every_living_token_of_a_blocked_user_is_listed_by_its_jti(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        let third = app.tokens("ada", "openid").await;

        server.block(&ada).await;

        for tokens in [first, second, third] {
            expect_listed(&server, &tokens).await;
        }
    }

    async fn a_block_reaches_no_other_user(server: TestServer) {
        let ada = server.user("ada").await;
        server.user("grace").await;
        let app = WebApp::register(&server).await;
        let others = app.in_another_browser().tokens("grace", SCOPE).await;

        server.block(&ada).await;

        assert!(app.is_active(&others.access_token).await);
        app.refresh(&others.refresh_token).await.expect_tokens();
    }

    async fn a_blocked_user_cannot_sign_in(server: TestServer) {
        let ada = server.user("ada").await;
        server.block(&ada).await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[]).await;
        app.agent.log_in(&page, "ada").await.expect_login();
        expect_signed_out(&app).await;
    }

    async fn unblocking_does_not_bring_old_tokens_back(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        server.block(&ada).await;
        server.unblock(&ada).await;

        expect_dead(&app, &tokens).await;
        expect_signed_out(&app).await;
    }

    /// who signs in again in the very second of the block gets tokens that are good.
    async fn x_15_a_sign_in_in_the_second_of_the_block_gives_good_tokens(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let old = app.tokens("ada", SCOPE).await;
        server.block(&ada).await;
        server.unblock(&ada).await;

        let new = app.in_another_browser().tokens("ada", SCOPE).await;

        assert!(app.is_active(&new.access_token).await);
        assert_eq!(app.userinfo(&new.access_token).await.status, 200);
        assert!(!app.is_active(&old.access_token).await);
    }

    async fn a_code_from_before_the_block_gives_nothing(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", SCOPE).await;
        server.block(&ada).await;
        app.redeem(&code).await.expect(400, "invalid_grant");
        server.unblock(&ada).await;
        app.redeem(&code).await.expect(400, "invalid_grant");
    }

    async fn a_new_password_ends_what_the_old_one_gave(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;

        let ground = server.provider.ground();
        let new = "another horse battery".to_owned();
        let set = users::set_password(&ground, &ada.user.id, new, None, system());
        set.await.expect("the password can be set");

        expect_dead(&app, &tokens).await;
        expect_signed_out(&app).await;
        expect_listed(&server, &tokens).await;
        let page = app.authorize(&[]).await;
        let page = app.agent.log_in_with(&page, "ada", PASSWORD).await;
        let page = app.agent.log_in_with(&page, "ada", "another horse battery").await;
        page.expect_answer();
    }

    async fn whoever_changes_their_password_stays_signed_in_where_they_are(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        let sid = claims(&tokens.access_token)["sid"].as_str().expect("a sid").to_owned();

        let ground = server.provider.ground();
        let new = "another horse battery".to_owned();
        let set = users::set_password(&ground, &ada.user.id, new, Some(&sid), system());
        set.await.expect("the password can be set");

        assert!(!app.is_active(&tokens.access_token).await);
        assert!(app.authorize(&[("prompt", "none")]).await.expect_answer().has("code"));
    }

    async fn revoking_all_tokens_ends_them_all(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;

        let ground = server.provider.ground();
        let done = users::revoke_tokens(&ground, &ada.user.id, system()).await;
        done.expect("the tokens can be revoked");

        expect_dead(&app, &tokens).await;
        expect_signed_out(&app).await;
        expect_listed(&server, &tokens).await;
        let again = app.in_another_browser().tokens("ada", SCOPE).await;
        assert!(app.is_active(&again.access_token).await);
    }

    async fn losing_a_role_ends_the_tokens_that_name_it(server: TestServer) {
        let ada = server.user_with("ada", |new| new.roles = vec!["buyer".into()]).await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        assert_eq!(claims(&tokens.access_token)["roles"], serde_json::json!(["buyer"]));

        let ground = server.provider.ground();
        let set = users::set_roles(&ground, &ada.user.id, Vec::new(), system()).await;
        set.expect("the roles can be set");

        assert!(!app.is_active(&tokens.access_token).await);
        let renewed = app.refresh(&tokens.refresh_token).await.expect_tokens();
        assert_eq!(claims(&renewed.access_token)["roles"], serde_json::Value::Null);
        assert!(app.is_active(&renewed.access_token).await);
    }

    async fn a_deleted_user_is_gone_with_all_tokens(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;

        let ground = server.provider.ground();
        users::delete(&ground, &ada.user.id, system()).await.expect("it can be deleted");

        expect_dead(&app, &tokens).await;
        expect_signed_out(&app).await;
        let agent = Agent::new(&server);
        let page = agent.open(&app.authorize_url(&[])).await;
        agent.log_in(&page, "ada").await.expect_login();
    }
}
