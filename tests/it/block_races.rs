//! A block beside whatever gives tokens: none comes after it, and none from before outlives it.

use crate::support::crypto::claims;
use crate::support::device::{Device, set_top_box};
use crate::support::{Code, Reply, TestServer, Tokens, VERIFIER, WebApp, both, rounds};
use countersign::domain::identity::users::Account;
use countersign::protocol::revocation::TokenFacts;
use countersign::protocol::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Barrier, watch};
use tokio::task::JoinSet;

const SCOPE: &str = "openid offline_access";
const RACERS: usize = 4;
/// How many requests each of them makes, one after the other.
const EACH: usize = 4;

/// One way to a token.
#[derive(Clone)]
enum Way {
    Code(Code),
    Refresh(String),
    Poll(Device),
}

impl Way {
    async fn go(&self, app: &WebApp) -> Reply {
        match self {
            Self::Code(code) => app.redeem(code).await,
            Self::Refresh(token) => app.refresh(token).await,
            Self::Poll(device) => app.poll(device).await,
        }
    }

    /// RFC 6749 §5.2. Devices are told that access was denied (RFC 8628 §3.5), unless the block came while
    /// their tokens were made.
    fn expect_refused(&self, reply: &Reply) {
        assert_eq!(reply.status, 400, "{}", reply.text);
        match (self, reply.json["error"].as_str()) {
            (Self::Poll(_), Some("access_denied")) | (_, Some("invalid_grant")) => {}
            _ => panic!("{}", reply.text),
        }
    }
}

/// Blocks in the middle of all that; gives the tokens that came of it, after a look at each of them.
async fn block_among(
    server: &TestServer,
    app: &WebApp,
    ada: &Account,
    ways: Vec<Way>,
    round: u64,
) -> Vec<Tokens> {
    let start = Arc::new(Barrier::new(RACERS + 1));
    let over = Arc::<AtomicBool>::default();
    let racers = ways.chunks(EACH).map(<[Way]>::to_vec).map(|ways| {
        let (app, start, over) = (app.clone(), start.clone(), over.clone());
        async move {
            let mut given = Vec::new();
            start.wait().await;
            for way in ways {
                let is_late = over.load(Ordering::SeqCst);
                match way.go(&app).await {
                    reply if reply.status == 200 => {
                        assert!(!is_late, "a token after the block");
                        given.push(reply.expect_tokens());
                    }
                    reply => way.expect_refused(&reply),
                }
            }
            given
        }
    });
    let racing = racers.collect::<JoinSet<_>>();
    start.wait().await;
    tokio::time::sleep(Duration::from_millis(round * 13 % 90)).await;
    server.block(ada).await;
    over.store(true, Ordering::SeqCst);
    let given = racing.join_all().await.concat();
    for tokens in &given {
        assert!(!app.is_active(&tokens.access_token).await, "round {round}");
    }
    server.unblock(ada).await;
    given
}

/// Within a second the list names each of them, so that services refuse them by themselves.
async fn expect_listed(server: &TestServer, given: &[Tokens]) {
    server.settle().await;
    let list = server.provider.revocation.list();
    let list = list.read().expect("no panic");
    for tokens in given {
        let claims = claims(&tokens.access_token);
        let text = |name: &str| claims[name].as_str().unwrap_or_default();
        let facts = TokenFacts {
            jti: text("jti"),
            subject: text("sub"),
            client_id: text("client_id"),
            sid: claims["sid"].as_str(),
            kid: None,
            issued_at: Timestamp::from_unix(claims["iat"].as_i64().expect("a number")),
        };
        assert!(list.is_revoked(&facts), "{claims}");
    }
}

/// Blocks somebody among racers who each have a way to tokens, round after round.
async fn expect_nothing_alive(server: &TestServer, way: impl AsyncFn(&WebApp) -> Way) {
    let ada = server.user("ada").await;
    let app = WebApp::register(server).await;
    let mut given = Vec::new();
    for round in rounds(4) {
        let mut ways = Vec::new();
        for _ in 0..RACERS * EACH {
            ways.push(way(&app).await);
        }
        given.extend(block_among(server, &app, &ada, ways, round).await);
    }
    assert!(!given.is_empty(), "some came before the block");
    expect_listed(server, &given).await;
}

both! {
    async fn x_04_ad_09_a_block_beside_code_exchanges_leaves_nothing_alive(server: TestServer) {
        expect_nothing_alive(&server, async |app| {
            Way::Code(app.log_in_and_consent("ada", "openid").await)
        })
        .await;
    }

    async fn x_04_ad_09_a_block_beside_refreshes_leaves_nothing_alive(server: TestServer) {
        expect_nothing_alive(&server, async |app| {
            Way::Refresh(app.tokens("ada", SCOPE).await.refresh_token)
        })
        .await;
    }

    async fn x_04_ad_09_a_block_beside_devices_that_ask_leaves_nothing_alive(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register_as(&server, set_top_box).await;
        let mut given = Vec::new();
        for round in rounds(2) {
            let mut ways = Vec::new();
            for _ in 0..RACERS * EACH {
                let device = app.device("openid").await;
                app.let_in("ada", &device).await;
                ways.push(Way::Poll(device));
            }
            given.extend(block_among(&server, &app, &ada, ways, round).await);
            server.clock.advance_seconds(600);
        }
        assert!(!given.is_empty(), "some came before the block");
    }

    /// All in one second, as the clock stands still: who signs in once the block is lifted has good tokens,
    /// and what came before the block is refused.
    async fn x_15_who_signs_in_again_beside_a_block_has_good_tokens(server: TestServer) {
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        for round in rounds(3) {
            let old = app.tokens("ada", "openid").await;
            let (lifted, is_lifted) = watch::channel(false);
            let racers = (0..3).map(|_| {
                let (app, mut is_lifted) = (app.clone(), is_lifted.clone());
                async move {
                    let between = sign_in(&app).await;
                    is_lifted.wait_for(|lifted| *lifted).await.expect("it is lifted");
                    (between, sign_in(&app).await.expect("nothing stands against it"))
                }
            });
            let racing = racers.collect::<JoinSet<_>>();
            tokio::time::sleep(Duration::from_millis(round * 37 % 300)).await;
            server.block(&ada).await;
            server.unblock(&ada).await;
            lifted.send(true).expect("they wait");
            for (between, new) in racing.join_all().await {
                assert!(app.is_active(&new.access_token).await, "round {round}");
                assert_eq!(app.userinfo(&new.access_token).await.status, 200);
                // Whichever it is, all who are asked say the same of it.
                if let Some(between) = between {
                    let status = app.userinfo(&between.access_token).await.status;
                    let is_active = app.is_active(&between.access_token).await;
                    assert_eq!(status, if is_active { 200 } else { 401 });
                }
            }
            assert!(!app.is_active(&old.access_token).await, "round {round}");
            server.clock.advance_seconds(600);
        }
    }
}

/// Signs in with a new browser; what is refused on the way gives nothing.
async fn sign_in(app: &WebApp) -> Option<Tokens> {
    let app = app.in_another_browser();
    let page = app.authorize(&[]).await;
    let mut page = app.agent.log_in(&page, "ada").await;
    if page.has_id("consent-allow") {
        page = app.agent.decide(&page, "allow").await;
    }
    let value = page.answer().filter(|answer| answer.has("code"))?.get("code").to_owned();
    let reply = app.redeem(&Code { value, verifier: VERIFIER.into() }).await;
    (reply.status == 200).then(|| reply.expect_tokens())
}
