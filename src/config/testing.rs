//! Doors for test suites. A server that people use keeps them shut.

use serde::{Deserialize, Serialize};

/// What a test suite may do in the place of people.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TestingConfig {
    /// Who shows it decides what clients ask of people who are elsewhere, at `POST /testing/ciba`;
    /// at least 32 characters. Absent: there is no such address.
    pub ciba_secret: Option<String>,
}
