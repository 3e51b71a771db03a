//! Private claims by rules: what a client or a resource wants to read of a person in its tokens.

use super::form::FieldProblem;
use super::grants::Person;
use super::tokens::userinfo;
use crate::protocol::private_claims::{MAX_RULES, PrivateClaims, Source, problem};
use crate::storage::users::User;
use serde_json::{Map, Value};

/// Where an account keeps what is no standard claim.
pub const ATTRIBUTES: &str = "attributes";

/// The claims that rules give for a person, or for a client that acts for itself. What is not there
/// is left out.
pub fn of(rules: &PrivateClaims, person: Option<&Person>) -> Map<String, Value> {
    let person = person.map(|of| (&of.user, &of.roles[..], &of.groups[..]));
    made(rules, person)
}

/// As [`of`], for somebody whose account was read by itself.
pub fn of_user(
    rules: &PrivateClaims,
    user: &User,
    (roles, groups): (&[String], &[String]),
) -> Map<String, Value> {
    made(rules, Some((user, roles, groups)))
}

fn made(
    rules: &PrivateClaims,
    person: Option<(&User, &[String], &[String])>,
) -> Map<String, Value> {
    let value = |source| match (source, person) {
        (Source::Text(words), _) => Some(words.into()),
        (Source::User(name), Some((user, ..))) => attribute(user, name),
        (Source::Roles(prefix), Some((_, roles, _))) => beginning(roles, prefix),
        (Source::Groups(prefix), Some((_, _, groups))) => beginning(groups, prefix),
        (_, None) => None,
    };
    let claims = rules.iter().filter_map(|(name, source)| {
        let value = Source::parse(source).and_then(value)?;
        Some((name.clone(), value))
    });
    claims.collect()
}

/// A claim of the account, or one of its attributes.
fn attribute(user: &User, name: &str) -> Option<Value> {
    match name {
        ATTRIBUTES => None,
        name => {
            userinfo::value(user, name).or_else(|| user.claims.get(ATTRIBUTES)?.get(name).cloned())
        }
    }
}

fn beginning(names: &[String], prefix: &str) -> Option<Value> {
    let found: Vec<&String> = names.iter().filter(|name| name.starts_with(prefix)).collect();
    (!found.is_empty()).then(|| Value::from_iter(found.into_iter().cloned()))
}

/// Everything that is wrong with the rules of a field.
pub fn problems(field: &'static str, rules: &PrivateClaims) -> Vec<FieldProblem> {
    let mut all: Vec<FieldProblem> = rules
        .iter()
        .enumerate()
        .filter_map(|(index, (name, source))| {
            let says = problem(name, source)?;
            let named = format!("the claim {says}");
            Some(FieldProblem::new(field, "error-private-claim", named).at(index))
        })
        .collect();
    if rules.len() > MAX_RULES {
        all.push(FieldProblem::new(field, "error-scope-count", "at most 50"));
    }
    all
}
