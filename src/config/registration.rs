//! Clients that register themselves (RFC 7591, OpenID Connect Dynamic Registration).

use crate::protocol::client::GrantType;
use crate::protocol::scope::Scope;
use crate::protocol::time::Lifetime;
use serde::{Deserialize, Serialize};

/// Who may register a client, and how far that goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrationConfig {
    /// Whether clients may register themselves.
    pub mode: RegistrationMode,
    /// The most that such clients may ask for.
    pub scope: Scope,
    /// The grants that they may use; `implicit` also needs `features.legacy_response_types`.
    pub grant_types: Vec<GrantType>,
    /// How many clients one address may register in an hour, at each instance.
    pub per_hour: u32,
    /// How many clients may wait for their first use.
    pub max_unused: u32,
    /// A client that was not used by then is removed.
    pub unused_lifetime: Lifetime,
    /// Who may sign software statements: the issuer, `=`, and where its keys are: an https address
    /// or a file with a JWK Set.
    pub software_publishers: Vec<String>,
    /// The hosts whose documents are taken for clients: a name, `*.` and a name for every host
    /// below it, or `*`. Empty: none are.
    pub document_hosts: Vec<String>,
    /// Whether every registration needs a software statement.
    pub require_software_statement: bool,
}

/// Whether clients may register themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Nobody.
    Off,
    /// Who brings an initial access token.
    Token,
    /// Anybody, within limits.
    Open,
}

impl RegistrationConfig {
    /// Whether there is a registration endpoint.
    pub fn is_on(&self) -> bool {
        self.mode != RegistrationMode::Off
    }
}

impl Default for RegistrationConfig {
    fn default() -> Self {
        let scope = "openid profile email address phone offline_access";
        Self {
            mode: RegistrationMode::Off,
            scope: scope.parse().expect("these are scope tokens"),
            grant_types: vec![
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::Implicit,
            ],
            per_hour: 600,
            max_unused: 10_000,
            unused_lifetime: Lifetime::hours(24),
            software_publishers: Vec::new(),
            document_hosts: Vec::new(),
            require_software_statement: false,
        }
    }
}
