//! What the domain finds wrong with a form, as the pages say it: the one place that knows both.

use super::text::Text;
use super::views::Errors;
use super::views::problem::Problem;
use crate::domain::clients::management::ClientError;
use crate::domain::form::FieldProblem;
use crate::domain::identity::passwords;
use crate::domain::identity::users::AccountError;

/// Adds what the domain found to what a form shows.
pub fn add(errors: &mut Errors, text: Text, problems: &[FieldProblem]) {
    for problem in problems {
        errors.add(field(problem), text, of(problem));
    }
}

/// Adds what is wrong with a new password that was typed twice.
pub fn add_new_password(errors: &mut Errors, text: Text, new: &str, again: &str) {
    let problem = match new.len() {
        0 => Problem::Missing,
        length if length > *passwords::LENGTH.end() => Problem::PasswordTooLong,
        length if length < *passwords::LENGTH.start() => password_too_short(),
        _ if new != again => {
            return errors.add("new-password-confirm", text, Problem::PasswordsDiffer);
        }
        _ => return,
    };
    errors.add("new-password", text, problem);
}

/// Why an account was not made or changed, for a page with one place to say so, such as a confirm
/// page. None for what a form has no part in: a fault of ours, somebody who is gone.
pub fn of_account(error: &AccountError) -> Option<Problem> {
    match error {
        AccountError::LastAdmin => Some(Problem::LastAdmin),
        AccountError::Yourself => Some(Problem::Yourself),
        other => other.problems().first().map(of),
    }
}

/// As [`of_account`], for a client.
pub fn of_client(error: &ClientError) -> Option<Problem> {
    match error {
        ClientError::LastSecret => Some(Problem::LastSecret),
        other => other.problems().first().map(of),
    }
}

/// The id of the field at which a problem is shown.
pub fn field(problem: &FieldProblem) -> &str {
    match problem.field {
        "password" => "new-password",
        "client_name" => "name",
        "expires_in" => "hours",
        "id_token_signed_response_alg" => "id_token_alg",
        "token_endpoint_auth_method" => "auth_method",
        // The sentence about a claim begins with its name, which is that of its field.
        "claims" => problem.says.split(' ').next().unwrap_or("claims"),
        other => other,
    }
}

/// What a problem of the domain is to the person at the form.
pub fn of(problem: &FieldProblem) -> Problem {
    known(problem).unwrap_or(Problem::Invalid)
}

fn known(problem: &FieldProblem) -> Option<Problem> {
    of_user(problem)
        .or_else(|| of_client_member(problem))
        .or_else(|| of_resource_member(problem))
        .or_else(|| of_issuer(problem))
        .or_else(|| of_upstream_member(problem))
        .or_else(|| of_initial_token(problem))
}

fn of_user(problem: &FieldProblem) -> Option<Problem> {
    Some(match (problem.key, problem.field) {
        ("error-email", _) => Problem::EmailInvalid,
        ("error-username", _) => Problem::UsernameInvalid,
        ("error-name", _) => Problem::NameInvalid,
        ("error-language", _) => Problem::ChoiceInvalid,
        ("error-name-taken", "username") => Problem::UsernameTaken,
        ("error-name-taken", _) => Problem::EmailTaken,
        ("error-password-length", _) => password_too_short(),
        ("error-claims", _) => Problem::ClaimInvalid,
        ("error-membership", _) => Problem::ListInvalid,
        ("error-membership-count", _) => Problem::TooMany,
        ("error-reason", _) => Problem::ReasonInvalid,
        _ => return None,
    })
}

