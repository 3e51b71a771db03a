//! What the services find wrong with a form, in the words of its page.

use crate::domain::form::{FieldProblem, is_hidden};
use crate::domain::identity::passwords;
use crate::http::text::Text;
use crate::http::views::Errors;
use crate::http::views::problem::Problem;
use url::Url;

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// What is wrong with a reason for the audit log.
pub fn of_reason(reason: &str) -> Option<Problem> {
    match reason {
        "" => Some(Problem::ReasonMissing),
        long if long.chars().count() > MAX_REASON => Some(Problem::TooLong),
        hidden if hidden.chars().any(is_hidden) => Some(Problem::BadCharacter),
        _ => None,
    }
}

/// The mistakes in the form of an account.
pub fn of_account(text: Text, password: Option<&str>, problems: &[FieldProblem]) -> Errors {
    let mut errors = Errors::default();
    for problem in problems {
        let (field, words) = match (problem.field, problem.key) {
            ("email", "error-name-taken") => ("email", Problem::EmailTaken),
            ("email", _) => ("email", Problem::EmailInvalid),
            ("username", "error-name-taken") => ("username", Problem::UsernameTaken),
            ("username", _) => ("username", Problem::UsernameInvalid),
            ("password", _) => ("new-password", of_password(password)),
            (field, "error-membership-count") => (field, Problem::TooLong),
            (field @ ("roles" | "groups"), _) => (field, Problem::ListInvalid),
            (field, _) => (field, Problem::BadCharacter),
        };
        errors.add(field, text, words);
    }
    errors
}

fn of_password(password: Option<&str>) -> Problem {
    let (least, given) = (*passwords::LENGTH.start(), password.map_or(0, str::len));
    match given < least {
        true => Problem::PasswordTooShort(u32::try_from(least).unwrap_or(u32::MAX)),
        false => Problem::PasswordTooLong,
    }
}

/// The mistakes in a form of a client. `addresses` finds an address by field and place.
pub fn of_client<'a>(
    text: Text,
    problems: &[FieldProblem],
    addresses: impl Fn(&str, usize) -> Option<&'a str>,
) -> Errors {
    let mut errors = Errors::default();
    for problem in problems {
        let line = problem.line.unwrap_or(1);
        let (field, words) = match (problem.field, problem.key) {
            ("client_name", _) => ("name", Problem::BadCharacter),
            (field, "error-redirect-uri") => {
                let address = addresses(field, line - 1).unwrap_or_default();
                (field, of_address(address, line))
            }
            (field, "error-redirect-missing") => (field, Problem::AddressMissing),
            (field, "error-uri-count") => (field, Problem::TooLong),
            ("grant_types", "error-grant-refresh") => ("grant_types", Problem::GrantRefresh),
            ("grant_types", "error-grant-public") => ("grant_types", Problem::GrantPublic),
            ("grant_types", _) => ("grant_types", Problem::GrantMissing),
            ("jwks", _) => ("auth_method", Problem::KeysMissing),
            ("id_token_signed_response_alg", _) => ("id_token_alg", Problem::ChoiceInvalid),
            (field, _) => (field, Problem::ChoiceInvalid),
        };
        errors.add(field, text, words);
    }
    errors
}

/// Which rule an address breaks that was refused.
fn of_address(address: &str, line: usize) -> Problem {
    if address.contains('#') {
        return Problem::AddressFragment(line);
    }
    if address.contains('*') {
        return Problem::AddressWildcard(line);
    }
    match Url::parse(address) {
        Ok(url) if url.scheme() == "http" && url.username().is_empty() => {
            Problem::AddressInsecure(line)
        }
        Ok(url) if url.scheme() != "https" => Problem::AddressScheme(line),
        _ => Problem::AddressInvalid(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_what_is_wrong_with_it() {
        for (address, problem) in [
            ("https://a.example/#x", Problem::AddressFragment(2)),
            ("https://*.example/", Problem::AddressWildcard(2)),
            ("http://a.example/", Problem::AddressInsecure(2)),
            ("javascript:alert(1)", Problem::AddressScheme(2)),
            ("a.example/cb", Problem::AddressInvalid(2)),
            ("https://u@a.example/", Problem::AddressInvalid(2)),
        ] {
            assert_eq!(of_address(address, 2), problem, "{address}");
        }
    }

    #[test]
    fn a_reason_must_be_there_and_be_readable() {
        assert_eq!(of_reason(""), Some(Problem::ReasonMissing));
        assert_eq!(of_reason(&"x".repeat(501)), Some(Problem::TooLong));
        assert_eq!(of_reason("a\u{202E}b"), Some(Problem::BadCharacter));
        assert_eq!(of_reason("left the company"), None);
    }
}
