//! The addresses of PostgreSQL and Redis, as far as it matters where a password in them ends
//! (RFC 3986 §2.1, §3.2).
//!
//! The libraries that connect take part of a password with a `/` or a `%` of its own for a host, a port or
//! an option, and quote what they cannot read. So an address is read here first, and nothing that is
//! said here quotes any of it.

use std::borrow::Cow;
use url::form_urlencoded;

const ENCODE: &str = "has a character that must be percent-encoded: in user, password, NAME and options write \
                      @ as %40, / as %2F, ? as %3F, # as %23, % as %25 and a space as %20";
const NUL: &str = "must not have %00: no user, password or name can have it";
const HOST: &str = "must name its host as postgres://USER:PASSWORD@HOST:PORT/NAME, with a port from 1 to 65535; \
                    what is not a letter or a digit in user and password is percent-encoded";
const OPTIONS: &str = "must have options of the form NAME=VALUE after the ?, with & between them; & and = in a \
                       value are percent-encoded, as %26 and %3D";

/// Why libpq would not read a URL, or not as it is meant. It takes more characters as they are than
/// RFC 3986 lets it, and so does this; those where one part could end are not among them.
pub fn postgres_problem(url: &str) -> Option<&'static str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    if rest.bytes().any(|byte| byte <= b' ' || byte == 0x7F || byte == b'#') || !is_escaped(rest) {
        return Some(ENCODE);
    }
    if rest.contains("%00") {
        return Some(NUL);
    }
    let (authority, after) = authority(rest);
    if after.contains('@') || authority.matches('@').count() > 1 {
        return Some(ENCODE);
    }
    let hosts = authority.split_once('@').map_or(authority, |(_, hosts)| hosts);
    if !hosts.split(',').all(is_host) {
        return Some(HOST);
    }
    let is_pair = |pair: &str| pair.matches('=').count() == 1 && !pair.starts_with('=');
    let (_, options) = after.split_once('?')?;
    (!options.split('&').all(is_pair)).then_some(OPTIONS)
}

/// Why a URL of Redis would not be read as it is meant. Here an `@` in the password may stay: the last one is
/// taken for the end.
pub fn redis_problem(url: &str) -> Option<&'static str> {
    let (scheme, rest) = url.split_once("://")?;
    // A socket has a path alone.
    if scheme.ends_with("unix") {
        return None;
    }
    authority(rest).1.contains('@').then_some(ENCODE)
}

/// The passwords in a URL, as they are written and as they are meant.
pub fn passwords(url: &str) -> Vec<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let before = authority(rest).0.rsplit_once('@').map(|(who, _)| who);
    let in_authority = before.and_then(|who| who.split_once(':')).map(|(_, password)| password);
    let options = rest.split_once('?').map_or("", |(_, options)| options);
    let pairs = options.split('&').filter_map(|pair| pair.split_once('='));
    let is_password = |name: &str| unescaped(name).to_ascii_lowercase().contains("pass");
    let in_options = pairs.filter(|(name, _)| is_password(name)).map(|(_, password)| password);
    let both = |password: &str| [password.to_owned(), unescaped(password)];
    in_authority
        .into_iter()
        .chain(in_options)
        .flat_map(both)
        .filter(|one| !one.is_empty())
        .collect()
}

/// What stands before the path, the options or the fragment, and the rest.
fn authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

