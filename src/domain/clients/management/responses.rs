//! The response types of a client, and the grants that belong to them (RFC 7591 §2.1).

use super::draft::broken;
use crate::domain::form::FieldProblem;
use crate::protocol::client::{ClientMetadata, GrantType};
use crate::protocol::response_type::ResponseType;

/// Writes the response types as OpenID Connect does, and adds the grant that tokens from the
/// authorization endpoint belong to.
pub fn complete(metadata: &mut ClientMetadata) {
    for own in &mut metadata.response_types {
        if let Some(known) = ResponseType::parse(own) {
            known.as_str().clone_into(own);
        }
    }
    metadata.response_types.dedup();
    if has(metadata, ResponseType::is_front_channel)
        && !metadata.grant_types.contains(&GrantType::Implicit)
    {
        metadata.grant_types.push(GrantType::Implicit);
    }
}

/// What is wrong with them.
pub fn problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let uses = |grant| metadata.grant_types.contains(&grant);
    let unknown = |own: &String| ResponseType::parse(own).is_none();
    if metadata.response_types.iter().any(unknown) {
        let says = format!("use {}", ResponseType::ALL.map(ResponseType::as_str).join(", "));
        return vec![FieldProblem::new("response_types", "error-response-type", says)];
    }
    broken([
        (
            uses(GrantType::AuthorizationCode) != has(metadata, ResponseType::has_code),
            (
                "response_types",
                "error-response-grant",
                "code goes with authorization_code, and only with it",
            ),
        ),
        (
            uses(GrantType::Implicit) != has(metadata, ResponseType::is_front_channel),
            (
                "response_types",
                "error-response-implicit",
                "tokens from the authorization endpoint go with implicit, and only with it",
            ),
        ),
    ])
}

fn has(metadata: &ClientMetadata, what: fn(ResponseType) -> bool) -> bool {
    metadata.response_types.iter().filter_map(|own| ResponseType::parse(own)).any(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(grants: &[GrantType], responses: &[&str]) -> ClientMetadata {
        let mut metadata = ClientMetadata {
            grant_types: grants.to_vec(),
            response_types: responses.iter().map(|one| (*one).to_owned()).collect(),
            ..ClientMetadata::default()
        };
        complete(&mut metadata);
        metadata
    }

    #[test]
    fn h2_a_registered_response_type_is_written_in_one_way() {
        let code = [GrantType::AuthorizationCode];
        let made = metadata(&code, &["token code id_token"]);
        assert_eq!(made.response_types, ["code id_token token"]);
        assert_eq!(made.grant_types, [GrantType::AuthorizationCode, GrantType::Implicit]);
        assert!(problems(&made).is_empty());
    }

    #[test]
    fn response_types_and_grants_belong_together() {
        use GrantType::{AuthorizationCode, ClientCredentials, Implicit};
        for (grants, responses) in [
            (vec![AuthorizationCode], vec!["token"]),
            (vec![AuthorizationCode], vec!["none"]),
            (vec![AuthorizationCode], vec![]),
            (vec![ClientCredentials], vec!["code"]),
            (vec![Implicit], vec!["code id_token"]),
            (vec![AuthorizationCode, Implicit], vec!["code"]),
            (vec![AuthorizationCode], vec!["id_token"]),
        ] {
            assert!(!problems(&metadata(&grants, &responses)).is_empty(), "{responses:?}");
        }
        assert!(problems(&metadata(&[Implicit], &["id_token", "id_token token"])).is_empty());
    }
}
