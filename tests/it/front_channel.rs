//! Sign-out through the browser: frames that tell apps (OpenID Connect Front-Channel Logout 1.0), and
//! the frame in which apps look (OpenID Connect Session Management 1.0).

use crate::support::crypto::claims;
use crate::support::{Agent, Page, Reply, TestServer, WebApp, both, both_with};
use countersign::domain::clients::management::{self, ClientError};
use countersign::protocol::client::SubjectType;
use serde_json::Value;
use sha2::{Digest, Sha256};

const BACK: (&str, &str) = ("post_logout_redirect_uri", "https://app.example/out");
const FRAME: &str = "https://app.example/frame?a=%2F+b";

async fn framed(server: &TestServer) -> WebApp {
    framed_at(server, FRAME, "https://app.example/cb").await
}

async fn framed_at(server: &TestServer, frame: &str, redirect_uri: &str) -> WebApp {
    WebApp::register_as(server, |draft| {
        draft.metadata.logout.frontchannel_logout_uri = Some(frame.to_owned());
        draft.metadata.redirect_uris = vec![redirect_uri.to_owned()];
    })
    .await
}

async fn sign_out(app: &WebApp, params: &[(&str, &str)]) -> Page {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    app.agent.open(&format!("/logout?{}", query.extend_pairs(params).finish())).await
}

/// The addresses that a page frames.
fn frames(page: &Page) -> Vec<String> {
    let frames = page.body.split("<iframe src=\"").skip(1);
    frames
        .map(|rest| crate::support::agent::unescape(rest.split('"').next().expect("it ends")))
        .collect()
}

fn frame_src(page: &Page) -> String {
    let policy = page.header("content-security-policy");
    let source = policy.split("; ").find_map(|part| part.strip_prefix("frame-src "));
    source.unwrap_or_default().to_owned()
}

async fn document(app: &WebApp) -> Value {
    let url = format!("{}/.well-known/openid-configuration", app.base);
    Reply::read(app.http.get(url).send().await.expect("an answer")).await.json
}

/// The calculation of Session Management §2, from what the browser keeps.
fn expected_state(client_id: &str, here: &str, salt: &str) -> String {
    let hash = Sha256::digest(format!("{client_id} https://app.example {here} {salt}"));
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.{salt}")
}

/// The cookie that scripts can read, as a response sets it.
fn state_cookie(page: &Page) -> Option<String> {
    let mut set = page.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let cookie = set.rfind(|line| line.starts_with("countersign-state="))?;
    Some(cookie.to_owned())
}

async fn sign_in(agent: &Agent, page: &Page) -> (Page, String) {
    let form = [
        ("csrf", &*page.hidden("csrf")),
        ("txn", &*page.hidden("txn")),
        ("username", "ada"),
        ("password", crate::support::test_server::PASSWORD),
    ];
    let signed_in = agent.post("/login", &form).await;
    let cookie = state_cookie(&signed_in).expect("a state is set");
    let value = cookie["countersign-state=".len()..].split(';').next().expect("a value").to_owned();
    assert!(!cookie.contains("HttpOnly"), "{cookie}");
    (agent.follow(signed_in).await, value)
}

