//! The endpoints and pages.

pub mod edge;
mod state;

pub use state::State;
