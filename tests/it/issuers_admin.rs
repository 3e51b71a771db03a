//! Trusted issuers and the policy of token exchange, as administrators and operators set them.

use crate::support::crypto::{jwks, key};
use crate::support::landscape::{EXCHANGE, ORDERS};
use crate::support::{Agent, Page, TestServer, WebApp, both};
use countersign::domain::clients::management as clients;
use countersign::domain::issuers::management;
use countersign::jose::SigningAlgorithm::ES256;
use serde_json::json;

async fn admin(server: &TestServer) -> Agent {
    server.user_with("root", |new| new.roles = vec!["admin".into()]).await;
    let agent = Agent::new(server);
    agent.sign_in("root").await;
    agent
}

/// Submits the form of a page.
async fn post(agent: &Agent, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
    let csrf = page.hidden("csrf");
    let form = [&[("csrf", csrf.as_str())], fields].concat();
    agent.follow(agent.post(path, &form).await).await
}

both! {
    async fn an_administrator_trusts_an_issuer_and_trusts_it_no_more(server: TestServer) {
        let ada = server.user("ada").await;
        let agent = admin(&server).await;
        let keys = jwks(&[&key(ES256)]).to_string();
        let page = agent.open("/admin/issuers/new").await;
        let new = [
            ("name", "Partner <b>"), ("issuer", "https://partner.example"), ("jwks", &keys),
            ("clients", "import\nexport"), ("scope", "orders:read"), ("named_by", "email"),
        ];
        let made = post(&agent, &page, "/admin/issuers", &new).await;
        assert!(made.has_id("subject-map"), "{}", made.body);
        assert!(!made.body.contains("Partner <b>"), "names are text");
        let ground = server.provider.ground();
        let stored = management::find(&ground, "https://partner.example").await;
        let issuer = stored.expect("a database").expect("it is made");
        assert_eq!(issuer.settings.clients, ["import", "export"]);

        let path = format!("/admin/issuers/{}", issuer.id);
        let map = [("subject", "4711"), ("user", "ada"), ("act", "map")];
        let mapped = post(&agent, &made, &format!("{path}/subjects"), &map).await;
        assert!(mapped.body.contains("ada@example.org"), "{}", mapped.body);
        let subjects = management::subjects(&ground, &issuer.id).await.expect("a database");
        assert_eq!(subjects, [("4711".to_owned(), ada.user.email.clone())]);
        let nobody = [("subject", "4712"), ("user", "nobody"), ("act", "map")];
        let refused = post(&agent, &mapped, &format!("{path}/subjects"), &nobody).await;
        assert!(refused.body.contains("Nobody here"), "{}", refused.body);
        let unmap = [("subject", "4711"), ("user", ""), ("act", "unmap")];
        post(&agent, &mapped, &format!("{path}/subjects"), &unmap).await;
        assert!(management::subjects(&ground, &issuer.id).await.expect("a database").is_empty());

        let ask = agent.open(&format!("{path}/delete")).await;
        post(&agent, &ask, &format!("{path}/delete"), &[]).await;
        assert_eq!(management::find(&ground, &issuer.id).await.expect("a database"), None);
    }

    async fn a_form_with_mistakes_says_each(server: TestServer) {
        let agent = admin(&server).await;
        let page = agent.open("/admin/issuers/new").await;
        let wrong = [
            ("name", ""), ("issuer", server.issuer()), ("jwks", "{"), ("named_by", "height"),
            ("scope", "a\"b"), ("user_claim", "who"),
        ];
        let refused = post(&agent, &page, "/admin/issuers", &wrong).await;
        for field in ["jwks", "named_by", "scope"] {
            assert!(refused.body.contains(&format!("{field}-error")), "{field}: {}", refused.body);
        }
        let own = [("name", "We"), ("issuer", server.issuer()), ("named_by", "id")];
        let refused = post(&agent, &page, "/admin/issuers", &own).await;
        for field in ["issuer", "jwks"] {
            assert!(refused.body.contains(&format!("{field}-error")), "{field}: {}", refused.body);
        }
        let none = management::list(&server.provider.ground(), 10).await.expect("a database");
        assert!(none.is_empty());
    }

    async fn an_operator_trusts_an_issuer_by_the_command_line(server: TestServer) {
        server.user("ada").await;
        let create = [
            "issuer", "create", "--issuer", "https://partner.example", "--name", "Partner",
            "--jwks-uri", "https://partner.example/jwks", "--client", "import", "--scope", "orders:read",
            "--user-claim", "email", "--named-by", "email", "--json",
        ];
        let made = server.command(&create).await.expect_json();
        assert_eq!((&made["clients"], &made["named_by"]), (&json!(["import"]), &json!("email")));
        server.command(&create).await.expect_refusal(1);
        let name = "https://partner.example";
        let map = ["issuer", "map", name, "--subject", "1", "--user", "ada@example.org", "--json"];
        server.command(&map).await.expect_json();
        let shown = server.command(&["issuer", "show", name, "--json"]).await.expect_json();
        assert_eq!(shown["subjects"], json!([{ "subject": "1", "user": "ada@example.org" }]));
        let update = ["issuer", "update", name, "--unset", "user_claim,scope", "--json"];
        let changed = server.command(&update).await.expect_json();
        assert!(changed.get("user_claim").is_none() && changed.get("scope").is_none(), "{changed}");
        server.command(&["issuer", "unmap", name, "--subject", "1"]).await;
        server.command(&["issuer", "unmap", name, "--subject", "1"]).await.expect_refusal(1);
        server.command(&["issuer", "delete", name, "--yes"]).await;
        let list = server.command(&["issuer", "list", "--json"]).await.expect_json();
        assert_eq!(list, json!([]));
    }

    async fn the_policy_of_token_exchange_has_flags_and_fields(server: TestServer) {
        let create = [
            "client", "create", "--name", "Gateway", "--scope", "orders:read",
            "--grant-type", "client_credentials", EXCHANGE, "--token-exchange-audience", ORDERS,
            "--token-exchange-actor", "gateway", "--token-exchange-scope", "orders:read",
            "--token-exchange-max-actors", "2", "--may-act", "orders", "--json",
        ];
        let made = server.command(&create).await.expect_json();
        for (member, value) in [
            ("token_exchange_audiences", json!([ORDERS])),
            ("token_exchange_actors", json!(["gateway"])),
            ("token_exchange_scope", json!("orders:read")),
            ("token_exchange_max_actors", json!(2)),
            ("may_act", json!("orders")),
            ("kind", json!("machine")),
        ] {
            assert_eq!(made[member], value, "{member}");
        }
        let id = made["client_id"].as_str().expect("an id");
        let unset = "token_exchange_audiences";
        let refused = server.command(&["client", "update", id, "--unset", unset]).await;
        assert!(refused.expect_refusal(2).contains("somebody to exchange them for"));
        let deep = server.command(&["client", "update", id, "--token-exchange-max-actors", "5"]).await;
        deep.expect_refusal(2);
        let public = [
            "client", "create", "--name", "App", "--public", "--grant-type", EXCHANGE,
            "--token-exchange-audience", ORDERS,
        ];
        server.command(&public).await.expect_refusal(2);

        let agent = admin(&server).await;
        let app = WebApp::register(&server).await;
        let path = format!("/admin/clients/{}/settings", app.id);
        let page = agent.open(&path).await;
        let form = [
            ("response_types", "code"), ("subject_type", "public"),
            ("token_exchange_audiences", "https://a.example https://b.example"),
            ("token_exchange_actors", "gateway"), ("token_exchange_impersonation", "1"),
            ("token_exchange_max_actors", "3"), ("may_act", "gateway"),
        ];
        post(&agent, &page, &path, &form).await;
        let stored = clients::find(&server.provider.ground(), &app.id).await.expect("a database");
        let policy = stored.expect("a client").policy.exchange;
        assert_eq!(policy.audiences, ["https://a.example", "https://b.example"]);
        assert_eq!((policy.impersonation, policy.max_actors), (true, Some(3)));
        let wrong = [
            ("response_types", "code"), ("subject_type", "public"),
            ("token_exchange_audiences", "relative"), ("token_exchange_max_actors", "9"),
        ];
        let refused = post(&agent, &page, &path, &wrong).await;
        for field in ["token_exchange_audiences", "token_exchange_max_actors"] {
            assert!(refused.body.contains(&format!("{field}-error")), "{field}: {}", refused.body);
        }
    }
}
