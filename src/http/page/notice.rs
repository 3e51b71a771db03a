//! The result of what was just done, on its way over the redirect after a POST.
//!
//! The handler that did it puts [`Notice::code`] into a short-lived cookie; the page after the
//! redirect takes it out and shows [`Notice::words`] once. Only words of ours can be shown so.

use crate::domain::authorize::reply::Ending;
use crate::http::text::Text;

/// The cookie of a notice.
pub const COOKIE: &str = "notice";

macro_rules! notices {
    ($($(#[$doc:meta])* $name:ident = $key:literal),+ $(,)?) => {
        /// Something that was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Notice { $($(#[$doc])* $name),+ }

        impl Notice {
            /// Every notice there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            const fn key(self) -> &'static str {
                match self { $(Self::$name => $key),+ }
            }
        }
    };
}

notices! {
    ProfileSaved = "notice-profile-saved",
    PasswordChanged = "notice-password-changed",
    SessionEnded = "notice-session-ended",
    OtherSessionsEnded = "notice-other-sessions-ended",
    AccessRemoved = "notice-access-removed",
    AccountLinked = "notice-account-linked",
    AccountUnlinked = "notice-account-unlinked",
    LinkTaken = "notice-link-taken",
    LinkFailed = "notice-link-failed",
    UpstreamSaved = "notice-upstream-saved",
    UpstreamDeleted = "notice-upstream-deleted",
    RequestAllowed = "notice-request-allowed",
    RequestRefused = "notice-request-refused",
    RequestWaits = "notice-request-waits",
    RequestDecided = "notice-request-decided",
    UserCreated = "notice-user-created",
    UserSaved = "notice-user-saved",
    UserPasswordSet = "notice-user-password-set",
    UserBlocked = "notice-user-blocked",
    UserUnblocked = "notice-user-unblocked",
    TokensRevoked = "notice-tokens-revoked",
    UserSignedOut = "notice-user-signed-out",
    UserDeleted = "notice-user-deleted",
    /// A form came again, by a reload: nothing was made twice.
    SentBefore = "notice-sent-before",
    ClientSaved = "notice-client-saved",
    ClientEnabled = "notice-client-enabled",
    ClientDisabled = "notice-client-disabled",
    ClientDeleted = "notice-client-deleted",
    SecretRetired = "notice-secret-retired",
    ResourceSaved = "notice-resource-saved",
    ResourceDeleted = "notice-resource-deleted",
    IssuerSaved = "notice-issuer-saved",
    IssuerDeleted = "notice-issuer-deleted",
    KeyRotated = "notice-key-rotated",
    KeyRetired = "notice-key-retired",
    InitialTokenRevoked = "notice-initial-token-revoked",
}

impl Notice {
    /// What became of a request that was decided on the account.
    pub const fn of_request(ending: Ending) -> Self {
        match ending {
            Ending::Allowed => Self::RequestAllowed,
            Ending::Denied => Self::RequestRefused,
            Ending::Undecided => Self::RequestWaits,
            Ending::DecidedBefore => Self::RequestDecided,
        }
    }

    /// What the cookie holds.
    pub fn code(self) -> &'static str {
        self.key().trim_start_matches("notice-")
    }

    /// The notice of a cookie, when it is one.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|notice| notice.code() == code)
    }

    /// What the page says.
    pub fn words(self, text: Text) -> String {
        text.t(self.key()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_leads_back_to_its_notice_and_has_words() {
        for notice in Notice::ALL {
            assert_eq!(Notice::from_code(notice.code()), Some(*notice));
            assert!(notice.words(Text::default()).ends_with('.'), "{notice:?}");
        }
        assert_eq!(Notice::from_code("<script>"), None);
    }
}