/// Whether every percent sign begins an escape.
fn is_escaped(text: &str) -> bool {
    let is_escape = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    text.split('%').skip(1).all(is_escape)
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`; either part may be absent.
fn is_host(text: &str) -> bool {
    let (host, after) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, after)) if !host.is_empty() => (host, after),
        Some(_) => return false,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.contains(['[', ']']) && (after.is_empty() || after.strip_prefix(':').is_some_and(is_port))
}

/// Undoes percent escapes; a plus stays one.
fn unescaped(text: &str) -> String {
    let escaped = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let first = form_urlencoded::parse(escaped.as_bytes()).next();
    first.map(|(text, _)| text).map(Cow::into_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_libpq_reads_as_it_is_meant_is_good() {
        for url in [
            "postgres://h/d",
            "postgresql://u:p@h/d",
            "postgres://u:Tr0ub4dor%25&3@127.0.0.1:1/db",
            "postgres://u:a%40b%2Fc%20d%23e%3Ff@h/d",
            "postgres://u:a:b,c\"d'e!f$g*(h)=i@h:5432/d?sslmode=disable",
            "postgres://u:gr\u{fc}n@h/d",
            "postgres://u:p@[2001:db8::1]:5432/d",
            "postgres://u:p@h1:1,h2,[::1]:3/d?target_session_attrs=any&options=-c%20x%3D1",
            "postgres:///d?host=/run/postgresql",
            "postgres://u@%2Frun%2Fpostgresql/d",
            "postgres://",
        ] {
            assert_eq!(postgres_problem(url), None, "{url}");
        }
    }

    #[test]
    fn a_character_that_would_end_the_password_early_must_be_encoded() {
        for password in [
            "Tr0ub4dor%&3",
            "s3cr et",
            "%",
            "%2",
            "%zz",
            "\u{20}x",
            "x\t",
            "x\n",
            "pa@ss",
            "pa/ss",
            "12/34",
            "pa?ss",
            "12?34",
            "pa#ss",
            "12#34",
            "@",
            "/",
            "a/?b=c",
        ] {
            let url = format!("postgres://user:{password}@127.0.0.1:1/db");
            assert_eq!(postgres_problem(&url), Some(ENCODE), "{url}");
        }
        let in_options = ["password=a b", "password=%", "password=a@b", "password=a#b"];
        for options in in_options {
            assert_eq!(postgres_problem(&format!("postgres://h/d?{options}")), Some(ENCODE));
        }
    }

    #[test]
    fn what_else_cannot_be_read_is_named_without_its_value() {
        let cases = [
            ("postgres://u:a%00b@h/d", NUL),
            ("postgres://user:hunter2", HOST),
            ("postgres://h:0/d", HOST),
            ("postgres://h:65536/d", HOST),
            ("postgres://u:p@h1:1:2/d", HOST),
            ("postgres://u:p@[::1/d", HOST),
            ("postgres://u:p@[]/d", HOST),
            ("postgres://u:p@[::1]x/d", HOST),
            ("postgres://h/d?", OPTIONS),
            ("postgres://h/d?password=a&b", OPTIONS),
            ("postgres://h/d?password=a=b", OPTIONS),
            ("postgres://h/d?=b", OPTIONS),
            ("postgres://h/d?sslmode=disable&", OPTIONS),
        ];
        for (url, says) in cases {
            assert_eq!(postgres_problem(url), Some(says), "{url}");
        }
    }

    #[test]
    fn a_password_of_redis_may_have_an_at_but_not_what_ends_a_host() {
        for url in [
            "redis://h",
            "redis://:p@ss@h:1/2",
            "rediss://h/#insecure",
            "redis+sentinel://u:p@a:1,b:2/main",
            "unix:///run/redis@1.sock?pass=a@b",
            "redis+unix:///run/redis@1.sock",
        ] {
            assert_eq!(redis_problem(url), None, "{url}");
        }
        for password in ["12/34", "12?34", "12#34", "/", "a/b"] {
            for scheme in ["redis", "rediss", "redis+sentinel", "redis+cluster"] {
                let url = format!("{scheme}://user:{password}@h/1");
                assert_eq!(redis_problem(&url), Some(ENCODE), "{url}");
            }
        }
    }

    #[test]
    fn passwords_are_found_wherever_they_stand() {
        let found =
            passwords("postgres://u:a%2Fb+c@h/d?sslmode=disable&password=x%25&sslpassword=y");
        assert_eq!(found, ["a%2Fb+c", "a/b+c", "x%25", "x%", "y", "y"]);
        assert_eq!(passwords("unix:///s?db=1&pass=a"), ["a", "a"]);
        for url in ["postgres://u@h/d", "postgres://h/d", "postgres://u:@h", "sqlite://a.db", ""] {
            assert!(passwords(url).is_empty(), "{url}");
        }
    }
}
