//! Who may use whom: the floors of the source tree.

use super::code::{Source, is_word};

/// What each floor may use of ours; the composing ones, [`TOP`], may use everything.
const FLOORS: [(&str, &[&str]); 9] = [
    ("http", &["domain", "verifier", "protocol", "config"]),
    ("domain", &["storage", "jose", "redis_link", "protocol", "config", "failpoint"]),
    ("verifier", &["jose", "redis_link", "protocol"]),
    ("storage", &["protocol", "failpoint"]),
    ("failpoint", &[]),
    ("jose", &["protocol"]),
    ("redis_link", &[]),
    ("config", &["protocol"]),
    ("protocol", &[]),
];

const TOP: [&str; 5] = ["lib", "main", "server", "cli", "demo"];

/// Libraries that one place keeps behind our own words, and who may name them.
const KEPT: [(&str, &[&str]); 5] = [
    ("josekit", &["jose"]),
    ("diesel", &["storage"]),
    ("diesel_migrations", &["storage"]),
    ("askama", &["http", "demo"]),
    ("actix_web", &["http", "verifier", "server", "demo"]),
];

/// Parts of `http` that do not know each other. Pages of one session count as one.
const AREAS: [(&str, u8); 5] =
    [("oauth", 0), ("interaction", 1), ("account", 1), ("admin", 2), ("developer", 3)];

/// Every use that the tables above do not have.
pub fn forbidden_edges(source: &Source) -> Vec<String> {
    let Some(module) = module_path(&source.path) else { return Vec::new() };
    let modules = source.inline_modules();
    let mut found = Vec::new();
    for (at, word) in words(&source.code) {
        let line = source.code[..at].matches('\n').count() + 1;
        let rest = &source.code[at + word.len()..];
        for problem in judge(&module, &modules[line], word, rest) {
            found.push(format!("{}:{line}: {problem}", source.path));
        }
    }
    found
}

/// What is wrong with the path that begins with `word` and goes on with `rest`.
fn judge(module: &[String], inline: &[String], word: &str, rest: &str) -> Vec<String> {
    let floor = module.first().map_or("lib", String::as_str);
    if let Some((library, users)) = KEPT.iter().find(|(library, _)| *library == word) {
        let kept = !users.contains(&floor);
        return kept.then(|| format!("{floor} must not name {library}")).into_iter().collect();
    }
    let here: Vec<&str> = module.iter().chain(inline).map(String::as_str).collect();
    let (mut rest, base) = match word {
        "crate" => (rest, Vec::new()),
        _ => (rest, parent(&here)),
    };
    let mut base = base;
    while let Some(after) = rest.strip_prefix("::super").filter(|_| word == "super") {
        base = parent(&base);
        rest = after;
    }
    let Some(rest) = rest.strip_prefix("::") else { return Vec::new() };
    let targets = paths(rest).into_iter().map(|path| [base.clone(), path].concat());
    targets.filter_map(|target| problem(floor, module, &target)).collect()
}

fn parent<'a>(path: &[&'a str]) -> Vec<&'a str> {
    path[..path.len().saturating_sub(1)].to_vec()
}

fn problem(floor: &str, module: &[String], target: &[&str]) -> Option<String> {
    let to = *target.first()?;
    if TOP.contains(&floor) {
        return None;
    }
    let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == floor) else {
        return Some(format!("{floor} is no floor of the table"));
    };
    if to != floor {
        return (!allowed.contains(&to)).then(|| format!("{floor} must not use {to}"));
    }
    let area = |name: Option<&str>| AREAS.iter().find(|area| Some(area.0) == name);
    let (from, to) = (area(module.get(1).map(String::as_str))?, area(target.get(1).copied())?);
    let apart = floor == "http" && from.1 != to.1;
    apart.then(|| format!("the area {} must not use {}", from.0, to.0))
}

/// `src/http/oauth/token.rs` is `http::oauth::token`; none for what is not below `src`.
fn module_path(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let parts = path.split('/').map(str::to_owned);
    Some(parts.filter(|part| part != "lib").collect())
}

