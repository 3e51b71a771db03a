//! B: redirect URIs.

use crate::support::requests::push;
use crate::support::test_server::system;
use crate::support::web_app::draft;
use crate::support::{TestServer, WebApp, both};
use countersign::domain::clients::management::{self, ClientError};
use countersign::protocol::client::ApplicationType;

/// At the authorization endpoint, and where requests are pushed.
async fn refuses(app: &WebApp, uris: &[&str]) {
    for uri in uris {
        let page = app.authorize(&[("redirect_uri", uri)]).await;
        assert_eq!(page.status, 400, "{uri}");
        page.expect_error_page();
        push(app, &[("redirect_uri", uri)]).await.expect(400, "invalid_request");
    }
}

async fn registers(server: &TestServer, uri: &str, kind: ApplicationType) -> bool {
    let mut draft = draft();
    draft.metadata.redirect_uris = vec![uri.into()];
    draft.metadata.application_type = kind;
    match management::create(&server.provider.ground(), draft, system()).await {
        Ok(_) => true,
        Err(ClientError::Invalid(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

both! {
    async fn ru_01_a_path_is_compared_byte_for_byte(server: TestServer) {
        let app = WebApp::register(&server).await;
        refuses(&app, &[
            "https://app.example/cb/", "https://app.example/CB", "https://app.example/cb?x=1",
            "https://app.example/cb#f", "https://app.example/cb/../cb",
            "https://app.example/%63b", "https://app.example/cb%2f..",
            "https://app.example/cb;/..;/x", "https://app.example/cb\\",
            "https://app.example/cb\r\n", "https://app.example/cb ", " https://app.example/cb",
        ])
        .await;
        let url = app.authorize_url(&[("redirect_uri", "")]);
        let nul = format!("{url}&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%00");
        app.agent.open(&nul).await.expect_error_page();
    }

    async fn ru_02_an_authority_is_compared_byte_for_byte(server: TestServer) {
        let app = WebApp::register(&server).await;
        refuses(&app, &[
            "https://app.example@evil.example/cb", "https://evil.example\\@app.example/cb",
            "https://a@b@app.example/cb", "https://app.example:443/cb", "https://APP.example/cb",
            "https://app.example./cb", "https://xn--app-.example/cb", "https://\u{430}pp.example/cb",
        ])
        .await;
    }

    async fn ru_03_no_part_of_an_address_matches(server: TestServer) {
        let app = WebApp::register(&server).await;
        refuses(&app, &[
            "https://app.example.evil.example/cb", "https://evilapp.example/cb",
            "//evil.example/cb", "/cb", "http://app.example/cb", "https://app.example",
            "javascript:alert(1)", "data:text/html,x",
        ])
        .await;
    }

    async fn ru_04_a_scheme_that_runs_script_is_not_registered(server: TestServer) {
        for uri in [
            "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x",
            "file:///etc/passwd", "blob:https://app.example/x", "about:blank", "ws://x/cb",
            " https://app.example/cb", "\thttps://app.example/cb", "https://app.example/cb\n",
        ] {
            for kind in [ApplicationType::Web, ApplicationType::Native] {
                assert!(!registers(&server, uri, kind).await, "{uri}");
            }
        }
    }

    async fn ru_05_a_wildcard_is_not_registered(server: TestServer) {
        for uri in ["https://*.app.example/cb", "https://app.example/*", "*", "https://app.example/(.*)"] {
            let registered = registers(&server, uri, ApplicationType::Web).await;
            if registered {
                let app = WebApp::register_as(&server, |draft| {
                    draft.metadata.redirect_uris = vec![uri.into()];
                })
                .await;
                refuses(&app, &["https://app.example/cb", "https://x.app.example/cb"]).await;
            }
            assert!(!registered || !uri.contains('*'), "{uri}");
        }
    }

    async fn ru_06_a_malformed_address_is_not_registered(server: TestServer) {
        let long = format!("https://app.example/{}", "x".repeat(3000));
        for uri in [
            "https://app.example/cb#f", "https://app.example/cb#", "https://user@app.example/cb",
            "https://user:pw@app.example/cb", "https:///cb", "cb", "/cb", "", &long,
        ] {
            assert!(!registers(&server, uri, ApplicationType::Web).await, "{uri}");
        }
        let mut many = draft();
        many.metadata.redirect_uris =
            (0..101).map(|n| format!("https://app.example/{n}")).collect();
        let refused = management::create(&server.provider.ground(), many, system()).await;
        assert!(matches!(refused, Err(ClientError::Invalid(_))));
    }

    async fn ru_07_on_loopback_only_the_port_varies(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.application_type = ApplicationType::Native;
            draft.metadata.redirect_uris = vec!["http://127.0.0.1/cb".into()];
        })
        .await;
        refuses(&app, &[
            "http://127.0.0.1:51004/cb?x", "http://127.0.0.1:51004/cb2", "http://127.0.0.2:1/cb",
            "http://localhost:1/cb", "https://127.0.0.1:1/cb", "http://127.0.0.1:51004/cb#f",
            "http://x@127.0.0.1:51004/cb", "http://127.0.0.1:99999/cb", "http://127.0.0.1:/../cb",
        ])
        .await;
        app.code("ada", &[("redirect_uri", "http://127.0.0.1:51004/cb")]).await;
    }

    async fn ru_08_a_web_client_has_no_free_port(server: TestServer) {
        let app = WebApp::register(&server).await;
        refuses(&app, &["https://app.example:8443/cb"]).await;
    }

    async fn ru_09_a_short_scheme_is_not_registered(server: TestServer) {
        assert!(!registers(&server, "myapp:/cb", ApplicationType::Native).await);
        assert!(registers(&server, "com.example.app:/cb", ApplicationType::Native).await);
        assert!(!registers(&server, "com.example.app:/cb", ApplicationType::Web).await);
    }

    async fn ru_10_a_missing_redirect_uri_is_not_guessed(server: TestServer) {
        let one = WebApp::register(&server).await;
        let two = WebApp::register_as(&server, |draft| {
            draft.metadata.redirect_uris.push("https://app.example/cb2".into());
        })
        .await;
        for app in [one, two] {
            app.authorize(&[("redirect_uri", "")]).await.expect_error_page();
        }
    }

    async fn t5_ru_11_a_code_is_of_one_redirect_uri(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.redirect_uris.push("https://app.example/cb2".into());
        })
        .await;
        let code = app.log_in_and_consent("ada", "openid").await;
        let other = WebApp { redirect_uri: "https://app.example/cb2".into(), ..app.clone() };
        other.redeem(&code).await.expect(400, "invalid_grant");
        let without = [
            ("grant_type", "authorization_code"),
            ("code", &*code.value),
            ("code_verifier", &*code.verifier),
        ];
        assert_eq!(app.token(&without).await.status, 400);
        // Whoever has a wrong address does not spend the code of who has the right one.
        app.redeem(&code).await.expect_tokens();
    }
}

