//! One PostgreSQL server for a whole test process, and a new database for each test.

use super::{ports, process};
use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The account that owns the cluster and every test database.
pub const ROLE: &str = "countersign";

struct Server {
    port: u16,
    _service: process::Service,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The URL of a new, empty database, for `COUNTERSIGN_DATABASE_URL`.
///
/// The first call of a process starts the server; it is gone when the process is.
pub fn fresh_database() -> String {
    let server = SERVER.get_or_init(start);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::establish(&url(server.port, "postgres"))
        .expect("the server takes connections");
    sql_query(format!("CREATE DATABASE {name}")).execute(&mut admin).expect("the name is new");
    url(server.port, &name)
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{ROLE}@127.0.0.1:{port}/{database}?sslmode=disable")
}

fn start() -> Server {
    let bin = binaries();
    let port = ports::free_port();
    let directory = process::directory("postgres");
    let path = directory.path().to_owned();
    let data = path.join("data");
    let prefix = unprivileged(&path);
    initialise(&bin, &data, &prefix);

    let mut command = prefix;
    command.extend([
        bin.join("postgres").display().to_string(),
        "-D".into(),
        data.display().to_string(),
        format!("--port={port}"),
        "--listen_addresses=127.0.0.1".into(),
        format!("--unix_socket_directories={}", path.display()),
        "--max_connections=200".into(),
    ]);
    let service = process::Service::start(directory, "INT", &command);
    process::wait_until("postgres", &path, || {
        PgConnection::establish(&url(port, "postgres")).is_ok()
    });
    Server { port, _service: service }
}

/// Makes the files of a new server.
pub fn initialise(bin: &Path, data: &Path, prefix: &[String]) {
    let mut command = prefix.to_vec();
    command.extend([
        bin.join("initdb").display().to_string(),
        format!("--pgdata={}", data.display()),
        format!("--username={ROLE}"),
        "--auth=trust".into(),
        "--encoding=UTF8".into(),
        "--no-locale".into(),
    ]);
    succeed(Command::new(&command[0]).args(&command[1..]).current_dir("/").output());
}

/// PostgreSQL refuses to run as root: gives the directory to the `postgres` account, and the
/// words to put before a command so that it runs as that account. Nothing when not root.
pub fn unprivileged(directory: &Path) -> Vec<String> {
    let id = succeed(Command::new("id").arg("-u").output());
    if id.trim() != "0" {
        return Vec::new();
    }
    succeed(Command::new("chown").arg("postgres:postgres").arg(directory).output());
    let words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"];
    words.map(str::to_owned).to_vec()
}

/// Where the newest installed server is; Debian keeps it out of `PATH`.
pub fn binaries() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = installed
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|version| path_of(*version).join("postgres").exists())
        .max();
    newest.map(path_of).unwrap_or_else(|| {
        let found = succeed(Command::new("sh").args(["-c", "command -v postgres"]).output());
        Path::new(found.trim()).parent().expect("a file has a directory").to_owned()
    })
}

fn path_of(version: u32) -> PathBuf {
    PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))
}

fn succeed(result: std::io::Result<Output>) -> String {
    let output = result.expect("the command is there");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "install PostgreSQL (Debian: postgresql)? {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
