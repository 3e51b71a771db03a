//! The discovery document and the keys, as clients and certification read them (OpenID Connect
//! Discovery §3, RFC 8414 §2).

use crate::support::{Agent, Reply, TestServer, WebApp, both};
use countersign::http::edge::metrics::endpoint;
use serde_json::{Value, json};

async fn get(app: &WebApp, path: &str) -> Reply {
    let url = format!("{}{path}", app.base);
    Reply::read(app.http.get(url).send().await.expect("an answer")).await
}

/// The members that the IANA registry "OAuth Authorization Server Metadata" has, of those that a
/// server of ours could send.
const REGISTERED: &[&str] = &[
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "service_documentation",
    "ui_locales_supported",
    "op_policy_uri",
    "op_tos_uri",
    "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "code_challenge_methods_supported",
    "signed_metadata",
    "device_authorization_endpoint",
    "tls_client_certificate_bound_access_tokens",
    "mtls_endpoint_aliases",
    "nfv_token_signing_alg_values_supported",
    "nfv_token_encryption_alg_values_supported",
    "nfv_token_encryption_enc_values_supported",
    "userinfo_endpoint",
    "acr_values_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "id_token_encryption_alg_values_supported",
    "id_token_encryption_enc_values_supported",
    "userinfo_signing_alg_values_supported",
    "userinfo_encryption_alg_values_supported",
    "userinfo_encryption_enc_values_supported",
    "request_object_signing_alg_values_supported",
    "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc_values_supported",
    "display_values_supported",
    "claim_types_supported",
    "claims_supported",
    "claims_locales_supported",
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "require_signed_request_object",
    "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests",
    "introspection_signing_alg_values_supported",
    "introspection_encryption_alg_values_supported",
    "introspection_encryption_enc_values_supported",
    "authorization_response_iss_parameter_supported",
    "check_session_iframe",
    "frontchannel_logout_supported",
    "frontchannel_logout_session_supported",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
    "end_session_endpoint",
    "backchannel_token_delivery_modes_supported",
    "backchannel_authentication_endpoint",
    "backchannel_authentication_request_signing_alg_values_supported",
    "backchannel_user_code_parameter_supported",
    "dpop_signing_alg_values_supported",
    "authorization_signing_alg_values_supported",
    "authorization_encryption_alg_values_supported",
    "authorization_encryption_enc_values_supported",
    "authorization_details_types_supported",
    "prompt_values_supported",
    "protected_resources",
    "client_id_metadata_document_supported",
    // Of the draft of Token Status Lists.
    "status_list_aggregation_endpoint",
];

both! {
    async fn m1_m2_m3_the_document_is_where_and_as_it_must_be(server: TestServer) {
        let app = WebApp::register(&server).await;
        let reply = get(&app, "/.well-known/openid-configuration").await;
        assert_eq!(reply.status, 200);
        let has = |name: &str, value: &str| {
            let list = reply.json[name].as_array().unwrap_or_else(|| panic!("{name}"));
            list.contains(&json!(value))
        };
        assert!(has("response_types_supported", "code"));
        assert!(has("subject_types_supported", "public"));
        assert!(has("id_token_signing_alg_values_supported", "RS256"));
        assert!(has("scopes_supported", "openid"));
        assert!(has("claims_supported", "sub"));
        assert!(has("grant_types_supported", "authorization_code"));
        for scope in reply.json["scopes_supported"].as_array().expect("an array") {
            let scope = scope.as_str().expect("a text");
            assert!(scope.parse::<countersign::protocol::scope::Scope>().is_ok(), "{scope}");
        }
    }

    async fn m4_every_member_is_registered_and_of_its_type(server: TestServer) {
        let app = WebApp::register(&server).await;
        let document = get(&app, "/.well-known/openid-configuration").await.json;
        for (name, value) in document.as_object().expect("an object") {
            assert!(REGISTERED.contains(&name.as_str()), "{name} is not in the registry");
            let fits = match name.as_str() {
                "issuer" | "jwks_uri" => value.is_string(),
                name if name.ends_with("_endpoint") => value.is_string(),
                name if name.starts_with("require_")
                    || name.ends_with("_parameter_supported")
                    || name.starts_with("backchannel_logout")
                    || name.starts_with("frontchannel_logout")
                    || name == "tls_client_certificate_bound_access_tokens" => value.is_boolean(),
                "mtls_endpoint_aliases" => value.is_object(),
                _ => value.as_array().is_some_and(|list| {
                    !list.is_empty() && list.iter().all(Value::is_string)
                }),
            };
            assert!(fits, "{name}: {value}");
        }
        assert_eq!(document["ui_locales_supported"], json!(["en", "de"]));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    }

    async fn every_endpoint_is_counted_under_a_name_of_its_own(server: TestServer) {
        let app = WebApp::register(&server).await;
        let document = get(&app, "/.well-known/openid-configuration").await.json;
        let members = document.as_object().expect("an object").iter();
        let endpoints: Vec<_> = members.filter(|(name, _)| name.ends_with("_endpoint")).collect();
        assert!(endpoints.len() > 7, "{endpoints:?}");
        for (name, url) in endpoints {
            let url = url.as_str().expect("a text");
            let path = url.strip_prefix(&app.base).unwrap_or_else(|| panic!("{name}: {url}"));
            assert_eq!(endpoint(path), &path[1..], "{name}");
        }
    }

    async fn m5_a_key_to_encrypt_to_us_says_what_it_is_for(server: TestServer) {
        let agent = Agent::new(&server);
        let keys: Value = serde_json::from_str(&agent.get("/jwks").await.body).expect("JSON");
        let keys = keys["keys"].as_array().expect("keys").iter().filter(|key| key["use"] == "enc");
        let keys: Vec<&Value> = keys.collect();
        assert!(!keys.is_empty());
        for key in keys {
            let kind = if key["alg"] == "ECDH-ES" { "EC" } else { "RSA" };
            assert_eq!(key["kty"], kind, "{key}");
            assert_eq!(key.get("d"), None);
        }
    }
}
