//! Why a client was not registered or changed.

use crate::domain::form::{FieldProblem, sentences};
use crate::storage::StorageError;

/// Why a client was not registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Members that are not as they must be.
    #[error("{}", sentences(.0))]
    Invalid(Vec<FieldProblem>),
    /// The `client_id` is a client's or a user's.
    #[error("client_id: this one is taken")]
    Taken,
    #[error("there is no such client")]
    NotFound,
    /// Somebody saved something else after the client was read.
    #[error("the client was changed meanwhile")]
    Changed,
    #[error("this client has no secret: it proves who it is in another way, or not at all")]
    NoSecret,
    #[error("this is the only secret of the client; make a new one first")]
    LastSecret,
    #[error("there is no such secret")]
    SecretNotFound,
    #[error("client_secret_jwt needs the master key, and it cannot be opened here")]
    NoMasterKey,
    #[error(transparent)]
    Storage(StorageError),
}

impl ClientError {
    /// The members that are wrong, for a form to show.
    pub fn problems(&self) -> Vec<FieldProblem> {
        match self {
            Self::Invalid(problems) => problems.clone(),
            Self::Taken => vec![FieldProblem::new("client_id", self.key(), "this one is taken")],
            _ => Vec::new(),
        }
    }

    /// The name of the text on pages.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Invalid(problems) => problems.first().map_or("error-invalid", |first| first.key),
            Self::Taken => "error-client-id-taken",
            Self::NotFound => "error-client-not-found",
            Self::Changed => "error-client-changed",
            Self::NoSecret => "error-client-no-secret",
            Self::LastSecret => "error-client-last-secret",
            Self::SecretNotFound => "error-client-secret-not-found",
            Self::NoMasterKey | Self::Storage(_) => "error-server",
        }
    }
}

impl From<StorageError> for ClientError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict => Self::Taken,
            other => Self::Storage(other),
        }
    }
}
