//! What can be wrong with a field, in words that say what to do.

use crate::http::text::Text;

/// A mistake in a form field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The field is empty.
    Missing,
    /// The text is longer than it may be.
    TooLong,
    /// A line break, a control or a bidirectional mark.
    BadCharacter,
    EmailInvalid,
    /// Shown to administrators only: elsewhere nobody learns who has an account.
    EmailTaken,
    UsernameInvalid,
    UsernameTaken,
    /// The current password does not match.
    PasswordWrong,
    /// With the least number of characters.
    PasswordTooShort(u32),
    PasswordTooLong,
    /// The two entries differ.
    PasswordsDiffer,
    /// The new password is the old one.
    PasswordSame,
    /// The password is one that everybody tries.
    PasswordCommon,
    /// A reason must go to the audit log.
    ReasonMissing,
    /// With the number of the line: not an absolute address.
    AddressInvalid(usize),
    /// No object of texts, numbers, truths and lists.
    AttributesInvalid,
    /// With the number of the line: a rule for a claim that is none.
    PrivateClaim(usize),
    /// http outside loopback.
    AddressInsecure(usize),
    AddressFragment(usize),
    AddressWildcard(usize),
    /// A scheme no app may own, such as `javascript:`.
    AddressScheme(usize),
    /// This kind of client needs an address to send people back to.
    AddressMissing,
    ScopeInvalid,
    /// A scope about people for a client that acts for itself.
    ScopeOfPeople,
    /// A role or group with a character that lists cannot hold.
    ListInvalid,
    /// The last administrator cannot lose the role, or be blocked.
    LastAdmin,
    /// A date that does not read as one.
    DateInvalid,
    /// The value is not among those offered.
    ChoiceInvalid,
    /// Anything that has no words of its own.
    Invalid,
    /// The name of a person or a client.
    NameInvalid,
    /// A standard claim that cannot hold this value.
    ClaimInvalid,
    /// A reason that is too long, or has a character that is not seen.
    ReasonInvalid,
    /// Administrators do not lock themselves out.
    Yourself,
    /// More entries than a list may have.
    TooMany,
    /// With the seconds to wait.
    TooManyAttempts(u32),
    ClientIdInvalid,
    ClientIdTaken,
    /// An address to link to, or to fetch keys from.
    LinkInvalid,
    GrantMissing,
    /// `refresh_token` without `authorization_code`.
    GrantRefresh,
    /// `client_credentials` without a proof of who the client is.
    GrantPublic,
    /// This server does not vouch to itself.
    IssuerOwn,
    /// Another trusted issuer has this name.
    IssuerTaken,
    /// Keys by value, or where they are.
    IssuerKeys,
    /// Nobody here has this name.
    IssuerUser,
    /// A client that exchanges tokens must be told for whom.
    ExchangeNobody,
    /// How many may act one for the other.
    ExchangeDepth,
    /// `offline_access` without `refresh_token`.
    OfflineScope,
    /// A public client without PKCE.
    PublicPkce,
    ResponseInvalid,
    /// `jwks` and `jwks_uri` at once.
    KeysTwice,
    KeysMissing,
    /// Signed requests without keys to check them.
    RequestKeysMissing,
    /// An `enc` without its `alg`.
    EncWithoutAlg,
    /// The profile of the client forbids the value.
    ProfileForbids,
    /// Encrypted responses without a key to encrypt to.
    ResponseKeysMissing,
    KeysInvalid,
    /// Not exactly one name, or one where none belongs.
    CertificateName,
    LifetimeInvalid,
    /// Refresh tokens by policy for a client that cannot use them.
    RefreshMissing,
    /// The identifier of a resource (RFC 8707 §2).
    IdentifierInvalid,
    IdentifierTaken,
    /// A type of authorization details that is not declared as it must be.
    DetailsInvalid,
    DetailsTaken,
    /// How many clients an initial access token lets in.
    UsesInvalid,
    /// For how long it is good.
    HoursInvalid,
    /// A scope that OpenID Connect defines.
    ScopeReserved,
    /// Words in another language for a scope that is not there, or in no language.
    ScopeTranslation,
    /// An encrypted token that nobody could read.
    RecipientMissing,
    /// A client that proves who it is by a secret keeps one.
    LastSecret,
    /// Something else was saved after the form was opened.
    ChangedMeanwhile,
    /// Pairwise subjects with addresses on several hosts.
    SectorMissing,
    /// The document of a sector is not there, or lacks an address.
    SectorInvalid,
    /// A page that the browser loads at sign-out is of another origin than the app.
    FrontChannelOrigin,
    SlugInvalid,
    SlugTaken,
    /// An address that one kind of provider needs and the other does not.
    EndpointMisplaced,
    /// New accounts without an email address that is trusted.
    SignUpUntrusted,
    /// Nothing to encrypt to.
    EncryptionKeysMissing,
    /// A code of a device that is not right, or no longer.
    UserCodeWrong,
    /// With the minutes to wait after too many wrong codes.
    TooManyCodes(u32),
}

