//! How an administrator sets how a client proves who it is, in pages and commands.

use crate::support::crypto::{jwks, key};
use crate::support::{Agent, TestServer, WebApp, both};
use countersign::jose::SigningAlgorithm;
use countersign::protocol::client::AuthMethod;
use serde_json::json;

both! {
    async fn an_administrator_chooses_keys_or_a_certificate(server: TestServer) {
        let agent = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let set = jwks(&[&key(SigningAlgorithm::ES256)]);
        agent.save(&app.id, "proof", &[
            ("auth_method", "private_key_jwt"),
            ("token_endpoint_auth_signing_alg", "ES256"),
            ("jwks", &set.to_string()),
            ("dpop_bound_access_tokens", "1"),
        ])
        .await;
        let client = server.stored(&app.id).await;
        assert_eq!(client.metadata.token_endpoint_auth_method, AuthMethod::PrivateKeyJwt);
        assert_eq!(client.metadata.token_endpoint_auth_signing_alg.as_deref(), Some("ES256"));
        assert_eq!(client.metadata.jwks, Some(set));
        assert!(client.metadata.sender.dpop_bound_access_tokens);

        agent.save(&app.id, "proof", &[
            ("auth_method", "tls_client_auth"),
            ("tls_client_auth_san_dns", "orders.example.com"),
            ("tls_client_certificate_bound_access_tokens", "1"),
        ])
        .await;
        let client = server.stored(&app.id).await;
        assert_eq!(client.metadata.token_endpoint_auth_method, AuthMethod::TlsClientAuth);
        let sender = client.metadata.sender;
        assert_eq!(sender.tls_client_auth_san_dns.as_deref(), Some("orders.example.com"));
        assert!(sender.tls_client_certificate_bound_access_tokens);
        assert!(!sender.dpop_bound_access_tokens);
        assert_eq!(client.metadata.jwks, None);
    }

    async fn a_secret_that_is_made_by_it_is_shown_once(server: TestServer) {
        let agent = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let page = agent.save(&app.id, "proof", &[("auth_method", "client_secret_jwt")]).await;
        assert!(page.has_id("secret"), "{}", page.body);
        let page = agent.save(&app.id, "proof", &[("auth_method", "client_secret_jwt")]).await;
        assert!(!page.has_id("secret"), "{}", page.body);
    }

    async fn what_does_not_fit_is_said_and_not_saved(server: TestServer) {
        let agent = Agent::administrator(&server).await;
        let app = WebApp::register(&server).await;
        let before = server.stored(&app.id).await;
        let basic = ("auth_method", "client_secret_basic");
        for (fields, at) in [
            ([("auth_method", "password"), ("jwks", "")], "auth_method"),
            ([("auth_method", "private_key_jwt"), ("jwks", "")], "jwks"),
            ([("auth_method", "private_key_jwt"), ("jwks", "{")], "jwks"),
            ([("auth_method", "private_key_jwt"), ("jwks_uri", "http://a.example")], "jwks_uri"),
            ([("auth_method", "tls_client_auth"), ("jwks", "")], "tls_client_auth_subject_dn"),
            (
                [("auth_method", "tls_client_auth"), ("tls_client_auth_san_ip", "x")],
                "tls_client_auth_san_ip",
            ),
            ([basic, ("tls_client_auth_san_dns", "a.example")], "tls_client_auth_san_dns"),
            ([basic, ("token_endpoint_auth_signing_alg", "ES256")], "token_endpoint_auth_signing_alg"),
        ] {
            let page = agent.save(&app.id, "proof", &fields).await;
            assert!(page.has_id(&format!("{at}-error")), "{fields:?} {}", page.body);
            assert_eq!(server.stored(&app.id).await, before, "{fields:?}");
        }
    }

    async fn the_command_line_sets_every_member(server: TestServer) {
        let create = [
            "client", "create", "--name", "Orders", "--grant-type", "client_credentials",
            "--auth-method", "tls_client_auth", "--tls-client-auth-subject-dn", "CN=orders,C=DE",
            "--tls-client-certificate-bound-access-tokens", "--dpop-bound-access-tokens", "--json",
        ];
        let made = server.command(&create).await.expect_json();
        for (member, value) in [
            ("token_endpoint_auth_method", json!("tls_client_auth")),
            ("tls_client_auth_subject_dn", json!("CN=orders,C=DE")),
            ("tls_client_certificate_bound_access_tokens", json!(true)),
            ("dpop_bound_access_tokens", json!(true)),
        ] {
            assert_eq!(made[member], value, "{member}");
        }
        assert_eq!(made.get("client_secret"), None);
        let id = made["client_id"].as_str().expect("an id");
        let other = ["--tls-client-auth-san-uri", "spiffe://example.com/orders"];
        let update = [&["client", "update", id, "--json"][..], &other].concat();
        let changed = server.command(&update).await.expect_json();
        assert_eq!(changed["tls_client_auth_san_uri"], other[1]);
        assert_eq!(changed.get("tls_client_auth_subject_dn"), None);
        let none = ["client", "update", id, "--unset", "tls_client_auth_san_uri"];
        server.command(&none).await.expect_refusal(2);
        let secret = [
            "client", "update", id, "--unset", "tls_client_auth_san_uri", "--auth-method",
            "client_secret_jwt", "--json",
        ];
        let changed = server.command(&secret).await.expect_json();
        assert!(changed["client_secret"].is_string(), "{changed}");
    }
}
