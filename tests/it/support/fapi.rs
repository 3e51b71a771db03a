//! Clients of the FAPI 2.0 profiles: they push, sign assertions, and hold a DPoP key.

use super::crypto::{jwks, key, sign};
use super::dpop::Prover;
use super::requests::{open, parameters, reference};
use super::{Answer, Code, Reply, TestServer, VERIFIER, WebApp};
use countersign::domain::clients::management::ClientDraft;
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use countersign::protocol::client::{AuthMethod, Profile};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client with its keys.
#[derive(Clone)]
pub struct Fapi {
    pub app: WebApp,
    pub key: Arc<SigningKey>,
    pub prover: Prover,
}

impl Fapi {
    /// A client of the security profile that signs by ES256.
    pub async fn register(server: &TestServer) -> Self {
        Self::register_as(server, SigningAlgorithm::ES256, Profile::Fapi2, |_| {}).await
    }

    /// A client of a profile.
    pub async fn register_as(
        server: &TestServer,
        algorithm: SigningAlgorithm,
        profile: Profile,
        change: impl FnOnce(&mut ClientDraft),
    ) -> Self {
        let key = key(algorithm);
        let set = jwks(&[&key]);
        let app = WebApp::register_as(server, |draft| {
            draft.metadata.jwks = Some(set);
            draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            draft.policy.profile = profile;
            change(draft);
        })
        .await;
        Self { app, key: Arc::new(key), prover: Prover::new() }
    }

    /// The claims of a good assertion.
    pub fn claims(&self, server: &TestServer) -> Value {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = server.provider.now().as_unix();
        json!({
            "iss": self.app.id, "sub": self.app.id, "aud": server.issuer(), "iat": now, "nbf": now,
            "exp": now + 60, "jti": format!("assertion-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        })
    }

    /// Posts a form with an assertion of these claims.
    pub async fn call_as(
        &self,
        (path, claims): (&str, &Value),
        form: &[(&str, &str)],
        proofs: &[&str],
    ) -> Reply {
        let assertion = sign(&self.key, Typ::ClientAssertion, claims);
        let proof = [("client_assertion", &*assertion), ("client_assertion_type", ASSERTION_TYPE)];
        let headers: Vec<_> = proofs.iter().map(|proof| ("dpop", *proof)).collect();
        self.app.call_with(path, &[form, &proof].concat(), &headers).await
    }

    /// Pushes a form.
    pub async fn push_form(&self, server: &TestServer, form: &[(&str, &str)]) -> Reply {
        self.call_as(("/par", &self.claims(server)), form, &[]).await
    }

    /// Pushes a request.
    pub async fn push(&self, server: &TestServer, extra: &[(&str, &str)]) -> Reply {
        let request = parameters(&self.app, extra);
        let form: Vec<(&str, &str)> = request.iter().map(|(a, b)| (&**a, &**b)).collect();
        self.push_form(server, &form).await
    }

    /// Signs in and allows, for the answer to a request.
    pub async fn pass(&self, server: &TestServer, extra: &[(&str, &str)]) -> Answer {
        let pushed = reference(&self.push(server, extra).await);
        self.finish(&pushed).await
    }

    /// Takes the browser to us with a reference, signs in and allows.
    pub async fn finish(&self, request_uri: &str) -> Answer {
        self.app.finish("ada", open(&self.app, request_uri).await).await
    }

    /// A code for a scope.
    pub async fn code(&self, server: &TestServer, scope: &str) -> Code {
        let prompt = if scope.contains("offline_access") { "consent" } else { "" };
        let answer = self.pass(server, &[("scope", scope), ("prompt", prompt)]).await;
        assert!(answer.has("code"), "{answer:?}");
        Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() }
    }

    /// Asks the token endpoint, with a proof.
    pub async fn token(&self, server: &TestServer, form: &[(&str, &str)]) -> Reply {
        let proof = self.prover.for_token(server);
        self.call_as(("/token", &self.claims(server)), form, &[&proof]).await
    }

    /// Redeems a code.
    pub async fn redeem(&self, server: &TestServer, code: &Code) -> Reply {
        let form = self.redemption(code);
        self.token(server, &form).await
    }

    /// What redeems a code.
    pub fn redemption<'a>(&'a self, code: &'a Code) -> [(&'a str, &'a str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", &code.value),
            ("redirect_uri", &self.app.redirect_uri),
            ("code_verifier", &code.verifier),
        ]
    }
}