/// Every address that differs in one byte is another one.
#[tokio::test]
async fn ru_12_no_mutation_of_an_address_is_followed() {
    let server = TestServer::start().await;
    let app = WebApp::register(&server).await;
    let registered = app.redirect_uri.clone();
    let bytes = [" ", "%", "/", "\\", ".", "@", ":", "?", "#", "%2f", "%2e", "\u{e9}", "\t", ";"];
    for (at, original) in registered.char_indices() {
        let (before, after) = registered.split_at(at);
        let rest = &after[original.len_utf8()..];
        let escaped = format!("{before}%{:02x}{rest}", original as u32);
        let upper = format!("{before}{}{rest}", original.to_ascii_uppercase());
        let inserted = bytes.iter().map(|byte| format!("{before}{byte}{after}"));
        let gone = format!("{before}{rest}");
        for mutant in inserted.chain([escaped, upper, gone]).filter(|uri| *uri != registered) {
            let page = app.agent.get(&app.authorize_url(&[("redirect_uri", &mutant)])).await;
            assert_eq!(page.status, 400, "{mutant}");
            assert!(page.location().is_none(), "{mutant}");
        }
    }
}

#[tokio::test]
async fn ru_13_a_sign_in_leads_only_to_our_own_pages() {
    let server = TestServer::start().await;
    server.user("ada").await;
    for next in [
        "//evil.example",
        "/%5Cevil",
        "%2f%2fevil",
        "https://evil.example",
        "/account/..//evil.example",
    ] {
        let agent = crate::support::Agent::new(&server);
        let page = agent.get(&format!("/login?next={next}")).await;
        let form = [
            ("csrf", &*page.hidden("csrf")),
            ("txn", &*page.hidden("txn")),
            ("username", "ada"),
            ("password", crate::support::test_server::PASSWORD),
        ];
        let to = agent.post("/login", &form).await.location().map(str::to_owned);
        assert!(to.as_deref().is_some_and(|to| to.starts_with("/account")), "{next}: {to:?}");
        assert!(!to.unwrap_or_default().contains("evil"), "{next}");
    }
}
