//! The command line beside a running server: same database, seen within a second.

use crate::support::{TestServer, both};
use countersign::jose::SigningAlgorithm::ES256;
use serde_json::json;

both! {
    async fn a_rotation_without_names_goes_past_what_was_rotated_before(server: TestServer) {
        let first = server.command(&["key", "rotate", "--algorithm", "ES256", "--json"]).await;
        assert_eq!(first.expect_json().as_array().map(Vec::len), Some(1));

        let rest = server.command(&["key", "rotate", "--json"]).await.expect_json();
        let mut rest: Vec<&str> =
            rest.as_array().expect("a list").iter().filter_map(|key| key["alg"].as_str()).collect();
        rest.sort_unstable();
        assert_eq!(rest, ["ECDH-ES", "EdDSA", "PS256", "RS256", "RSA-OAEP-256"]);

        let none = server.command(&["key", "rotate"]).await;
        assert_eq!(none.code, 0, "{none:?}");
        assert!(none.stdout.contains("waits to sign already"), "{none:?}");
        let named = server.command(&["key", "rotate", "--algorithm", "ES256"]).await;
        assert!(named.expect_refusal(1).contains("is there already"));
    }

    async fn every_member_that_protects_requests_has_its_flag(server: TestServer) {
        let keys = crate::support::crypto::jwks(&[&crate::support::crypto::key(ES256)]).to_string();
        let create = [
            "client", "create", "--name", "Bank", "--redirect-uri", "https://bank.example/cb",
            "--auth-method", "private_key_jwt", "--jwks", &keys,
            "--require-pushed-authorization-requests", "--require-signed-request-object",
            "--request-object-signing-alg", "ES256", "--request-object-encryption-alg", "ECDH-ES",
            "--request-object-encryption-enc", "A256GCM", "--request-uri", "https://bank.example/r",
            "--authorization-signed-response-alg", "PS256", "--profile", "fapi2", "--json",
        ];
        let made = server.command(&create).await.expect_json();
        for (member, value) in [
            ("require_pushed_authorization_requests", json!(true)),
            ("require_signed_request_object", json!(true)),
            ("request_object_signing_alg", json!("ES256")),
            ("request_object_encryption_alg", json!("ECDH-ES")),
            ("request_object_encryption_enc", json!("A256GCM")),
            ("request_uris", json!(["https://bank.example/r"])),
            ("authorization_signed_response_alg", json!("PS256")),
            ("profile", json!("fapi2")),
            ("dpop_bound_access_tokens", json!(true)),
        ] {
            assert_eq!(made[member], value, "{member}");
        }
        let id = made["client_id"].as_str().expect("an id");
        let unset = "request_object_encryption_enc,request_object_encryption_alg,request_uris";
        let off = "--require-signed-request-object=false";
        let update = ["client", "update", id, "--unset", unset, off, "--profile", "none", "--json"];
        let changed = server.command(&update).await.expect_json();
        assert_eq!(changed.get("request_object_encryption_alg"), None);
        assert_eq!(changed.get("request_uris"), None);
        assert_eq!(changed.get("require_signed_request_object"), None);
        assert_eq!(changed["profile"], "none");
        let weak = ["client", "update", id, "--profile", "fapi2", "--id-token-alg", "RS256"];
        server.command(&weak).await.expect_refusal(1);
    }
}
