//! Requests that are pushed or signed, for clients of [`WebApp`].

use super::crypto::{jwks, key, sign};
use super::{Page, Reply, TestServer, WebApp};
use countersign::domain::clients::management::ClientDraft;
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the references of pushed requests begin with.
pub const URN: &str = "urn:ietf:params:oauth:request_uri:";

/// The parameters of [`WebApp::authorize_url`], with some changed; an empty value leaves one out.
pub fn parameters(app: &WebApp, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let url = app.authorize_url(extra);
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Pushes a request.
pub async fn push(app: &WebApp, extra: &[(&str, &str)]) -> Reply {
    let request = parameters(app, extra);
    let form: Vec<(&str, &str)> = request
        .iter()
        .map(|(a, b)| (&**a, &**b))
        .filter(|(name, _)| *name != "client_id")
        .collect();
    app.call("/par", &form).await
}

/// The reference in the answer to a push.
#[track_caller]
pub fn reference(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json["request_uri"].as_str().expect("a request_uri").to_owned()
}

/// The reference for a request that is pushed.
pub async fn pushed(app: &WebApp, extra: &[(&str, &str)]) -> String {
    reference(&push(app, extra).await)
}

/// The address of an authorization request with these parameters and no others.
pub fn address(parameters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("/authorize?{}", query.extend_pairs(parameters).finish())
}

/// Takes the browser to us with a reference.
pub async fn open(app: &WebApp, request_uri: &str) -> Page {
    let parameters = [("client_id", &*app.id), ("request_uri", request_uri)];
    app.agent.open(&address(&parameters)).await
}

/// A client that signs its requests.
#[derive(Clone)]
pub struct Signer {
    pub app: WebApp,
    pub key: Arc<SigningKey>,
    issuer: String,
    now: i64,
}

impl Signer {
    /// Registers one that signs by ES256.
    pub async fn register(server: &TestServer, change: impl FnOnce(&mut ClientDraft)) -> Self {
        Self::with_key(server, SigningAlgorithm::ES256, change).await
    }

    /// Registers one that signs by another algorithm.
    pub async fn with_key(
        server: &TestServer,
        algorithm: SigningAlgorithm,
        change: impl FnOnce(&mut ClientDraft),
    ) -> Self {
        let key = key(algorithm);
        let set = jwks(&[&key]);
        let app = WebApp::register_as(server, |draft| {
            draft.metadata.jwks = Some(set);
            change(draft);
        })
        .await;
        let now = server.provider.now().as_unix();
        Self { app, key: Arc::new(key), issuer: server.issuer().to_owned(), now }
    }

    /// The claims of a good object: the parameters of [`parameters`], with what is said about it.
    pub fn claims(&self, extra: &[(&str, &str)]) -> Value {
        let mut claims: Map<String, Value> = parameters(&self.app, extra)
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)))
            .collect();
        let about = json!({
            "iss": self.app.id, "aud": self.issuer, "iat": self.now, "nbf": self.now,
            "exp": self.now + 300,
        });
        claims.extend(about.as_object().expect("an object").clone());
        Value::Object(claims)
    }

    /// Signs claims as a request object.
    pub fn sign(&self, claims: &Value) -> String {
        sign(&self.key, Typ::RequestObject, claims)
    }

    /// A good object.
    pub fn object(&self, extra: &[(&str, &str)]) -> String {
        self.sign(&self.claims(extra))
    }

    /// Takes the browser to us with an object and, beside it, only what RFC 9101 §5 asks for.
    pub async fn open(&self, object: &str) -> Page {
        let parameters = [("client_id", &*self.app.id), ("request", object)];
        self.app.agent.open(&address(&parameters)).await
    }

    /// As [`Signer::open`], with the usual parameters beside it, so that a refusal can be told.
    pub async fn open_beside(&self, object: &str) -> Page {
        self.app.authorize(&[("request", object), ("state", "outer")]).await
    }

    /// Pushes an object.
    pub async fn push(&self, object: &str) -> Reply {
        self.app.call("/par", &[("request", object)]).await
    }
}

/// Claims with one changed; null takes it away.
pub fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
        value => claims[name] = value,
    }
    claims
}

/// A host on this machine that answers every request with the same text.
pub struct Host {
    pub url: String,
    body: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Host {
    /// Starts one; it ends with the process.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (body, asked) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let host = Self { url, body: body.clone(), asked: asked.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let read = stream.read(&mut [0; 4096]).expect("a request");
                assert!(read > 0);
                asked.fetch_add(1, Ordering::SeqCst);
                let body = body.lock().expect("no one panics with the lock").clone();
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length";
                let answer = format!("{head}: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).expect("it is sent");
            }
        });
        host
    }

    /// What it answers from now on.
    pub fn answer(&self, body: &str) {
        *self.body.lock().expect("no one panics with the lock") = body.to_owned();
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
