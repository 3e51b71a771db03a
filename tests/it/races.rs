//! Many at once: exactly one wins, and nothing that ended comes back.

use crate::support::test_server::system;
use crate::support::{Code, Reply, TestServer, VERIFIER, WebApp, both, rounds};
use countersign::domain::consent;
use std::collections::HashSet;
use tokio::task::JoinSet;

const RACERS: usize = 200;
const SCOPE: &str = "openid offline_access";

/// All the answers of many who do the same at the same moment.
async fn all<F>(tasks: impl Iterator<Item = F>) -> Vec<Reply>
where
    F: Future<Output = Reply> + Send + 'static,
{
    tasks.collect::<JoinSet<_>>().join_all().await
}

fn winners(replies: &[Reply]) -> Vec<&Reply> {
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.expect(400, "invalid_grant");
    }
    replies.iter().filter(|reply| reply.status == 200).collect()
}

async fn redeem_by(app: WebApp, code: Code) -> Reply {
    app.redeem(&code).await
}

async fn refresh_by(app: WebApp, token: String) -> Reply {
    app.refresh(&token).await
}

both! {
    async fn x_01_tk_08_of_two_hundred_who_race_for_a_code_one_wins(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for _ in rounds(2) {
            let code = app.log_in_and_consent("ada", SCOPE).await;

            let tasks = (0..RACERS).map(|_| redeem_by(app.clone(), code.clone()));
            let replies = all(tasks).await;

            let winners = winners(&replies);
            assert_eq!(winners.len(), 1);
            let tokens = winners[0].expect_tokens();
            assert!(!app.is_active(&tokens.access_token).await, "a replay takes back what it gave");
            app.refresh(&tokens.refresh_token).await.expect(400, "invalid_grant");
        }
    }

    async fn x_02_rt_03_two_hundred_on_one_refresh_token_get_one_successor(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for _ in rounds(2) {
            let tokens = app.tokens("ada", SCOPE).await;

            let tasks = (0..RACERS).map(|_| refresh_by(app.clone(), tokens.refresh_token.clone()));
            let replies = all(tasks).await;

            let winners = winners(&replies);
            assert!((1..=2).contains(&winners.len()), "one, and one lost answer: {}", winners.len());
            let successors: HashSet<String> =
                winners.iter().map(|reply| reply.expect_tokens().refresh_token).collect();
            assert_eq!(successors.len(), 1);
        }
    }

    async fn x_04_ad_09_a_block_among_refreshes_leaves_nothing_alive(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let mut families = Vec::new();
        for _ in 0..20 {
            families.push(app.tokens("ada", SCOPE).await.refresh_token);
        }

        let mut tasks = JoinSet::new();
        for token in families {
            let app = app.clone();
            tasks.spawn(async move {
                let mut given = Vec::new();
                let mut token = token;
                while let reply @ Reply { status: 200, .. } = app.refresh(&token).await {
                    let tokens = reply.expect_tokens();
                    token.clone_from(&tokens.refresh_token);
                    given.push(tokens);
                }
                given
            });
        }
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        server.block(&ada).await;
        let given = tasks.join_all().await.concat();

        assert!(!given.is_empty(), "some were refreshed before the block");
        for tokens in given {
            assert!(!app.is_active(&tokens.access_token).await);
            assert!(!app.is_active(&tokens.refresh_token).await);
        }
    }

    async fn x_03_rt_04_a_refresh_beside_a_revocation_leaves_nothing_alive(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for _ in rounds(5) {
            let tokens = app.tokens("ada", SCOPE).await;
            let (refreshed, revoked) = tokio::join!(
                app.refresh(&tokens.refresh_token),
                app.revoke(&tokens.refresh_token)
            );
            assert_eq!(revoked.status, 200);
            assert!(!app.is_active(&tokens.access_token).await);
            if refreshed.status == 200 {
                let new = refreshed.expect_tokens();
                assert!(!app.is_active(&new.access_token).await);
                app.refresh(&new.refresh_token).await.expect(400, "invalid_grant");
            }
        }
    }

    async fn x_06_of_fifty_who_press_allow_at_once_one_gets_a_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let page = app.authorize(&[]).await;
        let page = app.agent.log_in(&page, "ada").await;
        page.expect_consent();

        let tasks = (0..50).map(|_| {
            let (app, page) = (app.clone(), page.clone());
            async move { app.agent.decide(&page, "allow").await }
        });
        let pages = tasks.collect::<JoinSet<_>>().join_all().await;

        let codes = pages.iter().filter(|page| page.answer().is_some()).count();
        assert_eq!(codes, 1);
    }

    async fn x_06_of_allow_and_deny_and_allow_the_first_stands(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.agent.sign_in("ada").await;
        for round in rounds(8) {
            let page = app.authorize(&[]).await;
            page.expect_consent();
            // Nobody is the first one in every round.
            let mut decisions = ["allow", "deny", "allow"];
            decisions.rotate_left(usize::try_from(round % 3).expect("it is small"));
            let tasks = decisions.map(|decision| {
                let (app, page) = (app.clone(), page.clone());
                async move { app.agent.decide(&page, decision).await }
            });
            let pages = tasks.into_iter().collect::<JoinSet<_>>().join_all().await;
            let answers: Vec<_> = pages.iter().filter_map(|page| page.answer()).collect();
            assert_eq!(answers.len(), 1, "{answers:?}");
            let allowed = answers[0].has("code");
            match allowed {
                true => {
                    let value = answers[0].get("code").to_owned();
                    let code = Code { value, verifier: VERIFIER.into() };
                    app.redeem(&code).await.expect_tokens();
                }
                false => assert_eq!(answers[0].get("error"), "access_denied"),
            }
            let withdrawn = consent::withdraw(&server.provider, &ada.user.id, &app.id, system());
            assert_eq!(withdrawn.await.expect("an answer"), allowed, "what was decided is kept");
        }
    }

    /// Whatever the order, nothing the app holds afterwards is good.
    async fn x_06_a_consent_withdrawn_beside_requests_leaves_no_code(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        for round in rounds(4) {
            app.tokens("ada", "openid").await;
            let tasks = (0..24).map(|_| {
                let app = app.clone();
                async move { app.authorize(&[("prompt", "none")]).await.expect_answer() }
            });
            let asking = tasks.collect::<JoinSet<_>>();
            tokio::time::sleep(std::time::Duration::from_millis(5 * (round % 8))).await;
            let withdrawn = consent::withdraw(&server.provider, &ada.user.id, &app.id, system());
            assert!(withdrawn.await.expect("it can be withdrawn"));
            for answer in asking.join_all().await {
                if !answer.has("code") {
                    assert_eq!(answer.get("error"), "consent_required");
                    continue;
                }
                let code = Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() };
                app.redeem(&code).await.expect(400, "invalid_grant");
            }
            app.authorize(&[("prompt", "none")]).await.expect_refusal("consent_required");
        }
    }
}
