//! Helper processes (databases, browsers) that end with the test process, however it ends.
//!
//! Each one runs below a small shell that waits on a pipe from here. When the pipe closes (the
//! handle is dropped, a test panics, the process is killed) the shell stops its service, waits
//! for it, and removes the service's directory.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Arguments: directory, end signal, command. Lines on stdin are signals to pass on.
const WATCHER: &str = r#"
dir=$1; end=$2; shift 2
setsid -- "$@" >"$dir/log" 2>&1 </dev/null &
service=$!
echo "$service"
while read -r signal; do
  kill -s "$signal" -- "-$service"
  echo sent
done
kill -s CONT -- "-$service"
kill -s "$end" "$service"
{ sleep 10; kill -s KILL -- "-$service"; } & timer=$!
wait "$service"
kill -s KILL "$timer"
kill -s KILL -- "-$service"
for try in 1 2 3 4 5; do rm -rf -- "$dir" && break; sleep 0.2; done
"#;

/// A running helper. Dropping it stops the service and waits until it is gone.
pub struct Service {
    watcher: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// The service's process id.
    pub pid: u32,
}

impl Service {
    /// Starts `command` with a new session; it will be ended by `end` (`TERM`, `INT`) and then
    /// `directory`, which also takes its output in a file `log`, is removed.
    pub fn start<S: AsRef<OsStr>>(directory: TempDir, end: &str, command: &[S]) -> Self {
        let mut watcher = Command::new("sh")
            .args(["-c", WATCHER, "watcher"])
            .arg(directory.keep())
            .arg(end)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("sh is there");
        let orders = watcher.stdin.take();
        let mut answers = BufReader::new(watcher.stdout.take().expect("stdout is piped"));
        let pid = line(&mut answers).parse().expect("the watcher says the process id");
        Self { watcher, orders, answers, pid }
    }

    /// Sends a signal by name, for example `STOP` to make the service hang and `CONT` to let
    /// it go on. Returns when it was sent.
    pub fn signal(&mut self, name: &str) {
        let orders = self.orders.as_mut().expect("only drop takes the pipe");
        writeln!(orders, "{name}").expect("the watcher reads");
        assert_eq!(line(&mut self.answers), "sent");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.orders.take());
        self.watcher.wait().expect("the watcher is our child");
    }
}

fn line(from: &mut impl BufRead) -> String {
    let mut text = String::new();
    from.read_line(&mut text).expect("the watcher answers");
    text.trim_end().to_owned()
}

/// Asks `ready` every 50 ms, for 20 s at most.
///
/// # Panics
///
/// When the time is over; the message carries the end of the log in `directory`.
pub fn wait_until(what: &str, directory: &Path, mut ready: impl FnMut() -> bool) {
    for _ in 0..400 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
    panic!("{what} did not start; its log:\n{log}");
}

/// A new directory for a service, outside the working directory and short enough for sockets.
pub fn directory(name: &str) -> TempDir {
    let prefix = format!("countersign-{name}-");
    tempfile::Builder::new().prefix(&prefix).tempdir_in("/tmp").expect("/tmp is writable")
}
