//! What the issuer tells everyone: its public keys (OpenID Connect Discovery §4, RFC 7517 §5) and the
//! feed of revocations.

use super::error::SetupError;
use crate::jose::JwkSet;
use crate::protocol::revocation_feed::{MAX_PAGE_BYTES, WELL_KNOWN};
use reqwest::{Certificate, Client, Response, header, redirect};
use serde::Deserialize;
use std::time::Duration;
use url::{Host, Url, form_urlencoded};

/// How long a fetch may take, discovery and keys together.
const DEADLINE: Duration = Duration::from_secs(3);
/// The longest answer that is read.
const MAX_BYTES: usize = 64 * 1024;

/// The issuer, as far as it answers everyone. Clones share the connections.
#[derive(Clone)]
pub(super) struct Source {
    client: Client,
    issuer: String,
}

/// What was fetched.
pub(super) struct Fetched {
    pub keys: JwkSet,
    /// For how many seconds the issuer says that the keys stay as they are.
    pub max_age: Option<u64>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: Url,
    introspection_endpoint: Option<Url>,
}

#[derive(Deserialize)]
struct Product {
    issuer: String,
    revocations_endpoint: Url,
}

impl Source {
    /// A source that trusts the system's certificate authorities and `anchor`.
    pub(super) fn new(issuer: &str, anchor: Option<&[u8]>) -> Result<Self, SetupError> {
        let url = Url::parse(issuer).map_err(|_| SetupError::Issuer)?;
        if !is_safe(&url) {
            return Err(SetupError::Issuer);
        }
        let mut client = Client::builder()
            .timeout(DEADLINE)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("countersign-verifier/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            client = client.no_proxy();
        }
        if let Some(pem) = anchor {
            let anchor = Certificate::from_pem(pem).map_err(|_| SetupError::TrustAnchor)?;
            client = client.add_root_certificate(anchor);
        }
        let client = client.build().map_err(SetupError::Unreachable)?;
        Ok(Self { client, issuer: issuer.to_owned() })
    }

    /// `iss`.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Asks the issuer where its keys are, and fetches them.
    pub(super) async fn fetch(&self) -> Result<Fetched, SetupError> {
        let document = self.discover().await?;
        let response = self.get(document.jwks_uri.as_str()).await?;
        let max_age = max_age(&response);
        let keys = JwkSet::parse(&read(response, MAX_BYTES).await?).map_err(SetupError::Keys)?;
        Ok(Fetched { keys, max_age })
    }

    async fn discover(&self) -> Result<Discovery, SetupError> {
        let issuer = self.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let document = read(self.get(&url).await?, MAX_BYTES).await?;
        let document: Discovery =
            serde_json::from_slice(&document).map_err(|_| SetupError::Discovery)?;
        if document.issuer != self.issuer {
            return Err(SetupError::OtherIssuer);
        }
        match is_safe(&document.jwks_uri) {
            true => Ok(document),
            false => Err(SetupError::Discovery),
        }
    }

    /// Asks the issuer where it is asked about tokens (RFC 7662 §2).
    pub(super) async fn find_introspection(&self) -> Result<Url, SetupError> {
        let endpoint = self.discover().await?.introspection_endpoint;
        endpoint.filter(is_safe).ok_or(SetupError::Discovery)
    }

