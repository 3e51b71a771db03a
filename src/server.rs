//! The composition root: puts the floors together, serves, and stops in good order.

/// A server with its limits. A macro, because the type of a server has names that actix keeps for
/// itself.
macro_rules! settled {
    ($server:expr, $config:expr) => {{
        let server = $server
            .disable_signals()
            .client_request_timeout(HEAD_DEADLINE)
            .client_disconnect_timeout(Duration::from_secs(1))
            .keep_alive(KEEP_ALIVE)
            .max_connections(MAX_CONNECTIONS)
            .worker_max_blocking_threads(BLOCKING_THREADS)
            .tls_handshake_timeout(HEAD_DEADLINE)
            .shutdown_timeout(STOP_SECONDS);
        match $config.server.workers {
            0 => server,
            workers => server.workers(workers),
        }
    }};
}

mod background;
mod connection;
mod door;
mod health;
pub mod lock;
pub mod logging;
mod mutual_tls;
mod signals;
mod tls;
pub mod verify_proxy;

use crate::config::Config;
use crate::config::master_key::{self, MasterKeyError};
use crate::domain::outbound::Outbound;
use crate::domain::revocation::epoch;
use crate::domain::revocation::redis::{RedisRelay, Target};
use crate::domain::{Parts, Provider, StartError, clock, setup};
use crate::http::edge::{Edge, EdgePolicy};
use crate::http::{self, State};
use crate::protocol::guarded_clock::GuardedClock;
use crate::protocol::random::{Random, SystemRandom};
use crate::protocol::time::Clock;
use crate::redis_link::Link;
use crate::storage::{DatabaseUrl, Db, StorageError, backup, condition};
use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer};
use background::Background;
use door::Door;
use lock::Lock;
use signals::{Signals, Told};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tls::Tls;
use tokio::task::JoinHandle;

/// How long the head of a request may take.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long requests in flight may take when the server stops, in seconds.
const STOP_SECONDS: u64 = 10;
/// Connections of one worker.
const MAX_CONNECTIONS: usize = 10_000;
/// Threads of one worker that wait for the database.
const BLOCKING_THREADS: usize = 64;

/// Up to this size a database is looked at before it is used: it takes a fifth of a second at most.
const CHECKED_BYTES: u64 = 64 * 1024 * 1024;

