//! The endpoints and pages.
