//! What is listed about clients: how they prove who they are, their grants, their DPoP keys.

use super::{Stage, code};
use crate::support::certificates::{Issued, SAN_DNS};
use crate::support::ciba;
use crate::support::crypto::{claims, jwks, key, sign};
use crate::support::device;
use crate::support::dpop::Prover;
use crate::support::landscape::{EXCHANGE, GATEWAY, ORDERS, resource, service};
use crate::support::vouching::{self, Voucher};
use crate::support::{Reply, TestServer, WebApp};
use countersign::domain::clients::management::ClientDraft;
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use countersign::protocol::client::{AuthMethod, GrantType};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};

pub const METHODS: &[&str] = &[
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
];
/// All but the last.
pub const METHODS_WITH_PROOF: &[&str] = METHODS.split_at(METHODS.len() - 1).0;
pub const ASSERTIONS: &[&str] = &["RS256", "PS256", "ES256", "EdDSA", "HS256"];

pub const GRANTS: &[&str] = &[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    EXCHANGE,
    vouching::GRANT,
    device::GRANT,
    ciba::GRANT,
    "implicit",
];

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that uses a method. A public one has no grant of its own, so all have a user's.
fn using(method: AuthMethod) -> impl FnOnce(&mut ClientDraft) {
    move |draft| {
        draft.metadata.token_endpoint_auth_method = method;
        if method != AuthMethod::None {
            draft.metadata.grant_types.push(GrantType::ClientCredentials);
        }
    }
}

/// What each endpoint is asked, and what it says to those who proved who they are.
async fn accepted(app: &WebApp, path: &str, proof: &[(&str, &str)]) {
    let form: &[(&str, &str)] = match (path, app.method) {
        ("/token", AuthMethod::None) => &[
            ("grant_type", "authorization_code"),
            ("code", "x"),
            ("redirect_uri", "https://app.example/cb"),
            ("code_verifier", crate::support::VERIFIER),
        ],
        ("/token", _) => &[("grant_type", "client_credentials")],
        _ => &[("token", "x")],
    };
    let reply: Reply = app.call(path, &[form, proof].concat()).await;
    match (path, app.method) {
        // Nothing but the code is wrong.
        ("/token", AuthMethod::None) => reply.expect(400, "invalid_grant"),
        _ => assert_eq!(reply.status, 200, "{} at {path}: {}", app.method, reply.text),
    }
}

pub async fn method(stage: &Stage, path: &str, name: &str) {
    let method: AuthMethod = name.parse().expect("a method");
    let signer = key(SigningAlgorithm::ES256);
    let shown = match method {
        AuthMethod::TlsClientAuth => Issued::client(Some(&stage.mutual.authority)),
        _ => Issued::client(None),
    };
    let mut app = stage
        .client(|draft| {
            using(method)(draft);
            match method {
                AuthMethod::PrivateKeyJwt => draft.metadata.jwks = Some(jwks(&[&signer])),
                AuthMethod::SelfSignedTlsClientAuth => {
                    draft.metadata.jwks = Some(json!({ "keys": [shown.jwk()] }));
                }
                AuthMethod::TlsClientAuth => {
                    draft.metadata.sender.tls_client_auth_san_dns = Some(SAN_DNS.into());
                }
                _ => {}
            }
        })
        .await;
    if method.shows_certificate() {
        (app.http, app.base) = (shown.http(), stage.mutual.url.clone());
    }
    let signed = match method {
        AuthMethod::ClientSecretJwt => Some(by_secret(&app)),
        AuthMethod::PrivateKeyJwt => Some(signer),
        _ => None,
    };
    let assertion = signed.map(|key| asserted(stage.server(), &app, &key)).unwrap_or_default();
    let proof = [("client_assertion", &*assertion), ("client_assertion_type", ASSERTION_TYPE)];
    accepted(&app, path, if assertion.is_empty() { &[] } else { &proof }).await;
}

pub async fn assertion(stage: &Stage, path: &str, alg: &str) {
    let alg: SigningAlgorithm = alg.parse().expect("an algorithm");
    let (method, own) = match alg {
        SigningAlgorithm::HS256 => (AuthMethod::ClientSecretJwt, None),
        other => (AuthMethod::PrivateKeyJwt, Some(key(other))),
    };
    let app = stage
        .client(|draft| {
            using(method)(draft);
            draft.metadata.jwks = own.as_ref().map(|own| jwks(&[own]));
        })
        .await;
    let own = own.unwrap_or_else(|| by_secret(&app));
    let assertion = asserted(stage.server(), &app, &own);
    let proof = [("client_assertion", &*assertion), ("client_assertion_type", ASSERTION_TYPE)];
    accepted(&app, path, &proof).await;
}

