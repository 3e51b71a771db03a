//! Accounts, clients and sessions that change while they are used: whatever the order, nothing that
//! ended goes on.

use crate::support::crypto::claims;
use crate::support::test_server::{PASSWORD, system};
use crate::support::{Code, TestServer, Tokens, VERIFIER, WebApp, both, rounds};
use countersign::domain::audit::Actor;
use countersign::domain::clients::management;
use countersign::domain::identity::users::{self, NewUser};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// When the change comes, in milliseconds after the racers have started.
const LATER: [u64; 6] = [0, 5, 20, 60, 120, 250];

/// The rounds, each with its own delay.
fn delays() -> impl Iterator<Item = (u64, u64)> {
    rounds(LATER.len() as u64).zip(LATER.into_iter().cycle())
}

fn has_role(tokens: &Tokens) -> bool {
    let claims = claims(&tokens.access_token);
    claims["roles"].as_array().is_some_and(|roles| !roles.is_empty())
}

async fn wait(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

both! {
    async fn x_05_a_sign_in_beside_a_new_password_is_refused_or_dead(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let mut old = PASSWORD.to_owned();
        for (round, later) in delays() {
            let browsers = (0..4).map(|_| {
                let (app, old) = (app.in_another_browser(), old.clone());
                async move {
                    let page = app.authorize(&[]).await;
                    app.agent.log_in_with(&page, "ada", &old).await;
                    app
                }
            });
            let signing_in = browsers.collect::<JoinSet<_>>();
            wait(later).await;
            let new = format!("{PASSWORD} {round}");
            let ground = server.provider.ground();
            let changed = users::set_password(&ground, &ada.user.id, new.clone(), None, system());
            changed.await.expect("it can be changed");
            for app in signing_in.join_all().await {
                app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
            }
            old = new;
            server.clock.advance_seconds(60);
        }
    }

    async fn x_07_tokens_beside_the_end_of_their_client_are_dead(server: TestServer) {
        let other = WebApp::register_service(&server).await;
        for (_, later) in delays() {
            let service = WebApp::register_service(&server).await;
            let askers = (0..16).map(|_| {
                let service = service.clone();
                async move {
                    let mut tokens = Vec::new();
                    for _ in 0..10 {
                        let reply = service.token(&[("grant_type", "client_credentials")]).await;
                        tokens.extend((reply.status == 200).then(|| reply.expect_tokens()));
                    }
                    tokens
                }
            });
            let asking = askers.collect::<JoinSet<_>>();
            wait(later).await;
            let ground = server.provider.ground();
            let ended = management::disable(&ground, &service.id, system()).await;
            ended.expect("it can be disabled");
            let tokens = asking.join_all().await.concat();
            server.settle().await;
            for token in tokens {
                assert!(!other.is_active(&token.access_token).await, "after {later} ms");
            }
            // 429 after so many who were refused.
            let refused = service.token(&[("grant_type", "client_credentials")]).await.status;
            assert!(matches!(refused, 401 | 429), "{refused}");
            server.clock.advance_seconds(600);
        }
    }

    async fn x_08_no_token_that_is_good_has_a_role_that_was_taken_away(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        for (_, later) in delays() {
            let ground = server.provider.ground();
            let roles = vec!["clerk".to_owned()];
            users::set_roles(&ground, &ada.user.id, roles, system()).await.expect("it can be set");
            server.clock.advance_seconds(2);
            let tokens = app.tokens("ada", "openid offline_access").await;
            let taken = Arc::<AtomicBool>::default();
            let refreshing = {
                let (app, mut token) = (app.clone(), tokens.refresh_token.clone());
                let taken = taken.clone();
                tokio::spawn(async move {
                    let mut given = Vec::new();
                    for _ in 0..12 {
                        let is_taken = taken.load(Ordering::SeqCst);
                        let reply = app.refresh(&token).await;
                        if reply.status != 200 {
                            break;
                        }
                        let tokens = reply.expect_tokens();
                        assert!(!(is_taken && has_role(&tokens)), "a token after the removal");
                        token.clone_from(&tokens.refresh_token);
                        given.push(tokens);
                    }
                    given
                })
            };
            wait(later).await;
            users::set_roles(&ground, &ada.user.id, Vec::new(), system()).await.expect("it can");
            taken.store(true, Ordering::SeqCst);
            for token in refreshing.await.expect("no panic").into_iter().chain([tokens]) {
                let is_good = app.is_active(&token.access_token).await;
                assert!(!(is_good && has_role(&token)), "after {later} ms: {token:?}");
            }
        }
    }

    async fn x_09_of_thirty_accounts_with_one_address_one_is_made(server: TestServer) {
        let makers = (0..30).map(|n| {
            let ground = server.provider.ground();
            let email = if n % 2 == 0 { "ada@example.org" } else { "ADA@Example.org" };
            let new = NewUser { email: email.into(), ..NewUser::default() };
            async move { users::create(&ground, new, system()).await.is_ok() }
        });
        let made = makers.collect::<JoinSet<_>>().join_all().await;
        assert_eq!(made.iter().filter(|made| **made).count(), 1);
    }

    async fn x_12_of_two_administrators_who_delete_each_other_one_stays(server: TestServer) {
        let admin = |new: &mut NewUser| new.roles = vec!["admin".into()];
        let mut stayed = server.user_with("ada", admin).await.user.id;
        for round in rounds(4) {
            let other = server.user_with(&format!("bea{round}"), admin).await.user.id;
            let [first, second] = [(&stayed, &other), (&other, &stayed)].map(|(who, whom)| {
                let (ground, actor) = (server.provider.ground(), Actor::user(who));
                async move { users::delete(&ground, whom, &actor).await.is_ok() }
            });
            let (first, second) = tokio::join!(first, second);
            assert!(first != second, "{first} {second}");
            if !first {
                stayed = other;
            }
            let ground = server.provider.ground();
            users::delete(&ground, &stayed, system()).await.expect_err("it is the last one");
        }
    }

    async fn x_13_requests_beside_a_sign_out_give_no_code_that_is_good(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.tokens("ada", "openid").await;
        for (_, later) in delays() {
            let page = app.agent.open("/logout").await;
            let askers = (0..16).map(|_| {
                let app = app.clone();
                async move { app.authorize(&[("prompt", "none")]).await.expect_answer() }
            });
            let asking = askers.collect::<JoinSet<_>>();
            wait(later / 5).await;
            app.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
            for answer in asking.join_all().await.into_iter().filter(|answer| answer.has("code")) {
                let code = Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() };
                let reply = app.redeem(&code).await;
                let is_dead = reply.status == 400
                    || !app.is_active(&reply.expect_tokens().access_token).await;
                assert!(is_dead, "after {later} ms");
            }
            app.authorize(&[("prompt", "none")]).await.expect_refusal("login_required");
            let again = app.code("ada", &[]).await;
            app.redeem(&again).await.expect_tokens();
        }
    }
}
