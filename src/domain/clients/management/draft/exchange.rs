//! The rules for what a client may exchange tokens for (RFC 8693).

use super::{Rule, broken};
use crate::domain::form::{FieldProblem, is_line};
use crate::protocol::client::{AuthMethod, ClientMetadata, ClientPolicy, GrantType};
use crate::protocol::resource::is_identifier;
use crate::protocol::token_exchange::MAX_ACTORS;

const MAX_NAMES: usize = 50;
const MAX_NAME_CHARS: usize = 255;

/// Everything that is wrong with it.
pub fn problems(metadata: &ClientMetadata, policy: &ClientPolicy) -> Vec<FieldProblem> {
    let exchanges = metadata.grant_types.contains(&GrantType::TokenExchange);
    let bears = metadata.grant_types.contains(&GrantType::JwtBearer);
    let public = metadata.token_endpoint_auth_method == AuthMethod::None;
    let policy = &policy.exchange;
    let actors = policy.actors.iter().chain(&policy.may_act);
    let depth = 1..=MAX_ACTORS;
    broken([
        ((exchanges || bears) && public, PUBLIC),
        (exchanges && policy.audiences.is_empty(), NOBODY),
        (policy.audiences.len() > MAX_NAMES, AUDIENCES),
        (!policy.audiences.iter().all(|one| is_identifier(one)), NO_IDENTIFIER),
        (actors.clone().count() > MAX_NAMES, ACTORS),
        (!actors.clone().all(|one| is_line(one, MAX_NAME_CHARS)), NO_NAME),
        (policy.max_actors.is_some_and(|most| !depth.contains(&(most as usize))), DEPTH),
    ])
}

const PUBLIC: Rule = (
    "grant_types",
    "error-grant-public",
    "token exchange and jwt-bearer need a client that proves who it is: a public one cannot use them",
);
const NOBODY: Rule = (
    "token_exchange_audiences",
    "error-exchange-nobody",
    "a client that exchanges tokens needs somebody to exchange them for",
);
const AUDIENCES: Rule = ("token_exchange_audiences", "error-uri-count", "at most 50");
const NO_IDENTIFIER: Rule = (
    "token_exchange_audiences",
    "error-resource-identifier",
    "name a resource by its identifier, an absolute URI",
);
const ACTORS: Rule = ("token_exchange_actors", "error-uri-count", "at most 50");
const NO_NAME: Rule =
    ("token_exchange_actors", "error-exchange-actor", "use 1 to 255 characters that can be seen");
const DEPTH: Rule = ("token_exchange_max_actors", "error-exchange-depth", "use 1 to 4");
