//! The reference in `docs/src/operate/command-line.md` says what `--help` says.
//!
//! With `UPDATE_DOCS` in the environment the test writes the blocks of the reference anew.

use super::Cli;
use clap::{Command, CommandFactory, Parser};
use std::collections::BTreeSet;

const REFERENCE: &str = "docs/src/operate/command-line.md";
/// Described in words, because their flags stand elsewhere.
const IN_WORDS: [&str; 4] = ["demo", "config check", "config show", "client update"];

/// The help of a command without the options that every command has.
fn help(path: &str) -> String {
    let words = ["countersign"].into_iter().chain(path.split(' ')).chain(["--help"]);
    let help = Cli::try_parse_from(words).err().expect("--help ends the parse").to_string();
    let mut is_global = false;
    let own = help.lines().filter(|line| {
        let begins_a_section = !line.is_empty() && !line.starts_with(' ');
        is_global = if begins_a_section { *line == "Global options:" } else { is_global };
        !is_global
    });
    let own: Vec<&str> = own.map(str::trim_end).collect();
    own.join("\n").trim_end().to_owned()
}

/// Every command that does something, by its words.
fn commands(of: &Command, before: &str) -> Vec<String> {
    let mut found = Vec::new();
    for one in of.get_subcommands().filter(|one| one.get_name() != "help") {
        let path = format!("{before}{}", one.get_name());
        match one.has_subcommands() {
            true => found.extend(commands(one, &format!("{path} "))),
            false => found.push(path),
        }
    }
    found
}

/// The reference with each block as the help is now, and the commands it has a heading for.
fn renewed(reference: &str) -> (String, BTreeSet<String>) {
    let (mut renewed, mut headings) = (String::new(), BTreeSet::new());
    let (mut path, mut in_block) = (String::new(), false);
    for line in reference.lines() {
        if let Some(heading) = line.strip_prefix("## ").or(line.strip_prefix("### ")) {
            heading.clone_into(&mut path);
            headings.insert(path.clone());
        }
        if in_block && line != "```" {
            continue;
        }
        if line == "```text" && !path.is_empty() {
            in_block = true;
            renewed.push_str(&format!("{line}\n{}\n", help(&path)));
            continue;
        }
        in_block = false;
        renewed.push_str(line);
        renewed.push('\n');
    }
    (renewed, headings)
}

#[test]
fn the_reference_says_what_the_help_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(REFERENCE);
    let reference = std::fs::read_to_string(&path).unwrap();
    let (renewed, headings) = renewed(&reference);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &renewed).unwrap();
    } else {
        let differs = reference.lines().zip(renewed.lines()).find(|(is, should)| is != should);
        assert_eq!(differs, None, "run this test with UPDATE_DOCS=1");
        assert_eq!(reference.lines().count(), renewed.lines().count());
    }
    for command in commands(&Cli::command(), "") {
        assert!(headings.contains(&command), "{command} is not in {REFERENCE}");
        let has_block = renewed.contains(&format!("Usage: countersign {command} "));
        assert_eq!(has_block, !IN_WORDS.contains(&command.as_str()), "{command}");
    }
}