impl Problem {
    /// The sentence for the person at the form.
    pub fn words(self, text: Text) -> String {
        let plain = match self {
            Self::PasswordTooShort(minimum) => {
                return text.with("problem-password-short", &[("minimum", &minimum.to_string())]);
            }
            Self::TooManyAttempts(seconds) => {
                return text.with("problem-slow-down", &[("seconds", &seconds.to_string())]);
            }
            Self::TooManyCodes(minutes) => {
                return text.with("problem-too-many-codes", &[("minutes", &minutes.to_string())]);
            }
            Self::PrivateClaim(line) => return at_line(text, "problem-private-claim", line),
            Self::AddressInvalid(line) => return at_line(text, "problem-address-invalid", line),
            Self::AddressInsecure(line) => return at_line(text, "problem-address-insecure", line),
            Self::AddressFragment(line) => return at_line(text, "problem-address-fragment", line),
            Self::AddressWildcard(line) => return at_line(text, "problem-address-wildcard", line),
            Self::AddressScheme(line) => return at_line(text, "problem-address-scheme", line),
            Self::Missing => "problem-missing",
            Self::TooLong => "problem-too-long",
            Self::BadCharacter => "problem-bad-character",
            Self::EmailInvalid => "problem-email-invalid",
            Self::EmailTaken => "problem-email-taken",
            Self::UsernameInvalid => "problem-username-invalid",
            Self::UsernameTaken => "problem-username-taken",
            Self::PasswordWrong => "problem-password-wrong",
            Self::PasswordTooLong => "problem-password-long",
            Self::PasswordsDiffer => "problem-passwords-differ",
            Self::PasswordSame => "problem-password-same",
            Self::PasswordCommon => "problem-password-common",
            Self::ReasonMissing => "problem-reason-missing",
            Self::AddressMissing => "problem-address-missing",
            Self::ScopeInvalid => "problem-scope-invalid",
            Self::ScopeOfPeople => "problem-scope-people",
            Self::ListInvalid => "problem-list-invalid",
            Self::LastAdmin => "problem-last-admin",
            Self::DateInvalid => "problem-date-invalid",
            other => other.more(),
        };
        text.t(plain).into_owned()
    }

    /// The keys of what is about clients, and of what has no field of its own.
    const fn more(self) -> &'static str {
        match self {
            Self::Invalid => "problem-invalid",
            Self::NameInvalid => "problem-name-invalid",
            Self::ClaimInvalid => "problem-claim-invalid",
            Self::ReasonInvalid => "problem-reason-invalid",
            Self::Yourself => "problem-yourself",
            Self::TooMany => "problem-too-many",
            Self::ClientIdInvalid => "problem-client-id-invalid",
            Self::ClientIdTaken => "problem-client-id-taken",
            Self::LinkInvalid => "problem-link-invalid",
            Self::GrantMissing => "problem-grant-missing",
            Self::GrantRefresh => "problem-grant-refresh",
            Self::GrantPublic => "problem-grant-public",
            Self::AttributesInvalid => "problem-attributes",
            Self::IssuerOwn => "problem-issuer-own",
            Self::IssuerTaken => "problem-issuer-taken",
            Self::IssuerKeys => "problem-issuer-keys",
            Self::IssuerUser => "problem-issuer-user",
            Self::ExchangeNobody => "problem-exchange-nobody",
            Self::ExchangeDepth => "problem-exchange-depth",
            Self::OfflineScope => "problem-offline-scope",
            Self::PublicPkce => "problem-public-pkce",
            Self::ResponseInvalid => "problem-response-invalid",
            Self::KeysTwice => "problem-keys-twice",
            Self::KeysMissing => "problem-keys-missing",
            Self::RequestKeysMissing => "problem-request-keys-missing",
            Self::EncWithoutAlg => "problem-enc-without-alg",
            Self::ProfileForbids => "problem-profile",
            Self::ResponseKeysMissing => "problem-response-keys-missing",
            Self::KeysInvalid => "problem-keys-invalid",
            Self::CertificateName => "problem-certificate-name",
            Self::LifetimeInvalid => "problem-lifetime-invalid",
            Self::RefreshMissing => "problem-refresh-missing",
            Self::LastSecret => "problem-last-secret",
            Self::ChangedMeanwhile => "problem-changed-meanwhile",
            Self::IdentifierInvalid => "problem-identifier-invalid",
            Self::IdentifierTaken => "problem-identifier-taken",
            Self::DetailsInvalid => "problem-details-invalid",
            Self::DetailsTaken => "problem-details-taken",
            Self::UsesInvalid => "problem-uses-invalid",
            Self::HoursInvalid => "problem-hours-invalid",
            Self::ScopeReserved => "problem-scope-reserved",
            Self::ScopeTranslation => "problem-scope-translation",
            Self::RecipientMissing => "problem-recipient-missing",
            Self::SectorMissing => "problem-sector-missing",
            Self::SectorInvalid => "problem-sector-invalid",
            Self::FrontChannelOrigin => "problem-front-channel-origin",
            Self::SlugInvalid => "problem-slug-invalid",
            Self::SlugTaken => "problem-slug-taken",
            Self::EndpointMisplaced => "problem-endpoint",
            Self::SignUpUntrusted => "problem-upstream-sign-up",
            Self::EncryptionKeysMissing => "problem-encryption-keys",
            Self::UserCodeWrong => "problem-user-code",
            _ => "problem-choice-invalid",
        }
    }
}

fn at_line(text: Text, key: &str, line: usize) -> String {
    text.with(key, &[("line", &line.to_string())])
}
