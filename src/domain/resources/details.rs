//! Rich authorization requests (RFC 9396): which types there are, what a client may ask for, and how
//! people read it.

use super::Target;
use crate::domain::clients::RegisteredClient;
use crate::domain::digest::digest;
use crate::domain::form::is_hidden;
use crate::domain::provider::Provider;
use crate::protocol::authorization_details::{AuthorizationDetails, invalid};
use crate::protocol::details_type::{DetailsType, places};
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::storage::authorizations::Authorization;
use crate::storage::resources;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The types of all resources.
#[derive(Default)]
pub struct Types(BTreeMap<String, Declared>);

/// A type, and the resource that declares it.
struct Declared {
    resource: String,
    kind: DetailsType,
}

impl Types {
    /// `authorization_details_types_supported` (RFC 9396 §10).
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The resources that the details are about.
    fn owners<'a>(&'a self, details: &'a AuthorizationDetails) -> BTreeSet<&'a str> {
        let owner = |(name, _): (&str, &Value)| Some(self.0.get(name)?.resource.as_str());
        details.iter().filter_map(owner).collect()
    }

    fn check(
        &self,
        client: &RegisteredClient,
        details: &AuthorizationDetails,
    ) -> Result<(), OAuthError> {
        for (name, detail) in details.iter() {
            let own = client.metadata.authorization_details_types.iter().any(|own| own == name);
            let declared = self.0.get(name).filter(|_| own);
            let declared =
                declared.ok_or_else(|| invalid("there is no such type for this client"))?;
            if !declared.kind.allows(detail, &declared.resource) {
                return Err(invalid("an object is not as its type is declared"));
            }
        }
        Ok(())
    }
}

/// All types, read once and kept until a resource changes.
///
/// # Errors
///
/// Those of the database.
pub async fn types(provider: &Provider) -> Result<Arc<Types>, OAuthError> {
    if let Some(known) = provider.resources.types.load_full() {
        return Ok(known);
    }
    let all = provider.db.read(|conn| resources::list(conn, None, 1000)).await?;
    let mut types = Types::default();
    for resource in all {
        for kind in resource.settings.authorization_details_types {
            let resource = resource.identifier.clone();
            types.0.insert(kind.name.clone(), Declared { resource, kind });
        }
    }
    let types = Arc::new(types);
    provider.resources.types.store(Some(types.clone()));
    Ok(types)
}

/// What a request asks for, with the resources that its tokens are for. Without the `resource`
/// parameter these are the default audience and whatever the details are about.
///
/// # Errors
///
/// `invalid_authorization_details` for what is not declared or not the client's, and for details
/// that are about none of the resources that were named.
pub async fn asked(
    provider: &Provider,
    client: &RegisteredClient,
    params: &Params,
    named: Vec<String>,
) -> Result<(AuthorizationDetails, Vec<String>), OAuthError> {
    let Some(text) = params.one("authorization_details")? else {
        return Ok((AuthorizationDetails::default(), named));
    };
    let details = AuthorizationDetails::parse(text)?;
    let types = types(provider).await?;
    types.check(client, &details)?;
    let default = provider.default_audience();
    let owners = types.owners(&details);
    if params.all("resource").any(|resource| !resource.is_empty()) {
        let is_named = |owner: &&str| match named.is_empty() {
            true => *owner == default,
            false => named.iter().any(|one| one == owner),
        };
        return match owners.iter().all(is_named) {
            true => Ok((details, named)),
            false => Err(invalid("a type belongs to no resource that was asked for")),
        };
    }
    let others: Vec<&str> = owners.into_iter().filter(|owner| *owner != default).collect();
    let audience = match others.is_empty() {
        true => Vec::new(),
        false => std::iter::once(default).chain(others).map(str::to_owned).collect(),
    };
    Ok((details, audience))
}

/// The details of a token of an authorization: what was granted or the part of it that is asked for,
/// as far as it is about whom the token is for.
///
/// # Errors
///
/// `invalid_authorization_details` when more is asked for than was granted (RFC 9396 §6.1).
pub async fn of_authorization(
    provider: &Provider,
    params: &Params,
    authorization: &Authorization,
    target: &Target,
) -> Result<AuthorizationDetails, OAuthError> {
    let asked =
        params.one("authorization_details")?.map(AuthorizationDetails::parse).transpose()?;
    let granted = &authorization.details;
    match &asked {
        None if granted.is_empty() => return Ok(AuthorizationDetails::default()),
        Some(asked) if !asked.is_within(granted) => {
            return Err(invalid("authorization_details are more than was granted"));
        }
        _ => {}
    }
    let types = types(provider).await?;
    let is_for = |name: &str| {
        types.0.get(name).is_some_and(|declared| target.is_for(provider, &declared.resource))
    };
    let wanted = asked.as_ref().unwrap_or(granted);
    let meant = wanted.only(is_for);
    match asked.is_some() && meant != *wanted {
        true => Err(invalid("a type belongs to no resource that the token is for")),
        false => Ok(meant),
    }
}

