//! Clients that register themselves.

use super::{Agent, Reply, TestServer, WebApp};
use countersign::config::{Config, RegistrationMode};
use countersign::protocol::client::AuthMethod;
use reqwest::Method;
use serde_json::{Value, json};

/// Anybody may register, and this machine may be called.
pub fn open(config: &mut Config) {
    config.registration.mode = RegistrationMode::Open;
    config.outbound.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

/// Anybody may register; nothing private may be called.
pub fn open_and_guarded(config: &mut Config) {
    config.registration.mode = RegistrationMode::Open;
}

/// Who has an initial access token may register.
pub fn by_token(config: &mut Config) {
    config.registration.mode = RegistrationMode::Token;
}

fn http() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy();
    client.timeout(std::time::Duration::from_secs(20)).build().expect("a client can be made")
}

/// Sends a request about a registration.
pub async fn send(method: Method, uri: &str, token: Option<&str>, body: Option<&Value>) -> Reply {
    let mut request = http().request(method, uri);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    Reply::read(request.send().await.expect("the server answers")).await
}

/// Registers what `body` describes.
pub async fn register(server: &TestServer, body: &Value) -> Reply {
    send(Method::POST, &server.url("/register"), None, Some(body)).await
}

/// As [`register`], with an initial access token.
pub async fn register_with(server: &TestServer, token: &str, body: &Value) -> Reply {
    send(Method::POST, &server.url("/register"), Some(token), Some(body)).await
}

/// A web app, as most would register.
pub fn web() -> Value {
    json!({ "client_name": "Shop", "redirect_uris": ["https://shop.example/cb"] })
}

/// [`web`] with some members more, or others; null takes one away.
pub fn web_with(members: &Value) -> Value {
    let mut body = web();
    for (name, value) in members.as_object().expect("an object") {
        body[name.as_str()] = value.clone();
    }
    body
}

/// A registration as its client keeps it.
pub struct Registered {
    pub json: Value,
    pub id: String,
    pub uri: String,
    pub token: String,
}

impl Registered {
    /// Registers, which must succeed.
    #[track_caller]
    pub fn of(reply: &Reply) -> Self {
        assert_eq!(reply.status, 201, "{}", reply.text);
        let text = |name: &str| reply.json[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("client_id"),
            uri: text("registration_client_uri"),
            token: text("registration_access_token"),
            json: reply.json.clone(),
        }
    }

    /// Asks for the registration.
    pub async fn read(&self) -> Reply {
        send(Method::GET, &self.uri, Some(&self.token), None).await
    }

    /// Writes another over it.
    pub async fn write(&self, body: &Value) -> Reply {
        send(Method::PUT, &self.uri, Some(&self.token), Some(body)).await
    }

    /// Ends it.
    pub async fn delete(&self) -> Reply {
        send(Method::DELETE, &self.uri, Some(&self.token), None).await
    }

    /// What it registered, to be sent again: without what is not the client's to say.
    pub fn body(&self) -> Value {
        let mut body = self.json.clone();
        for name in [
            "registration_access_token",
            "registration_client_uri",
            "client_secret_expires_at",
            "client_id_issued_at",
        ] {
            body.as_object_mut().expect("an object").remove(name);
        }
        body
    }

    /// The same client with a browser in front.
    pub fn app(&self, server: &TestServer) -> WebApp {
        let text = |name: &str| self.json[name].as_str().unwrap_or_default().to_owned();
        let method: AuthMethod = text("token_endpoint_auth_method").parse().expect("a method");
        WebApp {
            id: self.id.clone(),
            secret: text("client_secret"),
            redirect_uri: self.json["redirect_uris"][0].as_str().unwrap_or_default().to_owned(),
            method,
            agent: Agent::new(server),
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("a client can be made"),
            base: server.base.clone(),
        }
    }
}

/// Registers a client that must be taken.
pub async fn registered(server: &TestServer, body: &Value) -> Registered {
    Registered::of(&register(server, body).await)
}

impl TestServer {
    /// The discovery document.
    pub async fn document(&self) -> Value {
        let uri = self.url("/.well-known/openid-configuration");
        send(Method::GET, &uri, None, None).await.json
    }
}
