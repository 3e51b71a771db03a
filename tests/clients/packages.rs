//! The libraries under test, installed once for each state of their lock files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Where `npm ci` and the virtual environment go: never into the source tree.
const INSTALLED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/clients");

/// The scripts and lock files.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// Runs a Node script with the libraries beside it.
pub fn node(script: &str) -> Command {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let home = demand(READY.get_or_init(install_node));
    let mut command = Command::new("node");
    // Node 18, which Debian 12 has, keeps WebCrypto behind this flag.
    command.arg("--experimental-global-webcrypto").arg(home.join(script));
    command
}

/// A file of a Node library.
pub fn node_module(path: &str) -> String {
    node("");
    let file = Path::new(INSTALLED).join("node/node_modules").join(path);
    fs::read_to_string(file).expect("the package has this file")
}

/// Runs a Python script with the libraries.
pub fn python(script: &str) -> Command {
    let source = Path::new(SOURCE).join("python");
    let mut command = Command::new(programs("python", &source).join("python"));
    command.arg("-B").arg(source.join(script));
    command
}

/// Where the programs are that a list of Python packages brings: one list for each test process.
pub fn programs(name: &str, source: &Path) -> PathBuf {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    demand(READY.get_or_init(|| install_python(name, source))).join("venv/bin")
}

#[track_caller]
fn demand(ready: &Result<PathBuf, String>) -> &Path {
    match ready {
        Ok(home) => home,
        Err(reason) => panic!("the client libraries could not be installed: {reason}"),
    }
}

/// Where an example for Node lies with its libraries beside it.
pub fn landscape(source: &Path) -> PathBuf {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    demand(READY.get_or_init(|| install("landscape", source))).to_owned()
}

fn install_node() -> Result<PathBuf, String> {
    install("node", &Path::new(SOURCE).join("node"))
}

/// Copies scripts to a directory of this name, and installs their libraries there.
fn install(name: &str, source: &Path) -> Result<PathBuf, String> {
    let home = Path::new(INSTALLED).join(name);
    let lock = read(&source.join("package-lock.json"))?;
    // A module finds the libraries from where it stands.
    fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    let files = fs::read_dir(source).map_err(|error| error.to_string())?.flatten();
    for file in files.filter(|file| file.path().is_file()) {
        let copied = fs::copy(file.path(), home.join(file.file_name()));
        copied.map_err(|error| error.to_string())?;
    }
    once(&home, &lock, || {
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        let soon = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000"];
        run(Command::new("npm").args(arguments).args(soon).current_dir(&home))
    })?;
    Ok(home)
}

fn install_python(name: &str, source: &Path) -> Result<PathBuf, String> {
    let home = Path::new(INSTALLED).join(name);
    let requirements = source.join("requirements.txt");
    once(&home, &read(&requirements)?, || {
        let venv = home.join("venv");
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        let quiet = ["-m", "pip", "install", "--quiet", "--retries", "2"];
        let pinned = ["--require-hashes", "--only-binary", ":all:", "--requirement"];
        let mut pip = Command::new(venv.join("bin/python"));
        run(pip.args(quiet).args(pinned).arg(&requirements))
    })?;
    Ok(home)
}

/// Installs unless the same lock file was installed before.
fn once(
    home: &Path,
    lock: &str,
    install: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let stamp = home.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|before| before == lock) {
        return Ok(());
    }
    fs::create_dir_all(home).map_err(|error| error.to_string())?;
    install()?;
    fs::write(stamp, lock).map_err(|error| error.to_string())
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let hint = "scripts/install-test-packages installs what Debian has";
    let ended = command.output().map_err(|error| format!("{program}: {error}; {hint}"))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = told(&ended);
    Err(format!("{program} failed; it needs the network the first time, and {hint}.\n{said}"))
}

/// What a program wrote, both ways.
pub fn told(ended: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    format!("{}\n{}", text(&ended.stdout), text(&ended.stderr))
}