/// The details of a token that are about some resources; none when none of them is.
///
/// # Errors
///
/// Those of the database.
pub async fn only_of(
    provider: &Provider,
    granted: Value,
    is_meant: impl Fn(&str) -> bool,
) -> Result<Option<Value>, OAuthError> {
    let Value::Array(mut granted) = granted else { return Ok(None) };
    let types = types(provider).await?;
    granted.retain(|detail| {
        let declared = detail["type"].as_str().and_then(|name| types.0.get(name));
        declared.is_some_and(|declared| is_meant(&declared.resource))
    });
    Ok(Some(granted).filter(|meant| !meant.is_empty()).map(Value::Array))
}

/// What is remembered of details that somebody allowed: a hash of each.
pub fn hashes(details: &AuthorizationDetails) -> Vec<String> {
    details.iter().map(|(_, detail)| digest(&detail.to_string())).collect()
}

/// A detail as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub sentence: String,
    /// What the sentence leaves out: names and values.
    pub rest: Vec<(String, String)>,
}

/// The details in words of a language.
///
/// # Errors
///
/// Those of the database.
pub async fn in_words(
    provider: &Provider,
    details: &AuthorizationDetails,
    language: &str,
) -> Result<Vec<Words>, OAuthError> {
    if details.is_empty() {
        return Ok(Vec::new());
    }
    let types = types(provider).await?;
    let words = |(name, detail): (&str, &Value)| {
        let sentence = types.0.get(name).map_or(name, |declared| declared.kind.sentence(language));
        words(sentence, detail)
    };
    Ok(details.iter().map(words).collect())
}

/// Fills the places of a sentence, and lists what it does not name: nothing that is asked for may
/// stay unseen.
fn words(template: &str, detail: &Value) -> Words {
    let mut values = Vec::new();
    leaves("", detail, &mut values);
    let named = places(template);
    let mut sentence = String::new();
    let mut parts = template.split('{');
    sentence.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once('}') {
            Some((path, after)) => {
                let found = values.iter().filter(|(own, _)| is_below(own, path));
                let found: Vec<&str> = found.map(|(_, value)| value.as_str()).collect();
                sentence.push_str(if found.is_empty() { "-" } else { "" });
                sentence.push_str(&found.join(", "));
                sentence.push_str(after);
            }
            None => sentence.push_str(part),
        }
    }
    let is_named = |path: &str| named.iter().any(|place| is_below(path, place));
    values.retain(|(path, _)| !matches!(path.as_str(), "type") && !is_named(path));
    Words { sentence, rest: values }
}

/// Whether a path is another, or a part of it.
fn is_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Every value with its path; entries of a list are under the path of the list.
fn leaves(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(&below, value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| leaves(path, value, found)),
        Value::String(text) => found.push((shown(path), shown(text))),
        other => found.push((shown(path), other.to_string())),
    }
}

/// What is not seen, or changes how its neighbours are seen, shows as a mark.
fn shown(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn az_21_a_sentence_says_all_that_is_asked_for() {
        let detail = json!({
            "type": "payment", "amount": { "value": 10.5, "currency": "EUR" },
            "to": "Ada\u{202E}", "actions": ["initiate", "status"], "note": "<b>",
        });
        let words = words("Pay {amount.value} {amount.currency} to {to} for {what}", &detail);
        assert_eq!(words.sentence, "Pay 10.5 EUR to Ada\u{FFFD} for -");
        let rest: Vec<_> = words.rest.iter().map(|(name, value)| (&**name, &**value)).collect();
        let expected = [("actions", "initiate"), ("actions", "status"), ("note", "<b>")];
        assert_eq!(rest, expected);
        let whole = super::words("Pay {amount}", &detail);
        assert!(whole.sentence.contains("EUR") && whole.sentence.contains("10.5"));
    }
}
