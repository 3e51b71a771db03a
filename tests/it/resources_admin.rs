//! The pages and the log of resources, as an administrator uses them.

use crate::resources::resource;
use crate::support::{Agent, Page, TestServer, both};
use countersign::domain::resources::management;
use countersign::storage::audit;

/// Submits the form of a page.
async fn post(agent: &Agent, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
    let csrf = page.hidden("csrf");
    let form = [&[("csrf", csrf.as_str())], fields].concat();
    agent.follow(agent.post(path, &form).await).await
}

/// What the edit form holds, unless a test says otherwise.
fn fields<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("name", "Orders"),
        ("scopes", "orders:read = See your orders"),
        ("token_format", "jwt"),
        ("token_signed_alg", "ES256"),
        ("token_encryption_alg", ""),
        ("token_encryption_enc", "A256GCM"),
        ("jwks_uri", ""),
        ("token_encryption_jwk", ""),
        ("token_lifetime", ""),
    ];
    all.retain(|(name, _)| changes.iter().all(|(other, _)| other != name));
    all.extend_from_slice(changes);
    all
}

both! {
    async fn an_administrator_makes_changes_and_deletes_a_resource(server: TestServer) {
        let agent = Agent::administrator(&server).await;
        let page = agent.open("/admin/resources/new").await;
        let new = [
            ("name", "Orders"),
            ("identifier", "https://orders.example"),
            ("scopes", "orders:read = See your <b>orders</b>"),
        ];
        let made = post(&agent, &page, "/admin/resources", &new).await;
        assert!(made.has_id("resource-save"), "{}", made.body);
        assert!(!made.body.contains("<b>orders</b>"), "words are text");

        let ground = server.provider.ground();
        let stored = management::find(&ground, "https://orders.example").await;
        let id = stored.expect("a database").expect("it is made").id;
        let path = format!("/admin/resources/{id}");
        let signed = fields(&[("token_signed_alg", "HS256"), ("token_lifetime", "120")]);
        let saved = post(&agent, &made, &path, &signed).await;
        assert!(saved.has_id("secret"), "the new secret is shown: {}", saved.body);
        let stored = management::find(&ground, &id).await.expect("a database").expect("there");
        assert_eq!(stored.settings.token_lifetime, Some(120));
        assert!(!agent.open(&path).await.has_id("secret"), "and only once");

        let ask = agent.open(&format!("{path}/rotate-secret")).await;
        let rotated = post(&agent, &ask, &format!("{path}/rotate-secret"), &[]).await;
        assert!(rotated.has_id("secret"), "{}", rotated.body);

        let ask = agent.open(&format!("{path}/delete")).await;
        assert!(ask.body.contains("Tokens that are out work until they expire."), "{}", ask.body);
        post(&agent, &ask, &format!("{path}/delete"), &[]).await;
        assert_eq!(management::find(&ground, &id).await.expect("a database"), None);
        let query = audit::EventQuery { limit: 50, ..Default::default() };
        let log = ground.db.read(move |conn| audit::list(conn, &query)).await.expect("a log");
        for action in ["create", "update", "rotate_secret", "delete"] {
            let action = format!("resource.{action}");
            assert!(log.iter().any(|entry| entry.action == action), "{action}");
        }
    }

    async fn words_in_another_language_are_set_on_both_ways(server: TestServer) {
        let create = [
            "resource", "create", "--identifier", "https://orders.example", "--name", "Orders", "--scope",
            "orders:read#de=Käufe sehen", "orders:read=See your orders", "orders:write",
        ];
        server.command(&create).await.expect_done();
        let ground = server.provider.ground();
        let stored = async || {
            let found = management::find(&ground, "https://orders.example").await;
            found.expect("a database").expect("there")
        };
        let made = stored().await;
        assert_eq!(made.settings.scopes.len(), 2, "a translation is no scope");
        assert_eq!(made.settings.words("orders:read", "de"), Some("Käufe sehen"));
        let shown = server.command(&["resource", "show", "https://orders.example"]).await;
        assert!(shown.stdout.contains("orders:read#de (Käufe sehen)"), "{shown:?}");

        let agent = Agent::administrator(&server).await;
        let path = format!("/admin/resources/{}", made.id);
        let page = agent.open(&path).await;
        let lines = "orders:read = See your orders\norders:read#de = Käufe sehen\norders:write";
        assert!(page.body.contains(lines), "{}", page.body);
        post(&agent, &page, &path, &fields(&[("name", "Orders"), ("scopes", lines)])).await;
        assert_eq!(stored().await.settings.scopes, made.settings.scopes);
        assert_eq!(stored().await.settings.scope_translations, made.settings.scope_translations);
        let wrong = fields(&[("name", "Orders"), ("scopes", "orders:read\norders:paid#de = x")]);
        let refused = post(&agent, &page, &path, &wrong).await;
        assert!(refused.has_id("scopes-error"), "{}", refused.body);
        assert!(refused.body.contains("orders:paid#de = x"), "what was typed stays");
        let said = ["resource", "update", "https://orders.example", "--scope", "a=A", "b#de=B"];
        let said = server.command(&said).await.expect_refusal(2);
        assert!(said.contains("name the scope itself too"), "{said}");
    }

    async fn what_is_wrong_is_said_at_its_field_and_changes_nothing(server: TestServer) {
        let agent = Agent::administrator(&server).await;
        let page = agent.open("/admin/resources/new").await;
        for (identifier, scopes) in [("orders", ""), ("https://a.example/#f", "openid"), ("", "")] {
            let form = [("name", "A"), ("identifier", identifier), ("scopes", scopes)];
            let refused = post(&agent, &page, "/admin/resources", &form).await;
            assert_eq!(refused.status, 422, "{identifier}");
            assert!(refused.has_id("identifier-error"), "{}", refused.body);
        }
        let made = resource(&server, "https://orders.example", &["orders:read"], |_| {}).await;
        let taken = [("name", "B"), ("identifier", "https://orders.example"), ("scopes", "")];
        let refused = post(&agent, &page, "/admin/resources", &taken).await;
        assert_eq!(refused.status, 422);

        let path = format!("/admin/resources/{}", made.resource.id);
        let page = agent.open(&path).await;
        for (field, value) in [
            ("token_format", "xml"),
            ("token_format", "jwe"),
            ("token_signed_alg", "none"),
            ("token_encryption_alg", "RSA1_5"),
            ("token_encryption_enc", "A128CBC-HS256"),
            ("jwks_uri", "http://169.254.169.254/"),
            ("token_encryption_jwk", "{"),
            ("token_lifetime", "1000000"),
            ("scopes", "offline_access"),
            ("name", ""),
        ] {
            let refused = post(&agent, &page, &path, &fields(&[(field, value)])).await;
            assert_eq!(refused.status, 422, "{field}");
            assert!(refused.has_id("error-summary"), "{field}");
        }
        let ground = server.provider.ground();
        let stored = management::find(&ground, &made.resource.id).await.expect("a database");
        assert_eq!(stored, Some(made.resource));
    }

    async fn ad_01_only_administrators_see_resources(server: TestServer) {
        server.user("ada").await;
        let agent = Agent::new(&server);
        agent.open("/admin/resources").await.expect_login();
        agent.sign_in("ada").await;
        for path in ["/admin/resources", "/admin/resources/new", "/admin/resources/x"] {
            assert_eq!(agent.get(path).await.status, 403, "{path}");
        }
    }
}
