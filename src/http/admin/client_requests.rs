//! How the requests of a client are protected: a part of its page.

use super::guard::Posted;
use super::list;
use crate::domain::authorize::{jarm, request_object};
use crate::domain::clients::management::{
    CONTENT_ENCRYPTION, ClientDraft, ENCRYPTION_TO_OTHERS, ENCRYPTION_TO_US,
};
use crate::http::text::Text;
use crate::http::views::Errors;
use crate::http::views::admin::RequestForm;
use crate::http::views::choice::Choice;
use crate::http::views::problem::Problem;
use crate::protocol::client::{Client, Profile};

/// The part as it is stored.
pub fn form(text: Text, client: &Client) -> RequestForm {
    let requests = &client.metadata.requests;
    let any = |values: &[&str], chosen: &Option<String>| {
        let pairs: Vec<(&str, &str)> = values.iter().map(|value| (*value, *value)).collect();
        Choice::optional(&text.t("choice-any"), &pairs, chosen.as_deref())
    };
    let signing = request_object::ALGORITHMS.map(|algorithm| algorithm.as_str());
    let profiles = [
        (Profile::Standard, "profile-none"),
        (Profile::Fapi2, "profile-fapi2"),
        (Profile::Fapi2MessageSigning, "profile-fapi2-message-signing"),
    ];
    let profile = |(profile, key): (Profile, &str)| {
        Choice::new(profile.as_str(), &text.t(key), client.policy.profile == profile)
    };
    RequestForm {
        profiles: profiles.into_iter().map(profile).collect(),
        require_pushed: requests.require_pushed_authorization_requests,
        require_signed: requests.require_signed_request_object,
        signing_algs: any(&signing, &requests.request_object_signing_alg),
        encryption_algs: any(&ENCRYPTION_TO_US, &requests.request_object_encryption_alg),
        encryption_encs: any(&CONTENT_ENCRYPTION, &requests.request_object_encryption_enc),
        request_uris: requests.request_uris.join("\n"),
        response_signing_algs: Choice::optional(
            "RS256",
            &jarm::SIGNING.map(|algorithm| (algorithm.as_str(), algorithm.as_str()))[1..],
            requests.authorization_signed_response_alg.as_deref(),
        ),
        response_encryption_algs: Choice::optional(
            &text.t("choice-none"),
            &ENCRYPTION_TO_OTHERS.map(|name| (name, name)),
            requests.authorization_encrypted_response_alg.as_deref(),
        ),
        response_encryption_encs: Choice::optional(
            &text.t("choice-none"),
            &CONTENT_ENCRYPTION.map(|name| (name, name)),
            requests.authorization_encrypted_response_enc.as_deref(),
        ),
    }
}

/// Reads the part into a draft.
pub fn read(text: Text, posted: &Posted, draft: &mut ClientDraft, errors: &mut Errors) {
    match posted.field("profile").parse() {
        Ok(profile) => draft.policy.profile = profile,
        Err(_) => errors.add("profile", text, Problem::ChoiceInvalid),
    }
    let requests = &mut draft.metadata.requests;
    requests.require_pushed_authorization_requests =
        posted.ticked("require_pushed_authorization_requests");
    requests.require_signed_request_object = posted.ticked("require_signed_request_object");
    requests.request_object_signing_alg = posted.optional("request_object_signing_alg");
    requests.request_object_encryption_alg = posted.optional("request_object_encryption_alg");
    requests.request_object_encryption_enc = posted.optional("request_object_encryption_enc");
    requests.request_uris = list::lines(&posted.field("request_uris"));
    for (member, name) in [
        (&mut requests.authorization_signed_response_alg, "authorization_signed_response_alg"),
        (
            &mut requests.authorization_encrypted_response_alg,
            "authorization_encrypted_response_alg",
        ),
        (
            &mut requests.authorization_encrypted_response_enc,
            "authorization_encrypted_response_enc",
        ),
    ] {
        *member = posted.optional(name);
    }
}
