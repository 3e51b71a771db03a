//! The compact serialisation, read strictly (RFC 7515 §3.1, RFC 7516 §3.1).

use super::error::JoseError;
use super::json;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// The longest token that is looked at.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_HEADER_BYTES: usize = 4 * 1024;
const MAX_KID_BYTES: usize = 256;

/// Header members that change how a token is read or where its key comes from. Countersign knows
/// its keys, reads one form, and inflates nothing.
const FORBIDDEN: [&str; 8] = ["crit", "b64", "zip", "jku", "x5u", "x5c", "p2c", "p2s"];

/// The `N` parts of a token.
pub(super) fn split<const N: usize>(token: &str) -> Result<[&str; N], JoseError> {
    split_within(token, MAX_TOKEN_BYTES)
}

/// The `N` parts of a token that may have so many bytes.
pub(super) fn split_within<const N: usize>(
    token: &str,
    max_bytes: usize,
) -> Result<[&str; N], JoseError> {
    if token.len() > max_bytes {
        return Err(JoseError::Refused("the token is too long"));
    }
    let mut rest = token.split('.');
    let mut parts = [""; N];
    for part in &mut parts {
        *part = rest.next().ok_or(JoseError::Malformed)?;
    }
    match rest.next() {
        None => Ok(parts),
        Some(_) => Err(JoseError::Malformed),
    }
}

/// base64url without padding, and with the unused bits zero: one spelling for each value.
pub(super) fn decode(part: &str) -> Result<Vec<u8>, JoseError> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| JoseError::Malformed)
}

/// A protected header that holds none of the [`FORBIDDEN`] members.
pub(super) struct Header(Map<String, Value>);

impl Header {
    pub(super) fn read(part: &str) -> Result<Self, JoseError> {
        if part.len() > MAX_HEADER_BYTES.div_ceil(3) * 4 {
            return Err(JoseError::Refused("the header is longer than 4 KiB"));
        }
        let members = json::object(&decode(part)?)?;
        if FORBIDDEN.iter().any(|name| members.contains_key(*name)) {
            return Err(JoseError::Refused("the header has a member that is not accepted"));
        }
        Ok(Self(members))
    }

    /// A member that is a string when it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, JoseError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JoseError::Refused("a header member is not a string")),
        }
    }

    pub(super) fn kid(&self) -> Result<Option<&str>, JoseError> {
        match self.text("kid")? {
            Some(kid) if kid.len() > MAX_KID_BYTES => Err(JoseError::Refused("kid is too long")),
            kid => Ok(kid),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jw_06_a_token_has_exactly_its_parts_and_is_not_long() {
        assert_eq!(split::<3>("a.b.c").unwrap(), ["a", "b", "c"]);
        assert_eq!(split::<3>("a.b"), Err(JoseError::Malformed));
        assert_eq!(split::<3>("a.b.c.d"), Err(JoseError::Malformed));
        assert_eq!(split::<5>("a.b.c"), Err(JoseError::Malformed));
        let dots = ".".repeat(10_000_000);
        assert!(matches!(split::<3>(&dots), Err(JoseError::Refused(_))));
        let longest = format!("a.{}.c", "b".repeat(MAX_TOKEN_BYTES - 4));
        assert!(split::<3>(&longest).is_ok());
        assert!(split::<3>(&format!("{longest}c")).is_err());
    }

    #[test]
    fn jw_05_a_value_has_one_spelling() {
        assert_eq!(decode("_-8").unwrap(), [0xFF, 0xEF]);
        for part in ["_-8=", "_-9", "/+8", "_-8\n", " _-8", "_-8 ", "_", "_-é"] {
            assert_eq!(decode(part), Err(JoseError::Malformed), "{part}");
        }
    }

    #[test]
    fn jw_03_jw_11_jw_12_members_that_change_the_reading_are_refused() {
        for header in [
            r#"{"alg":"ES256","crit":["exp"]}"#,
            r#"{"alg":"ES256","crit":[]}"#,
            r#"{"alg":"ES256","b64":false}"#,
            r#"{"alg":"ES256","jku":"https://example.com/jwks"}"#,
            r#"{"alg":"ES256","x5u":"https://example.com/x5u"}"#,
            r#"{"alg":"ES256","x5c":[]}"#,
            r#"{"alg":"dir","zip":"DEF"}"#,
            r#"{"alg":"dir","p2c":2147483648}"#,
        ] {
            let part = BASE64_URL_SAFE_NO_PAD.encode(header);
            assert!(matches!(Header::read(&part), Err(JoseError::Refused(_))), "{header}");
        }
    }

    #[test]
    fn a_header_is_at_most_4_kib_and_its_kid_at_most_256_bytes() {
        let header = |size: usize| {
            BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"kid":"{}"}}"#, "k".repeat(size)))
        };
        assert!(Header::read(&header(256)).unwrap().kid().is_ok());
        assert!(Header::read(&header(257)).unwrap().kid().is_err());
        assert!(Header::read(&header(5000)).is_err());
    }
}
