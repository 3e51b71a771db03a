//! Claims about a person: the standard ones, the scopes that ask for them, and the `claims`
//! parameter (OpenID Connect Core §5.1, §5.4, §5.5).

use super::acr::WantedLevels;
use super::error::OAuthError;
use super::scope::Scope;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Scope tokens with the claims each asks for (OpenID Connect Core §5.4).
pub const SCOPE_CLAIMS: &[(&str, &[&str])] = &[
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The scope tokens that are about a person, so that a client without one cannot use them.
pub fn scopes_about_people() -> impl Iterator<Item = &'static str> {
    let protocol = ["openid", "offline_access"].into_iter();
    protocol.chain(SCOPE_CLAIMS.iter().map(|(token, _)| *token))
}

/// Whether `name` is a claim about a person that may be asked for.
pub fn is_standard(name: &str) -> bool {
    SCOPE_CLAIMS.iter().any(|(_, claims)| claims.contains(&name))
}

/// The claims that a scope asks for.
pub fn of_scope(scope: &Scope) -> impl Iterator<Item = &'static str> + use<'_> {
    SCOPE_CLAIMS
        .iter()
        .filter(move |(token, _)| scope.contains(token))
        .flat_map(|(_, claims)| claims.iter().copied())
}

/// How one claim is asked for (OpenID Connect Core §5.5.1).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimRequirement {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// The `claims` parameter. Claims we do not know are left out when it is read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    pub userinfo: BTreeMap<String, Option<ClaimRequirement>>,
    pub id_token: BTreeMap<String, Option<ClaimRequirement>>,
}

impl ClaimsRequest {
    /// Reads the parameter.
    ///
    /// # Errors
    ///
    /// `invalid_request` when it is not a JSON object of the form of §5.5, or nested too deeply.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let malformed = |_| OAuthError::invalid_request("claims is not as OpenID Connect says");
        // By way of an object: read directly, an array would pass for one.
        let members: serde_json::Map<String, Value> =
            serde_json::from_str(text).map_err(malformed)?;
        let mut request: Self =
            serde_json::from_value(Value::Object(members)).map_err(malformed)?;
        for wanted in [&mut request.userinfo, &mut request.id_token] {
            wanted.retain(|name, _| is_standard(name) || is_about_sign_in(name));
        }
        Ok(request)
    }

    /// Whether nothing we know is asked for.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// The one subject the answer must be about, when the client named one (§5.5.1).
    pub fn subject(&self) -> Option<&str> {
        let wanted = [&self.id_token, &self.userinfo];
        let sub = wanted.into_iter().find_map(|claims| claims.get("sub")?.as_ref()?.value.as_ref());
        sub.map(|value| value.as_str().unwrap_or_default())
    }

    /// The levels that the client asks for by name, and whether it insists (§5.5.1.1).
    pub fn acr(&self) -> Option<WantedLevels> {
        let acr = self.id_token.get("acr")?.as_ref()?;
        let values = acr.values.iter().chain(&acr.value);
        // What is no text is no level of ours: it stays, and matches nothing.
        let values = values.map(|value| value.as_str().unwrap_or_default().to_owned());
        Some(WantedLevels { essential: acr.essential, values: values.collect() })
    }
}

/// Claims about the sign-in, not the person.
fn is_about_sign_in(name: &str) -> bool {
    matches!(name, "sub" | "auth_time" | "acr" | "amr")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn az_15_what_is_not_json_or_too_deep_is_invalid_request() {
        let deep = format!("{{\"userinfo\":{}1{}}}", "{\"a\":".repeat(5000), "}".repeat(5000));
        for text in ["", "nonsense", "[]", "{\"userinfo\":1}", &deep] {
            assert!(ClaimsRequest::parse(text).is_err());
        }
    }

    #[test]
    fn az_15_unknown_claims_are_left_out() {
        let text = r#"{"userinfo":{"password_hash":null,"name":{"essential":true}},"x":1}"#;
        let request = ClaimsRequest::parse(text).unwrap();
        assert_eq!(request.userinfo.keys().collect::<Vec<_>>(), ["name"]);
    }

    #[test]
    fn a_named_subject_and_an_essential_level_are_found() {
        let text =
            r#"{"id_token":{"sub":{"value":"248"},"acr":{"essential":true,"values":["3"]}}}"#;
        let request = ClaimsRequest::parse(text).unwrap();
        assert_eq!(request.subject(), Some("248"));
        let levels = WantedLevels { essential: true, values: vec!["3".into()] };
        assert_eq!(request.acr(), Some(levels));
        assert_eq!(ClaimsRequest::default().subject(), None);
    }

    #[test]
    fn a_scope_asks_for_its_claims_only() {
        let scope: Scope = "openid email".parse().unwrap();
        assert_eq!(of_scope(&scope).collect::<Vec<_>>(), ["email", "email_verified"]);
    }
}
