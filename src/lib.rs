//! Countersign: an OAuth 2 / OpenID Connect provider whose blocks reach every service.
//!
//! Floors, lowest first; a module uses only the floors below it (`tests/tidy.rs` checks that):
//!
//! 1. [`protocol`]: the words of the RFCs, pure.
//! 2. [`jose`]: signing, encryption and the strict gate. `storage`: the database. [`redis_link`]: the
//!    way to Redis.
//! 3. `domain`: what the provider does. [`verifier`]: what a resource server does.
//! 4. `http`: the endpoints and pages. `server`, `cli` and `demo` compose them.

// The demo is made of the examples, and they name this crate as every other program does.
extern crate self as countersign;

#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod demo;
#[cfg(feature = "server")]
pub mod domain;
#[cfg(feature = "server")]
pub mod failpoint;
#[cfg(feature = "server")]
pub mod http;
pub mod jose;
pub mod protocol;
#[cfg(feature = "verifier")]
pub mod redis_link;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod storage;
#[cfg(feature = "verifier")]
pub mod verifier;
