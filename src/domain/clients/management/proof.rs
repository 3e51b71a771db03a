//! How a client proves who it is: what each method needs, and nothing that belongs to another.

use super::draft::broken;
use crate::domain::clients::assertion;
use crate::domain::form::FieldProblem;
use crate::jose::{JwkSet, SigningAlgorithm};
use crate::protocol::certificate_name::CertificateName;
use crate::protocol::client::{AuthMethod, ClientMetadata};

/// Everything that is wrong with the members about keys, secrets and certificates.
pub(super) fn problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let mut problems = key_problems(metadata);
    problems.extend(algorithm_problem(metadata));
    problems.extend(certificate_problems(metadata));
    problems
}

fn key_problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let method = metadata.token_endpoint_auth_method;
    let set = metadata.jwks.as_ref().map(|jwks| JwkSet::parse_strict(jwks.to_string().as_bytes()));
    let mut problems = broken([
        (
            metadata.jwks.is_some() && metadata.jwks_uri.is_some(),
            ("jwks", "error-jwks-both", "give jwks or jwks_uri, not both"),
        ),
        (
            method.has_keys() && metadata.jwks.is_none() && metadata.jwks_uri.is_none(),
            ("jwks", "error-jwks-missing", "this way to authenticate needs jwks or jwks_uri"),
        ),
    ]);
    match set {
        Some(Err(error)) => {
            let says = format!("not a set of public keys that can be used: {error}");
            problems.push(FieldProblem::new("jwks", "error-jwks", says));
        }
        Some(Ok(set)) if !has_key(metadata, &set) => {
            let says = "no key in it is of use for the way to authenticate";
            problems.push(FieldProblem::new("jwks", "error-jwks-unfit", says));
        }
        _ => {}
    }
    problems
}

fn has_key(metadata: &ClientMetadata, set: &JwkSet) -> bool {
    match metadata.token_endpoint_auth_method {
        AuthMethod::PrivateKeyJwt => {
            let algorithms = wanted(metadata);
            // A name nobody knows is said elsewhere.
            algorithms.is_empty()
                || set.keys().iter().any(|key| algorithms.iter().any(|alg| key.verifies(*alg)))
        }
        AuthMethod::SelfSignedTlsClientAuth => !set.keys().is_empty(),
        _ => true,
    }
}

/// The algorithms that are left when the client has named one.
fn wanted(metadata: &ClientMetadata) -> Vec<SigningAlgorithm> {
    let named = metadata.token_endpoint_auth_signing_alg.as_deref();
    let accepted = |alg: &SigningAlgorithm| named.is_none_or(|named| named == alg.as_str());
    let allowed = assertion::algorithms(metadata.token_endpoint_auth_method);
    allowed.iter().copied().filter(accepted).collect()
}

fn algorithm_problem(metadata: &ClientMetadata) -> Option<FieldProblem> {
    let method = metadata.token_endpoint_auth_method;
    metadata.token_endpoint_auth_signing_alg.as_ref()?;
    let field = "token_endpoint_auth_signing_alg";
    if !method.signs() {
        let says = "only private_key_jwt and client_secret_jwt have one";
        return Some(FieldProblem::new(field, "error-assertion-alg-unused", says));
    }
    wanted(metadata).is_empty().then(|| {
        let names: Vec<_> =
            assertion::algorithms(method).iter().map(|algorithm| algorithm.as_str()).collect();
        FieldProblem::new(field, "error-algorithm", format!("use one of {}", names.join(" ")))
    })
}

/// RFC 8705 §2.1.2: exactly one name, of the kind that its member says.
fn certificate_problems(metadata: &ClientMetadata) -> Vec<FieldProblem> {
    let by_name = metadata.token_endpoint_auth_method == AuthMethod::TlsClientAuth;
    let names = metadata.sender.names();
    let given: Vec<_> = names.iter().filter(|(_, value)| value.is_some()).collect();
    let field = given.first().map_or("tls_client_auth_subject_dn", |(member, _)| member);
    let mut problems = broken([
        (
            by_name && given.is_empty(),
            (
                field,
                "error-certificate-name-missing",
                "tls_client_auth needs one name of the certificate",
            ),
        ),
        (
            given.len() > 1,
            (
                field,
                "error-certificate-name-count",
                "give one name of the certificate, not several",
            ),
        ),
        (
            !by_name && !given.is_empty(),
            (field, "error-certificate-name-unused", "only tls_client_auth has one"),
        ),
    ]);
    for (member, value) in names {
        if value.is_some_and(|value| CertificateName::read(member, value).is_err()) {
            let says = "not a name of that kind";
            problems.push(FieldProblem::new(member, "error-certificate-name", says));
        }
    }
    problems
}
