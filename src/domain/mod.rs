//! What the provider does, without HTTP: clients, sign-in, authorization, tokens, revocation.
//!
//! Everything a service needs is in [`Provider`]; a service is a file of functions that take it.

pub mod admin;
pub mod audit;
pub mod audit_chain;
pub mod authorize;
pub mod clients;
pub mod clock;
pub mod consent;
pub mod deferred;
pub mod digest;
mod fault;
pub mod federation;
pub mod form;
pub mod grants;
pub mod ground;
pub mod housekeeping;
pub mod identity;
pub mod issuers;
pub mod keys;
pub mod logout;
pub mod metadata;
pub mod mtls;
pub mod once;
pub mod outbound;
pub mod outbox;
pub mod private_claims;
mod provider;
pub mod registration;
pub mod resources;
pub mod revocation;
pub mod sender;
pub mod setup;
pub mod subject;
pub mod tokens;

pub use provider::{Parts, Provider, StartError};
