//! Redirect URIs: what may be registered, and what matches that. The input is a registered address
//! and, on the next line, the one of a request.
#![no_main]

use countersign::protocol::client::ApplicationType::{self, Native, Web};
use countersign::protocol::redirect_uri::{check_registration, matches};
use libfuzzer_sys::fuzz_target;
use url::{Host, Url};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (registered, requested) = text.split_once('\n').unwrap_or((text, text));
    for kind in [Web, Native] {
        for by_administrator in [false, true] {
            if check_registration(registered, kind, by_administrator).is_ok() {
                good_to_register(registered, kind);
            }
        }
    }
    assert_eq!(matches(registered, requested, Web), registered == requested);
    if matches(registered, requested, Native) && registered != requested {
        same_but_for_the_port(registered, requested);
    }
});

fn good_to_register(uri: &str, kind: ApplicationType) {
    let url = Url::parse(uri).expect("a registered address is a URL");
    assert!(!uri.contains(['#', '*', ' ', '\\', '<', '"']), "{uri}");
    assert!(url.username().is_empty() && url.password().is_none(), "{uri}");
    match url.scheme() {
        "https" => assert!(url.host_str().is_some_and(|host| !host.is_empty()), "{uri}"),
        "http" => assert!(is_this_machine(&url), "{uri}"),
        scheme => assert!(kind == Native && scheme.contains('.'), "{uri}"),
    }
    assert!(matches(uri, uri, kind));
    for other in [format!("{uri}/"), format!("{uri}?x"), uri.to_uppercase(), format!("{uri}.")] {
        assert!(other == uri || !matches(uri, &other, Web), "{uri} and {other}");
    }
}

fn same_but_for_the_port(registered: &str, requested: &str) {
    let parse = |uri| Url::parse(uri).expect("what matches by its host is a URL");
    let (mut registered, mut requested) = (parse(registered), parse(requested));
    for url in [&mut registered, &mut requested] {
        assert!(url.scheme() == "http" && is_this_machine(url), "{url}");
        assert!(url.username().is_empty() && url.password().is_none(), "{url}");
        url.set_port(None).expect("http has ports");
    }
    assert_eq!(registered, requested);
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
