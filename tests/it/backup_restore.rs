//! What ended after a copy of the database was made stays ended when the copy comes back.

use crate::support::command::{Ran, run};
use crate::support::test_server::system;
use crate::support::{TestServer, Tokens, WebApp};
use countersign::config::Config;
use countersign::domain::consent;
use countersign::domain::identity::users::Account;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const OFFLINE: &str = "openid offline_access";

/// A server with a person who has signed in to an app, and a copy of its database from then.
struct Scene {
    server: TestServer,
    ada: Account,
    app: WebApp,
    tokens: Tokens,
    directory: TempDir,
}

impl Scene {
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let ada = server.user("ada").await;
        let app = WebApp::register(&server).await;
        let tokens = app.tokens("ada", OFFLINE).await;
        let directory = tempfile::tempdir().expect("a directory");
        let scene = Self { server, ada, app, tokens, directory };
        scene.command(&["--json", "backup", "create", &scene.copy()]).await;
        scene
    }

    fn copy(&self) -> String {
        self.directory.path().join("copy.db").display().to_string()
    }

    async fn command(&self, arguments: &[&str]) -> Ran {
        let ran = self.server.command(arguments).await;
        ran.expect_done();
        ran
    }

    /// Stops the server, does something to its file, puts the copy back, and starts the server again.
    async fn restored_after(mut self, harm: impl FnOnce(PathBuf), more: &[&str]) -> (Self, Value) {
        let (copy, mut said) = (self.copy(), Value::Null);
        let words = [&["--json", "backup", "restore", copy.as_str()], more].concat();
        let restore = async |config: &Config| {
            let file = file_of(config);
            at_rest(&file).await;
            harm(file);
            let variables = [
                ("COUNTERSIGN_DATABASE_URL", config.database_url.as_str()),
                ("COUNTERSIGN_MASTER_KEY", config.master_key.as_deref().expect("a key")),
            ];
            said = run(&variables, &words).await.expect_json();
        };
        self.server = self.server.restarted(restore).await;
        (self, said)
    }

    async fn restored(self) -> (Self, Value) {
        let (scene, said) = self.restored_after(drop, &[]).await;
        assert_eq!(said["unknown"], Value::Null, "{said}");
        assert_eq!(said["ended"], Value::Null, "{said}");
        (scene, said)
    }

    async fn is_refused(&self) -> bool {
        let reply = self.app.refresh(&self.tokens.refresh_token).await;
        if reply.status == 200 {
            return false;
        }
        assert_eq!(reply.expect_error(400)["error"], "invalid_grant");
        true
    }

    /// Whether the browser is still signed in.
    async fn is_signed_in(&self) -> bool {
        self.app.authorize(&[("prompt", "none")]).await.expect_answer().has("code")
    }

    async fn sid(&self) -> String {
        let shown = self.command(&["--json", "user", "show", "ada"]).await.expect_json();
        shown["sessions"][0]["sid"].as_str().expect("a session").to_owned()
    }
}

fn file_of(config: &Config) -> PathBuf {
    config.database_url.strip_prefix("sqlite://").expect("SQLite").into()
}

