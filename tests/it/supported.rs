//! Nothing is listed in the discovery document that does not work: each value of each
//! `*_supported` member is used as a client would. A value, or a member, that no case here covers
//! fails the test.

mod answers;
mod clients;
mod elsewhere;
mod people;
mod requests;

use crate::resources::resource;
use crate::support::certificates::Mutual;
use crate::support::tls_site::TlsSite;
use crate::support::{Code, Store, TestServer, VERIFIER, WebApp};
use countersign::config::{ByReference, Config};
use serde_json::json;
use std::collections::BTreeSet;

/// What a case has to work with: a server with everything switched on.
struct Stage {
    mutual: Mutual,
    /// A browser in which somebody is signed in already.
    app: WebApp,
    /// Where clients describe themselves.
    documents: TlsSite,
}

/// Every switch that adds something to the document.
fn switched_on(config: &mut Config) {
    config.features.legacy_response_types = true;
    config.features.sign_up = true;
    config.requests.by_reference = ByReference::Any;
    config.outbound.allow =
        ["127.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network")).into();
    config.registration.document_hosts = vec!["localhost".into()];
}

impl Stage {
    async fn start_on(store: Store) -> Self {
        let documents = TlsSite::start();
        let mutual = Mutual::with_on(store, |config| {
            switched_on(config);
            config.outbound.ca = Some(documents.ca.path().to_owned());
        })
        .await;
        mutual.server.user_with("ada", crate::support::people::complete).await;
        resource(&mutual.server, "https://orders.example", &["orders:read"], |settings| {
            let declared =
                json!({ "type": "order", "members": { "item": {} }, "sentence": "{item}" });
            settings.authorization_details_types =
                vec![serde_json::from_value(declared).expect("a type")];
        })
        .await;
        let app = WebApp::register(&mutual.server).await;
        app.agent.sign_in("ada").await;
        Self { mutual, app, documents }
    }

    fn server(&self) -> &TestServer {
        &self.mutual.server
    }

    /// A client of its own, in the browser where Ada is signed in.
    async fn client(
        &self,
        change: impl FnOnce(&mut countersign::domain::clients::management::ClientDraft),
    ) -> WebApp {
        WebApp::register_as(self.server(), change).await.in_browser_of(&self.app)
    }
}

/// The code in an answer.
fn code(value: &str) -> Code {
    assert!(!value.is_empty(), "no code came");
    Code { value: value.to_owned(), verifier: VERIFIER.into() }
}

/// What there is a case for, member by member; the values are tried one by one.
const CASES: &[(&str, &[&str])] = &[
    ("scopes_supported", &["openid", "offline_access", "profile", "email", "address", "phone"]),
    (
        "response_types_supported",
        &[
            "code",
            "id_token",
            "id_token token",
            "code id_token",
            "code token",
            "code id_token token",
        ],
    ),
    (
        "response_modes_supported",
        &["query", "fragment", "form_post", "query.jwt", "fragment.jwt", "form_post.jwt", "jwt"],
    ),
    ("grant_types_supported", clients::GRANTS),
    ("acr_values_supported", &["1"]),
    ("subject_types_supported", &["public", "pairwise"]),
    ("id_token_signing_alg_values_supported", SIGNING),
    ("id_token_encryption_alg_values_supported", KEY_MANAGEMENT),
    ("id_token_encryption_enc_values_supported", CONTENT),
    ("userinfo_signing_alg_values_supported", SIGNING),
    ("userinfo_encryption_alg_values_supported", KEY_MANAGEMENT),
    ("userinfo_encryption_enc_values_supported", CONTENT),
    ("request_object_signing_alg_values_supported", SIGNING),
    ("request_object_encryption_alg_values_supported", &["ECDH-ES", "RSA-OAEP-256"]),
    ("request_object_encryption_enc_values_supported", CONTENT),
    ("authorization_signing_alg_values_supported", SIGNING),
    ("authorization_encryption_alg_values_supported", KEY_MANAGEMENT),
    ("authorization_encryption_enc_values_supported", CONTENT),
    ("introspection_signing_alg_values_supported", SIGNING),
    ("introspection_encryption_alg_values_supported", KEY_MANAGEMENT),
    ("introspection_encryption_enc_values_supported", CONTENT),
    ("token_endpoint_auth_methods_supported", clients::METHODS),
    ("introspection_endpoint_auth_methods_supported", clients::METHODS_WITH_PROOF),
    ("revocation_endpoint_auth_methods_supported", clients::METHODS),
    ("token_endpoint_auth_signing_alg_values_supported", clients::ASSERTIONS),
    ("introspection_endpoint_auth_signing_alg_values_supported", clients::ASSERTIONS),
    ("revocation_endpoint_auth_signing_alg_values_supported", clients::ASSERTIONS),
    ("dpop_signing_alg_values_supported", &["ES256", "PS256", "EdDSA"]),
    ("claim_types_supported", &["normal"]),
    ("claims_supported", people::CLAIMS),
    ("prompt_values_supported", &["none", "login", "consent", "select_account", "create"]),
    ("code_challenge_methods_supported", &["S256"]),
    ("ui_locales_supported", &["en", "de"]),
    ("authorization_details_types_supported", &["order"]),
    ("backchannel_token_delivery_modes_supported", &["poll", "ping"]),
    (
        "backchannel_authentication_request_signing_alg_values_supported",
        &["PS256", "ES256", "EdDSA"],
    ),
];
const SIGNING: &[&str] = &["RS256", "PS256", "ES256", "EdDSA"];
const KEY_MANAGEMENT: &[&str] = &["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"];
const CONTENT: &[&str] = &["A128GCM", "A256GCM"];