fn of_client_member(problem: &FieldProblem) -> Option<Problem> {
    Some(match problem.key {
        "error-redirect-uri" => of_address(&problem.says, problem.line.unwrap_or(1)),
        "error-redirect-missing" => Problem::AddressMissing,
        "error-client-name" => Problem::NameInvalid,
        "error-client-id" => Problem::ClientIdInvalid,
        "error-client-id-taken" => Problem::ClientIdTaken,
        "error-contacts" => Problem::BadCharacter,
        "error-uri-count" => Problem::TooMany,
        "error-uri" | "error-logout-uri" => Problem::LinkInvalid,
        "error-frontchannel-origin" => Problem::FrontChannelOrigin,
        "error-grant-missing" => Problem::GrantMissing,
        "error-grant-refresh" => Problem::GrantRefresh,
        "error-grant-public" => Problem::GrantPublic,
        "error-offline-scope" => Problem::OfflineScope,
        "error-public-pkce" => Problem::PublicPkce,
        "error-response-type" | "error-response-grant" | "error-response-implicit" => {
            Problem::ResponseInvalid
        }
        "error-sector-missing" => Problem::SectorMissing,
        "error-sector" => Problem::SectorInvalid,
        "error-encryption-keys" => Problem::EncryptionKeysMissing,
        "error-jwks-both" => Problem::KeysTwice,
        "error-jwks-missing" => Problem::KeysMissing,
        "error-request-keys" => Problem::RequestKeysMissing,
        "error-enc-alone" => Problem::EncWithoutAlg,
        "error-profile" => Problem::ProfileForbids,
        "error-response-keys" => Problem::ResponseKeysMissing,
        "error-jwks" | "error-jwks-unfit" | "error-encryption-jwk" => Problem::KeysInvalid,
        "error-certificate-name" => Problem::Invalid,
        "error-certificate-name-missing"
        | "error-certificate-name-count"
        | "error-certificate-name-unused" => Problem::CertificateName,
        "error-assertion-alg-unused" | "error-algorithm" => Problem::ChoiceInvalid,
        "error-lifetime" => Problem::LifetimeInvalid,
        "error-always-refresh" => Problem::RefreshMissing,
        "error-exchange-nobody" => Problem::ExchangeNobody,
        "error-exchange-actor" => Problem::ListInvalid,
        "error-exchange-depth" => Problem::ExchangeDepth,
        _ => return None,
    })
}

fn of_upstream_member(problem: &FieldProblem) -> Option<Problem> {
    Some(match problem.key {
        "error-slug" => Problem::SlugInvalid,
        "error-slug-taken" => Problem::SlugTaken,
        "error-upstream-endpoint" => Problem::EndpointMisplaced,
        "error-upstream-sign-up" => Problem::SignUpUntrusted,
        "error-scope" => Problem::ScopeInvalid,
        "error-claim-name" => Problem::BadCharacter,
        _ => return None,
    })
}

fn of_resource_member(problem: &FieldProblem) -> Option<Problem> {
    Some(match problem.key {
        "error-resource-identifier" => Problem::IdentifierInvalid,
        "error-resource-taken" => Problem::IdentifierTaken,
        "error-resource-name" => Problem::NameInvalid,
        "error-resource-scope" => Problem::ScopeInvalid,
        "error-resource-key" => Problem::RecipientMissing,
        "error-details-type" | "error-details-types" => Problem::DetailsInvalid,
        "error-details-type-taken" => Problem::DetailsTaken,
        "error-scope-count" => Problem::TooMany,
        "error-scope-reserved" => Problem::ScopeReserved,
        "error-scope-translation" => Problem::ScopeTranslation,
        "error-scope-words" => Problem::BadCharacter,
        "error-private-claim" => Problem::PrivateClaim(problem.line.unwrap_or(1)),
        _ => return None,
    })
}

fn of_issuer(problem: &FieldProblem) -> Option<Problem> {
    Some(match problem.key {
        "error-issuer-name" => Problem::NameInvalid,
        "error-issuer" | "error-issuer-claim" | "error-issuer-subject" => Problem::BadCharacter,
        "error-issuer-own" => Problem::IssuerOwn,
        "error-issuer-taken" => Problem::IssuerTaken,
        "error-issuer-keys" => Problem::IssuerKeys,
        "error-issuer-user" => Problem::IssuerUser,
        _ => return None,
    })
}

fn of_initial_token(problem: &FieldProblem) -> Option<Problem> {
    Some(match problem.key {
        "error-token-label" => Problem::NameInvalid,
        "error-token-uses" => Problem::UsesInvalid,
        "error-token-lifetime" => Problem::HoursInvalid,
        _ => return None,
    })
}

/// The rule for redirect addresses names what is wrong in its sentence alone.
fn of_address(says: &str, line: usize) -> Problem {
    let about = |word: &str| says.contains(word);
    if about("fragment") {
        return Problem::AddressFragment(line);
    }
    if about("wildcard") {
        return Problem::AddressWildcard(line);
    }
    if about("http is allowed only") {
        return Problem::AddressInsecure(line);
    }
    match about("use https") || about("custom scheme") {
        true => Problem::AddressScheme(line),
        false => Problem::AddressInvalid(line),
    }
}

