//! Connecting to PostgreSQL, and what may be said when that fails.
//!
//! libpq quotes what it cannot read in a URL, passwords among it. So what it says is passed on only from
//! where it has begun to connect, and then without the password.

use super::StorageError;
use crate::protocol::connection_url::passwords;
use diesel::ConnectionError;
use diesel::pg::PgConnection;
use diesel::prelude::*;

/// How the library finds out that the other side is gone: while it connects, while what was sent is
/// not acknowledged (milliseconds), while it waits for an answer.
/// And that it is no server that only follows another one: nothing is read there, because it may be
/// behind.
const OPTIONS: [(&str, &str); 6] = [
    ("target_session_attrs", "read-write"),
    ("connect_timeout", "2"),
    ("tcp_user_timeout", "3000"),
    ("keepalives_idle", "3"),
    ("keepalives_interval", "1"),
    ("keepalives_count", "3"),
];
/// How lines of libpq begin once it connects; before, they are about the URL and quote it.
const CONNECTING: [&str; 6] =
    ["connection to server ", "could not ", "FATAL:", "SSL ", "server ", "timeout "];
/// A password shorter than this is a part of words, which would tell what is missing in them.
const SHORT: usize = 4;

/// Connects.
///
/// # Errors
///
/// `Unavailable` when no server lets us in, `Url` when libpq cannot use the URL.
pub(super) fn establish(url: &str) -> Result<PgConnection, StorageError> {
    PgConnection::establish(&with_options(url)).map_err(|error| failure(&error, url))
}

/// The URL with the options that it does not name itself.
fn with_options(url: &str) -> String {
    let query = url.split_once('?').map(|(_, query)| query);
    let is_named = |name: &str| {
        let mut names = query.unwrap_or_default().split('&');
        names.any(|pair| pair.split('=').next() == Some(name))
    };
    let mut url = url.to_owned();
    for (name, value) in OPTIONS.into_iter().filter(|(name, _)| !is_named(name)) {
        let before = if url.contains('?') { '&' } else { '?' };
        url.push_str(&format!("{before}{name}={value}"));
    }
    url
}

fn failure(error: &ConnectionError, url: &str) -> StorageError {
    const UNREADABLE: &str =
        "has an option that PostgreSQL's library does not know, or a value that it does not take";

    let text = error.to_string();
    let has_begun = CONNECTING.iter().any(|begin| text.starts_with(begin));
    // Numbers in the URL are read only when they are needed.
    let quotes =
        ["for connection option", "invalid port number"].iter().any(|part| text.contains(part));
    match has_begun && !quotes {
        true => StorageError::Unavailable(without_passwords(&text, url).into()),
        false => StorageError::Url(UNREADABLE),
    }
}

/// A text without the passwords of the URL.
fn without_passwords(text: &str, url: &str) -> String {
    let passwords = passwords(url);
    let present: Vec<&String> = passwords.iter().filter(|one| text.contains(*one)).collect();
    if present.iter().any(|password| password.len() < SHORT) {
        return "what PostgreSQL's library says has the password in it, and is not shown"
            .to_owned();
    }
    present.into_iter().fold(text.to_owned(), |text, password| text.replace(password, "********"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_05_a_connection_has_deadlines_unless_the_url_names_others() {
        let plain = with_options("postgres://h/d");
        assert!(plain.starts_with("postgres://h/d?target_session_attrs=read-write&"));
        assert!(plain.contains("&connect_timeout=2&tcp_user_timeout=3000&"));
        let own = with_options("postgres://h/d?sslmode=disable&connect_timeout=9");
        assert!(own.starts_with("postgres://h/d?sslmode=disable&connect_timeout=9&target"));
        assert!(!own.contains("connect_timeout=2"));
    }

    /// What comes of a URL that nobody looked at before, with all causes.
    fn said(url: &str) -> (StorageError, String) {
        let error = establish(url).map(drop).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let said = format!("{error}: {} {error:?}", cause.unwrap_or_default());
        (error, said)
    }

    #[test]
    fn what_libpq_cannot_read_is_a_wrong_url_and_is_not_quoted() {
        for url in [
            "postgres://user:Tr0ub4dor%&3@127.0.0.1:1/db",
            "postgres://user:Tr0ub4dor et@127.0.0.1:1/db",
            "postgres://user:Tr0ub4dor%00@127.0.0.1:1/db",
            "postgres://user:Tr0ub4dor/x@127.0.0.1:1/db",
            "postgres://user:Tr0ub4dor",
            "postgres://user:p@[Tr0ub4dor",
            "postgres://user:p@127.0.0.1:1/db?Tr0ub4dor=x",
            "postgres://user:p@127.0.0.1:1/db?password=x&Tr0ub4dor",
            "postgres://user:p@127.0.0.1:1/db?sslmode=Tr0ub4dor",
            "postgres://user:p@127.0.0.1:1/db?connect_timeout=Tr0ub4dor",
            "postgres://user:p@127.0.0.1:1/db?service=Tr0ub4dor",
            "postgres://user:p@127.0.0.1:1,127.0.0.1:Tr0ub4dor/db",
            "host=127.0.0.1 password=Tr0ub4dor port",
            "Tr0ub4dor=1",
        ] {
            let (error, said) = said(url);
            assert!(matches!(error, StorageError::Url(_)), "{url}: {said}");
            assert!(!said.contains("Tr0ub4dor"), "{url}: {said}");
        }
    }

    #[test]
    fn a_server_that_is_away_is_named_without_the_password() {
        for url in [
            "postgres://user:Tr0ub4dor@127.0.0.1:1/db",
            "postgres://user:Tr0ub4dor@[::1]:1,127.0.0.1:1/db",
            "postgres://user@127.0.0.1:1/db?password=Tr0ub4dor",
            "postgres://user:Tr0ub4dor@127.0.0.1:1/db?sslrootcert=/Tr0ub4dor&sslmode=verify-full",
        ] {
            let (error, said) = said(url);
            assert!(matches!(error, StorageError::Unavailable(_)), "{url}: {said}");
            assert!(said.contains("127.0.0.1"), "{url}: {said}");
            assert!(!said.contains("Tr0ub4dor"), "{url}: {said}");
        }
    }

    #[test]
    fn a_password_that_a_text_repeats_is_taken_out_as_written_and_as_meant() {
        let url = "postgres://u:p%61ss%2Fword@h/d";
        let text = without_passwords("at \"p%61ss%2Fword\": no pass/word, FATAL", url);
        assert_eq!(text, "at \"********\": no ********, FATAL");
        assert_eq!(without_passwords("FATAL: away", url), "FATAL: away");
        let short = without_passwords("connection to server at 127.0.0.1", "postgres://u:1@h/d");
        assert!(!short.contains('1'), "{short}");
    }
}
