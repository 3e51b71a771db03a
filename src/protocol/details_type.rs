//! A type of authorization details (RFC 9396 §2.1), as the resource that understands it declares it:
//! what its objects may hold, and the sentence that people read.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The longest text of a member, unless its rule says otherwise.
const MAX_CHARS: usize = 200;

/// A type of authorization details.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailsType {
    /// The value of `type`.
    #[serde(rename = "type")]
    pub name: String,
    /// The members that its objects may have besides `type` and `locations`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Rule>,
    /// Those that must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// What people read, with the values of members as `{amount.value}`.
    pub sentence: String,
    /// The same in other languages, by their tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<String, String>,
}

/// What the value of a member may be: a part of JSON Schema, and nothing is allowed that is not
/// named.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    #[serde(rename = "type", default)]
    pub kind: Kind,
    /// The only values that there are.
    #[serde(rename = "enum", default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    /// In characters; 200 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// Of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<Rule>>,
    /// Of an object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Rule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
}

/// The type of a value, by the names of JSON Schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    String,
    Number,
    Integer,
    Boolean,
    Array,
    Object,
}

impl DetailsType {
    /// Whether an object of this type is as declared. `locations`, when there, name the resource.
    pub fn allows(&self, detail: &Value, resource: &str) -> bool {
        let Some(members) = detail.as_object() else { return false };
        let own = |name: &&String| !matches!(name.as_str(), "type" | "locations");
        members.get("locations").is_none_or(|places| is_only(places, resource))
            && self.required.iter().all(|name| members.contains_key(name))
            && members
                .keys()
                .filter(own)
                .all(|name| self.members.get(name).is_some_and(|rule| rule.allows(&members[name])))
    }

    /// The sentence for a language, by its tag.
    pub fn sentence(&self, language: &str) -> &str {
        self.translations.get(language).unwrap_or(&self.sentence)
    }

    /// What is wrong with the declaration, if anything.
    pub fn problem(&self) -> Option<&'static str> {
        let known = |path: &&str| {
            let first = path.split('.').next().unwrap_or_default();
            first == "type" || self.members.contains_key(first)
        };
        let sentences = std::iter::once(&self.sentence).chain(self.translations.values());
        if !sentences.clone().all(|sentence| places(sentence).iter().all(known)) {
            return Some("a sentence names a member that is not declared");
        }
        let reserved = ["type", "locations"].iter().any(|name| self.members.contains_key(*name));
        match reserved || !self.required.iter().all(|name| self.members.contains_key(name)) {
            true => Some("required names a member that is not declared, or one is reserved"),
            false => None,
        }
    }
}

impl Rule {
    fn allows(&self, value: &Value) -> bool {
        let listed = self.one_of.as_ref().is_none_or(|values| values.contains(value));
        listed && self.allows_kind(value)
    }

    fn allows_kind(&self, value: &Value) -> bool {
        match (self.kind, value) {
            (Kind::String, Value::String(text)) => {
                text.chars().count() <= self.max_length.unwrap_or(MAX_CHARS)
            }
            (Kind::Number, Value::Number(_)) => self.is_in_range(value),
            (Kind::Integer, Value::Number(number)) => {
                (number.is_i64() || number.is_u64()) && self.is_in_range(value)
            }
            (Kind::Boolean, Value::Bool(_)) => true,
            (Kind::Array, Value::Array(values)) => values
                .iter()
                .all(|value| self.items.as_ref().is_some_and(|rule| rule.allows(value))),
            (Kind::Object, Value::Object(members)) => {
                self.required.iter().all(|name| members.contains_key(name))
                    && members.iter().all(|(name, value)| {
                        self.properties.get(name).is_some_and(|rule| rule.allows(value))
                    })
            }
            _ => false,
        }
    }

    fn is_in_range(&self, value: &Value) -> bool {
        value.as_f64().is_some_and(|value| {
            self.minimum.is_none_or(|least| value >= least)
                && self.maximum.is_none_or(|most| value <= most)
        })
    }
}

fn is_only(places: &Value, resource: &str) -> bool {
    let Some(places) = places.as_array() else { return false };
    !places.is_empty() && places.iter().all(|place| place.as_str() == Some(resource))
}

/// The paths that a sentence names in braces.
pub fn places(sentence: &str) -> BTreeSet<&str> {
    let parts = sentence.split('{').skip(1);
    parts.filter_map(|part| part.split_once('}')).map(|(path, _)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn payment() -> DetailsType {
        serde_json::from_value(json!({
            "type": "payment",
            "members": {
                "amount": { "type": "object", "required": ["value"], "properties": {
                    "value": { "type": "number", "minimum": 0, "maximum": 1000 },
                    "currency": { "enum": ["EUR", "USD"] },
                } },
                "actions": { "type": "array", "items": { "enum": ["initiate", "status"] } },
                "to": { "maxLength": 5 },
            },
            "required": ["amount"],
            "sentence": "Pay {amount.value} {amount.currency} to {to}",
        }))
        .expect("a type")
    }

    #[test]
    fn az_21_only_what_is_declared_is_allowed() {
        let resource = "https://bank.example";
        let allows = |detail: Value| payment().allows(&detail, resource);
        assert!(allows(json!({ "type": "payment", "amount": { "value": 10 } })));
        assert!(allows(json!({
            "type": "payment", "amount": { "value": 9.5, "currency": "EUR" }, "to": "Ada",
            "actions": ["initiate"], "locations": [resource],
        })));
        for wrong in [
            json!({ "type": "payment" }),
            json!({ "type": "payment", "amount": {} }),
            json!({ "type": "payment", "amount": { "value": -1 } }),
            json!({ "type": "payment", "amount": { "value": 1001 } }),
            json!({ "type": "payment", "amount": { "value": "10" } }),
            json!({ "type": "payment", "amount": { "value": 1, "currency": "XXX" } }),
            json!({ "type": "payment", "amount": { "value": 1, "more": 1 } }),
            json!({ "type": "payment", "amount": { "value": 1 }, "more": 1 }),
            json!({ "type": "payment", "amount": { "value": 1 }, "to": "Somebody" }),
            json!({ "type": "payment", "amount": { "value": 1 }, "actions": ["delete"] }),
            json!({ "type": "payment", "amount": { "value": 1 }, "actions": "initiate" }),
            json!({ "type": "payment", "amount": { "value": 1 }, "locations": [] }),
            json!({ "type": "payment", "amount": { "value": 1 }, "locations": ["https://b"] }),
        ] {
            assert!(!allows(wrong.clone()), "{wrong}");
        }
    }

    #[test]
    fn a_declaration_names_only_what_it_declares() {
        assert_eq!(payment().problem(), None);
        let lost = DetailsType { sentence: "Pay {iban}".into(), ..payment() };
        assert!(lost.problem().is_some());
        assert!(DetailsType { required: vec!["iban".into()], ..payment() }.problem().is_some());
        let misspelt = json!({ "type": "a", "sentence": "x", "member": {} });
        assert!(serde_json::from_value::<DetailsType>(misspelt).is_err());
    }
}