fn password_too_short() -> Problem {
    Problem::PasswordTooShort(u32::try_from(*passwords::LENGTH.start()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clients::management::ClientDraft;
    use crate::domain::identity::users::NewUser;
    use crate::protocol::client::{ClientMetadata, GrantType};
    use std::collections::BTreeSet;
    use std::path::Path;

    /// What the domain calls problems that are no field's.
    const NO_FIELD: [&str; 11] = [
        "error-invalid",
        "error-user-not-found",
        "error-last-admin",
        "error-yourself",
        "error-setup-closed",
        "error-server",
        "error-client-not-found",
        "error-client-changed",
        "error-client-no-secret",
        "error-client-last-secret",
        "error-client-secret-not-found",
    ];

    fn keys(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain").join(folder);
        let sources = std::fs::read_dir(folder).unwrap().flatten();
        let texts = sources.filter(|file| file.path().extension().is_some_and(|end| end == "rs"));
        let mut found = BTreeSet::new();
        for text in texts.map(|file| std::fs::read_to_string(file.path()).unwrap()) {
            let starts = text.split("\"error-").skip(1);
            found.extend(
                starts.filter_map(|rest| Some(format!("error-{}", rest.split('"').next()?))),
            );
        }
        found
    }

    #[test]
    fn every_problem_of_accounts_and_clients_has_words() {
        let mut all = keys("identity/users");
        all.extend(keys("clients/management"));
        all.extend(keys("resources"));
        all.extend(keys("issuers"));
        all.extend(keys("registration"));
        assert!(all.len() > 25, "the keys were not found: {all:?}");
        for key in all.iter().filter(|key| !NO_FIELD.contains(&key.as_str())) {
            let key: &'static str = key.clone().leak();
            let problem = FieldProblem::new("x", key, "");
            assert!(known(&problem).is_some(), "{key}");
        }
    }

    #[test]
    fn each_mistake_in_an_address_is_told_apart() {
        let addresses = [
            "https://a.example/#x",
            "https://*.example/",
            "http://a.example/",
            "javascript:alert(1)",
            "callback",
            "https://u@a.example/",
        ];
        let metadata = ClientMetadata {
            redirect_uris: addresses.map(str::to_owned).into(),
            grant_types: vec![GrantType::AuthorizationCode],
            ..ClientMetadata::default()
        };
        let draft = ClientDraft { name: "App".into(), metadata, ..ClientDraft::default() };
        let found = draft.problems();
        let addresses = found.iter().filter(|problem| problem.key == "error-redirect-uri");
        let expected = [
            Problem::AddressFragment(1),
            Problem::AddressWildcard(2),
            Problem::AddressInsecure(3),
            Problem::AddressScheme(4),
            Problem::AddressInvalid(5),
            Problem::AddressInvalid(6),
        ];
        assert_eq!(addresses.map(of).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_problem_stands_at_the_field_of_the_form() {
        let new = NewUser {
            email: "nobody".into(),
            password: Some("short".into()),
            claims: [("given_name".to_owned(), "a\nb".into())].into_iter().collect(),
            ..NewUser::default()
        };
        let mut errors = Errors::default();
        add(&mut errors, Text::default(), &new.problems());
        for name in ["email", "new-password", "given_name"] {
            assert!(errors.get(name).is_some(), "{name}");
        }
        assert_eq!(errors.iter().count(), 3);
    }

    #[test]
    fn a_new_password_is_typed_twice_and_is_8_to_512_bytes() {
        let field = |new: &str, again: &str| {
            let mut errors = Errors::default();
            add_new_password(&mut errors, Text::default(), new, again);
            errors.iter().map(|error| error.field.clone()).next()
        };
        assert_eq!(field("correct horse", "correct horse"), None);
        assert_eq!(field("correct horse", "correct").as_deref(), Some("new-password-confirm"));
        for wrong in ["", "1234567", &"x".repeat(513)] {
            assert_eq!(field(wrong, wrong).as_deref(), Some("new-password"), "{wrong}");
        }
    }
}
