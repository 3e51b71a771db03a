//! Step-up (RFC 9470): a service asks for a fresher sign-in, and the client for a new token.

use crate::support::{TestServer, WebApp, both};
use actix_web::{ResponseError, http::header::WWW_AUTHENTICATE};
use countersign::protocol::time::Lifetime;
use countersign::verifier::{RequiredAuthentication, Verifier, VerifyError};

/// The value of a parameter of the first challenge.
fn parameter(error: &VerifyError, name: &str) -> String {
    let response = error.error_response();
    assert_eq!(response.status(), 401);
    let challenge = response.headers().get(WWW_AUTHENTICATE).expect("a challenge");
    let challenge = challenge.to_str().expect("text");
    let start = format!("{name}=\"");
    let rest = challenge.split_once(&start).unwrap_or_else(|| panic!("{name}: {challenge}")).1;
    rest.split('"').next().unwrap_or_default().to_owned()
}

both! {
    async fn ec_09_a_challenge_leads_to_a_fresh_sign_in_that_is_accepted(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let builder = Verifier::builder(server.issuer()).audience(server.issuer());
        let service = builder.clock(server.clock.clone()).build().await.expect("a verifier");
        let needed = RequiredAuthentication::default().max_age(Lifetime::seconds(60));
        let old = service.verify(&app.tokens("ada", "openid").await.access_token).expect("good");
        assert_eq!(service.require_authentication(&old, &needed), Ok(()));

        server.clock.advance_seconds(120);
        let silent = app.code("ada", &[("prompt", "none")]).await;
        let token = app.redeem(&silent).await.expect_tokens().access_token;
        let token = service.verify(&token).expect("good");
        assert_eq!(token.auth_time, old.auth_time, "a new token is no new sign-in");
        let refused = service.require_authentication(&token, &needed).unwrap_err();
        assert_eq!(parameter(&refused, "error"), "insufficient_user_authentication");
        let max_age = parameter(&refused, "max_age");

        let silent = app.authorize(&[("prompt", "none"), ("max_age", &max_age)]).await;
        silent.expect_refusal("login_required");
        let page = app.authorize(&[("max_age", &max_age)]).await;
        let answer = app.agent.log_in(page.expect_login(), "ada").await.expect_answer();
        let code = crate::support::Code {
            value: answer.get("code").to_owned(),
            verifier: crate::support::VERIFIER.into(),
        };
        let token = app.redeem(&code).await.expect_tokens().access_token;
        let token = service.verify(&token).expect("good");
        assert!(token.auth_time > old.auth_time);
        assert_eq!(service.require_authentication(&token, &needed), Ok(()));
    }

    async fn ec_09_a_level_is_compared_with_that_of_the_token(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let builder = Verifier::builder(server.issuer()).audience(server.issuer());
        let service = builder.clock(server.clock.clone()).build().await.expect("a verifier");
        let token = service.verify(&app.tokens("ada", "openid").await.access_token).expect("good");
        let own = token.acr.clone().expect("a token of a person says how they signed in");
        let same = RequiredAuthentication::default().acr("never").acr(&own);
        assert_eq!(service.require_authentication(&token, &same), Ok(()));
        let other = RequiredAuthentication::default().acr("never");
        let refused = service.require_authentication(&token, &other).unwrap_err();
        assert_eq!(parameter(&refused, "acr_values"), "never");
    }
}
