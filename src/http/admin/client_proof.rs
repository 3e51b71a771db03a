//! How a client proves who it is, and what its tokens are bound to: a part of its page.

use super::guard::{Admin, Posted};
use crate::domain::clients::management::ClientDraft;
use crate::http::page::Nav;
use crate::http::text::Text;
use crate::http::views::Errors;
use crate::http::views::admin::{CertificateName, ProofForm};
use crate::http::views::choice::Choice;
use crate::http::views::problem::Problem;
use crate::protocol::client::{AuthMethod, Client};

/// By which assertions may be signed.
const SIGNING_ALGORITHMS: [&str; 5] = ["RS256", "PS256", "ES256", "EdDSA", "HS256"];

/// The part as it is stored.
pub fn form(admin: &Admin, client: &Client) -> ProofForm {
    let text = admin.page(Nav::Clients).text;
    let (metadata, sender) = (&client.metadata, &client.metadata.sender);
    let method = metadata.token_endpoint_auth_method;
    let offered = AuthMethod::ALL
        .iter()
        .filter(|one| **one == method || admin.provider().mtls.offers(**one))
        .map(|one| one.as_str());
    let alg = metadata.token_endpoint_auth_signing_alg.as_deref().unwrap_or_default();
    let any = Choice::new("", &text.t("any"), alg.is_empty());
    let algorithms = Choice::list(SIGNING_ALGORITHMS, &[alg]);
    let names = sender.names().map(|(member, value)| CertificateName {
        member,
        value: value.unwrap_or_default().to_owned(),
    });
    ProofForm {
        auth_methods: Choice::list(offered, &[method.as_str()]),
        signing_algs: std::iter::once(any).chain(algorithms).collect(),
        jwks: metadata.jwks.as_ref().map(|jwks| format!("{jwks:#}")).unwrap_or_default(),
        jwks_uri: metadata.jwks_uri.clone().unwrap_or_default(),
        names: names.into(),
        dpop_bound: sender.dpop_bound_access_tokens,
        certificate_bound: sender.tls_client_certificate_bound_access_tokens,
    }
}

/// Reads the part into a draft.
pub fn read(text: Text, posted: &Posted, draft: &mut ClientDraft, errors: &mut Errors) {
    let metadata = &mut draft.metadata;
    match posted.field("auth_method").parse() {
        Ok(method) => metadata.token_endpoint_auth_method = method,
        Err(_) => errors.add("auth_method", text, Problem::ChoiceInvalid),
    }
    let some = |name: &'static str| Some(posted.field(name)).filter(|value| !value.is_empty());
    metadata.token_endpoint_auth_signing_alg = some("token_endpoint_auth_signing_alg");
    metadata.jwks_uri = some("jwks_uri");
    metadata.jwks = match some("jwks").map(|jwks| serde_json::from_str(&jwks)) {
        None => None,
        Some(Ok(jwks)) => Some(jwks),
        Some(Err(_)) => {
            errors.add("jwks", text, Problem::KeysInvalid);
            None
        }
    };
    let sender = &mut metadata.sender;
    for (member, value) in sender.names_mut() {
        *value = some(member);
    }
    sender.dpop_bound_access_tokens = posted.ticked("dpop_bound_access_tokens");
    sender.tls_client_certificate_bound_access_tokens =
        posted.ticked("tls_client_certificate_bound_access_tokens");
}
