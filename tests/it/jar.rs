//! Signed and encrypted authorization requests (RFC 9101, OpenID Connect Core §6).

use crate::support::crypto::{claims, encode};
use crate::support::requests::{Host, Signer, address, open, reference, with};
use crate::support::test_server::system;
use crate::support::{Code, Reply, Store, TestServer, VERIFIER, WebApp, both};
use countersign::config::ByReference;
use countersign::domain::keys::{self, KeyUse};
use countersign::jose::{
    ContentEncryption, EncryptionKey, KeyManagement, PublicJwk, SigningAlgorithm,
};
use serde_json::{Value, json};

/// The key that we publish for an algorithm.
async fn published(app: &WebApp, alg: &str) -> Value {
    let reply = app.http.get(format!("{}/jwks", app.base)).send().await.expect("an answer");
    let keys = Reply::read(reply).await.json["keys"].as_array().cloned().expect("keys");
    let key = keys.into_iter().rev().find(|key| key["alg"] == alg && key["use"] == "enc");
    key.unwrap_or_else(|| panic!("no key for {alg}"))
}

async fn encryption(app: &WebApp, alg: KeyManagement, enc: ContentEncryption) -> EncryptionKey {
    let jwk = PublicJwk::from_value(&published(app, alg.as_str()).await).expect("a public key");
    EncryptionKey::from_jwk(&jwk, alg, enc).expect("it can be encrypted to")
}

async fn encrypted(signer: &Signer, object: &str, alg: KeyManagement) -> String {
    let key = encryption(&signer.app, alg, ContentEncryption::A256Gcm).await;
    key.encrypt_jwt(object, Some("oauth-authz-req+jwt")).expect("encrypted")
}

