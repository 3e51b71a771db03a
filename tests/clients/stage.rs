//! A provider in real time, a registered client, and a script that plays the client.

use crate::packages;
use crate::support::certificates::Issued;
use crate::support::crypto::{jwks, key};
use crate::support::landscape::{ORDERS, resource};
use crate::support::test_server::PASSWORD;
use crate::support::web_app::draft;
use crate::support::{Store, TestServer};
use base64::{Engine, prelude::BASE64_STANDARD};
use countersign::config::Config;
use countersign::domain::clients::management::{ClientDraft, Created};
use countersign::jose::{SigningAlgorithm, SigningKey};
use countersign::protocol::client::{AuthMethod, GrantType};
use countersign::protocol::time::{Clock, SystemClock};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long one script may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running provider with one user, Ada.
pub struct Stage {
    pub server: TestServer,
}

impl Stage {
    pub async fn set() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings of one's own.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::of(TestServer::with_on(Store::Sqlite, change).await).await
    }

    /// With a server that runs.
    pub async fn of(server: TestServer) -> Self {
        server.user("ada").await;
        let clock = server.clock.clone();
        // Libraries compare what they get, and date what they sign, by the real time.
        tokio::spawn(async move {
            loop {
                clock.advance_seconds(SystemClock.now().seconds_since(clock.now()));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        Self { server }
    }

    /// Makes a resource.
    pub async fn orders(&self) {
        resource(&self.server, ORDERS, &["orders:read"], |_| {}).await;
    }

    /// Registers a client.
    pub async fn client(&self, change: impl FnOnce(&mut ClientDraft)) -> Created {
        let mut draft = draft();
        change(&mut draft);
        self.server.client(draft).await
    }

    /// Registers a client with a key of its own, which the script gets.
    pub async fn client_with_key(
        &self,
        algorithm: SigningAlgorithm,
        change: impl FnOnce(&mut ClientDraft),
    ) -> (Created, Value) {
        let key = key(algorithm);
        let set = jwks(&[&key]);
        let created = self.client(|draft| {
            draft.metadata.jwks = Some(set);
            change(draft);
        });
        (created.await, private(&key))
    }

    /// What a script is told of the provider and its client.
    pub fn brief(&self, client: &Created) -> Value {
        let metadata = &client.client.metadata;
        json!({
            "issuer": self.server.issuer(),
            "client_id": client.client.id,
            "client_secret": client.secret,
            "redirect_uri": metadata.redirect_uris.first(),
            "backchannel_logout_uri": metadata.logout.backchannel_logout_uri,
            "post_logout_redirect_uri": metadata.post_logout_redirect_uris.first(),
            "user": { "username": "ada", "password": PASSWORD, "email": "ada@example.org" },
        })
    }

    /// Lets a Node script play a flow.
    pub async fn node(&self, script: &'static str, flow: &str, client: &Created) {
        play(move || packages::node(script), flow, self.brief(client)).await;
    }

    /// Lets a Node script play a flow by a brief of one's own.
    pub async fn node_briefed(&self, script: &'static str, flow: &str, brief: Value) {
        play(move || packages::node(script), flow, brief).await;
    }

    /// As [`Stage::node`], for a client with a key.
    pub async fn node_with_key(&self, script: &'static str, flow: &str, client: (Created, Value)) {
        let mut brief = self.brief(&client.0);
        brief["key"] = client.1;
        play(move || packages::node(script), flow, brief).await;
    }

    /// As [`Stage::node`], for a client with a certificate.
    pub async fn node_with_certificate(
        &self,
        script: &'static str,
        flow: &str,
        (client, shown): (&Created, &Issued),
    ) {
        let text = |pem: Vec<u8>| String::from_utf8(pem).expect("PEM is ASCII");
        let key = shown.key.private_key_to_pem_pkcs8().expect("a private key");
        let mut brief = self.brief(client);
        brief["certificate"] = json!({
            "cert": text(shown.pem()), "key": text(key), "thumbprint": shown.thumbprint(),
        });
        play(move || packages::node(script), flow, brief).await;
    }

    /// Lets a Python script play a flow.
    pub async fn python(&self, script: &'static str, flow: &str, client: &Created) {
        play(move || packages::python(script), flow, self.brief(client)).await;
    }

    /// Lets a Python script play a flow by a brief of one's own.
    pub async fn python_briefed(&self, script: &'static str, flow: &str, brief: Value) {
        play(move || packages::python(script), flow, brief).await;
    }

    /// As [`Stage::python`], for a client with a key.
    pub async fn python_with_key(
        &self,
        script: &'static str,
        flow: &str,
        client: (Created, Value),
    ) {
        let mut brief = self.brief(&client.0);
        brief["key"] = client.1;
        play(move || packages::python(script), flow, brief).await;
    }
}

/// A key as scripts get it.
pub fn private(key: &SigningKey) -> Value {
    let der = key.to_private_der().expect("a private key");
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        BASE64_STANDARD.encode(&*der)
    );
    json!({ "pem": pem, "kid": key.kid(), "alg": key.algorithm().as_str() })
}

/// Runs a script on its brief. It fails by its exit code, and passes only by its last words.
async fn play(command: impl FnOnce() -> Command + Send + 'static, flow: &str, mut brief: Value) {
    brief["flow"] = flow.into();
    let played = tokio::task::spawn_blocking(move || {
        let mut command = command();
        command.env("NO_PROXY", "127.0.0.1,localhost");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the interpreter is installed");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin.write_all(brief.to_string().as_bytes()).expect("the script reads");
        drop(stdin);
        child.wait_with_output().expect("the script ends")
    });
    let ended = tokio::time::timeout(PATIENCE, played).await;
    let ended = ended.unwrap_or_else(|_| panic!("{flow} took over {PATIENCE:?}")).expect("it ran");
    let said = packages::told(&ended);
    assert!(ended.status.success(), "{flow}: {said}");
    let words = format!("{flow} done");
    let last = String::from_utf8_lossy(&ended.stdout).lines().last().map(str::to_owned);
    assert_eq!(last.as_deref(), Some(&*words), "{flow}: {said}");
}

/// A client without a user.
pub fn service(draft: &mut ClientDraft) {
    draft.metadata.grant_types = vec![GrantType::ClientCredentials];
    draft.metadata.redirect_uris.clear();
    draft.metadata.post_logout_redirect_uris.clear();
    draft.metadata.scope = "orders:read orders:write".parse().expect("a scope");
}

/// An app that exchanges the tokens of people for those of orders, in its own name.
pub fn gateway(draft: &mut ClientDraft) {
    draft.id = Some("gateway".into());
    draft.metadata.grant_types.extend([GrantType::ClientCredentials, GrantType::TokenExchange]);
    draft.policy.exchange.audiences = vec![ORDERS.into()];
    draft.policy.exchange.actors = vec!["gateway".into()];
}

/// A client that sends its secret in the form.
pub fn secret_post(draft: &mut ClientDraft) {
    draft.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
}

/// A client that signs assertions with its secret.
pub fn client_secret_jwt(draft: &mut ClientDraft) {
    draft.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretJwt;
}

/// A client that signs assertions.
pub fn private_key_jwt(draft: &mut ClientDraft) {
    draft.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
}

/// A client that asks people who are elsewhere.
pub fn ciba(draft: &mut ClientDraft) {
    draft.metadata.grant_types = vec![GrantType::Ciba];
    draft.metadata.scope = "openid profile email".parse().expect("a scope");
}

/// A client that runs on devices.
pub fn device(draft: &mut ClientDraft) {
    draft.metadata.grant_types = vec![GrantType::DeviceCode, GrantType::RefreshToken];
}

/// A client without a secret.
pub fn public(draft: &mut ClientDraft) {
    draft.metadata.token_endpoint_auth_method = AuthMethod::None;
}
