//! Every key exists in every language, and every key is used.

use super::*;
use reading::{messages, used_keys, variables};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Just enough reading of the two kinds of file; Fluent itself checks the grammar.
mod reading {
    use super::*;

    /// The messages of a file: a name at the start of a line, its text on the lines below.
    pub fn messages(source: &str) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        let mut current = String::new();
        for line in source.lines() {
            if let Some((name, rest)) = line.split_once(" =")
                && line.starts_with(|c: char| c.is_ascii_lowercase())
            {
                current = name.to_owned();
                assert!(!found.contains_key(name), "{name} is there twice");
                found.insert(current.clone(), rest.to_owned());
            } else if line.starts_with(' ') {
                found.entry(current.clone()).or_default().push_str(line);
            }
        }
        found
    }

    /// The names of the variables of a message.
    pub fn variables(message: &str) -> BTreeSet<String> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let names = message.split('$').skip(1);
        names.map(|rest| rest.chars().take_while(|c| word(*c)).collect()).collect()
    }

    /// The keys a file asks for: the first argument of `.t(`, `.with(`, `.count(` and `.html(`.
    pub fn used_keys(source: &str) -> BTreeSet<String> {
        let calls = [".t(\"", ".with(\"", ".count(\"", ".html(\""];
        let starts = calls.iter().flat_map(|call| source.split(call).skip(1));
        starts.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    }
}

fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found
}

fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = files(&root.join("templates"), &[".html"]);
    paths.extend(files(&root.join("src/http"), &[".rs"]));
    paths.retain(|path| !path.ends_with("keys_test.rs"));
    paths.iter().map(|path| std::fs::read_to_string(path).expect("source is UTF-8")).collect()
}

#[test]
fn every_language_parses_whole() {
    for language in Language::ALL {
        let parsed = FluentResource::try_new(language.source().to_owned());
        assert!(parsed.is_ok(), "{}: {:?}", language.tag(), parsed.err().map(|(_, e)| e));
    }
}

#[test]
fn every_language_has_the_same_keys_and_variables() {
    let english = messages(Language::English.source());
    assert!(english.len() > 100, "the messages were not found");
    for language in Language::ALL {
        let theirs = messages(language.source());
        for (key, message) in &english {
            let translated = theirs.get(key);
            let translated = translated.unwrap_or_else(|| panic!("{}: {key}", language.tag()));
            assert_eq!(variables(message), variables(translated), "{}: {key}", language.tag());
        }
        let extra: Vec<_> = theirs.keys().filter(|key| !english.contains_key(*key)).collect();
        assert!(extra.is_empty(), "{}: {extra:?}", language.tag());
    }
}

#[test]
fn every_key_asked_for_exists() {
    let english = messages(Language::English.source());
    let asked: BTreeSet<String> = sources().iter().flat_map(|source| used_keys(source)).collect();
    assert!(asked.len() > 100, "the templates were not found");
    let missing: Vec<_> = asked.iter().filter(|key| !english.contains_key(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_key_is_used() {
    let sources = sources();
    let quoted = |key: &str| sources.iter().any(|source| source.contains(&format!("\"{key}\"")));
    let english = messages(Language::English.source());
    let unused: Vec<_> = english.keys().filter(|key| !quoted(key)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn sentences_keep_to_the_house_rules() {
    for language in Language::ALL {
        for (key, message) in messages(language.source()) {
            assert!(!message.contains('!'), "{}: {key}: no exclamation marks", language.tag());
            let polite = message.to_lowercase();
            let polite = polite.contains("please") || polite.contains("bitte");
            assert!(!polite, "{}: {key}: no pleading", language.tag());
        }
    }
}
