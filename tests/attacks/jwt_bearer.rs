//! G: JWT bearer assertions.

use crate::support::crypto::{key, sign, unsigned};
use crate::support::vouching::Voucher;
use crate::support::{TestServer, WebApp, both};
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use countersign::protocol::client::GrantType;
use serde_json::{Value, json};

both! {
    async fn jb_01_only_a_trusted_issuer_vouches(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        for iss in [json!("https://other.example"), json!("https://partner.example/"), json!(1), Value::Null] {
            voucher.bring(&json!({ "iss": iss })).await.expect(400, "invalid_grant");
        }
        let stranger = key(SigningAlgorithm::ES256);
        let forged = sign(&stranger, Typ::ClientAssertion, &voucher.claims(&json!({})));
        Voucher::send(&voucher.app, &forged, &[]).await.expect(400, "invalid_grant");
        let public = voucher.key.public_jwk().to_string();
        let shared = SigningKey::from_secret(SigningAlgorithm::HS256, public.as_bytes()).unwrap();
        let confused = sign(&shared, Typ::ClientAssertion, &voucher.claims(&json!({})));
        Voucher::send(&voucher.app, &confused, &[]).await.expect(400, "invalid_grant");
        let claims = voucher.claims(&json!({})).to_string();
        let none = unsigned(r#"{"alg":"none","typ":"JWT"}"#, &claims, "");
        for text in [none.as_str(), "x", "a.b.c", "a.b.c.d.e"] {
            Voucher::send(&voucher.app, text, &[]).await.expect(400, "invalid_grant");
        }
        let missing = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")];
        voucher.app.token(&missing).await.expect(400, "invalid_request");
    }

    async fn jb_01_the_audience_is_this_server_alone(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        let issuer = server.issuer();
        for aud in [
            json!("https://other.example"), json!([issuer, "https://other.example"]), json!([]),
            json!(format!("{issuer}/")), json!(format!("{issuer}/par")), Value::Null,
        ] {
            voucher.bring(&json!({ "aud": aud })).await.expect(400, "invalid_grant");
        }
        voucher.bring(&json!({ "aud": format!("{issuer}/token") })).await.expect_tokens();
        voucher.bring(&json!({ "aud": [issuer] })).await.expect_tokens();
    }

    async fn jb_01_an_assertion_has_a_short_life_of_its_own(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        let now = server.provider.now().as_unix();
        for wrong in [
            json!({ "exp": null }), json!({ "exp": now - 61 }), json!({ "exp": now + 7200 }),
            json!({ "exp": "soon" }), json!({ "exp": 1e300 }), json!({ "nbf": now + 120 }),
            json!({ "iat": now + 120 }), json!({ "iat": now - 7200 }), json!({ "jti": null }),
            json!({ "jti": "" }), json!({ "jti": "x".repeat(257) }), json!({ "sub": null }),
        ] {
            voucher.bring(&wrong).await.expect(400, "invalid_grant");
        }
        voucher.bring(&json!({ "iat": null, "nbf": null })).await.expect_tokens();
    }

    async fn jb_01_an_assertion_is_good_once(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        let assertion = voucher.assertion(&json!({}));
        // What was refused for the request's sake is not used up.
        let too_much = [("scope", "orders:delete")];
        Voucher::send(&voucher.app, &assertion, &too_much).await.expect(400, "invalid_scope");
        Voucher::send(&voucher.app, &assertion, &[]).await.expect_tokens();
        Voucher::send(&voucher.app, &assertion, &[]).await.expect(400, "invalid_grant");
        server.clock.advance_seconds(150);
        Voucher::send(&voucher.app, &assertion, &[]).await.expect(400, "invalid_grant");
    }

    async fn jb_01_a_blocked_or_unknown_subject_is_nobody(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        let own = json!({ "sub": voucher.ada.user.id });
        voucher.bring(&own).await.expect(400, "invalid_grant");
        voucher.bring(&json!({ "sub": "bea-there" })).await.expect(400, "invalid_grant");
        server.block(&voucher.ada).await;
        voucher.bring(&json!({})).await.expect(400, "invalid_grant");
    }

    async fn jb_01_our_own_id_token_is_no_assertion(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid").await;
        for token in [&tokens.id_token, &tokens.access_token] {
            Voucher::send(&voucher.app, token, &[]).await.expect(400, "invalid_grant");
        }
    }

    async fn jb_01_only_clients_that_may_bring_assertions(server: TestServer) {
        let voucher = Voucher::build(&server, |_| {}).await;
        let assertion = voucher.assertion(&json!({}));
        let other = WebApp::register_as(&server, |draft| {
            draft.metadata.grant_types = vec![GrantType::JwtBearer];
            draft.metadata.redirect_uris.clear();
        })
        .await;
        Voucher::send(&other, &assertion, &[]).await.expect(400, "invalid_grant");
        let without = WebApp::register(&server).await;
        Voucher::send(&without, &assertion, &[]).await.expect(400, "unauthorized_client");
        Voucher::send(&voucher.app, &assertion, &[]).await.expect_tokens();
    }
}
