//! A PostgreSQL server that can be restarted, killed and kept away.

use super::support::{ports, postgres, process};
use super::witness_facts::count;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Runs the server again and again; no file `hold` in the directory, no pause.
const RUNNER: &str = r#"
dir=$1; shift
trap 'kill -INT $server; wait $server; exit 0' TERM
while :; do
  while [ -e "$dir/hold" ]; do sleep 0.02; done
  "$@" & server=$!
  wait $server
done
"#;

/// A server of one's own; it ends when the last handle is dropped. What takes time is done aside, so
/// that people go on meanwhile.
#[derive(Clone)]
pub struct Cluster(Arc<Server>);

struct Server {
    port: u16,
    directory: PathBuf,
    _service: process::Service,
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

impl Cluster {
    /// An empty server that listens everywhere.
    pub async fn start() -> Self {
        Self(Arc::new(aside(Server::start).await))
    }

    /// A server that follows this one, whose port is given: it is reached by another way, maybe.
    pub async fn standby(&self, port: u16) -> Self {
        let server = self.0.clone();
        Self(Arc::new(aside(move || server.standby(port)).await))
    }

    /// Makes a server that follows the one that all write to. Returns when it is.
    pub async fn promote(&self) {
        self.run("SELECT pg_promote(true, 20)").await;
    }

    /// A new database, reached under a host name or address, as somebody without special rights.
    pub async fn database_at(&self, host: &str, port: u16) -> String {
        self.run("CREATE ROLE faults LOGIN; CREATE DATABASE faults OWNER faults").await;
        format!("postgres://faults@{host}:{port}/faults?sslmode=disable")
    }

    /// A new database on this server.
    pub async fn database(&self) -> String {
        self.database_at("127.0.0.1", self.port()).await
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// Runs statements as the owner of the server.
    pub async fn run(&self, statements: &'static str) {
        let server = self.0.clone();
        aside(move || server.run(statements)).await;
    }

    /// Ends every connection to the database of the provider.
    pub async fn cut(&self) {
        self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'faults'")
            .await;
    }

    /// Stops the server as `pg_ctl -m fast` does (`INT`), or as a crash does (`QUIT`), and keeps it
    /// away until [`Cluster::back`].
    pub async fn down(&self, signal: &'static str) {
        let server = self.0.clone();
        aside(move || server.down(signal)).await;
    }

    /// Lets the server run again, and waits until it takes connections.
    pub async fn back(&self) {
        let server = self.0.clone();
        aside(move || server.back()).await;
    }
}

impl Server {
    fn start() -> Self {
        Self::on(|bin, data, prefix| {
            postgres::initialise(bin, data, prefix);
            let hba = data.join("pg_hba.conf");
            let rules = std::fs::read_to_string(&hba).expect("it was made");
            let rules = format!("{rules}host all all 10.0.0.0/8 trust\n");
            std::fs::write(&hba, rules).expect("writable");
        })
    }

    fn standby(&self, port: u16) -> Self {
        let standby = Self::on(|bin, data, prefix| {
            let mut command = prefix.to_vec();
            command.push(bin.join("pg_basebackup").display().to_string());
            let words = ["--write-recovery-conf", "--checkpoint=fast", "--host=127.0.0.1"];
            command.extend(words.map(str::to_owned));
            command.push(format!("--pgdata={}", data.display()));
            command.extend([format!("--port={port}"), format!("--username={}", postgres::ROLE)]);
            let mut copy = std::process::Command::new(&command[0]);
            let copied = copy.args(&command[1..]).current_dir("/").output().expect("it is there");
            assert!(copied.status.success(), "{copied:?}");
        });
        let following = "SELECT count(*) AS n FROM pg_stat_replication WHERE state = 'streaming'";
        let admin = url(self.port, "postgres");
        process::wait_until("the standby", &standby.directory, || count(&admin, following) == 1);
        standby
    }

    /// A server on the files that somebody makes.
    fn on(make: impl FnOnce(&Path, &Path, &[String])) -> Self {
        let bin = postgres::binaries();
        let port = ports::free_port();
        let directory = process::directory("cluster");
        let path = directory.path().to_owned();
        let data = path.join("data");
        let prefix = postgres::unprivileged(&path);
        make(&bin, &data, &prefix);

        let mut command: Vec<String> = prefix;
        command.extend(["sh", "-c", RUNNER, "runner"].map(str::to_owned));
        command.push(path.display().to_string());
        command.extend([
            bin.join("postgres").display().to_string(),
            "-D".into(),
            data.display().to_string(),
            format!("--port={port}"),
            "--listen_addresses=*".into(),
            format!("--unix_socket_directories={}", path.display()),
            "--max_connections=100".into(),
        ]);
        let service = process::Service::start(directory, "TERM", &command);
        process::wait_until("postgres", &path, || connect(port, "postgres").is_some());
        Self { port, directory: path, _service: service }
    }

    fn run(&self, statements: &str) {
        let mut admin = connect(self.port, "postgres").expect("the server takes connections");
        for statement in statements.split("; ") {
            admin.batch_execute(statement).expect("the statement is right");
        }
    }

    fn down(&self, signal: &str) {
        std::fs::write(self.directory.join("hold"), "").expect("it is writable");
        let pid = std::fs::read_to_string(self.directory.join("data/postmaster.pid"));
        let pid = pid.expect("it runs").lines().next().expect("a first line").to_owned();
        let sent = std::process::Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        assert!(sent.expect("kill is there").success());
        let end = Instant::now() + Duration::from_secs(10);
        while connect(self.port, "postgres").is_some() {
            assert!(Instant::now() < end, "it does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn back(&self) {
        std::fs::remove_file(self.directory.join("hold")).expect("it was held");
        process::wait_until("postgres", &self.directory, || {
            connect(self.port, "postgres").is_some()
        });
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{}@127.0.0.1:{port}/{database}?sslmode=disable", postgres::ROLE)
}

fn connect(port: u16, database: &str) -> Option<PgConnection> {
    PgConnection::establish(&url(port, database)).ok()
}
