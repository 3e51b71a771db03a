//! Who a person is: names, addresses, claims.

use super::{AccountError, User, claims, event, existing};
use crate::domain::audit::{Actor, EventExt};
use crate::domain::form::{FieldProblem, is_hidden, is_name};
use crate::domain::ground::Ground;
use crate::storage::{DbConnection, StorageError, audit, settings, users};
use serde_json::{Map, Value};
use unic_langid::LanguageIdentifier;

const MAX_EMAIL_BYTES: usize = 254;
const MAX_NAME_CHARS: usize = 100;
const MAX_USERNAME_CHARS: usize = 64;

/// What a profile holds; each is written over what was there.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub email: String,
    pub email_verified: bool,
    pub username: Option<String>,
    pub name: Option<String>,
    pub claims: Map<String, Value>,
    /// The language of the pages, a BCP 47 tag.
    pub language: Option<String>,
}

impl Profile {
    /// The profile of a user as it is.
    pub fn of(user: &User) -> Self {
        Self {
            email: user.email.clone(),
            email_verified: user.email_verified,
            username: user.username.clone(),
            name: user.name.clone(),
            claims: user.claims.clone(),
            language: user.language.clone(),
        }
    }

    /// What is stored by now, with all of this that differs from what was seen.
    fn over(self, seen: &Self, stored: Self) -> Self {
        let (email, email_verified) = match (self.email == seen.email, stored.email == seen.email) {
            (false, _) => (self.email, self.email_verified),
            (true, true) => {
                let verified =
                    newer(self.email_verified, &seen.email_verified, stored.email_verified);
                (stored.email, verified)
            }
            // What was said is about an address that is there no more.
            (true, false) => (stored.email, stored.email_verified),
        };
        let mut claims = stored.claims;
        for name in seen.claims.keys().chain(self.claims.keys()) {
            match self.claims.get(name) {
                own if own == seen.claims.get(name) => None,
                Some(own) => claims.insert(name.clone(), own.clone()),
                None => claims.remove(name),
            };
        }
        Self {
            email,
            email_verified,
            username: newer(self.username, &seen.username, stored.username),
            name: newer(self.name, &seen.name, stored.name),
            language: newer(self.language, &seen.language, stored.language),
            claims,
        }
    }

    /// Everything that is wrong with it.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let username = self.username.as_deref();
        let name = self.name.as_deref();
        let language = self.language.as_deref();
        let mut problems: Vec<FieldProblem> = [
            email_problem(&self.email),
            username.and_then(|name| username_problem(name, &self.email)),
            name.filter(|name| !is_name(name, MAX_NAME_CHARS)).map(|_| {
                let says = "at most 100 characters that can be seen, without space around them";
                FieldProblem::new("name", "error-name", says)
            }),
            language.filter(|tag| tag.parse::<LanguageIdentifier>().is_err()).map(|_| {
                FieldProblem::new("language", "error-language", "use a language tag such as en")
            }),
        ]
        .into_iter()
        .flatten()
        .collect();
        problems.extend(claims::check(&self.claims));
        problems
    }
}

