//! A clock that a test sets while the program runs, and that nobody else sees.

use std::path::PathBuf;
use tempfile::TempDir;

/// A clock of one's own. Only what tells the time is changed by it, not what measures spans.
pub struct FakeTime {
    preloaded: PathBuf,
    directory: TempDir,
}

impl FakeTime {
    /// A clock that is right; none, and a loud word, where it cannot be had.
    pub fn new() -> Option<Self> {
        let found = || {
            let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
            let folders = folders.chain([PathBuf::from("/usr/lib")]);
            let mut files = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
            files.find(|file| file.exists())
        };
        let Some(preloaded) = found() else {
            super::report::not_tested("there is no libfaketime (Debian: faketime)");
            return None;
        };
        let directory = tempfile::tempdir().expect("a directory can be made");
        let clock = Self { preloaded, directory };
        clock.set("+0");
        Some(clock)
    }

    /// Sets it: `+3600` seconds ahead, or `-3600` behind.
    pub fn set(&self, to: &str) {
        let (file, new) = (self.file(), self.directory.path().join("new"));
        // At once: a file that is half written would be a clock that is somewhere else.
        std::fs::write(&new, format!("{to}\n")).expect("it is writable");
        std::fs::rename(new, file).expect("it is writable");
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("clock")
    }

    /// The variables of a process that goes by it.
    pub fn variables(&self) -> Vec<(String, String)> {
        let file = self.file().to_str().expect("plain text").to_owned();
        self.with(&[("FAKETIME_TIMESTAMP_FILE", &file), ("FAKETIME_NO_CACHE", "1")])
    }

    /// The variables of a process that begins at a moment, and is never set again.
    pub fn from(&self, moment: &str) -> Vec<(String, String)> {
        self.with(&[("FAKETIME", moment), ("FAKETIME_CACHE_DURATION", "1000000")])
    }

    fn with(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        // The library of C once more, before any other that brings memory of its own, which would ask
        // for the time before there is one.
        let libraries = format!("{}:libc.so.6", self.preloaded.display());
        let both = [("LD_PRELOAD", &*libraries), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
        let all = both.iter().chain(more);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// What comes before a command so that it goes by it.
    pub fn prefix(&self) -> Vec<String> {
        let variables = self.variables().into_iter().map(|(name, value)| format!("{name}={value}"));
        std::iter::once("env".to_owned()).chain(variables).collect()
    }
}
