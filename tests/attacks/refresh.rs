//! G: refresh tokens and client credentials.

use crate::support::crypto::claims;
use crate::support::test_server::system;
use crate::support::{Code, TestServer, WebApp, both};
use countersign::domain::clients::management;
use countersign::domain::identity::users;
use countersign::protocol::client::{AuthMethod, GrantType};

const SCOPE: &str = "openid email offline_access";

both! {
    async fn rt_01_a_refresh_token_is_of_one_client(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let other = WebApp::register(&server).await;
        other.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
        let without = WebApp { method: AuthMethod::None, ..app.clone() };
        without.refresh(&tokens.refresh_token).await.expect(401, "invalid_client");
        app.refresh(&tokens.refresh_token).await.expect_tokens();
    }

    async fn rt_02_an_old_refresh_token_ends_the_family(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        server.clock.advance_seconds(40);
        app.refresh(&first.refresh_token).await.expect(400, "invalid_grant");
        app.refresh(&second.refresh_token).await.expect(400, "invalid_grant");
        assert!(!app.is_active(&second.access_token).await);
    }

    async fn rt_05_a_refresh_token_ends_with_what_it_came_from(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let ground = server.provider.ground();
        let id = &ada.user.id;

        let tokens = app.tokens("ada", SCOPE).await;
        let new = crate::support::test_server::PASSWORD.to_owned();
        users::set_password(&ground, id, new, None, system()).await.expect("it can be set");
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");

        let tokens = app.tokens("ada", SCOPE).await;
        server.block(&ada).await;
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
        server.unblock(&ada).await;

        let tokens = app.tokens("ada", SCOPE).await;
        management::disable(&ground, &app.id, system()).await.expect("it can be disabled");
        server.settle().await;
        app.refresh(&tokens.refresh_token).await.expect(401, "invalid_client");
        management::enable(&ground, &app.id, system()).await.expect("it can be enabled");
        server.settle().await;

        let tokens = app.tokens("ada", SCOPE).await;
        users::delete(&ground, id, system()).await.expect("it can be deleted");
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
    }

    async fn rt_06_a_refresh_never_widens(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &*tokens.refresh_token),
            ("scope", "openid phone"),
        ];
        app.token(&form).await.expect(400, "invalid_scope");

        let ground = server.provider.ground();
        let mut draft = crate::support::web_app::draft();
        draft.metadata.scope = "openid offline_access".parse().expect("a scope");
        let changed = management::update(&ground, &app.id, draft, system()).await;
        changed.expect("the client can be changed");
        server.settle().await;
        let narrowed = app.refresh(&tokens.refresh_token).await.expect_tokens();
        assert!(!narrowed.scope.contains("email"), "{}", narrowed.scope);
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &*narrowed.refresh_token),
            ("scope", "openid email"),
        ];
        app.token(&form).await.expect(400, "invalid_scope");
    }

    async fn rt_07_a_clock_that_goes_back_prolongs_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        server.clock.advance_seconds(-3600);
        let replay = app.refresh(&first.refresh_token).await;
        replay.expect(400, "invalid_grant");
        server.clock.advance_seconds(3600 + 30 * 86_400);
        app.refresh(&second.refresh_token).await.expect(400, "invalid_grant");
    }

    async fn rt_08_another_kind_of_token_is_no_refresh_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", SCOPE).await;
        let Code { value, .. } = app.log_in_and_consent("ada", "openid").await;
        for other in [&tokens.access_token, &tokens.id_token, &value] {
            app.refresh(other).await.expect(400, "invalid_grant");
        }
    }

    async fn rt_09_a_replay_in_the_same_second_is_seen(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let first = app.tokens("ada", SCOPE).await;
        let second = app.refresh(&first.refresh_token).await.expect_tokens();
        let third = app.refresh(&second.refresh_token).await.expect_tokens();
        app.refresh(&first.refresh_token).await.expect(400, "invalid_grant");
        app.refresh(&third.refresh_token).await.expect(400, "invalid_grant");
        assert!(!app.is_active(&third.access_token).await);
    }

    async fn cc_01_a_public_client_has_no_token_of_its_own(server: TestServer) {
        let app = WebApp::register_public(&server).await;
        let reply = app.token(&[("grant_type", "client_credentials")]).await;
        reply.expect(400, "unauthorized_client");
    }

    async fn cc_02_a_client_is_no_user(server: TestServer) {
        let service = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types =
                vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];
        })
        .await;
        for scope in ["openid", "offline_access", "email", "orders:read openid"] {
            let form = [("grant_type", "client_credentials"), ("scope", scope)];
            service.token(&form).await.expect(400, "invalid_scope");
        }
        let tokens = service.token(&[("grant_type", "client_credentials")]).await.expect_tokens();
        assert_eq!((&*tokens.refresh_token, &*tokens.id_token), ("", ""));
        assert_eq!(tokens.scope, "orders:read");
        assert_eq!(claims(&tokens.access_token)["sub"], *service.id);
    }

    async fn cc_02_a_client_cannot_take_the_name_of_a_user(server: TestServer) {
        let ada = server.user("ada").await;
        let mut draft = crate::support::web_app::draft();
        draft.id = Some(ada.user.id.clone());
        draft.metadata.grant_types = vec![GrantType::ClientCredentials];
        draft.metadata.redirect_uris.clear();
        draft.metadata.scope = "orders:read".parse().expect("a scope");
        let made = management::create(&server.provider.ground(), draft, system()).await;
        assert!(made.is_err(), "a token of this client would name the user in sub");
    }

    async fn cc_03_a_disabled_client_gets_nothing(server: TestServer) {
        let service = WebApp::register_service(&server).await;
        let grant = [("grant_type", "client_credentials")];
        let token = service.token(&grant).await.expect_tokens().access_token;
        let ground = server.provider.ground();
        management::disable(&ground, &service.id, system()).await.expect("it can be disabled");
        server.settle().await;
        service.token(&grant).await.expect(401, "invalid_client");
        let other = WebApp::register_service(&server).await;
        assert!(!other.is_active(&token).await);
    }
}
