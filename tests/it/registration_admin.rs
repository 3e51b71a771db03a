//! The page on which administrators let clients register themselves.

use crate::support::registration::{Registered, by_token, register_with, web};
use crate::support::{Agent, TestServer, both, both_with};

const PAGE: &str = "/admin/registration";

async fn admin(server: &TestServer) -> Agent {
    server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
    let agent = Agent::new(server);
    agent.sign_in("root").await;
    agent
}

/// The text of the element with the id `secret`.
fn shown(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("id=\"secret\">")?;
    rest.split('<').next().map(str::to_owned)
}

both_with! { by_token;
    async fn rg_01_an_administrator_makes_a_token_and_takes_it_back(server: TestServer) {
        let agent = admin(&server).await;
        let page = agent.open(PAGE).await;
        let fields = [("label", "partners"), ("uses", "2"), ("hours", "1")];
        let made = agent.submit(&page, PAGE, &fields).await;
        assert_eq!(made.status, 200, "{}", made.body);
        let token = shown(&made.body).expect("the token is shown");
        Registered::of(&register_with(&server, &token, &web()).await);
        let again = agent.open(PAGE).await;
        assert!(!again.body.contains(&token) && again.body.contains("1 / 2"), "{}", again.body);
        let (_, rest) = again.body.split_once("/admin/registration/").expect("a link");
        let id = rest.split('/').next().expect("an id");
        let path = format!("{PAGE}/{id}/revoke");
        let ask = agent.open(&path).await;
        assert!(ask.body.contains("partners"), "{}", ask.body);
        let done = agent.submit(&ask, &path, &[]).await;
        assert_eq!(done.status, 200, "{}", done.body);
        register_with(&server, &token, &web()).await.expect(401, "invalid_token");
        assert_eq!(agent.open(&path).await.status, 404);
    }

    async fn rg_01_a_token_that_could_not_be_used_is_not_made(server: TestServer) {
        let agent = admin(&server).await;
        for fields in [
            [("label", ""), ("uses", "1"), ("hours", "1")],
            [("label", "a\u{202e}b"), ("uses", "1"), ("hours", "1")],
            [("label", "x"), ("uses", "0"), ("hours", "1")],
            [("label", "x"), ("uses", "-1"), ("hours", "1")],
            [("label", "x"), ("uses", "100001"), ("hours", "1")],
            [("label", "x"), ("uses", "1"), ("hours", "0")],
            [("label", "x"), ("uses", "1"), ("hours", "9000")],
            [("label", "x"), ("uses", "1"), ("hours", "4294967295")],
        ] {
            let page = agent.open(PAGE).await;
            let refused = agent.submit(&page, PAGE, &fields).await;
            assert_eq!(refused.status, 422, "{fields:?}");
            assert_eq!(shown(&refused.body), None);
        }
    }
}

both! {
    async fn ad_01_only_administrators_see_the_page(server: TestServer) {
        server.user("ada").await;
        let agent = Agent::new(&server);
        agent.open(PAGE).await.expect_login();
        agent.sign_in("ada").await;
        assert_eq!(agent.open(PAGE).await.status, 403);
        let root = admin(&server).await;
        let page = root.open(PAGE).await;
        assert!(page.body.contains("registration.mode"), "it is said that nobody may register");
        let forged = root.post(PAGE, &[("label", "x"), ("uses", "1"), ("hours", "1")]).await;
        assert_eq!(forged.status, 403);
    }
}
