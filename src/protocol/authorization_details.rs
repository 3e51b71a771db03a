//! Rich authorization requests (RFC 9396): the `authorization_details` parameter.

use super::error::{ErrorCode, OAuthError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest parameter, in bytes.
const MAX_BYTES: usize = 4096;
/// The most details of one request.
const MAX_DETAILS: usize = 10;
/// Members that list what may be done: fewer entries are less (§2.2).
const LISTS: [&str; 4] = ["actions", "datatypes", "locations", "privileges"];

/// What a client asks for in detail: JSON objects, each with a `type`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorizationDetails(Vec<Value>);

impl AuthorizationDetails {
    /// Reads the parameter. Members are put in order, so that equal details are equal texts.
    ///
    /// # Errors
    ///
    /// `invalid_authorization_details` for what is not an array of objects with a `type` (§2).
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        if text.len() > MAX_BYTES {
            return Err(invalid("authorization_details is longer than 4096 bytes"));
        }
        let not_json = |_| invalid("authorization_details is not an array of JSON objects");
        let details: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(not_json)?;
        if details.is_empty() || details.len() > MAX_DETAILS {
            return Err(invalid("authorization_details has 1 to 10 objects"));
        }
        if !details.iter().all(|one| one.get("type").is_some_and(|name| name.is_string())) {
            return Err(invalid("an object of authorization_details has no type"));
        }
        Ok(Self(details.into_iter().map(|one| ordered(Value::Object(one))).collect()))
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with its type.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|one| (one["type"].as_str().unwrap_or_default(), one))
    }

    /// Those whose type `keeps`.
    pub fn only(&self, keeps: impl Fn(&str) -> bool) -> Self {
        Self(self.iter().filter(|(name, _)| keeps(name)).map(|(_, one)| one.clone()).collect())
    }

    /// Whether each of these is one of `granted`, or a part of one (§6.1).
    pub fn is_within(&self, granted: &Self) -> bool {
        self.0.iter().all(|one| granted.0.iter().any(|other| is_part(one, other)))
    }
}

/// The same but for lists of what may be done, which may be shorter.
fn is_part(asked: &Value, granted: &Value) -> bool {
    let (Some(asked), Some(granted)) = (asked.as_object(), granted.as_object()) else {
        return false;
    };
    asked.len() == granted.len()
        && asked.iter().all(|(name, value)| match (value, granted.get(name)) {
            (Value::Array(part), Some(Value::Array(whole))) if LISTS.contains(&name.as_str()) => {
                !part.is_empty() && part.iter().all(|entry| whole.contains(entry))
            }
            (value, whole) => Some(value) == whole,
        })
}

/// The same value with the members of every object in alphabetical order.
fn ordered(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().map(|(name, it)| (name, ordered(it))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(ordered).collect()),
        other => other,
    }
}

/// `invalid_authorization_details` (§5).
pub fn invalid(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidAuthorizationDetails, description)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(text: &str) -> AuthorizationDetails {
        AuthorizationDetails::parse(text).expect("details")
    }

    #[test]
    fn az_21_only_an_array_of_objects_with_a_type_is_read() {
        let many = format!("[{}]", [r#"{"type":"a"}"#; 11].join(","));
        let long = format!(r#"[{{"type":"{}"}}]"#, "a".repeat(4096));
        let deep = format!(r#"[{{"type":"a","x":{}1{}}}]"#, "[".repeat(200), "]".repeat(200));
        for text in
            ["", "x", "{}", "[]", "[1]", "[{}]", r#"[{"type":1}]"#, "[[]]", &many, &long, &deep]
        {
            let error = AuthorizationDetails::parse(text).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidAuthorizationDetails, "{text}");
        }
    }

    #[test]
    fn the_order_of_members_means_nothing() {
        let one = details(r#"[{"type":"a","b":{"d":1,"c":2}}]"#);
        assert_eq!(one, details(r#"[{"b":{"c":2,"d":1},"type":"a"}]"#));
    }

    #[test]
    fn a_part_has_fewer_actions_and_nothing_else_that_differs() {
        let granted = details(r#"[{"type":"a","actions":["read","write"],"id":"1"}]"#);
        assert!(details(r#"[{"type":"a","actions":["read"],"id":"1"}]"#).is_within(&granted));
        for wider in [
            r#"[{"type":"a","actions":["read","delete"],"id":"1"}]"#,
            r#"[{"type":"a","actions":[],"id":"1"}]"#,
            r#"[{"type":"a","actions":["read"]}]"#,
            r#"[{"type":"a","id":"1"}]"#,
            r#"[{"type":"a","actions":["read"],"id":"2"}]"#,
            r#"[{"type":"b","actions":["read"],"id":"1"}]"#,
            r#"[{"type":"a","actions":["read"],"id":"1","more":1}]"#,
        ] {
            assert!(!details(wider).is_within(&granted), "{wider}");
        }
    }
}
