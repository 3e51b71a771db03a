//! A client that asks people who are elsewhere, and the people (OpenID Connect CIBA).

use super::crypto::encode;
use super::{Page, Reply, TestServer, WebApp};
use countersign::domain::clients::management::ClientDraft;
use countersign::jose::SigningKey;
use countersign::protocol::client::GrantType;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// `grant_type` of CIBA.
pub const GRANT: &str = "urn:openid:params:grant-type:ciba";

/// A client that asks people.
pub fn bank(draft: &mut ClientDraft) {
    draft.name = "Bank".into();
    draft.metadata.grant_types = vec![GrantType::Ciba, GrantType::RefreshToken];
    draft.metadata.redirect_uris.clear();
    draft.metadata.post_logout_redirect_uris.clear();
}

/// The claims of a good request, with changes; null removes one.
pub fn asked_for(server: &TestServer, app: &WebApp, changes: &Value) -> Value {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = server.provider.now().as_unix();
    let mut claims = json!({
        "iss": app.id, "aud": server.issuer(), "exp": now + 300, "iat": now, "nbf": now,
        "jti": format!("jti-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        "scope": "openid", "login_hint": "ada",
    });
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    claims
}

/// Signs the claims of a request.
pub fn sign_request(key: &SigningKey, claims: &Value) -> String {
    let header = json!({ "alg": key.algorithm().as_str(), "kid": key.kid() });
    let header = encode(&header.to_string());
    key.sign_text(&header, claims.to_string().as_bytes()).expect("it can be signed")
}

impl WebApp {
    /// A client that asks people, and then asks us.
    pub async fn register_bank(server: &TestServer) -> Self {
        Self::register_as(server, bank).await
    }

    /// Asks for somebody.
    pub async fn ask(&self, form: &[(&str, &str)]) -> Reply {
        self.call("/backchannel_authentication", form).await
    }

    /// Asks for somebody by name, and gives the `auth_req_id`.
    pub async fn asked(&self, user: &str, extra: &[(&str, &str)]) -> String {
        let mut form = vec![("scope", "openid"), ("login_hint", user)];
        form.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        form.extend_from_slice(extra);
        let reply = self.ask(&form).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json["auth_req_id"].as_str().expect("text").to_owned()
    }

    /// Asks whether somebody has decided.
    pub async fn fetch(&self, auth_req_id: &str) -> Reply {
        self.token(&[("grant_type", GRANT), ("auth_req_id", auth_req_id)]).await
    }

    /// What waits for a person, in the browser; signs in where that is needed.
    pub async fn waiting(&self, user: &str) -> Page {
        let page = self.agent.open("/account/requests").await;
        match page.has_id("login-submit") {
            true => self.agent.log_in(&page, user).await,
            false => page,
        }
    }

    /// Presses a button at the first request that waits.
    pub async fn press(&self, page: &Page, decision: &str) -> Page {
        let request = page.hidden("request");
        assert!(!request.is_empty(), "{}", page.body);
        let fields = [("request", &*request), ("decision", decision)];
        self.agent.submit(page, "/account/requests", &fields).await
    }

    /// Allows the first request that waits.
    pub async fn allow(&self, user: &str) -> Page {
        let page = self.waiting(user).await;
        let page = self.press(&page, "review").await;
        let page = self.agent.decide(&page, "allow").await;
        assert!(page.body.contains("You allowed it."), "{}", page.body);
        page
    }
}
