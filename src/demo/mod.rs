//! `countersign demo`: the provider with a web app and a microservice beside it.
//!
//! Everything runs in this process, on a database of its own that goes when it ends. The web app and
//! the microservice are the examples of this repository, unchanged.

#[path = "../../examples/login_with.rs"]
mod login_with;
#[path = "../../examples/orders_api.rs"]
mod orders_api;
mod people;

use crate::config::Config;
use crate::domain::Provider;
use crate::domain::clients::management::ClientError;
use crate::domain::identity::users::AccountError;
use crate::domain::resources::management::ResourceError;
use crate::protocol::revocation::{RevocationList, TokenFacts};
use crate::server::{self, RunError, ServerParts};
use crate::verifier::{RevocationSource, Stale};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

const APP: &str = "http://localhost:8081";
const APP_LISTEN: &str = "127.0.0.1:8081";
const ORDERS: &str = "http://127.0.0.1:8082";
const ORDERS_LISTEN: &str = "127.0.0.1:8082";

/// Why the demo does not run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the demo's people cannot be made: {0}")]
    People(#[from] AccountError),
    #[error("the demo's API cannot be described: {0}")]
    Api(#[from] ResourceError),
    #[error("the demo's app cannot be registered: {0}")]
    App(#[from] ClientError),
    #[error("the demo's part at {0} cannot listen: {1}; end what uses the port")]
    Port(&'static str, #[source] io::Error),
    #[error("the demo's files cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Runs the demo until the process is told to end.
///
/// # Errors
///
/// When a part of it cannot start.
pub async fn run(mut config: Config) -> Result<(), DemoError> {
    let directory = Directory::create()?;
    config.database_url = format!("sqlite://{}", directory.0.join("countersign.db").display());
    config.log.filter = "warn".into();
    let _flushed_at_the_end = server::logging::init(&config.log)?;
    let parts = ServerParts { announce_setup: false, ..ServerParts::default() };
    let running = server::start(config, parts).await?;
    let provider = running.provider.clone();
    let people = people::create(&provider).await?;
    people::register_api(&provider).await?;
    let client = people::register_app(&provider, APP).await?;
    let at = |address| move |error| DemoError::Port(address, error);
    let orders = orders_api::serve(orders_config(&provider)).map_err(at(ORDERS_LISTEN))?;
    let app = login_with::serve(app_config(&provider, client)).map_err(at(APP_LISTEN))?;
    let handles = [orders.handle(), app.handle()];
    let services = [tokio::spawn(orders), tokio::spawn(app)];
    println!("{}", people::welcome(&provider.issuer, APP, &people));
    wait_for_the_end().await?;
    println!("Stopping.");
    for (handle, service) in handles.into_iter().zip(services) {
        handle.stop(false).await;
        service.await.map_err(io::Error::other)??;
    }
    running.stop().await;
    Ok(())
}

fn orders_config(provider: &Provider) -> orders_api::Config {
    orders_api::Config {
        issuer: provider.issuer.clone(),
        audience: provider.default_audience().to_owned(),
        listen: ORDERS_LISTEN.into(),
        revocations: orders_api::Revocations::Given(Arc::new(SameProcess(
            provider.revocation.list(),
        ))),
    }
}

fn app_config(provider: &Provider, client: people::App) -> login_with::Config {
    login_with::Config {
        issuer: provider.issuer.clone(),
        client_id: client.id,
        client_secret: client.secret,
        listen: APP_LISTEN.into(),
        base_url: APP.into(),
        orders_url: ORDERS.into(),
        scope: login_with::Config::SCOPE.into(),
    }
}

async fn wait_for_the_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// The revocation list of the provider in this process: never stale, for it is the list itself.
struct SameProcess(Arc<RwLock<RevocationList>>);

impl RevocationSource for SameProcess {
    fn is_revoked(&self, token: &TokenFacts<'_>) -> Result<bool, Stale> {
        Ok(self.0.read().expect("no one panics with the lock").is_revoked(token))
    }
}

/// The files of one run; they go with it.
struct Directory(PathBuf);

impl Directory {
    fn create() -> io::Result<Self> {
        let name = format!("countersign-demo-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        make_private(&path)?;
        Ok(Self(path))
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the demo's files stay where they are");
        }
    }
}
