//! Calls to addresses that others gave us: one client with deadlines, a size limit, no redirects,
//! and a guard that looks at every address after DNS.

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Request, Response, StatusCode, Url};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

const TOTAL: Duration = Duration::from_secs(3);
const CONNECT: Duration = Duration::from_secs(1);
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Why a call did not bring anything.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("the address is not one that may be called")]
    Forbidden,
    #[error("the call failed: {0}")]
    Failed(&'static str),
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer has status {0}")]
    Status(u16),
}

/// The one client for calls to others' addresses.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    allow: Arc<[IpNet]>,
}

impl Outbound {
    /// `allow` names networks that may be called although they are private; `ca` is a further
    /// trust anchor in PEM.
    ///
    /// # Errors
    ///
    /// When the trust anchor cannot be read.
    pub fn new(allow: Vec<IpNet>, ca: Option<&[u8]>) -> Result<Self, String> {
        let allow: Arc<[IpNet]> = allow.into();
        let mut builder = Client::builder()
            .timeout(TOTAL)
            .connect_timeout(CONNECT)
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver { allow: allow.clone() }))
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = ca {
            let anchor = Certificate::from_pem(pem).map_err(|error| error.to_string())?;
            builder = builder.add_root_certificate(anchor);
        }
        let client = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { client, allow })
    }

    /// Gets a JSON document of at most 64 KiB.
    ///
    /// # Errors
    ///
    /// When the address may not be called, does not answer in time, or answers too much.
    pub async fn get_json(&self, uri: &str) -> Result<Vec<u8>, OutboundError> {
        self.get(uri, "application/json", MAX_BODY_BYTES).await
    }

    /// Gets a request object (RFC 9101 §5.2.3).
    ///
    /// # Errors
    ///
    /// As [`Outbound::get_json`].
    pub async fn get_request_object(&self, uri: &str) -> Result<Vec<u8>, OutboundError> {
        self.get(uri, "application/oauth-authz-req+jwt, application/jwt", MAX_BODY_BYTES).await
    }

    /// Gets a JSON document, and for how many seconds it may be kept when its host says so (RFC 9111
    /// §5.2.2.1).
    ///
    /// # Errors
    ///
    /// As [`Outbound::get_json`].
    pub async fn get_with_age(
        &self,
        uri: &str,
        max_bytes: usize,
    ) -> Result<(Vec<u8>, Option<u32>), OutboundError> {
        self.get_response(uri, "application/json", max_bytes).await
    }

    /// Gets at most so many bytes of a media type.
    ///
    /// # Errors
    ///
    /// As [`Outbound::get_json`].
    pub async fn get(
        &self,
        uri: &str,
        accept: &'static str,
        max_bytes: usize,
    ) -> Result<Vec<u8>, OutboundError> {
        Ok(self.get_response(uri, accept, max_bytes).await?.0)
    }

    async fn get_response(
        &self,
        uri: &str,
        accept: &'static str,
        max_bytes: usize,
    ) -> Result<(Vec<u8>, Option<u32>), OutboundError> {
        let url = Url::parse(uri).map_err(|_| OutboundError::Forbidden)?;
        self.check(&url)?;
        let request = self.client.get(url).header("Accept", accept);
        let mut response = request.send().await.map_err(|error| failure(&error))?;
        if response.status().as_u16() != 200 {
            return Err(OutboundError::Status(response.status().as_u16()));
        }
        let caching = response.headers().get("cache-control").and_then(|said| said.to_str().ok());
        let age = caching.and_then(max_age);
        Ok((read(&mut response, max_bytes).await?, age))
    }

    /// Gets a JSON document that a token opens.
    ///
    /// # Errors
    ///
    /// As [`Outbound::get_json`].
    pub async fn get_json_as(&self, uri: &str, bearer: &str) -> Result<Vec<u8>, OutboundError> {
        let url = Url::parse(uri).map_err(|_| OutboundError::Forbidden)?;
        let request = self.client.get(url).header("Accept", "application/json").bearer_auth(bearer);
        let request = request.build().map_err(|error| failure(&error))?;
        let (status, _, body) = self.send(request).await?;
        match status.as_u16() {
            200 => Ok(body),
            other => Err(OutboundError::Status(other)),
        }
    }

    /// Sends a request that was made elsewhere; whatever its status, the answer comes back.
    ///
    /// # Errors
    ///
    /// As [`Outbound::get_json`].
    pub async fn send(
        &self,
        request: Request,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), OutboundError> {
        self.check(request.url())?;
        let mut response = self.client.execute(request).await.map_err(|error| failure(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, read(&mut response, MAX_BODY_BYTES).await?))
    }

    /// Posts something, with a bearer token where the receiver wants one, and gives the status of the
    /// answer; what else it says is not read.
    ///
    /// # Errors
    ///
    /// When the address may not be called, or does not answer in time.
    pub async fn post(
        &self,
        uri: &str,
        content_type: &'static str,
        body: String,
        bearer: Option<&str>,
    ) -> Result<u16, OutboundError> {
        let url = Url::parse(uri).map_err(|_| OutboundError::Forbidden)?;
        self.check(&url)?;
        let mut request = self.client.post(url).header("Content-Type", content_type).body(body);
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|error| failure(&error))?;
        Ok(response.status().as_u16())
    }

    /// Whether an address may be called, as far as can be told without looking its name up.
    pub fn may_name(&self, uri: &str) -> bool {
        Url::parse(uri).is_ok_and(|url| self.check(&url).is_ok())
    }

    /// Whether the name in an address stands for none but addresses that may be called. One that is
    /// not known today may be tomorrow; the call itself looks again.
    pub async fn leads_out(&self, uri: &str) -> bool {
        let Ok(url) = Url::parse(uri) else { return false };
        let Some(url::Host::Domain(name)) = url.host() else { return self.check(&url).is_ok() };
        let looked_up = tokio::time::timeout(CONNECT, tokio::net::lookup_host((name, 0))).await;
        let Ok(Ok(mut found)) = looked_up else { return true };
        found.all(|to| may_call(to.ip(), &self.allow))
    }

    /// Scheme and literal addresses; names are judged by the resolver, once they are addresses.
    fn check(&self, url: &Url) -> Result<(), OutboundError> {
        let literal = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(url::Host::Domain(_)) => None,
            None => return Err(OutboundError::Forbidden),
        };
        if literal.is_some_and(|address| !may_call(address, &self.allow)) {
            return Err(OutboundError::Forbidden);
        }
        let plain_is_allowed = match literal {
            Some(address) => is_listed(address, &self.allow),
            None => url.host_str() == Some("localhost") && !self.allow.is_empty(),
        };
        match url.scheme() {
            "https" => Ok(()),
            "http" if plain_is_allowed => Ok(()),
            _ => Err(OutboundError::Forbidden),
        }
    }
}

