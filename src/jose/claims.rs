//! The claims of a token, read from the raw JSON with their types checked (RFC 7519 §4).
//!
//! A claim of the wrong type is an error, never taken as absent. Numbers that stand for times are
//! integers: josekit reads them as floats and panics on large ones.

use super::error::JoseError;
use super::json;
use crate::protocol::time::Timestamp;
use serde_json::{Map, Value};

/// 2^53: the largest number up to which JSON readers agree (RFC 7493 §2.2).
const MAX_INTEGER: u64 = 1 << 53;
/// The last second that is taken for a time, in the year 2128: a hundred years on and a little. It
/// tells milliseconds and other slips from times.
const LATEST: u64 = 5_000_000_000;
/// The most values that `aud` may have.
const MAX_AUDIENCES: usize = 64;

/// A JSON object without repeated members.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the payload of a token.
    ///
    /// # Errors
    ///
    /// `Malformed` when it is not one JSON object, repeats a member, or nests deeper than 16.
    pub fn parse(payload: &[u8]) -> Result<Self, JoseError> {
        json::object(payload).map(Self)
    }

    /// A claim of any type.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All of them.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// All of them, to keep.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// A string.
    ///
    /// # Errors
    ///
    /// `Claim` when it is something else; null is something else.
    pub fn str(&self, name: &'static str) -> Result<Option<&str>, JoseError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JoseError::Claim { name, problem: "is not a string" }),
        }
    }

    /// A string that must be there and not be empty.
    ///
    /// # Errors
    ///
    /// `Claim` when it is missing, empty or something else.
    pub fn required_str(&self, name: &'static str) -> Result<&str, JoseError> {
        match self.str(name)? {
            None => Err(missing(name)),
            Some("") => Err(JoseError::Claim { name, problem: "is empty" }),
            Some(text) => Ok(text),
        }
    }

    /// A string that must be exactly this one, byte for byte (RFC 8725 §3.8).
    ///
    /// # Errors
    ///
    /// `Claim` when it is missing or anything else.
    pub fn expect_str(&self, name: &'static str, expected: &str) -> Result<(), JoseError> {
        if self.required_str(name)? == expected {
            return Ok(());
        }
        Err(JoseError::Claim { name, problem: "is not the expected one" })
    }

    /// An integer from 0 to 2^53. `1.0` is not one.
    ///
    /// # Errors
    ///
    /// `Claim` when it is something else.
    pub fn integer(&self, name: &'static str) -> Result<Option<u64>, JoseError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) if number <= MAX_INTEGER => Ok(Some(number)),
                _ => Err(JoseError::Claim { name, problem: "is not an integer from 0 to 2^53" }),
            },
        }
    }

    /// A boolean.
    ///
    /// # Errors
    ///
    /// `Claim` when it is something else.
    pub fn bool(&self, name: &'static str) -> Result<Option<bool>, JoseError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(JoseError::Claim { name, problem: "is not a boolean" }),
        }
    }

    /// A time in whole seconds, from 1970 to 2128.
    ///
    /// # Errors
    ///
    /// `Claim` when it is something else.
    pub fn time(&self, name: &'static str) -> Result<Option<Timestamp>, JoseError> {
        let Some(seconds) = self.integer(name)? else { return Ok(None) };
        match i64::try_from(seconds) {
            Ok(unix) if seconds <= LATEST => Ok(Some(Timestamp::from_unix(unix))),
            _ => Err(JoseError::Claim { name, problem: "is not a time in seconds" }),
        }
    }

    /// A time that must be there.
    ///
    /// # Errors
    ///
    /// `Claim` when it is missing or something else.
    pub fn required_time(&self, name: &'static str) -> Result<Timestamp, JoseError> {
        self.time(name)?.ok_or(missing(name))
    }

    /// `aud` as a list: a string, or an array of strings (RFC 7519 §4.1.3). Empty when missing.
    ///
    /// # Errors
    ///
    /// `Claim` when it is something else, or has more than 64 values.
    pub fn audience(&self) -> Result<Vec<String>, JoseError> {
        let wrong = |problem| JoseError::Claim { name: "aud", problem };
        match self.0.get("aud") {
            None => Ok(Vec::new()),
            Some(Value::String(one)) => Ok(vec![one.clone()]),
            Some(Value::Array(many)) if many.len() > MAX_AUDIENCES => {
                Err(wrong("has more than 64 values"))
            }
            Some(Value::Array(many)) => {
                let texts = many.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().ok_or(wrong("is not a string or strings"))
            }
            Some(_) => Err(wrong("is not a string or strings")),
        }
    }

    /// `aud` with at least one value.
    ///
    /// # Errors
    ///
    /// As [`Claims::audience`], and `Claim` when it is missing or empty.
    pub fn required_audience(&self) -> Result<Vec<String>, JoseError> {
        let audience = self.audience()?;
        if audience.is_empty() {
            return Err(missing("aud"));
        }
        Ok(audience)
    }
}

