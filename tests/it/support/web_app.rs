//! A client as its developer sees it: registered, with a browser in front and a secret behind.

use super::agent::{Agent, Answer, Page};
use super::{Reply, TestServer};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::domain::clients::management::ClientDraft;
use countersign::protocol::client::{AuthMethod, ClientMetadata, GrantType};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The `code_verifier` of every request of [`WebApp`].
pub const VERIFIER: &str = "correct-verifier-0123456789-0123456789-0123456789";
/// What a client may ask for unless its draft says otherwise.
pub const SCOPE: &str = "openid profile email address phone offline_access orders:read";

/// The S256 challenge of a verifier (RFC 7636 §4.2).
pub fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// A registered client and a browser.
#[derive(Clone)]
pub struct WebApp {
    pub id: String,
    /// Empty for a client without one.
    pub secret: String,
    pub redirect_uri: String,
    pub method: AuthMethod,
    pub agent: Agent,
    /// For what the client itself sends: no cookies.
    pub http: reqwest::Client,
    pub base: String,
}

/// A code with what it is redeemed with.
#[derive(Debug, Clone)]
pub struct Code {
    pub value: String,
    pub verifier: String,
}

/// A web app as [`WebApp::register`] describes it.
pub fn draft() -> ClientDraft {
    ClientDraft {
        name: "Shop".into(),
        metadata: ClientMetadata {
            redirect_uris: vec!["https://app.example/cb".into()],
            post_logout_redirect_uris: vec!["https://app.example/out".into()],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            scope: SCOPE.parse().expect("a scope"),
            ..ClientMetadata::default()
        },
        ..ClientDraft::default()
    }
}

impl WebApp {
    /// A confidential web app, with a browser of its own.
    pub async fn register(server: &TestServer) -> Self {
        Self::register_as(server, |_| {}).await
    }

    /// As [`WebApp::register`], with the registration changed.
    pub async fn register_as(server: &TestServer, change: impl FnOnce(&mut ClientDraft)) -> Self {
        let mut draft = draft();
        change(&mut draft);
        let created = server.client(draft).await;
        let metadata = created.client.metadata;
        Self {
            id: created.client.id,
            secret: created.secret.unwrap_or_default(),
            redirect_uri: metadata.redirect_uris.first().cloned().unwrap_or_default(),
            method: metadata.token_endpoint_auth_method,
            agent: Agent::new(server),
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(std::time::Duration::from_secs(20))
                .build()
                .expect("a client can be made"),
            base: server.base.clone(),
        }
    }

    /// A public client.
    pub async fn register_public(server: &TestServer) -> Self {
        let public = |draft: &mut ClientDraft| {
            draft.metadata.token_endpoint_auth_method = AuthMethod::None;
        };
        Self::register_as(server, public).await
    }

    /// A service that has no user: client credentials only.
    pub async fn register_service(server: &TestServer) -> Self {
        let service = |draft: &mut ClientDraft| {
            draft.name = "Service".into();
            draft.metadata.grant_types = vec![GrantType::ClientCredentials];
            draft.metadata.redirect_uris.clear();
            draft.metadata.post_logout_redirect_uris.clear();
            draft.metadata.scope = "orders:read orders:write".parse().expect("a scope");
        };
        Self::register_as(server, service).await
    }

    /// The same client in another browser.
    pub fn in_another_browser(&self) -> Self {
        Self { agent: Agent::at(&self.agent.base), ..self.clone() }
    }

    /// The same client in the browser of another one.
    pub fn in_browser_of(&self, other: &Self) -> Self {
        Self { agent: other.agent.clone(), ..self.clone() }
    }

    /// The same client, everything of it turned to another instance.
    pub fn turned_to(&self, server: &TestServer) -> Self {
        Self { agent: self.agent.turned_to(server), base: server.base.clone(), ..self.clone() }
    }

    /// The same client turned to another instance, if there is one.
    pub fn turned_to_other(&self, other: Option<&TestServer>) -> Self {
        other.map_or_else(|| self.clone(), |other| self.turned_to(other))
    }

