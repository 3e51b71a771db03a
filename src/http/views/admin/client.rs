//! Clients, as administrators see them.

use super::super::choice::Choice;
use super::super::snippet::Snippet;
use super::super::{Badge, Errors};
use super::client_proof::ProofForm;
use super::client_requests::RequestForm;
use crate::http::page::Page;
use crate::http::text::Text;
use askama::Template;

/// What sort of app a client is. It decides what the wizard asks, and the policy it starts with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientKind {
    /// Keeps a secret on a server.
    #[default]
    Web,
    /// Runs in the browser.
    SinglePage,
    /// Is installed on a device (RFC 8252).
    Native,
    /// Acts for itself (RFC 6749 §4.4).
    Machine,
}

impl ClientKind {
    /// Every kind, in the order of the wizard.
    pub const ALL: [Self; 4] = [Self::Web, Self::SinglePage, Self::Native, Self::Machine];

    /// From the parameter `type`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The value of the parameter `type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::SinglePage => "spa",
            Self::Native => "native",
            Self::Machine => "machine",
        }
    }

    /// Whether the app can keep a secret (RFC 6749 §2.1).
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::Web | Self::Machine)
    }

    /// Whether people sign in to it.
    pub const fn has_people(self) -> bool {
        !matches!(self, Self::Machine)
    }

    /// The kind in words.
    pub fn words(self, text: Text) -> String {
        text.t(self.keys().0).into_owned()
    }

    /// One sentence on what belongs here.
    pub fn sentence(self, text: Text) -> String {
        text.t(self.keys().1).into_owned()
    }

    const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Web => ("kind-web", "kind-web-text"),
            Self::SinglePage => ("kind-spa", "kind-spa-text"),
            Self::Native => ("kind-native", "kind-native-text"),
            Self::Machine => ("kind-machine", "kind-machine-text"),
        }
    }
}

/// `GET /admin/clients`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/clients.html")]
pub struct Clients {
    pub page: Page,
    pub rows: Vec<ClientRow>,
    /// The address of the first page, when this is another.
    pub first: Option<String>,
    /// The address of the next page.
    pub next: Option<String>,
}

/// A client in the list.
#[derive(Debug, Clone)]
pub struct ClientRow {
    pub name: String,
    pub href: String,
    pub id: String,
    /// The kind in words.
    pub kind: String,
    pub status: Badge,
    pub last_used: Option<String>,
    /// The age of the newest secret; none for a public client.
    pub secret_age: Option<String>,
}

/// Step 1 of the wizard, `GET /admin/clients/new`: links to `?type=`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/client_type.html")]
pub struct NewClient {
    pub page: Page,
}

/// Step 2, `GET /admin/clients/new?type=`. Posts to `/admin/clients`: `type`, `once`, `name`,
/// `redirect_uris`, `post_logout_redirect_uris`, `scope`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/client_new.html")]
pub struct ClientForm {
    pub page: Page,
    pub kind: ClientKind,
    pub errors: Errors,
    /// The mark of the form, which becomes the `client_id`.
    pub once: String,
    pub name: String,
    /// As typed: one address a line.
    pub redirect_uris: String,
    pub post_logout_redirect_uris: String,
    pub scope: String,
}

/// Step 3: what was made. The secret is on this page once.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/client_created.html")]
pub struct ClientCreated {
    pub page: Page,
    pub name: String,
    pub client_id: String,
    pub secret: Option<String>,
    pub snippets: Vec<Snippet>,
    /// The client's own page.
    pub href: String,
    /// Where a sign-in can be tried.
    pub test_url: Option<String>,
}

/// `GET /admin/clients/{id}`. One form, posted to the same address: `name`, `redirect_uris`,
/// `post_logout_redirect_uris`, `scope`, `grant_types` once for each, `authorization_details_types`,
/// `allowed_resources`, `resource_server_of`, `require_pkce`, `skip_consent`, `access_token_format`,
/// `id_token_alg`, [`ProofForm`] and [`RequestForm`]. The rest are links to confirm pages:
/// `/rotate-secret`, `/disable`, `/enable`, `/delete`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "admin/client.html")]
pub struct ClientPage {
    pub page: Page,
    pub errors: Errors,
    /// `/admin/clients/{id}`.
    pub base: String,
    pub name: String,
    pub client_id: String,
    /// The kind in words.
    pub kind: String,
    pub status: Badge,
    pub disabled: bool,
    /// The secret that was just made, shown once.
    pub new_secret: Option<String>,
    pub redirect_uris: String,
    pub post_logout_redirect_uris: String,
    pub scope: String,
    pub grant_types: Vec<Choice>,
    /// One a line.
    pub authorization_details_types: String,
    /// Identifiers of resources, one a line.
    pub allowed_resources: String,
    pub resource_server_of: String,
    pub require_pkce: bool,
    pub skip_consent: bool,
    pub access_token_formats: Vec<Choice>,
    pub id_token_algs: Vec<Choice>,
    pub requests: RequestForm,
    pub proof: ProofForm,
    /// A mark of what is stored of all this.
    pub version: String,
    /// Whether the client has secrets at all.
    pub has_secret: bool,
    pub secrets: Vec<SecretRow>,
    /// What the client was told of late, and whether it heard.
    pub messages: Vec<MessageRow>,
    pub snippets: Vec<Snippet>,
    /// Where a sign-in can be tried.
    pub test_url: Option<String>,
    /// Where the app starts a sign-in when others send people there.
    pub start_url: Option<String>,
}

/// A message to the client: the end of a session, for one.
#[derive(Debug, Clone)]
pub struct MessageRow {
    pub kind: String,
    pub made: String,
    pub status: Badge,
    pub attempts: String,
    /// When it is tried again; empty when it is not.
    pub next: String,
    /// What came of the last attempt, when it did not arrive.
    pub problem: String,
}

/// A secret, of which only the hash is kept.
#[derive(Debug, Clone)]
pub struct SecretRow {
    pub created: String,
    pub expires: Option<String>,
    /// Where it is retired; none for the only one.
    pub retire_url: Option<String>,
}
