//! Forms that undo nothing that somebody else saved after they were opened.
//!
//! A form carries a mark of what it was made from. When what is stored has another one, nothing is
//! saved, and whoever typed sees what was typed and that it would take the place of something newer.

use super::guard::{Admin, Posted};
use crate::domain::digest::digest;
use crate::http::page::Nav;
use crate::http::views::Errors;
use crate::http::views::problem::Problem;
use serde::Serialize;

/// The hidden field with the mark.
const FIELD: &str = "version";

/// The mark of what a form shows.
pub fn of(shown: &impl Serialize) -> String {
    digest(&serde_json::to_string(shown).unwrap_or_default())
}

/// Adds an error at the button of a form that was made from something else than what is stored now. One
/// without a mark asks for no more than it says.
pub fn check(admin: &Admin, posted: &Posted, stored: &str, button: &str, errors: &mut Errors) {
    if posted.optional(FIELD).is_some_and(|seen| seen != stored) {
        changed(admin, button, errors);
    }
}

/// Adds the error.
pub fn changed(admin: &Admin, button: &str, errors: &mut Errors) {
    errors.add(button, admin.page(Nav::None).text, Problem::ChangedMeanwhile);
}
