//! Claims of one's own in tokens, by rules.

use crate::support::crypto::claims;
use crate::support::landscape::{BILLS, ORDERS, resource};
use crate::support::{Agent, TestServer, WebApp, both};
use countersign::protocol::client::{AccessTokenFormat, GrantType};
use countersign::protocol::private_claims::PrivateClaims;
use serde_json::{Map, Value, json};

fn rules(pairs: &[(&str, &str)]) -> PrivateClaims {
    pairs.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect()
}

/// Ada, with attributes, roles and groups.
async fn ada(server: &TestServer) {
    server
        .user_with("ada", |new| {
            new.roles = vec!["shop-clerk".into(), "auditor".into()];
            new.groups = vec!["tenant-1".into(), "readers".into()];
            let attributes =
                json!({ "department": "Engines", "cost-center": 42, "floors": ["1", "2"] });
            new.claims = Map::from_iter([("attributes".to_owned(), attributes)]);
        })
        .await;
}

fn all_sources() -> PrivateClaims {
    rules(&[
        ("department", "user.department"),
        ("cost-center", "user.cost-center"),
        ("https://example.com/mail", "user.email"),
        ("email", "user.email"),
        ("shop_roles", "roles:shop-"),
        ("tenants", "groups:tenant-"),
        ("everything", "groups"),
        ("house", "text:Countersign & Co"),
        ("missing", "user.height"),
        ("nobody", "roles:other-"),
    ])
}

fn expect_all(token: &Value) {
    for (name, value) in [
        ("department", json!("Engines")),
        ("cost-center", json!(42)),
        ("https://example.com/mail", json!("ada@example.org")),
        ("email", json!("ada@example.org")),
        ("shop_roles", json!(["shop-clerk"])),
        ("tenants", json!(["tenant-1"])),
        ("everything", json!(["readers", "tenant-1"])),
        ("house", json!("Countersign & Co")),
    ] {
        assert_eq!(token[name], value, "{name}");
    }
    for absent in ["missing", "nobody", "attributes", "floors"] {
        assert!(token.get(absent).is_none(), "{absent}: {token}");
    }
}

