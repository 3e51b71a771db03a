//! The key that a token is bound to: the `cnf` claim (RFC 7800 §3.1).

use serde::{Deserialize, Serialize};

/// What the sender of a token must show to hold. Empty for a bearer token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The thumbprint of the key of DPoP proofs (RFC 9449 §6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// The SHA-256 of the client certificate (RFC 8705 §3.1).
    #[serde(default, rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub x5t_s256: Option<String>,
}

impl Confirmation {
    /// Bound to the key of DPoP proofs, when there is one.
    pub fn of_jkt(jkt: Option<String>) -> Self {
        Self { jkt, x5t_s256: None }
    }

    /// Whether nothing has to be shown.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Bound to all that this and `other` are bound to; this counts where both name a key.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            jkt: self.jkt.or_else(|| other.jkt.clone()),
            x5t_s256: self.x5t_s256.or_else(|| other.x5t_s256.clone()),
        }
    }

    /// Whether one sender can hold what both are bound to.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let agree = |one: &Option<String>, two: &Option<String>| {
            one.is_none() || two.is_none() || one == two
        };
        agree(&self.jkt, &other.jkt) && agree(&self.x5t_s256, &other.x5t_s256)
    }

    /// `token_type` of an access token that is bound like this (RFC 9449 §5, RFC 8705 §3).
    pub const fn token_type(&self) -> &'static str {
        match self.jkt {
            Some(_) => "DPoP",
            None => "Bearer",
        }
    }
}

/// Whether `text` can be the SHA-256 thumbprint of a key (RFC 7638 §3): 32 bytes in base64url.
pub fn is_thumbprint(text: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // 43 characters hold 258 bits: the last two must be zero.
    text.len() == 43
        && text.bytes().all(is_base64url)
        && text.ends_with(|last| "AEIMQUYcgkosw048".contains(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_are_those_of_the_rfcs() {
        let both = Confirmation { jkt: Some("a".into()), x5t_s256: Some("b".into()) };
        let json = r#"{"jkt":"a","x5t#S256":"b"}"#;
        assert_eq!(serde_json::to_string(&both).unwrap(), json);
        assert_eq!(serde_json::from_str::<Confirmation>(json).unwrap(), both);
        assert_eq!(serde_json::to_string(&Confirmation::default()).unwrap(), "{}");
    }

    #[test]
    fn a_confirmation_that_cannot_be_checked_is_not_read_as_none() {
        for other in [r#"{"jwk":{}}"#, r#"{"jkt":"a","x5t":"b"}"#, r#"{"jkt":1}"#, "[1]", "1"] {
            assert!(serde_json::from_str::<Confirmation>(other).is_err(), "{other}");
        }
    }

    #[test]
    fn only_a_dpop_bound_token_is_of_type_dpop() {
        assert_eq!(Confirmation::default().token_type(), "Bearer");
        assert_eq!(Confirmation::of_jkt(Some("a".into())).token_type(), "DPoP");
        let certificate = Confirmation { x5t_s256: Some("b".into()), ..Confirmation::default() };
        assert_eq!(certificate.token_type(), "Bearer");
    }

    #[test]
    fn a_thumbprint_is_32_bytes_in_one_spelling() {
        assert!(is_thumbprint("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
        for other in ["", "abc", &"A".repeat(44), &"+".repeat(43), &format!("{}B", "A".repeat(42))]
        {
            assert!(!is_thumbprint(other), "{other}");
        }
    }
}
