//! Rich authorization requests (RFC 9396), from the request over the consent page to the token.

use crate::resources::{BILLS, ORDERS, resource};
use crate::support::crypto::claims;
use crate::support::{Code, TestServer, WebApp, both};
use countersign::domain::resources::management::{self, ResourceDraft};
use countersign::protocol::client::AccessTokenFormat;
use countersign::protocol::client::GrantType;
use countersign::protocol::details_type::DetailsType;
use serde_json::{Value, json};

pub fn order_type(name: &str) -> DetailsType {
    let declared = json!({
        "type": name,
        "members": {
            "item": {},
            "count": { "type": "integer", "minimum": 1, "maximum": 9 },
            "actions": { "type": "array", "items": { "enum": ["order", "cancel"] } },
            "note": {},
        },
        "required": ["item"],
        "sentence": "Order {count} of {item}",
        "translations": { "de": "{count} Stück {item} bestellen" },
    });
    serde_json::from_value(declared).expect("a type")
}

/// A shop that may ask for orders, and a resource that takes them.
async fn shop(server: &TestServer) -> WebApp {
    server.user("ada").await;
    resource(server, ORDERS, &["orders:read"], |settings| {
        settings.authorization_details_types = vec![order_type("order")];
    })
    .await;
    resource(server, BILLS, &["bills:read"], |settings| {
        settings.authorization_details_types = vec![order_type("bill")];
    })
    .await;
    WebApp::register_as(server, |draft| {
        let scope = "openid offline_access orders:read bills:read";
        draft.metadata.scope = scope.parse().expect("a scope");
        draft.metadata.authorization_details_types = vec!["order".into()];
    })
    .await
}

pub fn tea(count: u32) -> String {
    json!([{ "type": "order", "item": "tea", "count": count, "actions": ["order", "cancel"] }])
        .to_string()
}

async fn code(app: &WebApp, details: &str, extra: &[(&str, &str)]) -> Code {
    let mut all = vec![
        ("scope", "openid offline_access"),
        ("prompt", "consent"),
        ("authorization_details", details),
    ];
    all.extend_from_slice(extra);
    app.code("ada", &all).await
}

pub fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// A service that asks about the tokens for some resources.
async fn server_of(server: &TestServer, resources: &[&str]) -> WebApp {
    WebApp::register_as(server, |draft| {
        draft.metadata.grant_types = vec![GrantType::ClientCredentials];
        draft.metadata.redirect_uris.clear();
        draft.policy.resource_server_of = resources.iter().map(|one| (*one).into()).collect();
    })
    .await
}

