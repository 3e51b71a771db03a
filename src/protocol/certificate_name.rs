//! The name that a client certificate must have (RFC 8705 §2.1.2).

use std::net::IpAddr;
use std::str::FromStr;

/// The longest name, in bytes.
const MAX_BYTES: usize = 1024;

/// One expected name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateName {
    Subject(DistinguishedName),
    Dns(String),
    Uri(String),
    Ip(IpAddr),
    Email(String),
}

/// A name in the form of RFC 4514, from the narrowest to the widest, such as
/// `CN=orders,O=Example,C=DE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Relative>);

/// What stands between two commas: one attribute, or several with `+` between them.
type Relative = Vec<(String, String)>;

/// A text is not the name it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name of that kind")]
pub struct NoName;

impl CertificateName {
    /// Reads the value of a metadata member, such as `tls_client_auth_san_dns`.
    ///
    /// # Errors
    ///
    /// When the value is no name of that kind, or the member none of the five.
    pub fn read(member: &str, value: &str) -> Result<Self, NoName> {
        let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic());
        if value.is_empty() || value.len() > MAX_BYTES {
            return Err(NoName);
        }
        match member {
            "tls_client_auth_subject_dn" => value.parse().map(Self::Subject),
            "tls_client_auth_san_dns" if is_plain && !value.contains(['*', '/', ':', '@']) => {
                Ok(Self::Dns(value.to_owned()))
            }
            "tls_client_auth_san_uri" if is_plain && url::Url::parse(value).is_ok() => {
                Ok(Self::Uri(value.to_owned()))
            }
            "tls_client_auth_san_ip" => value.parse().map(Self::Ip).map_err(|_| NoName),
            "tls_client_auth_san_email" if is_plain && value.contains('@') => {
                Ok(Self::Email(value.to_owned()))
            }
            _ => Err(NoName),
        }
    }
}

impl DistinguishedName {
    /// Whether these attributes, each with the names that its type is known by, make this name.
    /// Attributes between `+` may come in any order (RFC 4514 §2.2).
    pub fn is_made_of(&self, attributes: &[(Vec<String>, String)]) -> bool {
        let mut rest = attributes;
        for relative in &self.0 {
            let Some((part, after)) = rest.split_at_checked(relative.len()) else { return false };
            let mut left: Vec<_> = part.iter().collect();
            for (kind, value) in relative {
                let found = left.iter().position(|(names, own)| {
                    names.iter().any(|name| is_kind(name, kind)) && is_value(own, value)
                });
                let Some(index) = found else { return false };
                left.remove(index);
            }
            rest = after;
        }
        rest.is_empty()
    }
}

/// Names of attribute types that OpenSSL writes in another way than RFC 4514 §3.
fn is_kind(own: &str, expected: &str) -> bool {
    let plain = |name: &str| match name.to_ascii_uppercase().as_str() {
        "E" | "EMAIL" | "1.2.840.113549.1.9.1" => "EMAILADDRESS".to_owned(),
        "STATEORPROVINCENAME" | "S" | "2.5.4.8" => "ST".to_owned(),
        "STREETADDRESS" | "2.5.4.9" => "STREET".to_owned(),
        "COMMONNAME" | "2.5.4.3" => "CN".to_owned(),
        "ORGANIZATIONNAME" | "2.5.4.10" => "O".to_owned(),
        "ORGANIZATIONALUNITNAME" | "2.5.4.11" => "OU".to_owned(),
        "COUNTRYNAME" | "2.5.4.6" => "C".to_owned(),
        "LOCALITYNAME" | "2.5.4.7" => "L".to_owned(),
        "DOMAINCOMPONENT" | "0.9.2342.19200300.100.1.25" => "DC".to_owned(),
        "USERID" | "0.9.2342.19200300.100.1.1" => "UID".to_owned(),
        "2.5.4.5" => "SERIALNUMBER".to_owned(),
        other => other.to_owned(),
    };
    plain(own) == plain(expected)
}

/// Case and the number of spaces do not matter (RFC 4518 §2).
fn is_value(own: &str, expected: &str) -> bool {
    let plain =
        |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    plain(own) == plain(expected)
}

impl FromStr for DistinguishedName {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let mut relatives = Vec::new();
        for relative in split(text, &[',', ';']) {
            let attributes = split(relative, &['+']).into_iter().map(attribute);
            relatives.push(attributes.collect::<Result<Relative, _>>()?);
        }
        Ok(Self(relatives))
    }
}