both! {
    async fn l8_the_page_loads_the_pages_of_apps_and_then_leads_on(server: TestServer) {
        server.user("ada").await;
        let app = framed(&server).await;
        let other = framed_at(&server, "https://other.example:8443/x", "https://other.example:8443/cb")
            .await
            .in_browser_of(&app);
        let id_token = app.tokens("ada", "openid").await.id_token;
        other.tokens("ada", "openid").await;
        let page = sign_out(&app, &[("id_token_hint", &id_token), BACK, ("state", "x y")]).await;
        assert_eq!(page.status, 200);
        let sid = claims(&id_token)["sid"].as_str().expect("a session").to_owned();
        let issuer: String = url::form_urlencoded::byte_serialize(server.issuer().as_bytes()).collect();
        let mut loaded = frames(&page);
        loaded.sort_unstable();
        let expected = [
            format!("{FRAME}&iss={issuer}&sid={sid}"),
            format!("https://other.example:8443/x?iss={issuer}&sid={sid}"),
        ];
        assert_eq!(loaded, expected);
        assert_eq!(frame_src(&page), "https://app.example https://other.example:8443");
        assert!(page.header("refresh").starts_with("2;url="), "{:?}", page.headers);
        let answer = page.expect_answer();
        assert_eq!((answer.to.as_str(), answer.get("state")), (BACK.1, "x y"));
        assert!(!app.authorize(&[("prompt", "none")]).await.expect_answer().has("code"));
    }

    async fn l8_after_a_question_the_apps_are_told_as_well(server: TestServer) {
        server.user("ada").await;
        let app = framed(&server).await;
        app.tokens("ada", "openid").await;
        let page = sign_out(&app, &[]).await;
        assert!(page.has_id("logout-confirm") && frames(&page).is_empty());
        let page = app.agent.submit(&page, "/logout", &[("decision", "logout")]).await;
        assert_eq!(frames(&page).len(), 1);
        assert!(page.answer().is_none() && page.header("refresh").is_empty());
        assert!(page.body.contains("You are signed out"));
    }

    async fn l8_a_pairwise_app_is_told_by_its_own_sid(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.logout.frontchannel_logout_uri = Some(FRAME.to_owned());
            draft.metadata.subject_type = SubjectType::Pairwise;
        })
        .await;
        let id_token = app.tokens("ada", "openid").await.id_token;
        let page = sign_out(&app, &[("id_token_hint", &id_token), BACK]).await;
        let sid = claims(&id_token)["sid"].as_str().expect("a session").to_owned();
        assert!(frames(&page)[0].ends_with(&format!("&sid={sid}")), "{:?}", frames(&page));
    }

    async fn l8_nobody_is_framed_who_was_not_in_the_session(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let elsewhere = framed(&server).await;
        elsewhere.tokens("ada", "openid").await;
        let id_token = app.tokens("ada", "openid").await.id_token;
        let page = sign_out(&app, &[("id_token_hint", &id_token), BACK]).await;
        assert_eq!(page.status, 303);
        assert!(frames(&page).is_empty() && frame_src(&page).is_empty());
        let again = sign_out(&elsewhere.in_browser_of(&app), &[("client_id", &elsewhere.id)]).await;
        assert!(frames(&again).is_empty(), "nobody is signed in here any more");
    }

    async fn a_frame_is_of_the_origin_of_the_app(server: TestServer) {
        let ground = server.provider.ground();
        for uri in [
            "https://evil.example/frame", "http://app.example/frame", "https://app.example:444/f",
            "https://app.example/f#x", "javascript:alert(1)", "https://app.example;script-src/x",
        ] {
            let mut draft = crate::support::web_app::draft();
            draft.metadata.logout.frontchannel_logout_uri = Some(uri.to_owned());
            let system = crate::support::test_server::system();
            let made = management::create(&ground, draft, system).await;
            assert!(matches!(made, Err(ClientError::Invalid(_))), "{uri}");
        }
    }

    async fn l9_while_it_is_off_there_is_no_frame_and_no_state(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        assert!(document(&app).await.get("check_session_iframe").is_none());
        assert_eq!(app.agent.get("/session/check").await.status, 404);
        assert_eq!(app.agent.get("/session/state").await.status, 404);
        let page = app.authorize(&[]).await;
        let form = [
            ("csrf", &*page.hidden("csrf")), ("txn", &*page.hidden("txn")),
            ("username", "ada"), ("password", crate::support::test_server::PASSWORD),
        ];
        let signed_in = app.agent.post("/login", &form).await;
        assert_eq!(state_cookie(&signed_in), None);
        let page = app.agent.follow(signed_in).await;
        assert!(!app.agent.decide(&page, "allow").await.expect_answer().has("session_state"));
    }
}

