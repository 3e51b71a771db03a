//! What is known of a resource: an API that tokens are made for (RFC 8707), and what the tokens for
//! it look like.

use super::client::AccessTokenFormat;
use super::details_type::DetailsType;
use super::private_claims::PrivateClaims;
use super::scope::Scope;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The most resources that one request may name.
pub const MAX_RESOURCES: usize = 10;
/// The longest identifier, in bytes.
pub const MAX_IDENTIFIER_BYTES: usize = 255;

/// What an administrator decides about a resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceSettings {
    /// What a token for it can be limited to, each with the words that people read.
    pub scopes: BTreeMap<String, String>,
    /// The words in other languages: by scope, then by the tag of the language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scope_translations: BTreeMap<String, BTreeMap<String, String>>,
    pub token_format: AccessTokenFormat,
    /// ES256 when absent; HS256 signs with the secret that the resource shares with us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_signed_alg: Option<String>,
    /// The `alg` of [`AccessTokenFormat::Jwe`]; what suits the key when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_encryption_alg: Option<String>,
    /// The `enc` of [`AccessTokenFormat::Jwe`]; A256GCM when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_encryption_enc: Option<String>,
    /// The public key of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_encryption_jwk: Option<Value>,
    /// Where its public keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// What may be asked for in detail (RFC 9396).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types: Vec<DetailsType>,
    /// What tokens for it say of people beyond what is registered.
    #[serde(skip_serializing_if = "PrivateClaims::is_empty")]
    pub token_claims: PrivateClaims,
    /// Seconds; what holds without the resource when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_lifetime: Option<u32>,
    /// Whether tokens say where their status is told, for services that read no list of ours.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub token_status_list: bool,
}

impl ResourceSettings {
    /// Takes scopes as people write them: `orders:read` with its words, and `orders:read#de` with those
    /// of another language, as members of RFC 7591 §2.2 are.
    pub fn set_scopes(&mut self, written: impl IntoIterator<Item = (String, String)>) {
        self.scopes.clear();
        self.scope_translations.clear();
        for (name, words) in written {
            match name.rsplit_once('#') {
                Some((scope, tag)) => {
                    let translations = self.scope_translations.entry(scope.to_owned()).or_default();
                    translations.insert(tag.to_owned(), words);
                }
                None => drop(self.scopes.insert(name, words)),
            }
        }
    }

    /// The scopes as [`ResourceSettings::set_scopes`] takes them.
    pub fn written_scopes(&self) -> Vec<(String, &str)> {
        let mut written = Vec::new();
        for (scope, words) in &self.scopes {
            written.push((scope.clone(), words.as_str()));
            let others = self.scope_translations.get(scope).into_iter().flatten();
            written.extend(others.map(|(tag, words)| (format!("{scope}#{tag}"), words.as_str())));
        }
        written
    }

    /// What people read about a scope, in their language where there are words in it.
    pub fn words(&self, scope: &str, language: &str) -> Option<&str> {
        let translations = self.scope_translations.get(scope);
        let translated = translations.and_then(|translations| translations.get(language));
        let words = translated.or_else(|| self.scopes.get(scope))?;
        Some(words.as_str()).filter(|words| !words.is_empty())
    }

    /// Whether tokens for it need a secret that it shares with us.
    pub fn needs_secret(&self) -> bool {
        let signs = self.token_format != AccessTokenFormat::Opaque
            && self.token_signed_alg.as_deref() == Some("HS256");
        let alg = self.token_encryption_alg.as_deref();
        let encrypts =
            self.token_format == AccessTokenFormat::Jwe && matches!(alg, Some("dir" | "A256KW"));
        signs || encrypts
    }
}

/// A resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub id: String,
    /// Its `aud`, and the value of the `resource` parameter: compared byte for byte.
    pub identifier: String,
    pub name: String,
    pub settings: ResourceSettings,
    /// What it shares with us, which only the master key opens.
    pub sealed_secret: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Resource {
    /// The scopes that are about this resource, of those given.
    pub fn own(&self, scope: &Scope) -> Scope {
        let others = scope.iter().filter(|token| !self.settings.scopes.contains_key(*token));
        others.fold(scope.clone(), |own, token| own.without(token))
    }
}

/// Whether `text` can name a resource: an absolute URI without a fragment (RFC 8707 §2).
pub fn is_identifier(text: &str) -> bool {
    (1..=MAX_IDENTIFIER_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte))
        && url::Url::parse(text).is_ok_and(|url| {
            let names_something = url.has_host() || !url.path().is_empty();
            names_something && url.username().is_empty() && url.password().is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn az_20_an_identifier_is_an_absolute_uri_without_a_fragment() {
        for text in ["https://api.example", "https://api.example/v1?x=1", "urn:example:orders"] {
            assert!(is_identifier(text), "{text}");
        }
        let long = format!("https://api.example/{}", "x".repeat(255));
        for text in ["", "orders", "/orders", "//a", "https://a.example/#f", "https://a b", &long] {
            assert!(!is_identifier(text), "{text}");
        }
        assert!(!is_identifier("https://u:p@a.example/"));
    }

    #[test]
    fn words_are_those_of_the_language_where_there_are_some() {
        let mut settings = ResourceSettings::default();
        let written = [("a:read#de", "Lesen"), ("a:read", "Read"), ("a:write", ""), ("b", "B")];
        let owned = |(name, words): (&str, &str)| (name.to_owned(), words.to_owned());
        settings.set_scopes(written.map(owned));
        assert_eq!(settings.words("a:read", "de"), Some("Lesen"));
        assert_eq!(settings.words("a:read", "en"), Some("Read"));
        assert_eq!(settings.words("b", "de"), Some("B"));
        assert_eq!(settings.words("a:write", "de"), None);
        assert_eq!(settings.words("a:read#de", "de"), None, "a translation is no scope");
        let mut again = ResourceSettings::default();
        let as_written = settings.written_scopes();
        again.set_scopes(as_written.into_iter().map(|(name, words)| (name, words.to_owned())));
        assert_eq!(again, settings);
    }

    #[test]
    fn only_what_is_made_with_a_shared_secret_needs_one() {
        let settings = |format, signed: &str, encrypted: &str| ResourceSettings {
            token_format: format,
            token_signed_alg: Some(signed.into()),
            token_encryption_alg: Some(encrypted.into()),
            ..ResourceSettings::default()
        };
        assert!(settings(AccessTokenFormat::Jwt, "HS256", "ECDH-ES").needs_secret());
        assert!(settings(AccessTokenFormat::Jwe, "ES256", "dir").needs_secret());
        assert!(settings(AccessTokenFormat::Jwe, "ES256", "A256KW").needs_secret());
        assert!(!settings(AccessTokenFormat::Jwt, "ES256", "dir").needs_secret());
        assert!(!settings(AccessTokenFormat::Opaque, "HS256", "dir").needs_secret());
    }
}