/// Why the provider does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error("the database cannot be opened: {0}")]
    Storage(#[from] StorageError),
    #[error(
        "{path} is damaged ({problem}): put a back-up in its place with countersign backup restore"
    )]
    Damaged { path: String, problem: String },
    #[error("another server runs on {0}: stop it first; for several instances use PostgreSQL")]
    InUse(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0} cannot be read: {1}")]
    File(String, #[source] io::Error),
    #[error("the TLS certificate or its key cannot be used: {0}")]
    Tls(#[source] openssl::error::ErrorStack),
    #[error("cannot listen on {0}: {1}; another address is named with --listen")]
    Listen(SocketAddr, #[source] io::Error),
    #[error("redis_url cannot be read: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("tokens cannot be verified: {0}")]
    Verifier(#[source] crate::verifier::SetupError),
    #[error("the log filter cannot be read: {0}")]
    LogFilter(String),
    #[error("the server ended: {0}")]
    Server(#[source] io::Error),
}

/// What a test holds in its hands, and the demo changes.
pub struct ServerParts {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    /// Whether to log the link that makes the first administrator.
    pub announce_setup: bool,
}

impl Default for ServerParts {
    fn default() -> Self {
        let clock = Arc::new(GuardedClock::default());
        Self { clock, random: Arc::new(SystemRandom), announce_setup: true }
    }
}

/// A provider that serves.
pub struct Running {
    pub address: SocketAddr,
    pub metrics_address: Option<SocketAddr>,
    /// Where clients are asked for certificates.
    pub mtls_address: Option<SocketAddr>,
    pub provider: Arc<Provider>,
    state: State,
    server: Listener,
    metrics: Option<Listener>,
    mtls: Option<Listener>,
    background: Background,
    /// Of the listener for everyone, and of that for client certificates.
    doors: Vec<Door>,
    /// Of the listener for everyone, and of that for client certificates.
    tls: [Option<Tls>; 2],
    /// The last to go.
    _lock: Option<Lock>,
}

impl Running {
    /// Stops: takes no more connections, ends the requests in flight, then the background work.
    pub async fn stop(self) {
        self.state.readiness.turn_off();
        drop(self.doors);
        self.server.stop().await;
        for other in [self.mtls, self.metrics].into_iter().flatten() {
            other.stop().await;
        }
        self.background.stop().await;
    }
}

/// Runs something that serves, to its end.
pub fn block_on<F: Future>(serving: F) -> F::Output {
    // Not dropped: it would wait for threads that wait for a database, for ever if need be. Whoever
    // comes back from here ends the process.
    std::mem::ManuallyDrop::new(actix_web::rt::System::new()).block_on(serving)
}

/// Serves until the process is told to end.
///
/// # Errors
///
/// When the provider cannot start, or ends by itself.
pub async fn run(config: Config) -> Result<(), RunError> {
    let _flushed_at_the_end = logging::init(&config.log)?;
    keep_memory_private();
    let drain = Duration::from_secs(config.server.drain_seconds.into());
    let mut signals = Signals::listen().map_err(RunError::Server)?;
    let mut running = start(config, ServerParts::default()).await?;
    loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::End => break,
                Told::Reload => running.tls.iter().for_each(|tls| reload(tls.as_ref())),
            },
            ended = &mut running.server.task => return Err(RunError::Server(reason(ended))),
        }
    }
    running.state.readiness.turn_off();
    tracing::info!(seconds = drain.as_secs(), "not ready any more, stopping soon");
    let stop = async {
        tokio::time::sleep(drain).await;
        running.doors.iter().for_each(Door::close);
        tokio::time::sleep(door::CLOSING).await;
        running.stop().await;
    };
    tokio::select! {
        () = stop => tracing::info!("stopped"),
        // What was committed stays; what was not was not answered.
        () = signals.end() => tracing::warn!("told twice: stopped at once"),
    }
    Ok(())
}

/// Keys are in our memory: no core dumps, and no debugger but the administrator's.
fn keep_memory_private() {
    let private = rustix::process::DumpableBehavior::NotDumpable;
    if let Err(error) = rustix::process::set_dumpable_behavior(private) {
        tracing::warn!(%error, "memory can be dumped");
    }
}

fn reload(tls: Option<&Tls>) {
    match tls.map(Tls::reload) {
        Some(Ok(())) => tracing::info!("new connections use the certificate as it is on disk now"),
        Some(Err(error)) => tracing::error!(%error, "the certificate stays as it was"),
        None => {}
    }
}

fn reason(ended: Result<io::Result<()>, tokio::task::JoinError>) -> io::Error {
    match ended {
        Ok(Ok(())) => io::Error::other("without being told to"),
        Ok(Err(error)) => error,
        Err(error) => io::Error::other(error),
    }
}

/// Starts to serve and returns.
///
/// # Errors
///
/// When a part of the provider cannot be made or a port is taken.
pub async fn start(config: Config, parts: ServerParts) -> Result<Running, RunError> {
    let database: DatabaseUrl = config.database_url.parse()?;
    if let DatabaseUrl::Sqlite(path) = &database {
        // First, because the lock is a file beside it.
        condition::expect_writable(Path::new(path))?;
    }
    let lock = Lock::take(&database)?;
    check_file(&database, CHECKED_BYTES)?;
    let begun = start_locked(config, parts, lock).await;
    begun.map_err(|error| named_damage(error, &database))
}

/// What a first look did not find, because the file is large or the damage is elsewhere, shows when the
/// database is used.
fn named_damage(error: RunError, url: &DatabaseUrl) -> RunError {
    match (url, backup::damage(&error)) {
        (DatabaseUrl::Sqlite(path), Some(problem)) => {
            RunError::Damaged { path: path.clone(), problem }
        }
        _ => error,
    }
}

async fn start_locked(
    config: Config,
    parts: ServerParts,
    lock: Option<Lock>,
) -> Result<Running, RunError> {
    let edge = Arc::new(EdgePolicy::new(&config, parts.random.as_ref()));
    let provider = Arc::new(provider(&config, &parts).await?);
    let state = State::new(provider.clone(), edge);
    let relay = relay(&config, &provider)?;
    let tls = [Tls::from_config(&config)?, Tls::mutual(&config)?];
    let mut doors = Vec::new();
    let (server, address) = serve(&config, &state, tls[0].as_ref(), &mut doors)?;
    let mtls = mutual_tls::serve(&config, &state, tls[1].as_ref(), &mut doors)?;
    let (mtls, mtls_address) = mtls.unzip();
    let metrics = config.metrics_listen.map(|address| health::serve_metrics(address, &state));
    let (metrics, metrics_address) = metrics.transpose()?.unzip();
    let background = Background::start(&state, relay);
    if parts.announce_setup {
        announce_setup(&provider).await?;
    }
    tracing::info!(%address, issuer = provider.issuer, "serving");
    Ok(Running {
        address,
        metrics_address,
        mtls_address,
        provider,
        state,
        server,
        metrics,
        mtls,
        background,
        doors,
        tls,
        _lock: lock,
    })
}

/// Nobody is served from a database that cannot be read.
fn check_file(url: &DatabaseUrl, max_bytes: u64) -> Result<(), RunError> {
    let DatabaseUrl::Sqlite(path) = url else { return Ok(()) };
    match backup::quick_problem(path, max_bytes)? {
        None => Ok(()),
        Some(problem) => Err(RunError::Damaged { path: path.clone(), problem }),
    }
}

async fn provider(config: &Config, parts: &ServerParts) -> Result<Provider, RunError> {
    if config.testing.ciba_secret.is_some() {
        tracing::warn!("testing.ciba_secret is set: whoever has it decides in the place of people");
    }
    let master_key = master_key::open(config, parts.random.as_ref())?;
    let url: DatabaseUrl = config.database_url.parse()?;
    let is_shared = matches!(url, DatabaseUrl::Postgres(_));
    let opened = tokio::task::spawn_blocking(move || Db::open(&url)).await;
    let db = opened.map_err(|_| StorageError::Interrupted)??;
    if let Some(guard) = parts.clock.guard() {
        clock::begin(&db, guard).await?;
    }
    if !is_shared && config.redis_url.is_none() {
        // Redis would remember what was there.
        epoch::rename(&db, parts.random.as_ref()).await?;
    }
    let provider = Provider::start(Parts {
        issuer: config.issuer.clone(),
        db,
        clock: parts.clock.clone(),
        random: parts.random.clone(),
        master_key,
        tokens: config.tokens.clone(),
        sessions: config.sessions.clone(),
        requests: config.requests.clone(),
        registration: config.registration.clone(),
        features: config.features.clone(),
        testing: config.testing.clone(),
        outbound: outbound(config)?,
        mtls: mutual_tls::settings(config)?,
        redis: config.redis_url.as_deref().map(Link::open).transpose()?,
        hash_threads: config.server.hash_threads,
        support_contact: config.support_contact.clone(),
    });
    Ok(provider.await?)
}

fn outbound(config: &Config) -> Result<Outbound, RunError> {
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|error| RunError::File(path.display().to_string(), error))
    };
    let ca = config.outbound.ca.as_ref().map(read).transpose()?;
    let outbound = Outbound::new(config.outbound.allow.clone(), ca.as_deref());
    Ok(outbound.map_err(StartError::Outbound)?)
}

