//! What is signed and encrypted to the client: ID tokens and userinfo (OpenID Connect Core §2,
//! §5.3.2, §10.2).

use crate::support::crypto::{claims, header, jwks};
use crate::support::{Reply, Site, TestServer, WebApp, both_with};
use countersign::domain::clients::management::ClientDraft;
use countersign::jose::{
    ContentEncryption, DecryptionKey, EncryptionKey, KeyManagement, PublicJwk,
};
use serde_json::{Value, json};

fn own_machine(config: &mut countersign::config::Config) {
    config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

fn key(alg: KeyManagement) -> DecryptionKey {
    DecryptionKey::generate(alg).expect("a key can be made")
}

fn set_of(key: &DecryptionKey) -> Value {
    json!({ "keys": [key.public_jwk()] })
}

/// The signed token inside.
#[track_caller]
fn opened(key: &DecryptionKey, token: &str) -> String {
    let opened = key.decrypt(token, &KeyManagement::PUBLIC).expect("it opens");
    opened.jwt().expect("a token is inside").to_owned()
}

fn encrypting(key: &DecryptionKey) -> impl FnOnce(&mut ClientDraft) + use<> {
    let (set, alg) = (set_of(key), key.algorithm().as_str().to_owned());
    move |draft| {
        draft.metadata.jwks = Some(set);
        draft.metadata.id_token_encrypted_response_alg = Some(alg);
    }
}

both_with! { own_machine;
    async fn an_id_token_is_encrypted_by_every_algorithm_that_is_offered(server: TestServer) {
        let ada = server.user("ada").await;
        let offered = WebApp::register(&server).await.metadata().await;
        let names = |member: &str| -> Vec<String> {
            serde_json::from_value(offered[member].clone()).expect("an array of names")
        };
        let algorithms = names("id_token_encryption_alg_values_supported");
        assert_eq!(algorithms, ["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"]);
        let encryptions = names("id_token_encryption_enc_values_supported");
        assert_eq!(encryptions, ["A128GCM", "A256GCM"]);
        for alg in algorithms {
            let key = key(alg.parse().expect("an algorithm of ours"));
            for enc in &encryptions {
                let app = WebApp::register_as(&server, |draft| {
                    encrypting(&key)(draft);
                    draft.metadata.id_token_encrypted_response_enc = Some(enc.clone());
                })
                .await;
                let tokens = app.tokens("ada", "openid offline_access").await;
                let outer = header(&tokens.id_token);
                assert_eq!(outer["alg"], *alg);
                assert_eq!((&outer["enc"], &outer["cty"]), (&json!(enc), &json!("JWT")));
                assert_eq!(outer["kid"], key.kid());
                let told = claims(&opened(&key, &tokens.id_token));
                assert_eq!((&told["sub"], &told["aud"]), (&json!(ada.user.id), &json!(app.id)));
                assert_eq!(header(&opened(&key, &tokens.id_token))["alg"], "RS256");
                let renewed = app.refresh(&tokens.refresh_token).await.expect_tokens();
                assert_eq!(claims(&opened(&key, &renewed.id_token))["sub"], ada.user.id);
            }
        }
    }

    async fn n7_the_key_is_fetched_when_it_is_needed(server: TestServer) {
        server.user("ada").await;
        let site = Site::start().await;
        let first = key(KeyManagement::EcdhEs);
        let uri = site.put_json("/jwks", &set_of(&first));
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.jwks_uri = Some(uri);
            draft.metadata.id_token_encrypted_response_alg = Some("ECDH-ES".into());
        })
        .await;
        // What is kept of clients is dropped once more after a registration.
        server.settle().await;
        assert_eq!(site.asked(), 0);
        for _ in 0..3 {
            let tokens = app.tokens("ada", "openid").await;
            opened(&first, &tokens.id_token);
        }
        assert_eq!(site.asked(), 1);
        let second = key(KeyManagement::EcdhEs);
        site.put_json("/jwks", &set_of(&second));
        server.clock.advance_seconds(16 * 60);
        let tokens = app.tokens("ada", "openid").await;
        opened(&second, &tokens.id_token);
        assert_eq!(site.asked(), 2);
    }

    async fn without_a_key_nothing_goes_out_and_nothing_is_spent(server: TestServer) {
        server.user("ada").await;
        let site = Site::start().await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.jwks_uri = Some(format!("{}/jwks", site.base));
            draft.metadata.id_token_encrypted_response_alg = Some("ECDH-ES".into());
            draft.metadata.userinfo_encrypted_response_alg = Some("ECDH-ES".into());
        })
        .await;
        server.settle().await;
        let code = app.log_in_and_consent("ada", "openid").await;
        app.redeem(&code).await.expect(400, "invalid_request");
        app.redeem(&code).await.expect(400, "invalid_request");
        // However often it is tried, the site is not asked more than once a minute.
        assert_eq!(site.asked(), 1);
        let key = key(KeyManagement::EcdhEs);
        site.put_json("/jwks", &set_of(&key));
        let code = app.log_in_and_consent("ada", "openid").await;
        server.clock.advance_seconds(55);
        app.redeem(&code).await.expect(400, "invalid_request");
        let later = app.log_in_and_consent("ada", "openid").await;
        server.clock.advance_seconds(10);
        let tokens = app.redeem(&later).await.expect_tokens();
        opened(&key, &tokens.id_token);
    }

    async fn u7_userinfo_is_signed_by_every_algorithm_that_is_offered(server: TestServer) {
        let ada = server.user("ada").await;
        let offered = WebApp::register(&server).await.metadata().await;
        let algorithms = offered["userinfo_signing_alg_values_supported"].clone();
        let algorithms: Vec<String> = serde_json::from_value(algorithms).expect("an array");
        assert!(algorithms.contains(&"RS256".to_owned()));
        for alg in algorithms {
            let app = WebApp::register_as(&server, |draft| {
                draft.metadata.userinfo_signed_response_alg = Some(alg.clone());
            })
            .await;
            let code = app.code("ada", &[("scope", "openid email"), ("nonce", "n")]).await;
            let tokens = app.redeem(&code).await.expect_tokens();
            let reply = app.userinfo(&tokens.access_token).await;
            assert_eq!(reply.header("content-type"), "application/jwt");
            assert!(reply.header("cache-control").contains("no-store"));
            let (head, told) = (header(&reply.text), claims(&reply.text));
            assert_eq!(head["alg"], *alg);
            assert_eq!(
                (&told["iss"], &told["aud"], &told["sub"]),
                (&json!(server.issuer()), &json!(app.id), &json!(ada.user.id))
            );
            assert_eq!(told["email"], "ada@example.org");
            assert_eq!((&told["nonce"], &told["name"]), (&Value::Null, &Value::Null));
            let verifying = server.provider.keys.current();
            let key = verifying.verifying(head["kid"].as_str().expect("a kid"));
            assert!(key.is_some(), "{head}");
        }
    }

    async fn userinfo_is_encrypted_alone_or_after_it_is_signed(server: TestServer) {
        let ada = server.user("ada").await;
        let key = key(KeyManagement::RsaOaep256);
        for signed in [None, Some("ES256".to_owned())] {
            let app = WebApp::register_as(&server, |draft| {
                draft.metadata.jwks = Some(set_of(&key));
                draft.metadata.userinfo_encrypted_response_alg = Some("RSA-OAEP-256".into());
                draft.metadata.userinfo_encrypted_response_enc = Some("A128GCM".into());
                draft.metadata.userinfo_signed_response_alg.clone_from(&signed);
            })
            .await;
            let tokens = app.tokens("ada", "openid").await;
            assert_eq!(tokens.id_token.matches('.').count(), 2);
            let reply = app.userinfo(&tokens.access_token).await;
            assert_eq!((reply.status, reply.header("content-type")), (200, "application/jwt"));
            let outer = key.decrypt(&reply.text, &KeyManagement::PUBLIC).expect("it opens");
            let told = match signed {
                Some(_) => claims(outer.jwt().expect("a token is inside")),
                None => serde_json::from_slice(&outer.plaintext).expect("JSON"),
            };
            assert_eq!(told["sub"], ada.user.id);
        }
    }

    async fn ui_06_a_refused_token_is_refused_in_plain_words(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.userinfo_signed_response_alg = Some("RS256".into());
        })
        .await;
        let reply = app.userinfo("nonsense").await;
        assert_eq!(reply.status, 401);
        assert!(reply.header("www-authenticate").contains("invalid_token"));
    }

    async fn az_14_an_encrypted_hint_counts_when_we_can_open_it(server: TestServer) {
        server.user("ada").await;
        let own = key(KeyManagement::EcdhEs);
        let app = WebApp::register_as(&server, encrypting(&own)).await;
        let encrypted = app.tokens("ada", "openid").await.id_token;
        let silent = |hint: String| {
            let app = app.clone();
            async move { app.authorize(&[("prompt", "none"), ("id_token_hint", &hint)]).await }
        };
        // Only the client can open what is encrypted to it.
        silent(encrypted.clone()).await.expect_refusal("invalid_request");
        let inner = opened(&own, &encrypted);
        assert!(silent(inner.clone()).await.expect_answer().has("code"));
        let published = Reply::read(app.http.get(server.url("/jwks")).send().await.unwrap()).await;
        let keys = published.json["keys"].as_array().expect("keys").clone();
        let ours = keys.iter().find(|key| key["alg"] == "ECDH-ES").expect("a key to encrypt to");
        let ours = PublicJwk::from_value(ours).expect("a good key");
        let ours =
            EncryptionKey::from_jwk(&ours, KeyManagement::EcdhEs, ContentEncryption::A256Gcm);
        let ours = ours.expect("it encrypts");
        let again = ours.encrypt_jwt(&inner, None).expect("it can be encrypted");
        assert!(silent(again).await.expect_answer().has("code"));
        let nothing = ours.encrypt_jwt("e30.e30.", None).expect("it can be encrypted");
        let no_token = ours.encrypt(b"{}", None).expect("it can be encrypted");
        for garbage in [nothing, no_token, "a.b.c.d.e".to_owned(), "....".to_owned()] {
            silent(garbage).await.expect_refusal("invalid_request");
        }
    }

    async fn ca_16_a_client_without_a_fitting_key_cannot_ask_for_encryption(server: TestServer) {
        let signing = crate::support::crypto::key(countersign::jose::SigningAlgorithm::ES256);
        let ground = server.provider.ground();
        for set in [None, Some(jwks(&[&signing])), Some(set_of(&key(KeyManagement::RsaOaep256)))] {
            let mut draft = crate::support::web_app::draft();
            draft.metadata.jwks = set;
            draft.metadata.id_token_encrypted_response_alg = Some("ECDH-ES".into());
            let made = countersign::domain::clients::management::create(
                &ground, draft, crate::support::test_server::system(),
            );
            assert!(made.await.is_err());
        }
    }
}
