//! How a redirect address differs from the nearest registered one, for the error page.
//!
//! It helps a developer only. Whether an address is allowed is decided elsewhere, by comparing
//! strings (RFC 6749 §3.1.2.3).

use crate::http::text::Text;
use url::Url;

/// The first difference a developer should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Only the `/` at the end.
    TrailingSlash,
    /// Capitals instead of small letters, or the other way round.
    Case,
    Scheme,
    Host,
    Port,
    Path,
    Query,
    Fragment,
    /// Written another way, such as with percent signs.
    Spelling,
}

impl Difference {
    /// The difference between what was sent and a registered address.
    pub fn between(sent: &str, registered: &str) -> Self {
        if sent.trim_end_matches('/') == registered.trim_end_matches('/') {
            return Self::TrailingSlash;
        }
        if sent.eq_ignore_ascii_case(registered) {
            return Self::Case;
        }
        let (Ok(sent), Ok(registered)) = (Url::parse(sent), Url::parse(registered)) else {
            return Self::Spelling;
        };
        let differs = [
            (Self::Scheme, sent.scheme() != registered.scheme()),
            (Self::Host, sent.host_str() != registered.host_str()),
            (Self::Port, sent.port() != registered.port()),
            (Self::Path, sent.path() != registered.path()),
            (Self::Query, sent.query() != registered.query()),
            (Self::Fragment, sent.fragment() != registered.fragment()),
        ];
        differs.into_iter().find(|(_, differs)| *differs).map_or(Self::Spelling, |(kind, _)| kind)
    }

    /// The registered address that is most like what was sent.
    pub fn closest<'a>(sent: &str, registered: &'a [String]) -> Option<(&'a str, Self)> {
        let nearest = registered.iter().max_by_key(|candidate| likeness(sent, candidate))?;
        Some((nearest, Self::between(sent, nearest)))
    }

    /// The words for the page.
    pub fn words(self, text: Text) -> String {
        let key = match self {
            Self::TrailingSlash => "difference-slash",
            Self::Case => "difference-case",
            Self::Scheme => "difference-scheme",
            Self::Host => "difference-host",
            Self::Port => "difference-port",
            Self::Path => "difference-path",
            Self::Query => "difference-query",
            Self::Fragment => "difference-fragment",
            Self::Spelling => "difference-spelling",
        };
        text.t(key).into_owned()
    }
}

/// Bytes that agree at both ends, letters of either case.
fn likeness(left: &str, right: &str) -> usize {
    let agree = |(a, b): &(u8, u8)| a.eq_ignore_ascii_case(b);
    let start = left.bytes().zip(right.bytes()).take_while(agree).count();
    let end = left.bytes().rev().zip(right.bytes().rev()).take_while(agree).count();
    start + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_told_apart() {
        let registered = "https://app.example/cb";
        let cases = [
            ("https://app.example/cb/", Difference::TrailingSlash),
            ("https://app.example/CB", Difference::Case),
            ("http://app.example/cb", Difference::Scheme),
            ("https://www.app.example/cb", Difference::Host),
            ("https://app.example:8443/cb", Difference::Port),
            ("https://app.example/callback", Difference::Path),
            ("https://app.example/cb?x=1", Difference::Query),
            ("https://app.example/cb#x", Difference::Fragment),
            ("https://app.example:443/cb", Difference::Spelling),
            ("not an address", Difference::Spelling),
        ];
        for (sent, expected) in cases {
            assert_eq!(Difference::between(sent, registered), expected, "{sent}");
        }
    }

    #[test]
    fn the_closest_one_is_named() {
        let registered =
            ["https://other.example/".to_owned(), "https://app.example/callback".to_owned()];
        let closest = Difference::closest("https://app.example/callback/", &registered);
        let expected = ("https://app.example/callback", Difference::TrailingSlash);
        assert_eq!(closest, Some(expected));
        assert_eq!(Difference::closest("https://app.example/", &[]), None);
    }
}
