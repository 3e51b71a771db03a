//! Assertions of trusted issuers as a grant (RFC 7523 §2.1).

use crate::support::crypto::{claims, jwks};
use crate::support::landscape::{ORDERS, resource};
use crate::support::requests::Host;
use crate::support::test_server::system;
use crate::support::vouching::{ISSUER, Voucher};
use crate::support::{TestServer, both, both_with};
use countersign::config::Config;
use countersign::domain::issuers::management;
use countersign::protocol::trusted_issuer::NamedBy;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Keys on this machine may be fetched.
fn own_machine(config: &mut Config) {
    config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

both! {
    async fn a_client_gets_a_token_for_whom_the_issuer_vouches(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        let reply = voucher.bring(&json!({})).await;
        let tokens = reply.expect_tokens();
        assert_eq!((tokens.refresh_token.as_str(), tokens.id_token.as_str()), ("", ""));
        assert_eq!(tokens.scope, "orders:read orders:write");
        let token = claims(&tokens.access_token);
        assert_eq!((&token["sub"], &token["client_id"]), (&json!(voucher.ada.user.id), &json!(voucher.app.id)));
        for of_a_sign_in in ["sid", "auth_time", "acr", "amr"] {
            assert!(token.get(of_a_sign_in).is_none(), "{of_a_sign_in} of nobody who was here");
        }
        assert!(voucher.app.is_active(&tokens.access_token).await);
    }

    async fn a_token_for_an_assertion_ends_with_the_person(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        let token = voucher.bring(&json!({})).await.expect_tokens().access_token;
        server.block(&voucher.ada).await;
        assert!(!voucher.app.is_active(&token).await);
        voucher.bring(&json!({})).await.expect(400, "invalid_grant");
    }

    async fn a_person_is_found_by_a_claim_that_the_issuer_is_trusted_with(server: TestServer) {
        for (named_by, value) in
            [(NamedBy::Username, "ada"), (NamedBy::Email, "ADA@example.org"), (NamedBy::Id, "")]
        {
            let voucher = Voucher::build(&server, |draft| {
                draft.issuer = format!("https://{}.example", named_by.as_str());
                draft.settings.user_claim = Some("who".into());
                draft.settings.named_by = named_by;
            })
            .await;
            let value = if value.is_empty() { &voucher.ada.user.id } else { value };
            let tokens = voucher.bring(&json!({ "sub": "anyone", "who": value })).await.expect_tokens();
            assert_eq!(claims(&tokens.access_token)["sub"], json!(voucher.ada.user.id));
            for nobody in [json!("nobody"), json!(1), Value::Null, json!("The ada")] {
                let changed = json!({ "sub": "anyone", "who": nobody });
                voucher.bring(&changed).await.expect(400, "invalid_grant");
            }
        }
    }

    async fn scope_and_resource_are_those_of_client_and_issuer(server: TestServer) {
        let voucher = Voucher::build(&server, |draft| {
            draft.settings.scope = "orders:read".parse().expect("a scope");
        })
        .await;
        resource(&server, ORDERS, &["orders:read", "orders:write"], |_| {}).await;
        let tokens = voucher.bring_with(&json!({}), &[("resource", ORDERS)]).await.expect_tokens();
        assert_eq!(tokens.scope, "orders:read");
        assert_eq!(claims(&tokens.access_token)["aud"], ORDERS);
        for scope in ["orders:write", "openid", "offline_access", "bills:read"] {
            let reply = voucher.bring_with(&json!({}), &[("scope", scope)]).await;
            reply.expect(400, "invalid_scope");
        }
        let elsewhere = [("resource", "https://elsewhere.example")];
        voucher.bring_with(&json!({}), &elsewhere).await.expect(400, "invalid_target");
    }

    async fn an_issuer_that_is_trusted_no_more_vouches_for_nobody(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        voucher.bring(&json!({})).await.expect_tokens();
        let ground = server.provider.ground();
        management::unmap(&ground, &voucher.issuer.id, "ada-there", system()).await.expect("mapped");
        voucher.bring(&json!({})).await.expect(400, "invalid_grant");
        let user = &voucher.ada.user.id;
        management::map(&ground, &voucher.issuer.id, "ada-there", user, system()).await.unwrap();
        voucher.bring(&json!({})).await.expect_tokens();
        management::delete(&ground, &voucher.issuer.id, system()).await.expect("there is one");
        server.settle().await;
        voucher.bring(&json!({})).await.expect(400, "invalid_grant");
    }

    async fn jb_01_of_two_hundred_who_bring_one_assertion_one_wins(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        let assertion = voucher.assertion(&json!({ "jti": "once" }));
        let mut tasks = JoinSet::new();
        for _ in 0..200 {
            let (app, assertion) = (voucher.app.clone(), assertion.clone());
            tasks.spawn(async move {
                loop {
                    let reply = Voucher::send(&app, &assertion, &[]).await;
                    if reply.status != 503 {
                        return reply;
                    }
                }
            });
        }
        let replies = tasks.join_all().await;
        let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
        assert_eq!(won.len(), 1);
        lost.iter().for_each(|reply| reply.expect(400, "invalid_grant"));
    }

    async fn discovery_names_the_grant_of_assertions(server: TestServer) {
        let url = server.url("/.well-known/openid-configuration");
        let document: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        let grants = document["grant_types_supported"].as_array().expect("a list");
        assert!(grants.contains(&json!("urn:ietf:params:oauth:grant-type:jwt-bearer")));
        assert!(ISSUER.starts_with("https://"));
    }
}

both_with! { own_machine;
    async fn keys_are_fetched_where_the_issuer_publishes_them(server: TestServer) {
        let host = Host::start();
        let url = host.url.clone();
        let voucher = Voucher::build(&server, |draft| {
            draft.settings.jwks = None;
            draft.settings.jwks_uri = Some(format!("{url}/jwks"));
        })
        .await;
        host.answer(&jwks(&[&voucher.key]).to_string());
        voucher.bring(&json!({})).await.expect_tokens();
        voucher.bring(&json!({})).await.expect_tokens();
        assert_eq!(host.asked(), 1);
    }
}
