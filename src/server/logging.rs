//! The log: one event a line, on standard error, written by a thread of its own.
//!
//! A request must not wait for a terminal or a pipe, so lines go into a buffer that one thread
//! empties. When nobody reads the pipe, lines are dropped and counted instead of kept.

use super::RunError;
use crate::config::{LogConfig, LogFormat};
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait to be written.
const MAX_BUFFER: usize = 1024 * 1024;
/// How long lines gather before they are written together.
const GATHER: Duration = Duration::from_millis(5);
/// What is said only where the settings ask for it: a later word on a target takes its place.
const QUIET: &str = "actix_http=off";
/// How long the last lines may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Writes what is still buffered when it is dropped.
pub struct Flush(Arc<Shared>);

impl Drop for Flush {
    fn drop(&mut self) {
        let buffer = self.0.lock();
        let unwritten = |buffer: &mut Buffer| !buffer.lines.is_empty() || buffer.writing;
        drop(self.0.emptied.wait_timeout_while(buffer, LAST_WORDS, unwritten));
    }
}

/// Starts the log of the process. Keep the answer until the end. A second call changes nothing.
///
/// # Errors
///
/// When the filter cannot be read.
pub fn init(config: &LogConfig) -> Result<Flush, RunError> {
    let filter = filter(&config.filter)?;
    let shared = Arc::new(Shared::default());
    let lines = Lines { shared: shared.clone() };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(lines);
    let set = match config.format {
        LogFormat::Pretty => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).try_init(),
    };
    if set.is_ok() {
        let writing = shared.clone();
        let thread = std::thread::Builder::new().name("log".into());
        let started = thread.spawn(move || write_for_ever(&writing, io::stderr()));
        started.expect("the operating system can start a thread at start-up");
        log_panics();
    }
    Ok(Flush(shared))
}

/// The filter of the settings. Bytes of strangers that are no HTTP are errors to the HTTP library and
/// everyday life to us, so it says nothing unless the settings name it.
fn filter(settings: &str) -> Result<EnvFilter, RunError> {
    let filter = EnvFilter::builder().parse(format!("{QUIET},{settings}"));
    filter.map_err(|error| RunError::LogFilter(error.to_string()))
}

/// A panic is a line like any other, not a picture across the terminal.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a thread panicked");
    }));
}

#[derive(Default)]
struct Buffer {
    lines: Vec<u8>,
    dropped: usize,
    writing: bool,
}

#[derive(Default)]
struct Shared {
    buffer: Mutex<Buffer>,
    filled: Condvar,
    emptied: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut buffer = self.lock();
        if buffer.lines.len() + line.len() > MAX_BUFFER {
            buffer.dropped += 1;
            return;
        }
        let was_empty = buffer.lines.is_empty();
        append_escaped(&mut buffer.lines, line);
        if was_empty && !buffer.writing {
            self.filled.notify_one();
        }
    }

    /// Waits for lines and takes them, with a word about those that were dropped.
    fn take(&self) -> Vec<u8> {
        let mut buffer = self.lock();
        buffer.writing = false;
        self.emptied.notify_all();
        let empty = |buffer: &mut Buffer| buffer.lines.is_empty();
        let waited = self.filled.wait_while(buffer, empty);
        buffer = waited.unwrap_or_else(PoisonError::into_inner);
        buffer.writing = true;
        drop(buffer);
        std::thread::sleep(GATHER);
        let mut buffer = self.lock();
        let dropped = std::mem::take(&mut buffer.dropped);
        let mut lines = std::mem::take(&mut buffer.lines);
        if dropped > 0 {
            lines.extend_from_slice(format!("{dropped} log lines were dropped\n").as_bytes());
        }
        lines
    }
}

fn write_for_ever(shared: &Shared, mut to: impl Write) {
    loop {
        let lines = shared.take();
        // There is nobody left to tell when the log cannot be written.
        drop(to.write_all(&lines));
    }
}

/// Copies one line. Control characters inside it are written out, so that what a stranger typed
/// neither begins a new line nor reaches the terminal.
fn append_escaped(buffer: &mut Vec<u8>, line: &[u8]) {
    let (text, end) = match line.split_last() {
        Some((b'\n', text)) => (text, &b"\n"[..]),
        _ => (line, &b""[..]),
    };
    for chunk in text.split_inclusive(|byte| byte.is_ascii_control()) {
        match chunk.split_last() {
            Some((control, plain)) if control.is_ascii_control() => {
                buffer.extend_from_slice(plain);
                buffer.extend_from_slice(format!("\\x{control:02x}").as_bytes());
            }
            _ => buffer.extend_from_slice(chunk),
        }
    }
    buffer.extend_from_slice(end);
}

/// Hands each event to the thread that writes.
struct Lines {
    shared: Arc<Shared>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.shared)
    }
}

struct Line<'a>(&'a Shared);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str) -> String {
        let mut buffer = Vec::new();
        append_escaped(&mut buffer, line.as_bytes());
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn ht_10_a_line_stays_one_line() {
        assert_eq!(written("user=a\n2026 INFO admin\n"), "user=a\\x0a2026 INFO admin\n");
        assert_eq!(written("\x1b[2J\n"), "\\x1b[2J\n");
        assert_eq!(written("plain ü\n"), "plain ü\n");
    }

    #[test]
    fn malformed_requests_of_strangers_are_no_errors_of_ours() {
        let shown = |settings: &str| filter(settings).unwrap().to_string();
        assert!(shown("info").contains("actix_http=off"));
        assert!(!shown("info,actix_http=debug").contains("actix_http=off"));
        assert!(filter("a=b=c").is_err());
    }

    #[test]
    fn a_full_buffer_drops_lines_and_says_so() {
        let shared = Shared::default();
        for _ in 0..3 {
            shared.push(&vec![b'x'; MAX_BUFFER / 2]);
        }
        let lines = String::from_utf8(shared.take()).unwrap();
        assert!(lines.ends_with("x1 log lines were dropped\n"));
        assert_eq!(lines.len(), MAX_BUFFER + "1 log lines were dropped\n".len());
    }
}
