//! Which claims an account may hold, and of which type each is (OpenID Connect Core §5.1).

use crate::domain::form::{FieldProblem, is_hidden, is_name, is_web_url};
use crate::domain::private_claims::ATTRIBUTES;
use crate::protocol::claims::is_standard;
use crate::protocol::private_claims::is_attribute;
use serde_json::{Map, Value};

/// Claims that are fields of the account, or come from it.
const FIELDS: [&str; 4] = ["name", "email", "email_verified", "updated_at"];
const ADDRESS: [&str; 6] =
    ["formatted", "street_address", "locality", "region", "postal_code", "country"];
const MAX_TEXT: usize = 255;
const MAX_ATTRIBUTES: usize = 50;

/// Everything that is wrong with the claims.
pub fn check(claims: &Map<String, Value>) -> Vec<FieldProblem> {
    let problems = claims.iter().filter_map(|(name, value)| {
        let rule = rule_broken(name, value)?;
        Some(FieldProblem::new("claims", "error-claims", format!("{name} {rule}")))
    });
    problems.collect()
}

fn rule_broken(name: &str, value: &Value) -> Option<&'static str> {
    if FIELDS.contains(&name) {
        return Some("is a field of the account, not one of its other claims");
    }
    if name == ATTRIBUTES {
        let rule = "must be an object of at most 50 texts, numbers, truths or lists of texts";
        return (!are_attributes(value)).then_some(rule);
    }
    if !is_standard(name) {
        return Some("is not a standard claim about a person");
    }
    let text = value.as_str();
    let (holds, rule) = match name {
        "phone_number_verified" => (value.is_boolean(), "must be true or false"),
        "address" => (is_address(value), "must be an object of texts as OpenID Connect names them"),
        "birthdate" => (text.is_some_and(is_birthdate), "must be YYYY-MM-DD, YYYY or 0000-MM-DD"),
        "profile" | "picture" | "website" => {
            (text.is_some_and(is_web_url), "must be an http or https address")
        }
        "locale" => (text.is_some_and(is_locale), "must be a language tag such as en-GB"),
        _ => (
            text.is_some_and(|text| is_name(text, MAX_TEXT)),
            "must be a text of 1 to 255 characters that can be seen",
        ),
    };
    (!holds).then_some(rule)
}

/// What else there is to say of a person, for the rules of private claims.
fn are_attributes(value: &Value) -> bool {
    let is_text = |value: &Value| value.as_str().is_some_and(|text| is_name(text, MAX_TEXT));
    let is_value = |value: &Value| match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::Array(list) => list.len() <= MAX_ATTRIBUTES && list.iter().all(is_text),
        other => is_text(other),
    };
    value.as_object().is_some_and(|members| {
        members.len() <= MAX_ATTRIBUTES
            && members.iter().all(|(name, value)| is_attribute(name) && is_value(value))
    })
}

/// OpenID Connect Core §5.1.1. The lines of an address may be separate lines.
fn is_address(value: &Value) -> bool {
    let is_text = |text: &str| {
        !text.is_empty()
            && text.len() <= 1024
            && !text.chars().any(|c| is_hidden(c) && !matches!(c, '\r' | '\n'))
    };
    value.as_object().is_some_and(|members| {
        !members.is_empty()
            && members.iter().all(|(name, value)| {
                ADDRESS.contains(&name.as_str()) && value.as_str().is_some_and(is_text)
            })
    })
}

fn is_birthdate(text: &str) -> bool {
    let number = |part: &str, digits: usize| -> Option<u32> {
        let right = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        right.then(|| part.parse().ok()).flatten()
    };
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        [year] => number(year, 4).is_some_and(|year| year > 0),
        [year, month, day] => {
            let (year, month, day) = (number(year, 4), number(month, 2), number(day, 2));
            let longest = match month {
                Some(2) => 29,
                Some(4 | 6 | 9 | 11) => 30,
                _ => 31,
            };
            year.is_some()
                && month.is_some_and(|month| (1..=12).contains(&month))
                && day.is_some_and(|day| (1..=longest).contains(&day))
        }
        _ => false,
    }
}

/// BCP 47, or with an underscore as some write it (OpenID Connect Core §5.1).
fn is_locale(text: &str) -> bool {
    text.len() <= 35
        && text.split(['-', '_']).all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems(claims: Value) -> usize {
        check(claims.as_object().unwrap()).len()
    }

    #[test]
    fn every_standard_claim_of_its_type_is_taken() {
        let all = json!({
            "given_name": "Ada", "family_name": "Lovelace", "middle_name": "King",
            "nickname": "Ada", "preferred_username": "ada", "gender": "female",
            "profile": "https://example.com/ada", "picture": "https://example.com/ada.png",
            "website": "http://example.com/", "birthdate": "1815-12-10",
            "zoneinfo": "Europe/London", "locale": "en-GB", "phone_number": "+44 20 7946 0000",
            "phone_number_verified": true,
            "address": {"formatted": "12 St James's Square\nLondon", "country": "GB"},
        });
        assert_eq!(problems(all), 0);
    }

    #[test]
    fn another_type_or_name_is_refused() {
        for wrong in [
            json!({"phone_number_verified": "true"}),
            json!({"address": "London"}),
            json!({"address": {"street": "x"}}),
            json!({"address": {"country": 44}}),
            json!({"birthdate": "10.12.1815"}),
            json!({"birthdate": "1815-13-01"}),
            json!({"birthdate": "1815-02-30"}),
            json!({"website": "javascript:alert(1)"}),
            json!({"given_name": null}),
            json!({"given_name": ""}),
            json!({"nickname": "a\u{202E}b"}),
            json!({"locale": "not a tag"}),
            json!({"email_verified": true}),
            json!({"updated_at": 1}),
            json!({"sub": "x"}),
            json!({"role": "admin"}),
        ] {
            assert_eq!(problems(wrong.clone()), 1, "{wrong}");
        }
    }

    #[test]
    fn a_birthdate_may_leave_the_year_or_the_day_out() {
        for text in ["1815", "0000-12-10", "2000-02-29"] {
            assert!(is_birthdate(text), "{text}");
        }
        for text in ["0000", "18", "1815-12", "1815-12-1", "+815", ""] {
            assert!(!is_birthdate(text), "{text}");
        }
    }
}
