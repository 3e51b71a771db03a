//! What tests stand on: servers and browsers of their own, which end with the test process.
//!
//! `tests/it` has this as its module; `tests/attacks` takes it in by path.

// Each test crate uses its own part of this.
#![allow(dead_code, unused_imports, unused_macros)]

pub mod agent;
pub mod browser;
pub mod certificates;
pub mod ciba;
pub mod cluster;
pub mod command;
pub mod crypto;
pub mod device;
pub mod dpop;
pub mod fapi;
pub mod form;
pub mod inbox;
pub mod landscape;
pub mod nginx;
pub mod people;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod raw;
pub mod redis;
pub mod registration;
pub mod reply;
pub mod requests;
pub mod rounds;
pub mod sidecar;
pub mod site;
pub mod stub;
pub mod test_server;
pub mod tls_site;
pub mod vouching;
pub mod web_app;

pub use agent::{Agent, Answer, Page, Place};
pub use inbox::Inbox;
pub use reply::{Reply, Tokens};
pub use rounds::rounds;
pub use site::Site;
pub use test_server::{Store, TestServer};
pub use web_app::{Code, VERIFIER, WebApp, challenge};

/// Makes a test of each function, on each database: `name::on_sqlite` and `name::on_postgres`.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($server:ident: TestServer) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn rule($server: TestServer) $body

            #[tokio::test]
            async fn on_sqlite() {
                rule(TestServer::start_on(crate::support::Store::Sqlite).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                rule(TestServer::start_on(crate::support::Store::Postgres).await).await;
            }
        }
    )+};
}
pub(crate) use both;

/// As [`both`], on servers whose settings `$change` makes.
macro_rules! both_with {
    ($change:expr; $($(#[$meta:meta])* async fn $name:ident($server:ident: TestServer) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn rule($server: TestServer) $body

            #[tokio::test]
            async fn on_sqlite() {
                rule(TestServer::with_on(crate::support::Store::Sqlite, $change).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                rule(TestServer::with_on(crate::support::Store::Postgres, $change).await).await;
            }
        }
    )+};
}
pub(crate) use both_with;
