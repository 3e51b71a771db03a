//! What a place asks of the sign-in behind a token (RFC 9470): a level, a freshness, or both.

use super::access_token::AccessToken;
use crate::protocol::time::{Lifetime, Timestamp};

/// What a place asks of the sign-in. Nothing, unless said otherwise.
///
/// ```ignore
/// let needed = RequiredAuthentication::default().acr("2").max_age(Lifetime::minutes(5));
/// verifier.require_authentication(&token, &needed)?;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequiredAuthentication {
    acr_values: Vec<String>,
    max_age: Option<Lifetime>,
}

impl RequiredAuthentication {
    /// A level that will do (`acr`). Said more than once, any of them does; the first is preferred.
    /// What is no scope token (RFC 6749 §3.3) could not stand in a challenge, and is left out.
    #[must_use]
    pub fn acr(mut self, value: &str) -> Self {
        let is_shown = |byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if !value.is_empty() && value.bytes().all(is_shown) {
            self.acr_values.push(value.to_owned());
        }
        self
    }

    /// How long ago the person may have signed in.
    #[must_use]
    pub fn max_age(mut self, age: Lifetime) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Whether the sign-in behind a token is what is asked for. A token that does not say is of no
    /// person, or of none who signed in: it is not.
    pub(super) fn is_met_by(&self, token: &AccessToken, now: Timestamp, leeway: Lifetime) -> bool {
        let has_level = self.acr_values.is_empty()
            || token.acr.as_ref().is_some_and(|acr| self.acr_values.contains(acr));
        let is_fresh = self.max_age.is_none_or(|age| {
            token.auth_time.is_some_and(|at| {
                let allowed = i64::from(age.as_seconds()) + i64::from(leeway.as_seconds());
                now.seconds_since(at) <= allowed
            })
        });
        has_level && is_fresh
    }

    /// What a challenge adds (§3), to be passed on in the next authorization request.
    #[cfg(feature = "actix")]
    pub(super) fn challenge(&self) -> String {
        let mut challenge = String::new();
        if !self.acr_values.is_empty() {
            challenge += &format!(r#", acr_values="{}""#, self.acr_values.join(" "));
        }
        if let Some(age) = self.max_age {
            challenge += &format!(r#", max_age="{}""#, age.as_seconds());
        }
        challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::testing::{AUDIENCE, ISSUER, jwk_set, signing_key, token};
    use crate::verifier::{Verifier, VerifyError};
    use serde_json::{Value, json};

    async fn ask(needed: &RequiredAuthentication, claims: Value) -> Result<(), VerifyError> {
        let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(jwk_set(&[signing_key()]));
        let verifier = builder.build().await.expect("a verifier");
        let token = verifier.verify(&token(&claims)).expect("a good token");
        verifier.require_authentication(&token, needed)
    }

    fn seconds_ago(seconds: i64) -> i64 {
        use crate::protocol::time::{Clock, SystemClock};
        SystemClock.now().as_unix() - seconds
    }

    #[tokio::test]
    async fn ec_09_the_level_of_the_sign_in_is_one_of_those_asked_for() {
        let needed = RequiredAuthentication::default().acr("3").acr("2");
        assert_eq!(ask(&needed, json!({ "acr": "2" })).await, Ok(()));
        for claims in [json!({}), json!({ "acr": "1" }), json!({ "acr": "23" })] {
            let refused = ask(&needed, claims.clone()).await;
            assert!(matches!(refused, Err(VerifyError::InsufficientAuthentication(_))), "{claims}");
        }
    }

    #[tokio::test]
    async fn ec_09_an_old_sign_in_is_not_fresh_and_none_is_none() {
        let needed = RequiredAuthentication::default().max_age(Lifetime::seconds(60));
        assert_eq!(ask(&needed, json!({ "auth_time": seconds_ago(30) })).await, Ok(()));
        for claims in [json!({}), json!({ "auth_time": seconds_ago(70) })] {
            let refused = ask(&needed, claims.clone()).await;
            assert!(matches!(refused, Err(VerifyError::InsufficientAuthentication(_))), "{claims}");
        }
    }

    #[cfg(feature = "actix")]
    #[test]
    fn ec_09_the_challenge_says_what_to_ask_for() {
        let needed = RequiredAuthentication::default();
        let needed = needed.acr("3").acr("2").acr("a\"b").max_age(Lifetime::seconds(60));
        assert_eq!(needed.challenge(), r#", acr_values="3 2", max_age="60""#);
        assert_eq!(RequiredAuthentication::default().challenge(), "");
    }
}
