//! Lists a page at a time, and lists as people type them.

use crate::domain::clients;
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;

/// Rows on a page, unless asked for another number.
const ROWS: i64 = 50;
/// The longest text that is searched for, in characters.
const MAX_SEARCH: usize = 200;

/// A parameter of the address; empty when it is not there or there twice.
pub fn text(query: &Params, name: &'static str) -> String {
    let value = query.one(name).ok().flatten().unwrap_or_default().trim();
    value.chars().take(MAX_SEARCH).collect()
}

/// The rows on a page (AD-06): what is no number is the default; too small and too large are 1 and
/// 100.
pub fn rows(query: &Params) -> i64 {
    let asked = text(query, "page_size");
    let asked = if asked.is_empty() { None } else { asked.parse::<i64>().ok() };
    asked.map_or(ROWS, |rows| rows.clamp(1, 100))
}

/// Where the page begins: after the row of this time and id.
pub fn after(query: &Params) -> Option<(Timestamp, String)> {
    let cursor = text(query, "after");
    let (at, id) = cursor.split_once('.')?;
    Some((Timestamp::from_unix(at.parse().ok()?), id.to_owned()))
}

/// The parameter `after` for the page that follows a row.
pub fn cursor(at: Timestamp, id: &str) -> String {
    format!("{}.{id}", at.as_unix())
}

/// An address with those parameters that have a value.
pub fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A path with an id as its last part.
pub fn below(path: &str, id: &str) -> String {
    let escaped: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("{path}/{escaped}")
}

/// The page of a client.
pub fn of_client(client_id: &str) -> String {
    below("/admin/clients", &clients::segment(client_id))
}

/// Names separated by commas or lines.
pub fn names(typed: &str) -> Vec<String> {
    let names = typed.split([',', '\n', '\r']).map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Addresses, one a line.
pub fn lines(typed: &str) -> Vec<String> {
    typed.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Params {
        Params::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn ad_06_page_sizes_stay_between_1_and_100() {
        for (text, expected) in [
            ("", 50),
            ("page_size=0", 1),
            ("page_size=-1", 1),
            ("page_size=65535", 100),
            ("page_size=1000000000", 100),
            ("page_size=99999999999999999999", 50),
            ("page_size=x", 50),
            ("page_size=7", 7),
        ] {
            assert_eq!(rows(&query(text)), expected, "{text}");
        }
    }

    #[test]
    fn ad_06_a_cursor_that_is_none_starts_at_the_beginning() {
        assert_eq!(after(&query("after=-1")), None);
        assert_eq!(after(&query("after=x.y")), None);
        let found = after(&query("after=12.a.b"));
        assert_eq!(found, Some((Timestamp::from_unix(12), "a.b".into())));
    }

    #[test]
    fn ad_06_a_long_search_is_cut() {
        assert_eq!(text(&query(&format!("q={}", "%25".repeat(10_000))), "q").len(), 200);
    }

    #[test]
    fn lists_are_taken_apart() {
        assert_eq!(names("admin, support\r\n , staff"), ["admin", "support", "staff"]);
        assert_eq!(
            lines("https://a.example/\r\n\n https://b.example/ "),
            ["https://a.example/", "https://b.example/"]
        );
    }

    #[test]
    fn addresses_carry_what_was_given() {
        assert_eq!(address("/admin/users", &[("q", ""), ("role", "")]), "/admin/users");
        assert_eq!(address("/admin/users", &[("q", "a&b"), ("role", "")]), "/admin/users?q=a%26b");
        assert_eq!(below("/admin/clients", "a~b"), "/admin/clients/a%7Eb");
    }
}
