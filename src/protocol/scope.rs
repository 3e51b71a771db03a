//! The `scope` parameter (RFC 6749 §3.3).

use super::error::OAuthError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The longest `scope` that is read, in bytes.
const MAX_BYTES: usize = 4096;
/// The most scope tokens that are read.
const MAX_TOKENS: usize = 64;

/// A set of scope tokens. Order and repetition carry no meaning, so a set it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(BTreeSet<String>);

impl Scope {
    /// Whether `token` is one of the set.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether the set has no token.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when every token of `self` is also in `allowed`: narrowing is fine, widening is not.
    pub fn is_within(&self, allowed: &Scope) -> bool {
        self.0.is_subset(&allowed.0)
    }

    /// The tokens that both sets have.
    pub fn intersection(&self, other: &Scope) -> Scope {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The tokens that either set has.
    pub fn union(&self, other: &Scope) -> Scope {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The set without `token`.
    pub fn without(&self, token: &str) -> Scope {
        Self(self.0.iter().filter(|own| *own != token).cloned().collect())
    }

    /// The tokens in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for Scope {
    type Err = OAuthError;

    /// Parses `scope-token *( SP scope-token )`; anything else is `invalid_scope`.
    fn from_str(text: &str) -> Result<Self, OAuthError> {
        if text.len() > MAX_BYTES {
            return Err(OAuthError::invalid_scope("scope is longer than 4096 bytes"));
        }
        let mut tokens = BTreeSet::new();
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            if !token.bytes().all(is_scope_byte) {
                return Err(OAuthError::invalid_scope(
                    "scope has a character that RFC 6749 section 3.3 forbids",
                ));
            }
            tokens.insert(token.to_owned());
            if tokens.len() > MAX_TOKENS {
                return Err(OAuthError::invalid_scope("scope has more than 64 values"));
            }
        }
        Ok(Self(tokens))
    }
}

/// `%x21 / %x23-5B / %x5D-7E`: printable ASCII without space, `"` and `\`.
const fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Scope {
    type Error = OAuthError;

    fn try_from(text: String) -> Result<Self, OAuthError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::ErrorCode;

    fn scope(text: &str) -> Scope {
        text.parse().expect("valid scope")
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        assert_eq!(scope("openid email"), scope("email  openid email"));
    }

    #[test]
    fn a_narrower_scope_is_within_a_wider_one() {
        assert!(scope("openid").is_within(&scope("openid email")));
        assert!(!scope("openid admin").is_within(&scope("openid email")));
    }

    #[test]
    fn az_16_a_forbidden_character_is_invalid_scope() {
        for text in ["open\"id", "open\\id", "a\u{e9}", "a\tb", "a\u{0}b"] {
            assert_eq!(text.parse::<Scope>().unwrap_err().code, ErrorCode::InvalidScope);
        }
    }

    #[test]
    fn az_16_too_many_values_are_invalid_scope() {
        let many: Vec<String> = (0..65).map(|n| format!("s{n}")).collect();
        assert_eq!(many.join(" ").parse::<Scope>().unwrap_err().code, ErrorCode::InvalidScope);
    }
}