both_with! { |config| config.features.session_management = true;
    async fn l9_every_answer_says_the_state_of_the_browser(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let checked = |answer: &crate::support::Answer, here: &str| {
            let state = answer.get("session_state").to_owned();
            let salt = state.split_once('.').expect("it has a salt").1;
            assert_eq!(state, expected_state(&app.id, here, salt));
        };
        // Nobody is here, and an error says so.
        let nobody = app.authorize(&[("prompt", "none")]).await.expect_answer();
        assert_eq!(nobody.get("error"), "login_required");
        checked(&nobody, "");
        // A request that is wrong says it as well.
        let wrong = app.authorize(&[("response_type", "nonsense")]).await.expect_answer();
        checked(&wrong, "");
        let (page, here) = sign_in(&app.agent, &app.authorize(&[]).await).await;
        checked(&app.agent.decide(&page, "allow").await.expect_answer(), &here);
        let again = app.authorize(&[("prompt", "none")]).await.expect_answer();
        assert!(again.has("code"));
        checked(&again, &here);
        // After the sign-out it is another.
        let out = sign_out(&app, &[]).await;
        app.agent.submit(&out, "/logout", &[("decision", "logout")]).await;
        checked(&app.authorize(&[("prompt", "none")]).await.expect_answer(), "");
    }

    async fn l9_a_session_that_ended_elsewhere_is_seen(server: TestServer) {
        for way in ["stays", "idle", "ended", "blocked"] {
            let ada = server.user(way).await;
            let agent = Agent::new(&server);
            assert_eq!(agent.get("/session/state").await.status, 204);
            agent.sign_in(way).await;
            let fresh = agent.get("/session/state").await;
            assert_eq!((fresh.status, state_cookie(&fresh)), (204, None), "{way}");
            match way {
                "idle" => server.clock.advance_seconds(13 * 3600),
                "ended" => {
                    let other = Agent::new(&server);
                    other.sign_in(way).await;
                    let page = other.get("/account/devices/others/sign-out").await;
                    let page = other.submit(&page, "/account/devices/others/sign-out", &[]).await;
                    assert!(page.status < 400, "{}", page.status);
                }
                "blocked" => server.block(&ada).await,
                _ => {}
            }
            let seen = agent.get("/session/state").await;
            assert_eq!(seen.status, 204);
            assert_eq!(seen.header("cache-control"), "no-store");
            let taken = state_cookie(&seen).is_some_and(|cookie| cookie.contains("Max-Age=0"));
            assert_eq!(taken, way != "stays", "{way}");
            assert_eq!(state_cookie(&agent.get("/session/state").await), None, "{way}");
        }
    }

    async fn l9_a_state_that_is_not_ours_is_taken_away(server: TestServer) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        for made_up in ["x", "", &"a".repeat(200)] {
            let request = client.get(server.url("/session/state"));
            let request = request.header("cookie", format!("countersign-state={made_up}"));
            let reply = request.send().await.expect("an answer");
            assert_eq!(reply.status(), 204);
            let set = reply.headers().get("set-cookie").and_then(|value| value.to_str().ok());
            assert_eq!(set.is_some_and(|set| set.contains("Max-Age=0")), !made_up.is_empty());
        }
    }

    async fn l9_the_frame_may_stand_on_every_page_and_can_do_nothing_else(server: TestServer) {
        let app = WebApp::register(&server).await;
        let uri = document(&app).await["check_session_iframe"].as_str().expect("an address").to_owned();
        assert_eq!(uri, format!("{}/session/check", server.issuer()));
        let frame = app.agent.get("/session/check").await;
        assert_eq!(frame.status, 200);
        let policy = frame.header("content-security-policy");
        assert!(policy.contains("frame-ancestors *") && policy.contains("default-src 'none'"));
        assert!(frame.header("x-frame-options").is_empty());
        // And no other page may.
        let login = app.agent.get("/login").await;
        assert!(login.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(login.header("x-frame-options"), "DENY");
    }
}
