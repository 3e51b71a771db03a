//! Client assertions, from the form they come in to the claims that are believed.
#![no_main]

use countersign::jose::assertion::{Terms, claimed_client, expected};
use countersign::jose::{SigningAlgorithm, gate};
use countersign::protocol::credentials::Credentials;
use countersign::protocol::params::Params;
use countersign::protocol::time::Timestamp;
use countersign_fuzz::{forge, key, part};
use libfuzzer_sys::fuzz_target;

const NOW: i64 = 1_763_765_000;
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const CLIENT: &str = "app";

fuzz_target!(|data: &[u8]| {
    let [choice, rest @ ..] = data else { return };
    if let Ok(params) = Params::parse(rest)
        && let Ok(Credentials::Assertion { assertion, .. }) = Credentials::read(None, &params)
    {
        judge(&assertion, *choice);
    }
    let signer = key(*choice & 0x7F);
    let Some(token) = std::str::from_utf8(rest).ok().and_then(|text| forge(text, signer)) else {
        return;
    };
    let form = Params::from_pairs([
        ("client_assertion_type".to_owned(), TYPE.to_owned()),
        ("client_assertion".to_owned(), token.clone()),
    ]);
    let form = Params::parse(form.to_form().as_bytes()).expect("what we write we read");
    match Credentials::read(None, &form) {
        Ok(Credentials::Assertion { client_id: None, assertion }) => {
            assert_eq!(assertion, token);
            judge(&assertion, *choice);
        }
        other => panic!("an assertion was read as {other:?}"),
    }
});

fn judge(assertion: &str, choice: u8) {
    let signer = key(choice & 0x7F);
    let algorithms = [signer.algorithm()];
    let claimed = claimed_client(assertion, &SigningAlgorithm::ALL);
    let Ok(unverified) = gate(assertion, &expected(&algorithms)) else { return };
    let Ok(claims) = unverified.verify(&signer.verifier()) else { return };
    let endpoints = ["https://id.example/token".to_owned()];
    let terms = Terms {
        client_id: CLIENT,
        issuer: "https://id.example",
        endpoints: &endpoints,
        issuer_only: choice & 0x80 != 0,
        now: Timestamp::from_unix(NOW),
    };
    let Ok((jti, until)) = terms.check(&claims) else { return };

    assert_eq!(claimed.as_deref(), Ok(CLIENT));
    let claims = part(assertion, 1);
    assert!(claims["iss"] == CLIENT && claims["sub"] == CLIENT && claims["jti"] == *jti);
    assert!(!jti.is_empty());
    let audience = match &claims["aud"] {
        serde_json::Value::Array(one) if one.len() == 1 && !terms.issuer_only => &one[0],
        one => one,
    };
    let endpoint = !terms.issuer_only && endpoints.iter().any(|own| audience == own);
    assert!(endpoint || audience == terms.issuer, "{audience}");
    let expires_at = claims["exp"].as_i64().expect("an assertion ends");
    assert!(expires_at > NOW - 61 && expires_at <= NOW + 3660);
    assert!(until.as_unix() >= expires_at);
}
