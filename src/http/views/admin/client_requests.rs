//! How the requests of a client are protected, as a form.

/// The third form of a client's page, posted to `{base}/requests`.
#[derive(Debug, Clone, Default)]
pub struct RequestForm {
    pub require_pushed: bool,
}
