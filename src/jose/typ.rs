//! What a token is for, as its header says (RFC 8725 §3.11).

/// The kinds of token that Countersign signs. Two kinds may share a `typ` where their
/// specifications say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Typ {
    /// RFC 9068 §2.1.
    AccessToken,
    /// OpenID Connect Core §2.
    IdToken,
    /// OpenID Connect Back-Channel Logout §2.4.
    LogoutToken,
    /// RFC 9701 §5.
    Introspection,
    /// JWT Secured Authorization Response Mode §2.1.
    AuthorizationResponse,
    /// OpenID Connect Core §5.3.2.
    UserInfo,
    /// RFC 7523 §3.
    ClientAssertion,
    /// RFC 9449 §4.2.
    DpopProof,
    /// RFC 9101 §10.8.
    RequestObject,
    /// The signed feed of revocations.
    Revocations,
    /// IETF Token Status List §5.1.
    StatusList,
}

impl Typ {
    /// Every kind there is, in the order of declaration.
    pub const ALL: [Self; 11] = [
        Self::AccessToken,
        Self::IdToken,
        Self::LogoutToken,
        Self::Introspection,
        Self::AuthorizationResponse,
        Self::UserInfo,
        Self::ClientAssertion,
        Self::DpopProof,
        Self::RequestObject,
        Self::Revocations,
        Self::StatusList,
    ];

    /// The `typ` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken
            | Self::AuthorizationResponse
            | Self::UserInfo
            | Self::ClientAssertion => "JWT",
            Self::LogoutToken => "logout+jwt",
            Self::Introspection => "token-introspection+jwt",
            Self::DpopProof => "dpop+jwt",
            Self::RequestObject => "oauth-authz-req+jwt",
            Self::Revocations => "countersign-revocations+jwt",
            Self::StatusList => "statuslist+jwt",
        }
    }
}

/// Whether `actual` is the media type `expected`: case does not matter, and `application/` may be
/// left out when no other slash follows (RFC 7515 §4.1.9).
pub(super) fn is_media_type(actual: &str, expected: &str) -> bool {
    let prefix = "application/";
    let short = match actual.get(..prefix.len()) {
        Some(start) if start.eq_ignore_ascii_case(prefix) => &actual[prefix.len()..],
        _ => actual,
    };
    short.eq_ignore_ascii_case(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_declaration() {
        for (index, typ) in Typ::ALL.into_iter().enumerate() {
            assert_eq!(typ as usize, index);
        }
    }

    #[test]
    fn jw_09_a_media_type_is_compared_without_case_and_prefix() {
        for actual in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
            assert!(is_media_type(actual, "at+jwt"), "{actual}");
        }
        for actual in ["jwt", "at+jwt ", "text/at+jwt", "application/application/at+jwt", "", "é"]
        {
            assert!(!is_media_type(actual, "at+jwt"), "{actual}");
        }
    }
}
