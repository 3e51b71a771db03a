//! What an authorization response carries (RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Type
//! Encoding Practices).

use super::error::{ErrorCode, OAuthError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A `response_type`: a set of words, so their order means nothing (§3 of Multiple Response Types).
///
/// Only `code` keeps tokens out of the address of a page. The others are what older clients speak;
/// the server offers them when it is told to, to clients that are registered for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ResponseType {
    #[default]
    Code,
    IdToken,
    IdTokenToken,
    CodeIdToken,
    CodeToken,
    CodeIdTokenToken,
}

impl ResponseType {
    /// Every response type there is.
    pub const ALL: [Self; 6] = [
        Self::Code,
        Self::IdToken,
        Self::IdTokenToken,
        Self::CodeIdToken,
        Self::CodeToken,
        Self::CodeIdTokenToken,
    ];

    /// The value as OpenID Connect writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
            Self::IdTokenToken => "id_token token",
            Self::CodeIdToken => "code id_token",
            Self::CodeToken => "code token",
            Self::CodeIdTokenToken => "code id_token token",
        }
    }

    /// Reads the parameter.
    ///
    /// # Errors
    ///
    /// `invalid_request` when it is missing, `unsupported_response_type` for what does not exist;
    /// `token` alone is one of these.
    pub fn from_request(text: Option<&str>) -> Result<Self, OAuthError> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Err(OAuthError::invalid_request("response_type is missing"));
        };
        Self::parse(text).ok_or_else(Self::unsupported)
    }

    /// Reads a value, its words in any order.
    pub fn parse(text: &str) -> Option<Self> {
        let mut sent: Vec<&str> = text.split(' ').collect();
        sent.sort_unstable();
        Self::ALL.into_iter().find(|one| one.as_str().split(' ').eq(sent.iter().copied()))
    }

    /// The refusal of what this server does not offer.
    pub fn unsupported() -> OAuthError {
        let code = ErrorCode::UnsupportedResponseType;
        OAuthError::new(code, "response_type is not one of those offered")
    }

    /// Whether the response has a code.
    pub const fn has_code(self) -> bool {
        !matches!(self, Self::IdToken | Self::IdTokenToken)
    }

    /// Whether the response has an ID token.
    pub const fn has_id_token(self) -> bool {
        !matches!(self, Self::Code | Self::CodeToken)
    }

    /// Whether the response has an access token.
    pub const fn has_token(self) -> bool {
        matches!(self, Self::IdTokenToken | Self::CodeToken | Self::CodeIdTokenToken)
    }

    /// Whether tokens travel through the browser's address: one of the older types.
    pub const fn is_front_channel(self) -> bool {
        self.has_id_token() || self.has_token()
    }
}

impl fmt::Display for ResponseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for ResponseType {
    type Error = super::client::UnknownValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or(super::client::UnknownValue(
            "code, id_token, id_token token, code id_token, code token, code id_token token",
        ))
    }
}

impl From<ResponseType> for String {
    fn from(one: ResponseType) -> Self {
        one.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h2_the_words_stand_in_any_order() {
        assert_eq!(ResponseType::parse("token id_token"), Some(ResponseType::IdTokenToken));
        let all = ResponseType::parse("token code id_token");
        assert_eq!(all, Some(ResponseType::CodeIdTokenToken));
        for one in ResponseType::ALL {
            assert_eq!(ResponseType::parse(one.as_str()), Some(one));
        }
    }

    #[test]
    fn az_04_nothing_else_is_a_response_type() {
        for text in ["token", "foo", "CODE", "code code", "code  token", "none", " code"] {
            let error = ResponseType::from_request(Some(text)).unwrap_err();
            assert_eq!(error.code, ErrorCode::UnsupportedResponseType, "{text}");
        }
        for missing in [None, Some("")] {
            let error = ResponseType::from_request(missing).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest);
        }
    }

    #[test]
    fn a_response_type_says_what_it_carries() {
        let carries = |one: ResponseType| (one.has_code(), one.has_id_token(), one.has_token());
        assert_eq!(carries(ResponseType::Code), (true, false, false));
        assert_eq!(carries(ResponseType::IdToken), (false, true, false));
        assert_eq!(carries(ResponseType::IdTokenToken), (false, true, true));
        assert_eq!(carries(ResponseType::CodeIdToken), (true, true, false));
        assert_eq!(carries(ResponseType::CodeToken), (true, false, true));
        assert_eq!(carries(ResponseType::CodeIdTokenToken), (true, true, true));
    }
}
