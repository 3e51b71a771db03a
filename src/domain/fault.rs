//! How a fault of the floors below reads to a client: as ours, not theirs.

use crate::jose::JoseError;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::storage::StorageError;

impl From<StorageError> for OAuthError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) => Self::unavailable(error),
            StorageError::Refused => Self::new(ErrorCode::AccessDenied, error.to_string()),
            other => Self::server_error(other),
        }
    }
}

/// A signature of ours that failed; what strangers send is judged where it comes in.
pub fn signing(error: JoseError) -> OAuthError {
    OAuthError::server_error(error)
}
