//! Software statements (RFC 7591 §2.3).

use crate::support::crypto::{jwks, key, sign, unsigned};
use crate::support::registration::{open, register, registered, web, web_with};
use crate::support::{Site, Store, TestServer};
use countersign::config::Config;
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use serde_json::{Value, json};

const PUBLISHER: &str = "https://publisher.example";

struct Stage {
    server: TestServer,
    key: SigningKey,
    site: Site,
}

impl Stage {
    async fn set(store: Store, change: impl FnOnce(&mut Config)) -> Self {
        let site = Site::start().await;
        let key = key(SigningAlgorithm::ES256);
        let keys = site.put_json("/jwks.json", &jwks(&[&key]));
        let server = TestServer::with_on(store, |config| {
            open(config);
            config.registration.software_publishers = vec![format!("{PUBLISHER}={keys}")];
            change(config);
        })
        .await;
        Self { server, key, site }
    }

    /// A statement of the publisher, with some claims more, or others; null takes one away.
    fn statement(&self, claims: &Value) -> String {
        let now = self.server.provider.now().as_unix();
        let mut all = json!({ "iss": PUBLISHER, "iat": now, "exp": now + 600 });
        for (name, value) in claims.as_object().expect("an object") {
            match value {
                Value::Null => drop(all.as_object_mut().expect("an object").remove(name)),
                value => all[name.as_str()] = value.clone(),
            }
        }
        sign(&self.key, Typ::ClientAssertion, &all)
    }
}

macro_rules! on_both {
    ($($name:ident,)+) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn on_sqlite() {
                $name(Store::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                $name(Store::Postgres).await;
            }
        }
    )+};
}

on_both! {
    rfc_7591_what_a_statement_says_counts_for_more,
    rg_12_a_statement_that_is_not_good_is_refused,
    rg_12_a_statement_of_somebody_else_does_not_count,
    rg_12_where_a_statement_is_needed_nobody_comes_without,
}

async fn rfc_7591_what_a_statement_says_counts_for_more(store: Store) {
    let stage = Stage::set(store, |_| {}).await;
    let statement = stage.statement(&json!({
        "client_name": "Signed shop",
        "redirect_uris": ["https://signed.example/cb"],
        "software_id": "4NRB1-0XZABZI9E6-5SM3R",
        "client_id": "chosen",
    }));
    let body =
        web_with(&json!({ "software_statement": statement, "tos_uri": "https://shop.example/" }));
    let client = registered(&stage.server, &body).await;
    assert_eq!(client.json["client_name"], "Signed shop");
    assert_eq!(client.json["redirect_uris"], json!(["https://signed.example/cb"]));
    assert_eq!(client.json["software_id"], "4NRB1-0XZABZI9E6-5SM3R");
    assert_eq!(client.json["tos_uri"], "https://shop.example/");
    assert_eq!(client.json["software_statement"], statement);
    assert_ne!(client.id, "chosen");
    assert_eq!(client.read().await.json["software_statement"], statement);
    // The rules hold for what a publisher says too.
    let unsafe_uri = stage.statement(&json!({ "redirect_uris": ["http://signed.example/cb"] }));
    let body = web_with(&json!({ "software_statement": unsafe_uri }));
    register(&stage.server, &body).await.expect(400, "invalid_redirect_uri");
    // It cannot be shaken off by an update.
    let mut update = client.body();
    update["redirect_uris"] = json!(["https://other.example/cb"]);
    let told = client.write(&update).await;
    assert_eq!(told.json["redirect_uris"], json!(["https://signed.example/cb"]));
    update["software_statement"] = Value::Null;
    client.write(&update).await.expect(400, "invalid_software_statement");
    assert_eq!(stage.site.asked(), 1);
}

async fn rg_12_a_statement_that_is_not_good_is_refused(store: Store) {
    let stage = Stage::set(store, |_| {}).await;
    let now = stage.server.provider.now().as_unix();
    let stranger = key(SigningAlgorithm::ES256);
    let mut foreign = stage.statement(&json!({}));
    foreign.truncate(foreign.rfind('.').expect("a signature") + 1);
    let claims = format!(r#"{{"iss":"{PUBLISHER}"}}"#);
    for statement in [
        json!(unsigned(r#"{"alg":"none"}"#, &claims, "")),
        json!(unsigned(r#"{"alg":"HS256"}"#, &claims, "AAAA")),
        json!(foreign),
        json!(sign(&stranger, Typ::ClientAssertion, &json!({ "iss": PUBLISHER }))),
        json!(sign(&stage.key, Typ::AccessToken, &json!({ "iss": PUBLISHER }))),
        json!(stage.statement(&json!({ "exp": now - 61 }))),
        json!(stage.statement(&json!({ "nbf": now + 120 }))),
        json!(stage.statement(&json!({ "exp": "never" }))),
        json!(stage.statement(&json!({ "iss": null }))),
        json!(stage.statement(&json!({ "aud": "https://other.example" }))),
        json!("a.b.c"),
        json!(""),
        json!(1),
    ] {
        let body = web_with(&json!({ "software_statement": statement }));
        let reply = register(&stage.server, &body).await;
        assert_eq!(
            reply.json["error"], "invalid_software_statement",
            "{statement}: {}",
            reply.text
        );
        reply.expect_error(400);
    }
    let aud = stage.statement(&json!({ "aud": stage.server.issuer() }));
    registered(&stage.server, &web_with(&json!({ "software_statement": aud }))).await;
    let endless = stage.statement(&json!({ "exp": null }));
    registered(&stage.server, &web_with(&json!({ "software_statement": endless }))).await;
}

async fn rg_12_a_statement_of_somebody_else_does_not_count(store: Store) {
    let stage = Stage::set(store, |_| {}).await;
    for issuer in ["https://stranger.example", "https://publisher.example/", stage.server.issuer()]
    {
        let statement = stage.statement(&json!({ "iss": issuer }));
        let body = web_with(&json!({ "software_statement": statement }));
        register(&stage.server, &body).await.expect(400, "unapproved_software_statement");
    }
    assert_eq!(stage.site.asked(), 0);
}

async fn rg_12_where_a_statement_is_needed_nobody_comes_without(store: Store) {
    let change = |config: &mut Config| config.registration.require_software_statement = true;
    let stage = Stage::set(store, change).await;
    register(&stage.server, &web()).await.expect(400, "invalid_software_statement");
    let null = web_with(&json!({ "software_statement": null }));
    register(&stage.server, &null).await.expect(400, "invalid_software_statement");
    let good = web_with(&json!({ "software_statement": stage.statement(&json!({})) }));
    registered(&stage.server, &good).await;
}
