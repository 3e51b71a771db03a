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

/// Says that the test that runs cannot show what it is for, here: where `make test` ends with it.
pub fn not_tested(why: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {why}", thread.name().unwrap_or("a test"));
    println!("NOT TESTED: {line}");
    if let Some(path) = std::env::var_os("NOT_TESTED_FILE") {
        let file = std::fs::File::options().create(true).append(true).open(path);
        // In one piece: others may write at the same time.
        let line = format!("{line}\n");
        file.expect("the list is writable").write_all(line.as_bytes()).expect("it is writable");
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// What `scripts/verdict` says at the end of a run, and whether it was content.
    fn verdict(run: &str) -> (String, bool) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/verdict");
        let said = Command::new(script).args(["sh", "-c", run]).output().expect("it is there");
        (String::from_utf8(said.stdout).expect("text"), said.status.success())
    }

    const PASSED: &str = "echo 'test result: ok. 3 passed; 0 failed; 0 ignored'";

    #[test]
    fn the_last_words_name_what_was_not_tested() {
        let line = "echo 'disk::full: for root alone' >> \"$NOT_TESTED_FILE\"";
        let (said, well) = verdict(&format!("{line}; {line}; {PASSED}"));
        assert!(well && !said.contains("All 3"), "{said}");
        let end = "\n3 tests passed, in 1 groups. NOT TESTED here:\n  disk::full: for root alone\n";
        assert!(said.ends_with(end), "{said}");
        let (said, well) = verdict(PASSED);
        assert!(well && said.ends_with("\nAll 3 tests passed, in 1 groups.\n"), "{said}");
    }

    #[test]
    fn what_failed_or_did_not_end_is_no_success() {
        let failed =
            "echo 'test a ... FAILED'; echo 'test result: FAILED. 2 passed; 1 failed'; false";
        let (said, well) = verdict(failed);
        assert!(!well && said.ends_with("\n1 of 3 tests failed:\n  a\n"), "{said}");
        let (said, well) = verdict(&format!("{PASSED}; false"));
        assert!(!well && said.contains("did not run to their end"), "{said}");
    }
}
