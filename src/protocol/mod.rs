//! The words of the RFCs as types: pure, without I/O.

pub mod error;
pub mod pkce;
pub mod random;
pub mod scope;
pub mod time;
