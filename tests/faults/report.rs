//! What was measured, for people to read.

use std::io::Write;
use std::time::Duration;

/// Says what was measured.
pub fn measured(row: &str, what: &str, value: impl std::fmt::Display) {
    let line = format!("{row} | {what} | {value}");
    println!("measured: {line}");
    if let Some(path) = std::env::var_os("FAULTS_REPORT") {
        let file = std::fs::File::options().create(true).append(true).open(path);
        writeln!(file.expect("the report is writable"), "{line}").expect("the report is writable");
    }
}

/// A time as people read it.
pub fn time(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// The value that so many of a hundred are not above.
pub fn percentile(sorted: &[Duration], of_hundred: usize) -> Duration {
    let at = (sorted.len() * of_hundred).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}
