//! The table of requirements: which test shows which rule, read from the names of the tests.
//!
//! A test that shows a rule of a catalogue begins with its id: `s19_…` (S19), `tk_12_…` (TK-12),
//! `jw_12_jw_13_…` (both). `make requirements` writes the table anew.

use super::code::Source;
use std::collections::{BTreeMap, BTreeSet};

/// Where the table is.
pub const TABLE: &str = "docs/src/reference/requirements.md";
const HEAD: &str = "\
# Requirements and their tests

Each rule that a test shows, by its id: ids such as `S19` are of what the specifications ask of a provider,
ids such as `TK-12` of what must be refused. The table is written by `make requirements` from the names of
the tests; most run on SQLite and on PostgreSQL.

| Id | Test | Where |
| --- | --- | --- |
";

/// An id in the order that people count: letters, then the number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    has_dash: bool,
    letters: String,
    number: u32,
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let letters = self.letters.to_uppercase();
        match self.has_dash {
            true => write!(f, "{letters}-{:02}", self.number),
            false => write!(f, "{letters}{}", self.number),
        }
    }
}

/// The ids that the name of a test begins with, and the sentence behind them.
pub fn read(name: &str) -> (Vec<Id>, String) {
    let words: Vec<&str> = name.split('_').collect();
    let (mut ids, mut at) = (Vec::new(), 0);
    while let Some(word) = words.get(at) {
        let digits = word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len());
        let (letters, number) = word.split_at(digits);
        let is_short =
            (1..=2).contains(&letters.len()) && letters.bytes().all(|b| b.is_ascii_lowercase());
        let dashed = words.get(at + 1).filter(|next| next.len() == 2);
        let (has_dash, number) =
            match (number.parse::<u32>(), dashed.map(|next| next.parse::<u32>())) {
                (Ok(number), _) if is_short && number < 100 => (false, number),
                (Err(_), Some(Ok(number))) if is_short && number > 0 => (true, number),
                _ => break,
            };
        ids.push(Id { has_dash, letters: letters.to_owned(), number });
        at += if has_dash { 2 } else { 1 };
    }
    (ids, words[at..].join(" "))
}

/// Every test that names an id: id, sentence, file.
pub fn rows(sources: &[Source]) -> BTreeMap<Id, BTreeSet<(String, String)>> {
    let mut rows: BTreeMap<Id, BTreeSet<(String, String)>> = BTreeMap::new();
    for source in sources {
        for (_, line) in source.lines() {
            // A module holds the same test for each database.
            let starts = ["async fn ", "fn ", "mod "];
            let rest = starts.into_iter().find_map(|start| line.trim_start().strip_prefix(start));
            let Some(rest) = rest else { continue };
            let name = rest.split(['(', '<', ' ', ';']).next().unwrap_or_default();
            let (ids, sentence) = read(name);
            for id in ids.into_iter().filter(|_| sentence.contains(' ')) {
                rows.entry(id).or_default().insert((sentence.clone(), source.path.clone()));
            }
        }
    }
    rows
}

/// The table as it is written.
pub fn table(rows: &BTreeMap<Id, BTreeSet<(String, String)>>) -> String {
    let mut text = HEAD.to_owned();
    for (id, tests) in rows {
        for (sentence, path) in tests {
            text += &format!("| {id} | {sentence} | `{path}` |\n");
        }
    }
    text
}

/// What a table lacks, and what it names that is not there.
pub fn differences(rows: &BTreeMap<Id, BTreeSet<(String, String)>>, text: &str) -> Vec<String> {
    let cells = |line: &str| {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        Some((cells.next()?, cells.next()?))
    };
    let rules = text.lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
    let named: BTreeSet<(String, String)> = rules.filter_map(cells).collect();
    let ids: BTreeSet<&str> = named.iter().map(|(id, _)| id.as_str()).collect();
    let there: BTreeSet<(String, String)> = rows
        .iter()
        .flat_map(|(id, tests)| tests.iter().map(|(words, _)| (id.to_string(), words.clone())))
        .collect();
    let missing = rows.keys().map(Id::to_string).filter(|id| !ids.contains(id.as_str()));
    let missing = missing.map(|id| format!("{id}: has a test and is not in the table"));
    let gone = named.iter().filter(|row| !there.contains(*row));
    let gone = gone.map(|(id, words)| format!("{id}: no test is named {words:?} any more"));
    missing.chain(gone).collect()
}