fn relay(config: &Config, provider: &Provider) -> Result<Option<RedisRelay>, RunError> {
    let Some(url) = config.redis_url.as_deref() else { return Ok(None) };
    let (clock, random) = (provider.clock.clone(), provider.random.clone());
    let (life, proofs) = (provider.longest_token_life(), provider.heads.clone());
    let target = Target { url, single_keys: config.revocation.redis_single_keys };
    Ok(Some(RedisRelay::new(provider.db.clone(), target, clock, random, life, proofs)?))
}

async fn announce_setup(provider: &Provider) -> Result<(), RunError> {
    if let Some(token) = setup::prepare(&provider.ground()).await? {
        let link = format!("{}/setup?token={token}", provider.issuer.trim_end_matches('/'));
        tracing::warn!(link, "there is no administrator yet: open this link within 30 minutes");
    }
    Ok(())
}

/// A server that listens.
struct Listener {
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl Listener {
    fn start(server: Server) -> Self {
        Self { handle: server.handle(), task: tokio::spawn(server) }
    }

    async fn stop(self) {
        self.handle.stop(true).await;
        // The server has ended; how does not matter any more.
        drop(self.task.await);
    }
}

fn serve(
    config: &Config,
    state: &State,
    tls: Option<&Tls>,
    doors: &mut Vec<Door>,
) -> Result<(Listener, SocketAddr), RunError> {
    let shared = state.clone();
    let app = move || {
        App::new()
            .wrap(Edge::new(shared.edge.clone()))
            .configure(|routes| http::routes(routes, shared.clone()))
            .configure(|routes| health::routes(routes, shared.clone()))
    };
    let server = settled!(HttpServer::new(app), config).on_connect(connection::settle);
    let listen = config.listen;
    let failed = |error| RunError::Listen(listen, error);
    let (door, listener) = Door::open(listen).map_err(failed)?;
    doors.push(door);
    let server = match tls {
        None => server.listen(listener).map_err(failed)?,
        Some(tls) => {
            let acceptor = tls.acceptor().map_err(RunError::Tls)?;
            server.listen_openssl(listener, acceptor).map_err(failed)?
        }
    };
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok((Listener::start(server.run()), address))
}

#[cfg(test)]
mod tests;
