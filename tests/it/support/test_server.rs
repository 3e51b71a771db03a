//! A provider of one's own: on a free port, with its own database, and a clock that the test holds.

use super::{ports, postgres};
use countersign::config::Config;
use countersign::domain::Provider;
use countersign::domain::audit::Actor;
use countersign::domain::clients::management::{self, ClientDraft, Created};
use countersign::domain::identity::users::{self, Account, NewUser};
use countersign::protocol::client::Client;
use countersign::protocol::random::SystemRandom;
use countersign::protocol::time::TestClock;
use countersign::server::{self, ServerParts};
use std::sync::{Arc, LazyLock};
use std::thread::JoinHandle;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// The password of every user that [`TestServer::user`] makes.
pub const PASSWORD: &str = "correct horse battery";

/// Who does what a test does beside HTTP.
pub fn system() -> &'static Actor {
    static SYSTEM: LazyLock<Actor> = LazyLock::new(Actor::system);
    &SYSTEM
}

/// Which database a server runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Postgres,
}

/// A provider that serves on a thread of its own; it stops when this is dropped.
pub struct TestServer {
    pub clock: Arc<TestClock>,
    pub provider: Arc<Provider>,
    /// Where it listens, which is its issuer unless it was started beside another.
    pub base: String,
    config: Config,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _directory: Option<Arc<TempDir>>,
}

impl TestServer {
    /// On SQLite, in a directory of its own.
    pub async fn start() -> Self {
        Self::start_on(Store::Sqlite).await
    }

    /// On a database of its own.
    pub async fn start_on(store: Store) -> Self {
        Self::with_on(store, |_| {}).await
    }

    /// On SQLite, with settings of one's own.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_on(Store::Sqlite, change).await
    }

    /// On either database, with settings of one's own.
    pub async fn with_on(store: Store, change: impl FnOnce(&mut Config)) -> Self {
        let (mut config, directory) = Self::prepared(store).await;
        change(&mut config);
        Self::serve(config, Arc::default(), Some(directory)).await
    }

    async fn prepared(store: Store) -> (Config, Arc<TempDir>) {
        let directory = Arc::new(tempfile::tempdir().expect("a directory can be made"));
        let port = ports::free_port();
        let mut config = Config {
            issuer: format!("http://127.0.0.1:{port}"),
            listen: ([127, 0, 0, 1], port).into(),
            database_url: match store {
                Store::Sqlite => format!("sqlite://{}", directory.path().join("it.db").display()),
                Store::Postgres => {
                    let made = tokio::task::spawn_blocking(postgres::fresh_database);
                    made.await.expect("a database can be made")
                }
            },
            master_key: Some("07".repeat(32)),
            ..Config::default()
        };
        config.server.workers = 1;
        config.server.hash_threads = 1;
        config.server.drain_seconds = 0;
        (config, directory)
    }

    /// As [`TestServer::beside`] where there can be two: an SQLite database is for one process.
    pub async fn beside_if_possible(&self) -> Option<Self> {
        match self.config.database_url.starts_with("postgres") {
            true => Some(self.beside().await),
            false => None,
        }
    }

    /// Two instances on one new database, started in the same moment.
    pub async fn two_at_once(store: Store) -> (Self, Self) {
        let (config, directory) = Self::prepared(store).await;
        let listen = ([127, 0, 0, 1], ports::free_port()).into();
        let other = Config { listen, ..config.clone() };
        let (clock, directory) = (Arc::<TestClock>::default(), Some(directory));
        tokio::join!(
            Self::serve(config, clock.clone(), directory.clone()),
            Self::serve(other, clock, directory),
        )
    }

    /// A second instance of the same provider: same issuer, same database, another port.
    pub async fn beside(&self) -> Self {
        let listen = ([127, 0, 0, 1], ports::free_port()).into();
        let config = Config { listen, ..self.config.clone() };
        Self::serve(config, self.clock.clone(), self._directory.clone()).await
    }

    async fn serve(config: Config, clock: Arc<TestClock>, directory: Option<Arc<TempDir>>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (started, provider) = oneshot::channel();
        let parts = ServerParts {
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            announce_setup: false,
        };
        let (settings, kept) = (config.clone(), directory.clone());
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let running = server::start(settings, parts).await.expect("the server starts");
                drop(started.send(running.provider.clone()));
                drop(stopped.await);
                running.stop().await;
            });
            drop(kept);
        });
        let provider = provider.await.expect("the server starts");
        let base = format!("http://{}", config.listen);
        let (stop, thread) = (Some(stop), Some(thread));
        Self { clock, provider, base, config, stop, thread, _directory: directory }
    }

    /// Stops it, and when it has ended does something `meanwhile`; then starts it again where it was.
    pub async fn restarted(mut self, meanwhile: impl AsyncFnOnce(&Config)) -> Self {
        let (config, clock) = (self.config.clone(), self.clock.clone());
        let (directory, thread) = (self._directory.clone(), self.thread.take());
        // With its last connections to the database.
        drop(self);
        let ended = move || thread.map(JoinHandle::join).transpose();
        let ended = tokio::task::spawn_blocking(ended).await.expect("it is waited for");
        ended.expect("the server ends well");
        meanwhile(&config).await;
        Self::serve(config, clock, directory).await
    }

    /// Where its data is.
    pub fn database_url(&self) -> &str {
        &self.config.database_url
    }

    /// What its data is sealed under, unless that stands beside its database.
    pub fn master_key(&self) -> Option<&str> {
        self.config.master_key.as_deref()
    }

    /// The address of a path here.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// `iss`.
    pub fn issuer(&self) -> &str {
        &self.provider.issuer
    }

    /// Makes a user with an email at example.org and [`PASSWORD`].
    pub async fn user(&self, name: &str) -> Account {
        self.user_with(name, |_| {}).await
    }

    /// As [`TestServer::user`], with more said about them.
    pub async fn user_with(&self, name: &str, change: impl FnOnce(&mut NewUser)) -> Account {
        let mut new = NewUser {
            email: format!("{name}@example.org"),
            email_verified: true,
            username: Some(name.to_owned()),
            name: Some(format!("The {name}")),
            password: Some(PASSWORD.into()),
            ..NewUser::default()
        };
        change(&mut new);
        let ground = self.provider.ground();
        users::create(&ground, new, system()).await.expect("the user can be made")
    }

    /// Registers a client.
    pub async fn client(&self, draft: ClientDraft) -> Created {
        let ground = self.provider.ground();
        management::create(&ground, draft, system()).await.expect("the client can be made")
    }

    /// A client as it is stored.
    pub async fn stored(&self, client_id: &str) -> Client {
        let found = management::find(&self.provider.ground(), client_id).await;
        found.expect("a database").expect("the client is there")
    }

    /// Blocks a user, as an administrator does.
    pub async fn block(&self, user: &Account) {
        let (ground, id) = (self.provider.ground(), &user.user.id);
        users::block(&ground, id, "left", system()).await.expect("the user can be blocked");
    }

    /// Lets a user in again.
    pub async fn unblock(&self, user: &Account) {
        let (ground, id) = (self.provider.ground(), &user.user.id);
        users::unblock(&ground, id, system()).await.expect("the user can be unblocked");
    }

    /// Waits until this instance has taken in what was changed in the database.
    pub async fn settle(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Without a receiver it has stopped already.
            let _has_ended = stop.send(());
        }
    }
}
