//! Whose request it is when a proxy stands in between (RFC 7239).

use crate::config::ForwardedHeader;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// More proxies than this do not stand one behind another; whoever seems to is the client.
const MAX_HOPS: usize = 16;

/// The address of the client: the peer, or, when the peer is a proxy we trust, the hop nearest to us
/// that we do not trust (RFC 7239 §8.1). What stands before that hop its sender made up, and is not
/// read. A hop of our proxies that is no address counts as not sent. Only the header that our proxies
/// write is read: another one they pass on as it came.
pub fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    (trusted, header): (&[IpNet], ForwardedHeader),
) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut nearest = peer.to_canonical();
    let mut hops = hops(headers, header).take(MAX_HOPS);
    while is_trusted(&nearest) {
        let Some(Some(hop)) = hops.next() else { break };
        nearest = hop;
    }
    nearest
}

/// The chain as the proxies wrote it, the nearest first; `None` for a hop that is no address.
fn hops(headers: &HeaderMap, header: ForwardedHeader) -> impl Iterator<Item = Option<IpAddr>> {
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match header {
        ForwardedHeader::Forwarded => (&header::FORWARDED, forwarded_for),
        ForwardedHeader::XForwardedFor => (&X_FORWARDED_FOR, address),
    };
    let hops = headers.get_all(name).rev().map(HeaderValue::as_bytes).flat_map(from_the_end);
    hops.map(move |hop| read(str::from_utf8(hop).ok()?.trim()))
}

/// The elements of a list, the last one first. What stands left of an element does not change how it is
/// read, so nobody who writes before a proxy does can reach into what that adds.
fn from_the_end(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let list = rest?;
        let comma = last_comma(list);
        rest = comma.map(|comma| &list[..comma]);
        Some(comma.map_or(list, |comma| &list[comma + 1..]))
    })
}

/// The last comma that is in no quoted string (RFC 9110 §5.6.4).
fn last_comma(list: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    for (index, byte) in list.iter().enumerate().rev() {
        match byte {
            b'"' if !is_escaped(&list[..index]) => is_quoted = !is_quoted,
            b',' if !is_quoted => return Some(index),
            _ => {}
        }
    }
    None
}

/// Whether what comes after this is escaped: by a backslash that is not escaped itself.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The `for` of one element of `Forwarded` (RFC 7239 §4, §6).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = pairs(element).filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node))
}

/// The parts between semicolons that are in no quoted string.
fn pairs(element: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    element.split(move |letter| {
        let ends = letter == ';' && !is_quoted;
        is_quoted ^= letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && is_quoted && !is_escaped;
        ends
    })
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
        for value in ["unknown", "198.51.100.1, x", "", "198.51.100.1, ", "198.51.100.1;", "\"1"] {
            assert_eq!(client("10.0.0.1", "x-forwarded-for", &[value]), "10.0.0.1", "{value}");
            let value = format!("{value}, 10.0.0.2");
            assert_eq!(client("10.0.0.1", "x-forwarded-for", &[&value]), "10.0.0.2", "{value}");
        }
        for value in
            ["for=unknown", "for=198.51.100.1, by=x", "for=198.51.100.1,", "for=\"198.51.100.1"]
        {
            assert_eq!(client("10.0.0.1", "forwarded", &[value]), "10.0.0.1", "{value}");
        }
    }

    /// What a client may send ahead of what a proxy adds.
    const ODD: [&str; 12] = [
        "garbage",
        "unknown",
        "",
        ",",
        "\"",
        "for=\"",
        "\\\"",
        "10.0.0.9",
        "203.0.113.9, x",
        "for=\"a,b\\",
        "for=203.0.113.9;host=\"",
        "_",
    ];

    #[test]
    fn ht_08_whatever_a_client_sends_its_proxy_names_it() {
        for odd in ODD {
            let appended = format!("{odd}, 198.51.100.1");
            assert_eq!(
                client("10.0.0.1", "x-forwarded-for", &[&appended]),
                "198.51.100.1",
                "{odd}"
            );
            let line_of_its_own = [odd, "198.51.100.1"];
            assert_eq!(
                client("10.0.0.1", "x-forwarded-for", &line_of_its_own),
                "198.51.100.1",
                "{odd}"
            );
            let by_two = format!("{odd}, 198.51.100.1, 10.0.0.2");
            assert_eq!(client("10.0.0.1", "x-forwarded-for", &[&by_two]), "198.51.100.1", "{odd}");
            for element in
                ["for=198.51.100.1", "proto=https;For=\"198.51.100.1:80\";host=\"a,b;c\\\"\""]
            {
                let appended = format!("{odd}, {element}");
                assert_eq!(
                    client("10.0.0.1", "forwarded", &[&appended]),
                    "198.51.100.1",
                    "{appended}"
                );
                let by_two = [&appended, "for=10.0.0.2"];
                assert_eq!(client("10.0.0.1", "forwarded", &by_two), "198.51.100.1", "{appended}");
            }
        }
    }

    #[test]
    fn ht_08_a_header_that_is_no_text_hides_nobody() {
        for (by, name, last) in [
            (ForwardedHeader::XForwardedFor, "x-forwarded-for", "198.51.100.1"),
            (ForwardedHeader::Forwarded, "forwarded", "for=198.51.100.1"),
        ] {
            let mut headers = HeaderMap::new();
            let value = [b"\xff\xfe\"\x80, ", last.as_bytes()].concat();
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(&value).unwrap());
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            let found = client_address("10.0.0.1".parse().unwrap(), &headers, (&trusted, by));
            assert_eq!(found.to_string(), "198.51.100.1");
        }
    }

    #[test]
    fn ht_08_a_chain_of_any_length_ends_at_the_client() {
        for made_up in ["203.0.113.9, ", "10.0.0.9, ", "x, ", ",", "\"", "\\\""] {
            let long = format!("{}, 198.51.100.1", made_up.repeat(20_000));
            assert_eq!(
                client("10.0.0.1", "x-forwarded-for", &[&long]),
                "198.51.100.1",
                "{made_up}"
            );
            let long = format!("{}, for=198.51.100.1", made_up.repeat(20_000));
            assert_eq!(client("10.0.0.1", "forwarded", &[&long]), "198.51.100.1", "{made_up}");
        }
        // Only so many hops are read at all.
        let proxies: Vec<String> = (2..60).rev().map(|n| format!("10.0.0.{n}")).collect();
        let chain = format!("198.51.100.1, {}", proxies.join(", "));
        assert_eq!(client("10.0.0.1", "x-forwarded-for", &[&chain]), "10.0.0.17");
    }

    #[test]
    fn rfc_7239_a_quoted_part_is_not_taken_for_another_hop() {
        for host in
            ["x,for=203.0.113.9;a", "x;for=203.0.113.9;a", "x\\\",for=203.0.113.9;a", "x\\\\"]
        {
            let value = format!("for=198.51.100.1;host=\"{host}\"");
            assert_eq!(client("10.0.0.1", "forwarded", &[&value]), "198.51.100.1", "{value}");
            let value = format!("host=\"{host}\";for=198.51.100.1");
            assert_eq!(client("10.0.0.1", "forwarded", &[&value]), "198.51.100.1", "{value}");
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