/// Writes what of a profile is not as it was `seen`; what others changed meanwhile stays. A person
/// who changes their own email has to prove the new one. One that is as it was leaves no entry.
///
/// # Errors
///
/// `Invalid` with all that is wrong, `Taken` when somebody else has the email or user name,
/// `NotFound`.
pub async fn update_profile(
    ground: &Ground,
    seen: &User,
    profile: Profile,
    actor: &Actor,
) -> Result<User, AccountError> {
    let profile = Profile { email: profile.email.trim().to_owned(), ..profile };
    AccountError::check(profile.problems())?;
    let (id, seen) = (seen.id.clone(), Profile::of(seen));
    let (actor, now) = (actor.clone(), ground.now());
    let version = ground.random.id();
    ground
        .transact(move |conn| {
            let before = existing(conn, &id)?;
            let profile = profile.over(&seen, Profile::of(&before));
            AccountError::check(profile.problems())?;
            let is_self = actor.name == format!("user:{id}");
            let same_email = before.email == profile.email;
            let user = User {
                email_verified: match is_self {
                    true => same_email && before.email_verified,
                    false => profile.email_verified,
                },
                email: profile.email,
                username: profile.username,
                name: profile.name,
                claims: profile.claims,
                language: profile.language,
                updated_at: now,
                ..before.clone()
            };
            let changed = changed(&before, &user).join(", ");
            if changed.is_empty() {
                return Ok(before);
            }
            check_free(conn, &user)?;
            users::update(conn, &user)?;
            let event = event(&actor, "user.update", &id, now);
            audit::insert(conn, &event.details(format!("changed: {changed}")))?;
            settings::bump_cache_version(conn, &version)?;
            Ok(user)
        })
        .await
}

/// What somebody says, if it is not what they saw; else what is there by now.
fn newer<T: PartialEq>(own: T, seen: &T, stored: T) -> T {
    if own == *seen { stored } else { own }
}

/// Whether somebody else has the email address or the user name of a profile; the writing transaction
/// has the last word.
///
/// # Errors
///
/// Those of the database.
pub async fn name_taken(
    ground: &Ground,
    id: &str,
    profile: &Profile,
) -> Result<Option<AccountError>, StorageError> {
    let (id, email, username) = (id.to_owned(), profile.email.clone(), profile.username.clone());
    let read =
        move |conn: &mut DbConnection| match check_names(conn, &id, &email, username.as_deref()) {
            Ok(()) => Ok(None),
            Err(AccountError::Storage(error)) => Err(error),
            Err(taken) => Ok(Some(taken)),
        };
    ground.db.read(read).await
}

fn changed(before: &User, after: &User) -> Vec<&'static str> {
    let parts = [
        ("email", before.email != after.email),
        ("email_verified", before.email_verified != after.email_verified),
        ("username", before.username != after.username),
        ("name", before.name != after.name),
        ("claims", before.claims != after.claims),
        ("language", before.language != after.language),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// Whether nobody else has the login names of `user`; the primary key has the last word.
pub(super) fn check_free(conn: &mut DbConnection, user: &User) -> Result<(), AccountError> {
    check_names(conn, &user.id, &user.email, user.username.as_deref())
}

fn check_names(
    conn: &mut DbConnection,
    id: &str,
    email: &str,
    username: Option<&str>,
) -> Result<(), AccountError> {
    let mut taken = |name: &str| -> Result<bool, StorageError> {
        let owner = users::find_by_login_name(conn, name)?;
        Ok(owner.is_some_and(|owner| owner.id != id))
    };
    if taken(email)? {
        return Err(AccountError::Taken("email"));
    }
    match username {
        Some(username) if taken(username)? => Err(AccountError::Taken("username")),
        _ => Ok(()),
    }
}

fn email_problem(email: &str) -> Option<FieldProblem> {
    let says = "use an address of the form name@example.com, at most 254 bytes";
    (!is_email(email)).then(|| FieldProblem::new("email", "error-email", says))
}

/// One address, as a mail server would take it without quoting.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_local = |c: char| !c.is_whitespace() && !is_hidden(c) && !"\"(),:;<>@[\\]".contains(c);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= MAX_EMAIL_BYTES
        && (1..=64).contains(&local.len())
        && local.chars().all(is_local)
        && !domain.is_empty()
        && domain.split('.').all(is_label)
}

fn username_problem(username: &str, email: &str) -> Option<FieldProblem> {
    let problem = |says: &'static str| Some(FieldProblem::new("username", "error-username", says));
    if username.contains('@') {
        let own = users::canonical(username) == users::canonical(email);
        return if own { None } else { problem("an @ is only for email addresses") };
    }
    let fits = |c: char| (c.is_alphanumeric() && !is_variant(c)) || "._-+".contains(c);
    if username.is_empty() || username.chars().count() > MAX_USERNAME_CHARS {
        return problem("use 1 to 64 characters");
    }
    if !username.chars().all(fits) {
        return problem("use letters, digits, dot, dash, plus and underscore, without spaces");
    }
    match mixes_alphabets(username) {
        true => problem("letters of different alphabets look alike; use one alphabet"),
        false => None,
    }
}