/// Members that say yes or no, and what they say on this server.
const SWITCHES: &[(&str, bool)] = &[
    ("claims_parameter_supported", true),
    ("request_parameter_supported", true),
    ("request_uri_parameter_supported", true),
    ("authorization_response_iss_parameter_supported", true),
    ("backchannel_logout_supported", true),
    ("backchannel_logout_session_supported", true),
    ("frontchannel_logout_supported", true),
    ("frontchannel_logout_session_supported", true),
    ("backchannel_user_code_parameter_supported", false),
    ("client_id_metadata_document_supported", true),
];

/// Uses one value.
async fn exercise(stage: &Stage, member: &str, value: &str) {
    let (about, kind) = member.split_once('_').expect("two words at least");
    match member {
        "scopes_supported" => people::scope(stage, value).await,
        "claims_supported" => people::claim(stage, value).await,
        "claim_types_supported" => people::claim_type(stage, value).await,
        "acr_values_supported" => people::acr(stage, value).await,
        "subject_types_supported" => people::subject_type(stage, value).await,
        "prompt_values_supported" => people::prompt(stage, value).await,
        "ui_locales_supported" => people::locale(stage, value).await,
        "response_types_supported" => answers::response_type(stage, value).await,
        "response_modes_supported" => answers::response_mode(stage, value).await,
        "id_token_signing_alg_values_supported" => answers::id_token_alg(stage, value).await,
        "userinfo_signing_alg_values_supported" => answers::userinfo_alg(stage, value).await,
        "authorization_signing_alg_values_supported" => answers::jarm_alg(stage, value).await,
        "introspection_signing_alg_values_supported" => {
            answers::introspection_alg(stage, value).await;
        }
        "grant_types_supported" => clients::grant(stage, value).await,
        "dpop_signing_alg_values_supported" => clients::dpop(stage, value).await,
        "code_challenge_methods_supported" => requests::challenge(stage, value).await,
        "authorization_details_types_supported" => requests::details(stage, value).await,
        "request_object_signing_alg_values_supported" => requests::signed(stage, value).await,
        "request_object_encryption_alg_values_supported" => {
            requests::encrypted(stage, value, "A256GCM").await;
        }
        "request_object_encryption_enc_values_supported" => {
            requests::encrypted(stage, "ECDH-ES", value).await;
        }
        "backchannel_token_delivery_modes_supported" => elsewhere::mode(stage, value).await,
        "backchannel_authentication_request_signing_alg_values_supported" => {
            elsewhere::signed(stage, value).await;
        }
        _ if kind.ends_with("auth_methods_supported") => {
            clients::method(stage, endpoint(about), value).await;
        }
        _ if kind.ends_with("auth_signing_alg_values_supported") => {
            clients::assertion(stage, endpoint(about), value).await;
        }
        _ if kind.ends_with("encryption_alg_values_supported") => {
            answers::encrypted(stage, about, value, "A256GCM").await;
        }
        _ if kind.ends_with("encryption_enc_values_supported") => {
            answers::encrypted(stage, about, "ECDH-ES", value).await;
        }
        _ => panic!("no case covers {member}"),
    }
}

/// The endpoint that a member is about, by its first word.
fn endpoint(about: &str) -> &'static str {
    match about {
        "token" => "/token",
        "introspection" => "/introspect",
        "revocation" => "/revoke",
        other => panic!("no case covers an endpoint called {other}"),
    }
}

async fn every_value_works(store: Store) {
    let stage = Stage::start_on(store).await;
    let document = stage.app.metadata().await;
    let document = document.as_object().expect("an object");
    for (member, value) in document.iter().filter(|(member, _)| member.ends_with("_supported")) {
        if let Some(said) = value.as_bool() {
            let expected = SWITCHES.iter().find(|(name, _)| name == member);
            let (_, expected) = expected.unwrap_or_else(|| panic!("no case covers {member}"));
            assert_eq!(said, *expected, "{member}");
            requests::switch(&stage, member).await;
            continue;
        }
        let cases = CASES.iter().find(|(name, _)| name == member);
        let (_, cases) = cases.unwrap_or_else(|| panic!("no case covers {member}"));
        // Neither more nor less: what works is listed, and what is listed works.
        let listed: Vec<String> = serde_json::from_value(value.clone()).expect("an array of text");
        let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
        assert_eq!(listed, cases.iter().copied().collect(), "{member}");
        for value in *cases {
            exercise(&stage, member, value).await;
        }
    }
    for (member, _) in CASES {
        assert!(document.contains_key(*member), "{member} is not listed");
    }
}

mod md_04_m2_m4_every_value_that_is_listed_works {
    use super::*;

    #[tokio::test]
    async fn on_sqlite() {
        every_value_works(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        every_value_works(Store::Postgres).await;
    }
}
