//! Checks access tokens where they are spent: in a resource server (RFC 9068 §4, RFC 6750, RFC 9449
//! §7).
//!
//! ```ignore
//! let verifier = Verifier::builder("https://id.example.com")
//!     .audience("https://orders.example.com")
//!     .redis("redis://cache.internal")
//!     .revocation_feed()
//!     .build()
//!     .await?;
//! App::new().app_data(web::Data::new(verifier))     // then a handler may name an `AccessToken`
//! ```
//!
//! A token is checked in memory: with the issuer's public keys, which are fetched when the verifier
//! is built and then in the background, and against the live [revocation list](RevocationSource).
//! The one wait there can be is for a key that is not known yet, at most once in 30 seconds.
//!
//! This module uses `protocol` and `jose` and nothing else of the crate, so a service gets it with
//! the cargo feature `verifier` (`actix` for the extractor) and without the database and the pages.

mod access_token;
mod authentication;
mod builder;
mod counters;
#[cfg(all(test, feature = "actix"))]
mod documented;
mod error;
#[cfg(feature = "actix")]
mod extractor;
mod feed;
mod fetch;
#[cfg(feature = "actix")]
pub mod forward_auth;
mod introspect;
mod keys;
mod local_list;
mod needs;
#[cfg(feature = "actix")]
mod protect;
mod pulse;
mod redis_list;
mod revocations;
mod seen;
mod sender;
mod snapshot;
#[cfg(test)]
mod testing;
mod used_proofs;
mod verify;

pub use crate::jose::{Certificate, DecryptionKey, JwkSet, KeyManagement, SigningAlgorithm};
pub use crate::protocol::revocation::TokenFacts;
pub use crate::protocol::time::{Clock, Lifetime, SystemClock};
pub use access_token::AccessToken;
pub use authentication::RequiredAuthentication;
pub use builder::{MAX_LEEWAY_SECONDS, VerifierBuilder};
pub use error::{SetupError, VerifyError};
#[cfg(feature = "actix")]
pub use extractor::{Refusal, sent_token};
pub use local_list::{LocalList, Position};
pub use needs::Needs;
#[cfg(feature = "actix")]
pub use protect::Protect;
pub use redis_list::RedisList;
pub use revocations::{RevocationSource, Stale, StalenessPolicy};
pub use sender::{Scheme, Sent};
pub use verify::Verifier;
