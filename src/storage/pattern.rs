//! Search text as a `LIKE` pattern that means only itself.

/// The escape character to name in `ESCAPE`.
pub const ESCAPE: char = '\\';

/// A pattern that matches what contains `text`, lower-cased, with `%` and `_` meaning themselves.
pub fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad_06_wildcards_in_the_text_mean_themselves() {
        assert_eq!(containing("50%_a\\B"), r"%50\%\_a\\b%");
    }
}
