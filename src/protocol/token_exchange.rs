//! Token exchange (RFC 8693): the names of its token types, and the chain of who acts for whom.

use super::error::OAuthError;
use serde_json::{Value, json};

/// The most that can act one for the other.
pub const MAX_ACTORS: usize = 4;

/// A kind of token that can be exchanged, or asked for (§3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An access token of this server, whatever it looks like.
    AccessToken,
    /// The same, where it has to be a JWT.
    Jwt,
}

impl TokenType {
    /// The identifier as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }

    /// Reads the value of a parameter.
    ///
    /// # Errors
    ///
    /// `invalid_request` for any other kind: a refresh token goes the way of refresh tokens, and an
    /// ID token is for the client it was made for.
    pub fn parse(parameter: &'static str, text: &str) -> Result<Self, OAuthError> {
        let known = [Self::AccessToken, Self::Jwt];
        known.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
            OAuthError::invalid_request(format!(
                "{parameter} must be the access_token or the jwt of RFC 8693 section 3"
            ))
        })
    }
}

/// How many act in an `act` claim (§4.1), one for the other; more than [`MAX_ACTORS`] are not
/// counted to their end.
pub fn actors(act: Option<&Value>) -> usize {
    let mut count = 0;
    let mut next = act;
    while let Some(actor) = next.filter(|_| count <= MAX_ACTORS) {
        count += 1;
        next = actor.get("act");
    }
    count
}

/// The `act` claim when `actor` acts, and before it those of `before` did.
pub fn acting(actor: &str, before: Option<&Value>) -> Value {
    match before {
        Some(before) => json!({ "sub": actor, "act": before }),
        None => json!({ "sub": actor }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tx_04_a_chain_of_a_hundred_is_not_counted_to_its_end() {
        let hundred = (0..100).fold(None, |before: Option<Value>, n| {
            Some(acting(&format!("service-{n}"), before.as_ref()))
        });
        assert_eq!(actors(hundred.as_ref()), MAX_ACTORS + 1);
        assert_eq!(actors(None), 0);
    }

    #[test]
    fn the_last_who_acts_stands_outside() {
        let first = acting("gateway", None);
        let both = acting("orders", Some(&first));
        assert_eq!(both, json!({ "sub": "orders", "act": { "sub": "gateway" } }));
        assert_eq!(actors(Some(&both)), 2);
    }

    #[test]
    fn only_the_two_kinds_that_are_made_here_are_known() {
        for kind in [TokenType::AccessToken, TokenType::Jwt] {
            assert_eq!(TokenType::parse("subject_token_type", kind.as_str()).unwrap(), kind);
        }
        for other in ["", "jwt", "urn:ietf:params:oauth:token-type:id_token"] {
            assert!(TokenType::parse("subject_token_type", other).is_err(), "{other}");
        }
    }
}
