//! A provider as a process of its own, with a database that outlives it.

use super::netns::Network;
use super::support::test_server::PASSWORD;
use super::support::web_app::draft;
use super::support::{Agent, Store, WebApp, command, ports, postgres};
use countersign::domain::audit::Actor;
use countersign::domain::clients::management;
use countersign::domain::ground::Ground;
use countersign::domain::identity::users::{self, NewUser};
use countersign::domain::outbound::Outbound;
use countersign::protocol::client::AuthMethod;
use countersign::protocol::random::SystemRandom;
use countersign::protocol::time::{Lifetime, SystemClock};
use countersign::storage::Db;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// What everything is sealed under.
pub const MASTER_KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// A database, and where the provider on it is reached.
pub struct Stage {
    pub database_url: String,
    pub port: u16,
    /// Where the provider listens.
    pub host: String,
    /// What comes before the command.
    pub prefix: Vec<String>,
    /// More variables of the process.
    pub variables: Vec<(String, String)>,
    directory: TempDir,
}

impl Stage {
    /// An empty database, and nobody serving yet.
    pub fn new(store: Store) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let url = match store {
            Store::Sqlite => format!("sqlite://{}", directory.path().join("faults.db").display()),
            Store::Postgres => postgres::fresh_database(),
        };
        Self::on(url, directory)
    }

    /// On a database that is there.
    pub fn at(database_url: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        Self::on(database_url.to_owned(), directory)
    }

    fn on(database_url: String, directory: TempDir) -> Self {
        let (host, variables, prefix) = ("127.0.0.1".to_owned(), Vec::new(), Vec::new());
        Self { database_url, port: ports::free_port(), host, prefix, variables, directory }
    }

    /// With one more setting, by the name of its variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The address of a stage of which there is one instance.
    pub fn base(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// Inside a network of its own.
    pub fn inside(mut self, network: &Network) -> Self {
        self.host = network.inside();
        self.prefix = network.prefix();
        self
    }

    /// The directory of the stage.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the provider and waits until it is ready.
    pub async fn serve(&self) -> Serving {
        self.serve_with(&[]).await
    }

    /// As [`Stage::serve`], with settings for this time.
    pub async fn serve_with(&self, more: &[(&str, &str)]) -> Serving {
        let mut serving = self.spawn(self.port, more);
        serving.ready(Duration::from_secs(30)).await;
        serving
    }

    /// A further instance, on a port of its own.
    pub async fn serve_beside(&self, more: &[(&str, &str)]) -> Serving {
        let mut serving = self.spawn(ports::free_port(), more);
        serving.ready(Duration::from_secs(30)).await;
        serving
    }

    /// Starts the provider and does not wait.
    pub fn spawn(&self, port: u16, more: &[(&str, &str)]) -> Serving {
        let log = self.directory.path().join(format!("log-{port}"));
        let file = File::options().create(true).append(true).open(log).expect("it is writable");
        self.spawn_into(port, more, file)
    }

    /// As [`Stage::spawn`], with the log elsewhere.
    pub fn spawn_into(&self, port: u16, more: &[(&str, &str)], log: impl Into<Stdio>) -> Serving {
        let listen = format!("{}:{port}", self.host);
        let issuer = format!("http://127.0.0.1:{}", self.port);
        let mut program = command::program_below(
            &self.prefix,
            &[
                ("COUNTERSIGN_DATABASE_URL", self.database_url.as_str()),
                ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
                ("COUNTERSIGN_ISSUER", &issuer),
                ("COUNTERSIGN_LISTEN", &listen),
                ("COUNTERSIGN_SERVER__DRAIN_SECONDS", "0"),
            ],
        );
        program.envs(self.variables.iter().map(|(name, value)| (name, value)));
        program.envs(more.iter().copied());
        program.arg("serve").stdout(Stdio::null()).stderr(log);
        let started = Instant::now();
        let child = program.spawn().expect("the program starts");
        let log = self.directory.path().join(format!("log-{port}"));
        Serving { child, base: format!("http://{listen}"), log, started, status: None }
    }

    /// The database itself, beside whoever serves.
    pub async fn db(&self) -> Db {
        let url = self.database_url.parse().expect("a database URL");
        let opened = tokio::task::spawn_blocking(move || Db::open(&url));
        opened.await.expect("no panic").expect("the database opens")
    }

    /// What commands stand on.
    pub async fn ground(&self) -> Ground {
        Ground {
            db: self.db().await,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            outbound: Outbound::new(Vec::new(), None).expect("it can be made"),
            longest_token_life: Lifetime::hours(1),
            client_secret_key: Arc::new(|| None),
            acting: None,
        }
    }

    /// Makes people with the password of all tests: `ada0`, `ada1`, …; and an administrator, `root`.
    pub async fn people(&self, count: usize) {
        let ground = self.ground().await;
        let names = (0..count).map(|n| (format!("ada{n}"), Vec::new()));
        let root = [("root".to_owned(), vec!["admin".to_owned()])];
        for (name, roles) in names.chain(root) {
            let new = NewUser {
                email: format!("{name}@example.org"),
                username: Some(name),
                password: Some(PASSWORD.into()),
                roles,
                ..NewUser::default()
            };
            users::create(&ground, new, &Actor::system()).await.expect("the user can be made");
        }
    }

    /// Makes more people with that password, by names with a number at the end; after [`Stage::people`].
    /// Their hash is that of the first: one is dear enough. Returns names and ids.
    pub async fn more_people(&self, name: &str, count: usize) -> Vec<(String, String)> {
        let ground = self.ground().await;
        let mut made = Vec::new();
        for number in 0..count {
            let username = format!("{name}{number}");
            let email = format!("{username}@example.org");
            let new = NewUser { email, username: Some(username.clone()), ..NewUser::default() };
            let account = users::create(&ground, new, &Actor::system()).await;
            made.push((username, account.expect("the user can be made").user.id));
        }
        let copy = "UPDATE users SET password_hash = \
            (SELECT password_hash FROM users WHERE username = 'ada0') WHERE password_hash IS NULL";
        let url = self.database_url.clone();
        let copied = tokio::task::spawn_blocking(move || super::witness_facts::run(&url, copy));
        copied.await.expect("the statement is right");
        made
    }

    /// Registers a web app.
    pub async fn app(&self) -> WebApp {
        let ground = self.ground().await;
        let mut wanted = draft();
        wanted.policy.always_refresh_token = true;
        let created = management::create(&ground, wanted, &Actor::system()).await;
        let created = created.expect("the client can be made");
        WebApp {
            id: created.client.id,
            secret: created.secret.unwrap_or_default(),
            redirect_uri: "https://app.example/cb".into(),
            method: AuthMethod::ClientSecretBasic,
            agent: Agent::at(&self.base()),
            http: super::load::http(Duration::from_secs(15)),
            base: self.base(),
        }
    }

    /// Runs a command of the program on this database.
    pub async fn command(&self, arguments: &[&str]) -> command::Ran {
        let variables = [
            ("COUNTERSIGN_DATABASE_URL", self.database_url.as_str()),
            ("COUNTERSIGN_MASTER_KEY", MASTER_KEY),
        ];
        command::run(&variables, arguments).await
    }

    /// Everything that was logged so far.
    pub fn log(&self) -> String {
        let logs = std::fs::read_dir(self.path()).expect("it can be read").flatten();
        let logs = logs.filter(|file| file.file_name().to_string_lossy().starts_with("log-"));
        logs.map(|file| std::fs::read_to_string(file.path()).unwrap_or_default()).collect()
    }

    /// I6, I8: the audit log is whole, nothing panicked, and no secret was logged.
    pub async fn expect_well(&self, secrets: &[&str]) {
        let verified = self.command(&["audit", "verify", "--json"]).await;
        assert_eq!(verified.code, 0, "{verified:?}");
        let log = self.log();
        assert!(!log.contains("a thread panicked"), "{log}");
        for secret in secrets.iter().chain(&[PASSWORD, MASTER_KEY]).filter(|one| !one.is_empty()) {
            assert!(!log.contains(secret), "a secret was logged");
        }
    }
}

