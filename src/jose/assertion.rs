//! What a client assertion must say (RFC 7523 §3, OpenID Connect Core §9).
//!
//! [`claimed_client`] finds out whose keys to verify with; [`Terms::check`] looks at the claims once
//! the signature is proven. Who accepts one remembers its `jti`, so that it is good once.

use super::algorithm::SigningAlgorithm;
use super::claims::Claims;
use super::error::JoseError;
use super::time_check::TimeCheck;
use super::verify::{Expected, gate};
use crate::protocol::time::{Lifetime, Timestamp};

/// How far the client's clock may be off, in seconds.
const LEEWAY_SECONDS: u32 = 60;
/// How far ahead an assertion may expire by the client's clock, in seconds. Common libraries say an
/// hour unless told otherwise. So long, and twice the leeway, its `jti` is remembered.
const MAX_LIFE_SECONDS: u32 = 3600;
/// The longest `jti`, in bytes.
const MAX_JTI_BYTES: usize = 256;

/// The form of an assertion that is signed by one of `algorithms`.
pub const fn expected(algorithms: &[SigningAlgorithm]) -> Expected<'_> {
    Expected::new(&["JWT", "client-authentication+jwt"], algorithms).or_absent()
}

/// The client that an assertion claims to be of; proves nothing.
///
/// # Errors
///
/// When it is no assertion.
pub fn claimed_client(
    assertion: &str,
    algorithms: &[SigningAlgorithm],
) -> Result<String, JoseError> {
    let claims = gate(assertion, &expected(algorithms))?.peek_claims()?;
    claims.required_str("sub").map(str::to_owned)
}

/// What the claims of an assertion are held against.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Whose assertion it must be.
    pub client_id: &'a str,
    /// This server.
    pub issuer: &'a str,
    /// Where assertions are sent: many clients name the token endpoint instead of the issuer, some
    /// the endpoint that they call (RFC 9126 §2, OpenID Connect CIBA §7.1).
    pub endpoints: &'a [String],
    /// Whether `aud` must be the issuer, as a string (FAPI 2.0 Security Profile §5.3.2.1).
    pub issuer_only: bool,
    /// The present moment.
    pub now: Timestamp,
}

impl Terms<'_> {
    /// Gives the `jti`, and until when it must be remembered.
    ///
    /// # Errors
    ///
    /// `Claim` for the first claim that is missing or wrong.
    pub fn check(&self, claims: &Claims) -> Result<(String, Timestamp), JoseError> {
        claims.expect_str("iss", self.client_id)?;
        claims.expect_str("sub", self.client_id)?;
        self.check_audience(claims)?;
        let time = TimeCheck { now: self.now, leeway_seconds: LEEWAY_SECONDS };
        let expires_at = time.require_exp_within(claims, MAX_LIFE_SECONDS)?;
        time.check_nbf(claims)?;
        if let Some(issued_at) = time.check_iat(claims)?
            && self.now.seconds_since(issued_at) > i64::from(MAX_LIFE_SECONDS)
        {
            return Err(JoseError::Claim { name: "iat", problem: "is too long ago" });
        }
        let jti = claims.required_str("jti")?;
        if jti.len() > MAX_JTI_BYTES {
            return Err(JoseError::Claim { name: "jti", problem: "is too long" });
        }
        Ok((jti.to_owned(), expires_at + Lifetime::seconds(LEEWAY_SECONDS)))
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), JoseError> {
        if self.issuer_only {
            return claims.expect_str("aud", self.issuer);
        }
        match &claims.required_audience()?[..] {
            [aud] if aud == self.issuer || self.endpoints.contains(aud) => Ok(()),
            _ => Err(JoseError::Claim { name: "aud", problem: "is not this server" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_763_765_000;
    const TERMS: Terms<'static> = Terms {
        client_id: "app",
        issuer: "https://id.example",
        endpoints: &[],
        issuer_only: false,
        now: Timestamp::from_unix(NOW),
    };

    fn check(terms: Terms<'_>, changes: Value) -> Result<(String, Timestamp), JoseError> {
        let endpoints = ["https://id.example/token".to_owned()];
        let terms = Terms { endpoints: &endpoints, ..terms };
        let mut claims = json!({
            "iss": "app", "sub": "app", "aud": "https://id.example", "exp": NOW + 60, "jti": "a",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        terms.check(&Claims::parse(claims.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn t2_an_assertion_is_remembered_until_no_clock_takes_it() {
        let (jti, until) = check(TERMS, json!({})).unwrap();
        assert_eq!((jti.as_str(), until.as_unix()), ("a", NOW + 120));
    }

    #[test]
    fn s7_the_audience_is_the_issuer_alone_under_fapi() {
        let fapi = Terms { issuer_only: true, ..TERMS };
        for aud in [json!("https://id.example/token"), json!(["https://id.example"])] {
            assert!(check(TERMS, json!({ "aud": aud })).is_ok(), "{aud}");
            assert!(check(fapi, json!({ "aud": aud })).is_err(), "{aud}");
        }
        assert!(check(fapi, json!({})).is_ok());
    }

    #[test]
    fn ca_10_a_claim_that_is_wrong_is_refused() {
        for changes in [
            json!({ "iss": "other" }),
            json!({ "sub": "other" }),
            json!({ "aud": "https://other.example" }),
            json!({ "aud": ["https://id.example", "https://other.example"] }),
            json!({ "aud": [] }),
            json!({ "exp": NOW - 61 }),
            json!({ "exp": NOW + 3661 }),
            json!({ "exp": null }),
            json!({ "nbf": NOW + 61 }),
            json!({ "iat": NOW + 61 }),
            json!({ "iat": NOW - 3601 }),
            json!({ "jti": "" }),
            json!({ "jti": "j".repeat(257) }),
        ] {
            assert!(check(TERMS, changes.clone()).is_err(), "{changes}");
        }
    }
}
