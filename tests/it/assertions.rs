//! Signed assertions as client authentication (RFC 7523): with a secret, and with keys that the
//! client publishes and changes.

use crate::support::crypto::{jwks, key, sign};
use crate::support::stub::Document;
use crate::support::test_server::system;
use crate::support::{Reply, Store, TestServer, WebApp, both};
use countersign::domain::clients::management::{self, ClientDraft};
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use countersign::protocol::client::{AuthMethod, GrantType};
use countersign::protocol::time::Lifetime;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn service(method: AuthMethod) -> impl FnOnce(&mut ClientDraft) {
    move |draft| {
        draft.metadata.grant_types = vec![GrantType::ClientCredentials];
        draft.metadata.redirect_uris.clear();
        draft.metadata.token_endpoint_auth_method = method;
    }
}

fn good(server: &TestServer, app: &WebApp) -> Value {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = server.provider.now().as_unix();
    json!({
        "iss": app.id, "sub": app.id, "aud": server.issuer(), "iat": now, "exp": now + 60,
        "jti": format!("jti-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
    })
}

async fn present(app: &WebApp, assertion: &str) -> Reply {
    let form = [GRANT, ("client_assertion", assertion), ("client_assertion_type", ASSERTION_TYPE)];
    app.token(&form).await
}

fn by_secret(secret: &str) -> SigningKey {
    SigningKey::from_secret(SigningAlgorithm::HS256, secret.as_bytes()).expect("a key")
}

async fn signed_with(server: &TestServer, app: &WebApp, key: &SigningKey) -> Reply {
    present(app, &sign(key, Typ::ClientAssertion, &good(server, app))).await
}

both! {
    async fn an_assertion_of_an_hour_is_taken_from_a_clock_that_is_ahead(server: TestServer) {
        let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretJwt)).await;
        let key = SigningKey::from_secret(SigningAlgorithm::HS256, app.secret.as_bytes());
        let key = key.expect("a secret is a key");
        let now = server.provider.now().as_unix();
        for (ahead, taken) in [(0, true), (30, true), (60, true), (61, false)] {
            let mut claims = good(&server, &app);
            claims["iat"] = json!(now + ahead);
            claims["exp"] = json!(now + ahead + 3600);
            let reply = present(&app, &sign(&key, Typ::ClientAssertion, &claims)).await;
            assert_eq!(reply.status == 200, taken, "{ahead}: {}", reply.text);
        }
    }

    async fn t1_an_assertion_signed_with_the_secret_is_client_secret_jwt(server: TestServer) {
        let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretJwt)).await;
        signed_with(&server, &app, &by_secret(&app.secret)).await.expect_tokens();
        for aud in [json!(format!("{}/token", server.issuer())), json!([server.issuer()])] {
            let mut claims = good(&server, &app);
            claims["aud"] = aud;
            let assertion = sign(&by_secret(&app.secret), Typ::ClientAssertion, &claims);
            present(&app, &assertion).await.expect_tokens();
        }
    }

    async fn ca_09_an_endpoint_takes_its_own_address_for_the_audience_and_no_others(server: TestServer) {
        let app = WebApp::register_as(&server, |draft| {
            draft.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretJwt;
            draft.metadata.grant_types.extend([GrantType::ClientCredentials, GrantType::Ciba]);
        })
        .await;
        server.user("ada").await;
        let call = async |path: &str, aud: &str| {
            let mut claims = good(&server, &app);
            claims["aud"] = json!(format!("{}{aud}", server.issuer()));
            let assertion = sign(&by_secret(&app.secret), Typ::ClientAssertion, &claims);
            let challenge = crate::support::challenge(crate::support::VERIFIER);
            let form = [
                ("client_assertion", &*assertion), ("client_assertion_type", ASSERTION_TYPE),
                ("grant_type", "client_credentials"), ("response_type", "code"),
                ("redirect_uri", "https://app.example/cb"), ("code_challenge", &challenge),
                ("code_challenge_method", "S256"), ("scope", "openid"), ("login_hint", "ada"),
                ("token", "x"),
            ];
            let form: Vec<_> = form
                .into_iter()
                .filter(|(name, _)| path != "/token" || *name != "scope")
                .collect();
            app.call(path, &form).await
        };
        let endpoints =
            ["/token", "/par", "/backchannel_authentication", "/introspect", "/revoke"];
        for path in endpoints {
            for aud in ["", "/token"].into_iter().chain(endpoints) {
                let reply = call(path, aud).await;
                let is_taken = ["", "/token", path].contains(&aud);
                assert_eq!(reply.status != 401, is_taken, "{aud} at {path}: {}", reply.text);
                assert!(reply.status < 300 || !is_taken, "{aud} at {path}: {}", reply.text);
            }
        }
    }

    async fn t2_an_assertion_signed_with_a_secret_keeps_every_rule(server: TestServer) {
        let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretJwt)).await;
        let own = by_secret(&app.secret);
        let once = sign(&own, Typ::ClientAssertion, &good(&server, &app));
        present(&app, &once).await.expect_tokens();
        present(&app, &once).await.expect(401, "invalid_client");
        let now = server.provider.now().as_unix();
        for (name, value) in [
            ("iss", json!("another")),
            ("sub", json!("another")),
            ("aud", json!("https://other.example")),
            ("aud", json!([server.issuer(), "https://other.example"])),
            ("exp", json!(now - 300)),
            ("exp", Value::Null),
            ("nbf", json!(now + 120)),
            ("jti", Value::Null),
        ] {
            let mut claims = good(&server, &app);
            claims[name] = value;
            claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
            let assertion = sign(&own, Typ::ClientAssertion, &claims);
            present(&app, &assertion).await.expect(401, "invalid_client");
        }
    }

    async fn ca_07_ca_03_only_the_secret_signs_and_only_signing_proves(server: TestServer) {
        let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretJwt)).await;
        let other = by_secret(&"x".repeat(43));
        signed_with(&server, &app, &other).await.expect(401, "invalid_client");
        let rsa = key(SigningAlgorithm::RS256);
        signed_with(&server, &app, &rsa).await.expect(401, "invalid_client");
        for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost, AuthMethod::None] {
            let other = WebApp { method, ..app.clone() };
            other.token(&[GRANT]).await.expect(401, "invalid_client");
        }
        // Nor does somebody with a key get in by a secret that everyone knows: the key itself.
        let own = key(SigningAlgorithm::ES256);
        let set = jwks(&[&own]);
        let with_key = WebApp::register_as(&server, |draft| {
            service(AuthMethod::PrivateKeyJwt)(draft);
            draft.metadata.jwks = Some(set);
        })
        .await;
        let public = by_secret(&own.public_jwk().to_string());
        signed_with(&server, &with_key, &public).await.expect(401, "invalid_client");
        signed_with(&server, &with_key, &own).await.expect_tokens();
    }

    async fn ca_19_two_secrets_sign_while_one_is_rotated(server: TestServer) {
        let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretJwt)).await;
        let ground = server.provider.ground();
        let overlap = Lifetime::hours(1);
        let rotated = management::rotate_secret(&ground, &app.id, overlap, system()).await;
        let rotated = rotated.expect("the secret can be rotated");
        server.settle().await;
        signed_with(&server, &app, &by_secret(&app.secret)).await.expect_tokens();
        signed_with(&server, &app, &by_secret(&rotated)).await.expect_tokens();
        server.clock.advance_seconds(3601);
        let old = signed_with(&server, &app, &by_secret(&app.secret)).await;
        old.expect(401, "invalid_client");
        signed_with(&server, &app, &by_secret(&rotated)).await.expect_tokens();
    }

    async fn t1_a_client_that_starts_to_sign_with_its_secret_gets_a_new_one(server: TestServer) {
        let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretBasic)).await;
        let ground = server.provider.ground();
        let client = management::find(&ground, &app.id).await.expect("a read").expect("a client");
        let mut draft = ClientDraft {
            id: None,
            name: client.name.clone(),
            metadata: client.metadata.clone(),
            policy: client.policy.clone(),
        };
        draft.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretJwt;
        let changed = management::update(&ground, &app.id, draft, system()).await;
        let secret = changed.expect("it can be changed").secret.expect("a new secret");
        server.settle().await;
        let app = WebApp { method: AuthMethod::ClientSecretJwt, ..app };
        signed_with(&server, &app, &by_secret(&app.secret)).await.expect(401, "invalid_client");
        signed_with(&server, &app, &by_secret(&secret)).await.expect_tokens();
    }

    async fn t2_ca_11_of_many_replays_on_two_instances_one_is_taken(server: TestServer) {
        let own = key(SigningAlgorithm::ES256);
        let set = jwks(&[&own]);
        let app = WebApp::register_as(&server, |draft| {
            service(AuthMethod::PrivateKeyJwt)(draft);
            draft.metadata.jwks = Some(set);
        })
        .await;
        let beside = server.beside_if_possible().await;
        let other = app.turned_to_other(beside.as_ref());
        let once = sign(&own, Typ::ClientAssertion, &good(&server, &app));
        let tasks = (0..40).map(|index| {
            let app = if index % 2 == 0 { app.clone() } else { other.clone() };
            let once = once.clone();
            async move { present(&app, &once).await }
        });
        let replies = tasks.collect::<JoinSet<_>>().join_all().await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
        let others = replies.iter().filter(|reply| reply.status != 200);
        others.for_each(|reply| assert!(matches!(reply.status, 401 | 429), "{}", reply.text));
    }

    async fn t1_a_registration_names_what_its_method_needs_and_no_more(server: TestServer) {
        let ground = server.provider.ground();
        let refuse = async |change: &dyn Fn(&mut ClientDraft)| {
            let mut draft = crate::support::web_app::draft();
            change(&mut draft);
            assert!(management::create(&ground, draft.clone(), system()).await.is_err(), "{draft:?}");
        };
        let with = |method: AuthMethod| move |draft: &mut ClientDraft| {
            draft.metadata.token_endpoint_auth_method = method;
        };
        refuse(&with(AuthMethod::TlsClientAuth)).await;
        refuse(&with(AuthMethod::SelfSignedTlsClientAuth)).await;
        refuse(&with(AuthMethod::PrivateKeyJwt)).await;
        refuse(&|draft| {
            with(AuthMethod::TlsClientAuth)(draft);
            draft.metadata.sender.tls_client_auth_san_dns = Some("a.example".into());
            draft.metadata.sender.tls_client_auth_san_ip = Some("192.0.2.1".into());
        })
        .await;
        refuse(&|draft| {
            with(AuthMethod::TlsClientAuth)(draft);
            draft.metadata.sender.tls_client_auth_san_ip = Some("a.example".into());
        })
        .await;
        refuse(&|draft| {
            draft.metadata.sender.tls_client_auth_san_dns = Some("a.example".into());
        })
        .await;
        refuse(&|draft| {
            with(AuthMethod::ClientSecretJwt)(draft);
            draft.metadata.token_endpoint_auth_signing_alg = Some("RS256".into());
        })
        .await;
        refuse(&|draft| {
            draft.metadata.token_endpoint_auth_signing_alg = Some("HS256".into());
        })
        .await;
    }
}

