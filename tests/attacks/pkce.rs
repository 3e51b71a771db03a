//! C: PKCE (RFC 7636). A wrong verifier does not spend the code: a stranger must not be able to.

use crate::support::requests::push;
use crate::support::{Code, TestServer, VERIFIER, WebApp, both, challenge};

both! {
    async fn pk_01_a_request_without_a_challenge_is_refused(server: TestServer) {
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        for app in [WebApp::register(&server).await, WebApp::register_public(&server).await] {
            app.authorize(&without).await.expect_refusal("invalid_request");
            push(&app, &without).await.expect(400, "invalid_request");
        }
    }

    async fn pk_02_only_s256_is_a_method(server: TestServer) {
        let app = WebApp::register(&server).await;
        for method in ["plain", "s256", "S512", ""] {
            let page = app.authorize(&[("code_challenge_method", method)]).await;
            page.expect_refusal("invalid_request");
            let pushed = push(&app, &[("code_challenge_method", method)]).await;
            pushed.expect(400, "invalid_request");
        }
    }

    async fn pk_03_a_challenge_is_43_base64url_characters(server: TestServer) {
        let app = WebApp::register(&server).await;
        let good = challenge(VERIFIER);
        for wrong in [
            &good[..42],
            &format!("{good}A"),
            &"A".repeat(129),
            &format!("{}=", &good[..42]),
            &format!("{}+", &good[..42]),
            &format!("{}/", &good[..42]),
            &format!("{}\u{e9}", &good[..42]),
        ] {
            push(&app, &[("code_challenge", wrong)]).await.expect(400, "invalid_request");
            let page = app.authorize(&[("code_challenge", wrong)]).await;
            page.expect_refusal("invalid_request");
        }
    }

    async fn t5_pk_04_a_wrong_verifier_gives_nothing_and_spends_nothing(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let code = app.log_in_and_consent("ada", "openid").await;
        let (upper, long) = (VERIFIER.to_uppercase(), "v".repeat(129));
        let own_challenge = challenge(VERIFIER);
        for wrong in ["", &"w".repeat(50), &VERIFIER[..42], &long, &own_challenge, &upper] {
            let attempt = Code { verifier: (*wrong).to_owned(), ..code.clone() };
            app.redeem(&attempt).await.expect(400, "invalid_grant");
        }
        app.redeem(&code).await.expect_tokens();
    }

    async fn pk_05_a_verifier_for_a_code_without_a_challenge_is_refused(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| draft.policy.require_pkce = false).await;
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        let code = app.code("ada", &without).await;
        app.redeem(&code).await.expect(400, "invalid_grant");
    }
}
