//! What a resource may be, checked whole: every problem is said at once.

use super::form::{ENCRYPTION_ALGORITHMS, SIGNING_ALGORITHMS, key_of};
use super::management::ResourceError;
use crate::domain::clients::management::MAX_ACCESS_TOKEN_SECONDS;
use crate::domain::form::{FieldProblem, is_line, is_safe_url};
use crate::domain::private_claims;
use crate::jose::{ContentEncryption, KeyManagement};
use crate::protocol::claims::SCOPE_CLAIMS;
use crate::protocol::client::AccessTokenFormat;
use crate::protocol::resource::{ResourceSettings, is_identifier};
use crate::protocol::scope::Scope;
use std::collections::BTreeMap;
use unic_langid::LanguageIdentifier;

const MAX_NAME_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 200;
const MAX_SENTENCE_CHARS: usize = 300;
/// As many as one `scope` may have.
const MAX_SCOPES: usize = 64;
const MIN_TOKEN_SECONDS: u32 = 30;

/// A resource as an administrator describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceDraft {
    /// Only for a new one: what tokens and clients name stays.
    pub identifier: String,
    pub name: String,
    pub settings: ResourceSettings,
}

impl ResourceDraft {
    /// The draft, when nothing is wrong with it.
    ///
    /// # Errors
    ///
    /// `Invalid` with all that is wrong.
    pub fn checked(mut self) -> Result<Self, ResourceError> {
        self.name = self.name.trim().to_owned();
        let problems = self.problems();
        match problems.is_empty() {
            true => Ok(self),
            false => Err(ResourceError::Invalid(problems)),
        }
    }

