//! M: the discovery document and the keys.

use crate::support::{Reply, TestServer, WebApp, both};
use serde_json::Value;
use std::time::Duration;

const DOCUMENTS: [&str; 2] =
    ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

async fn get(app: &WebApp, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = app.http.get(format!("{}{path}", app.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::read(request.send().await.expect("an answer")).await
}

both! {
    async fn md_01_the_document_is_the_same_whoever_asks(server: TestServer) {
        let app = WebApp::register(&server).await;
        for path in DOCUMENTS {
            let plain = get(&app, path, &[]).await;
            assert_eq!(plain.json["issuer"], server.issuer());
            for header in [
                ("X-Forwarded-Host", "evil.example"),
                ("Forwarded", "host=evil.example;proto=https"),
                ("X-Forwarded-Proto", "https"),
            ] {
                assert_eq!(get(&app, path, &[header]).await.text, plain.text);
            }
            let spoofed = get(&app, path, &[("Host", "evil.example")]).await;
            assert!(matches!(spoofed.status, 400 | 421), "{}", spoofed.status);
            assert!(!spoofed.text.contains("evil"));
        }
    }

    async fn md_02_the_document_is_at_one_address(server: TestServer) {
        use crate::support::raw;
        for path in [
            "/.well-known/openid-configuration/",
            "//.well-known/openid-configuration",
            "/%2ewell-known/openid-configuration",
            "/tenant/../.well-known/openid-configuration",
            "/.well-known/openid-configuration/tenant",
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", raw::host(&server));
            let (status, text) = raw::send(&server, request.as_bytes()).await;
            assert!(matches!(status, 400 | 404), "{path}: {text}");
        }
    }

    async fn md_03_the_keys_are_public_and_whole(server: TestServer) {
        let app = WebApp::register(&server).await;
        let keys = get(&app, "/jwks", &[]).await.json["keys"].clone();
        for key in keys.as_array().expect("keys") {
            for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert_eq!(key.get(private), None);
            }
            assert!(key["kid"].is_string() && key["alg"].is_string() && key["use"].is_string());
        }
    }

    async fn md_04_nothing_weak_is_advertised(server: TestServer) {
        let app = WebApp::register(&server).await;
        let document = get(&app, DOCUMENTS[0], &[]).await;
        for weak in ["\"plain\"", "RSA1_5", "\"password\"", "\"implicit\"", "\"token\""] {
            assert!(!document.text.contains(weak), "{weak}");
        }
        for (name, value) in document.json.as_object().expect("an object") {
            if name.ends_with("_alg_values_supported") {
                let algorithms = value.as_array().expect("a list");
                assert!(!algorithms.contains(&Value::from("none")), "{name}");
                // A shared secret proves who a client is (client_secret_jwt), and nothing else.
                let is_for_clients = name.ends_with("_auth_signing_alg_values_supported");
                assert!(is_for_clients || !algorithms.contains(&Value::from("HS256")), "{name}");
            }
        }
    }

    async fn md_04_every_advertised_endpoint_is_there(server: TestServer) {
        let app = WebApp::register(&server).await;
        let document = get(&app, DOCUMENTS[0], &[]).await.json;
        for (name, value) in document.as_object().expect("an object") {
            if name.ends_with("_endpoint") || name == "jwks_uri" {
                let url = value.as_str().expect("an address");
                let path = url.strip_prefix(server.issuer()).expect("it is ours");
                assert_ne!(get(&app, path, &[]).await.status, 404, "{name}");
            }
        }
        for (member, must) in [
            ("response_types_supported", "code"),
            ("response_modes_supported", "form_post"),
            ("grant_types_supported", "refresh_token"),
            ("code_challenge_methods_supported", "S256"),
            ("id_token_signing_alg_values_supported", "RS256"),
            ("token_endpoint_auth_methods_supported", "private_key_jwt"),
        ] {
            let list = document[member].as_array().expect(member);
            assert!(list.contains(&Value::from(must)), "{member}");
        }
    }

    async fn md_05_the_documents_may_be_kept_and_cost_nothing(server: TestServer) {
        let app = WebApp::register(&server).await;
        for path in [DOCUMENTS[0], DOCUMENTS[1], "/jwks"] {
            let first = get(&app, path, &[]).await;
            assert_eq!(first.header("cache-control"), "public, max-age=300");
            assert!(first.header("content-type").starts_with("application/json"));
            let again = get(&app, path, &[("If-None-Match", first.header("etag"))]).await;
            assert_eq!(again.status, 304);
        }
        let many = async {
            for n in 0..300 {
                assert_eq!(get(&app, &format!("/jwks?x={n}"), &[]).await.status, 200);
            }
        };
        tokio::time::timeout(Duration::from_secs(10), many).await.expect("quick answers");
    }
}