/// Waits for the last connection, which writes its journal into the file when it goes.
async fn at_rest(file: &Path) {
    for _ in 0..500 {
        if !PathBuf::from(format!("{}-wal", file.display())).exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server has ended, and its journal is still there");
}

/// Every page, and no journal that has some of them still.
fn overwrite(file: PathBuf) {
    let length = std::fs::metadata(&file).expect("it is there").len();
    std::fs::write(&file, vec![0x55; usize::try_from(length).expect("small")]).expect("written");
    drop(std::fs::remove_file(format!("{}-wal", file.display())));
}

#[tokio::test]
async fn s_07_what_lives_in_the_replaced_database_lives_after_a_restore() {
    let scene = Scene::begin().await;
    let next = scene.app.refresh(&scene.tokens.refresh_token).await.expect_tokens();
    let (scene, said) = scene.restored().await;
    assert_eq!(said["carried_over"], json!({ "used refresh tokens": 1 }));
    assert!(scene.is_signed_in().await);
    let after = scene.app.refresh(&next.refresh_token).await.expect_tokens();
    assert!(scene.app.is_active(&after.access_token).await);
    assert!(!scene.app.is_active(&next.access_token).await);
    let audit = scene.command(&["--json", "audit", "list"]).await.stdout;
    assert!(audit.contains("backup.restore") && audit.contains("1 used refresh token"), "{audit}");
    scene.command(&["audit", "verify"]).await;
}

#[tokio::test]
async fn s_07_a_block_outlives_a_restore_and_what_it_ended_is_not_revived_by_an_unblock() {
    let scene = Scene::begin().await;
    scene.server.block(&scene.ada).await;
    let (scene, said) = scene.restored().await;
    assert_eq!(said["carried_over"]["blocks"], 1, "{said}");
    assert!(scene.is_refused().await);
    scene.server.unblock(&scene.ada).await;
    assert!(scene.is_refused().await);
    scene.app.authorize(&[]).await.expect_login();
}

#[tokio::test]
async fn s_07_who_was_deleted_comes_back_blocked() {
    let scene = Scene::begin().await;
    scene.command(&["user", "delete", "ada", "--yes"]).await;
    let (scene, said) = scene.restored().await;
    assert_eq!(said["carried_over"]["deleted users"], 1, "{said}");
    assert!(scene.is_refused().await);
    scene.server.unblock(&scene.ada).await;
    assert!(scene.is_refused().await);
    scene.app.authorize(&[]).await.expect_login();
}

#[tokio::test]
async fn s_07_a_session_that_was_ended_stays_so_after_a_restore() {
    let scene = Scene::begin().await;
    let sid = scene.sid().await;
    scene.command(&["user", "end-session", "ada", &sid]).await;
    let (scene, said) = scene.restored().await;
    assert_eq!(said["carried_over"]["sessions"], 1, "{said}");
    scene.app.authorize(&[]).await.expect_login();
    assert!(!scene.is_refused().await, "offline access outlives the session");
}

#[tokio::test]
async fn s_07_a_refresh_token_that_was_revoked_stays_so_after_a_restore() {
    let scene = Scene::begin().await;
    assert_eq!(scene.app.revoke(&scene.tokens.refresh_token).await.status, 200);
    let (scene, said) = scene.restored().await;
    assert_eq!(said["carried_over"]["authorizations"], 1, "{said}");
    assert!(scene.is_refused().await);
    assert!(scene.is_signed_in().await);
}

#[tokio::test]
async fn s_07_a_refresh_token_spent_after_the_copy_ends_its_family_when_it_comes_again() {
    let scene = Scene::begin().await;
    let second = scene.app.refresh(&scene.tokens.refresh_token).await.expect_tokens();
    let third = scene.app.refresh(&second.refresh_token).await.expect_tokens();
    let (scene, _) = scene.restored().await;
    assert!(scene.is_refused().await);
    let family = scene.app.refresh(&third.refresh_token).await;
    assert_eq!(family.expect_error(400)["error"], "invalid_grant");
}

#[tokio::test]
async fn s_07_a_password_changed_after_the_copy_is_the_one_after_a_restore() {
    let scene = Scene::begin().await;
    let words = ["user", "set-password", "ada", "--password-stdin"];
    scene.server.command_with(&words, "another horse, another battery\n").await.expect_done();
    let (scene, said) = scene.restored().await;
    assert_eq!(said["carried_over"]["passwords"], 1, "{said}");
    assert!(scene.is_refused().await);
    let page = scene.app.authorize(&[]).await;
    let page = scene.app.agent.log_in(&page, "ada").await;
    assert!(page.has_id("login-submit"), "the old password is refused");
}

#[tokio::test]
async fn s_07_consents_and_roles_that_were_taken_back_are_not_given_again_by_a_restore() {
    let server = TestServer::start().await;
    let ada = server.user_with("ada", |new| new.roles = vec!["keeper".into()]).await;
    let app = WebApp::register(&server).await;
    let tokens = app.tokens("ada", OFFLINE).await;
    let directory = tempfile::tempdir().expect("a directory");
    let scene = Scene { server, ada, app, tokens, directory };
    scene.command(&["backup", "create", &scene.copy()]).await;
    scene.command(&["user", "set-roles", "ada"]).await;
    let (provider, id) = (&scene.server.provider, &scene.ada.user.id);
    let gone = consent::withdraw(provider, id, &scene.app.id, system()).await;
    assert!(gone.expect("it can be withdrawn"));
    let (scene, said) = scene.restored().await;
    assert_eq!(
        (&said["carried_over"]["consents"], &said["carried_over"]["roles"]),
        (&json!(1), &json!(1))
    );
    assert!(scene.is_refused().await);
    scene.app.authorize(&[]).await.expect_consent();
    let shown = scene.command(&["--json", "user", "show", "ada"]).await.expect_json();
    assert_eq!(shown["roles"], json!([]), "{shown}");
}

#[tokio::test]
async fn s_07_a_disabled_and_a_deleted_client_are_disabled_after_a_restore() {
    for command in ["disable", "delete"] {
        let scene = Scene::begin().await;
        let id = scene.app.id.clone();
        let yes: &[&str] = if command == "delete" { &["--yes"] } else { &[] };
        scene.command(&[&["client", command, &id], yes].concat()).await;
        let (scene, said) = scene.restored().await;
        assert_eq!(said["carried_over"][format!("{command}d clients")], 1, "{said}");
        let reply = scene.app.refresh(&scene.tokens.refresh_token).await;
        assert_eq!(reply.expect_error(401)["error"], "invalid_client");
    }
}

#[tokio::test]
async fn s_07_a_client_secret_and_a_key_that_were_withdrawn_stay_so_after_a_restore() {
    let scene = Scene::begin().await;
    let id = scene.app.id.clone();
    let shown = scene.command(&["--json", "client", "show", &id]).await.expect_json();
    let secret = shown["secrets"][0]["id"].as_str().expect("a secret").to_owned();
    scene.command(&["--json", "client", "rotate-secret", &id]).await;
    scene.command(&["client", "retire-secret", &id, &secret]).await;
    let keys = scene.command(&["--json", "key", "list"]).await.expect_json();
    let active = |key: &&Value| key["state"] == "active" && key["alg"] == "ES256";
    let key = keys.as_array().expect("keys").iter().find(active).expect("a key");
    let kid = key["kid"].as_str().expect("a kid").to_owned();
    scene.command(&["key", "retire", &kid]).await;

    let (scene, said) = scene.restored().await;
    let carried = &said["carried_over"];
    assert_eq!((&carried["client secrets"], &carried["keys"]), (&json!(1), &json!(1)), "{said}");
    assert!(carried["entries of the revocation list"].as_u64() > Some(0), "{said}");
    let reply = scene.app.refresh(&scene.tokens.refresh_token).await;
    assert_eq!(reply.expect_error(401)["error"], "invalid_client");
    let jwks = reqwest::get(scene.server.url("/jwks")).await.expect("an answer");
    assert!(!jwks.text().await.expect("a text").contains(&kid));
}

#[tokio::test]
async fn s_07_without_a_readable_database_to_replace_everybody_signs_in_again() {
    for harm in [overwrite as fn(PathBuf), |file| std::fs::remove_file(file).expect("it goes")] {
        let scene = Scene::begin().await;
        let (scene, said) = scene.restored_after(harm, &[]).await;
        assert!(
            said["unknown"].as_str().is_some_and(|why| why.contains("that the copy replaces")),
            "{said}"
        );
        assert_eq!(said["ended"], json!({ "sessions": 1, "authorizations": 1 }), "{said}");
        assert!(said["copy_knows_until"].as_i64() > Some(1_700_000_000), "{said}");
        assert!(scene.is_refused().await);
        let page = scene.app.authorize(&[]).await;
        page.expect_login();
        assert!(scene.app.finish("ada", page).await.has("code"));
    }
}

#[tokio::test]
async fn s_07_keep_sign_ins_signs_nobody_out_when_it_is_not_known_what_ended() {
    let scene = Scene::begin().await;
    let (scene, said) = scene.restored_after(overwrite, &["--keep-sign-ins"]).await;
    assert!(said["unknown"].is_string(), "{said}");
    assert_eq!(said["ended"], Value::Null);
    assert!(scene.is_signed_in().await);
    assert!(!scene.is_refused().await);
    assert!(!scene.app.is_active(&scene.tokens.access_token).await);
}

#[tokio::test]
async fn s_07_a_database_that_did_not_go_on_from_the_copy_deletes_nobody() {
    let other = TestServer::start().await;
    other.user("grace").await;
    let directory = tempfile::tempdir().expect("a directory");
    let stranger = directory.path().join("other.db").display().to_string();
    other.command(&["backup", "create", &stranger]).await.expect_done();

    let scene = Scene::begin().await;
    let take_over = |file: PathBuf| {
        std::fs::copy(&stranger, file).expect("it is copied");
    };
    let (scene, said) = scene.restored_after(take_over, &[]).await;
    assert!(said["unknown"].as_str().is_some_and(|why| why.contains("has not gone on")), "{said}");
    assert_eq!(said["carried_over"].get("deleted users"), None, "{said}");
    assert_eq!(said["ended"]["sessions"], 1, "{said}");
    let page = scene.app.authorize(&[]).await;
    assert!(scene.app.finish("ada", page).await.has("code"));
}
