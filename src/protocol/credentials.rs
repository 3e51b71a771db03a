//! What a client presents to prove who it is (RFC 6749 §2.3, RFC 7521 §4.2).

use super::error::OAuthError;
use super::params::{self, Params};
use base64::{Engine, prelude::BASE64_STANDARD};

/// The only kind of assertion that is taken (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The credentials of a request: one kind, never two.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// In the `Authorization` header.
    Basic { client_id: String, secret: String },
    /// In the form.
    Post { client_id: String, secret: String },
    /// A signed assertion.
    Assertion { client_id: Option<String>, assertion: String },
    /// A name without proof: a public client.
    Public { client_id: String },
}

impl Credentials {
    /// Reads the credentials from the `Authorization` header and the form.
    ///
    /// # Errors
    ///
    /// `invalid_client` when there are none or they cannot be read; `invalid_request` when there
    /// is more than one kind, or `client_id` says something else than the proof.
    pub fn read(authorization: Option<&str>, form: &Params) -> Result<Self, OAuthError> {
        let client_id = form.one("client_id")?.map(str::to_owned);
        let secret = form.one("client_secret")?.map(str::to_owned);
        let assertion = read_assertion(form)?;
        let basic = authorization.map(read_basic).transpose()?;
        match (basic, secret, assertion, client_id) {
            (Some((id, secret)), None, None, None) => Ok(Self::Basic { client_id: id, secret }),
            (Some((id, secret)), None, None, Some(sent)) if sent == id => {
                Ok(Self::Basic { client_id: id, secret })
            }
            (Some(_), None, None, Some(_)) => {
                Err(OAuthError::invalid_request("client_id is not the one that authenticates"))
            }
            (None, Some(secret), None, Some(client_id)) => Ok(Self::Post { client_id, secret }),
            (None, None, Some(assertion), client_id) => {
                Ok(Self::Assertion { client_id, assertion })
            }
            (None, None, None, Some(client_id)) => Ok(Self::Public { client_id }),
            (None, Some(_), None, None) | (None, None, None, None) => {
                Err(OAuthError::invalid_client("the client did not authenticate"))
            }
            _ => Err(OAuthError::invalid_request("more than one kind of client authentication")),
        }
    }

    /// The client that the credentials claim to be of, where that is known before they are proven.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::Basic { client_id, .. }
            | Self::Post { client_id, .. }
            | Self::Public { client_id } => Some(client_id),
            Self::Assertion { client_id, .. } => client_id.as_deref(),
        }
    }
}

/// Only the name is shown.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({:?})", self.client_id())
    }
}

fn read_assertion(form: &Params) -> Result<Option<String>, OAuthError> {
    let assertion = form.one("client_assertion")?;
    match (assertion, form.one("client_assertion_type")?) {
        (None, None) => Ok(None),
        (Some(assertion), Some(JWT_BEARER)) => Ok(Some(assertion.to_owned())),
        (Some(_), Some(_)) => {
            Err(OAuthError::invalid_client("client_assertion_type is not one that is taken"))
        }
        (Some(_), None) => Err(OAuthError::invalid_request("client_assertion_type is missing")),
        (None, Some(_)) => Err(OAuthError::invalid_request("client_assertion is missing")),
    }
}

/// `Basic`, with both halves form-encoded inside (RFC 6749 §2.3.1).
fn read_basic(header: &str) -> Result<(String, String), OAuthError> {
    let unreadable = || OAuthError::invalid_client("the Authorization header is not Basic");
    let (scheme, encoded) = header.split_once(' ').ok_or_else(unreadable)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unreadable());
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).map_err(|_| unreadable())?;
    let colon = decoded.iter().position(|byte| *byte == b':').ok_or_else(unreadable)?;
    let id = params::decode(&decoded[..colon]).map_err(|_| unreadable())?;
    let secret = params::decode(&decoded[colon + 1..]).map_err(|_| unreadable())?;
    match id.is_empty() || secret.is_empty() {
        true => Err(unreadable()),
        false => Ok((id, secret)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::ErrorCode;

    const ASSERTION_TYPE: &str =
        "client_assertion_type=urn:ietf:params:oauth:client-assertion-type";

    fn read(authorization: Option<&str>, form: &str) -> Result<Credentials, OAuthError> {
        Credentials::read(authorization, &Params::parse(form.as_bytes()).unwrap())
    }

    fn basic(text: &[u8]) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(text))
    }

    #[test]
    fn t1_basic_is_form_encoded_inside() {
        let header = basic(b"my%20app:s%3Acret%2B");
        let expected = Credentials::Basic { client_id: "my app".into(), secret: "s:cret+".into() };
        assert_eq!(read(Some(&header), "grant_type=x").unwrap(), expected);
    }

    #[test]
    fn ca_01_two_kinds_are_invalid_request() {
        let header = basic(b"app:secret");
        let assertion = format!("client_assertion=a&{ASSERTION_TYPE}:jwt-bearer");
        for form in ["client_id=app&client_secret=secret", "client_secret=secret", &assertion] {
            assert_eq!(read(Some(&header), form).unwrap_err().code, ErrorCode::InvalidRequest);
        }
    }

    #[test]
    fn ca_02_a_header_that_cannot_be_read_is_invalid_client() {
        for header in [
            "Basic".to_owned(),
            "Basic !!!".to_owned(),
            "Bearer abc".to_owned(),
            basic(b"no colon"),
            basic(b":secret"),
            basic(b"app:"),
            basic(b"\xff\xfe:secret"),
            basic(b"app:%zz"),
        ] {
            assert_eq!(read(Some(&header), "").unwrap_err().code, ErrorCode::InvalidClient);
        }
    }

    #[test]
    fn tk_13_a_client_id_that_is_not_the_proven_one_is_invalid_request() {
        let error = read(Some(&basic(b"app:secret")), "client_id=other").unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
    }

    #[test]
    fn ca_17_an_assertion_needs_its_type() {
        let saml = format!("client_assertion=a&{ASSERTION_TYPE}:saml2-bearer");
        assert_eq!(read(None, &saml).unwrap_err().code, ErrorCode::InvalidClient);
        assert!(read(None, "client_assertion=a").is_err());
    }
}