both! {
    async fn tokens_for_a_resource_have_its_claims_and_no_others(server: TestServer) {
        ada(&server).await;
        resource(&server, ORDERS, &["orders:read"], |settings| settings.token_claims = all_sources()).await;
        resource(&server, BILLS, &["bills:read"], |settings| {
            settings.token_format = AccessTokenFormat::Opaque;
            settings.token_claims = rules(&[("who", "user.name")]);
        })
        .await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.scope = "openid orders:read bills:read".parse().unwrap();
            draft.policy.resource_server_of = vec![BILLS.into()];
        })
        .await;
        let scope = ("scope", "openid orders:read bills:read");
        let code = app.code("ada", &[scope, ("resource", ORDERS)]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        expect_all(&claims(&tokens.access_token));
        assert!(claims(&tokens.id_token).get("department").is_none());
        let code = app.code("ada", &[scope, ("resource", BILLS)]).await;
        let opaque = app.redeem(&code).await.expect_tokens().access_token;
        let about = app.introspect(&opaque).await;
        assert_eq!((&about["who"], about.get("department")), (&json!("The ada"), None));
        let plain = app.redeem(&app.code("ada", &[scope]).await).await.expect_tokens();
        assert!(claims(&plain.access_token).get("department").is_none());
        let code = app.code("ada", &[scope, ("resource", ORDERS), ("resource", server.issuer())]).await;
        app.redeem(&code).await.expect(400, "invalid_target");
    }

    async fn a_client_has_rules_for_what_is_its_own(server: TestServer) {
        ada(&server).await;
        let app = WebApp::register_as(&server, |draft| {
            draft.policy.access_token_claims = all_sources();
            draft.policy.id_token_claims = rules(&[("https://example.com/dept", "user.department")]);
        })
        .await;
        let tokens = app.tokens("ada", "openid").await;
        expect_all(&claims(&tokens.access_token));
        let id_token = claims(&tokens.id_token);
        assert_eq!(id_token["https://example.com/dept"], "Engines");
        assert!(id_token.get("house").is_none());
        let info = app.userinfo(&tokens.access_token).await;
        assert_eq!(info.json["https://example.com/dept"], "Engines");
        assert!(info.json.get("attributes").is_none(), "{}", info.text);
    }

    async fn a_client_for_itself_has_words_alone(server: TestServer) {
        let service = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types = vec![GrantType::ClientCredentials];
            draft.metadata.redirect_uris.clear();
            draft.policy.access_token_claims = all_sources();
        })
        .await;
        let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
        let token = claims(&service.token(&form).await.expect_tokens().access_token);
        assert_eq!(token["house"], "Countersign & Co");
        assert!(token.get("department").is_none() && token.get("everything").is_none());
    }

    async fn registered_names_are_refused_by_command_line_and_page(server: TestServer) {
        for rule in ["sub=user.email", "act=text:x", "roles=groups", "a b=roles", "x=env:HOME", "x"] {
            let create = ["client", "create", "--name", "A", "--redirect-uri", "https://a.example/cb"];
            let create = [&create[..], &["--access-token-claim", rule]].concat();
            let refused = server.command(&create).await;
            assert_ne!(refused.code, 0, "{rule}");
            let create = ["resource", "create", "--identifier", ORDERS, "--name", "A", "--token-claim", rule];
            assert_ne!(server.command(&create).await.code, 0, "{rule}");
        }
        let create = [
            "resource", "create", "--identifier", ORDERS, "--name", "A", "--scope", "orders:read",
            "--token-claim", "department=user.department", "https://a.example/r=roles:a-", "--json",
        ];
        let made = server.command(&create).await.expect_json();
        let stored = json!({ "department": "user.department", "https://a.example/r": "roles:a-" });
        assert_eq!(made["token_claims"], stored);

        server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
        let agent = Agent::new(&server);
        agent.sign_in("root").await;
        let path = format!("/admin/resources/{}", made["id"].as_str().expect("an id"));
        let page = agent.open(&path).await;
        assert!(page.body.contains("department = user.department"), "{}", page.body);
        let csrf = page.hidden("csrf");
        let form = [
            ("csrf", csrf.as_str()), ("name", "A"), ("scopes", "orders:read"), ("token_format", "jwt"),
            ("token_signed_alg", "ES256"), ("token_encryption_enc", "A256GCM"),
            ("token_claims", "iss = text:me"),
        ];
        let refused = agent.follow(agent.post(&path, &form).await).await;
        assert!(refused.body.contains("token_claims-error"), "{}", refused.body);
    }

    async fn a_preview_shows_tokens_their_size_and_a_warning(server: TestServer) {
        ada(&server).await;
        server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
        resource(&server, ORDERS, &["orders:read"], |settings| {
            settings.token_claims = rules(&[("department", "user.department")]);
        })
        .await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.scope = "openid orders:read".parse().unwrap();
            for n in 0..20 {
                let words = format!("text:{}", "x".repeat(280));
                draft.policy.access_token_claims.insert(format!("long{n}"), words);
            }
        })
        .await;
        let agent = Agent::new(&server);
        agent.sign_in("root").await;
        let at = |resource: &str, user: &str| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs([("client", &*app.id), ("resource", resource), ("user", user)]);
            format!("/admin/preview?{}", query.finish())
        };
        let page = agent.open(&at(ORDERS, "ada")).await;
        assert!(page.body.contains("Engines") && page.body.contains(" bytes"), "{}", page.body);
        assert!(page.has_id("preview-id-token") && !page.has_id("preview-access-token-large"));
        let page = agent.open(&at("", "ada")).await;
        assert!(page.has_id("preview-access-token-large"), "{}", page.body);
        for (resource, user) in [(ORDERS, "nobody"), ("https://nowhere.example", "ada")] {
            let page = agent.open(&at(resource, user)).await;
            assert!(page.has_id("preview-problem"), "{}", page.body);
        }
        assert!(!agent.open("/admin/preview").await.has_id("preview-problem"));
        let stranger = Agent::new(&server);
        assert!(!stranger.open(&at(ORDERS, "ada")).await.body.contains("Engines"));
    }

    async fn attributes_are_set_on_the_page_of_a_person(server: TestServer) {
        let ada = server.user("ada").await;
        server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
        let agent = Agent::new(&server);
        agent.sign_in("root").await;
        let path = format!("/admin/users/{}", ada.user.id);
        let page = agent.open(&path).await;
        let csrf = page.hidden("csrf");
        let save = async |attributes: &str| {
            let form = [
                ("csrf", csrf.as_str()), ("name", "The ada"), ("roles", ""), ("groups", ""),
                ("attributes", attributes),
            ];
            agent.follow(agent.post(&path, &form).await).await
        };
        let saved = save(r#"{"department": "Engines"}"#).await;
        assert!(saved.body.contains("Engines") && saved.status == 200, "{}", saved.body);
        for wrong in ["{", "[]", "7", r#"{"a b": 1}"#, r#"{"a": {"b": 1}}"#, r#"{"a": ""}"#] {
            let refused = save(wrong).await;
            assert!(refused.body.contains("attributes-error"), "{wrong}: {}", refused.body);
        }
        assert!(agent.open(&path).await.body.contains("Engines"), "what was there stays");
        assert!(!save("").await.body.contains("Engines"));
    }
}
