//! The sector of clients with pairwise subjects (OpenID Connect Registration §5).

use super::ClientError;
use super::draft::ClientDraft;
use crate::domain::form::FieldProblem;
use crate::domain::outbound::Outbound;
use crate::protocol::client::ClientMetadata;
use std::collections::BTreeSet;
use url::Url;

/// What is wrong with how a client is to call people, as far as nothing has to be fetched for it.
pub fn problem(metadata: &ClientMetadata) -> Option<FieldProblem> {
    if metadata.subject_type.is_public() || metadata.sector_identifier_uri.is_some() {
        return None;
    }
    let host = |uri: &String| Url::parse(uri).ok()?.host_str().map(str::to_owned);
    let hosts: BTreeSet<Option<String>> = metadata.redirect_uris.iter().map(host).collect();
    let is_one = hosts.len() == 1 && !hosts.contains(&None);
    let needs_one = !metadata.redirect_uris.is_empty() && !is_one;
    let says = "addresses that are not all on one host need it";
    needs_one.then(|| FieldProblem::new("sector_identifier_uri", "error-sector-missing", says))
}

/// Fetches the document of a sector: it must name every redirect URI of the client.
///
/// # Errors
///
/// `Invalid` when it cannot be had, is no array of addresses, or lacks one.
pub async fn check(outbound: &Outbound, draft: &ClientDraft) -> Result<(), ClientError> {
    let Some(uri) = &draft.metadata.sector_identifier_uri else { return Ok(()) };
    let wrong = |says: String| {
        let problem = FieldProblem::new("sector_identifier_uri", "error-sector", says);
        ClientError::Invalid(vec![problem])
    };
    let body = outbound.get_json(uri).await.map_err(|error| wrong(error.to_string()))?;
    let named: Vec<String> = serde_json::from_slice(&body)
        .map_err(|_| wrong("the document there is no array of addresses".into()))?;
    match draft.metadata.redirect_uris.iter().find(|own| !named.contains(own)) {
        None => Ok(()),
        Some(_) => Err(wrong("the document there lacks a redirect URI of the client".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::SubjectType;

    fn wrong(uris: &[&str], sector: Option<&str>) -> bool {
        let metadata = ClientMetadata {
            redirect_uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
            subject_type: SubjectType::Pairwise,
            sector_identifier_uri: sector.map(str::to_owned),
            ..ClientMetadata::default()
        };
        problem(&metadata).is_some()
    }

    #[test]
    fn n5_addresses_on_several_hosts_need_a_document_that_names_them() {
        assert!(!wrong(&["https://a.example/cb", "https://a.example:8443/x"], None));
        let two = ["https://a.example/cb", "https://b.example/cb"];
        assert!(wrong(&two, None));
        assert!(!wrong(&two, Some("https://a.example/sector.json")));
        assert!(wrong(&["com.example.app:/cb"], None));
    }
}
