//! First administrator.
