//! The pages of administrators.

mod client;
mod client_proof;
mod client_requests;
mod dashboard;
mod issuer;
mod preview;
mod registration;
mod resource;
mod settings;
mod upstream;
mod users;

pub use client::{
    ClientCreated, ClientForm, ClientKind, ClientPage, ClientRow, Clients, MessageRow, NewClient,
    SecretRow,
};
pub use client_proof::{CertificateName, ProofForm};
pub use client_requests::RequestForm;
pub use dashboard::{Audit, AuditFilter, AuditRow, Dashboard, Day, KeyRow, Keys, Tile};
pub use issuer::{IssuerPage, IssuerRow, Issuers};
pub use preview::{PreviewPage, SampleView};
pub use registration::{Registration, TokenRow};
pub use resource::{NewResource, ResourcePage, ResourceRow, Resources};
pub use settings::{ClientSettings, Control, SettingField, SettingSection};
pub use upstream::{UpstreamPage, UpstreamRow, Upstreams};
pub use users::{AppRow, NewUser, SessionRow, SetPassword, UserPage, UserRow, Users};

use super::{Badge, Tone};
use crate::http::text::Text;

impl Badge {
    /// The state of a signing key: `next`, `active`, `retiring`, `retired`.
    pub fn key(text: Text, state: &str) -> Self {
        match state {
            "next" => Self::new(Tone::Info, text.t("key-next")),
            "active" => Self::new(Tone::Good, text.t("key-active")),
            "retiring" => Self::new(Tone::Warning, text.t("key-retiring")),
            "retired" => Self::new(Tone::Plain, text.t("key-retired")),
            other => Self::new(Tone::Plain, other),
        }
    }

    /// The result of an audit entry.
    pub fn result(text: Text, result: &str) -> Self {
        match result {
            "ok" => Self::new(Tone::Good, text.t("result-ok")),
            "denied" => Self::new(Tone::Bad, text.t("result-denied")),
            "failed" => Self::new(Tone::Bad, text.t("result-failed")),
            other => Self::new(Tone::Bad, other),
        }
    }
}

macro_rules! respond_ok {
    ($($view:ident),+) => {$(
        impl $view {
            /// The page with its headers.
            pub fn respond(&self) -> actix_web::HttpResponse {
                crate::http::page::respond(actix_web::http::StatusCode::OK, self)
            }
        }
    )+};
}

respond_ok!(
    Dashboard,
    Users,
    Clients,
    NewClient,
    ClientCreated,
    Keys,
    Audit,
    Resources,
    Issuers,
    PreviewPage,
    Upstreams
);

macro_rules! respond_form {
    ($($view:ident),+) => {$(
        impl $view {
            /// The page with its headers; 422 when something is wrong with a form.
            pub fn respond(&self) -> actix_web::HttpResponse {
                crate::http::page::respond(self.errors.status(), self)
            }
        }
    )+};
}

respond_form!(
    NewUser,
    SetPassword,
    UserPage,
    ClientForm,
    ClientPage,
    ClientSettings,
    NewResource,
    ResourcePage,
    IssuerPage,
    UpstreamPage
);
respond_form!(Registration);