/// A process that serves; it is killed when this is dropped.
pub struct Serving {
    child: Child,
    pub base: String,
    log: PathBuf,
    started: Instant,
    status: Option<ExitStatus>,
}

impl Serving {
    /// Waits until it is ready, and says how long that took since the start.
    pub async fn ready(&mut self, within: Duration) -> Duration {
        let http = super::load::http(Duration::from_secs(2));
        let end = Instant::now() + within;
        while Instant::now() < end {
            if is_ready(&http, &self.base).await {
                return self.started.elapsed();
            }
            assert!(self.ended().is_none(), "it ended: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not ready within {within:?}: {}", self.log());
    }

    /// SIGKILL: nothing is finished, nothing is said.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        self.status = Some(self.child.wait().expect("it is our child"));
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.expect("kill is there").success());
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The status, when it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("it is our child");
        }
        self.status
    }

    /// Waits until it ends by itself.
    pub async fn end(&mut self, within: Duration) -> ExitStatus {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < end, "it has not ended within {within:?}: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its resident memory in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has memory");
        line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
    }

    /// The processor time it has used so far.
    pub fn processor(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("it runs");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let ticks = fields.split(' ').skip(11).take(2).filter_map(|word| word.parse::<u64>().ok());
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// How many files and sockets it has open.
    pub fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs").count()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether `/readyz` says so.
pub async fn is_ready(http: &reqwest::Client, base: &str) -> bool {
    let answer = http.get(format!("{base}/readyz")).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

/// Asks every 10 ms until something is so, and says how long that took.
pub async fn until(what: &str, within: Duration, ask: impl AsyncFn() -> bool) -> Duration {
    let started = Instant::now();
    while !ask().await {
        assert!(started.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    started.elapsed()
}