both! {
    async fn r1_a_signed_request_is_answered(server: TestServer) {
        server.user("ada").await;
        for algorithm in [
            SigningAlgorithm::ES256,
            SigningAlgorithm::RS256,
            SigningAlgorithm::PS256,
            SigningAlgorithm::EdDSA,
        ] {
            let signer = Signer::with_key(&server, algorithm, |_| {}).await;
            let object = signer.object(&[("nonce", "inner"), ("state", "of the object")]);
            let answer = signer.app.finish("ada", signer.open(&object).await).await;
            assert_eq!(answer.get("state"), "of the object");
            let code = Code { value: answer.get("code").into(), verifier: VERIFIER.into() };
            let tokens = signer.app.redeem(&code).await.expect_tokens();
            assert_eq!(claims(&tokens.id_token)["nonce"], "inner");
        }
    }

    async fn r1_the_metadata_says_what_is_supported(server: TestServer) {
        let app = WebApp::register(&server).await;
        let document = app.metadata().await;
        assert_eq!(document["request_parameter_supported"], true);
        assert_eq!(document["request_uri_parameter_supported"], false);
        assert_eq!(document["require_signed_request_object"], false);
        let algorithms = json!(["RS256", "PS256", "ES256", "EdDSA"]);
        assert_eq!(document["request_object_signing_alg_values_supported"], algorithms);
        let keys = json!(["ECDH-ES", "RSA-OAEP-256"]);
        assert_eq!(document["request_object_encryption_alg_values_supported"], keys);
    }

    async fn r1_a_request_uri_is_refused_while_it_is_off(server: TestServer) {
        let host = Host::start();
        let uri = format!("{}/object", host.url);
        let signer = Signer::register(&server, |draft| {
            draft.metadata.requests.request_uris = vec![uri.clone()];
        })
        .await;
        for uri in [&*uri, "https://app.example/r", "file:///etc/passwd", "http://169.254.169.254/"] {
            let page = signer.app.authorize(&[("request_uri", uri)]).await;
            page.expect_refusal("request_uri_not_supported");
        }
        assert_eq!(host.asked(), 0);
    }

    async fn r2_what_stands_in_the_object_counts(server: TestServer) {
        server.user("ada").await;
        let signer = Signer::register(&server, |_| {}).await;
        let object = signer.object(&[("state", "inner")]);
        let beside = [
            ("request", &*object),
            ("redirect_uri", "https://evil.example/cb"),
            ("state", "outer"),
            ("scope", "openid email phone"),
            ("response_mode", "form_post"),
            ("prompt", "none"),
        ];
        let page = signer.app.authorize(&beside).await;
        let answer = signer.app.finish("ada", page).await;
        assert_eq!((&*answer.to, answer.get("state")), ("https://app.example/cb", "inner"));
        let code = Code { value: answer.get("code").into(), verifier: VERIFIER.into() };
        assert_eq!(signer.app.redeem(&code).await.expect_tokens().scope, "openid");
    }

    async fn r2_no_redirect_goes_where_neither_place_leads(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let outside = signer.object(&[("redirect_uri", "https://evil.example/cb")]);
        signer.open_beside(&outside).await.expect_error_page();
        let without = signer.sign(&with(&signer.claims(&[]), "redirect_uri", Value::Null));
        signer.open_beside(&without).await.expect_error_page();
        signer.open("e30.e30.").await.expect_error_page();
    }

    async fn x3_ja_07_what_stands_only_beside_the_object_does_not_count(server: TestServer) {
        server.user("ada").await;
        let signer = Signer::register(&server, |_| {}).await;
        let object = signer.object(&[("state", "")]);
        let answer = signer.app.finish("ada", signer.open_beside(&object).await).await;
        assert!(answer.has("code") && !answer.has("state"), "{answer:?}");
        let bare = with(&signer.claims(&[]), "scope", Value::Null);
        let page = signer.open_beside(&signer.sign(&bare)).await;
        page.expect_refusal("invalid_scope");
    }

    async fn r3_an_unsigned_object_is_refused_whatever_it_says(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let claims = signer.claims(&[]).to_string();
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"none","typ":"oauth-authz-req+jwt"}"#, "{}"] {
            let object = format!("{}.{}.", encode(header), encode(&claims));
            let page = signer.open_beside(&object).await;
            assert_eq!(page.expect_refusal("invalid_request_object").get("state"), "outer");
            signer.push(&object).await.expect(400, "invalid_request_object");
        }
    }

    async fn parameters_that_are_json_may_stand_as_json(server: TestServer) {
        server.user("ada").await;
        let signer = Signer::register(&server, |_| {}).await;
        let mut all = signer.claims(&[]);
        all["claims"] = json!({ "userinfo": { "name": { "essential": true } } });
        all["max_age"] = json!(1000);
        all["unknown"] = json!([1, { "a": true }]);
        all["resource"] = json!([server.issuer(), server.issuer()]);
        let answer = signer.app.finish("ada", signer.open(&signer.sign(&all)).await).await;
        let code = Code { value: answer.get("code").into(), verifier: VERIFIER.into() };
        let tokens = signer.app.redeem(&code).await.expect_tokens();
        assert_eq!(signer.app.userinfo(&tokens.access_token).await.json["name"], "The ada");
        for (name, value) in [("max_age", json!(1.5)), ("max_age", json!(-1)), ("state", json!("a\0b"))] {
            let page = signer.open_beside(&signer.sign(&with(&all, name, value))).await;
            page.expect_refusal("invalid_request_object");
        }
        let missing = with(&all, "resource", json!(["https://nowhere.example"]));
        signer.open_beside(&signer.sign(&missing)).await.expect_refusal("invalid_target");
    }

    async fn an_object_without_an_end_is_fine_outside_fapi(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let mut bare = signer.claims(&[]);
        for name in ["exp", "nbf", "iat", "iss"] {
            bare = with(&bare, name, Value::Null);
        }
        signer.open(&signer.sign(&bare)).await.expect_login();
        let several = with(&bare, "aud", json!(["https://other.example", server.issuer()]));
        signer.open(&signer.sign(&several)).await.expect_login();
    }

    async fn a_client_may_have_to_sign(server: TestServer) {
        let signer = Signer::register(&server, |draft| {
            draft.metadata.requests.require_signed_request_object = true;
        })
        .await;
        signer.app.authorize(&[]).await.expect_refusal("invalid_request");
        signer.app.call("/par", &[("response_type", "code")]).await.expect(400, "invalid_request");
        signer.open(&signer.object(&[])).await.expect_login();
        let uri = reference(&signer.push(&signer.object(&[])).await);
        open(&signer.app, &uri).await.expect_login();
    }

    async fn a_registered_algorithm_is_the_only_one(server: TestServer) {
        let signer = Signer::with_key(&server, SigningAlgorithm::RS256, |draft| {
            draft.metadata.requests.request_object_signing_alg = Some("PS256".into());
        })
        .await;
        let page = signer.open_beside(&signer.object(&[])).await;
        page.expect_refusal("invalid_request_object");
    }

    async fn a_signed_request_can_be_pushed(server: TestServer) {
        server.user("ada").await;
        let signer = Signer::register(&server, |_| {}).await;
        let object = signer.object(&[("state", "inner")]);
        let form = [("request", &*object), ("state", "outer"), ("scope", "openid email")];
        let uri = reference(&signer.app.call("/par", &form).await);
        let answer = signer.app.finish("ada", open(&signer.app, &uri).await).await;
        assert_eq!(answer.get("state"), "inner");
        let bad = signer.object(&[("redirect_uri", "https://evil.example/cb")]);
        signer.push(&bad).await.expect(400, "invalid_request");
    }

    async fn an_encrypted_request_is_opened(server: TestServer) {
        server.user("ada").await;
        let signer = Signer::register(&server, |_| {}).await;
        for alg in [KeyManagement::EcdhEs, KeyManagement::RsaOaep256] {
            for enc in ContentEncryption::ALL {
                let key = encryption(&signer.app, alg, enc).await;
                let object = key.encrypt_jwt(&signer.object(&[("state", "hidden")]), None);
                let object = object.expect("encrypted");
                let answer = signer.app.finish("ada", signer.open(&object).await).await;
                assert_eq!(answer.get("state"), "hidden");
            }
        }
    }

    async fn an_encrypted_request_need_not_say_that_it_holds_a_token(server: TestServer) {
        server.user("ada").await;
        let signer = Signer::register(&server, |_| {}).await;
        let (alg, enc) = (KeyManagement::EcdhEs, ContentEncryption::A256Gcm);
        let key = encryption(&signer.app, alg, enc).await;
        let object = signer.object(&[("state", "sealed")]);
        let sealed = key.encrypt(object.as_bytes(), None).expect("encrypted");
        assert_eq!(signer.app.finish("ada", signer.open(&sealed).await).await.get("state"), "sealed");
        // What it holds must be a signed token all the same, and said to be nothing else.
        let plain = signer.claims(&[]).to_string();
        for (content, cty) in
            [(plain.as_bytes(), None), (b"a.b.c", None), (object.as_bytes(), Some("JSON"))]
        {
            let sealed = key.encrypt(content, cty).expect("encrypted");
            signer.push(&sealed).await.expect(400, "invalid_request_object");
        }
    }

    async fn jw_13_encryption_proves_nothing(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let key = encryption(&signer.app, KeyManagement::EcdhEs, ContentEncryption::A256Gcm).await;
        let claims = signer.claims(&[]).to_string();
        let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims));
        for object in [
            key.encrypt_jwt(&unsigned, None).expect("encrypted"),
            key.encrypt(claims.as_bytes(), Some("JWT")).expect("encrypted"),
        ] {
            signer.open_beside(&object).await.expect_refusal("invalid_request_object");
        }
    }

    async fn a_client_that_registered_its_encryption_keeps_to_it(server: TestServer) {
        let signer = Signer::register(&server, |draft| {
            let requests = &mut draft.metadata.requests;
            requests.request_object_encryption_alg = Some("RSA-OAEP-256".into());
            requests.request_object_encryption_enc = Some("A256GCM".into());
        })
        .await;
        let object = signer.object(&[]);
        signer.open(&object).await.expect_login();
        signer.open(&encrypted(&signer, &object, KeyManagement::RsaOaep256).await).await.expect_login();
        let other = encrypted(&signer, &object, KeyManagement::EcdhEs).await;
        signer.open_beside(&other).await.expect_refusal("invalid_request_object");
    }

    async fn m6_a_request_to_the_key_before_is_opened_until_it_is_withdrawn(server: TestServer) {
        let signer = Signer::register(&server, |_| {}).await;
        let object = signer.object(&[]);
        let old = published(&signer.app, "ECDH-ES").await;
        let to_old = encrypted(&signer, &object, KeyManagement::EcdhEs).await;
        // The key after this one is younger by this second, and so the last in the set.
        server.clock.advance_seconds(1);
        let use_ = KeyUse::Decrypt(KeyManagement::EcdhEs);
        let next = keys::rotate(&server.provider, use_, system()).await.expect("it is rotated");
        assert_eq!(published(&signer.app, "ECDH-ES").await["kid"], *next.kid);
        let to_next = encrypted(&signer, &object, KeyManagement::EcdhEs).await;
        signer.open(&to_old).await.expect_login();
        signer.open(&to_next).await.expect_login();
        let kid = old["kid"].as_str().expect("a kid");
        keys::withdraw(&server.provider, kid, system()).await.expect("it is withdrawn");
        signer.open_beside(&to_old).await.expect_refusal("invalid_request_object");
        signer.open(&to_next).await.expect_login();
    }

    async fn ja_08_an_object_with_a_name_of_its_own_is_answered_once(server: TestServer) {
        server.user("ada").await;
        let signer = Signer::register(&server, |_| {}).await;
        let named = signer.sign(&with(&signer.claims(&[]), "jti", json!("one")));
        signer.open(&named).await.expect_login();
        let page = signer.open(&named).await;
        assert!(signer.app.finish("ada", page).await.has("code"), "loading it twice is no use");
        signer.open_beside(&named).await.expect_refusal("invalid_request_object");
        signer.push(&named).await.expect(400, "invalid_request_object");
        let pushed = signer.sign(&with(&signer.claims(&[]), "jti", json!("two")));
        reference(&signer.push(&pushed).await);
        signer.push(&pushed).await.expect(400, "invalid_request_object");
        let other = Signer::register(&server, |_| {}).await;
        reference(&other.push(&other.sign(&with(&other.claims(&[]), "jti", json!("two")))).await);
    }
}