    /// The address of an authorization request: what it needs, with `extra` put in its place or
    /// added; an empty value leaves a parameter out.
    pub fn authorize_url(&self, extra: &[(&str, &str)]) -> String {
        let challenge = challenge(VERIFIER);
        let mut params: Vec<(&str, &str)> = vec![
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", "openid"),
            ("state", "the-state"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        params.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        params.extend(extra.iter().filter(|(_, value)| !value.is_empty()));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        format!("/authorize?{}", query.extend_pairs(params).finish())
    }

    /// Sends the browser to us, and gives what it shows in the end.
    pub async fn authorize(&self, extra: &[(&str, &str)]) -> Page {
        self.agent.open(&self.authorize_url(extra)).await
    }

    /// Sends the browser to us and, where they are asked for, signs in and allows.
    pub async fn pass(&self, user: &str, extra: &[(&str, &str)]) -> Answer {
        let page = self.authorize(extra).await;
        self.finish(user, page).await
    }

    /// As [`WebApp::pass`], for the code.
    pub async fn code(&self, user: &str, extra: &[(&str, &str)]) -> Code {
        let answer = self.pass(user, extra).await;
        assert_eq!(answer.get("error"), "", "{answer:?}");
        assert!(answer.has("code"), "{answer:?}");
        Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() }
    }

    /// A code for a user and a scope. With `offline_access`, consent is asked for.
    pub async fn log_in_and_consent(&self, user: &str, scope: &str) -> Code {
        let prompt = if scope.contains("offline_access") { "consent" } else { "" };
        self.code(user, &[("scope", scope), ("prompt", prompt)]).await
    }

    /// Tokens for a user and a scope.
    pub async fn tokens(&self, user: &str, scope: &str) -> super::Tokens {
        self.redeem(&self.log_in_and_consent(user, scope).await).await.expect_tokens()
    }

    /// Redeems a code as RFC 6749 §4.1.3 says.
    pub async fn redeem(&self, code: &Code) -> Reply {
        self.redeem_for(code, &[]).await
    }

    /// Redeems a code with more parameters.
    pub async fn redeem_for(&self, code: &Code, extra: &[(&str, &str)]) -> Reply {
        self.token(&[&self.redemption(code), extra].concat()).await
    }

    /// The form that redeems a code.
    pub fn redemption<'a>(&'a self, code: &'a Code) -> [(&'a str, &'a str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", &code.value),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &code.verifier),
        ]
    }

    /// Refreshes as RFC 6749 §6 says.
    pub async fn refresh(&self, refresh_token: &str) -> Reply {
        self.refresh_for(refresh_token, &[]).await
    }

    /// Refreshes with more parameters.
    pub async fn refresh_for(&self, refresh_token: &str, extra: &[(&str, &str)]) -> Reply {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.token(&[&form, extra].concat()).await
    }

    /// The discovery document.
    pub async fn metadata(&self) -> Value {
        let url = format!("{}/.well-known/openid-configuration", self.base);
        Reply::read(self.http.get(url).send().await.expect("an answer")).await.json
    }

    /// Goes on from a page to the answer: signs in and allows where that is asked for.
    pub async fn finish(&self, user: &str, mut page: Page) -> Answer {
        if page.has_id("login-submit") {
            page = self.agent.log_in(&page, user).await;
        }
        if page.has_id("consent-allow") {
            page = self.agent.decide(&page, "allow").await;
        }
        page.expect_answer()
    }

    /// Asks the token endpoint.
    pub async fn token(&self, form: &[(&str, &str)]) -> Reply {
        self.call("/token", form).await
    }

    /// Posts a form with this client's authentication.
    pub async fn call(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.call_with(path, form, &[]).await
    }

    /// As [`WebApp::call`], with more headers.
    pub async fn call_with(
        &self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = self.http.post(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut form = form.to_vec();
        let request = match self.method {
            AuthMethod::ClientSecretBasic => request.basic_auth(&self.id, Some(&self.secret)),
            AuthMethod::ClientSecretPost => {
                form.extend([("client_id", &*self.id), ("client_secret", &*self.secret)]);
                request
            }
            AuthMethod::None | AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth => {
                form.push(("client_id", &*self.id));
                request
            }
            AuthMethod::PrivateKeyJwt | AuthMethod::ClientSecretJwt => request,
        };
        Reply::read(request.form(&form).send().await.expect("the server answers")).await
    }

    /// Asks about a token (RFC 7662 §2).
    pub async fn introspect(&self, token: &str) -> Value {
        let reply = self.call("/introspect", &[("token", token)]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json
    }

    /// Whether a token is good at this moment.
    pub async fn is_active(&self, token: &str) -> bool {
        self.introspect(token).await["active"] == true
    }

    /// Asks for the claims (OpenID Connect Core §5.3.1).
    pub async fn userinfo(&self, access_token: &str) -> Reply {
        let request = self.http.get(format!("{}/userinfo", self.base)).bearer_auth(access_token);
        Reply::read(request.send().await.expect("the server answers")).await
    }

    /// Revokes a token (RFC 7009 §2.1).
    pub async fn revoke(&self, token: &str) -> Reply {
        self.call("/revoke", &[("token", token)]).await
    }
}
