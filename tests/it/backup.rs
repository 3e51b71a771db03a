//! `countersign backup`: a copy while the server runs, and a restore that un-revokes nothing.

use crate::support::command::run;
use crate::support::{Store, TestServer, WebApp};
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn s_07_a_copy_is_made_while_serving_and_a_restore_refuses_what_was_issued_before() {
    let server = TestServer::start().await;
    let ada = server.user("ada").await;
    let app = WebApp::register(&server).await;
    let tokens = app.tokens("ada", "openid").await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("copy.db").display().to_string();
    server.command(&["--json", "backup", "create", &file]).await.expect_json();
    let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let sound = server.command(&["--json", "backup", "verify", &file]).await.expect_json();
    assert_eq!((&sound["sound"], &sound["users"]), (&true.into(), &1.into()));
    let again = server.command(&["backup", "create", &file]).await;
    assert_eq!(again.code, 1, "nothing is written over: {again:?}");

    // What happens after the copy: a block, which the copy does not know.
    server.block(&ada).await;
    let url = format!("sqlite://{}", directory.path().join("restored.db").display());
    let key = server.master_key().expect("a key");
    let variables = [
        ("COUNTERSIGN_DATABASE_URL", url.as_str()),
        ("COUNTERSIGN_MASTER_KEY", key),
        ("COUNTERSIGN_ISSUER", server.issuer()),
    ];
    run(&variables, &["--json", "backup", "restore", &file]).await.expect_json();
    let inspected = run(&variables, &["--json", "token", "inspect", &tokens.access_token]).await;
    assert_eq!(inspected.code, 1, "{inspected:?}");
    assert!(inspected.stdout.contains("revoked"), "{inspected:?}");

    // A second restore keeps what it takes the place of.
    run(&variables, &["--json", "backup", "restore", &file]).await.expect_json();
    assert!(directory.path().join("restored.db.before-restore").exists());
    assert!(!directory.path().join("restored.db.restoring").exists());
}

#[tokio::test]
async fn a_restore_needs_a_server_that_is_stopped_and_a_copy_that_is_sound() {
    let server = TestServer::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("copy.db").display().to_string();
    server.command(&["--json", "backup", "create", &file]).await.expect_json();
    assert_eq!(server.command(&["backup", "restore", &file]).await.code, 75);
    assert_eq!(server.command(&["backup", "restore"]).await.code, 2);
    assert_eq!(server.command(&["backup", "verify", "/nowhere"]).await.code, 1);

    let mut bytes = std::fs::read(&file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[100..middle].fill(0x55);
    std::fs::write(&file, bytes).expect("it is written");
    assert_eq!(server.command(&["backup", "verify", &file]).await.code, 1);
    let url = format!("sqlite://{}", directory.path().join("restored.db").display());
    let refused = run(&[("COUNTERSIGN_DATABASE_URL", &url)], &["backup", "restore", &file]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(!directory.path().join("restored.db").exists());
}

#[tokio::test]
async fn s_07_after_a_restore_of_postgres_one_command_ends_what_was_issued_before() {
    for keep in [false, true] {
        let server = TestServer::start_on(Store::Postgres).await;
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", "openid offline_access").await;
        let refused = server.command(&["backup", "create", "/tmp/never"]).await.expect_refusal(1);
        assert!(refused.contains("pg_dump"), "{refused}");
        let words = ["--json", "backup", "restore", "--keep-sign-ins"];
        let words = if keep { &words[..] } else { &words[..3] };
        server.command(words).await.expect_json();
        server.settle().await;
        assert!(!app.is_active(&tokens.access_token).await);
        let next = app.refresh(&tokens.refresh_token).await;
        match keep {
            true => assert!(app.is_active(&next.expect_tokens().access_token).await),
            false => assert_eq!(next.expect_error(400)["error"], "invalid_grant"),
        }
    }
}