/// A server that fetches, and may call this machine to do so.
async fn fetching(store: Store, which: ByReference) -> TestServer {
    TestServer::with_on(store, |config| {
        config.requests.by_reference = which;
        config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await
}

#[tokio::test]
async fn r4_a_registered_request_uri_is_fetched() {
    for store in [Store::Sqlite, Store::Postgres] {
        let server = fetching(store, ByReference::Registered).await;
        server.user("ada").await;
        let host = Host::start();
        let registered = format!("{}/object#version", host.url);
        let signer = Signer::with_key(&server, SigningAlgorithm::RS256, |draft| {
            draft.metadata.requests.request_uris = vec![registered];
            draft.metadata.requests.request_object_signing_alg = Some("RS256".into());
        })
        .await;
        host.answer(&format!("{}\n", signer.object(&[("state", "fetched")])));
        let uri = format!("{}/object", host.url);
        let page = signer.app.authorize(&[("request_uri", &uri), ("state", "outer")]).await;
        assert_eq!(signer.app.finish("ada", page).await.get("state"), "fetched");
        assert_eq!(host.asked(), 1);
        for other in [format!("{uri}/"), format!("{uri}?x"), "https://app.example/r".into()] {
            let page = signer.app.authorize(&[("request_uri", &other)]).await;
            page.expect_refusal("invalid_request_uri");
        }
        assert_eq!(host.asked(), 1, "what is not registered is not fetched");
        let both = [("request_uri", &*uri), ("request", &signer.object(&[]))];
        signer.app.authorize(&both).await.expect_refusal("invalid_request");
        host.answer("not an object");
        let page = signer.app.authorize(&[("request_uri", &uri)]).await;
        page.expect_refusal("invalid_request_object");
        let alone = [("client_id", &*signer.app.id), ("request_uri", &*uri)];
        signer.app.agent.open(&address(&alone)).await.expect_error_page();
        signer.app.call("/par", &[("request_uri", &uri)]).await.expect(400, "invalid_request");
    }
}

#[tokio::test]
async fn r4_any_request_uri_is_fetched_where_the_server_allows_it() {
    for store in [Store::Sqlite, Store::Postgres] {
        let server = fetching(store, ByReference::Any).await;
        let host = Host::start();
        let signer = Signer::with_key(&server, SigningAlgorithm::RS256, |_| {}).await;
        host.answer(&signer.object(&[]));
        let uri = format!("{}/unregistered", host.url);
        signer.app.authorize(&[("request_uri", &uri)]).await.expect_login();
        for forbidden in ["http://10.0.0.1/", "https://[::1]/", "file:///etc/passwd", "gopher://x/"]
        {
            let page = signer.app.authorize(&[("request_uri", forbidden)]).await;
            page.expect_refusal("invalid_request_uri");
        }
        let url = server.url("/.well-known/openid-configuration");
        let asked = signer.app.http.get(url).send().await.expect("an answer");
        let document = Reply::read(asked).await.json;
        assert_eq!(document["request_uri_parameter_supported"], true);
        assert_eq!(document["require_request_uri_registration"], false);
    }
}

#[tokio::test]
async fn the_server_may_ask_every_client_to_sign() {
    for store in [Store::Sqlite, Store::Postgres] {
        let server =
            TestServer::with_on(store, |config| config.requests.require_signed = true).await;
        let signer = Signer::register(&server, |_| {}).await;
        signer.app.authorize(&[]).await.expect_refusal("invalid_request");
        signer.open(&signer.object(&[])).await.expect_login();
    }
}
