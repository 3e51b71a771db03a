//! Query strings and forms, and the parameters that are read from them.
#![no_main]

use countersign::protocol::authorization_details::AuthorizationDetails;
use countersign::protocol::authorization_request::{
    Prompt, ResponseMode, parse_max_age, parse_opaque, split_response_mode,
};
use countersign::protocol::certificate_name::CertificateName;
use countersign::protocol::claims::ClaimsRequest;
use countersign::protocol::credentials::Credentials;
use countersign::protocol::params::Params;
use countersign::protocol::pkce::CodeChallenge;
use countersign::protocol::resource;
use countersign::protocol::response_type::ResponseType;
use countersign::protocol::scope::Scope;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 12] = [
    "scope",
    "prompt",
    "max_age",
    "state",
    "claims",
    "response_type",
    "response_mode",
    "code_challenge",
    "code_challenge_method",
    "authorization_details",
    "resource",
    "client_id",
];

fuzz_target!(|data: &[u8]| {
    let Ok(params) = Params::parse(data) else { return };
    let form = params.to_form();
    let again = Params::parse(form.as_bytes()).expect("what we write we read");
    assert_eq!(again.to_form(), form);
    let mut found = 0;
    for name in NAMES {
        let values: Vec<&str> = params.all(name).collect();
        assert_eq!(values, again.all(name).collect::<Vec<_>>());
        assert!(values.iter().all(|value| !value.contains('\0')));
        assert!(values.len() < 2 || params.one(name).is_err(), "{name} is there twice");
        found += values.len();
    }
    assert!(found <= 100);
    read(&params);
    for authorization in [None, std::str::from_utf8(data).ok()] {
        let _ = Credentials::read(authorization, &params);
    }
});

/// Reads each parameter as the authorization request does.
fn read(params: &Params) {
    let one = |name| params.one(name).ok().flatten();
    if let Some(scope) = one("scope").and_then(|text| text.parse::<Scope>().ok()) {
        assert_eq!(scope.to_string().parse::<Scope>().ok(), Some(scope));
    }
    if let Some(details) = one("authorization_details") {
        let _ = AuthorizationDetails::parse(details).map(|details| details.is_within(&details));
    }
    if let Some(claims) = one("claims").and_then(|text| ClaimsRequest::parse(text).ok()) {
        let _ = (claims.subject(), claims.acr().map(|wanted| wanted.is_empty()));
    }
    if let Ok(age) = parse_max_age(one("max_age")) {
        assert_eq!(age.is_some(), one("max_age").is_some());
    }
    let (mode, _) = split_response_mode(one("response_mode"));
    let response_type = ResponseType::from_request(one("response_type"));
    if let Ok(response_type) = response_type {
        let query = ResponseMode::from_request(mode, response_type);
        assert!(!response_type.is_front_channel() || query.ok() != Some(ResponseMode::Query));
    }
    if let Ok(Some(challenge)) =
        CodeChallenge::from_request(one("code_challenge"), one("code_challenge_method"))
    {
        assert_eq!(challenge.as_str().len(), 43);
        assert!(challenge.verify(challenge.as_str()).is_err());
    }
    let _ = (Prompt::parse(one("prompt")), parse_opaque("state", one("state")));
    let _ = one("resource").map(resource::is_identifier);
    for member in ["subject_dn", "san_dns", "san_uri", "san_ip", "san_email"] {
        let member = format!("tls_client_auth_{member}");
        let _ = one("client_id").map(|value| CertificateName::read(&member, value));
    }
}
