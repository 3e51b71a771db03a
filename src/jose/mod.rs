//! Signing, encryption, and the strict gate before josekit.
//!
//! Everything that a stranger sends passes [`gate`] (signed) or [`DecryptionKey::decrypt`]
//! (encrypted) before josekit sees it, and claims are read only through [`Claims`]: josekit alone
//! takes cut GCM tags, ignores `crit`, inflates without limit and panics on large times.
//!
//! ```text
//! outbound   claims ─ SigningKey::sign ─ compact JWS ─ EncryptionKey::encrypt_jwt ─ nested JWE
//! inbound    token ─ gate ─ Unverified ─ verify(VerifyingKey) ─ Claims ─ TimeCheck
//!            token ─ DecryptionKey::decrypt ─ Decrypted::jwt ─ gate ─ …
//! ```
//!
//! Keys are objects that are built once and kept; building one costs many times what using it does.

pub mod algorithm;
pub mod assertion;
pub mod certificate;
mod certificate_header;
pub mod claims;
mod compact;
pub mod decrypt;
pub mod dpop;
mod dpop_nonce;
pub mod encrypt;
pub mod error;
mod hash;
mod hmac;
mod json;
pub mod jwk;
pub mod jwk_set;
mod oaep;
mod private_der;
pub mod seal;
pub mod signing_key;
#[cfg(test)]
mod testing;
pub mod time_check;
pub mod typ;
pub mod verify;

pub use algorithm::{ContentEncryption, KeyManagement, SigningAlgorithm};
pub use certificate::{Certificate, TrustAnchors};
pub use claims::Claims;
pub use compact::MAX_TOKEN_BYTES;
pub use decrypt::{Decrypted, DecryptionKey};
pub use dpop_nonce::DpopNonces;
pub use encrypt::EncryptionKey;
pub use error::JoseError;
pub use hash::left_half_hash;
pub use jwk::PublicJwk;
pub use jwk_set::JwkSet;
pub use private_der::PrivateDer;
pub use seal::{Sealer, SealingKey};
pub use signing_key::SigningKey;
pub use time_check::TimeCheck;
pub use typ::Typ;
pub use verify::{Expected, Unverified, VerifyingKey, gate};
