//! What the pages show of a client (OpenID Connect Registration §2), and sign-ins that start here
//! (OpenID Connect Core §4).

use crate::support::test_server::system;
use crate::support::{Site, TestServer, WebApp, both, both_with};
use countersign::domain::clients::management;

fn own_machine(config: &mut countersign::config::Config) {
    config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

/// A picture of one pixel, as GIF.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\
    \x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

async fn with_logo(server: &TestServer, uri: String) -> WebApp {
    WebApp::register_as(server, |draft| draft.metadata.logo_uri = Some(uri)).await
}

async fn picture(app: &WebApp, path: &str) -> (u16, String, String, Vec<u8>) {
    let answer = app.http.get(format!("{}{path}", app.base)).send().await.expect("an answer");
    let header = |name: &str| {
        let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (kind, policy) = (header("content-type"), header("content-security-policy"));
    let status = answer.status().as_u16();
    (status, kind, policy, answer.bytes().await.expect("a body").to_vec())
}

both_with! { own_machine;
    async fn i8_the_pages_show_the_logo_from_our_own_origin(server: TestServer) {
        server.user("ada").await;
        let site = Site::start().await;
        let app = with_logo(&server, site.put("/logo.gif", "image/gif", PIXEL)).await;
        let path = format!("/logo/{}?v=", app.id);
        let login = app.authorize(&[]).await;
        let consent = app.agent.log_in(&login, "ada").await;
        consent.expect_consent();
        for page in [&login, &consent] {
            assert!(page.body.contains(&format!("<img class=\"logo\" src=\"{path}")), "{}", page.body);
            assert!(!page.body.contains(&site.base));
        }
        // The page asks nobody for it; whoever shows it does, once.
        assert_eq!(site.asked(), 0);
        for _ in 0..3 {
            let (status, kind, policy, body) = picture(&app, &format!("/logo/{}", app.id)).await;
            assert_eq!((status, kind.as_str()), (200, "image/png"));
            assert!(policy.contains("sandbox") && body.starts_with(b"\x89PNG"), "{policy}");
        }
        assert_eq!(site.asked(), 1);
    }

    async fn i8_what_is_no_picture_is_replaced_by_letters(server: TestServer) {
        let site = Site::start().await;
        let script = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
        let before = site.asked();
        for uri in [
            site.put("/logo.svg", "image/svg+xml", script),
            site.put("/page.png", "image/png", "<html><script>alert(1)</script>"),
            format!("{}/missing.png", site.base),
            "https://10.0.0.1/inside.png".to_owned(),
        ] {
            let app = with_logo(&server, uri).await;
            for _ in 0..3 {
                let (status, kind, _, body) = picture(&app, &format!("/logo/{}", app.id)).await;
                assert_eq!((status, kind.as_str()), (200, "image/svg+xml"));
                let body = String::from_utf8(body).expect("text");
                assert!(body.contains(">S<") && !body.contains("alert"), "{body}");
            }
        }
        assert_eq!(site.asked() - before, 3);
        let app = WebApp::register(&server).await;
        assert_eq!(picture(&app, "/logo/unknown").await.0, 404);
    }
}

both! {
    async fn i8_the_pages_link_to_policy_and_terms(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.policy_uri = Some("https://app.example/privacy".into());
            draft.metadata.tos_uri = Some("https://app.example/terms".into());
        })
        .await;
        let login = app.authorize(&[]).await;
        let consent = app.agent.log_in(&login, "ada").await;
        consent.expect_consent();
        for page in [login, consent] {
            for link in ["https://app.example/privacy", "https://app.example/terms"] {
                assert!(page.body.contains(&format!("href=\"{link}\"")), "{}", page.body);
            }
        }
    }

    async fn n6_a_sign_in_can_be_started_from_our_pages(server: TestServer) {
        let ada = server.user_with("ada", |new| new.roles = vec!["admin".into()]).await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.initiate_login_uri = Some("https://app.example/start?x=1".into());
        })
        .await;
        let issuer: String = url::form_urlencoded::byte_serialize(server.issuer().as_bytes()).collect();
        let start = format!("href=\"https://app.example/start?x=1&#38;iss={issuer}\"");
        app.code("ada", &[]).await;
        for path in ["/account/apps".to_owned(), format!("/admin/clients/{}", app.id)] {
            let page = app.agent.get(&path).await;
            assert!(page.body.contains(&start), "{path}: {}", page.body);
            assert_eq!(page.header("referrer-policy"), "no-referrer");
            assert!(!page.body.contains(&format!("login_hint={}", ada.user.id)));
        }
        let ground = server.provider.ground();
        management::disable(&ground, &app.id, system()).await.expect("it can be disabled");
        server.settle().await;
        let page = app.agent.get(&format!("/admin/clients/{}", app.id)).await;
        assert!(!page.body.contains("https://app.example/start?x=1&#38;iss"));
    }

    async fn n6_an_address_that_is_not_https_is_not_registered(server: TestServer) {
        let ground = server.provider.ground();
        for uri in ["http://app.example/start", "javascript:alert(1)", "/start", "app:/start"] {
            let mut draft = crate::support::web_app::draft();
            draft.metadata.initiate_login_uri = Some(uri.to_owned());
            assert!(management::create(&ground, draft, system()).await.is_err(), "{uri}");
        }
    }

    async fn every_setting_can_be_seen_and_changed_in_the_admin_pages(server: TestServer) {
        server.user_with("ada", |new| new.roles = vec!["admin".into()]).await;
        let app = WebApp::register(&server).await;
        app.agent.sign_in("ada").await;
        let path = format!("/admin/clients/{}/settings", app.id);
        let page = app.agent.get(&path).await;
        assert!(page.has_id("settings-save"), "{}", page.body);
        let csrf = page.hidden("csrf");
        let form = [
            ("csrf", csrf.as_str()), ("response_types", "code"),
            ("subject_type", "pairwise"), ("policy_uri", "https://app.example/privacy"),
            ("default_acr_values", "1 2"), ("default_max_age", "60"), ("require_auth_time", "1"),
            ("userinfo_signed_response_alg", "ES256"),
        ];
        let saved = app.agent.post(&path, &form).await;
        assert_eq!(saved.status, 303, "{}", saved.body);
        let ground = server.provider.ground();
        let client = management::find(&ground, &app.id).await.unwrap().unwrap();
        let metadata = serde_json::to_value(&client.metadata).unwrap();
        assert_eq!(metadata["subject_type"], "pairwise");
        assert_eq!(metadata["policy_uri"], "https://app.example/privacy");
        assert_eq!(metadata["default_acr_values"], serde_json::json!(["1", "2"]));
        assert_eq!((&metadata["default_max_age"], &metadata["require_auth_time"]), (&60.into(), &true.into()));
        assert_eq!(metadata["userinfo_signed_response_alg"], "ES256");
        assert_eq!(client.metadata.redirect_uris, ["https://app.example/cb"]);
        let wrong = [
            ("csrf", csrf.as_str()), ("response_types", "code"), ("subject_type", "public"),
            ("default_max_age", "soon"), ("logo_uri", "http://app.example/logo"),
        ];
        let refused = app.agent.post(&path, &wrong).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert!(refused.body.contains("value=\"soon\""));
        let after = management::find(&ground, &app.id).await.unwrap().unwrap();
        assert_eq!(after.metadata, client.metadata);
    }
}