    /// Everything that is wrong with it.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if !is_identifier(&self.identifier) {
            let says = "use an absolute URI without a fragment, at most 255 bytes";
            problems.push(FieldProblem::new("identifier", "error-resource-identifier", says));
        }
        if !is_line(&self.name, MAX_NAME_CHARS) {
            let says = "use 1 to 100 characters that can be seen";
            problems.push(FieldProblem::new("name", "error-resource-name", says));
        }
        problems.extend(self.scope_problems());
        problems.extend(self.token_problems());
        problems.extend(self.key_problems());
        problems.extend(self.details_problems());
        problems.extend(private_claims::problems("token_claims", &self.settings.token_claims));
        problems
    }

    fn scope_problems(&self) -> Vec<FieldProblem> {
        let scopes = &self.settings.scopes;
        let mut problems = Vec::new();
        if scopes.len() > MAX_SCOPES {
            problems.push(FieldProblem::new("scopes", "error-scope-count", "at most 64"));
        }
        for (index, (scope, words)) in scopes.iter().enumerate() {
            let (key, says) = match scope {
                _ if !is_token(scope) => ("error-resource-scope", "not a scope of RFC 6749"),
                _ if is_about_people(scope) => {
                    ("error-scope-reserved", "this scope is of OpenID Connect")
                }
                _ if !words.is_empty() && !is_line(words, MAX_DESCRIPTION_CHARS) => {
                    ("error-scope-words", "use at most 200 characters that can be seen")
                }
                _ => continue,
            };
            problems.push(FieldProblem::new("scopes", key, says).at(index));
        }
        problems.extend(self.translation_problem());
        problems
    }

    /// Words in another language are for a scope that there is.
    fn translation_problem(&self) -> Option<FieldProblem> {
        let is_right = |(scope, translations): (&String, &BTreeMap<String, String>)| {
            let words = |(tag, words): (&String, &String)| {
                is_language(tag) && is_line(words, MAX_DESCRIPTION_CHARS)
            };
            self.settings.scopes.contains_key(scope)
                && translations.len() <= MAX_SCOPES
                && translations.iter().all(words)
        };
        let says = "scope#language=words: name the scope itself too, a language such as de, and at most \
                    200 characters that can be seen";
        let is_wrong = !self.settings.scope_translations.iter().all(is_right);
        is_wrong.then(|| FieldProblem::new("scopes", "error-scope-translation", says))
    }

    fn token_problems(&self) -> Vec<FieldProblem> {
        let settings = &self.settings;
        let named = |name: &Option<String>, all: &[&str]| {
            name.as_deref().is_none_or(|name| all.contains(&name))
        };
        let lifetimes = MIN_TOKEN_SECONDS..=MAX_ACCESS_TOKEN_SECONDS;
        let rules = [
            (
                named(&settings.token_signed_alg, &SIGNING_ALGORITHMS.map(|alg| alg.as_str())),
                ("token_signed_alg", "error-algorithm", "use RS256, PS256, ES256, EdDSA or HS256"),
            ),
            (
                named(&settings.token_encryption_alg, &ENCRYPTION_ALGORITHMS.map(|a| a.as_str())),
                (
                    "token_encryption_alg",
                    "error-algorithm",
                    "use ECDH-ES, ECDH-ES+A256KW, RSA-OAEP-256, dir or A256KW",
                ),
            ),
            (
                named(&settings.token_encryption_enc, &ContentEncryption::ALL.map(|e| e.as_str())),
                ("token_encryption_enc", "error-algorithm", "use A128GCM or A256GCM"),
            ),
            (
                settings.token_lifetime.is_none_or(|seconds| lifetimes.contains(&seconds)),
                ("token_lifetime", "error-lifetime", "use 30 to 3600 seconds"),
            ),
        ];
        let broken = rules.into_iter().filter(|(holds, _)| !holds);
        broken.map(|(_, (field, key, says))| FieldProblem::new(field, key, says)).collect()
    }

    fn details_problems(&self) -> Vec<FieldProblem> {
        let types = &self.settings.authorization_details_types;
        let is_short = |text: &String| is_line(text, MAX_SENTENCE_CHARS);
        let mut problems = Vec::new();
        for (index, kind) in types.iter().enumerate() {
            let twice = types[..index].iter().any(|other| other.name == kind.name);
            let sentences = is_short(&kind.sentence) && kind.translations.values().all(is_short);
            let says = match kind.problem() {
                _ if !is_line(&kind.name, MAX_NAME_CHARS) => {
                    "a type has a name of 1 to 100 characters"
                }
                _ if twice => "a type is there twice",
                _ if !sentences => "a sentence has 1 to 300 characters that can be seen",
                Some(says) => says,
                None => continue,
            };
            let field = "authorization_details_types";
            problems.push(FieldProblem::new(field, "error-details-type", says).at(index));
        }
        problems
    }

    fn key_problems(&self) -> Vec<FieldProblem> {
        let settings = &self.settings;
        let mut problems = Vec::new();
        let jwk = settings.token_encryption_jwk.as_ref();
        let named: Option<KeyManagement> =
            settings.token_encryption_alg.as_deref().and_then(|alg| alg.parse().ok());
        let by_secret = named.is_some_and(|alg| !alg.is_asymmetric());
        if jwk.is_some() && settings.jwks_uri.is_some() {
            let says = "give the key or jwks_uri, not both";
            problems.push(FieldProblem::new("jwks_uri", "error-jwks-both", says));
        }
        if settings.jwks_uri.as_deref().is_some_and(|uri| !is_safe_url(uri)) {
            let says = "use an https address, or http of this machine";
            problems.push(FieldProblem::new("jwks_uri", "error-uri", says));
        }
        let named = named.filter(|alg| alg.is_asymmetric());
        if jwk.is_some_and(|jwk| key_of(jwk, named, ContentEncryption::A256Gcm).is_none()) {
            let says = "not a public key that can be encrypted to by this algorithm";
            problems.push(FieldProblem::new("token_encryption_jwk", "error-encryption-jwk", says));
        }
        let encrypts = settings.token_format == AccessTokenFormat::Jwe;
        if encrypts && !by_secret && jwk.is_none() && settings.jwks_uri.is_none() {
            let says = "an encrypted token needs a key, a jwks_uri, or dir or A256KW";
            problems.push(FieldProblem::new("token_encryption_jwk", "error-resource-key", says));
        }
        problems
    }
}

