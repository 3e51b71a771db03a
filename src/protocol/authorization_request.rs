//! The authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1), once it is checked.

use super::acr::WantedLevels;
use super::authorization_details::AuthorizationDetails;
use super::claims::ClaimsRequest;
use super::error::OAuthError;
use super::pkce::CodeChallenge;
use super::response_type::ResponseType;
use super::scope::Scope;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The longest `state` and `nonce`, in bytes.
pub const MAX_STATE_BYTES: usize = 1024;

/// How the answer travels (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In the fragment of the redirect URI, which stays in the browser.
    Fragment,
    /// As a form that the browser posts.
    FormPost,
}

impl ResponseMode {
    /// `response_modes_supported` of the discovery document.
    pub const SUPPORTED: &'static [&'static str] = &["query", "fragment", "form_post"];

    /// The mode of a request that names none (Multiple Response Types §2.1, §5).
    pub const fn usual(response_type: ResponseType) -> Self {
        match response_type.is_front_channel() {
            true => Self::Fragment,
            false => Self::Query,
        }
    }

    /// Reads `response_mode`.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a mode that is not offered, and for tokens in a query.
    pub fn from_request(
        text: Option<&str>,
        response_type: ResponseType,
    ) -> Result<Self, OAuthError> {
        match text {
            None => Ok(Self::usual(response_type)),
            Some("query") if response_type.is_front_channel() => {
                Err(OAuthError::invalid_request("response_mode=query must not carry tokens"))
            }
            Some("query") => Ok(Self::Query),
            Some("fragment") => Ok(Self::Fragment),
            Some("form_post") => Ok(Self::FormPost),
            Some(_) => {
                Err(OAuthError::invalid_request("response_mode is not one of those offered"))
            }
        }
    }
}

/// Reads from `response_mode` whether the response travels as a token (JARM §2.3), and gives the
/// mode that carries it: `query.jwt` is a token in the query, `jwt` one in the usual place.
pub fn split_response_mode(text: Option<&str>) -> (Option<&str>, bool) {
    match text {
        Some("jwt") => (None, true),
        Some(text) => match text.strip_suffix(".jwt") {
            Some(carrier) => (Some(carrier), true),
            None => (Some(text), false),
        },
        None => (None, false),
    }
}

/// One value of `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    None,
    Login,
    Consent,
    SelectAccount,
    /// Initiating User Registration via OpenID Connect 1.0 §4.1.
    Create,
}

impl Prompt {
    /// What every server offers; `create` only where people may sign up.
    pub const SUPPORTED: &'static [&'static str] = &["none", "login", "consent", "select_account"];

    /// Reads the parameter.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an unknown value, and for `none` beside another.
    pub fn parse(text: Option<&str>) -> Result<BTreeSet<Self>, OAuthError> {
        let words = text.unwrap_or_default().split(' ').filter(|word| !word.is_empty());
        let prompts = words
            .map(|word| match word {
                "none" => Ok(Self::None),
                "login" => Ok(Self::Login),
                "consent" => Ok(Self::Consent),
                "select_account" => Ok(Self::SelectAccount),
                "create" => Ok(Self::Create),
                _ => Err(OAuthError::invalid_request("prompt has an unknown value")),
            })
            .collect::<Result<BTreeSet<_>, _>>()?;
        if prompts.contains(&Self::None) && prompts.len() > 1 {
            return Err(OAuthError::invalid_request("prompt=none goes with no other value"));
        }
        Ok(prompts)
    }
}

/// Reads `max_age`, in seconds.
///
/// # Errors
///
/// `invalid_request` for anything that is not a whole number from 0 to 4294967295.
pub fn parse_max_age(text: Option<&str>) -> Result<Option<u32>, OAuthError> {
    let Some(text) = text else { return Ok(None) };
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().map(Some).map_err(|_| bad_max_age()),
        false => Err(bad_max_age()),
    }
}

fn bad_max_age() -> OAuthError {
    OAuthError::invalid_request("max_age must be a number of seconds")
}

/// Reads `state` or `nonce`: kept byte for byte, up to 1024 bytes.
///
/// # Errors
///
/// `invalid_request` when it is longer.
pub fn parse_opaque(name: &str, text: Option<&str>) -> Result<Option<String>, OAuthError> {
    match text {
        Some(text) if text.len() > MAX_STATE_BYTES => {
            Err(OAuthError::invalid_request(format!("{name} is longer than 1024 bytes")))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

/// A request that may be answered once, whatever browser brings it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Once {
    /// A pushed request, by the hash of its `request_uri` (RFC 9126 §7.3).
    Pushed(String),
    /// A request object, by the hash of its `jti` (RFC 9101), which is remembered for a while.
    RequestObject { jti_hash: String, until: Timestamp },
}

/// How a request came that is not of the browser in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// Somebody typed the code of their device (RFC 8628).
    Device,
    /// A client asked for somebody (OpenID Connect CIBA).
    Ciba,
}

impl Errand {
    /// As the audit log has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Ciba => "ciba",
        }
    }
}

