//! What an endpoint for machines answers.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer: status, headers, and the body as JSON (null when it is none).
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
    pub text: String,
}

/// What the token endpoint gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokens {
    pub access_token: String,
    /// Empty when none came.
    pub refresh_token: String,
    /// Empty when none came.
    pub id_token: String,
    pub scope: String,
    pub expires_in: u64,
}

impl Reply {
    /// Reads an answer to its end.
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the answer is text");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, json, text }
    }

    /// One header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The tokens of a success.
    #[track_caller]
    pub fn expect_tokens(&self) -> Tokens {
        self.expect_tokens_of_type("Bearer")
    }

    /// The tokens of a success that are bound to the key of a DPoP proof (RFC 9449 §5).
    #[track_caller]
    pub fn expect_dpop(&self) -> Tokens {
        self.expect_tokens_of_type("DPoP")
    }

    #[track_caller]
    fn expect_tokens_of_type(&self, token_type: &str) -> Tokens {
        assert_eq!(self.status, 200, "{}", self.text);
        let text = |name: &str| self.json[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(self.json["token_type"], token_type);
        Tokens {
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            id_token: text("id_token"),
            scope: text("scope"),
            expires_in: self.json["expires_in"].as_u64().expect("expires_in is a number"),
        }
    }

    /// The body of a refusal, which must not be cached and must keep to RFC 6749 §5.2.
    #[track_caller]
    pub fn expect_error(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(self.header("content-type").starts_with("application/json"), "{:?}", self.headers);
        assert!(self.header("cache-control").contains("no-store"), "{:?}", self.headers);
        assert!(self.json["error"].is_string(), "{}", self.text);
        let description = self.json["error_description"].as_str().unwrap_or_default();
        let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        assert!(description.chars().all(allowed), "{description}");
        self.json.clone()
    }

    /// As [`Reply::expect_error`], with the `error` it must be.
    #[track_caller]
    pub fn expect(&self, status: u16, error: &str) {
        assert_eq!(self.expect_error(status)["error"], error, "{}", self.text);
    }
}
