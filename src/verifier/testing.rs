//! An issuer for the tests of this module: its key, its tokens, its HTTP answers.

use crate::jose::{JwkSet, PublicJwk, SigningAlgorithm, SigningKey, Typ};
use crate::protocol::time::{Clock, SystemClock};
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

pub(super) const ISSUER: &str = "https://id.example.com";
pub(super) const AUDIENCE: &str = "https://orders.example.com";

/// The issuer's key.
pub(super) fn signing_key() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> =
        LazyLock::new(|| SigningKey::generate(SigningAlgorithm::ES256).unwrap());
    &KEY
}

/// What the issuer publishes.
pub(super) fn jwk_set(keys: &[&SigningKey]) -> JwkSet {
    let keys = keys.iter().map(|key| PublicJwk::from_value(&key.public_jwk()).unwrap());
    JwkSet::new(keys.collect())
}

/// The claims of a good access token, issued ten seconds ago, with `changes`; null removes one.
pub(super) fn claims(changes: &Value) -> Value {
    let now = SystemClock.now().as_unix();
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "client_id": "app", "jti": "j1",
        "iat": now - 10, "nbf": now - 10, "exp": now + 290, "scope": "orders:read",
        "sid": "s1", "roles": ["clerk"],
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
        members.retain(|_, value| !value.is_null());
    }
    claims
}

/// An access token of the issuer.
pub(super) fn token(changes: &Value) -> String {
    signing_key().sign(Typ::AccessToken, &claims(changes)).unwrap()
}

/// An HTTP server that answers discovery and keys.
pub(super) struct StubIssuer {
    shared: Arc<Shared>,
    address: String,
}

struct Shared {
    address: String,
    discovery: Mutex<String>,
    jwks: Mutex<(u16, String)>,
    jwks_calls: AtomicUsize,
    feed: Mutex<String>,
    feed_query: Mutex<String>,
    /// With which status and which `Retry-After` the feed refuses to answer.
    feed_refuses: Mutex<Option<(u16, String)>>,
    introspection: Mutex<String>,
    stopped: AtomicBool,
}

impl Shared {
    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl StubIssuer {
    pub(super) async fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            address: address.clone(),
            discovery: Mutex::default(),
            jwks: Mutex::new((200, jwk_set(keys).to_json().to_string())),
            jwks_calls: AtomicUsize::new(0),
            feed: Mutex::default(),
            feed_query: Mutex::default(),
            feed_refuses: Mutex::default(),
            introspection: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let stub = Self { shared: shared.clone(), address };
        stub.set_discovery(json!({ "issuer": stub.issuer(), "jwks_uri": stub.jwks_uri() }));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                // Whoever hangs up early gets no answer.
                stream.and_then(|stream| answer(&shared, stream)).ok();
            }
        });
        stub
    }

    pub(super) fn issuer(&self) -> String {
        self.shared.issuer()
    }

    pub(super) fn jwks_uri(&self) -> String {
        format!("{}/jwks", self.issuer())
    }

    pub(super) fn set_discovery(&self, document: Value) {
        *self.shared.discovery.lock().unwrap() = document.to_string();
    }

    pub(super) fn set_jwks(&self, status: u16, body: String) {
        *self.shared.jwks.lock().unwrap() = (status, body);
    }

    /// What the feed of revocations answers.
    pub(super) fn set_feed(&self, answer: String) {
        *self.shared.feed.lock().unwrap() = answer;
    }

    /// The feed does not answer the next question.
    pub(super) fn refuse_feed_once(&self, status: u16, retry_after: &str) {
        *self.shared.feed_refuses.lock().unwrap() = Some((status, retry_after.to_owned()));
    }

    /// With which query the feed was asked last.
    pub(super) fn last_query(&self) -> String {
        self.shared.feed_query.lock().unwrap().clone()
    }

    /// Names an introspection endpoint, and says what it answers.
    pub(super) fn set_introspection(&self, answer: &Value) {
        let issuer = self.issuer();
        let endpoint = format!("{issuer}/introspect");
        let jwks_uri = self.jwks_uri();
        self.set_discovery(json!({
            "issuer": issuer, "jwks_uri": jwks_uri, "introspection_endpoint": endpoint,
        }));
        *self.shared.introspection.lock().unwrap() = answer.to_string();
    }

    /// How often the keys were asked for.
    pub(super) fn jwks_calls(&self) -> usize {
        self.shared.jwks_calls.load(Ordering::SeqCst)
    }

    /// Refuses connections from now on.
    pub(super) fn stop(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(&self.address));
    }
}

impl Drop for StubIssuer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first line of a request; what follows is read and forgotten.
fn read_request(reader: &mut impl BufRead) -> io::Result<String> {
    let (mut lines, mut length) = (reader.by_ref().lines(), 0);
    let first = lines.next().transpose()?.unwrap_or_default();
    while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
        let line = line.to_ascii_lowercase();
        let value =
            line.strip_prefix("content-length:").and_then(|value| value.trim().parse().ok());
        length = value.unwrap_or(length);
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(first)
}

fn answer(shared: &Shared, mut stream: TcpStream) -> io::Result<()> {
    let request = read_request(&mut BufReader::new(stream.try_clone()?))?;
    let target = request.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (status, body) = match Some(path) {
        Some("/.well-known/openid-configuration") => {
            (200, shared.discovery.lock().unwrap().clone())
        }
        Some("/jwks") => {
            shared.jwks_calls.fetch_add(1, Ordering::SeqCst);
            shared.jwks.lock().unwrap().clone()
        }
        Some("/.well-known/countersign") => {
            let issuer = shared.issuer();
            let feed = format!("{issuer}/revocations");
            (200, json!({ "issuer": issuer, "revocations_endpoint": feed }).to_string())
        }
        Some("/revocations") => {
            query.clone_into(&mut shared.feed_query.lock().unwrap());
            match shared.feed_refuses.lock().unwrap().take() {
                Some((status, retry_after)) => {
                    return write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nRetry-After: {retry_after}\r\n\
                         Content-Length: 0\r\nConnection: close\r\n\r\n"
                    );
                }
                None => (200, shared.feed.lock().unwrap().clone()),
            }
        }
        Some("/introspect") => (200, shared.introspection.lock().unwrap().clone()),
        _ => (404, String::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nCache-Control: public, max-age=300\r\nLocation: /elsewhere\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