const fn missing(name: &'static str) -> JoseError {
    JoseError::Claim { name, problem: "is missing" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(text: &str) -> Claims {
        Claims::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn jw_07_dp_05_a_time_is_a_bounded_integer() {
        for value in [
            "1e300",
            "1e19",
            "18446744073709551615",
            "9223372036854775807",
            "1e15",
            "1e9",
            "253402300800",
            "1763765000000",
            "9007199254740993",
            "-1",
            "1.5",
            "1763765000.0",
            "\"123\"",
            "null",
            "true",
            "[]",
            "{}",
            "5000000001",
        ] {
            let claims = claims(&format!(r#"{{"iat":{value}}}"#));
            assert!(claims.time("iat").is_err(), "{value}");
            assert!(claims.required_time("iat").is_err(), "{value}");
        }
        assert_eq!(
            claims(r#"{"iat":1763765000}"#).required_time("iat").unwrap(),
            Timestamp::from_unix(1_763_765_000)
        );
        assert_eq!(claims("{}").time("iat").unwrap(), None);
        assert!(claims("{}").required_time("iat").is_err());
    }

    #[test]
    fn jw_08_an_audience_is_a_string_or_strings_and_a_missing_one_is_an_error() {
        assert_eq!(claims(r#"{"aud":"a"}"#).required_audience().unwrap(), ["a"]);
        assert_eq!(claims(r#"{"aud":["a","b"]}"#).required_audience().unwrap(), ["a", "b"]);
        for text in ["{}", r#"{"aud":[]}"#, r#"{"aud":1}"#, r#"{"aud":null}"#, r#"{"aud":["a",1]}"#]
        {
            assert!(claims(text).required_audience().is_err(), "{text}");
        }
        let many = serde_json::json!({ "aud": vec!["a"; 10_000] }).to_string();
        assert!(claims(&many).required_audience().is_err());
        assert!(claims("{}").audience().unwrap().is_empty());
    }

    #[test]
    fn jw_17_an_issuer_is_compared_byte_for_byte() {
        let expected = "https://id.example.com";
        for issuer in [
            "https://id.example.com/",
            "https://ID.example.com",
            "https://id.example.com:443",
            "http://id.example.com",
            "https://xn--id-.example.com",
            "",
        ] {
            let claims = claims(&serde_json::json!({ "iss": issuer }).to_string());
            assert!(claims.expect_str("iss", expected).is_err(), "{issuer}");
        }
        assert!(claims("{}").expect_str("iss", expected).is_err());
        let good = claims(r#"{"iss":"https://id.example.com"}"#);
        assert!(good.expect_str("iss", expected).is_ok());
    }

    #[test]
    fn a_claim_of_the_wrong_type_is_an_error_not_absent() {
        let claims = claims(r#"{"sub":1,"jti":null,"email_verified":"true","empty":""}"#);
        assert!(claims.str("sub").is_err());
        assert!(claims.str("jti").is_err());
        assert!(claims.bool("email_verified").is_err());
        assert!(claims.required_str("empty").is_err());
        assert_eq!(claims.str("absent").unwrap(), None);
    }

    #[test]
    fn jw_02_repeated_claims_are_refused() {
        assert_eq!(Claims::parse(br#"{"sub":"a","sub":"b"}"#), Err(JoseError::Malformed));
        assert_eq!(Claims::parse(br#"{"cnf":{"jkt":"a","jkt":"b"}}"#), Err(JoseError::Malformed));
    }
}
