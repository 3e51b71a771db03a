//! Why an account was not made or changed.

use crate::domain::form::{FieldProblem, sentences};
use crate::storage::StorageError;

/// Why an account was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Fields that are not as they must be.
    #[error("{}", sentences(.0))]
    Invalid(Vec<FieldProblem>),
    /// Somebody has this email or user name.
    #[error("{0}: another account has this one")]
    Taken(&'static str),
    #[error("there is no such user")]
    NotFound,
    /// Nobody could administer Countersign any more.
    #[error("this is the last administrator who can sign in; make another one first")]
    LastAdmin,
    /// Administrators do not lock themselves out.
    #[error("administrators cannot block, delete or demote themselves")]
    Yourself,
    /// The set-up link was used, is older than 30 minutes, or was never ours.
    #[error("this set-up link is not valid, or no longer")]
    SetupClosed,
    /// What was proved is not worth anything any more.
    #[error("the account was changed meanwhile")]
    Overtaken,
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    #[error(transparent)]
    Storage(StorageError),
}

impl AccountError {
    /// Nothing when there are no problems, else all of them.
    pub(super) fn check(problems: Vec<FieldProblem>) -> Result<(), Self> {
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Self::Invalid(problems)),
        }
    }

    /// The fields that are wrong, for a form to show.
    pub fn problems(&self) -> Vec<FieldProblem> {
        match self {
            Self::Invalid(problems) => problems.clone(),
            Self::Taken(field) => {
                let says = "another account has this one";
                vec![FieldProblem::new(field, "error-name-taken", says)]
            }
            _ => Vec::new(),
        }
    }

    /// The name of the text on pages.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Invalid(problems) => problems.first().map_or("error-invalid", |first| first.key),
            Self::Taken(_) => "error-name-taken",
            Self::NotFound => "error-user-not-found",
            Self::LastAdmin => "error-last-admin",
            Self::Yourself => "error-yourself",
            Self::SetupClosed => "error-setup-closed",
            Self::Overtaken | Self::Hash(_) | Self::Storage(_) => "error-server",
        }
    }
}

impl From<StorageError> for AccountError {
    /// A conflict here is one of login names: ids are random, and nothing else is unique.
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict => Self::Taken("email"),
            other => Self::Storage(other),
        }
    }
}
