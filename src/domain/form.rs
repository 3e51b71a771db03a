//! What is wrong with a value that somebody typed, and the rules for short texts.

use crate::protocol::redirect_uri::is_loopback;
use std::borrow::Cow;
use std::fmt;
use url::Url;

/// One thing that is wrong, for a page to show beside its field and for the command line to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The name of the member, such as `email` or `redirect_uris`.
    pub field: &'static str,
    /// Which of several values, counted from 1.
    pub line: Option<usize>,
    /// The name of the text on pages.
    pub key: &'static str,
    /// The same in English.
    pub says: Cow<'static, str>,
}

impl FieldProblem {
    /// A problem with the only value of a field.
    pub fn new(field: &'static str, key: &'static str, says: impl Into<Cow<'static, str>>) -> Self {
        Self { field, line: None, key, says: says.into() }
    }

    /// A problem with the value at `index`, counted from 0.
    pub fn at(self, index: usize) -> Self {
        Self { line: Some(index + 1), ..self }
    }
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.field, self.says),
            None => write!(f, "{}: {}", self.field, self.says),
        }
    }
}

/// Several problems as one text.
pub fn sentences(problems: &[FieldProblem]) -> String {
    problems.iter().map(FieldProblem::to_string).collect::<Vec<_>>().join("; ")
}

/// Whether a character is not seen, or changes how its neighbours are seen: controls, bidirectional
/// marks, zero-width characters, tags.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{FEFF}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
        )
}

/// Whether `text` can be shown in one line as it is: not empty, no outer space, nothing hidden, at
/// most `longest` characters.
pub fn is_line(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.chars().any(is_hidden)
        && text.chars().count() <= longest
}

/// As [`is_line`], but with the joiners that names in Persian and Indic scripts are written with.
pub fn is_name(text: &str, longest: usize) -> bool {
    let joiners = ['\u{200C}', '\u{200D}'];
    is_line(&text.replace(joiners, ""), longest) && text.chars().count() <= longest
}

/// Whether `text` is an address on the web that a page may link to.
pub fn is_web_url(text: &str) -> bool {
    text.len() <= 2048
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
        })
}

/// Whether `text` is an address that we may fetch from or send people to: https, or http of this
/// machine.
pub fn is_safe_url(text: &str) -> bool {
    text.len() <= 2048
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && Url::parse(text).is_ok_and(|url| {
            let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
            secure && url.username().is_empty() && url.password().is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rg_09_what_is_not_seen_is_refused() {
        for text in ["a\u{202E}b", "a\u{200B}b", "a\nb", "a\u{0}", "\u{FEFF}a", "a\u{2066}b"] {
            assert!(!is_line(text, 100), "{text:?}");
            assert!(!is_name(text, 100), "{text:?}");
        }
        assert!(!is_line(&"x".repeat(101), 100));
        assert!(is_line("<img onerror> is only text", 100));
        assert!(is_name("\u{646}\u{200C}\u{627}", 100));
    }

    #[test]
    fn lg_20_a_link_is_a_web_address() {
        for text in ["javascript:alert(1)", "ftp://a.example/", "https://u:p@a.example/", "a b"] {
            assert!(!is_web_url(text), "{text}");
        }
        assert!(is_web_url("https://a.example/ada"));
    }

    #[test]
    fn a_problem_names_its_line() {
        let problem = FieldProblem::new("redirect_uris", "key", "use https").at(1);
        assert_eq!(problem.to_string(), "redirect_uris, line 2: use https");
    }
}
