//! What can be wrong with a token or a key.

/// Why a token or a key was not taken.
///
/// The texts name the rule and never hold a piece of the token, so they may be logged and shown to
/// the developer of the client that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// Not a token at all: parts, base64url or JSON.
    #[error("not a well-formed token")]
    Malformed,
    /// A token, but not one that is accepted here.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// The signature is not of this key over this token.
    #[error("the signature does not verify")]
    BadSignature,
    /// Anything at all that went wrong with an encrypted token: one error, so that nobody learns
    /// from it (RFC 7516 §11.5).
    #[error("the token cannot be decrypted")]
    Undecryptable,
    /// A claim is missing or has a value of the wrong kind.
    #[error("claim {name} {problem}")]
    Claim {
        /// The name of the claim.
        name: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The key is not one that is accepted here.
    #[error("key: {0}")]
    Key(&'static str),
    /// Signing or encrypting failed: a fault of ours.
    #[error("cryptography failed: {0}")]
    Crypto(&'static str),
}
