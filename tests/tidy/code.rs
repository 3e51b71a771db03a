//! Rust source as the checks read it: comments and literals blanked, lines kept.

use std::path::Path;

/// A source file of the project.
pub struct Source {
    /// From the root of the project, with `/`.
    pub path: String,
    pub text: String,
    /// The text with every comment and every literal turned into spaces.
    pub code: String,
}

impl Source {
    pub fn new(path: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { path: path.to_owned(), code: blank(&text), text }
    }

    pub fn read(root: &Path, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a source file is UTF-8");
        let path = path.strip_prefix(root).expect("it was found below the root");
        Self::new(&path.display().to_string(), text)
    }

    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Whether this is part of the product (and not a test, a benchmark, an example).
    pub fn is_product(&self) -> bool {
        let ends = ["/tests.rs", "_tests.rs", "_test.rs", "/testing.rs"];
        let is_test =
            ends.iter().any(|end| self.path.ends_with(end)) || self.path.contains("/tests/");
        self.path.starts_with("src/") && !is_test
    }

    /// Lines (from 1) of what is compiled for unit tests only.
    pub fn test_lines(&self) -> Vec<bool> {
        let lines: Vec<&str> = self.code.lines().collect();
        let mut marks = vec![false; lines.len() + 1];
        for (index, line) in lines.iter().enumerate() {
            if line.trim() != "#[cfg(test)]" {
                continue;
            }
            let end = block_end(&lines, index + 1);
            marks[index + 1..=end + 1].fill(true);
        }
        marks
    }

    /// Every function with a body: line, name, length in lines from `fn` to the last brace.
    pub fn functions(&self) -> Vec<(usize, String, usize)> {
        let lines: Vec<&str> = self.code.lines().collect();
        let named = lines.iter().enumerate();
        named
            .filter_map(|(index, line)| Some((index, function_name(line)?)))
            .map(|(index, name)| (index + 1, name, block_end(&lines, index) - index + 1))
            .collect()
    }

    /// The inline modules (`mod x { … }`) around each line (from 1), outermost first.
    pub fn inline_modules(&self) -> Vec<Vec<String>> {
        let mut open: Vec<(usize, String)> = Vec::new();
        let mut around = vec![Vec::new()];
        for line in self.code.lines() {
            if line.trim() == "}" && open.last().is_some_and(|(at, _)| *at == indent(line)) {
                open.pop();
            }
            around.push(open.iter().map(|(_, name)| name.clone()).collect());
            if let Some((_, after)) = line.split_once("mod ")
                && let Some(name) = after.strip_suffix(" {")
            {
                open.push((indent(line), name.to_owned()));
            }
        }
        around
    }
}

/// The last line of the item that begins at `start`, both from 0. Formatted source closes an item
/// with a brace at the item's own indent; an item without a body ends with a semicolon.
fn block_end(lines: &[&str], start: usize) -> usize {
    let first = lines.get(start).copied().unwrap_or_default();
    let mut opened = false;
    for (index, line) in lines.iter().enumerate().skip(start) {
        let text = line.trim_end();
        let outer = indent(line) == indent(first);
        if (!opened && text.ends_with([';', '}'])) || (opened && outer && text.trim() == "}") {
            return index;
        }
        opened |= outer && text.ends_with('{');
    }
    lines.len().saturating_sub(1)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn function_name(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let qualifier = |word: &str| {
        word.starts_with("pub")
            || word.ends_with(')')
            || ["const", "async", "unsafe", "extern"].contains(&word)
    };
    let starts_word = before.is_empty() || before.ends_with(' ');
    if !starts_word || !before.split_whitespace().all(qualifier) {
        return None;
    }
    let name: String = after.chars().take_while(|c| is_word(*c)).collect();
    (!name.is_empty()).then_some(name)
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Turns comments and literals into spaces; line breaks stay, so lines keep their numbers.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let inside_word = out.ends_with(is_word);
        let hidden = hidden_length(rest, first, inside_word);
        if hidden == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        out.extend(rest[..hidden].chars().map(|c| if c == '\n' { c } else { ' ' }));
        rest = &rest[hidden..];
    }
    out
}

/// The length of the comment or literal at the start of `rest`; 0 when there is none.
fn hidden_length(rest: &str, first: char, inside_word: bool) -> usize {
    match first {
        '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
        '/' if rest.starts_with("/*") => block_comment(rest),
        '"' => quoted(rest, '"'),
        '\'' => character(rest),
        'r' | 'b' | 'c' if !inside_word => raw_string(rest),
        _ => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    for (at, _) in rest.char_indices() {
        if rest[at..].starts_with("/*") {
            depth += 1;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if !escaped && c == quote {
            return at + 1;
        }
        escaped = !escaped && c == '\\';
    }
    rest.len()
}

/// A lifetime begins like a character literal and is none.
fn character(rest: &str) -> usize {
    let mut after = rest.chars().skip(1);
    match (after.next(), after.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(rest, '\''),
        _ => 0,
    }
}

fn raw_string(rest: &str) -> usize {
    let Some(hashes) = rest.trim_start_matches(['b', 'c']).strip_prefix('r') else { return 0 };
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    if !hashes[count..].starts_with('"') {
        return 0;
    }
    let start = rest.len() - hashes.len() + count + 1;
    let close = format!("\"{}", "#".repeat(count));
    rest[start..].find(&close).map_or(rest.len(), |end| start + end + close.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_code_stays() {
        let text =
            "a /* x /* y */ z */ b // c\nd \"e\\\" f\" 'g' '\\'' &'h r#\"i\"j\"# br\"k\" r#l";
        let code = Source::new("src/x.rs", text).code;
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words, ["a", "b", "d", "&'h", "r#l"]);
        assert_eq!(code.lines().count(), 2);
    }

    #[test]
    fn functions_are_measured_to_their_own_brace() {
        let text = "pub(crate) async fn one(\n    a: u8,\n) -> u8 {\n    if a {\n    }\n}\n\
                    trait T {\n    fn two(\n    );\n    fn three() {}\n}\nlet fnord = 1;\n";
        let found = Source::new("src/x.rs", text).functions();
        let found: Vec<(&str, usize)> = found.iter().map(|f| (&*f.1, f.2)).collect();
        assert_eq!(found, [("one", 6), ("two", 2), ("three", 1)]);
    }

    #[test]
    fn unit_tests_are_told_from_the_product() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let source = Source::new("src/x.rs", text);
        assert_eq!(source.test_lines(), [false, false, true, true, true, true, false]);
        assert_eq!(source.inline_modules()[4], ["tests"]);
        assert!(source.inline_modules()[6].is_empty());
    }
}
