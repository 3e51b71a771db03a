//! The endpoints and pages.

pub mod page;
pub mod text;
pub mod views;
