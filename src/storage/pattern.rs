//! Search text as a `LIKE` pattern that means only itself.

use diesel::sql_types::Text;

/// The escape character to name in `ESCAPE`.
pub const ESCAPE: char = '\\';

#[diesel::declare_sql_function]
extern "SQL" {
    /// The text in small letters; SQLite knows those of ASCII alone.
    fn lower(text: Text) -> Text;
}

/// A pattern that matches what contains `text`, lower-cased, with `%` and `_` meaning themselves.
pub fn containing(text: &str) -> String {
    format!("%{}%", escaped(&text.to_lowercase()))
}

/// As [`containing`], in the letters of `text`.
pub fn containing_as_typed(text: &str) -> String {
    format!("%{}%", escaped(text))
}

/// A pattern that matches what begins with `text`, lower-cased.
pub fn beginning(text: &str) -> String {
    format!("{}%", escaped(&text.to_lowercase()))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            escaped.push(ESCAPE);
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad_06_wildcards_in_the_text_mean_themselves() {
        assert_eq!(containing("50%_a\\B"), r"%50\%\_a\\b%");
        assert_eq!(containing_as_typed("50%_a\\B"), r"%50\%\_a\\B%");
        assert_eq!(beginning("50%_a\\B"), r"50\%\_a\\b%");
    }
}