/// A server that may call this machine, and a client that publishes its keys there.
async fn publishing(store: Store, keys: &[&SigningKey]) -> (TestServer, WebApp, Document) {
    let server = TestServer::with_on(store, |config| {
        config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    let document = Document::serve(&jwks(keys));
    let uri = document.uri.clone();
    let app = WebApp::register_as(&server, |draft| {
        service(AuthMethod::PrivateKeyJwt)(draft);
        draft.metadata.jwks_uri = Some(uri);
    })
    .await;
    (server, app, document)
}

/// T8, N7: fetched when needed, again for an unknown key, and not more than once a minute.
async fn rotates(store: Store) {
    let (old, new) = (key(SigningAlgorithm::ES256), key(SigningAlgorithm::PS256));
    let (server, app, document) = publishing(store, &[&old]).await;
    assert_eq!(document.calls(), 0, "not at registration");
    signed_with(&server, &app, &old).await.expect_tokens();
    signed_with(&server, &app, &old).await.expect_tokens();
    assert_eq!(document.calls(), 1);

    document.replace(&jwks(&[&old, &new]));
    server.clock.advance_seconds(59);
    signed_with(&server, &app, &new).await.expect(401, "invalid_client");
    assert_eq!(document.calls(), 1);
    server.clock.advance_seconds(1);
    signed_with(&server, &app, &new).await.expect_tokens();
    signed_with(&server, &app, &old).await.expect_tokens();
    assert_eq!(document.calls(), 2);

    // A key that was withdrawn ends with the age of the set.
    document.replace(&jwks(&[&new]));
    server.clock.advance_seconds(15 * 60);
    signed_with(&server, &app, &old).await.expect(401, "invalid_client");
    signed_with(&server, &app, &new).await.expect_tokens();
}

/// CA-15: many unknown keys at once are one fetch.
async fn storm(store: Store) {
    let own = key(SigningAlgorithm::ES256);
    let (server, app, document) = publishing(store, &[&own]).await;
    signed_with(&server, &app, &own).await.expect_tokens();
    server.clock.advance_seconds(61);
    let strangers: Vec<_> = (0..15).map(|_| key(SigningAlgorithm::ES256)).collect();
    let tasks = strangers.iter().map(|stranger| {
        let assertion = sign(stranger, Typ::ClientAssertion, &good(&server, &app));
        let app = app.clone();
        async move { present(&app, &assertion).await }
    });
    for reply in tasks.collect::<JoinSet<_>>().join_all().await {
        reply.expect(401, "invalid_client");
    }
    assert_eq!(document.calls(), 2);
    signed_with(&server, &app, &own).await.expect_tokens();
}

/// CA-15: a change to a client, or to another, is no reason to fetch.
async fn changes(store: Store) {
    let own = key(SigningAlgorithm::ES256);
    let (server, app, document) = publishing(store, &[&own]).await;
    signed_with(&server, &app, &own).await.expect_tokens();
    for _ in 0..5 {
        WebApp::register(&server).await;
        server.provider.forget();
        signed_with(&server, &app, &own).await.expect_tokens();
        signed_with(&server, &app, &key(SigningAlgorithm::ES256))
            .await
            .expect(401, "invalid_client");
    }
    assert_eq!(document.calls(), 1);
    server.clock.advance_seconds(60);
    signed_with(&server, &app, &key(SigningAlgorithm::ES256)).await.expect(401, "invalid_client");
    assert_eq!(document.calls(), 2);
}

mod ca_15_a_change_to_a_client_is_no_reason_to_fetch {
    use super::*;

    #[tokio::test]
    async fn on_sqlite() {
        changes(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        changes(Store::Postgres).await;
    }
}

mod t8_a_new_key_of_jwks_uri_works_within_a_minute {
    use super::*;

    #[tokio::test]
    async fn on_sqlite() {
        rotates(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        rotates(Store::Postgres).await;
    }
}

mod t8_ca_15_a_storm_of_unknown_keys_is_one_fetch {
    use super::*;

    #[tokio::test]
    async fn on_sqlite() {
        storm(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        storm(Store::Postgres).await;
    }
}