async fn read(response: &mut Response, max_bytes: usize) -> Result<Vec<u8>, OutboundError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(OutboundError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// For how long `Cache-Control` lets an answer be kept; not at all is no time.
fn max_age(caching: &str) -> Option<u32> {
    let mut directives = caching.split(',').map(|directive| directive.trim().to_ascii_lowercase());
    if directives.clone().any(|one| matches!(&*one, "no-store" | "no-cache")) {
        return Some(0);
    }
    directives.find_map(|one| one.strip_prefix("max-age=")?.parse().ok())
}

/// A cause without the address in it: the text goes to the log.
fn failure(error: &reqwest::Error) -> OutboundError {
    OutboundError::Failed(match error {
        error if error.is_timeout() => "it took too long",
        error if error.is_connect() => "no connection",
        _ => "the answer could not be read",
    })
}

/// Resolves once, and gives only addresses that may be called; the connection goes to one of those.
struct GuardedResolver {
    allow: Arc<[IpNet]>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.allow.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses = judged(found.collect(), &allow).map_err(Box::new)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// One private address among public ones is a trick, not an alternative.
fn judged(found: Vec<SocketAddr>, allow: &[IpNet]) -> Result<Vec<SocketAddr>, OutboundError> {
    match !found.is_empty() && found.iter().all(|to| may_call(to.ip(), allow)) {
        true => Ok(found),
        false => Err(OutboundError::Forbidden),
    }
}

fn is_listed(address: IpAddr, allow: &[IpNet]) -> bool {
    let address = canonical(address);
    allow.iter().any(|network| network.contains(&address))
}

fn may_call(address: IpAddr, allow: &[IpNet]) -> bool {
    is_listed(address, allow) || is_public(canonical(address))
}

/// An IPv4 address in IPv6 clothes is that IPv4 address.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        v4 => v4,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_special = a == 0 || a >= 240 || (a == 192 && b == 0 && c == 0);
    let is_benchmark = a == 198 && (18..20).contains(&b);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || is_shared
        || is_special
        || is_benchmark)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    let is_global_unicast = first & 0xe000 == 0x2000;
    let is_documentation = first == 0x2001 && address.segments()[1] == 0x0db8;
    // 6to4 and Teredo carry an IPv4 address that nobody checked.
    let is_tunnel = first == 0x2002 || (first == 0x2001 && address.segments()[1] == 0);
    // NAT64 is outside 2000::/3 and so refused with the rest.
    is_global_unicast && !is_documentation && !is_tunnel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbound(allow: &[&str]) -> Outbound {
        let allow = allow.iter().map(|network| network.parse().unwrap()).collect();
        Outbound::new(allow, None).unwrap()
    }

    #[tokio::test]
    async fn g13_rg_02_private_addresses_in_every_spelling_are_not_called() {
        let outbound = outbound(&[]);
        for uri in [
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/",
            "https://0/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://100.64.0.1/",
            "https://[fc00::1]/",
            "https://localhost/",
            "http://93.184.216.34/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "javascript:alert(1)",
        ] {
            assert!(outbound.get_json(uri).await.is_err(), "{uri}");
        }
    }

    #[test]
    fn rg_03_one_private_address_spoils_them_all() {
        let found = |addresses: &[&str]| {
            let sockets = addresses.iter().map(|one| SocketAddr::new(one.parse().unwrap(), 0));
            sockets.collect::<Vec<_>>()
        };
        let public = found(&["93.184.216.34", "2606:2800:220:1::1"]);
        assert_eq!(judged(public.clone(), &[]).unwrap(), public);
        for mixed in [
            &["93.184.216.34", "127.0.0.1"][..],
            &["93.184.216.34", "::1"],
            &["2606:2800:220:1::1", "10.0.0.1"],
            &["93.184.216.34", "::ffff:192.168.0.1"],
            &["fd00::1", "93.184.216.34"],
            &[],
        ] {
            assert!(judged(found(mixed), &[]).is_err(), "{mixed:?}");
        }
    }

    #[test]
    fn an_answer_says_how_long_it_may_be_kept() {
        for (said, age) in [
            ("max-age=600", Some(600)),
            ("public, Max-Age=60", Some(60)),
            ("no-store, max-age=600", Some(0)),
            ("private", None),
            ("max-age=soon", None),
            ("max-age=-1", None),
        ] {
            assert_eq!(max_age(said), age, "{said}");
        }
    }

    #[test]
    fn g13_an_allowed_network_may_be_called_although_it_is_private() {
        let outbound = outbound(&["127.0.0.0/8"]);
        assert!(outbound.check(&Url::parse("http://127.0.0.1:9000/jwks").unwrap()).is_ok());
        assert!(outbound.check(&Url::parse("https://10.0.0.1/jwks").unwrap()).is_err());
        assert!(outbound.check(&Url::parse("http://93.184.216.34/").unwrap()).is_err());
    }
}
