//! How the requests of a client are protected, as a form.

use super::super::choice::Choice;

/// The part of a client's page about its requests. Its fields have the names of the members they are for.
#[derive(Debug, Clone, Default)]
pub struct RequestForm {
    pub profiles: Vec<Choice>,
    pub require_pushed: bool,
    pub require_signed: bool,
    pub signing_algs: Vec<Choice>,
    pub encryption_algs: Vec<Choice>,
    pub encryption_encs: Vec<Choice>,
    /// As typed: one address a line.
    pub request_uris: String,
    pub response_signing_algs: Vec<Choice>,
    pub response_encryption_algs: Vec<Choice>,
    pub response_encryption_encs: Vec<Choice>,
}