/// Where paths begin that are worth a look: `crate`, `super`, or a kept library.
fn words(code: &str) -> Vec<(usize, &str)> {
    let known = KEPT.iter().map(|(library, _)| *library).chain(["crate", "super"]);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for word in known {
        found.extend(code.match_indices(word).filter(|(at, _)| {
            let before = code[..*at].chars().last();
            let continues = before.is_some_and(|c| is_word(c) || c == ':');
            !continues && code[at + word.len()..].starts_with("::")
        }));
    }
    found.sort_unstable();
    found
}

/// The first two steps of every path in `rest`, with groups taken apart: `a::{b, c::d}` is
/// `a b` and `a c`.
fn paths(rest: &str) -> Vec<Vec<&str>> {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        return members(group).into_iter().flat_map(paths).collect();
    }
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    match after.strip_prefix("::") {
        Some(deeper) if !name.is_empty() => {
            let mut found = paths(deeper);
            found.iter_mut().for_each(|path| path.insert(0, name));
            if found.is_empty() { vec![vec![name]] } else { found }
        }
        _ if name.is_empty() => vec![vec!["*"]],
        _ => vec![vec![name]],
    }
}

/// The members of a group whose opening brace is already read.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                found.push(group[start..at].trim());
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found.retain(|member| !member.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(path: &str, code: &str) -> usize {
        forbidden_edges(&Source::new(path, code)).len()
    }

    #[test]
    fn going_down_is_allowed_and_going_up_is_not() {
        assert_eq!(edges("src/domain/x.rs", "use crate::storage::clients;"), 0);
        assert_eq!(edges("src/storage/x.rs", "use crate::domain::clients;"), 1);
        assert_eq!(edges("src/storage/x.rs", "fn f() {\n    crate::jose::sign();\n}"), 1);
        assert_eq!(edges("src/protocol/x.rs", "use crate::config;"), 1);
        assert_eq!(edges("src/server.rs", "use crate::{http, storage};"), 0);
        assert_eq!(edges("tests/it/x.rs", "use crate::support;"), 0);
    }

    #[test]
    fn groups_are_taken_apart() {
        let code = "use crate::{\n    domain::{users, clients::Client},\n    storage::Db,\n};";
        assert_eq!(edges("src/http/x.rs", code), 1);
    }

    #[test]
    fn super_does_not_lead_out_unseen() {
        assert_eq!(edges("src/jose/keys/x.rs", "use super::super::gate;"), 0);
        assert_eq!(edges("src/jose/keys/x.rs", "use super::super::super::storage::Db;"), 1);
        assert_eq!(edges("src/jose/x.rs", "mod tests {\n    use super::super::gate;\n}"), 0);
        assert_eq!(edges("src/jose/x.rs", "use super::super::storage::Db;"), 1);
        assert_eq!(edges("src/jose/x.rs", "mod tests {\n    use super::*;\n}"), 0);
    }

    #[test]
    fn comments_and_texts_are_no_uses() {
        assert_eq!(edges("src/jose/x.rs", "// crate::http::x\nlet a = \"crate::http\";"), 0);
    }

    #[test]
    fn areas_of_http_are_apart() {
        assert_eq!(edges("src/http/oauth/x.rs", "use crate::http::admin::y;"), 1);
        assert_eq!(edges("src/http/oauth/x.rs", "use super::super::account::y;"), 1);
        assert_eq!(edges("src/http/account/x.rs", "use crate::http::interaction::y;"), 0);
        assert_eq!(edges("src/http/oauth/x.rs", "use crate::http::headers;"), 0);
        assert_eq!(edges("src/http/mod.rs", "use crate::http::{admin, oauth};"), 0);
    }

    #[test]
    fn kept_libraries_stay_where_they_are() {
        assert_eq!(edges("src/http/x.rs", "use josekit::jwk::Jwk;"), 1);
        assert_eq!(edges("src/domain/x.rs", "fn f() {\n    diesel::insert_into(t);\n}"), 1);
        assert_eq!(edges("src/storage/x.rs", "use diesel::prelude::*;"), 0);
        assert_eq!(edges("src/domain/x.rs", "use actix_web::web;"), 1);
    }

    #[test]
    fn a_name_at_the_root_is_no_way_around() {
        assert_eq!(edges("src/jose/x.rs", "use crate::SomethingReexported;"), 1);
        assert_eq!(edges("src/newfloor/x.rs", "use crate::protocol::scope;"), 1);
    }
}
