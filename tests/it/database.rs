//! The database under the provider: its files, its connections, its first start.

use crate::support::crypto::header;
use crate::support::{Store, TestServer, WebApp};
use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// Ends every connection of a server to its database, as a restart or an administrator does.
async fn cut_connections(server: &TestServer) {
    let url = server.database_url().to_owned();
    let cut = tokio::task::spawn_blocking(move || {
        let mut admin = PgConnection::establish(&url).expect("the database takes connections");
        let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sql_query(all).execute(&mut admin).expect("the owner may end connections");
    });
    cut.await.expect("the connections can be cut");
}

/// P-01, P-02: whoever is hit is told to come back, and nobody is hit for long.
#[tokio::test]
async fn p_01_connections_that_die_under_load_are_replaced() {
    let server = TestServer::start_on(Store::Postgres).await;
    server.user("ada").await;
    let app = WebApp::register(&server).await;
    let token = app.tokens("ada", "openid").await.access_token;

    let load = (0..16).map(|_| {
        let (app, token) = (app.clone(), token.clone());
        tokio::spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..40 {
                statuses.push(app.userinfo(&token).await.status);
            }
            statuses
        })
    });
    let load: Vec<_> = load.collect();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        cut_connections(&server).await;
    }
    for client in load {
        let statuses = client.await.expect("the client ends");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    }

    cut_connections(&server).await;
    // Each dead connection costs one request at most; there are sixteen.
    for _ in 0..16 {
        app.userinfo(&token).await;
    }
    for _ in 0..20 {
        assert_eq!(app.userinfo(&token).await.status, 200);
    }
    let again = app.code("ada", &[]).await;
    app.redeem(&again).await.expect_tokens();
}

#[tokio::test]
async fn the_files_of_an_embedded_database_are_for_their_owner_alone() {
    let server = TestServer::with(|config| config.master_key = None).await;
    server.user("ada").await;
    let path = server.database_url().trim_start_matches("sqlite://");
    let directory = Path::new(path).parent().expect("a file has a directory");
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory can be read") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("it is there").permissions().mode() & 0o777;
        let name = entry.file_name().into_string().expect("a name of ours");
        assert_eq!(mode, 0o600, "{name} is {mode:o}");
        seen.push(name);
    }
    for name in ["it.db", "it.db-wal", "it.db.key", "it.db.lock"] {
        assert!(seen.iter().any(|one| one == name), "{seen:?}");
    }
}

/// X-14 at the very beginning: what each instance signs, the other one verifies.
#[tokio::test]
async fn x_14_two_instances_that_start_at_once_make_one_set_of_keys() {
    for _ in 0..3 {
        let (first, second) = TestServer::two_at_once(Store::Postgres).await;
        let service = WebApp::register_service(&first).await;
        let (mut published, mut signed) = (Vec::new(), Vec::new());
        for server in [&first, &second] {
            let service = service.turned_to(server);
            let jwks = service.http.get(server.url("/jwks")).send().await.expect("an answer");
            let jwks: serde_json::Value = jwks.json().await.expect("JSON");
            published.push(jwks["keys"].clone());
            let tokens = service.token(&[("grant_type", "client_credentials")]).await;
            signed.push(tokens.expect_tokens().access_token);
        }
        assert_eq!(published[0], published[1]);
        let keys = published[0].as_array().expect("a list of keys");
        let kinds: BTreeSet<_> =
            keys.iter().map(|key| (key["use"].as_str(), key["alg"].as_str())).collect();
        assert_eq!(kinds.len(), keys.len(), "one for each algorithm: {keys:?}");
        assert_eq!(header(&signed[0])["kid"], header(&signed[1])["kid"]);
        assert!(service.turned_to(&second).is_active(&signed[0]).await);
        assert!(service.is_active(&signed[1]).await);
    }
}
