//! H: the device grant.

use crate::support::crypto::claims;
use crate::support::device::{GRANT, set_top_box, television};
use crate::support::{Page, Reply, TestServer, WebApp, both, both_with};
use countersign::storage::housekeeping;
use std::collections::HashSet;
use tokio::task::JoinSet;

const RACERS: usize = 200;

fn forwarded(config: &mut countersign::config::Config) {
    config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
}

fn wrong_code(page: &Page) -> bool {
    page.status == 422 && page.body.contains("This code is not right")
}

/// Codes that can be, none of which is given out in a test.
fn guesses() -> impl Iterator<Item = String> {
    let letters = b"BCDFGHJKLMNPQRSTVWXZ".map(char::from);
    (0_usize..).map(move |n| {
        format!("BBBB-{}{}{}B", letters[n / 400 % 20], letters[n / 20 % 20], letters[n % 20])
    })
}

both! {
    async fn dg_01_each_state_has_its_answer(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        app.poll(&device).await.expect(400, "authorization_pending");
        for _ in 0..3 {
            app.poll(&device).await.expect(400, "slow_down");
        }
        app.let_in("ada", &device).await;
        app.poll(&device).await.expect_tokens();
        app.poll(&device).await.expect(400, "invalid_grant");

        let refused = app.device("openid").await;
        let page = app.meet("ada", &refused).await;
        let page = app.agent.decide(&page, "deny").await;
        assert!(page.body.contains("You refused"), "{}", page.body);
        for _ in 0..2 {
            app.poll(&refused).await.expect(400, "access_denied");
        }

        let late = app.device("openid").await;
        server.clock.advance_seconds(600);
        app.poll(&late).await.expect(400, "expired_token");
    }

    async fn dg_01_who_asks_too_early_waits_five_seconds_longer_each_time(server: TestServer) {
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        app.poll(&device).await.expect(400, "authorization_pending");
        server.clock.advance_seconds(5);
        app.poll(&device).await.expect(400, "authorization_pending");
        server.clock.advance_seconds(4);
        app.poll(&device).await.expect(400, "slow_down");
        server.clock.advance_seconds(9);
        app.poll(&device).await.expect(400, "slow_down");
        server.clock.advance_seconds(15);
        app.poll(&device).await.expect(400, "authorization_pending");
        server.clock.advance_seconds(14);
        app.poll(&device).await.expect(400, "slow_down");
    }

    async fn dg_01_every_instance_knows_when_the_last_question_was(server: TestServer) {
        server.user("ada").await;
        let other = server.beside_if_possible().await;
        let app = WebApp::register_device(&server).await;
        let there = app.turned_to_other(other.as_ref());
        let device = app.device("openid").await;
        app.poll(&device).await.expect(400, "authorization_pending");
        there.poll(&device).await.expect(400, "slow_down");
        there.let_in("ada", &device).await;
        app.poll(&device).await.expect_tokens();
        there.poll(&device).await.expect(400, "invalid_grant");
    }

    async fn dg_01_what_was_allowed_too_late_gives_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let page = app.meet("ada", &device).await;
        server.clock.advance_seconds(600);
        let page = app.agent.decide(&page, "allow").await;
        assert!(page.body.contains("This code was already used"), "{}", page.body);
        app.poll(&device).await.expect(400, "expired_token");

        let device = app.device("openid").await;
        app.let_in("ada", &device).await;
        server.clock.advance_seconds(600);
        app.poll(&device).await.expect(400, "expired_token");
    }

    async fn dg_02_a_code_is_good_for_its_client_alone(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let other = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        other.poll(&device).await.expect(400, "invalid_grant");
        app.let_in("ada", &device).await;
        other.poll(&device).await.expect(400, "invalid_grant");
        other.poll_by("random").await.expect(400, "invalid_grant");
        app.poll(&device).await.expect_tokens();
    }

    async fn dg_02_a_client_with_a_secret_proves_who_it_is(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, set_top_box).await;
        let device = app.device("openid").await;
        app.let_in("ada", &device).await;
        let form = [
            ("grant_type", GRANT), ("device_code", &*device.device_code), ("client_id", &*app.id),
        ];
        let nobody = app.http.post(server.url("/token")).form(&form);
        let nobody = Reply::read(nobody.send().await.expect("an answer")).await;
        nobody.expect(401, "invalid_client");
        let wrong = WebApp { secret: "wrong".into(), ..app.clone() };
        wrong.poll(&device).await.expect(401, "invalid_client");
        wrong.begin(&[("scope", "openid")]).await.expect(401, "invalid_client");
        app.poll(&device).await.expect_tokens();
    }

    async fn dg_02_tk_10_a_value_of_another_kind_is_no_device_code(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types.push(countersign::protocol::client::GrantType::DeviceCode);
        })
        .await;
        let code = app.code("ada", &[]).await;
        let device = app.device("openid").await;
        app.let_in("ada", &device).await;
        app.poll_by(&code.value).await.expect(400, "invalid_grant");
        app.poll_by(&device.user_code).await.expect(400, "invalid_grant");
        let swapped = crate::support::Code { value: device.device_code.clone(), ..code.clone() };
        app.redeem(&swapped).await.expect(400, "invalid_grant");
        app.refresh(&device.device_code).await.expect(400, "invalid_grant");
        app.poll(&device).await.expect_tokens();
        app.redeem(&code).await.expect_tokens();
    }

    async fn dg_03_after_five_wrong_codes_an_address_has_to_wait(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let mut pages = Vec::new();
        for guess in guesses().take(100) {
            pages.push(app.type_code(&guess).await);
        }
        assert!(pages[..5].iter().all(wrong_code), "{}", pages[0].body);
        assert!(pages[5..].iter().all(|page| page.status == 429 && !page.header("retry-after").is_empty()));
        // Another browser there, another session, and the right code, which is not told apart.
        assert_eq!(app.in_another_browser().type_code(&device.user_code).await.status, 429);
        server.clock.advance_seconds(3601);
        let fresh = app.device("openid").await;
        app.let_in("ada", &fresh).await;
        app.poll(&fresh).await.expect_tokens();
    }

    async fn dg_03_right_codes_and_what_is_no_code_are_not_counted(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        for _ in 0..8 {
            let device = app.device("openid").await;
            app.let_in("ada", &device).await;
            assert!(wrong_code(&app.type_code("WDJB").await));
        }
    }

    async fn dg_03_nothing_tells_a_used_an_old_and_an_unknown_code_apart(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_device(&server).await;
        let old = app.device("openid").await;
        server.clock.advance_seconds(600);
        let used = app.device("openid").await;
        app.let_in("ada", &used).await;
        let mut shown = HashSet::new();
        for code in [&*old.user_code, &*used.user_code, "BBBB-BBBB"] {
            let page = app.type_code(code).await;
            assert!(wrong_code(&page), "{}", page.body);
            let plain = page.body.replace(code, "").replace(&page.hidden("csrf"), "");
            shown.insert(plain.split("request-code").next().map(str::to_owned));
        }
        assert_eq!(shown.len(), 1);
    }

    async fn dg_03_an_address_with_a_code_tells_nobody_whether_it_is_good(server: TestServer) {
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let good = app.agent.get(&device.complete).await;
        let unknown = app.agent.get("/device?user_code=BBBB-BBBB").await;
        assert_eq!((good.status, unknown.status), (200, 200));
        assert!(!good.body.contains("Television"));
        for _ in 0..20 {
            assert_eq!(app.agent.get("/device?user_code=BBBB-BBBC").await.status, 200);
        }
    }

    async fn dg_03_a_form_from_elsewhere_is_refused(server: TestServer) {
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let code = [("user_code", &*device.user_code)];
        assert_eq!(app.agent.post("/device", &code).await.status, 403);
        let page = app.agent.get("/device").await;
        let csrf = page.hidden("csrf");
        let forged = [("user_code", &*device.user_code), ("csrf", "forged")];
        assert_eq!(app.agent.post("/device", &forged).await.status, 403);
        let mine = [("user_code", &*device.user_code), ("csrf", &*csrf)];
        assert_eq!(app.in_another_browser().agent.post("/device", &mine).await.status, 403);
        assert_eq!(app.agent.post("/device", &mine).await.status, 303);
    }

    async fn dg_04_ec_08_a_link_with_a_code_never_suffices(server: TestServer) {
        server.user("ada").await;
        for trusted in [false, true] {
            let app = WebApp::register_as(&server, |draft| {
                television(draft);
                draft.policy.skip_consent = trusted;
            })
            .await;
            // Signed in, and has allowed the same app before.
            let first = app.device("openid").await;
            app.let_in("ada", &first).await;
            let device = app.device("openid").await;
            let page = app.agent.open(&device.complete).await;
            assert!(page.has_id("device-submit") && !page.hidden("csrf").is_empty(), "{}", page.body);
            assert!(page.body.contains(&device.user_code));
            app.poll(&device).await.expect(400, "authorization_pending");

            let page = app.agent.submit(&page, "/device", &[("user_code", &device.user_code)]).await;
            page.expect_consent();
            for words in [
                "Television", &*device.user_code, "127.0.0.1",
                "Only continue if you see this code on your own device.",
            ] {
                assert!(page.body.contains(words), "{words}: {}", page.body);
            }
            server.clock.advance_seconds(5);
            app.poll(&device).await.expect(400, "authorization_pending");
            // Not by GET, and not without the token of the page.
            let txn = page.hidden("txn");
            app.agent.get(&format!("/consent?txn={txn}&decision=allow")).await;
            let forged = [("txn", &*txn), ("decision", "allow")];
            assert_eq!(app.agent.post("/consent", &forged).await.status, 403);
            server.clock.advance_seconds(5);
            app.poll(&device).await.expect(400, "authorization_pending");
            app.agent.decide(&page, "allow").await;
            app.poll(&device).await.expect_tokens();
        }
    }

    async fn dg_05_the_first_decision_stands(server: TestServer) {
        let ada = server.user("ada").await;
        server.user("bob").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let theirs = app.in_another_browser();
        let of_ada = app.meet("ada", &device).await;
        let of_bob = theirs.meet("bob", &device).await;
        let again = app.agent.decide(&of_ada, "allow").await;
        assert!(again.body.contains("Your device is connected"), "{}", again.body);
        for (agent, page, decision) in [
            (&theirs.agent, &of_bob, "allow"), (&theirs.agent, &of_bob, "deny"),
            (&app.agent, &of_ada, "allow"), (&app.agent, &of_ada, "deny"),
        ] {
            let page = agent.decide(page, decision).await;
            assert!(page.body.contains("This code was already used"), "{}", page.body);
            assert_eq!(page.status, 409);
        }
        let tokens = app.poll(&device).await.expect_tokens();
        assert_eq!(claims(&tokens.access_token)["sub"], *ada.user.id);
    }

    async fn dg_05_nobody_allows_what_was_denied(server: TestServer) {
        server.user("ada").await;
        server.user("bob").await;
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let theirs = app.in_another_browser();
        let of_ada = app.meet("ada", &device).await;
        let of_bob = theirs.meet("bob", &device).await;
        app.agent.decide(&of_ada, "deny").await;
        let page = theirs.agent.decide(&of_bob, "allow").await;
        assert!(page.body.contains("This code was already used"), "{}", page.body);
        app.poll(&device).await.expect(400, "access_denied");
    }

    async fn dg_05_of_two_who_allow_at_once_one_is_the_subject(server: TestServer) {
        let (ada, bob) = (server.user("ada").await, server.user("bob").await);
        let app = WebApp::register_device(&server).await;
        for _ in 0..5 {
            let device = app.device("openid").await;
            let (mine, theirs) = (app.in_another_browser(), app.in_another_browser());
            let of_ada = mine.meet("ada", &device).await;
            let of_bob = theirs.meet("bob", &device).await;
            let (first, second) = tokio::join!(
                mine.agent.decide(&of_ada, "allow"), theirs.agent.decide(&of_bob, "allow")
            );
            let connected = |page: &Page| page.body.contains("Your device is connected");
            assert_ne!(connected(&first), connected(&second));
            let winner = if connected(&first) { &ada } else { &bob };
            let tokens = app.poll(&device).await.expect_tokens();
            assert_eq!(claims(&tokens.access_token)["sub"], *winner.user.id);
        }
    }

    async fn c_04_dg_06_of_two_hundred_who_ask_at_once_one_gets_tokens(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, set_top_box).await;
        let device = app.device("openid offline_access").await;
        app.let_in("ada", &device).await;
        let tasks = (0..RACERS).map(|_| {
            let (app, device) = (app.clone(), device.clone());
            async move { app.poll(&device).await }
        });
        let replies = tasks.collect::<JoinSet<_>>().join_all().await;
        let (winners, losers): (Vec<_>, Vec<_>) =
            replies.iter().partition(|reply| reply.status == 200);
        losers.iter().for_each(|reply| reply.expect(400, "invalid_grant"));
        assert_eq!(winners.len(), 1);
        // A device that asks twice is no thief: what it has stays good.
        let tokens = winners[0].expect_tokens();
        assert!(app.is_active(&tokens.access_token).await);
        app.refresh(&tokens.refresh_token).await.expect_tokens();
    }

    async fn dg_07_what_a_client_may_not_ask_for_is_refused(server: TestServer) {
        let app = WebApp::register_device(&server).await;
        for scope in ["openid admin", "orders:write", "open\"id"] {
            app.begin(&[("scope", scope)]).await.expect(400, "invalid_scope");
        }
        app.begin(&[("scope", "openid"), ("scope", "email")]).await.expect(400, "invalid_request");
        app.begin(&[("resource", "https://nowhere.example")]).await.expect(400, "invalid_target");
        let details = [("authorization_details", r#"[{"type":"payment"}]"#)];
        app.begin(&details).await.expect(400, "invalid_authorization_details");
        app.begin(&[("claims", "{")]).await.expect(400, "invalid_request");
        let nobody = WebApp { id: "nobody".into(), ..app.clone() };
        nobody.begin(&[("scope", "openid")]).await.expect(401, "invalid_client");
        let web = WebApp::register(&server).await;
        web.begin(&[("scope", "openid")]).await.expect(400, "unauthorized_client");
        let get = Reply::read(app.http.get(server.url("/device_authorization")).send().await.expect("an answer")).await;
        assert_eq!(get.status, 405);
    }

    async fn dg_07_who_asks_for_too_many_codes_has_to_wait(server: TestServer) {
        let app = WebApp::register_device(&server).await;
        for _ in 0..30 {
            app.device("openid").await;
        }
        let refused = app.begin(&[("scope", "openid")]).await;
        refused.expect(429, "temporarily_unavailable");
        assert!(!refused.header("retry-after").is_empty());
        // Not in the name of another app.
        WebApp::register_device(&server).await.device("openid").await;
        server.clock.advance_seconds(61);
        app.device("openid").await;
    }

    async fn dg_07_old_requests_are_removed(server: TestServer) {
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let sweep = async || {
            let now = server.provider.now();
            let swept = server.provider.db.write(move |conn| housekeeping::delete_expired(conn, now));
            swept.await.expect("it can be swept")
        };
        server.clock.advance_seconds(601);
        sweep().await;
        app.poll(&device).await.expect(400, "expired_token");
        server.clock.advance_seconds(3600 + 600);
        assert!(sweep().await > 0);
        app.poll(&device).await.expect(400, "invalid_grant");
    }
}

both_with! { forwarded;
    async fn dg_03_a_thousand_addresses_find_nothing(server: TestServer) {
        let app = WebApp::register_device(&server).await;
        let device = app.device("openid").await;
        let page = app.agent.get("/device").await;
        let csrf = page.hidden("csrf");
        for (n, guess) in guesses().take(1000).enumerate() {
            let address = format!("198.51.{}.{}", n / 250, n % 250);
            let form = [("csrf", &*csrf), ("user_code", &*guess)];
            let request = app.agent.http.post(server.url("/device")).form(&form);
            let sent = request.header("x-forwarded-for", &address).send().await.expect("an answer");
            assert!(wrong_code(&Page::read(sent).await));
        }
        app.poll(&device).await.expect(400, "authorization_pending");
    }
}
