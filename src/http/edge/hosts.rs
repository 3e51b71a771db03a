//! The names we answer to (RFC 9110 §7.4).

use actix_web::dev::RequestHead;
use actix_web::http::header;
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// Why a request is not for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongHost {
    /// No `Host`, two of them, or one that is none: RFC 9112 §3.2 asks for 400.
    Malformed,
    /// A name that is not ours: 421.
    Other,
}

/// The host names, such as `id.example.com` or `[::1]`, under which we are reached. The port does
/// not matter: a proxy or a container may listen on another one.
#[derive(Debug, Clone)]
pub struct Hosts(Vec<Box<str>>);

impl Hosts {
    /// The host of the issuer, and of the addresses for clients with certificates. When the issuer is
    /// this machine, its other names are good too.
    pub fn new(issuer: &str, listen: SocketAddr, mtls: Option<&str>) -> Self {
        let Ok(url) = Url::parse(issuer) else { return Self(Vec::new()) };
        let Some(host) = url.host() else { return Self(Vec::new()) };
        let mut hosts = vec![host.to_string().into()];
        if is_loopback(&host) {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(Into::into));
            hosts.push(bracketed(listen.ip()).into());
        }
        let mtls = mtls.and_then(|mtls| Url::parse(mtls).ok());
        hosts.extend(mtls.and_then(|url| Some(url.host()?.to_string().into())));
        Self(hosts)
    }

    /// Checks where a request says it goes: its `Host`, and the authority of an absolute target.
    ///
    /// # Errors
    ///
    /// When either is malformed, missing or not ours.
    pub fn check(&self, head: &RequestHead) -> Result<(), WrongHost> {
        let authority = head.uri.authority().map(|authority| authority.as_str());
        let mut named = head.headers.get_all(header::HOST);
        let host = match (named.next(), named.next()) {
            (Some(host), None) => Some(host.to_str().map_err(|_| WrongHost::Malformed)?),
            (None, _) => None,
            _ => return Err(WrongHost::Malformed),
        };
        if host.is_none() && authority.is_none() {
            return Err(WrongHost::Malformed);
        }
        [host, authority].into_iter().flatten().try_for_each(|name| self.judge(name))
    }

    fn judge(&self, name: &str) -> Result<(), WrongHost> {
        let host = without_port(name);
        if self.0.iter().any(|own| own.eq_ignore_ascii_case(host)) {
            return Ok(());
        }
        let well_formed = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
        Err(if well_formed { WrongHost::Other } else { WrongHost::Malformed })
    }
}

/// `name` without `:` and a port of one to five digits (RFC 3986 §3.2.3).
fn without_port(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((host, port))
            if (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            host
        }
        _ => name,
    }
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Whether a host is this machine: a loopback address, `localhost` or a name below it (RFC 6761).
pub fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn check(hosts: &Hosts, names: &[&str]) -> Result<(), WrongHost> {
        let mut request = TestRequest::get().uri("/token");
        for name in names {
            request = request.append_header((header::HOST, *name));
        }
        hosts.check(request.to_srv_request().head())
    }

    #[test]
    fn ht_07_only_the_host_of_the_issuer_is_ours() {
        let hosts =
            Hosts::new("https://id.example.com", SocketAddr::from(([0, 0, 0, 0], 8443)), None);
        for own in ["id.example.com", "ID.example.com", "id.example.com:443"] {
            assert_eq!(check(&hosts, &[own]), Ok(()), "{own}");
        }
        for other in
            ["evil.example", "id.example.com:", "id.example.com:x", "id.example.com.", "localhost"]
        {
            assert_eq!(check(&hosts, &[other]), Err(WrongHost::Other), "{other}");
        }
    }

    #[test]
    fn ht_07_a_malformed_host_is_no_host() {
        let hosts =
            Hosts::new("https://id.example.com", SocketAddr::from(([0, 0, 0, 0], 8443)), None);
        for names in [&["x@id.example.com"][..], &["a b"], &[""], &[], &["id.example.com"; 2]] {
            assert_eq!(check(&hosts, names), Err(WrongHost::Malformed), "{names:?}");
        }
    }

    #[test]
    fn this_machine_has_several_names() {
        let hosts =
            Hosts::new("http://localhost:8080", SocketAddr::from(([127, 0, 0, 1], 9090)), None);
        for own in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "localhost:9090"] {
            assert_eq!(check(&hosts, &[own]), Ok(()), "{own}");
        }
        assert_eq!(check(&hosts, &["evil.example:8080"]), Err(WrongHost::Other));
    }
}