/// A request that was made elsewhere: its answer stays here until its client asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElsewhereRequest {
    pub errand: Errand,
    /// The hash of its `device_code` or `auth_req_id`.
    pub code_hash: String,
    /// What people compare with what they see elsewhere: the code that a device shows, or the
    /// `binding_message`, which may be empty.
    pub shown: String,
    pub asked_at: Timestamp,
    /// Where it came from, as far as its address tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// A request that passed every check and can be answered: what travels sealed through the pages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    pub client_id: String,
    pub redirect_uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default)]
    pub response_type: ResponseType,
    #[serde(default)]
    pub response_mode: ResponseMode,
    /// Whether the response is a token (JARM).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub response_is_jwt: bool,
    pub scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub prompt: BTreeSet<Prompt>,
    /// Seconds. From the request, else from the client's `default_max_age`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// The subject of a verified `id_token_hint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hinted_subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_locales: Option<String>,
    #[serde(default, skip_serializing_if = "ClaimsRequest::is_empty")]
    pub claims: ClaimsRequest,
    /// What is used up by the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<Once>,
    /// The thumbprint of the key that the code is bound to (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// What the tokens may be for (RFC 8707); empty for the default audience alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// From `acr_values`, `claims` or the client's `default_acr_values`.
    #[serde(default, skip_serializing_if = "WantedLevels::is_empty")]
    pub acr: WantedLevels,
    /// What is asked for in detail (RFC 9396).
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub details: AuthorizationDetails,
    /// Set when the answer is not for this browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<ElsewhereRequest>,
}

impl AuthorizationRequest {
    /// Whether `prompt` has a value.
    pub fn prompts(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::ErrorCode;

    #[test]
    fn az_10_none_goes_with_no_other_prompt() {
        for text in ["none login", "none consent", "bogus", "NONE"] {
            assert_eq!(Prompt::parse(Some(text)).unwrap_err().code, ErrorCode::InvalidRequest);
        }
        assert!(Prompt::parse(Some("login consent")).is_ok());
    }

    #[test]
    fn az_12_max_age_is_a_whole_number_of_seconds() {
        for text in ["-1", "abc", "1.5", "99999999999999999999", "+1", " 1"] {
            assert!(parse_max_age(Some(text)).is_err(), "{text}");
        }
        assert_eq!(parse_max_age(Some("0")).unwrap(), Some(0));
    }

    #[test]
    fn az_06_a_mode_that_is_not_offered_is_invalid_request() {
        for text in ["foo", "web_message", "QUERY", ""] {
            assert!(ResponseMode::from_request(Some(text), ResponseType::Code).is_err(), "{text}");
        }
    }

    #[test]
    fn az_06_h1_tokens_never_travel_in_a_query() {
        for response_type in ResponseType::ALL.into_iter().filter(|one| one.is_front_channel()) {
            assert!(ResponseMode::from_request(Some("query"), response_type).is_err());
            let usual = ResponseMode::from_request(None, response_type).unwrap();
            assert_eq!(usual, ResponseMode::Fragment);
        }
        assert_eq!(
            ResponseMode::from_request(None, ResponseType::Code).unwrap(),
            ResponseMode::Query
        );
    }

    #[test]
    fn x4_a_token_is_carried_by_the_mode_before_the_dot() {
        assert_eq!(split_response_mode(Some("jwt")), (None, true));
        assert_eq!(split_response_mode(Some("query.jwt")), (Some("query"), true));
        assert_eq!(split_response_mode(Some("form_post")), (Some("form_post"), false));
        assert_eq!(split_response_mode(None), (None, false));
        for text in ["jwt.jwt", "foo.jwt", ".jwt", "query.jwt.jwt", "JWT"] {
            assert!(
                ResponseMode::from_request(split_response_mode(Some(text)).0, ResponseType::Code)
                    .is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn az_08_a_state_over_the_limit_is_invalid_request() {
        assert!(parse_opaque("state", Some(&"s".repeat(1025))).is_err());
        assert!(parse_opaque("state", Some(&"s".repeat(1024))).is_ok());
    }
}
