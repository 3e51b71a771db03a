//! Redirect URIs: which may be registered, and which request matches (RFC 6749 §3.1.2, RFC 8252).

use super::client::ApplicationType;
use super::error::{ErrorCode, OAuthError};
use url::{Host, Url};

/// The longest redirect URI, in bytes.
const MAX_BYTES: usize = 2048;

/// Checks a redirect URI that is to be registered. `by_administrator` allows plain http to this
/// machine for web clients too, for development.
///
/// # Errors
///
/// `invalid_redirect_uri` that says which rule it breaks.
pub fn check_registration(
    uri: &str,
    application_type: ApplicationType,
    by_administrator: bool,
) -> Result<(), OAuthError> {
    let refuse = |rule: &'static str| Err(OAuthError::new(ErrorCode::InvalidRedirectUri, rule));
    if uri.len() > MAX_BYTES {
        return refuse("a redirect address is longer than 2048 bytes");
    }
    if uri.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return refuse("a redirect address has a space, a control or a non-ASCII character");
    }
    if uri.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}']) {
        return refuse("a redirect address has a character that RFC 3986 does not allow");
    }
    let Ok(url) = Url::parse(uri) else {
        return refuse("a redirect address must be an absolute URI");
    };
    if uri.contains('#') {
        return refuse("a redirect address must not have a fragment");
    }
    if uri.contains('*') {
        return refuse("a redirect address is matched exactly, so a wildcard has no meaning");
    }
    if !url.username().is_empty() || url.password().is_some() || authority(uri).contains('@') {
        return refuse("a redirect address must not have user information");
    }
    if matches!(url.scheme(), "http" | "https") && authority(uri).is_empty() {
        return refuse("a redirect address must name its host");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) && by_administrator => Ok(()),
        "http" if is_loopback(&url) && application_type == ApplicationType::Native => Ok(()),
        "http" => refuse(http_rule(&url)),
        scheme if application_type == ApplicationType::Native && scheme.contains('.') => Ok(()),
        _ if application_type == ApplicationType::Native => {
            refuse("a custom scheme must be a reversed domain name, such as com.example.app")
        }
        _ => refuse("use https"),
    }
}

/// Why an http address was refused, naming what may be used.
fn http_rule(url: &Url) -> &'static str {
    match is_loopback(url) {
        false => "use https; http is allowed only for this machine (localhost, 127.0.0.1, [::1])",
        true => "use https; http of this machine is only for native clients",
    }
}

