//! A device without a browser, and the person who lets it in (RFC 8628).

use super::{Page, Reply, TestServer, WebApp};
use countersign::domain::clients::management::ClientDraft;
use countersign::protocol::client::{AuthMethod, GrantType};

/// `grant_type` of the device grant.
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a device was given.
#[derive(Debug, Clone)]
pub struct Device {
    pub device_code: String,
    pub user_code: String,
    /// The path and query of `verification_uri_complete`.
    pub complete: String,
}

/// A client that runs on devices, without a secret.
pub fn television(draft: &mut ClientDraft) {
    draft.name = "Television".into();
    draft.metadata.grant_types = vec![GrantType::DeviceCode, GrantType::RefreshToken];
    draft.metadata.token_endpoint_auth_method = AuthMethod::None;
    draft.metadata.redirect_uris.clear();
    draft.metadata.post_logout_redirect_uris.clear();
}

/// The same with a secret.
pub fn set_top_box(draft: &mut ClientDraft) {
    television(draft);
    draft.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
}

impl WebApp {
    /// A public client for devices.
    pub async fn register_device(server: &TestServer) -> Self {
        Self::register_as(server, television).await
    }

    /// Asks for codes.
    pub async fn begin(&self, form: &[(&str, &str)]) -> Reply {
        self.call("/device_authorization", form).await
    }

    /// The codes for a scope.
    pub async fn device(&self, scope: &str) -> Device {
        self.device_with(&[("scope", scope)]).await
    }

    /// The codes for a request.
    pub async fn device_with(&self, form: &[(&str, &str)]) -> Device {
        let reply = self.begin(form).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let text = |name: &str| reply.json[name].as_str().expect(name).to_owned();
        let complete = text("verification_uri_complete");
        let path = complete.split_once("/device").expect("our page").1;
        Device {
            device_code: text("device_code"),
            user_code: text("user_code"),
            complete: format!("/device{path}"),
        }
    }

    /// Asks whether somebody has decided.
    pub async fn poll(&self, device: &Device) -> Reply {
        self.poll_by(&device.device_code).await
    }

    /// As [`WebApp::poll`], by the code alone.
    pub async fn poll_by(&self, device_code: &str) -> Reply {
        self.token(&[("grant_type", GRANT), ("device_code", device_code)]).await
    }

    /// Types a code at our page, in the browser.
    pub async fn type_code(&self, code: &str) -> Page {
        let page = self.agent.get("/device").await;
        self.agent.submit(&page, "/device", &[("user_code", code)]).await
    }

    /// Types a code and signs in, up to the page that asks.
    pub async fn meet(&self, user: &str, device: &Device) -> Page {
        let page = self.type_code(&device.user_code).await;
        let page = match page.has_id("login-submit") {
            true => self.agent.log_in(&page, user).await,
            false => page,
        };
        page.expect_consent();
        page
    }

    /// Lets a device in.
    pub async fn let_in(&self, user: &str, device: &Device) -> Page {
        let page = self.meet(user, device).await;
        let page = self.agent.decide(&page, "allow").await;
        assert!(page.body.contains("Your device is connected"), "{}", page.body);
        page
    }
}
