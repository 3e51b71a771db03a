//! What a profile asks of the other settings of a client (FAPI 2.0 Security Profile §5.3.2, §5.4).

use super::{Rule, broken};
use crate::domain::form::FieldProblem;
use crate::protocol::client::{ClientMetadata, ClientPolicy};

/// What signs unless the client chose otherwise: the algorithm of the profile that most libraries
/// know.
const USUAL: &str = "PS256";
/// How a client may prove who it is.
const METHODS: [&str; 3] = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"];

/// Writes down what follows from the profile, so that everybody sees it.
pub fn complete(metadata: &mut ClientMetadata, policy: &mut ClientPolicy) {
    let profile = policy.profile;
    if !profile.is_fapi() {
        return;
    }
    policy.require_pkce = true;
    let requests = &mut metadata.requests;
    requests.require_pushed_authorization_requests = true;
    requests.require_signed_request_object |= profile.signs_messages();
    for alg in [
        &mut metadata.id_token_signed_response_alg,
        &mut requests.authorization_signed_response_alg,
    ] {
        alg.get_or_insert_with(|| USUAL.to_owned());
    }
    if !is_bound(metadata) {
        metadata.sender.dpop_bound_access_tokens = true;
    }
}

/// Whether its tokens are of use only to who holds a key.
fn is_bound(metadata: &ClientMetadata) -> bool {
    metadata.sender.binds_tokens()
}

/// Everything that the profile forbids.
pub fn problems(metadata: &ClientMetadata, policy: &ClientPolicy) -> Vec<FieldProblem> {
    if !policy.profile.is_fapi() {
        return Vec::new();
    }
    let method = metadata.token_endpoint_auth_method.as_str();
    let mut problems = broken([
        (!METHODS.contains(&method), METHOD),
        (metadata.response_types.iter().any(|response| response != "code"), RESPONSE_TYPE),
    ]);
    let requests = &metadata.requests;
    for (field, alg) in [
        ("id_token_signed_response_alg", &metadata.id_token_signed_response_alg),
        ("token_endpoint_auth_signing_alg", &metadata.token_endpoint_auth_signing_alg),
        ("access_token_signed_alg", &policy.access_token_signed_alg),
        ("request_object_signing_alg", &requests.request_object_signing_alg),
        ("authorization_signed_response_alg", &requests.authorization_signed_response_alg),
    ] {
        if alg.as_deref() == Some("RS256") {
            let says = "the profile allows PS256, ES256 and EdDSA";
            problems.push(FieldProblem::new(field, "error-profile", says));
        }
    }
    problems
}

const METHOD: Rule = (
    "token_endpoint_auth_method",
    "error-profile",
    "the profile needs private_key_jwt, tls_client_auth or self_signed_tls_client_auth",
);
const RESPONSE_TYPE: Rule =
    ("response_types", "error-profile", "the profile allows the response type code alone");