fn by_secret(app: &WebApp) -> SigningKey {
    let key = SigningKey::from_secret(SigningAlgorithm::HS256, app.secret.as_bytes());
    key.expect("a secret is a key")
}

fn asserted(server: &TestServer, app: &WebApp, key: &SigningKey) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let claims = json!({
        "iss": app.id, "sub": app.id, "aud": server.issuer(),
        "exp": server.provider.now().as_unix() + 60,
        "jti": format!("jti-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
    });
    sign(key, Typ::ClientAssertion, &claims)
}

pub async fn grant(stage: &Stage, grant: &str) {
    let app = &stage.app;
    match grant {
        "authorization_code" => drop(app.tokens("ada", "openid").await),
        "refresh_token" => {
            let tokens = app.tokens("ada", "openid offline_access").await;
            app.refresh(&tokens.refresh_token).await.expect_tokens();
        }
        "client_credentials" => {
            let app = WebApp::register_service(stage.server()).await;
            let tokens = app.token(&[("grant_type", grant)]).await.expect_tokens();
            assert_eq!(claims(&tokens.access_token)["sub"], *app.id);
        }
        EXCHANGE => exchanged(stage).await,
        vouching::GRANT => {
            let voucher = Voucher::build(stage.server(), |_| {}).await;
            voucher.bring(&json!({})).await.expect_tokens();
        }
        device::GRANT => {
            let app = WebApp::register_device(stage.server()).await.in_browser_of(app);
            let codes = app.device("openid").await;
            app.let_in("ada", &codes).await;
            app.poll(&codes).await.expect_tokens();
        }
        ciba::GRANT => super::elsewhere::mode(stage, "poll").await,
        "implicit" => super::answers::response_type(stage, "id_token token").await,
        other => panic!("no case covers the grant {other}"),
    }
}

/// A gateway passes a person's token on in its own name.
async fn exchanged(stage: &Stage) {
    const ASKED: &str = "openid gateway:use orders:read";
    resource(stage.server(), GATEWAY, &["gateway:use"], |_| {}).await;
    let gateway = service("gateway", GATEWAY, &[ORDERS], "orders:read");
    let gateway = WebApp::register_as(stage.server(), gateway).await;
    let app = stage.client(|draft| draft.metadata.scope = ASKED.parse().expect("a scope")).await;
    let code = app.code("ada", &[("scope", ASKED), ("resource", GATEWAY)]).await;
    let token = app.redeem(&code).await.expect_tokens().access_token;
    let actor = gateway.own_token().await;
    let passed = gateway.act_for(&token, &actor, &[]).await.expect_tokens();
    assert_eq!(claims(&passed.access_token)["act"], json!({ "sub": "gateway" }));
}

/// A client is what the document at its `client_id` says.
pub async fn described(stage: &Stage) {
    let id = format!("{}/client.json", stage.documents.base);
    let redirect_uri = "https://assistant.example/cb";
    let document = json!({
        "client_id": id, "client_name": "Assistant", "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": "none",
    });
    stage.documents.put("/client.json", &document);
    let app = WebApp {
        id,
        secret: String::new(),
        redirect_uri: redirect_uri.into(),
        method: AuthMethod::None,
        ..stage.app.clone()
    };
    let answer = app.pass("ada", &[]).await;
    app.redeem(&code(answer.get("code"))).await.expect_tokens();
}

pub async fn dpop(stage: &Stage, alg: &str) {
    let prover = Prover::with(alg.parse().expect("an algorithm"));
    let answer = stage.app.pass("ada", &[]).await;
    let code = code(answer.get("code"));
    let proof = prover.for_token(stage.server());
    let tokens = stage.app.redeem_with(&code, &proof).await.expect_dpop();
    assert_eq!(claims(&tokens.access_token)["cnf"]["jkt"], prover.jkt());
    let proof = prover.for_userinfo(stage.server(), &tokens.access_token);
    let authorization = format!("DPoP {}", tokens.access_token);
    assert_eq!(stage.app.userinfo_with(&authorization, &[&proof]).await.status, 200);
}
