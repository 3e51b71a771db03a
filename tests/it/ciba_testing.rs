//! The door by which a test suite decides in the place of people.

use crate::support::ciba::bank;
use crate::support::crypto::claims;
use crate::support::{Reply, TestServer, WebApp, both, both_with};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Decides, as suites do it that can be given nothing but an address.
async fn decide(app: &WebApp, id: &str, action: &str, secret: &str) -> Reply {
    let pairs = [("auth_req_id", id), ("action", action), ("secret", secret)];
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let url = format!("{}/testing/ciba?{query}", app.base);
    Reply::read(app.http.post(url).send().await.expect("an answer")).await
}

both_with! { |config| config.testing.ciba_secret = Some(SECRET.to_owned());
    async fn c5_w4_a_suite_allows_and_denies_in_the_place_of_people(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let id = app.asked("ada", &[("scope", "openid offline_access")]).await;
        assert_eq!(decide(&app, &id, "allow", SECRET).await.status, 204);
        let tokens = app.fetch(&id).await.expect_tokens();
        let said = claims(&tokens.id_token);
        assert_eq!(said["sub"], *ada.user.id);
        assert_eq!(said["auth_time"], server.provider.now().as_unix());
        // The session that it took is over, and the tokens do not end with it.
        assert_eq!(app.userinfo(&tokens.access_token).await.status, 200);
        app.refresh(&tokens.refresh_token).await.expect_tokens();
        let id = app.asked("ada", &[]).await;
        let url = format!("{}/testing/ciba?auth_req_id={id}&action=deny", app.base);
        let by_header = app.http.post(url).bearer_auth(SECRET).send().await.expect("an answer");
        assert_eq!(by_header.status(), 204);
        app.fetch(&id).await.expect(400, "access_denied");
    }

    async fn c5_only_who_has_the_secret_decides_and_only_once(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register_as(&server, bank).await;
        let id = app.asked("ada", &[]).await;
        for wrong in ["", "x", &SECRET[1..], &SECRET.to_uppercase()] {
            decide(&app, &id, "allow", wrong).await.expect(401, "invalid_client");
        }
        for (id, action) in [(&*id, ""), (&*id, "maybe"), ("", "allow"), ("unknown", "allow")] {
            decide(&app, id, action, SECRET).await.expect(400, "invalid_request");
        }
        app.fetch(&id).await.expect(400, "authorization_pending");
        assert_eq!(decide(&app, &id, "deny", SECRET).await.status, 204);
        decide(&app, &id, "allow", SECRET).await.expect(400, "invalid_request");
        app.fetch(&id).await.expect(400, "access_denied");
        let late = app.asked("ada", &[("requested_expiry", "10")]).await;
        server.clock.advance_seconds(10);
        decide(&app, &late, "allow", SECRET).await.expect(400, "invalid_request");
        let blocked = app.asked("ada", &[]).await;
        server.block(&ada).await;
        decide(&app, &blocked, "allow", SECRET).await.expect(400, "invalid_request");
        app.fetch(&blocked).await.expect(400, "access_denied");
    }
}

both! {
    async fn c5_without_a_setting_there_is_no_such_address(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_bank(&server).await;
        let id = app.asked("ada", &[]).await;
        assert_eq!(decide(&app, &id, "allow", "").await.status, 404);
        assert_eq!(decide(&app, &id, "allow", SECRET).await.status, 404);
        app.fetch(&id).await.expect(400, "authorization_pending");
    }
}
