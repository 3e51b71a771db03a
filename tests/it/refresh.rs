//! Refresh tokens: rotation, theft, lost answers (RFC 6749 §6, RFC 9700 §4.14).

use crate::support::crypto::claims;
use crate::support::{TestServer, WebApp, both};
use countersign::protocol::client::GrantType;
use countersign::storage::audit::{self, EventQuery, Wanted};
use std::time::Duration;

const SCOPE: &str = "openid email orders:read offline_access";

both! {
    async fn t6_a_refresh_gives_new_tokens_and_a_new_refresh_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let second = app.refresh(&first.refresh_token).await;
        assert!(second.header("cache-control").contains("no-store"));
        let second = second.expect_tokens();
        assert_ne!(second.access_token, first.access_token);
        assert_ne!(second.refresh_token, first.refresh_token);
        assert_eq!(second.scope, first.scope);
        assert!(app.is_active(&second.access_token).await);
    }

    /// OpenID Connect Core §12.2.
    async fn t7_an_id_token_from_a_refresh_tells_of_the_same_sign_in(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        server.clock.advance_seconds(100);
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        let (before, after) = (claims(&first.id_token), claims(&second.id_token));
        for same in ["iss", "sub", "aud", "auth_time", "azp", "sid", "acr"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert!(after["iat"].as_i64() >= before["iat"].as_i64().map(|iat| iat + 100));
    }

    /// OpenID Connect Core §12.2: the nonce was the answer to one request.
    async fn t7_an_id_token_from_a_refresh_has_no_nonce(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let request = [("scope", SCOPE), ("prompt", "consent"), ("nonce", "n-0S6_WzA2Mj")];
        let code = app.code("ada", &request).await;
        let first = app.redeem(&code).await.expect_tokens();
        assert_eq!(claims(&first.id_token)["nonce"], "n-0S6_WzA2Mj");
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        let second = claims(&second.id_token);
        assert_eq!(second.get("nonce"), None);
        assert!(second["at_hash"].is_string());
    }

    async fn rt_02_a_replay_is_audited_with_its_address_and_request_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", SCOPE).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        let next = app.refresh(&tokens.refresh_token).await.expect_tokens();
        app.refresh(&next.refresh_token).await.expect_tokens();
        let refused = app.refresh(&tokens.refresh_token).await;
        refused.expect(400, "invalid_grant");
        let refused_code = refused.header("request-code").to_owned();

        let code = app.log_in_and_consent("ada", SCOPE).await;
        app.redeem(&code).await.expect_tokens();
        let replayed = app.redeem(&code).await;
        replayed.expect(400, "invalid_grant");
        let replayed_code = replayed.header("request-code").to_owned();

        for (action, code) in [("refresh_token.replay", refused_code), ("code.replay", replayed_code)]
        {
            let wanted = Some(Wanted::Exactly(action.into()));
            let query = EventQuery { action: wanted, limit: 10, ..Default::default() };
            let found = server.provider.db.read(move |conn| audit::list(conn, &query)).await;
            let found = found.expect("the log can be read");
            assert_eq!(found.len(), 1, "{action}");
            assert_eq!(found[0].ip.as_deref(), Some("127.0.0.1"), "{action}");
            assert_eq!(found[0].request_code.as_deref(), Some(&*code), "{action}");
            assert_eq!(found[0].actor, format!("client:{}", app.id));
        }
    }

    async fn a_spent_refresh_token_ends_the_whole_family(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        let third = app.refresh(&second.refresh_token).await.expect_tokens();

        app.refresh(&first.refresh_token).await.expect(400, "invalid_grant");

        app.refresh(&third.refresh_token).await.expect(400, "invalid_grant");
        for tokens in [first, second, third] {
            assert!(!app.is_active(&tokens.access_token).await);
        }
    }

    async fn a_lost_answer_is_given_once_more_with_the_same_successor(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let lost = app.refresh(&first.refresh_token).await.expect_tokens();
        server.clock.advance_seconds(20);

        let again = app.refresh(&first.refresh_token).await.expect_tokens();

        assert_eq!(again.refresh_token, lost.refresh_token);
        assert!(app.is_active(&again.access_token).await);
        app.refresh(&again.refresh_token).await.expect_tokens();
    }

    async fn a_retry_that_meets_the_lost_one_on_its_way_gets_the_same_successor(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let sent = app.tokens("ada", "openid offline_access").await.refresh_token;
        // SQLite writes nothing until the test lets go.
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let db = server.provider.db.clone();
        let hold = db.write(move |_| {
            let _released = held.recv_timeout(Duration::from_secs(5));
            Ok(())
        });
        let pause = || tokio::time::sleep(Duration::from_millis(300));
        let lost = async {
            pause().await;
            app.refresh(&sent).await.expect_tokens()
        };
        let retry = async {
            pause().await;
            pause().await;
            server.clock.advance_seconds(3);
            app.refresh(&sent).await.expect_tokens()
        };
        let release = async {
            for _ in 0..3 {
                pause().await;
            }
            let_go.send(()).expect("somebody waits");
        };
        let (_, lost, retry, ()) = tokio::join!(hold, lost, retry, release);
        assert_eq!(lost.refresh_token, retry.refresh_token);
        app.refresh(&retry.refresh_token).await.expect_tokens();
    }

    async fn a_second_retry_is_theft(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        app.refresh(&first.refresh_token).await.expect_tokens();
        server.clock.advance_seconds(5);
        let again = app.refresh(&first.refresh_token).await.expect_tokens();
        server.clock.advance_seconds(5);

        app.refresh(&first.refresh_token).await.expect(400, "invalid_grant");

        app.refresh(&again.refresh_token).await.expect(400, "invalid_grant");
    }

    async fn after_half_a_minute_a_retry_is_theft(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        server.clock.advance_seconds(32);

        app.refresh(&first.refresh_token).await.expect(400, "invalid_grant");

        app.refresh(&second.refresh_token).await.expect(400, "invalid_grant");
        assert!(!app.is_active(&second.access_token).await);
    }

    async fn t6_a_refresh_token_of_another_client_is_refused_and_stays_good(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let other = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        other.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
        app.refresh(&tokens.refresh_token).await.expect_tokens();
    }

    async fn t6_a_scope_can_be_narrowed_and_comes_back_whole(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &*first.refresh_token),
            ("scope", "openid"),
        ];
        let narrow = app.token(&form).await.expect_tokens();
        assert_eq!(narrow.scope, "openid");
        assert_eq!(claims(&narrow.access_token)["scope"], "openid");
        let wide = app.refresh(&narrow.refresh_token).await.expect_tokens();
        assert_eq!(wide.scope, first.scope);
    }

    async fn a_wider_scope_is_refused_and_costs_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", "openid offline_access").await;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &*first.refresh_token),
            ("scope", "openid email"),
        ];
        app.token(&form).await.expect(400, "invalid_scope");
        app.refresh(&first.refresh_token).await.expect_tokens();
    }

    /// OpenID Connect Core §11.
    async fn offline_access_needs_the_consent_of_the_person(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.code("ada", &[("scope", "openid offline_access")]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        assert_eq!(tokens.refresh_token, "");
        assert_eq!(tokens.scope, "openid");
    }

    async fn a_client_without_the_grant_gets_no_refresh_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types = vec![GrantType::AuthorizationCode];
            draft.metadata.scope = "openid email".parse().expect("a scope");
        })
        .await;
        assert_eq!(app.tokens("ada", "openid email").await.refresh_token, "");
        app.refresh("anything").await.expect(400, "unauthorized_client");
    }

    async fn a_refresh_token_by_policy_ends_with_the_session(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.policy.always_refresh_token = true;
        })
        .await;
        let tokens = app.tokens("ada", "openid").await;
        let next = app.refresh(&tokens.refresh_token).await.expect_tokens();
        let page = app.agent.open("/logout").await;
        app.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
        app.refresh(&next.refresh_token).await.expect(400, "invalid_grant");
    }

    /// OpenID Connect Back-Channel Logout §2.7.
    async fn a_refresh_token_by_policy_ends_when_the_session_was_idle_for_too_long(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.policy.always_refresh_token = true;
        })
        .await;
        let bound = app.tokens("ada", "openid").await;
        let offline = app.tokens("ada", "openid offline_access").await;
        server.clock.advance_seconds(11 * 3600);
        let bound = app.refresh(&bound.refresh_token).await.expect_tokens();
        server.clock.advance_seconds(2 * 3600);
        app.refresh(&bound.refresh_token).await.expect(400, "invalid_grant");
        assert!(!app.is_active(&bound.refresh_token).await);
        app.refresh(&offline.refresh_token).await.expect_tokens();
        app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
    }

    async fn an_offline_refresh_token_outlives_the_session(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let page = app.agent.open("/logout").await;
        app.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
        let next = app.refresh(&tokens.refresh_token).await.expect_tokens();
        assert!(app.is_active(&next.access_token).await);
    }

    async fn an_unused_refresh_token_dies_after_its_idle_time(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        server.clock.advance_seconds(30 * 86_400 + 1);
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
    }

    async fn a_family_in_use_dies_after_its_absolute_time(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let mut tokens = app.tokens("ada", SCOPE).await;
        for _ in 0..12 {
            server.clock.advance_seconds(29 * 86_400);
            tokens = app.refresh(&tokens.refresh_token).await.expect_tokens();
        }
        server.clock.advance_seconds(29 * 86_400);
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
    }

    async fn a_public_client_rotates_as_well(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_public(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let next = app.refresh(&tokens.refresh_token).await.expect_tokens();
        assert_ne!(next.refresh_token, tokens.refresh_token);
    }
}
