//! The known keys, and how the text of a variable or a flag becomes a value of each.
//!
//! The keys are those of [`Config`](super::Config) itself, read off its defaults, so that a new
//! setting is known here by being declared there.

use super::Config;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What every variable of ours starts with.
pub(super) const PREFIX: &str = "COUNTERSIGN_";
/// Keys whose value is a secret, or may hold one: also read from the file that `…_FILE` names.
pub(super) const SECRETS: [&str; 4] =
    ["master_key", "database_url", "redis_url", "testing.ciba_secret"];

/// The defaults by dotted key; an optional setting without a value is null.
pub(super) fn defaults() -> BTreeMap<String, Value> {
    let tree = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut leaves = BTreeMap::new();
    flatten("", &tree, &mut leaves);
    leaves
}

/// Puts every leaf of a tree under its dotted key.
pub(super) fn flatten(path: &str, tree: &Value, leaves: &mut BTreeMap<String, Value>) {
    let Value::Object(members) = tree else {
        leaves.insert(path.to_owned(), tree.clone());
        return;
    };
    for (name, value) in members {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        flatten(&path, value, leaves);
    }
}

/// The settings as a tree again, for serde to read.
pub(super) fn unflatten(leaves: &BTreeMap<String, Value>) -> Value {
    let mut root = Map::new();
    for (path, value) in leaves {
        let mut parts: Vec<&str> = path.split('.').collect();
        let Some(last) = parts.pop() else { continue };
        let mut here = &mut root;
        for part in parts {
            let below = here.entry(part).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(below) = below else { unreachable!("a section is never a value") };
            here = below;
        }
        here.insert(last.to_owned(), value.clone());
    }
    Value::Object(root)
}

/// Text as a value of the kind that `default` has.
pub(super) fn typed(text: &str, default: &Value) -> Result<Value, &'static str> {
    match default {
        Value::Number(_) => {
            text.trim().parse::<u64>().map(Value::from).map_err(|_| "must be a whole number")
        }
        Value::Bool(_) => text.trim().parse().map(Value::Bool).map_err(|_| "must be true or false"),
        Value::Array(_) => {
            let items = text.split([',', ' ']).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(Value::from).collect()))
        }
        _ => Ok(Value::from(text)),
    }
}

/// Lists hold networks; an address alone is the network of that one address.
pub(super) fn widen(value: Value) -> Value {
    let Value::Array(items) = value else { return value };
    let widened = items.into_iter().map(|item| match item.as_str().map(str::parse::<IpAddr>) {
        Some(Ok(IpAddr::V4(address))) => Value::from(format!("{address}/32")),
        Some(Ok(IpAddr::V6(address))) => Value::from(format!("{address}/128")),
        _ => item,
    });
    Value::Array(widened.collect())
}

/// The variable of a key: sections are set off by two underscores.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// The key that a variable sets, with one underscore or two between section and name.
pub(super) fn key_of<'a>(
    name: &str,
    mut known: impl Iterator<Item = &'a String>,
) -> Option<&'a String> {
    known.find(|key| variable(key) == name || variable(key).replace("__", "_") == name)
}

/// The most similar of the known names, when it is similar enough to have been meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let closest = known.map(|other| (distance(name, other), other)).min()?;
    (closest.0 <= name.len().div_ceil(3).min(8)).then_some(closest.1)
}

/// How many letters have to change to make one word of another (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, theirs) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *theirs);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_variables_of_its_own() {
        let keys = defaults();
        for key in keys.keys() {
            let (long, short) = (variable(key), variable(key).replace("__", "_"));
            assert_eq!(key_of(&long, keys.keys()), Some(key));
            assert_eq!(key_of(&short, keys.keys()), Some(key));
        }
        for secret in SECRETS {
            assert!(keys.contains_key(secret));
            assert_eq!(key_of(&format!("{}_FILE", variable(secret)), keys.keys()), None);
        }
    }

    #[test]
    fn the_plain_names_are_known() {
        let keys = defaults();
        for (name, key) in [
            ("COUNTERSIGN_ISSUER", "issuer"),
            ("COUNTERSIGN_LISTEN", "listen"),
            ("COUNTERSIGN_DATABASE_URL", "database_url"),
            ("COUNTERSIGN_REDIS_URL", "redis_url"),
            ("COUNTERSIGN_MASTER_KEY", "master_key"),
            ("COUNTERSIGN_TLS_CERT", "tls_cert"),
            ("COUNTERSIGN_TLS_KEY", "tls_key"),
            ("COUNTERSIGN_TRUSTED_PROXIES", "trusted_proxies"),
            ("COUNTERSIGN_OUTBOUND_ALLOW", "outbound.allow"),
            ("COUNTERSIGN_OUTBOUND_CA", "outbound.ca"),
            ("COUNTERSIGN_METRICS_LISTEN", "metrics_listen"),
            ("COUNTERSIGN_TOKENS__ACCESS_TOKEN", "tokens.access_token"),
        ] {
            assert_eq!(key_of(name, keys.keys()).map(String::as_str), Some(key), "{name}");
        }
    }

    #[test]
    fn the_defaults_survive_the_way_there_and_back() {
        let tree = unflatten(&defaults());
        assert_eq!(tree, serde_json::to_value(Config::default()).unwrap());
        assert!(serde_json::from_value::<Config>(tree).is_ok());
    }

    #[test]
    fn a_slip_of_the_pen_finds_what_was_meant() {
        let known = ["issuer", "listen", "tokens.access_token"];
        assert_eq!(nearest("isuer", known.into_iter()), Some("issuer"));
        assert_eq!(nearest("tokens.acess_token", known.into_iter()), Some("tokens.access_token"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }

    #[test]
    fn text_takes_the_kind_of_the_default() {
        let list = typed("10.0.0.0/8, 192.0.2.1", &Value::Array(Vec::new())).unwrap();
        assert_eq!(widen(list), serde_json::json!(["10.0.0.0/8", "192.0.2.1/32"]));
        assert_eq!(typed(" 300", &Value::from(1)), Ok(Value::from(300)));
        assert!(typed("5m", &Value::from(1)).is_err());
        assert_eq!(typed("5", &Value::Null), Ok(Value::from("5")));
    }
}
