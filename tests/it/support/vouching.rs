//! Somebody outside who vouches for Ada, and the client that brings what they say (RFC 7523 §2.1).

use super::crypto::{jwks, key, sign};
use super::test_server::system;
use super::{Reply, TestServer, WebApp};
use countersign::domain::identity::users::{self, Account};
use countersign::domain::issuers::management::{self, IssuerDraft};
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use countersign::protocol::client::GrantType;
use countersign::protocol::trusted_issuer::TrustedIssuer;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

pub const ISSUER: &str = "https://partner.example";
/// `grant_type` of the grant.
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An issuer with its key, and a client.
pub struct Voucher {
    pub key: SigningKey,
    pub issuer: TrustedIssuer,
    pub app: WebApp,
    pub ada: Account,
    audience: String,
    now: i64,
}

impl Voucher {
    /// Trusts an issuer, with its description changed; its `ada-there` is our Ada.
    pub async fn build(server: &TestServer, change: impl FnOnce(&mut IssuerDraft)) -> Self {
        let ground = server.provider.ground();
        let found = users::find_by_any_name(&ground, "ada").await.expect("a database");
        let ada = match found {
            Some(found) => found,
            None => server.user("ada").await,
        };
        let app = WebApp::register_as(server, |draft| {
            draft.metadata.grant_types = vec![GrantType::JwtBearer];
            draft.metadata.redirect_uris.clear();
            draft.metadata.post_logout_redirect_uris.clear();
            draft.metadata.scope = "openid orders:read orders:write".parse().expect("a scope");
        })
        .await;
        let key = key(SigningAlgorithm::ES256);
        let mut draft =
            IssuerDraft { issuer: ISSUER.into(), name: "Partner".into(), ..Default::default() };
        draft.settings.jwks = Some(jwks(&[&key]));
        draft.settings.clients = vec![app.id.clone()];
        change(&mut draft);
        let own = Some(server.issuer());
        let issuer = management::create(&ground, draft, own, system()).await.expect("it is made");
        management::map(&ground, &issuer.id, "ada-there", &ada.user.id, system())
            .await
            .expect("it is mapped");
        let now = server.provider.now().as_unix();
        Self { key, issuer, app, ada, audience: server.issuer().to_owned(), now }
    }

    /// The claims of a good assertion with changes; null takes one away.
    pub fn claims(&self, changes: &Value) -> Value {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut claims = json!({
            "iss": self.issuer.issuer, "sub": "ada-there", "aud": self.audience,
            "iat": self.now, "nbf": self.now, "exp": self.now + 120,
            "jti": format!("assertion-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        });
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        claims
    }

    /// A good assertion, changed.
    pub fn assertion(&self, changes: &Value) -> String {
        sign(&self.key, Typ::ClientAssertion, &self.claims(changes))
    }

    /// Brings an assertion.
    pub async fn bring(&self, changes: &Value) -> Reply {
        self.bring_with(changes, &[]).await
    }

    /// Brings an assertion with more parameters.
    pub async fn bring_with(&self, changes: &Value, extra: &[(&str, &str)]) -> Reply {
        Self::send(&self.app, &self.assertion(changes), extra).await
    }

    /// Brings a text as an assertion.
    pub async fn send(app: &WebApp, assertion: &str, extra: &[(&str, &str)]) -> Reply {
        let mut form = vec![("grant_type", GRANT), ("assertion", assertion)];
        form.extend_from_slice(extra);
        app.token(&form).await
    }
}
