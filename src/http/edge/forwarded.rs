//! Whose request it is when a proxy stands in between (RFC 7239).

use crate::config::ForwardedHeader;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// More hops than this are not a chain of proxies.
const MAX_HOPS: usize = 16;

/// The address of the client: the peer, or, when the peer is a proxy we trust, the hop nearest to us
/// that we do not trust. What cannot be read counts as not sent, and other peers are not asked
/// (RFC 7239 §8.1). Only the header that our proxies write is read: another one they pass on as it
/// came.
pub fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    (trusted, header): (&[IpNet], ForwardedHeader),
) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let Some(hops) = hops(headers, header) else { return peer };
    let client = hops.iter().rev().find(|hop| !is_trusted(hop)).or(hops.first());
    client.copied().unwrap_or(peer)
}

/// The chain as the proxies wrote it, the nearest last; `None` when a part of it is no address.
fn hops(headers: &HeaderMap, header: ForwardedHeader) -> Option<Vec<IpAddr>> {
    match header {
        ForwardedHeader::Forwarded => chain(headers, &header::FORWARDED, forwarded_for),
        ForwardedHeader::XForwardedFor => chain(headers, &X_FORWARDED_FOR, address),
    }
}

fn chain(
    headers: &HeaderMap,
    name: &HeaderName,
    read: fn(&str) -> Option<IpAddr>,
) -> Option<Vec<IpAddr>> {
    let mut hops = Vec::new();
    for value in headers.get_all(name) {
        for hop in value.to_str().ok()?.split(',') {
            if hops.len() == MAX_HOPS {
                return None;
            }
            hops.push(read(hop.trim())?);
        }
    }
    Some(hops)
}

/// The `for` of one element of `Forwarded` (RFC 7239 §4, §6).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node))
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    let parsed = bare.parse::<IpAddr>().ok();
    let parsed = parsed.or_else(|| node.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(parsed.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    /// The client when proxies write this header.
    fn client(peer: &str, name: &'static str, values: &[&str]) -> String {
        let by = match name {
            "forwarded" => ForwardedHeader::Forwarded,
            _ => ForwardedHeader::XForwardedFor,
        };
        client_by(by, peer, &values.iter().map(|value| (name, *value)).collect::<Vec<_>>())
    }

    fn client_by(by: ForwardedHeader, peer: &str, sent: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        client_address(peer.parse().unwrap(), &headers, (&trusted, by)).to_string()
    }

    #[test]
    fn ht_08_a_header_that_our_proxies_do_not_write_is_the_callers_own() {
        let sent = [("forwarded", "for=198.51.100.1"), ("x-forwarded-for", "203.0.113.9")];
        let by_list = client_by(ForwardedHeader::XForwardedFor, "10.0.0.1", &sent);
        assert_eq!(by_list, "203.0.113.9");
        let by_rfc = client_by(ForwardedHeader::Forwarded, "10.0.0.1", &sent);
        assert_eq!(by_rfc, "198.51.100.1");
        assert_eq!(client_by(ForwardedHeader::XForwardedFor, "10.0.0.1", &sent[..1]), "10.0.0.1");
        assert_eq!(client_by(ForwardedHeader::Forwarded, "10.0.0.1", &sent[1..]), "10.0.0.1");
    }

    #[test]
    fn ht_08_a_stranger_cannot_name_an_address() {
        for name in ["x-forwarded-for", "x-real-ip", "forwarded"] {
            assert_eq!(client("192.0.2.7", name, &["198.51.100.1"]), "192.0.2.7");
        }
        assert_eq!(client("10.0.0.1", "x-real-ip", &["198.51.100.1"]), "10.0.0.1");
    }

    #[test]
    fn ht_08_the_nearest_hop_that_is_not_ours_is_the_client() {
        let values = ["203.0.113.9, 198.51.100.1, 10.0.0.2"];
        assert_eq!(client("10.0.0.1", "x-forwarded-for", &values), "198.51.100.1");
        let values = ["203.0.113.9", "198.51.100.2"];
        assert_eq!(client("::1", "x-forwarded-for", &values), "198.51.100.2");
        assert_eq!(client("::ffff:10.0.0.1", "x-forwarded-for", &["198.51.100.3"]), "198.51.100.3");
    }

    #[test]
    fn ht_08_what_is_no_address_counts_as_not_sent() {
        let long = "198.51.100.1, ".repeat(700);
        for value in ["unknown", "198.51.100.1, x", "", "198.51.100.1;", long.as_str()] {
            assert_eq!(client("10.0.0.1", "x-forwarded-for", &[value]), "10.0.0.1", "{value}");
        }
    }

    #[test]
    fn rfc_7239_the_for_of_the_forwarded_header_is_read() {
        let cases = [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=192.0.2.43, for=198.51.100.17:80", "198.51.100.17"),
            ("for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ];
        for (value, expected) in cases {
            assert_eq!(client("10.0.0.1", "forwarded", &[value]), expected, "{value}");
        }
    }
}