fn is_token(scope: &str) -> bool {
    scope.parse::<Scope>().is_ok_and(|parsed| parsed.iter().eq([scope]))
}

/// A tag of RFC 5646, as it is usually written.
fn is_language(tag: &str) -> bool {
    tag.parse::<LanguageIdentifier>().is_ok_and(|known| known == tag)
}

/// What OpenID Connect Core §5.4 and §11 define is nobody else's.
fn is_about_people(scope: &str) -> bool {
    matches!(scope, "openid" | "offline_access")
        || SCOPE_CLAIMS.iter().any(|(known, _)| *known == scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draft() -> ResourceDraft {
        ResourceDraft {
            identifier: "https://orders.example".into(),
            name: "Orders".into(),
            settings: ResourceSettings {
                scopes: [("orders:read".to_owned(), "Read your orders".to_owned())].into(),
                ..ResourceSettings::default()
            },
        }
    }

    fn with(change: impl FnOnce(&mut ResourceSettings)) -> Vec<&'static str> {
        let mut draft = draft();
        change(&mut draft.settings);
        draft.problems().into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a_resource_needs_a_name_and_an_identifier() {
        assert_eq!(draft().problems(), []);
        let empty = ResourceDraft::default().problems();
        let fields: Vec<_> = empty.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["identifier", "name"]);
    }

    #[test]
    fn words_in_another_language_are_for_a_scope_that_there_is() {
        let wrong = |name: &str, words: &str| {
            with(|settings| {
                let written = [("orders:read", "Read"), (name, words)];
                let owned = |(name, words): (&str, &str)| (name.to_owned(), words.to_owned());
                settings.set_scopes(written.map(owned));
            })
        };
        assert!(wrong("orders:read#de", "Lesen").is_empty());
        assert!(wrong("orders:read#pt-BR", "Ler").is_empty());
        let long = "x".repeat(201);
        for (name, words) in [
            ("orders:write#de", "Schreiben"),
            ("orders:read#", "Lesen"),
            ("orders:read#d e", "Lesen"),
            ("orders:read#de#fr", "Lesen"),
            ("#de", "Lesen"),
            ("orders:read#de", ""),
            ("orders:read#de", &long),
        ] {
            assert_eq!(wrong(name, words), ["scopes"], "{name}");
        }
    }

    #[test]
    fn the_scopes_of_openid_connect_are_of_no_resource() {
        for scope in ["openid", "email", "offline_access", "a b", "", "a\"b", "é"] {
            let wrong = with(|settings| {
                settings.scopes.insert(scope.into(), String::new());
            });
            assert_eq!(wrong, ["scopes"], "{scope}");
        }
    }

    #[test]
    fn an_encrypted_token_needs_somebody_to_read_it() {
        let jwe = |settings: &mut ResourceSettings| settings.token_format = AccessTokenFormat::Jwe;
        assert_eq!(with(jwe), ["token_encryption_jwk"]);
        let secret = |settings: &mut ResourceSettings| {
            jwe(settings);
            settings.token_encryption_alg = Some("dir".into());
        };
        assert!(with(secret).is_empty());
        let both = |settings: &mut ResourceSettings| {
            jwe(settings);
            settings.token_encryption_jwk = Some(json!({"kty": "oct", "k": "AAAA"}));
            settings.jwks_uri = Some("http://api.example/jwks".into());
        };
        assert_eq!(with(both), ["jwks_uri", "jwks_uri", "token_encryption_jwk"]);
    }

    #[test]
    fn jw_12_weak_algorithms_are_not_offered() {
        for (signed, encrypted, enc) in
            [("none", "RSA1_5", "A128CBC-HS256"), ("HS512", "RSA-OAEP", "zip"), ("", "", "")]
        {
            let wrong = with(|settings| {
                settings.token_signed_alg = Some(signed.into());
                settings.token_encryption_alg = Some(encrypted.into());
                settings.token_encryption_enc = Some(enc.into());
                settings.token_lifetime = Some(3601);
            });
            assert_eq!(wrong.len(), 4, "{wrong:?}");
        }
    }
}