    /// Asks about a token, as a client with a secret.
    pub(super) async fn introspect(
        &self,
        endpoint: Url,
        (id, secret): (&str, &str),
        token: &str,
    ) -> Result<Vec<u8>, SetupError> {
        // RFC 6749 §2.3.1: both halves are escaped before they are joined.
        let escaped =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "access_token")
            .finish();
        let request = self
            .client
            .post(endpoint)
            .basic_auth(escaped(id), Some(escaped(secret)))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let response = request.send().await.map_err(SetupError::Unreachable)?;
        match response.status().as_u16() {
            200 => read(response, MAX_BYTES).await,
            status => Err(SetupError::Status(status)),
        }
    }

    /// Asks the issuer where its feed of revocations is.
    pub(super) async fn find_feed(&self) -> Result<Url, SetupError> {
        let url = format!("{}{WELL_KNOWN}", self.issuer.trim_end_matches('/'));
        let document = read(self.get(&url).await?, MAX_BYTES).await?;
        let document: Product =
            serde_json::from_slice(&document).map_err(|_| SetupError::Discovery)?;
        if document.issuer != self.issuer {
            return Err(SetupError::OtherIssuer);
        }
        match is_safe(&document.revocations_endpoint) {
            true => Ok(document.revocations_endpoint),
            false => Err(SetupError::Discovery),
        }
    }

    /// A page of the feed, which may take `wait` longer than other answers.
    pub(super) async fn feed_page(&self, url: Url, wait: Duration) -> Result<Vec<u8>, SetupError> {
        let request = self.client.get(url).timeout(DEADLINE + wait);
        let response = request.send().await.map_err(SetupError::Unreachable)?;
        match response.status().as_u16() {
            200 => read(response, MAX_PAGE_BYTES).await,
            status @ (429 | 503) => Err(match retry_after(&response) {
                Some(seconds) => SetupError::Later { status, seconds },
                None => SetupError::Status(status),
            }),
            status => Err(SetupError::Status(status)),
        }
    }

    async fn get(&self, url: &str) -> Result<Response, SetupError> {
        let request = self.client.get(url).header(header::ACCEPT, "application/json");
        let response = request.send().await.map_err(SetupError::Unreachable)?;
        match response.status().as_u16() {
            200 => Ok(response),
            status => Err(SetupError::Status(status)),
        }
    }
}

async fn read(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, SetupError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(SetupError::Unreachable)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(SetupError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn max_age(response: &Response) -> Option<u64> {
    let value = response.headers().get(header::CACHE_CONTROL)?.to_str().ok()?;
    let mut directives = value.split(',').map(str::trim);
    directives.find_map(|one| one.strip_prefix("max-age=")?.parse().ok())
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3). A date is of no use where clocks are apart.
fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// https, or http that never leaves this machine.
fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::testing::{StubIssuer, signing_key};
    use serde_json::json;

    async fn fetch(stub: &StubIssuer) -> Result<Fetched, SetupError> {
        Source::new(&stub.issuer(), None).unwrap().fetch().await
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in ["https://id.example.com", "http://localhost:8080", "http://127.0.0.1:1"] {
            assert!(Source::new(good, None).is_ok(), "{good}");
        }
        for bad in ["http://id.example.com", "http://10.0.0.1", "ftp://localhost", "id", ""] {
            assert!(matches!(Source::new(bad, None), Err(SetupError::Issuer)), "{bad}");
        }
        let anchor = Source::new("https://id.example.com", Some(b"no certificate"));
        assert!(matches!(anchor, Err(SetupError::TrustAnchor)));
    }

    #[tokio::test]
    async fn jw_17_the_document_must_name_the_very_issuer() {
        let stub = StubIssuer::start(&[signing_key()]).await;
        for other in
            [format!("{}/", stub.issuer()), stub.issuer().replace("127.0.0.1", "LOCALHOST")]
        {
            stub.set_discovery(json!({ "issuer": other, "jwks_uri": stub.jwks_uri() }));
            assert!(matches!(fetch(&stub).await, Err(SetupError::OtherIssuer)), "{other}");
        }
    }

    #[tokio::test]
    async fn keys_are_not_fetched_in_the_clear_from_another_machine() {
        let stub = StubIssuer::start(&[signing_key()]).await;
        for elsewhere in ["http://keys.example.com/jwks", "file:///etc/passwd"] {
            stub.set_discovery(json!({ "issuer": stub.issuer(), "jwks_uri": elsewhere }));
            assert!(matches!(fetch(&stub).await, Err(SetupError::Discovery)), "{elsewhere}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed_and_a_long_answer_not_read() {
        let stub = StubIssuer::start(&[signing_key()]).await;
        stub.set_jwks(302, "{}".into());
        assert!(matches!(fetch(&stub).await, Err(SetupError::Status(302))));
        stub.set_jwks(200, format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(MAX_BYTES)));
        assert!(matches!(fetch(&stub).await, Err(SetupError::TooLong)));
        stub.set_jwks(200, "[]".into());
        assert!(matches!(fetch(&stub).await, Err(SetupError::Keys(_))));
    }

    #[tokio::test]
    async fn keys_come_with_the_time_they_stay() {
        let stub = StubIssuer::start(&[signing_key()]).await;
        let fetched = fetch(&stub).await.unwrap();
        assert_eq!(fetched.keys.keys().len(), 1);
        assert_eq!(fetched.max_age, Some(300));
    }
}