both! {
    async fn in_01_a_service_learns_what_was_granted_there_in_detail_and_no_more(
        server: TestServer
    ) {
        let app = shop(&server).await;
        let both = WebApp::register_as(&server, |draft| {
            let scope = "openid offline_access orders:read bills:read";
            draft.metadata.scope = scope.parse().expect("a scope");
            draft.metadata.authorization_details_types = vec!["order".into(), "bill".into()];
        })
        .await
        .in_browser_of(&app);
        let details = json!([
            { "type": "order", "item": "tea" }, { "type": "bill", "item": "rent" },
        ]);
        let code = code(&both, &details.to_string(), &[]).await;
        let token = both.redeem_for(&code, &[]).await.expect_tokens().access_token;
        assert_eq!(both.introspect(&token).await["authorization_details"], details);
        for (resources, seen) in [
            (&[ORDERS][..], json!([details[0]])),
            (&[BILLS], json!([details[1]])),
            (&[BILLS, ORDERS], details.clone()),
            // The default audience, where no type is declared.
            (&[], Value::Null),
        ] {
            let answer = server_of(&server, resources).await.introspect(&token).await;
            assert_eq!(answer["active"], true, "{resources:?}");
            assert_eq!(answer["authorization_details"], seen, "{resources:?}");
        }
    }

    async fn az_21_what_was_allowed_in_detail_is_in_answer_token_and_introspection(
        server: TestServer
    ) {
        let app = shop(&server).await;
        let code = code(&app, &tea(2), &[]).await;
        let reply = app.redeem_for(&code, &[]).await;
        let token = reply.expect_tokens().access_token;
        assert_eq!(reply.json["authorization_details"], parsed(&tea(2)));
        assert_eq!(claims(&token)["authorization_details"], parsed(&tea(2)));
        assert_eq!(claims(&token)["aud"], json!([server.issuer(), ORDERS]));
        assert_eq!(app.introspect(&token).await["authorization_details"], parsed(&tea(2)));
        assert_eq!(app.userinfo(&token).await.status, 200);
    }

    async fn az_21_a_request_without_a_scope_may_ask_in_detail_alone(server: TestServer) {
        let app = shop(&server).await;
        let code = code(&app, &tea(1), &[("scope", ""), ("resource", ORDERS)]).await;
        let reply = app.redeem_for(&code, &[]).await;
        let token = claims(&reply.expect_tokens().access_token);
        assert_eq!((&token["aud"], token.get("scope")), (&json!(ORDERS), None));
        assert_eq!(token["authorization_details"], parsed(&tea(1)));
    }

    async fn az_21_what_is_not_declared_is_refused(server: TestServer) {
        let app = shop(&server).await;
        for details in [
            "x",
            "{}",
            "[]",
            r#"["order"]"#,
            r#"[{"item":"tea"}]"#,
            r#"[{"type":"unknown"}]"#,
            r#"[{"type":"order"}]"#,
            r#"[{"type":"order","item":7}]"#,
            r#"[{"type":"order","item":"tea","count":10}]"#,
            r#"[{"type":"order","item":"tea","more":true}]"#,
            r#"[{"type":"order","item":"tea","actions":["steal"]}]"#,
            r#"[{"type":"order","item":"tea","locations":["https://evil.example"]}]"#,
            r#"[{"type":"bill","item":"tea"}]"#,
        ] {
            let page = app.authorize(&[("authorization_details", details)]).await;
            page.expect_refusal("invalid_authorization_details");
        }
        let twice = [("authorization_details", "[]"), ("authorization_details", "[]")];
        app.authorize(&twice).await.expect_refusal("invalid_request");
        let elsewhere = [("authorization_details", &*tea(1)), ("resource", BILLS)];
        let page = app.authorize(&elsewhere).await;
        page.expect_refusal("invalid_authorization_details");
    }

    async fn az_21_people_read_a_sentence_and_everything_that_is_asked_for(server: TestServer) {
        let app = shop(&server).await;
        let details = json!([{
            "type": "order", "item": "<script>alert(1)</script>", "count": 3, "note": "by\u{202E}night",
        }])
        .to_string();
        let extra = [("scope", "openid"), ("authorization_details", &*details)];
        let page = app.authorize(&extra).await;
        let page = app.agent.log_in(&page, "ada").await;
        page.expect_consent();
        assert!(page.body.contains("Order 3 of &#60;script&#62;alert"), "{}", page.body);
        assert!(!page.body.contains("<script>alert"));
        assert!(page.body.contains("note: by\u{FFFD}night"), "{}", page.body);
        let german = [extra[0], extra[1], ("ui_locales", "de")];
        let page = app.authorize(&german).await;
        assert!(page.body.contains("3 Stück &#60;script&#62;"), "{}", page.body);
    }

    async fn az_21_consent_is_asked_for_details_that_are_new(server: TestServer) {
        let app = shop(&server).await;
        let first = tea(1);
        app.code("ada", &[("scope", "openid"), ("authorization_details", &first)]).await;
        let silent = |details: &str| {
            let details = details.to_owned();
            let app = app.clone();
            async move {
                let extra =
                    [("scope", "openid"), ("prompt", "none"), ("authorization_details", &*details)];
                app.authorize(&extra).await
            }
        };
        assert!(silent(&first).await.expect_answer().has("code"));
        silent(&tea(2)).await.expect_refusal("consent_required");
        let more = json!([parsed(&first)[0], parsed(&tea(2))[0]]).to_string();
        silent(&more).await.expect_refusal("consent_required");
        let extra = [("scope", "openid"), ("authorization_details", &*more)];
        app.authorize(&extra).await.expect_consent();
    }

    async fn az_21_a_token_request_takes_a_part_and_never_more(server: TestServer) {
        let app = shop(&server).await;
        let code = code(&app, &tea(2), &[]).await;
        let part = json!([{ "type": "order", "item": "tea", "count": 2, "actions": ["cancel"] }]);
        let text = part.to_string();
        for wider in [
            &*tea(3),
            "[]",
            "x",
            r#"[{"type":"order","item":"tea","count":2}]"#,
            r#"[{"type":"bill","item":"tea"}]"#,
        ] {
            let reply = app.redeem_for(&code, &[("authorization_details", wider)]).await;
            reply.expect(400, "invalid_authorization_details");
        }
        let reply = app.redeem_for(&code, &[("authorization_details", &text)]).await;
        assert_eq!(reply.json["authorization_details"], part);
        let token = reply.expect_tokens().refresh_token;
        let wider = app.refresh_for(&token, &[("authorization_details", &tea(3))]).await;
        wider.expect(400, "invalid_authorization_details");
        let whole = app.refresh_for(&token, &[]).await;
        assert_eq!(whole.json["authorization_details"], parsed(&tea(2)), "the grant is whole");
        let token = whole.expect_tokens().refresh_token;
        let issuer = [("resource", server.issuer())];
        let ours = app.refresh_for(&token, &issuer).await;
        assert_eq!(ours.json.get("authorization_details"), None, "it is nothing to the issuer");
        assert_eq!(claims(&ours.expect_tokens().access_token)["aud"], server.issuer());
    }

    async fn az_21_a_request_without_details_gets_none(server: TestServer) {
        let app = shop(&server).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        let reply = app.redeem_for(&code, &[("authorization_details", &tea(1))]).await;
        reply.expect(400, "invalid_authorization_details");
        let reply = app.redeem_for(&code, &[]).await;
        assert_eq!(reply.json.get("authorization_details"), None);
        let claims = claims(&reply.expect_tokens().access_token);
        assert_eq!(claims.get("authorization_details"), None);
    }

    async fn az_21_the_default_audience_gives_way_to_a_format_of_its_own(server: TestServer) {
        let app = shop(&server).await;
        let ground = server.provider.ground();
        let before = management::find(&ground, ORDERS).await.expect("a database").expect("there");
        let mut settings = before.settings;
        settings.token_format = AccessTokenFormat::Opaque;
        let draft = ResourceDraft { name: before.name, settings, ..ResourceDraft::default() };
        let system = crate::support::test_server::system();
        management::update(&ground, &before.id, draft, None, system).await.expect("a change");
        server.settle().await;
        let code = code(&app, &tea(1), &[]).await;
        let token = app.redeem_for(&code, &[]).await.expect_tokens().access_token;
        let about = app.introspect(&token).await;
        assert_eq!((&about["aud"], &about["authorization_details"]), (&json!(ORDERS), &parsed(&tea(1))));
    }

    async fn az_21_a_service_asks_in_detail_for_itself(server: TestServer) {
        shop(&server).await;
        let service = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types = vec![GrantType::ClientCredentials];
            draft.metadata.redirect_uris.clear();
            draft.metadata.scope = "orders:read".parse().expect("a scope");
            draft.metadata.authorization_details_types = vec!["order".into()];
        })
        .await;
        let details = tea(1);
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", ORDERS),
            ("authorization_details", &*details),
        ];
        let reply = service.token(&form).await;
        assert_eq!(reply.json["authorization_details"], parsed(&details));
        assert_eq!(claims(&reply.expect_tokens().access_token)["aud"], ORDERS);
        let wrong = [form[0], form[1], ("authorization_details", r#"[{"type":"bill","item":"x"}]"#)];
        service.token(&wrong).await.expect(400, "invalid_authorization_details");
    }

    async fn the_metadata_names_the_types_that_there_are(server: TestServer) {
        let app = WebApp::register(&server).await;
        assert_eq!(app.metadata().await.get("authorization_details_types_supported"), None);
        shop(&server).await;
        server.settle().await;
        assert_eq!(app.metadata().await["authorization_details_types_supported"], json!(["bill", "order"]));
    }

    async fn a_type_is_declared_by_one_resource(server: TestServer) {
        shop(&server).await;
        let mut draft = ResourceDraft {
            identifier: "https://other.example".into(),
            name: "Other".into(),
            ..ResourceDraft::default()
        };
        draft.settings.authorization_details_types = vec![order_type("order")];
        let ground = server.provider.ground();
        let system = crate::support::test_server::system();
        let taken = management::create(&ground, draft, None, system).await;
        assert!(matches!(taken, Err(management::ResourceError::TypeTaken)));
    }
}
