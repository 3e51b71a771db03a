//! The command line beside a running server: same database, seen within a second.

use crate::support::{TestServer, both};

both! {
    async fn a_rotation_without_names_goes_past_what_was_rotated_before(server: TestServer) {
        let first = server.command(&["key", "rotate", "--algorithm", "ES256", "--json"]).await;
        assert_eq!(first.expect_json().as_array().map(Vec::len), Some(1));

        let rest = server.command(&["key", "rotate", "--json"]).await.expect_json();
        let mut rest: Vec<&str> =
            rest.as_array().expect("a list").iter().filter_map(|key| key["alg"].as_str()).collect();
        rest.sort_unstable();
        assert_eq!(rest, ["EdDSA", "PS256", "RS256"]);

        let none = server.command(&["key", "rotate"]).await;
        assert_eq!(none.code, 0, "{none:?}");
        assert!(none.stdout.contains("waits to sign already"), "{none:?}");
        let named = server.command(&["key", "rotate", "--algorithm", "ES256"]).await;
        assert!(named.expect_refusal(1).contains("is there already"));
    }
}
