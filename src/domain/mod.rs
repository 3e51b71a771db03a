//! What the provider does.
pub mod revocation;
