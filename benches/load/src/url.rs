//! Addresses, and the pairs that queries and forms are made of.

use crate::fault::{Fault, Outcome};

/// An absolute `http` URL, split once into what a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// `host:port` as it goes to `connect` and (less a default port) to `Host`.
    pub authority: String,
    /// Path and query, always beginning with `/`, never with a fragment.
    pub target: String,
}

impl Url {
    pub fn parse(text: &str) -> Outcome<Url> {
        let rest = text
            .strip_prefix("http://")
            .ok_or_else(|| Fault::new(format!("url: not plain http: {text}")))?;
        let cut = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, tail) = rest.split_at(cut);
        if host.is_empty() || host.contains('@') {
            return Err(Fault::new("url: bad authority"));
        }
        let has_port = match host.rfind(']') {
            Some(end) => host[end..].contains(':'),
            None => host.contains(':'),
        };
        let authority = if has_port { host.to_owned() } else { format!("{host}:80") };
        let tail = tail.split('#').next().unwrap_or("");
        let target = if tail.starts_with('/') { tail.to_owned() } else { format!("/{tail}") };
        Ok(Url { authority, target })
    }

    /// Resolves a `Location` or form `action` against this URL.
    pub fn join(&self, reference: &str) -> Outcome<Url> {
        let reference = reference.split('#').next().unwrap_or("");
        if reference.starts_with("http://") || reference.starts_with("https://") {
            return Url::parse(reference);
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return Url::parse(&format!("http://{rest}"));
        }
        let path = self.path();
        let target = if reference.is_empty() {
            self.target.clone()
        } else if reference.starts_with('/') {
            reference.to_owned()
        } else if reference.starts_with('?') {
            format!("{path}{reference}")
        } else {
            let directory = &path[..=path.rfind('/').unwrap_or(0)];
            remove_dots(&format!("{directory}{reference}"))
        };
        Ok(Url { authority: self.authority.clone(), target })
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("/")
    }
}

fn remove_dots(target: &str) -> String {
    let (path, query) = match target.find('?') {
        Some(at) => target.split_at(at),
        None => (target, ""),
    };
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

/// Appends `name=value` to a form or query string, percent-encoded.
pub fn push_pair(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() && !out.ends_with('?') {
        out.push('&');
    }
    encode_into(out, name);
    out.push('=');
    encode_into(out, value);
}

pub fn encode_into(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte as char);
            }
            b' ' => out.push_str("%20"),
            other => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                out.push(HEX[(other >> 4) as usize] as char);
                out.push(HEX[(other & 15) as usize] as char);
            }
        }
    }
}

/// The decoded value of a query parameter.
pub fn query_value(url: &str, name: &str) -> Option<String> {
    let query = url.split('#').next()?.split_once('?')?.1;
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| decode(value))
    })
}

fn decode(text: &str) -> String {
    let raw = text.as_bytes();
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let hex = |b: u8| (b as char).to_digit(16);
        match raw[at] {
            b'+' => out.push(b' '),
            b'%' if at + 2 < raw.len() => match (hex(raw[at + 1]), hex(raw[at + 2])) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    at += 2;
                }
                _ => out.push(b'%'),
            },
            other => out.push(other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_parse_and_resolve() {
        let base = Url::parse("http://127.0.0.1:8080/a/b?x=1#f").unwrap();
        assert_eq!(base.authority, "127.0.0.1:8080");
        assert_eq!(base.target, "/a/b?x=1");
        assert_eq!(base.join("c?y=2").unwrap().target, "/a/c?y=2");
        assert_eq!(base.join("../c").unwrap().target, "/c");
        assert_eq!(base.join("?z").unwrap().target, "/a/b?z");
        assert_eq!(base.join("").unwrap().target, "/a/b?x=1");
        assert_eq!(base.join("/q").unwrap().target, "/q");
        assert_eq!(base.join("http://h/p").unwrap().authority, "h:80");
        assert_eq!(Url::parse("http://[::1]:9/").unwrap().authority, "[::1]:9");
        assert!(Url::parse("https://example.org/").is_err());
    }

    #[test]
    fn pairs_are_encoded_and_read_back() {
        let mut query = String::from("http://h/cb?");
        push_pair(&mut query, "state", "a b&c=ü");
        push_pair(&mut query, "code", "x~y");
        assert_eq!(query_value(&query, "state").unwrap(), "a b&c=ü");
        assert_eq!(query_value(&query, "code").unwrap(), "x~y");
        assert_eq!(query_value(&query, "none"), None);
    }
}