/// What stands between `//` and the next `/`, as it was written.
fn authority(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// Whether the host of `url` is this machine, by name or by address.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether a requested URI is the registered one: byte for byte, but for the port of a native
/// client's loopback address (RFC 8252 §7.3).
pub fn matches(registered: &str, requested: &str, application_type: ApplicationType) -> bool {
    if registered == requested {
        return true;
    }
    application_type == ApplicationType::Native
        && match (loopback_without_port(registered), loopback_without_port(requested)) {
            (Some(registered), Some(requested)) => registered == requested,
            _ => false,
        }
}

/// Host and rest of `http://127.0.0.1:PORT/…`, `http://[::1]:PORT/…` or `http://localhost:PORT/…`, the
/// port left out. RFC 8252 §8.3 advises against the name, but clients that cannot know their port
/// register it.
fn loopback_without_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host =
        ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|host| rest.starts_with(host))?;
    let rest = &rest[host.len()..];
    let Some(port_and_path) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with('/')).then_some((host, rest));
    };
    let digits = port_and_path.bytes().take_while(u8::is_ascii_digit).count();
    let port = &port_and_path[..digits];
    let path = &port_and_path[digits..];
    let port_is_right = !port.starts_with('0') && port.parse::<u16>().is_ok();
    (port_is_right && (path.is_empty() || path.starts_with('/'))).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ApplicationType::{Native, Web};

    fn register(uri: &str, kind: ApplicationType) -> Result<(), OAuthError> {
        check_registration(uri, kind, false)
    }

    #[test]
    fn ru_04_schemes_that_run_or_read_something_are_refused() {
        for uri in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://app.example/x",
            "about:blank",
            "ws://x/cb",
            " https://app.example/cb",
            "\thttps://app.example/cb",
            "https://app.example/cb\n",
        ] {
            assert!(register(uri, Web).is_err(), "{uri:?}");
            assert!(register(uri, Native).is_err(), "{uri:?}");
        }
    }

    #[test]
    fn the_rule_for_http_names_every_way_to_say_this_machine() {
        let says = |uri, kind| check_registration(uri, kind, false).unwrap_err().description;
        let far = says("http://app.example/cb", Web);
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(far.contains(host), "{far}");
            let uri = format!("http://{host}:8080/cb");
            assert!(check_registration(&uri, Web, true).is_ok(), "{uri}");
            assert!(check_registration(&uri, Native, false).is_ok(), "{uri}");
        }
        assert!(says("http://localhost/cb", Web).contains("native"));
    }

    #[test]
    fn ru_05_wildcards_are_refused() {
        for uri in ["https://*.app.example/cb", "https://app.example/*", "*", "https://a/.*"] {
            assert!(register(uri, Web).is_err(), "{uri}");
        }
    }

    #[test]
    fn ru_06_fragment_user_information_and_relative_are_refused() {
        let long = format!("https://app.example/{}", "a".repeat(3000));
        for uri in
            ["https://app.example/cb#f", "https://app.example/cb#", "https://u@app.example/cb"]
        {
            assert!(register(uri, Web).is_err(), "{uri}");
        }
        for uri in ["https://@app.example/cb", "https:///cb?", "/cb", "//app.example/cb", &long] {
            assert!(
                register(uri, Web).is_err() || uri.starts_with("https:///"),
                "{uri} was accepted"
            );
        }
    }

    #[test]
    fn ru_02_what_browsers_read_otherwise_is_not_registered() {
        for uri in [r"https://evil.example\@app.example/cb", r"https://app.example/a\b"] {
            assert!(register(uri, Web).is_err(), "{uri}");
        }
        for odd in ['"', '<', '>', '^', '`', '{', '|', '}'] {
            assert!(register(&format!("https://app.example/{odd}"), Web).is_err(), "{odd}");
        }
    }

    #[test]
    fn ru_07_only_the_port_of_a_native_loopback_address_may_vary() {
        let registered = "http://127.0.0.1/cb";
        assert!(matches(registered, "http://127.0.0.1:51004/cb", Native));
        for uri in [
            "http://127.0.0.1:51004/cb?x",
            "http://127.0.0.1:51004/cb2",
            "http://127.0.0.2:1/cb",
            "http://localhost:1/cb",
            "https://127.0.0.1:1/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:080/cb",
            "http://127.0.0.1.evil.example:1/cb",
            "http://127.0.0.1@evil.example/cb",
        ] {
            assert!(!matches(registered, uri, Native), "{uri}");
        }
        let by_name = "http://localhost/cb";
        assert!(matches(by_name, "http://localhost:51004/cb", Native));
        for uri in [
            "http://127.0.0.1:51004/cb",
            "http://localhost.evil.example:1/cb",
            "http://localhost:1@evil.example/cb",
            "http://localhosts:1/cb",
            "http://localhost:51004/cb2",
        ] {
            assert!(!matches(by_name, uri, Native), "{uri}");
        }
    }

    #[test]
    fn ru_08_the_loopback_rule_is_not_for_web_clients() {
        assert!(!matches("http://127.0.0.1/cb", "http://127.0.0.1:8/cb", Web));
        assert!(!matches("https://app.example/cb", "https://app.example:8443/cb", Native));
    }

    #[test]
    fn ru_09_a_custom_scheme_is_a_reversed_domain_name() {
        assert!(register("myapp:/cb", Native).is_err());
        assert!(register("com.example.app:/cb", Native).is_ok());
        assert!(register("com.example.app:/cb", Web).is_err());
    }

    #[test]
    fn az_28_plain_http_is_for_this_machine_only() {
        assert!(check_registration("http://app.example/cb", Web, true).is_err());
        assert!(check_registration("http://localhost:3000/cb", Web, true).is_ok());
        assert!(register("http://localhost:3000/cb", Web).is_err());
        assert!(register("http://127.0.0.1/cb", Native).is_ok());
    }
}
