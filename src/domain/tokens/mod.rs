//! Tokens: the only place where they are made ([`issue`]), and what is done with them later.

pub mod access_token;
pub mod admission;
pub mod front_channel;
pub mod id_token;
pub mod introspection;
pub mod issue;
pub mod presented;
pub mod revoke;
pub mod status;
pub mod userinfo;

pub use issue::{Issued, TokenResponse, issue};
