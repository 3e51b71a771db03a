//! Levels and methods of authentication (OpenID Connect Core §2, §5.5.1.1, RFC 8176).

use crate::support::crypto::claims;
use crate::support::{Agent, Reply, TestServer, WebApp, both};
use serde_json::{Value, json};

fn essential(values: &[&str]) -> String {
    json!({ "id_token": { "acr": { "essential": true, "values": values } } }).to_string()
}

async fn id_token(app: &WebApp, extra: &[(&str, &str)]) -> Value {
    let code = app.code("ada", extra).await;
    claims(&app.redeem(&code).await.expect_tokens().id_token)
}

both! {
    async fn a10_acr_values_bring_one_of_those_that_were_asked_for(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        for asked in ["1", "2 1", "3 2 1", "urn:example:gold 1"] {
            let told = id_token(&app, &[("acr_values", asked)]).await;
            assert_eq!(told["acr"], "1", "{asked}");
        }
    }

    async fn a10_a_level_that_only_advises_is_no_error_when_it_is_out_of_reach(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let advises = r#"{"id_token":{"acr":{"values":["3"]}}}"#;
        for extra in [("acr_values", "3"), ("acr_values", "urn:x"), ("claims", advises)] {
            let told = id_token(&app, &[extra]).await;
            // Never a level that was not reached.
            assert_eq!(told["acr"], "1", "{extra:?}");
        }
    }

    async fn az_19_an_essential_level_out_of_reach_is_refused_before_any_page(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let asked = essential(&["2", "3"]);
        for prompt in ["", "none", "login"] {
            let page = app.authorize(&[("claims", &asked), ("prompt", prompt)]).await;
            page.expect_refusal("unmet_authentication_requirements");
        }
        app.code("ada", &[]).await;
        let page = app.authorize(&[("claims", &asked), ("acr_values", "1")]).await;
        page.expect_refusal("unmet_authentication_requirements");
        for odd in [r#"["urn:x"]"#, "[1]", "[null]", r#"["01"]"#] {
            let asked = format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":{odd}}}}}}}"#);
            let page = app.authorize(&[("claims", &asked)]).await;
            page.expect_refusal("unmet_authentication_requirements");
        }
    }

    async fn a10_an_essential_level_within_reach_asks_nobody_again(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        app.code("ada", &[]).await;
        let asked = essential(&["3", "1"]);
        let answer = app.authorize(&[("claims", &asked), ("prompt", "none")]).await.expect_answer();
        assert!(answer.has("code"), "{answer:?}");
        let any = r#"{"id_token":{"acr":{"essential":true}}}"#;
        let answer = app.authorize(&[("claims", any), ("prompt", "none")]).await.expect_answer();
        assert!(answer.has("code"), "{answer:?}");
    }

    async fn a_client_may_register_levels_that_only_advise(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.default_acr_values = vec!["3".into(), "1".into()];
        })
        .await;
        assert_eq!(id_token(&app, &[]).await["acr"], "1");
    }

    async fn d3_every_id_token_says_when_and_how(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.require_auth_time = true;
        })
        .await;
        let now = server.provider.now().as_unix();
        let told = id_token(&app, &[]).await;
        assert_eq!(told["auth_time"].as_i64().expect("a number"), now);
        assert_eq!(told["amr"], json!(["pwd"]));
        server.clock.advance_seconds(100);
        assert_eq!(id_token(&app, &[]).await["auth_time"], now);
    }

    async fn the_level_is_in_the_access_token_and_in_the_metadata(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.code("ada", &[("acr_values", "1")]).await;
        let tokens = app.redeem(&code).await.expect_tokens();
        let told = claims(&tokens.access_token);
        assert_eq!((&told["acr"], &told["amr"]), (&json!("1"), &json!(["pwd"])));
        let agent = Agent::new(&server);
        let document = agent.http.get(server.url("/.well-known/openid-configuration")).send();
        let document = Reply::read(document.await.expect("an answer")).await.json;
        assert_eq!(document["acr_values_supported"], json!(["1"]));
    }
}