/// The pieces between unescaped separators outside of quotes.
fn split<'a>(text: &'a str, separators: &[char]) -> Vec<&'a str> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    let (mut is_escaped, mut is_quoted) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if !is_quoted && separators.contains(&c) => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

fn attribute(text: &str) -> Result<(String, String), NoName> {
    let (kind, value) = text.split_once('=').ok_or(NoName)?;
    let kind = kind.trim();
    let is_kind = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if kind.is_empty() || !kind.chars().all(is_kind) {
        return Err(NoName);
    }
    let value = unescaped(value.trim())?;
    match value.is_empty() || value.chars().any(char::is_control) {
        true => Err(NoName),
        false => Ok((kind.to_owned(), value)),
    }
}

/// Undoes `\,` and `\2C` (RFC 4514 §3), and the quotes of RFC 2253.
fn unescaped(text: &str) -> Result<String, NoName> {
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let mut bytes = Vec::new();
    let mut rest = quoted.unwrap_or(text).bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let first = rest.next().ok_or(NoName)?;
        match char::from(first).to_digit(16) {
            None => bytes.push(first),
            Some(high) => {
                let second = rest.next().ok_or(NoName)?;
                let low = char::from(second).to_digit(16).ok_or(NoName)?;
                bytes.push(u8::try_from(high * 16 + low).map_err(|_| NoName)?);
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| NoName)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_made_of(dn: &str, attributes: &[(&str, &str)]) -> bool {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(kind, value)| (vec![(*kind).to_owned()], (*value).to_owned()))
            .collect();
        dn.parse::<DistinguishedName>().unwrap().is_made_of(&attributes)
    }

    #[test]
    fn ca_18_a_subject_is_compared_name_by_name_in_order() {
        let subject = [("CN", "orders"), ("O", "Example, Inc."), ("C", "DE")];
        for same in [
            r"CN=orders,O=Example\, Inc.,C=DE",
            r"cn=Orders, o=example\2c  INC., c=de",
            r#"CN=orders,O="Example, Inc.",C=DE"#,
            r"2.5.4.3=orders,2.5.4.10=Example\, Inc.,countryName=DE",
        ] {
            assert!(is_made_of(same, &subject), "{same}");
        }
        for other in [
            "CN=orders",
            r"O=Example\, Inc.,C=DE",
            r"C=DE,O=Example\, Inc.,CN=orders",
            r"CN=orders,O=Example\, Inc.,C=DE,DC=example",
            r"CN=orders2,O=Example\, Inc.,C=DE",
            r"OU=orders,O=Example\, Inc.,C=DE",
            r"CN=orders+O=Example\, Inc.",
        ] {
            assert!(!is_made_of(other, &subject), "{other}");
        }
    }

    #[test]
    fn attributes_of_one_level_come_in_any_order() {
        assert!(is_made_of("CN=a+UID=b,C=DE", &[("UID", "b"), ("CN", "a"), ("C", "DE")]));
        assert!(is_made_of("UID=b+CN=a,C=DE", &[("UID", "b"), ("CN", "a"), ("C", "DE")]));
        assert!(!is_made_of("CN=a+CN=a,C=DE", &[("CN", "a"), ("CN", "b"), ("C", "DE")]));
    }

    #[test]
    fn a_name_is_read_as_its_kind_or_not_at_all() {
        let read = |kind: &str, value: &str| {
            CertificateName::read(&format!("tls_client_auth_{kind}"), value).is_ok()
        };
        assert!(read("san_dns", "client.example.com"));
        assert!(read("san_uri", "spiffe://example.com/orders"));
        assert!(read("san_ip", "2001:db8::1") && read("san_ip", "192.0.2.1"));
        assert!(read("san_email", "orders@example.com"));
        for (kind, value) in [
            ("san_dns", "*.example.com"),
            ("san_dns", "a b"),
            ("san_dns", ""),
            ("san_uri", "orders"),
            ("san_ip", "192.0.2"),
            ("san_email", "orders"),
            ("subject_dn", "orders"),
            ("subject_dn", "CN="),
            ("subject_dn", r"CN=a\"),
            ("subject_dn", "CN=a\u{0}"),
            ("subject_dn", ",CN=a"),
            ("san_other", "x"),
        ] {
            assert!(!read(kind, value), "{kind} {value}");
        }
    }
}