/// Letters that are other letters in another shape: full width, mathematical.
fn is_variant(character: char) -> bool {
    matches!(character, '\u{FB00}'..='\u{FFFF}' | '\u{10000}'..)
}

fn mixes_alphabets(text: &str) -> bool {
    let alphabet = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' => Some("latin"),
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Some("greek"),
        '\u{400}'..='\u{52F}' => Some("cyrillic"),
        '\u{530}'..='\u{58F}' => Some("armenian"),
        '\u{13A0}'..='\u{13FF}' => Some("cherokee"),
        _ => None,
    };
    let mut alphabets = text.chars().filter_map(alphabet);
    let first = alphabets.next();
    alphabets.any(|other| Some(other) != first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_email_is_one_plain_address() {
        for good in ["ada@example.com", "a.b+c@mail.example", "root@localhost", "ö@exämple.de"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in ["", "ada", "@x", "a@", "a b@x", "a@x,b@x", "a@x\r\nBcc: b@x", "a@-x", "a@@x"] {
            assert!(!is_email(bad), "{bad:?}");
        }
        assert!(!is_email(&long));
    }

    #[test]
    fn lg_15_a_username_cannot_pass_for_another() {
        let own = "ada@example.com";
        for good in ["ada", "ada.l-1_x", "josé", "ада", "ada@example.com", "李"] {
            assert!(username_problem(good, own).is_none(), "{good}");
        }
        for bad in [
            "",
            "ada ",
            " ada",
            "a da",
            "ada\u{202E}",
            "ada\u{200B}",
            "ada\u{0}",
            "\u{430}dmin",
            "adm\u{131}n\u{3BF}",
            "ａｄａ",
            "bob@example.com",
        ] {
            assert!(username_problem(bad, own).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn what_others_changed_meanwhile_stays() {
        let claims = |value: &Value| value.as_object().cloned().unwrap();
        let seen = Profile {
            email: "ada@example.com".into(),
            email_verified: false,
            username: Some("ada".into()),
            name: Some("Ada".into()),
            claims: claims(&json!({ "given_name": "Ada", "locale": "en", "gender": "x" })),
            language: None,
        };
        let own = Profile {
            name: Some("Ada L".into()),
            email_verified: true,
            claims: claims(&json!({ "given_name": "A", "locale": "en" })),
            ..seen.clone()
        };
        let stored = Profile {
            email: "ada@example.org".into(),
            username: None,
            claims: claims(&json!({ "given_name": "Ada", "gender": "y", "attributes": {} })),
            language: Some("de".into()),
            ..seen.clone()
        };
        let expected = Profile {
            name: Some("Ada L".into()),
            claims: claims(&json!({ "given_name": "A", "attributes": {} })),
            ..stored.clone()
        };
        assert_eq!(own.clone().over(&seen, stored), expected);
        assert_eq!(own.clone().over(&seen, seen.clone()), own);
        let moved = Profile { email: "l@example.com".into(), ..seen.clone() };
        let verified = Profile { email_verified: true, ..seen.clone() };
        assert_eq!(moved.clone().over(&seen, verified), moved);
    }

    #[test]
    fn every_problem_is_said_at_once() {
        let profile = Profile {
            email: "x".into(),
            email_verified: false,
            username: Some("a b".into()),
            name: Some("a\u{202E}".into()),
            claims: Map::from_iter([("admin".to_owned(), Value::Bool(true))]),
            language: Some("??".into()),
        };
        let fields: Vec<_> = profile.problems().iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["email", "username", "name", "language", "claims"]);
    }
}
