//! Why a token is refused, and why a verifier cannot be made.

use super::authentication::RequiredAuthentication;
use crate::jose::JoseError;

/// Why a request with a token is refused.
///
/// The texts name the rule and hold nothing of the token, so they go to the client's developer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No token was sent.
    #[error("an access token is needed")]
    Missing,
    /// Not one clear request (RFC 6750 §3.1 `invalid_request`).
    #[error("{0}")]
    BadRequest(&'static str),
    /// Not a token that the issuer made for this place, or one that expired.
    #[error("{0}")]
    Invalid(JoseError),
    /// Signed with a key that the issuer does not publish.
    #[error("the token is signed with a key that the issuer does not publish")]
    UnknownKey,
    /// Bound to a key (RFC 7800 §3.1) whose possession nobody checked.
    #[error("the token is bound to a key that its sender did not show")]
    Bound,
    /// The DPoP proof is missing, used, or not for this request (RFC 9449 §4.3).
    #[error("the DPoP proof: {0}")]
    Proof(JoseError),
    /// The DPoP proof has no nonce of this service, or none that is still good (RFC 9449 §9).
    #[error("put the DPoP-Nonce of this answer in the proof")]
    NonceNeeded {
        /// The nonce to use.
        nonce: String,
    },
    /// Bound to another key or certificate than the sender showed.
    #[error("the token is bound to another key")]
    OtherKey,
    /// Sent by DPoP, which says that it is bound to a key.
    #[error("the token is not bound to a key")]
    NotBound,
    /// The issuer says that it is not, or no longer, good (RFC 7662 §2.2).
    #[error("the token is not active")]
    Inactive,
    /// It is for another service than the one that was asked for.
    #[error("the token is for another service")]
    OtherAudience,
    /// Taken back before it expired.
    #[error("the token was revoked")]
    Revoked,
    /// The token is good and does not reach this far.
    #[error("the token lacks a scope")]
    InsufficientScope {
        /// The scope that is needed.
        scope: String,
    },
    /// The token is good, and the sign-in behind it is not what this place asks for (RFC 9470 §3).
    #[error("a different level of authentication is needed")]
    InsufficientAuthentication(RequiredAuthentication),
    /// The token is good, and who it names has none of the roles or groups that are needed.
    #[error("this is not for everybody")]
    NotAllowed,
    /// Whether the token was revoked is not known, and this place wants to know.
    #[error("the revocation list is out of date")]
    Stale,
    /// More DPoP proofs come, of one key or of all, than can be remembered.
    #[error("too many requests at once")]
    Busy,
    /// The keys of the issuer have not been fetched yet.
    #[error("the keys of the issuer are not known yet")]
    NoKeys,
    /// Only the issuer knows what the token is, and it does not answer.
    #[error("the issuer cannot be asked about the token")]
    Unanswered,
    /// A fault of the service: no verifier is registered with its application.
    #[error("the service cannot check tokens")]
    NotConfigured,
}

impl From<JoseError> for VerifyError {
    fn from(error: JoseError) -> Self {
        Self::Invalid(error)
    }
}

/// Why a verifier cannot be made, or its keys not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The issuer is no URL, or not https and not on this machine.
    #[error("the issuer must be https, or http on a loopback host")]
    Issuer,
    /// Nobody said what the tokens must be for (RFC 9068 §4).
    #[error("an audience is needed")]
    Audience,
    /// Access tokens are signed with asymmetric keys (RFC 9068 §2.1).
    #[error("at least one algorithm is needed, and none with a shared secret")]
    Algorithms,
    /// RFC 7518 §3.2.
    #[error("a shared secret has 32 bytes at least, and stands without public keys")]
    Secret,
    /// The `htu` of a proof holds an address, so the service must know its own.
    #[error("an origin has a scheme, a host and perhaps a port, and nothing else")]
    Origin,
    /// It stands in a header, between quotation marks.
    #[error("the address of the resource metadata is not a URI")]
    ResourceMetadata,
    /// A proof that nobody remembers is not accepted, so none would be.
    #[error("there must be room for one DPoP proof at least")]
    RememberedProofs,
    #[error("clocks may be at most 60 seconds apart")]
    Leeway,
    #[error("the trust anchor is not a certificate in PEM")]
    TrustAnchor,
    #[error("the url of the Redis server cannot be read")]
    RedisUrl,
    #[error("the issuer cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the issuer answered with status {0}")]
    Status(u16),
    /// It is busy, or was asked too much from here (RFC 9110 §10.2.3).
    #[error("the issuer answered with status {status}: come back in {seconds} seconds")]
    Later {
        status: u16,
        /// How long it asks to wait.
        seconds: u64,
    },
    #[error("the answer of the issuer is too long")]
    TooLong,
    #[error("the discovery document of the issuer cannot be read")]
    Discovery,
    /// OpenID Connect Discovery §4.3.
    #[error("the discovery document names another issuer")]
    OtherIssuer,
    #[error("the issuer publishes no key for the allowed algorithms")]
    NoKeys,
    #[error("the keys of the issuer cannot be read")]
    Keys(#[source] JoseError),
    #[error("the answer about a token: {0}")]
    Introspection(JoseError),
    #[error("the feed of revocations: {0}")]
    Feed(JoseError),
    #[error("what was kept on disk cannot be read or written")]
    Snapshot(#[source] std::io::Error),
}
